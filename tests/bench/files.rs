//! A file over TCP, from one folder to another.

use crate::allocations;
use crate::pinned::{self, PATIENCE};
use crate::report::{Report, Target};
use crate::{Outcome, Scale, rounds};
use ropeway_std::clever_show::{
    Direction, Drone, FileEvent, Handlers, Root, Server, Settings, Stage, What,
};
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const MIB: u32 = 1 << 20;

pub(crate) fn measure(report: &mut Report, scale: Scale) {
    report.section("a file over TCP");
    let len = scale.pick(16 * MIB, 64 * MIB);
    let folder = report.succeeds("a folder for the file", Folder::new(len));
    let Some(folder) = folder else { return };
    let mut peaks = [0; 2];
    let rates = rounds::interleaved(2, scale.pick(3, 9), |at| {
        let time = match at {
            0 => copy(&folder)?,
            _ => {
                let (time, peak) = clever_show(&folder)?;
                peaks = peak;
                time
            }
        };
        folder.take_copy()?;
        Ok(f64::from(len) / time.as_secs_f64() / 1e6)
    });
    let Some(rates) = report.succeeds("the file arrived as it was", rates) else {
        return;
    };
    report.value("the file arrived as it was", "ok");
    let rate = |at: usize| format!("{:.0} MB/s", rates[at].median());
    report.value("std::io::copy on both sides", rate(0));
    let (ratio, target) = (rates[1].over(&rates[0]), Target::AtLeast(0.95));
    let name = "Ropeway: clever-show, drone to server";
    report.target(name, rate(1), ratio, "std::io::copy", target);
    for (side, peak) in ["drone", "server"].iter().zip(peaks) {
        let shown = format!("{} KiB", peak >> 10);
        let holds = peak <= u64::from(MIB);
        report.check(&format!("{side}: most memory at a time"), holds, shown);
    }
}

/// A folder with a file to send, which goes when it is dropped.
struct Folder {
    path: PathBuf,
    content: Vec<u8>,
}

impl Folder {
    fn new(len: u32) -> Outcome<Self> {
        let path = std::env::temp_dir().join(format!("ropeway-bench-{}", std::process::id()));
        fs::create_dir(&path)?;
        let content = (0..len)
            .map(|at| (at >> 12 ^ at).to_le_bytes()[0])
            .collect();
        let folder = Self { path, content };
        fs::write(folder.source(), &folder.content)?;
        Ok(folder)
    }

    fn source(&self) -> PathBuf {
        self.path.join("source")
    }

    fn copy(&self) -> PathBuf {
        self.path.join(COPY)
    }

    /// Checks the copy, and removes it.
    fn take_copy(&self) -> Outcome<()> {
        let is_same = fs::read(self.copy())? == self.content;
        fs::remove_file(self.copy())?;
        is_same.then_some(()).ok_or("the copy differs".into())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left lies among temporary files.
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn copy(folder: &Folder) -> Outcome<Duration> {
    let (mut here, mut there) = pinned::connection()?;
    let receive = || {
        io::copy(&mut here, &mut File::create(folder.copy())?)?;
        Ok(Instant::now())
    };
    let send = || {
        let start = Instant::now();
        io::copy(&mut File::open(folder.source())?, &mut there)?;
        drop(there);
        Ok(start)
    };
    let (end, start) = pinned::side_by_side(receive, send)?;
    Ok(end - start)
}

/// The time, and the most memory of drone and server.
fn clever_show(folder: &Folder) -> Outcome<(Duration, [u64; 2])> {
    let settings = Settings::default().receive(Root::new(&folder.path));
    let mut server = Server::bind("127.0.0.1:0", settings, Handlers::new())?;
    let address = server.address();
    let has_arrived = AtomicBool::new(false);
    let serve = || {
        allocations::forget_peak();
        let arrived = loop {
            let event = server.turn(PATIENCE)?.ok_or("no file has come")?;
            if is_done(&event.what, Direction::In)? {
                break Instant::now();
            }
        };
        has_arrived.store(true, Ordering::Relaxed);
        Ok((arrived, allocations::peak()))
    };
    let fly = || {
        allocations::forget_peak();
        let mut drone = Drone::new(Settings::default(), Handlers::new())?.server(address);
        while !drone.talk().is_connected() {
            drone.turn(PATIENCE)?;
        }
        let start = Instant::now();
        drone.talk().send_file(folder.source(), COPY)?;
        while !has_arrived.load(Ordering::Relaxed) && start.elapsed() < PATIENCE {
            if let Some(event) = drone.turn(Duration::from_millis(1))? {
                is_done(&event.what, Direction::Out)?;
            }
        }
        Ok((start, allocations::peak()))
    };
    let ((end, server), (start, drone)) = pinned::side_by_side(serve, fly)?;
    Ok((end - start, [drone, server]))
}

fn is_done(what: &What, way: Direction) -> Outcome<bool> {
    match what {
        What::File(FileEvent {
            stage: Stage::Failed(error),
            ..
        }) => Err(error.to_string().into()),
        What::File(FileEvent {
            stage: Stage::Done,
            direction,
            ..
        }) => Ok(*direction == way),
        What::Lost(reason) => Err(format!("{reason:?}").into()),
        _ => Ok(false),
    }
}

const COPY: &str = "copy";
