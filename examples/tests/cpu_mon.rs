//! `cpu_mon` as people start it: alone, twice on one machine, three times.

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, UdpSocket};
use std::process::{Child, ChildStdout, Command, Stdio};

/// A running copy, ended when the test is.
struct Copy {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Copy {
    fn next_line(&mut self) -> String {
        self.lines
            .next()
            .expect("it ended early")
            .expect("lines of text")
    }

    fn next_report(&mut self) -> Value {
        serde_json::from_str(&self.next_line()).expect("a line of JSON")
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The ports of one test.
#[derive(Clone, Copy)]
struct Ports {
    udp: u16,
    tcp: u16,
}

impl Ports {
    fn free() -> Self {
        let udp = UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.local_addr());
        let tcp = TcpListener::bind("0.0.0.0:0").and_then(|socket| socket.local_addr());
        Self {
            udp: udp.expect("a UDP port").port(),
            tcp: tcp.expect("a TCP port").port(),
        }
    }

    fn cpu_mon(self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cpu_mon"));
        command
            .args(["--loopback", "--interval", "0.2"])
            .args(["--udp-port", &self.udp.to_string()])
            .args(["--tcp-port", &self.tcp.to_string()])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        command
    }

    fn start(self, arguments: &[&str]) -> Copy {
        let mut child = self
            .cpu_mon(arguments)
            .args(["--timeout", "60"])
            .spawn()
            .expect("it starts");
        let stdout = child.stdout.take().expect("a pipe");
        Copy {
            child,
            lines: BufReader::new(stdout).lines(),
        }
    }
}

#[test]
fn two_copies_on_one_machine_find_each_other() {
    let ports = Ports::free();
    let mut first = ports.start(&["--json"]);
    let mut second = ports.start(&["--json"]);
    for copy in [&mut first, &mut second] {
        let report = copy.next_report();
        let stats = &report["stats"];
        assert!(
            report["peer"]
                .as_str()
                .is_some_and(|peer| peer.starts_with("127.0.0.1:"))
        );
        assert!(stats["host"].as_str().is_some_and(|host| !host.is_empty()));
        assert_eq!(stats["load_avg"].as_array().map(Vec::len), Some(3));
        assert!(
            stats["memory_total"]
                .as_u64()
                .is_some_and(|bytes| bytes > 1 << 20)
        );
        for percent in ["cpu_percent", "memory_percent", "swap_percent"] {
            assert!(
                stats[percent]
                    .as_f64()
                    .is_some_and(|value| (0.0..=100.0).contains(&value))
            );
        }
    }
}

#[test]
fn each_of_three_copies_is_a_peer_of_its_own() {
    let ports = Ports::free();
    let mut listening = ports.start(&[]);
    assert!(listening.next_line().ends_with("(this machine)"));
    let _others = [ports.start(&[]), ports.start(&[])];
    let mut peers = std::collections::BTreeSet::new();
    while peers.len() < 2 {
        let line = listening.next_line();
        let (_, from) = line.rsplit_once('(').expect("where it is from");
        if from != "this machine)" {
            peers.insert(from.to_string());
        }
    }
}

#[test]
fn once_ends_well_after_a_report_of_another() {
    let ports = Ports::free();
    let _other = ports.start(&[]);
    let output = ports.cpu_mon(&["--once"]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).expect("text");
    let peers = text.lines().filter(|line| !line.contains("(this machine)"));
    assert_eq!(peers.count(), 1, "{text}");
}

#[test]
fn once_fails_when_there_is_nobody_but_itself() {
    let output = Ports::free()
        .cpu_mon(&["--once", "--json", "--timeout", "1"])
        .output();
    let output = output.expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
}

#[test]
fn lines_for_pipes_say_this_machine_too() {
    let mut copy = Ports::free().start(&[]);
    let line = copy.next_line();
    assert!(
        line.contains("cpu ") && line.ends_with("(this machine)"),
        "{line}"
    );
}

#[test]
fn a_taken_port_of_beacons_is_named() {
    let taken = UdpSocket::bind("0.0.0.0:0").expect("a port");
    let udp = taken.local_addr().expect("an address").port();
    let ports = Ports {
        udp,
        ..Ports::free()
    };
    let output = ports
        .cpu_mon(&[])
        .stderr(Stdio::piped())
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).expect("text");
    assert!(
        error.contains(&format!("UDP port {udp}")) && error.contains("--udp-port"),
        "{error}"
    );
}
