//! Lines of standard input, while something else is waited for, too.

use crate::fault::Fault;
use std::io::{self, BufRead};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;

/// What comes on standard input, a line at a time.
pub(crate) struct Input {
    lines: Receiver<Typed>,
    next: Option<Typed>,
    has_ended: bool,
}

/// A line, as it came.
pub(crate) struct Typed(Vec<u8>);

impl Typed {
    /// What it says, if it is text.
    pub(crate) fn text(&self) -> Result<&str, Fault> {
        std::str::from_utf8(&self.0).map_err(|_| {
            Fault::input("the line is not UTF-8").hint("write bytes as {\"hex\":\"0aff\"}")
        })
    }

    /// What of it can be shown.
    pub(crate) fn shown(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

impl Input {
    /// Begins to read; `wake` is called after each line and at the end.
    pub(crate) fn begin(wake: impl Fn() + Send + 'static) -> Self {
        let (read, lines) = sync_channel(WAITING);
        thread::spawn(move || {
            forward(&read, &wake);
            drop(read);
            wake();
        });
        Self {
            lines,
            next: None,
            has_ended: false,
        }
    }

    /// The next line, if there is one; blank lines say nothing.
    pub(crate) fn peek(&mut self) -> Option<&Typed> {
        while self.next.is_none() {
            match self.lines.try_recv() {
                Ok(line) if line.0.trim_ascii().is_empty() => {}
                Ok(line) => self.next = Some(line),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    self.has_ended = true;
                    break;
                }
            }
        }
        self.next.as_ref()
    }

    /// Takes it, and goes on to the line behind it.
    pub(crate) fn take(&mut self) -> Option<Typed> {
        self.peek()?;
        self.next.take()
    }

    /// Whether all has been read and taken.
    pub(crate) const fn has_ended(&self) -> bool {
        self.has_ended && self.next.is_none()
    }
}

fn forward(read: &SyncSender<Typed>, wake: &impl Fn()) {
    for line in io::stdin().lock().split(b'\n') {
        let Ok(line) = line else { return };
        if read.send(Typed(line)).is_err() {
            return;
        }
        wake();
    }
}

/// How many lines are read ahead.
const WAITING: usize = 64;
