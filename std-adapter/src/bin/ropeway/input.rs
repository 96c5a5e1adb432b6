//! Lines of standard input, while something else is waited for, too.

use std::io::{self, BufRead};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;

/// What comes on standard input, a line at a time.
pub(crate) struct Input {
    lines: Receiver<String>,
    next: Option<String>,
    has_ended: bool,
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
    pub(crate) fn peek(&mut self) -> Option<&String> {
        while self.next.is_none() {
            match self.lines.try_recv() {
                Ok(line) if line.trim().is_empty() => {}
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
    pub(crate) fn take(&mut self) -> Option<String> {
        self.peek()?;
        self.next.take()
    }

    /// Whether all has been read and taken.
    pub(crate) const fn has_ended(&self) -> bool {
        self.has_ended && self.next.is_none()
    }
}

fn forward(read: &SyncSender<String>, wake: &impl Fn()) {
    for line in io::stdin().lock().lines() {
        let Ok(line) = line else { return };
        if read.send(line).is_err() {
            return;
        }
        wake();
    }
}

/// How many lines are read ahead.
const WAITING: usize = 64;
