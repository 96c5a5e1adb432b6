//! Moves a large file each way with a peer of clever-show, and tells how much memory that took.
//!
//!     clever_files server|drone ADDRESS FOLDER
//!
//! A server prints `ready PORT`. It sends FOLDER/out.bin, gets it back as FOLDER/got.bin, and has it sent as a
//! message, which lands under FOLDER/root; then it prints the most kilobytes that it has had in memory.

use ropeway_std::clever_show::{
    Direction, Drone, Event, Handlers, Root, Server, Settings, Stage, Talk, What,
};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |name| arguments.next().ok_or(format!("{name} is missing"));
    let (role, address) = (next("the role")?, next("the address")?);
    let folder = PathBuf::from(next("the folder")?);
    let settings = Settings::default().receive(Root::new(folder.join("root")));
    let mut end = match role.as_str() {
        "server" => {
            let server = Server::bind(address, settings, Handlers::new())?.without_greeting();
            println!("ready {}", server.address().port());
            End::Server(Box::new(server))
        }
        _ => {
            let drone = Drone::new(settings, Handlers::new())?;
            End::Drone(Box::new(drone.server(address.parse()?)))
        }
    };
    transfer(&mut end, &folder)?;
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find(|line| line.starts_with("VmHWM"));
    println!("{}", peak.ok_or("no VmHWM")?);
    end.talk().ok_or("lost")?.send("quit", &())?;
    end.until(|end, _| end.talk().is_some_and(|talk| talk.is_idle()).then_some(()))
}

fn transfer(end: &mut End, folder: &Path) -> Outcome<()> {
    end.until(|end, _| {
        end.talk()
            .is_some_and(|talk| talk.is_connected())
            .then_some(())
    })?;
    let (tell, told) = channel();
    let talk = end.talk().ok_or("lost")?;
    talk.send_file(folder.join("out.bin"), "sent.bin")?;
    talk.get_file(
        "sent.bin",
        folder.join("got.bin"),
        LONG,
        move |_, outcome| {
            let _ = tell.send(outcome);
        },
    )?;
    let outcome = end.until(|_, _| told.try_recv().ok())?;
    outcome?;
    let talk = end.talk().ok_or("lost")?;
    talk.send("send_file", &("sent.bin", "pushed.bin"))?;
    let stage = end.until(|_, event| match event?.what {
        What::File(file) if file.direction == Direction::In && file.path == "pushed.bin" => {
            matches!(file.stage, Stage::Done | Stage::Failed(_)).then_some(file.stage)
        }
        _ => None,
    })?;
    match stage {
        Stage::Failed(error) => Err(error.into()),
        _ => Ok(()),
    }
}

enum End {
    Server(Box<Server>),
    Drone(Box<Drone>),
}

impl End {
    fn talk(&mut self) -> Option<&mut Talk> {
        match self {
            Self::Server(server) => server.drones().next(),
            Self::Drone(drone) => Some(drone.talk()),
        }
    }

    fn until<T>(
        &mut self,
        mut done: impl FnMut(&mut Self, Option<Event>) -> Option<T>,
    ) -> Outcome<T> {
        let start = Instant::now();
        while start.elapsed() < LONG {
            let event = match self {
                Self::Server(server) => server.turn(STEP)?,
                Self::Drone(drone) => drone.turn(STEP)?,
            };
            if let Some(found) = done(self, event) {
                return Ok(found);
            }
        }
        Err("too late".into())
    }
}

const LONG: Duration = Duration::from_secs(50);
const STEP: Duration = Duration::from_millis(10);
