//! Files of clever-show, which go whole: to its ground server, as a drone sends and gets them.

use crate::fault::{Fault, Kind};
use crate::progress::Progress;
use crate::target::Target;
use crate::transfer::Transfer;
use ropeway_std::clever_show::{
    Drone, Event, FileError, FileEvent, Handlers, Settings, Stage, What,
};
use ropeway_std::files::Direction;
use std::io;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// Sends or gets one file.
pub(crate) fn copy(target: &Target, transfer: &Transfer) -> Result<(), Fault> {
    let server = target.resolve()?;
    let server = *server.first().expect("a host that is known has an address");
    let mut drone = Drone::new(Settings::default(), Handlers::default())?.server(server);
    connect(&mut drone, target)?;
    let (told, got) = channel();
    let (name, path) = (&transfer.name, &transfer.path);
    match transfer.direction {
        Direction::In => {
            let then = move |_: &mut _, got| told.send(got).unwrap_or_default();
            let asked = drone.talk().get_file(name, path, transfer.patience, then);
            asked.map_err(|error| crate::target::call_fault(&error))?;
        }
        Direction::Out => {
            let sent = drone.talk().send_file(path, name.as_str());
            sent.map_err(|error| Fault::failed(format!("{name}: {error}")))?;
        }
    }
    let mut progress = Progress::new(name, transfer.output);
    progress.heads(transfer.direction);
    let mut moved = Instant::now();
    loop {
        let event = drone.turn(Duration::from_millis(100))?;
        if let Some(What::File(file)) = event.map(|event| event.what) {
            moved = Instant::now();
            if note(&mut progress, &file)? && transfer.direction == Direction::Out {
                break;
            }
        }
        // What is asked for has a deadline of its own.
        if transfer.direction == Direction::Out && moved.elapsed() > transfer.patience {
            progress.abandon();
            let text = format!("{name}: nothing has moved for {:?}", transfer.patience);
            return Err(Fault::new(Kind::Unfinished, text).hint("does the server take files?"));
        }
        match got.try_recv() {
            Ok(Ok(_)) => break,
            Ok(Err(error)) => return Err(failed(name, &error)),
            Err(_) => {}
        }
    }
    if !drone.close(target.timeout)? {
        progress.abandon();
        let text = format!("{name}: the server has not taken all of it");
        return Err(Fault::new(Kind::Unfinished, text).hint("try again, with a longer --timeout"));
    }
    progress.finish(path, 0);
    Ok(())
}

/// Notes how far the file is; says whether it is whole.
fn note(progress: &mut Progress, file: &FileEvent) -> Result<bool, Fault> {
    match &file.stage {
        Stage::Begun => progress.begin(file.len, 0),
        Stage::Underway => progress.step(file.len, file.done),
        Stage::Done => {
            progress.step(file.len, file.done);
            return Ok(true);
        }
        Stage::Failed(error) => return Err(failed(&file.path, error)),
    }
    Ok(false)
}

fn connect(drone: &mut Drone, target: &Target) -> Result<(), Fault> {
    let end = Instant::now() + target.timeout;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        match drone.turn(left)? {
            Some(Event {
                what: What::Connected,
                ..
            }) => return Ok(()),
            Some(Event {
                what: What::NotConnected(error),
                ..
            }) => {
                return Err(target.unreached(error.kind(), &error.to_string()));
            }
            _ if left.is_zero() => {
                return Err(target.unreached(io::ErrorKind::TimedOut, "no connection"));
            }
            _ => {}
        }
    }
}

fn failed(name: &str, error: &FileError) -> Fault {
    let text = format!("{name}: {error}");
    match error {
        FileError::Deadline | FileError::LinkLost => Fault::new(Kind::Unfinished, text)
            .hint("does the server have it? clever-show has no word for no"),
        _ => Fault::failed(text),
    }
}
