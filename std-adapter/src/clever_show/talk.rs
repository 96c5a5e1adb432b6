mod connection;
mod hear;

use super::calls::{Calls, Closure, Then};
use super::files::Receiving;
use super::queue::{Frame, Outgoing, Queue, Source, encode};
use super::{Event, FileError, FileEvent, Settings, Stage, What};
use crate::call::CallError;
use crate::files::open_file;
use crate::storage::Growable;
use mio::net::TcpStream;
use ropeway_core::dialect::Carries;
use ropeway_core::dialect::clever_show::{CallId, CleverShow, FILE, Named, NamedAnswer};
use ropeway_core::message::Call;
use ropeway_core::{Messenger, SendError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What is said with one peer, and what is still to be: it outlasts the connection.
///
/// Everything here is queued, and leaves when the server or drone is turned. While there is no connection, messages
/// wait for the next one, up to [`Settings::max_queue`] bytes.
#[derive(Debug)]
pub struct Talk {
    peer: SocketAddr,
    settings: Arc<Settings>,
    link: Option<Link>,
    queue: Queue,
    calls: Calls,
    receiving: Option<Receiving>,
    events: VecDeque<Event>,
    is_dropped: bool,
}

/// The connection, while there is one.
#[derive(Debug)]
struct Link {
    stream: TcpStream,
    messenger: Messenger<CleverShow, Growable>,
    /// Whether the socket may have something to read.
    readable: bool,
    /// Whether the socket may take something.
    writable: bool,
}

impl Talk {
    pub(super) fn new(peer: SocketAddr, settings: Arc<Settings>) -> Self {
        Self {
            peer,
            settings,
            link: None,
            queue: Queue::default(),
            calls: Calls::new(),
            receiving: None,
            events: VecDeque::new(),
            is_dropped: false,
        }
    }

    /// The address of the other end; of a drone that has none yet, the one that it looks for.
    pub const fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Whether there is a connection.
    pub const fn is_connected(&self) -> bool {
        self.link.is_some()
    }

    /// How many bytes of messages wait to be sent.
    pub const fn queued(&self) -> usize {
        self.queue.bytes()
    }

    /// Whether everything has been given to the network.
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }

    /// How many requests wait for their answers.
    pub fn calls(&self) -> usize {
        self.calls.len()
    }

    /// Sends the action `name`.
    ///
    /// The shape of `arguments` says [which go where](ropeway_core::encoding::value::arguments): `()` is none, a
    /// struct or map named ones, a tuple or list positional ones, `Args` both.
    pub fn send<T: Serialize + ?Sized>(
        &mut self,
        name: &str,
        arguments: &T,
    ) -> Result<(), SendError> {
        self.send_message(&Named { name, arguments })
    }

    /// Sends a message of a table, or any other that the dialect carries.
    pub fn send_message<M: ?Sized>(&mut self, message: &M) -> Result<(), SendError>
    where
        CleverShow: Carries<M>,
    {
        let frame = self.encode(message)?;
        self.push(frame.into(), None)
    }

    /// Requests `name` and goes on; `then` gets the outcome.
    ///
    /// A peer that does not know `name`, or fails in answering, says nothing: then the outcome is
    /// [`CallError::Deadline`], `timeout` from now.
    pub fn request<T, R>(
        &mut self,
        name: &str,
        arguments: &T,
        timeout: Duration,
        then: impl FnOnce(&mut Self, Result<R, CallError>) + Send + 'static,
    ) -> Result<CallId, CallError>
    where
        T: Serialize + ?Sized,
        R: DeserializeOwned + Send + 'static,
    {
        let then = Then::Value(Box::new(Closure::new(then)));
        self.begin(name, arguments, timeout, then)
    }

    /// Gives a request up: its answer is dropped when it comes, and its closure never called.
    pub fn cancel(&mut self, id: CallId) {
        self.calls.remove(id);
        self.queue.forget(id);
        // What still comes of a file is passed over.
        self.receiving.take_if(|file| file.is_of(id));
    }

    /// Sends the file at `local`, to be kept by the peer at `remote`.
    ///
    /// It is read while it is sent. [`What::File`] tells how far it is, and when the network has taken it: that it
    /// has arrived, the protocol cannot tell.
    pub fn send_file(
        &mut self,
        local: impl Into<PathBuf>,
        remote: impl Into<String>,
    ) -> Result<(), FileError> {
        let local = local.into();
        open_file(&local)?;
        self.has_room(0)
            .map_err(|error| FileError::Call(error.into()))?;
        let file = Outgoing::new(Source::Local(local), remote.into());
        self.queue.push_file(file);
        Ok(())
    }

    /// Asks for the file that the peer calls `remote`, to be kept at `local`; `then` gets its length.
    ///
    /// It is written while it comes, beside its place, and put there when it is complete. `timeout` is the longest
    /// silence, before the file and in it.
    pub fn get_file(
        &mut self,
        remote: &str,
        local: impl Into<PathBuf>,
        timeout: Duration,
        then: impl FnOnce(&mut Self, Result<u64, FileError>) + Send + 'static,
    ) -> Result<CallId, CallError> {
        #[derive(Serialize)]
        struct Wanted<'a> {
            filepath: &'a str,
        }
        let pending = Then::File {
            path: remote.into(),
            target: local.into(),
            then: Box::new(then),
        };
        self.begin(FILE, &Wanted { filepath: remote }, timeout, pending)
    }

    /// Answers a request that a handler knows the id of; handlers of requests do so by themselves.
    pub fn answer<T: Serialize + ?Sized>(
        &mut self,
        id: CallId,
        name: &str,
        value: &T,
    ) -> Result<(), SendError> {
        let frame = self.encode(&NamedAnswer { id, name, value })?;
        // The peer has asked for it: it counts against the queue, but is not refused by it.
        self.queue.push(frame.into(), None);
        Ok(())
    }

    /// Ends the connection. A drone connects again.
    pub const fn disconnect(&mut self) {
        self.is_dropped = true;
    }

    fn begin<T: Serialize + ?Sized>(
        &mut self,
        name: &str,
        arguments: &T,
        timeout: Duration,
        then: Then,
    ) -> Result<CallId, CallError> {
        let id = self.calls.unused(self.settings.max_calls)?;
        let request = &Named { name, arguments };
        let frame: Frame = self.encode(&Call { id, request })?.into();
        self.push(frame.clone(), Some(id))?;
        self.calls.open(id, name, frame, timeout, then);
        Ok(id)
    }

    fn encode<M: ?Sized>(&self, message: &M) -> Result<Vec<u8>, SendError>
    where
        CleverShow: Carries<M>,
    {
        encode(message, self.settings.options.largest())
    }

    pub(super) fn push(&mut self, frame: Frame, call: Option<CallId>) -> Result<(), SendError> {
        self.has_room(frame.len())?;
        self.queue.push(frame, call);
        Ok(())
    }

    fn has_room(&self, len: usize) -> Result<(), SendError> {
        if self.link.is_none() && !self.settings.resume_queue {
            return Err(SendError::NotOpen);
        }
        match self.queue.bytes() + len <= self.settings.max_queue || self.queue.is_empty() {
            true => Ok(()),
            false => Err(SendError::Full),
        }
    }

    pub(super) fn tell(&mut self, what: What) {
        let peer = self.peer;
        if let What::File(FileEvent {
            stage: Stage::Underway,
            path,
            direction,
            ..
        }) = &what
            && let Some(Event {
                what: What::File(last),
                ..
            }) = self.events.back_mut()
            && matches!(last.stage, Stage::Underway)
            && (&last.path, last.direction) == (path, *direction)
        {
            // Nobody has looked at the last step yet: this one is as good.
            if let Some(last) = self.events.back_mut() {
                last.what = what;
            }
            return;
        }
        let is_news = !matches!(
            what,
            What::Unknown { .. } | What::Refused { .. } | What::Malformed(_)
        );
        // A peer that talks nonsense while nobody listens does not fill the memory.
        if is_news || self.events.len() < MOST_EVENTS {
            self.events.push_back(Event { peer, what });
        }
    }

    pub(super) fn take_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    pub(super) fn has_event(&self) -> bool {
        !self.events.is_empty()
    }
}

/// How many faults of the peer wait to be looked at.
const MOST_EVENTS: usize = 1024;
