use super::calls::{Calls, Closure, FileThen, Pending, Then};
use super::files::Receiving;
use super::handlers::Handler;
use super::queue::{Frame, Outgoing, Queue, Source, WriteError, encode};
use super::root::open_file;
use super::{Event, FileError, FileEvent, Handlers, Reason, Settings, Stage, What};
use crate::call::CallError;
use crate::storage::Growable;
use crate::waits::Deadline;
use mio::net::TcpStream;
use ropeway_core::dialect::clever_show::{
    Body, CallId, CleverShow, FILE, File, Named, NamedAnswer, Notice,
};
use ropeway_core::dialect::{Carries, Kind};
use ropeway_core::message::Call;
use ropeway_core::registry::Rejected;
use ropeway_core::{Messenger, Over, SendError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::VecDeque;
use std::io::{self, Read};
use std::net::{Shutdown, SocketAddr};
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
        self.events.push_back(Event { peer, what });
    }

    pub(super) fn take_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    pub(super) fn has_event(&self) -> bool {
        !self.events.is_empty()
    }
}

/// The connection comes and goes.
impl Talk {
    /// Goes on over a new connection.
    pub(super) fn attach(&mut self, stream: TcpStream, peer: SocketAddr) {
        if self.link.is_some() {
            self.detach(Reason::Replaced);
        }
        self.peer = peer;
        self.is_dropped = false;
        let options = &self.settings.options;
        let dialect = CleverShow::new().max_file(self.settings.max_file);
        self.link = Some(Link {
            stream,
            messenger: Messenger::new(dialect, options.memory(), Growable::new(0, 0)),
            readable: true,
            writable: true,
        });
        self.queue.rewind();
        if self.settings.resend_requests {
            self.queue.resend(self.calls.frames().into_iter());
        }
        self.tell(What::Connected);
    }

    /// The connection is gone.
    pub(super) fn detach(&mut self, reason: Reason) {
        let Some(link) = self.link.take() else {
            return;
        };
        // The other end has gone, or will see.
        let _ = link.stream.shutdown(Shutdown::Both);
        self.is_dropped = false;
        if let Some(receiving) = self.receiving.take() {
            self.tell(What::File(receiving.failed(FileError::LinkLost)));
        }
        if matches!(reason, Reason::FileShrank)
            && let Some(dropped) = self.queue.drop_file()
        {
            self.tell(What::File(dropped));
        }
        let lost = match self.settings.resume_queue {
            true => Vec::new(),
            false => self.queue.clear(),
        };
        for lost in lost {
            self.tell(What::File(lost));
        }
        self.tell(What::Lost(reason));
        if !self.settings.resend_requests {
            for (id, pending) in self.calls.drain() {
                self.queue.forget(id);
                self.fail(pending, &CallError::LinkLost);
            }
        }
    }

    /// The socket may have something to read or take something.
    pub(super) fn ready(&mut self, readable: bool, writable: bool) {
        if let Some(link) = &mut self.link {
            link.readable |= readable;
            link.writable |= writable;
        }
    }

    /// Whether there is something to do at once.
    pub(super) fn has_work(&self) -> bool {
        self.link.as_ref().is_some_and(|link| {
            self.is_dropped
                || link.readable && !self.is_stuffed()
                || link.writable && !self.queue.is_empty()
        })
    }

    /// How long until the next request is given up.
    pub(super) fn left(&self) -> Duration {
        self.calls.left()
    }

    /// Reads, lets handlers act, and writes, as far as goes at once; ends the connection if it must.
    pub(super) fn work(&mut self, handlers: &mut Handlers) {
        self.expire();
        if let Err(reason) = self.try_work(handlers) {
            self.detach(reason);
        }
    }

    fn try_work(&mut self, handlers: &mut Handlers) -> Result<(), Reason> {
        for _ in 0..BURST {
            if self.is_dropped {
                break;
            }
            // Who asks faster than it takes the answers has to wait.
            if self.is_stuffed() {
                break;
            }
            if !self.step(handlers) && !self.read()? {
                break;
            }
        }
        self.write()?;
        match self.is_dropped {
            true => Err(Reason::Dropped),
            false => Ok(()),
        }
    }

