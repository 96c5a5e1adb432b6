//! `drone_server` and `copter` as people start them.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A running program, ended when the test is.
struct Program {
    child: Child,
    orders: Option<ChildStdin>,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Program {
    fn start(path: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(path)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        Self {
            orders: child.stdin.take(),
            lines: BufReader::new(child.stdout.take().expect("is piped")).lines(),
            child,
        }
    }

    /// The next line that has `part` in it.
    fn wait_for(&mut self, part: &str) -> String {
        let mut lines = self.lines.by_ref().map(|line| line.expect("text"));
        let found = lines.find(|line| line.contains(part));
        found.unwrap_or_else(|| panic!("it ended without {part:?}"))
    }

    fn order(&mut self, line: &str) {
        let orders = self.orders.as_mut().expect("is piped");
        writeln!(orders, "{line}").expect("it reads");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_copter_reports_and_does_what_the_ground_says() {
    let folder = std::env::temp_dir().join(format!("ropeway-show-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let animation = std::env::temp_dir().join(format!("ropeway-{}.csv", std::process::id()));
    std::fs::write(&animation, "basic\n").unwrap();
    let mut ground = Program::start(env!("CARGO_BIN_EXE_drone_server"), &["--port", "0"]);
    let port = ground.wait_for("listening at port");
    let server = format!("127.0.0.1:{}", port.rsplit(' ').next().unwrap());
    let files = folder.to_str().unwrap();
    let mut copter = Program::start(
        env!("CARGO_BIN_EXE_copter"),
        &["--server", &server, "--interval", "0.05", "--files", files],
    );
    ground.wait_for("127.0.0.1: here");
    let report = ground.wait_for(" V, ");
    assert_eq!(
        report,
        "127.0.0.1: NaN V, NaN %, armed: false, last task: none"
    );
    ground.order("takeoff");
    copter.wait_for("takeoff");
    let report = ground.wait_for("last task: takeoff");
    assert!(report.contains("armed: true"), "{report}");
    ground.order("led 255 0 7");
    copter.wait_for("led 255 0 7");
    ground.order("start");
    copter.wait_for("start at ");
    ground.order("battery");
    ground.wait_for("127.0.0.1: NaN V");
    ground.order(&format!("send {}", animation.display()));
    let name = animation.file_name().unwrap().to_str().unwrap();
    copter.wait_for(&format!("file {name}: 6 bytes"));
    assert_eq!(std::fs::read(folder.join(name)).unwrap(), b"basic\n");
    ground.order("dance");
    ground.wait_for("dance: an order that nobody knows");
    ground.order("quit");
    copter.wait_for("lost: ");
    let _ = std::fs::remove_dir_all(&folder);
    let _ = std::fs::remove_file(&animation);
}
