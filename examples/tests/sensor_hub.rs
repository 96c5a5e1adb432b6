//! `sensor_hub` as people start it, with a sensor that is a program on this machine.

use ropeway_std::Handlers;
use ropeway_std::call::Refused;
use ropeway_std::files::{Files, Root};
use ropeway_std::native::{self, Key, Native};
use ropeway_words::{Blink, Memory, ReadMemory, Reading, SetRate, Station};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// A folder that is there for as long as its test.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let name = format!("ropeway-sensor-hub-{test}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(folder.join("sensor")).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A hub whose demo is ended with its test.
struct Demo {
    hub: Child,
    said: BufReader<ChildStdout>,
    address: String,
}

impl Demo {
    fn start(folder: &Folder, more: &[&str]) -> Self {
        let mut hub = Command::new(env!("CARGO_BIN_EXE_sensor_hub"))
            // No real sensor looks for this one.
            .args(["--demo", "--listen", "127.0.0.1:0", "--name", "test"])
            .args(["--folder", &folder.path("hub")])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(hub.stdout.take().unwrap());
        let mut first = String::new();
        said.read_line(&mut first).unwrap();
        let address = first.trim().strip_prefix("listening at ").unwrap();
        let address = address.to_owned();
        Self { hub, said, address }
    }

    /// Plays a sensor, whose light does what `blink` does, until the hub has ended.
    fn meet(
        &mut self,
        folder: &Folder,
        dial: native::Dial,
        mut blink: impl FnMut(u8) -> Result<(), Refused> + Send + 'static,
    ) {
        let config = native::config().registry(Station::ENTRIES, native::Policy::Enforce);
        let mut handlers = Handlers::<Native>::new();
        handlers.answer::<SetRate>(|_, SetRate { .. }| Ok(()));
        handlers.answer::<Blink>(move |_, Blink { times }| blink(times));
        handlers.answer::<ReadMemory>(|_, ReadMemory| Ok(MEMORY));
        let root = Root::new(folder.path("sensor"));
        let dial = dial.files(Files::new().receive(root.clone()).serve(root));
        let config = Arc::new(config.name("attic"));
        let mut sensor = dial.client(&config, handlers).unwrap();
        sensor.send(&READING).unwrap();
        while self.hub.try_wait().unwrap().is_none() {
            sensor.turn(Duration::from_millis(20)).unwrap();
        }
    }

    /// How it ended, what it said, and what it said was wrong.
    fn end(&mut self) -> (ExitStatus, String, String) {
        let (mut said, mut wrong) = (String::new(), String::new());
        self.said.read_to_string(&mut said).unwrap();
        let mut stderr = self.hub.stderr.take().unwrap();
        stderr.read_to_string(&mut wrong).unwrap();
        (self.hub.wait().unwrap(), said, wrong)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.hub.kill();
        let _ = self.hub.wait();
    }
}

const MEMORY: Memory = Memory {
    stack: 1200,
    statics: 34_000,
};

const READING: Reading = Reading {
    number: 7,
    celsius: 21.25,
};

#[test]
fn it_shows_what_can_be_done_with_a_sensor() {
    let folder = Folder::new("shows");
    fs::write(folder.path("sensor/log.txt"), "started\nconnected\n").unwrap();
    let mut demo = Demo::start(&folder, &[]);
    let dial = native::Dial::new(demo.address.clone());
    demo.meet(&folder, dial, |times| {
        assert_eq!(times, 3);
        Ok(())
    });
    let (status, said, wrong) = demo.end();
    assert!(status.success(), "{said}{wrong}");
    for line in [
        "attic has come from 127.0.0.1:",
        "attic 7: 21.2 °C",
        "shown: it sends 20 readings a second",
        "shown: its light was on 3 times",
        "shown: it uses 1200 bytes of stack and 34000 for statics",
        "shown: its log has 2 lines\n    started\n    connected\n",
        "shown: it took a file, and gave it back as it was",
    ] {
        assert!(said.contains(line), "{line:?} is not in\n{said}");
    }
    let sent = fs::read(folder.path("hub/sent.txt")).unwrap();
    assert_eq!(fs::read(folder.path("sensor/note.txt")).unwrap(), sent);
    assert_eq!(fs::read(folder.path("hub/back.txt")).unwrap(), sent);
}

#[test]
fn it_says_what_a_sensor_refuses() {
    let folder = Folder::new("refuses");
    let mut demo = Demo::start(&folder, &[]);
    let dial = native::Dial::new(demo.address.clone());
    demo.meet(&folder, dial, |_| Err(Refused::text("the light is broken")));
    let (status, said, wrong) = demo.end();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(
        wrong.contains("the light: RuntimeError: the light is broken"),
        "{wrong}"
    );
}

#[test]
fn it_says_that_no_sensor_comes() {
    let folder = Folder::new("waits");
    let (status, said, wrong) = Demo::start(&folder, &["--timeout", "0"]).end();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(wrong.contains("a sensor did not come in time"), "{wrong}");
}

#[test]
fn with_a_key_it_takes_only_sensors_that_have_it() {
    let folder = Folder::new("key");
    fs::write(folder.path("sensor/log.txt"), "").unwrap();
    let digits = "7".repeat(64);
    let keys = folder.path("rover.key");
    fs::write(&keys, format!("rover {digits}\n")).unwrap();
    let mut demo = Demo::start(&folder, &["--key", &keys]);
    let key = Key::from_hex("rover", &digits).unwrap();
    let dial = native::Dial::new(demo.address.clone()).secure(key);
    demo.meet(&folder, dial, |_| Ok(()));
    let (status, said, wrong) = demo.end();
    assert!(status.success(), "{said}{wrong}");

    let mut demo = Demo::start(&folder, &["--key", &keys, "--timeout", "1"]);
    let plain = native::Dial::new(demo.address.clone());
    let config = Arc::new(native::config());
    let mut refused = plain.client(&config, Handlers::new()).unwrap();
    assert!(refused.open(Duration::from_secs(20)).is_err());
    let (status, said, _) = demo.end();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("is turned away: "), "{said}");
}
