use super::{Discovery, Event};
use crate::Cancel;
use std::io;
use std::thread::JoinHandle;
use std::time::Duration;

/// A discovery in a thread of its own.
#[derive(Debug)]
pub struct Running {
    cancel: Cancel,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Discovery {
    /// Goes on in a thread of its own, and calls `on_event` there.
    ///
    /// It ends when the returned handle is stopped or dropped, or with the first error of a socket.
    pub fn spawn(
        mut self,
        mut on_event: impl FnMut(Event) + Send + 'static,
    ) -> io::Result<Running> {
        let cancel = self.settings.cancel.clone();
        let thread = std::thread::Builder::new()
            .name("discovery".into())
            .spawn(move || {
                while !self.settings.cancel.is_cancelled() {
                    if let Some(event) = self.poll(Duration::MAX)? {
                        on_event(event);
                    }
                }
                Ok(())
            })?;
        Ok(Running {
            cancel,
            thread: Some(thread),
        })
    }
}

impl Running {
    /// Ends the thread and says how it went.
    pub fn stop(mut self) -> io::Result<()> {
        self.end()
    }

    fn end(&mut self) -> io::Result<()> {
        self.cancel.cancel();
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(io::Error::other("the callback panicked")),
            None => Ok(()),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.end();
    }
}
