use crate::rig::Random;
use nix::sched::{CloneFlags, unshare};
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// A piece of Ethernet: what one of those on it says, the others hear, but for frames that are lost by chance.
///
/// The machine is on it too, as 10.0.0.1, by a network interface that only the thread has which made the wire, and what that
/// thread starts: so it takes root, and nothing of it is left behind.
#[derive(Debug)]
pub struct Wire {
    folder: PathBuf,
    ports: Arc<[Port]>,
    /// How many boards have come.
    boards: AtomicU32,
    luck: Arc<Mutex<Luck>>,
    threads: Vec<JoinHandle<()>>,
    bridge: Child,
}

/// Which frames are lost, and how many were.
#[derive(Debug)]
struct Luck {
    loses: Option<usize>,
    random: Random,
    lost: usize,
}

/// Where one of them is plugged in: the path of its socket, and the socket here.
#[derive(Debug)]
struct Port {
    path: PathBuf,
    socket: UnixDatagram,
}

/// Runs a test in a thread that has a wire for so many boards, on which one frame in `loses` is lost, if any.
pub fn with_wire(boards: usize, loses: Option<usize>, test: impl FnOnce(&Wire) + Send) {
    thread::scope(|scope| {
        let test = scope.spawn(|| test(&Wire::new(boards, loses)));
        if let Err(panic) = test.join() {
            std::panic::resume_unwind(panic);
        }
    });
}

impl Wire {
    fn new(boards: usize, loses: Option<usize>) -> Self {
        static WIRES: AtomicU32 = AtomicU32::new(0);
        let wire = WIRES.fetch_add(1, Ordering::Relaxed);
        let folder = format!("ropeway-wire-{}-{wire}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        fs::create_dir_all(&folder).expect("a folder for sockets");
        unshare(CloneFlags::CLONE_NEWNET)
            .expect("a network of its own takes root: put sudo -E before");
        for command in [
            "link set lo up",
            "tuntap add tap0 mode tap",
            "address add 10.0.0.1/24 broadcast + dev tap0",
            "link set tap0 up",
            // Programs look there for their own address.
            "route add default dev tap0",
        ] {
            let status = Command::new("ip").args(command.split(' ')).status();
            let status = status.expect("ip is missing; type: sudo apt-get install iproute2");
            assert!(status.success(), "ip {command}");
        }
        let ports: Arc<[Port]> = (0..=boards).map(|at| Port::new(&folder, at)).collect();
        let luck = Arc::new(Mutex::new(Luck {
            loses,
            random: Random::new(SEED),
            lost: 0,
        }));
        let threads = (0..ports.len()).map(|at| {
            let (ports, luck) = (ports.clone(), luck.clone());
            thread::spawn(move || relay(&ports, at, &luck))
        });
        let threads = threads.collect();
        Self {
            bridge: bridge(&ports[HOST]),
            folder,
            ports,
            boards: AtomicU32::new(0),
            luck,
            threads,
        }
    }

    /// How many frames it has lost.
    pub fn lost(&self) -> usize {
        lock(&self.luck).lost
    }

    /// What QEMU is told to plug one more board in.
    pub fn plug(&self) -> Vec<String> {
        let board = self.boards.fetch_add(1, Ordering::Relaxed) + 1;
        let port = &self.ports[board as usize];
        let nic = format!("nic,netdev=wire,model=lan9118,macaddr=52:54:00:00:00:{board:02x}");
        let words = ["-netdev", &port.netdev("wire"), "-net", &nic];
        words.map(String::from).to_vec()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        let _ = self.bridge.kill();
        let _ = self.bridge.wait();
        if let Ok(last) = UnixDatagram::unbound() {
            for at in 0..self.ports.len() {
                let _ = last.send_to(&[], here(&self.folder, at));
            }
        }
        self.threads
            .drain(..)
            .for_each(|thread| drop(thread.join()));
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Port {
    fn new(folder: &Path, at: usize) -> Self {
        let socket = UnixDatagram::bind(here(folder, at)).expect("a socket");
        let path = folder.join(format!("{at}.there"));
        Self { path, socket }
    }

    /// What QEMU is told of it.
    fn netdev(&self, id: &str) -> String {
        let here = self.socket.local_addr().expect("it is bound");
        let here = here.as_pathname().expect("to a path").display().to_string();
        let there = self.path.display();
        format!(
            "dgram,id={id},local.type=unix,local.path={there},remote.type=unix,remote.path={here}"
        )
    }
}

/// Passes on what comes from one port, until there is an empty frame.
fn relay(ports: &[Port], at: usize, luck: &Mutex<Luck>) {
    let out = UnixDatagram::unbound().expect("a socket");
    // Who does not take its frames in time loses them, as on any wire.
    out.set_nonblocking(true).expect("a socket can do that");
    let mut frame = [0; 2048];
    while let Ok(len @ 1..) = ports[at].socket.recv(&mut frame) {
        if lock(luck).loses_one() {
            continue;
        }
        let others = ports.iter().enumerate().filter(|(other, _)| *other != at);
        for (_, port) in others {
            let _ = out.send_to(&frame[..len], &port.path);
        }
    }
}

impl Luck {
    fn loses_one(&mut self) -> bool {
        let is_lost = self.loses.is_some_and(|frames| self.random.once_in(frames));
        self.lost += usize::from(is_lost);
        is_lost
    }
}

fn lock(luck: &Mutex<Luck>) -> MutexGuard<'_, Luck> {
    luck.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Joins the machine's interface to the wire: an emulator without a board can do that.
fn bridge(port: &Port) -> Child {
    let tap = "tap,id=tap,ifname=tap0,script=no,downscript=no";
    Command::new("qemu-system-arm")
        .args("-M none -display none -serial none -monitor none".split(' '))
        .args(["-netdev", tap, "-netdev", "hubport,id=a,hubid=0,netdev=tap"])
        .args(["-netdev", &port.netdev("wire")])
        .args(["-netdev", "hubport,id=b,hubid=0,netdev=wire"])
        .stderr(Stdio::null())
        .spawn()
        .expect("qemu-system-arm is missing; type: sudo apt-get install qemu-system-arm")
}

fn here(folder: &Path, at: usize) -> PathBuf {
    folder.join(format!("{at}.here"))
}

/// The port of the machine.
const HOST: usize = 0;

const SEED: u64 = 5;
