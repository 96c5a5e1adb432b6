//! `send_file` as people start it.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

fn send_file(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_send_file"));
    command.args(arguments);
    command
}

fn receiver(folder: &str) -> (Child, String) {
    let mut receiver = send_file(&["receive", folder, "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(receiver.stdout.take().unwrap());
    let mut waiting = String::new();
    said.read_line(&mut waiting).unwrap();
    let address = waiting.trim().strip_prefix("waiting at ").unwrap();
    // What else it says is read, so that it is never held up.
    std::thread::spawn(move || said.read_to_end(&mut Vec::new()));
    (receiver, address.to_owned())
}

#[test]
fn a_file_is_sent_and_one_that_is_not_wanted_is_refused() {
    let folder = std::env::temp_dir().join(format!("ropeway-send-file-{}", std::process::id()));
    let inbox = folder.join("inbox");
    fs::create_dir_all(&folder).unwrap();
    let content: Vec<u8> = (0..5_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let file = folder.join("film.mkv");
    fs::write(&file, &content).unwrap();
    let (mut receiver, address) = receiver(inbox.to_str().unwrap());

    let mut sent = send_file(&["send", &address, file.to_str().unwrap()]);
    let sent = sent.output().unwrap();
    assert!(sent.status.success(), "{sent:?}");
    let said = String::from_utf8_lossy(&sent.stdout);
    assert!(
        said.contains("[############             ]  50 % of film.mkv"),
        "{said:?}"
    );
    assert!(said.ends_with("100 % of film.mkv, done\n"), "{said:?}");
    assert!(fs::read(inbox.join("film.mkv")).unwrap() == content);

    let odd = folder.join("odd.part");
    fs::write(&odd, "odd").unwrap();
    let mut refused = send_file(&["send", &address, odd.to_str().unwrap()]);
    let refused = refused.output().unwrap();
    let error = String::from_utf8_lossy(&refused.stderr);
    assert!(
        error.contains("stopped by the peer: the name is not allowed"),
        "{error}"
    );
    assert!(!refused.status.success());
    receiver.kill().unwrap();
    receiver.wait().unwrap();
    fs::remove_dir_all(&folder).unwrap();
}
