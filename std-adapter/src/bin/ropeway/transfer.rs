//! `ropeway get` and `ropeway put`: one file, however often the link is lost.

use crate::fault::{Fault, Kind};
use crate::output::Output;
use crate::progress::Progress;
use crate::protocol::Protocol;
use crate::replies::Replies;
use crate::target::{Errand, Reached, Target};
use crate::words::Words;
use clap::Args;
use ropeway_std::any::Anything;
use ropeway_std::files::{Direction, Event, FileError, FileId, Stage};
use ropeway_std::transport::Wakeable;
use ropeway_std::{Handlers, Node};
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

/// A file of the peer's.
#[derive(Args)]
pub(crate) struct Get {
    #[command(flatten)]
    target: Target,
    /// What the peer calls it, with / between folders
    file: String,
    /// Where to put it; by default here, under the last part of its name
    to: Option<PathBuf>,
    #[command(flatten)]
    patience: Patience,
}

/// A file for the peer.
#[derive(Args)]
pub(crate) struct Put {
    #[command(flatten)]
    target: Target,
    /// The file
    file: PathBuf,
    /// What the peer is to call it; by default as it is called here, without folders
    to: Option<String>,
    #[command(flatten)]
    patience: Patience,
}

/// How long nothing may move.
#[derive(Args, Clone, Copy)]
struct Patience {
    /// Give up when nothing has moved for so many seconds, lost links included
    #[arg(long, default_value = "60", value_parser = crate::span::span)]
    patience: Duration,
}

impl Get {
    pub(crate) fn run(self, output: Output) -> Result<(), Fault> {
        let last = self
            .file
            .rsplit('/')
            .next()
            .unwrap_or(&self.file)
            .to_owned();
        if last.is_empty() {
            return Err(Fault::input(format!("{:?} names no file", self.file)));
        }
        let to = match self.to {
            Some(folder) if folder.is_dir() => folder.join(&last),
            Some(path) => path,
            None => PathBuf::from(&last),
        };
        if let Some(folder) = to.parent()
            && !folder.as_os_str().is_empty()
            && !folder.is_dir()
        {
            return Err(
                Fault::input(format!("{} is no folder", folder.display())).hint("make it first")
            );
        }
        // The whole file takes the place of what is there, which must not be a device.
        if to.exists() && !to.is_file() {
            return Err(Fault::input(format!("{} is no file", to.display())));
        }
        let to = std::path::absolute(&to)?;
        let (name, patience) = (self.file, self.patience.patience);
        copy(
            &self.target,
            Transfer {
                path: to,
                name,
                direction: Direction::In,
                patience,
                output,
            },
        )
    }
}

impl Put {
    pub(crate) fn run(self, output: Output) -> Result<(), Fault> {
        if !self.file.is_file() {
            return Err(Fault::input(format!("{} is no file", self.file.display())));
        }
        let own = || {
            self.file
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
        };
        let name = self.to.clone().or_else(own).unwrap_or_default();
        let (path, patience) = (self.file, self.patience.patience);
        copy(
            &self.target,
            Transfer {
                path,
                name,
                direction: Direction::Out,
                patience,
                output,
            },
        )
    }
}

fn copy(target: &Target, transfer: Transfer) -> Result<(), Fault> {
    match target.speech.protocol {
        Protocol::Native => target.run(transfer),
        Protocol::CleverShow => crate::drone::copy(target, &transfer),
        protocol => {
            Err(Fault::input(format!("{protocol} carries no files"))
                .hint("native and clever-show do"))
        }
    }
}

/// What is copied.
pub(crate) struct Transfer {
    pub(crate) path: PathBuf,
    pub(crate) name: String,
    pub(crate) direction: Direction,
    pub(crate) patience: Duration,
    pub(crate) output: Output,
}

/// Which events of files go to the errand.
struct Heard(Sender<Event>);

impl Errand for Transfer {
    fn handlers<D: Anything>(&self, _: &Words, _: &Replies<D>) -> Handlers<D> {
        Handlers::new()
    }

    fn run<D: Anything, T: Wakeable>(
        self,
        peer: &mut Reached<D, T>,
        _: &Words,
    ) -> Result<(), Fault> {
        let (told, events) = channel();
        let heard = Heard(told);
        peer.node
            .handlers()
            .files(move |_, event| heard.0.send(event.clone()).unwrap_or_default());
        let file = self.begin(&mut peer.node)?;
        let mut progress = Progress::new(&self.name, self.output);
        let mut moved = Instant::now();
        let mut done = 0;
        loop {
            peer.turn(Duration::from_millis(100))?;
            for event in events.try_iter().filter(|event| event.file == file) {
                if event.done != done || matches!(event.stage, Stage::Begun) {
                    (done, moved) = (event.done, Instant::now());
                }
                progress.note(&event, peer.standing.resumed());
                match &event.stage {
                    Stage::Done => {
                        progress.finish(&self.path, peer.standing.resumed());
                        return Ok(());
                    }
                    Stage::Stopped { .. } => {
                        progress.abandon();
                        let text = format!("{}: {}", self.name, event.stage);
                        return Err(Fault::failed(text).hint(self.advice()));
                    }
                    _ => {}
                }
            }
            if moved.elapsed() > self.patience {
                progress.abandon();
                let text = format!("{}: nothing has moved for {:?}", self.name, self.patience);
                let hint = "do the same again: it goes on where it stopped";
                return Err(Fault::new(Kind::Unfinished, text).hint(hint));
            }
        }
    }
}

impl Transfer {
    fn begin<D: Anything, T: Wakeable>(&self, node: &mut Node<D, T>) -> Result<FileId, Fault> {
        let mut peer = node.peer();
        let begun = match self.direction {
            Direction::In => peer.ask_for(&self.name, &self.path),
            Direction::Out => peer.offer(&self.path, &self.name),
        };
        begun.map_err(|error| match error {
            FileError::Path(_) | FileError::Start(_) => {
                Fault::input(format!("{}: {error}", self.name))
            }
            error => Fault::failed(error),
        })
    }

    const fn advice(&self) -> &'static str {
        match self.direction {
            Direction::In => "the peer gives only what is in its --root",
            Direction::Out => "the peer takes files only with a --root",
        }
    }
}