    fn is_stuffed(&self) -> bool {
        self.queue.bytes() > self.settings.max_queue
    }

    /// Reads once and says whether something came.
    fn read(&mut self) -> Result<bool, Reason> {
        let Some(Link {
            stream,
            messenger,
            readable,
            ..
        }) = &mut self.link
        else {
            return Ok(false);
        };
        match messenger.is_over() {
            Some(Over::OutOfStep) => return Err(Reason::OutOfStep),
            Some(Over::Ended | Over::Quit) => return Err(Reason::Closed),
            None => {}
        }
        if !*readable {
            return Ok(false);
        }
        match stream.read(messenger.input_room()) {
            Ok(0) => {
                messenger.handle_end();
                Ok(true)
            }
            Ok(len) => {
                messenger.handle_input(len);
                Ok(true)
            }
            Err(error) => match error.kind() {
                io::ErrorKind::Interrupted => Ok(true),
                io::ErrorKind::WouldBlock => {
                    *readable = false;
                    Ok(false)
                }
                io::ErrorKind::ConnectionReset => Err(Reason::Closed),
                _ => Err(Reason::Io(error)),
            },
        }
    }

    fn write(&mut self) -> Result<(), Reason> {
        let mut events = Vec::new();
        let mut written = Ok(());
        if let Some(link) = &mut self.link {
            for _ in 0..BURST {
                if !link.writable {
                    break;
                }
                match self.queue.write(&mut link.stream, &mut events) {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(WriteError::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                        link.writable = false;
                    }
                    Err(WriteError::Io(error)) => {
                        // Its last words may still be there to be read.
                        link.writable = false;
                        if !link.readable {
                            written = Err(Reason::Io(error));
                        }
                    }
                    Err(WriteError::Shrank) => {
                        written = Err(Reason::FileShrank);
                        break;
                    }
                }
            }
        }
        for event in events {
            self.tell(What::File(event));
        }
        written
    }

    /// Ends the requests whose time has passed.
    pub(super) fn expire(&mut self) {
        while let Some((id, pending)) = self.calls.expired() {
            self.queue.forget(id);
            if self.receiving.as_ref().is_some_and(|file| file.is_of(id)) {
                let failed = self.receiving.take().map(|f| f.failed(FileError::Deadline));
                failed
                    .into_iter()
                    .for_each(|event| self.tell(What::File(event)));
            }
            self.fail(pending, &CallError::Deadline);
        }
    }

    fn fail(&mut self, pending: Pending, error: &CallError) {
        match pending.then {
            Then::Value(mut waiter) => {
                waiter.take(Err(error.clone()));
                waiter.run(self);
            }
            Then::File { then, .. } => then(
                self,
                Err(match error {
                    CallError::Deadline => FileError::Deadline,
                    CallError::LinkLost => FileError::LinkLost,
                    error => FileError::Call(error.clone()),
                }),
            ),
        }
    }
}

/// What is to be done once the receive buffer has been let go of.
enum Next<'h> {
    Nothing,
    Run(&'h mut Box<dyn Handler>, String, Option<CallId>),
    Answered(Pending),
    File(FileThen, Result<u64, FileError>),
    Tell(What),
}

/// What the peer says.
impl Talk {
    /// Takes the next thing that the peer said, and says whether there was one.
    fn step(&mut self, handlers: &mut Handlers) -> bool {
        match self.look(handlers) {
            None => return false,
            Some(Next::Nothing) => {}
            Some(Next::Run(handler, name, id)) => {
                if let Err(refused) = handler.run(self, id) {
                    self.tell(What::Refused { name, refused });
                }
            }
            Some(Next::Answered(pending)) => match pending.then {
                Then::Value(waiter) => waiter.run(self),
                Then::File { then, .. } => then(self, Err(FileError::NotAFile)),
            },
            Some(Next::File(then, outcome)) => then(self, outcome),
            Some(Next::Tell(what)) => self.tell(what),
        }
        true
    }

