//! The command `ropeway` against programs of the real Python libraries, in both roles where they have two.
//!
//! `ROPEWAY_COMMAND` names it: `cargo build -p ropeway-std --features cli --bin ropeway` puts it at `target/debug/ropeway`.

use ropeway_tests::python::Python;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

fn ropeway() -> Command {
    let path = std::env::var("ROPEWAY_COMMAND").expect("ROPEWAY_COMMAND names the command");
    let mut command = Command::new(path);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs it to its end, and returns the lines that it printed.
fn run(arguments: &[&str], input: &str) -> Vec<Value> {
    let mut child = ropeway().args(arguments).spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{arguments:?}: {}: {errors}",
        output.status
    );
    let lines = std::str::from_utf8(&output.stdout).unwrap().lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn address(python: &mut Python) -> String {
    format!("127.0.0.1:{}", python.port())
}

#[test]
fn cable_car_echoes_messages_of_bytes_and_of_json() {
    for (transport, protocol, line, echo) in [
        ("byte", "cable-car-byte", "2", json!({"code": 2, "hex": ""})),
        (
            "json",
            "cable-car-json",
            "MsgJoin",
            json!({"name": "MsgJoin", "body": {}}),
        ),
    ] {
        let arguments: [&dyn std::fmt::Display; 8] = [
            &"--role",
            &"server",
            &"--transport",
            &transport,
            &"--port",
            &0,
            &"--mode",
            &"echo",
        ];
        let mut python = Python::start("cable_car/peer.py", &arguments);
        let at = address(&mut python);
        let heard = run(
            &["connect", &at, "-p", protocol, "--wait", "1"],
            &format!("{line}\n"),
        );
        assert_eq!(heard, [echo]);
    }
}

#[test]
fn cable_car_finds_the_command_listening() {
    let mut child = ropeway()
        .args(["listen", "0", "-p", "cable-car-json", "--count", "4"])
        .spawn()
        .unwrap();
    let mut news = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    news.read_line(&mut line).unwrap();
    let listening: Value = serde_json::from_str(&line).unwrap();
    let port = listening["listening"]
        .as_str()
        .unwrap()
        .rsplit_once(':')
        .unwrap()
        .1
        .to_owned();
    let arguments: [&dyn std::fmt::Display; 10] = [
        &"--role",
        &"client",
        &"--transport",
        &"json",
        &"--port",
        &port,
        &"--mode",
        &"source",
        &"--count",
        &3,
    ];
    let python = Python::start("cable_car/peer.py", &arguments);
    let heard: Vec<Value> = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
        .collect();
    assert_eq!(heard.len(), 4, "{heard:?}");
    assert_eq!(heard[3]["name"], "MsgQuit");
    assert!(child.wait().unwrap().success());
    assert_eq!(python.succeed(), ["sent 3"]);
}

#[test]
fn packetmq_answers_packets_that_both_registered() {
    let registry =
        std::env::temp_dir().join(format!("ropeway-packets-{}.toml", std::process::id()));
    let packets = "[[message]]\nname = \"app:echo\"\ncode = 40\nfields = {}\n\n\
                   [[message]]\nname = \"app:print\"\ncode = 41\nfields = {}\n";
    std::fs::write(&registry, packets).unwrap();
    let mut python = Python::start("packetmq/peer.py", &[&"--mode", &"echo"]);
    let at = address(&mut python);
    let arguments = [
        "connect",
        &at,
        "-p",
        "packetmq",
        "-r",
        registry.to_str().unwrap(),
        "--wait",
        "1",
    ];
    let heard = run(&arguments, "app:echo {\"a\":[1,2.5,null]}\n");
    assert_eq!(
        heard,
        [json!({"name": "app:print", "body": {"a": [1, 2.5, null]}})]
    );
    std::fs::remove_file(registry).unwrap();
}

#[test]
fn clever_show_answers_requests_and_moves_files() {
    let folder = std::env::temp_dir().join(format!("ropeway-clever-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let root = folder.to_str().unwrap();
    let arguments: [&dyn std::fmt::Display; 6] =
        [&"--role", &"server", &"--port", &0, &"--root", &root];
    let mut python = Python::start("clever_show/peer.py", &arguments);
    let at = address(&mut python);
    let sum = run(&["call", &at, "-p", "clever-show", "sum", "[1,2,39]"], "");
    assert_eq!(sum[0]["answer"], 42);
    let (here, back) = (folder.join("here.bin"), folder.join("back.bin"));
    let content: Vec<u8> = (0..100_000_u32).map(|at| at.to_le_bytes()[0]).collect();
    std::fs::write(&here, &content).unwrap();
    let speech = ["-p", "clever-show"];
    run_quietly(
        &[
            &["put", &at, here.to_str().unwrap(), "there.bin"],
            &speech[..],
        ]
        .concat(),
    );
    run_quietly(
        &[
            &["get", &at, "there.bin", back.to_str().unwrap()],
            &speech[..],
        ]
        .concat(),
    );
    assert_eq!(std::fs::read(&back).unwrap(), content);
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Runs it to its end, whatever it prints.
fn run_quietly(arguments: &[&str]) {
    let output = ropeway()
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
}

#[test]
fn tcptalks_answers_calls_behind_a_password() {
    let arguments: [&dyn std::fmt::Display; 6] = [
        &"--role",
        &"serve",
        &"--port",
        &0,
        &"--password",
        &"\"sesame\"",
    ];
    let mut python = Python::start("tcptalks/peer.py", &arguments);
    let at = address(&mut python);
    let call = ["call", &at, "-p", "tcptalks", "--password", "sesame"];
    let echo = run(&[&call[..], &["0x10", "[[1,2.5,\"x\"]]"]].concat(), "");
    assert_eq!(echo[0]["answer"], json!([1, 2.5, "x"]));
}
