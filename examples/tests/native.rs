//! `native_call`, `reconnect` and `fleet` as people start them.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

/// A process that ends with its test, and what it says.
struct Running {
    child: Child,
    said: Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn start(program: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(program)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, said }
    }

    /// A server, and its address.
    fn serve(listen: &str) -> (Self, String) {
        Self::listen(SERVER, "serve", listen)
    }

    fn listen(program: &str, command: &str, listen: &str) -> (Self, String) {
        let mut server = Self::start(program, &[command, "--listen", listen]);
        let said = server.next();
        let address = said.strip_prefix("listening at ").unwrap();
        (server, address.into())
    }

    fn next(&mut self) -> String {
        self.said.next().expect("it goes on").unwrap()
    }

    fn until(&mut self, start: &str) {
        while !self.next().starts_with(start) {}
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const SERVER: &str = env!("CARGO_BIN_EXE_native_call");
const FLEET: &str = env!("CARGO_BIN_EXE_fleet");

#[test]
fn a_caller_gets_its_sum_or_why_there_is_none() {
    let (_server, address) = Running::serve("127.0.0.1:0");
    let call = |a, b| {
        Command::new(SERVER)
            .args(["call", &address, a, b])
            .output()
            .unwrap()
    };
    for _ in 0..2 {
        let sum = call("20", "-22");
        assert_eq!(String::from_utf8_lossy(&sum.stdout), "-2\n", "{sum:?}");
    }
    let refused = call("2147483647", "1");
    assert!(!refused.status.success());
    let why = String::from_utf8_lossy(&refused.stderr);
    assert!(why.contains("too large"), "{why}");
}

#[test]
fn a_client_goes_on_when_its_server_is_started_anew() {
    let (server, address) = Running::serve("127.0.0.1:0");
    let arguments = [&address, "--calls", "6", "--pause", "20"];
    let mut client = Running::start(env!("CARGO_BIN_EXE_reconnect"), &arguments);
    assert_eq!(client.next(), "Connected");
    assert_eq!(client.next(), "Fresh { cause: FirstContact, in_doubt: 0 }");
    assert_eq!(client.next(), "1 + 1 = 2");
    drop(server);
    let (_server, _) = Running::serve(&address);
    client.until("Fresh { cause: PeerRestarted");
    client.until("6 + 6 = 12");
    assert!(client.child.wait().unwrap().success());
}

#[test]
fn rovers_report_to_a_hub_that_is_started_anew() {
    let (mut hub, address) = Running::listen(FLEET, "hub", "127.0.0.1:0");
    let rover = |name| Running::start(FLEET, &["rover", &address, "--name", name]);
    let mut spirit = rover("spirit");
    hub.until("spirit 0: 20 °C");
    hub.until("spirit 1: ");
    let _opportunity = rover("opportunity");
    hub.until("opportunity 0: ");
    drop(hub);
    spirit.until("Lost");
    let (mut hub, _) = Running::listen(FLEET, "hub", &address);
    hub.until("spirit ");
    spirit.until("Fresh { cause: PeerRestarted");
}
