//! `robot` and `robot_controller` as people start them.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

#[test]
fn the_controller_drives_the_robot() {
    for variant in [&[][..], &["--old"]] {
        let mut robot = Command::new(env!("CARGO_BIN_EXE_robot"))
            .args([
                "--listen",
                "127.0.0.1:0",
                "--password",
                "secret",
                "--wait",
                "60",
            ])
            .args(variant)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(robot.stdout.take().unwrap()).lines();
        let waiting = said.next().unwrap().unwrap();
        let address = waiting.strip_prefix("waiting at ").unwrap();

        let refused = controller(address, "wrong", variant);
        assert!(!refused.status.success());
        let error = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(error, "robot_controller: wrong password\n");

        let drove = controller(address, "secret", variant);
        assert!(drove.status.success(), "{drove:?}");
        let text = String::from_utf8(drove.stdout).unwrap();
        assert_eq!(
            text.lines().collect::<Vec<_>>(),
            [
                "position is now 100",
                "drove 100 mm in 2 s",
                "heading 90°",
                "position is now 350",
                "drove 250 mm in 5 s",
                "heading 180°",
                "refused: ValueError: the speed must be positive",
                "at 350 mm, heading 180°, battery 87 %",
            ]
        );
        assert!(robot.wait().unwrap().success());
        let said: Vec<String> = said.map(Result::unwrap).collect();
        assert_eq!(
            said.first().map(String::as_str),
            Some("a controller is here")
        );
        assert_eq!(
            said.last().map(String::as_str),
            Some("the controller has gone")
        );
    }
}

fn controller(address: &str, password: &str, variant: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_robot_controller"))
        .args([address, "--password", password])
        .args(variant)
        .output()
        .unwrap()
}
