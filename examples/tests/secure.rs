//! `secure` as people start it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

fn secure(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_secure"));
    command.args(arguments);
    command
}

/// Runs both ends with the keys in these files, and returns what the dialler and the listener say.
fn greet(listens: &str, dials: &str) -> (Output, Vec<String>) {
    let mut listener = secure(&[listens, "listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(listener.stdout.take().unwrap()).lines();
    let waiting = said.next().unwrap().unwrap();
    let address = waiting.strip_prefix("waiting at ").unwrap();
    let dialled = secure(&[dials, "dial", address]).output().unwrap();
    assert!(listener.wait().unwrap().success());
    (dialled, said.map(Result::unwrap).collect())
}

#[test]
fn greets_who_has_the_key_and_refuses_who_has_not() {
    let folder = std::env::temp_dir().join(format!("ropeway-secure-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let file = |name: &str, digit: &str| {
        let path = folder.join(name);
        fs::write(&path, format!("rover {}\n", digit.repeat(64))).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (right, wrong) = (file("right.key", "7"), file("wrong.key", "8"));

    let (dialled, said) = greet(&right, &right);
    assert!(dialled.status.success(), "{dialled:?}");
    assert_eq!(String::from_utf8_lossy(&dialled.stdout), "hello, pilot\n");
    let expected = [
        "\"pilot\" greets, by key rover",
        "the peer has closed the link",
    ];
    assert_eq!(said, expected);

    let (dialled, said) = greet(&right, &wrong);
    assert!(!dialled.status.success(), "{dialled:?}");
    assert_eq!(said, ["the peer has another key under this id"]);
    fs::remove_dir_all(&folder).unwrap();
}
