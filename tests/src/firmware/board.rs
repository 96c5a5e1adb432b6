use super::LONG;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Instant;

/// An emulated board that runs a program, until it is dropped.
#[derive(Debug)]
pub struct Board {
    program: PathBuf,
    /// What QEMU is told of its network.
    network: Vec<String>,
    settings: Vec<String>,
    qemu: Child,
    lines: Receiver<String>,
    /// What it has said, since it was first started.
    said: Vec<String>,
}

impl Board {
    /// Starts a board with this program, network and settings, and waits until it is ready.
    #[track_caller]
    pub fn start(program: &str, network: Vec<String>, settings: &[&str]) -> Self {
        let program = elf(program);
        let settings: Vec<String> = settings.iter().map(ToString::to_string).collect();
        let (qemu, lines) = boot(&program, &network, &settings);
        let mut board = Self {
            program,
            network,
            settings,
            qemu,
            lines,
            said: Vec::new(),
        };
        board.until("ready");
        board
    }

    /// Reads what it says until there is a line with this in it.
    #[track_caller]
    pub fn until(&mut self, part: &str) {
        let deadline = Instant::now() + LONG;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => self.said.push(line),
                Err(error) => panic!("the board never said {part:?}: {error}"),
            }
            if self.said.last().is_some_and(|line| line.contains(part)) {
                return;
            }
        }
    }

    /// Stops its processor: it takes and says nothing, and its links stay.
    pub fn freeze(&self) {
        let id = i32::try_from(self.qemu.id()).expect("ids of processes are small");
        kill(Pid::from_raw(id), Signal::SIGSTOP).expect("it runs");
    }

    /// Takes its power away and gives it back, and waits until it is ready again.
    #[track_caller]
    pub fn reboot(&mut self) {
        self.switch_off();
        self.said.extend(self.lines.iter());
        (self.qemu, self.lines) = boot(&self.program, &self.network, &self.settings);
        self.until("ready");
    }

    fn switch_off(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        self.switch_off();
        if thread::panicking() {
            self.said.extend(self.lines.iter());
            println!("{} {:?} said:", self.program.display(), self.settings);
            self.said.iter().for_each(|line| println!("    {line}"));
        }
    }
}

/// Starts QEMU, with a seed that no other start has had.
fn boot(program: &PathBuf, network: &[String], settings: &[String]) -> (Child, Receiver<String>) {
    let seed = format!("seed={}", random_digits());
    let words = settings.iter().chain([&seed]);
    let words: String = words.map(|word| format!(",arg={word}")).collect();
    let mut qemu = Command::new("qemu-system-arm")
        .args(
            "-M mps2-an385 -display none -serial none -monitor none -semihosting-config".split(' '),
        )
        .arg(format!("enable=on,target=native,arg=fw{words}"))
        .arg("-kernel")
        .arg(program)
        .args(network)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("qemu-system-arm is missing; type: sudo apt-get install qemu-system-arm");
    let (sender, lines) = channel();
    hear(qemu.stdout.take().expect("it is piped"), sender.clone());
    hear(qemu.stderr.take().expect("it is piped"), sender);
    (qemu, lines)
}

fn hear(stream: impl Read + Send + 'static, lines: Sender<String>) {
    thread::spawn(move || {
        let heard = BufReader::new(stream).lines().map_while(Result::ok);
        heard.map(|line| lines.send(line)).find(Result::is_err)
    });
}

/// 64 hexadecimal digits that nobody can guess.
pub fn random_digits() -> String {
    let mut bytes = [0; 32];
    let random = File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    random.expect("Linux has chance");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The network that QEMU makes up: the host is 10.0.2.2, and nothing else is there.
pub fn alone() -> Vec<String> {
    vec!["-nic".into(), "user,model=lan9118".into()]
}

/// The same, where who dials this port of the host reaches a port of the board.
pub fn forwarded(host: u16, board: u16) -> Vec<String> {
    let forward = format!("user,model=lan9118,hostfwd=tcp:127.0.0.1:{host}-:{board}");
    vec!["-nic".into(), forward]
}

/// A port of the host that nobody has at the moment.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port that is free");
    listener.local_addr().expect("it is bound").port()
}

/// Where a program for the board is.
fn elf(program: &str) -> PathBuf {
    let folder = std::env::var_os("ROPEWAY_FIRMWARE");
    let file = folder.map(|folder| PathBuf::from(folder).join(program));
    file.filter(|file| file.exists()).unwrap_or_else(|| {
        panic!(
            "ROPEWAY_FIRMWARE names no folder with a firmware {program:?}; type:\n{LINES_TO_TYPE}"
        )
    })
}

const LINES_TO_TYPE: &str = "(cd examples/mcu && cargo build --release --locked -p ropeway-mps2 --bins --target thumbv7m-none-eabi)
ROPEWAY_FIRMWARE=$PWD/examples/mcu/target/thumbv7m-none-eabi/release cargo test -p ropeway-tests --features firmware";