    fn look<'h>(&mut self, handlers: &'h mut Handlers) -> Option<Next<'h>> {
        use ropeway_core::Event;
        let Self {
            link,
            calls,
            queue,
            receiving,
            settings,
            events,
            peer,
            ..
        } = self;
        let mut found = None;
        let event = link.as_mut()?.messenger.recv_with(|envelope| {
            let Some(handler) = handlers.find(envelope.kind, envelope.key) else {
                return Err(Rejected::Unknown(envelope));
            };
            let name = envelope.key.to_owned();
            match envelope.body {
                Body::Arguments(arguments) => {
                    handler.read(arguments).map_err(Rejected::Malformed)?;
                    found = Some((handler, name));
                    Ok(())
                }
                Body::Value(_) => Err(Rejected::Unknown(envelope)),
            }
        })?;
        Some(match event {
            Event::Message(()) => run(found, None),
            Event::Request(id, ()) => run(found, Some(id)),
            Event::Answer(id, envelope) => match calls.answered(id, envelope.key) {
                Some(mut pending) => {
                    if let (Then::Value(waiter), Body::Value(value)) =
                        (&mut pending.then, envelope.body)
                    {
                        waiter.take(Ok(value));
                    }
                    Next::Answered(pending)
                }
                // Nobody waits for it any more.
                None => Next::Nothing,
            },
            Event::Unknown(envelope) => {
                let name = envelope.key.to_owned();
                match (envelope.kind, envelope.body, &settings.serve) {
                    (Kind::Request(id), Body::Arguments(arguments), Some(root)) if name == FILE => {
                        match arguments.read() {
                            Ok(Wanted { filepath }) => {
                                let root = root.clone();
                                queue.push_file(Outgoing::new(
                                    Source::Served { root, id },
                                    filepath,
                                ));
                                Next::Nothing
                            }
                            Err(malformed) => Next::Tell(What::Malformed(malformed)),
                        }
                    }
                    (Kind::Request(id), ..) => Next::Tell(What::Unknown { name, id: Some(id) }),
                    _ => Next::Tell(What::Unknown { name, id: None }),
                }
            }
            Event::Malformed(malformed) => Next::Tell(What::Malformed(malformed)),
            Event::Notice(Notice::Begin { file, len }) => {
                let begun = match file {
                    File::Message { path } => Receiving::message(settings, path, len),
                    File::Answer { id, name } => match calls.get(id) {
                        Some(pending) if pending.name == name => {
                            Receiving::answer(id, pending, len)
                        }
                        _ => None,
                    },
                    File::Unknown => None,
                };
                let Some(mut file) = begun else {
                    return Some(Next::Nothing);
                };
                let event = file.event();
                *receiving = Some(file);
                Next::Tell(What::File(event))
            }
            Event::Notice(Notice::Part(part)) => match receiving {
                Some(file) => {
                    if let Some(pending) = file.call().and_then(|id| calls.get(id)) {
                        pending.deadline = Deadline::after(pending.timeout);
                    }
                    match file.write(part) {
                        true => Next::Tell(What::File(file.event())),
                        false => Next::Nothing,
                    }
                }
                None => Next::Nothing,
            },
            Event::Notice(Notice::End) => match receiving.take() {
                Some(file) => {
                    let call = file.call();
                    let (event, outcome) = file.finish();
                    events.extend(event.map(|event| super::Event {
                        peer: *peer,
                        what: What::File(event),
                    }));
                    match call.and_then(|id| calls.remove(id)).map(|call| call.then) {
                        Some(Then::File { then, .. }) => Next::File(then, outcome),
                        _ => Next::Nothing,
                    }
                }
                None => Next::Nothing,
            },
            Event::Notice(Notice::Ignored) => Next::Nothing,
        })
    }
}

fn run<'h>(found: Option<(&'h mut Box<dyn Handler>, String)>, id: Option<CallId>) -> Next<'h> {
    match found {
        Some((handler, name)) => Next::Run(handler, name, id),
        None => Next::Nothing,
    }
}

/// The arguments of a request for a file.
#[derive(serde::Deserialize)]
struct Wanted {
    filepath: String,
}

/// The most messages and writes of one turn: a peer that talks without end must not keep the others waiting.
const BURST: usize = 64;
