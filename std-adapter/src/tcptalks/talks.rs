use super::bound::{Bound, Found, Named};
use super::kept::Kept;
use super::speech::{Answer, Argue, Heard, Say, Spoken, Typed};
use super::{Arguments, CallError, Dialect, Handle, Oddity, OpenError, Settings};
use crate::call::Refused;
use crate::post::Office;
use crate::transport::{Transport, Wakeable};
use crate::value::Value;
use crate::waits::Deadline;
use crate::{Error, Link, Polled};
use ropeway_core::dialect::tcptalks::{CallId, Notice, Opcode};
use ropeway_core::dialect::{Calling, Dialect as _, Kind};
use ropeway_core::encoding::value::Kind as ValueKind;
use ropeway_core::encoding::{DecodeError, Rule};
use ropeway_core::message::{Message, Refusal, Request};
use ropeway_core::registry::Rejected;
use ropeway_core::{Event, SendError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

/// One peer to call, and to be called by: a robot for its controller, or a controller for its robot.
///
/// Everything happens in the caller's thread, in [`turn`](Self::turn) and while a call waits for its reply: then the
/// peer's calls go to what is [bound](Self::bind) to their opcodes. A handler may itself call the peer.
///
/// Whatever a handler does, the link goes on: its errors are raised at the peer, and so is a panic, before it goes
/// its way through here.
pub struct Talks<T: Transport = Polled> {
    link: Link<Dialect, T>,
    bound: Bound<Self, ()>,
    kept: Kept,
    /// The calls that wait for their replies, one in the other.
    awaited: Vec<CallId>,
    otherwise: Option<Box<dyn FnMut(Oddity) + Send>>,
    posts: Option<Office<Job<T>>>,
    settings: Settings,
    calls: u32,
    is_refused: bool,
    /// Until when a client may not have seen the verdict yet, and refuse what it is called for.
    grace: Option<Instant>,
}

pub(super) type Job<T> = Box<dyn FnOnce(&mut Talks<T>) + Send>;

/// What waits for a reply, and looks at it.
type Waiting<'w> = (CallId, &'w mut dyn FnMut(Heard<'_>));

impl<T: Transport> Talks<T> {
    /// The side that shows a password, over any transport.
    pub fn dial_over(transport: T, settings: &Settings) -> Result<Self, OpenError> {
        let mut talks = Self::over(settings.dialling(), transport, settings)?;
        talks.open()?;
        Ok(talks)
    }

    /// The side that asks for a password, over any transport.
    pub fn listen_over(transport: T, settings: &Settings) -> Result<Self, OpenError> {
        let mut talks = Self::over(settings.listening(), transport, settings)?;
        talks.open()?;
        talks.grace = Instant::now().checked_add(GRACE);
        Ok(talks)
    }

    fn over(dialect: Dialect, transport: T, settings: &Settings) -> Result<Self, Error> {
        Ok(Self {
            link: Link::over(dialect, transport, &settings.options)?,
            bound: Bound::new(),
            kept: Kept::new(settings.kept),
            awaited: Vec::new(),
            otherwise: None,
            posts: None,
            settings: settings.clone(),
            calls: 0,
            is_refused: false,
            grace: None,
        })
    }

    fn open(&mut self) -> Result<(), OpenError> {
        let deadline = Deadline::after(self.settings.opening);
        while !self.link.dialect().is_open() {
            if deadline.has_passed() {
                // The old variant takes that for a password, and has its answer.
                self.link.dialect().handle_silence();
                self.link.flush()?;
                if self.link.dialect().is_open() {
                    break;
                }
                return Err(OpenError::Silent);
            }
            let stepped = self.step(deadline, None);
            if self.is_refused {
                self.link.flush()?;
                return Err(OpenError::Refused);
            }
            stepped?;
        }
        Ok(self.link.flush()?)
    }

    /// Has `handler` answer the calls of `opcode`, in the place of what did before.
    ///
    /// `M` is what the arguments are the fields of: a tuple for those by position, a struct for those by name; Python
    /// may pass the latter by position too. What it fails with is raised at the peer. Any type that implements
    /// [`Error`](std::error::Error) becomes a `RuntimeError`, so that `?` works; a `Box<dyn Error>` or a text does not:
    /// [`Refused::text`]. Another class is [`Refused::new`]`("ValueError", "too far")`.
    ///
    /// ```
    /// # use ropeway_std::tcptalks::{Settings, Talks};
    /// # use ropeway_std::memory;
    /// # let (here, there) = memory::ends(4096);
    /// # std::thread::spawn(move || Talks::dial_over(there, &Settings::default()).map(|mut it| it.run()));
    /// # let mut talks = Talks::listen_over(here, &Settings::default())?;
    /// talks.bind(0x10, |_, (distance, speed): (f64, f64)| {
    ///     println!("{distance} mm at {speed} mm/s");
    ///     Ok(distance / speed)
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn bind<'o, M, R>(
        &mut self,
        opcode: impl Into<Opcode<'o>>,
        mut handler: impl FnMut(&mut Self, M) -> Result<R, Refused> + Send + 'static,
    ) where
        M: DeserializeOwned + Send + 'static,
        R: Serialize + Send + 'static,
    {
        let handler = move |talks: &mut Self, (): &(), arguments| handler(talks, arguments);
        self.bound.bind(opcode.into(), handler);
    }

    /// The same for arguments and results of any shape.
    pub fn bind_any<'o>(
        &mut self,
        opcode: impl Into<Opcode<'o>>,
        mut handler: impl FnMut(&mut Self, Arguments) -> Result<Value, Refused> + Send + 'static,
    ) {
        let handler = move |talks: &mut Self, (): &(), arguments| handler(talks, arguments);
        self.bound.bind_any(opcode.into(), handler);
    }

    /// The same for a request of a table that [`messages!`](crate::messages) declared.
    pub fn answer<M>(
        &mut self,
        handler: impl FnMut(&mut Self, M) -> Result<M::Answer<'static>, Refused> + Send + 'static,
    ) where
        M: Request<Answer<'static>: Serialize + Send> + DeserializeOwned + Send + 'static,
    {
        self.bind(Opcode::of::<M>(), handler);
    }

    /// Binds nothing to `opcode` any more, and says whether something was.
    pub fn unbind<'o>(&mut self, opcode: impl Into<Opcode<'o>>) -> bool {
        self.bound.unbind(opcode.into())
    }

    /// Looks at what is neither a call that something is bound to nor a reply.
    pub fn otherwise(&mut self, handler: impl FnMut(Oddity) + Send + 'static) {
        self.otherwise = Some(Box::new(handler));
    }

    /// Calls the peer and waits for the result, as long as the [patience](Settings::patience) lasts.
    ///
    /// `arguments` is a tuple for those by position, `&(5,)` for one and `&()` for none, or a struct for those by name.
    pub fn execute<'o, A: DeserializeOwned>(
        &mut self,
        opcode: impl Into<Opcode<'o>>,
        arguments: &(impl Serialize + ?Sized),
    ) -> Result<A, CallError> {
        self.execute_within(self.settings.patience, opcode, arguments)
    }

    /// The same, as long as `timeout`.
    pub fn execute_within<'o, A: DeserializeOwned>(
        &mut self,
        timeout: Duration,
        opcode: impl Into<Opcode<'o>>,
        arguments: &(impl Serialize + ?Sized),
    ) -> Result<A, CallError> {
        self.converse(timeout, opcode.into(), &Typed(arguments), |heard| {
            heard.typed()
        })
    }

    /// The same for arguments and results of any shape.
    pub fn execute_any<'o>(
        &mut self,
        opcode: impl Into<Opcode<'o>>,
        arguments: &Arguments,
    ) -> Result<Value, CallError> {
        let patience = self.settings.patience;
        self.converse(patience, opcode.into(), arguments, |heard| heard.any())
    }

    /// The same for a request of a table.
    pub fn call<M, A>(&mut self, request: &M) -> Result<A, CallError>
    where
        M: for<'r> Request<Answer<'r> = A> + Serialize,
        A: DeserializeOwned,
    {
        self.execute(Opcode::of::<M>(), request)
    }

    /// Calls the peer and goes on; the reply is kept under the id, until it is [polled](Self::poll) for.
    ///
    /// `arguments` is a tuple for those by position, `&(5,)` for one and `&()` for none, or a struct for those by name.
    pub fn send<'o>(
        &mut self,
        opcode: impl Into<Opcode<'o>>,
        arguments: &(impl Serialize + ?Sized),
    ) -> Result<CallId, CallError> {
        self.begin(opcode.into(), &Typed(arguments))
    }

    /// The same for arguments of any shape.
    pub fn send_any<'o>(
        &mut self,
        opcode: impl Into<Opcode<'o>>,
        arguments: &Arguments,
    ) -> Result<CallId, CallError> {
        self.begin(opcode.into(), arguments)
    }

    /// The same for a message of a table.
    pub fn tell<M: Message + Serialize>(&mut self, message: &M) -> Result<CallId, CallError> {
        self.send(Opcode::of::<M>(), message)
    }

    /// The result of a call that was [sent](Self::send), waiting for it as long as `timeout`.
    ///
    /// A peer may send replies that nobody has called for, too; they come under the retcode that it gave them, in the
    /// old variant under its opcode.
    pub fn poll(&mut self, id: CallId, timeout: Duration) -> Result<Value, CallError> {
        let deadline = Deadline::after(timeout);
        self.await_reply(id, deadline, |heard| heard.any())
    }

    /// Drops the replies that are kept under `id`, and says how many they were.
    pub fn flush(&mut self, id: CallId) -> usize {
        self.kept.drop_all(id)
    }

    /// Waits at most `timeout` for something to happen, and does all that there is to do.
    ///
    /// Says whether anything happened. [`Duration::ZERO`] only looks, [`Duration::MAX`] waits for ever. Fails with
    /// [`Error::Closed`] once the peer has closed, and with [`Error::OutOfStep`] when it has sent what is no pickle.
    pub fn turn(&mut self, timeout: Duration) -> Result<bool, Error> {
        self.step(Deadline::after(timeout), None)
    }

    /// Turns until the peer closes, or a [handle](Self::handle) stops it.
    pub fn run(&mut self) -> Result<(), Error> {
        while !self.take_stop() {
            match self.turn(Duration::MAX) {
                Err(Error::Closed) => break,
                turned => turned?,
            };
        }
        Ok(())
    }

    /// Closes the link, once all that was said has been written. Says whether the peer has closed too, within a
    /// second.
    pub fn disconnect(self) -> Result<bool, Error> {
        self.link.close(FAREWELL)
    }

    /// The transport underneath.
    pub fn transport(&mut self) -> &T {
        self.link.transport()
    }

    /// Calls, and has `hear` look at the reply.
    ///
    /// A Python client that has not noted the verdict on its password yet refuses calls; so soon after the opening,
    /// they are made again.
    fn converse<A>(
        &mut self,
        timeout: Duration,
        opcode: Opcode<'_>,
        arguments: &impl Argue,
        hear: fn(Heard<'_>) -> Result<A, CallError>,
    ) -> Result<A, CallError> {
        let deadline = Deadline::after(timeout);
        loop {
            let id = self.begin(opcode, arguments)?;
            let heard = self.await_reply(id, deadline, hear);
            let is_early = matches!(&heard, Err(CallError::Remote(error)) if error.is_early());
            if !is_early || self.grace.is_none_or(|grace| grace < Instant::now()) {
                return heard;
            }
        }
    }

    fn begin(&mut self, opcode: Opcode<'_>, arguments: &impl Argue) -> Result<CallId, CallError> {
        self.calls = self.calls.wrapping_add(1);
        let id = self.link.dialect().call_id(self.calls);
        let sent = self.link.send(&Spoken {
            id,
            opcode,
            arguments,
        });
        sent.map_err(|error| arguments.blame(error.into()))?;
        Ok(id)
    }

    fn await_reply<A>(
        &mut self,
        id: CallId,
        deadline: Deadline,
        hear: fn(Heard<'_>) -> Result<A, CallError>,
    ) -> Result<A, CallError> {
        let mut outcome = None;
        self.awaited.push(id);
        let waited = loop {
            if let Some(kept) = self.kept.take(id) {
                outcome = Some(hear(Heard::Kept(kept)));
            }
            if outcome.is_some() {
                break Ok(());
            }
            if deadline.has_passed() {
                break Err(CallError::Deadline);
            }
            let mut hear = |heard: Heard<'_>| outcome = Some(hear(heard));
            if let Err(error) = self.step(deadline, Some((id, &mut hear))) {
                // What came with the end, or before it, still counts.
                if outcome.is_none() {
                    break Err(error.into());
                }
            }
        };
        self.awaited.pop();
        match (outcome, waited) {
            (Some(outcome), _) => outcome,
            (None, waited) => {
                self.link.dialect().forget(id);
                waited?;
                Err(CallError::Deadline)
            }
        }
    }

    /// Waits once, until `deadline` or something happens, and does what there is to do.
    fn step(
        &mut self,
        deadline: Deadline,
        mut waiting: Option<Waiting<'_>>,
    ) -> Result<bool, Error> {
        let mut happened = self.do_posts();
        let timeout = match happened {
            true => Duration::ZERO,
            false => deadline.left(),
        };
        let posts = self.posts.as_deref();
        if self
            .link
            .wait(timeout, |_| posts.is_some_and(|posts| posts.has_some()))?
        {
            for _ in 0..BURST {
                let Some(is_heard) = self.take_one(&mut waiting)? else {
                    break;
                };
                happened = true;
                if is_heard {
                    break;
                }
            }
        }
        self.link.flush()?;
        Ok(happened | self.do_posts())
    }

    /// Takes the next thing that the peer said, and says whether it is what is waited for; none if there is nothing.
    #[allow(
        clippy::result_large_err,
        reason = "the error is the call itself, which nobody has bound"
    )]
    fn take_one(&mut self, waiting: &mut Option<Waiting<'_>>) -> Result<Option<bool>, Error> {
        let mut asked = None;
        let mut refused = None;
        let bound = &mut self.bound;
        let event = self.link.messenger().recv_with(|envelope| {
            if let Kind::Request(id) = envelope.kind {
                asked = Some(id);
            }
            match bound.read(envelope.key, envelope.body) {
                Found::Read(Ok(())) => Ok(Named::of(envelope.key)),
                Found::Read(Err(error)) => {
                    refused = Some(misread(envelope.key, error));
                    Err(Rejected::Malformed(error.into()))
                }
                Found::Running => {
                    refused = Some(busy(envelope.key));
                    Err(Rejected::Unknown(envelope))
                }
                Found::Nothing => {
                    refused = Some(unbound(envelope.key));
                    Err(Rejected::Unknown(envelope))
                }
            }
        });
        let oddity = match event {
            None => return Ok(None),
            Some(Event::Request(id, Some(named))) => {
                self.run_handler(id, &named)?;
                return Ok(Some(false));
            }
            Some(Event::Answer(id, envelope)) => match waiting {
                Some((waited, hear)) if *waited == id => {
                    hear(Heard::Here(envelope.body));
                    return Ok(Some(true));
                }
                _ => {
                    let reply = Heard::Here(envelope.body).any();
                    self.kept.add(id, reply, &self.awaited);
                    return Ok(Some(false));
                }
            },
            Some(Event::Notice(notice)) => {
                self.is_refused |= matches!(notice, Notice::Refused);
                Oddity::of(notice)
            }
            Some(Event::Unknown(envelope)) => Some(Oddity::Unbound(envelope.key.to_string())),
            Some(Event::Malformed(malformed)) => Some(Oddity::Malformed(malformed)),
            Some(Event::Message(_) | Event::Request(_, None)) => None,
        };
        if let (Some(otherwise), Some(oddity)) = (&mut self.otherwise, oddity) {
            otherwise(oddity);
        }
        if let (Some(id), Some(refused)) = (asked, refused) {
            self.refuse(id, &refused)?;
        }
        Ok(Some(false))
    }

    /// Takes back the wish to stop, and says whether there was one.
    pub(super) fn take_stop(&mut self) -> bool {
        self.posts.as_ref().is_some_and(|posts| posts.take_stop())
    }

    fn run_handler(&mut self, id: CallId, named: &Named) -> Result<(), Error> {
        let Some(mut handler) = self.bound.take(named) else {
            return Ok(());
        };
        let ran = catch_unwind(AssertUnwindSafe(|| handler.run(self, &())));
        self.bound.put_back(named, handler);
        match ran {
            Ok(result) => self.say(id, result),
            Err(panic) => {
                let refused = Refused::new("RuntimeError", "the handler panicked");
                let _ = self.refuse(id, &refused);
                resume_unwind(panic)
            }
        }
    }

    fn say(&mut self, id: CallId, result: Result<Say, Refused>) -> Result<(), Error> {
        let refused = match result {
            Err(refused) => refused,
            Ok(say) => match self.link.send(&Answer { id, say: &say }) {
                Err(Error::Send(SendError::NotOpen)) => return Ok(()),
                Err(Error::Send(error)) => Refused::from(error),
                sent => return sent,
            },
        };
        self.refuse(id, &refused)
    }

    fn refuse(&mut self, id: CallId, refused: &Refused) -> Result<(), Error> {
        let Refused { class, text, .. } = refused;
        match self.link.send(&Refusal::new(id, class, text)) {
            // There is nobody to tell any more, or no room to tell it in.
            Err(Error::Send(_)) => Ok(()),
            sent => sent,
        }
    }

    /// Does what other threads have asked for by now.
    fn do_posts(&mut self) -> bool {
        let Some(posts) = self.posts.as_deref().cloned() else {
            return false;
        };
        let waiting = posts.len();
        for job in (0..waiting).map_while(|_| posts.take()) {
            job(self);
        }
        waiting > 0
    }
}

impl<T: Wakeable> Talks<T> {
    /// A handle for other threads.
    pub fn handle(&mut self) -> Handle<T> {
        let link = &mut self.link;
        let posts = self
            .posts
            .get_or_insert_with(|| Office::new(POSTS, link.transport().waker()));
        Handle::new(posts)
    }
}

impl<T: Transport + fmt::Debug> fmt::Debug for Talks<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Talks")
            .field("link", &self.link)
            .field("bound", &self.bound)
            .field("kept", &self.kept)
            .finish_non_exhaustive()
    }
}

pub(super) fn unbound(opcode: Opcode<'_>) -> Refused {
    match opcode {
        Opcode::Other(value) if is_unhashable(value.kind()) => {
            Refused::new("TypeError", format!("opcode that is {}", value.kind()))
        }
        _ => Refused::new(
            "KeyError",
            format!("opcode {opcode} is not bound to any instruction"),
        ),
    }
}

const fn is_unhashable(kind: ValueKind) -> bool {
    matches!(
        kind,
        ValueKind::Array | ValueKind::Map | ValueKind::Set | ValueKind::ByteArray
    )
}

pub(super) fn busy(opcode: Opcode<'_>) -> Refused {
    let text = format!("opcode {opcode} is being executed, and waits for a call of its own");
    Refused::new("RuntimeError", text)
}

/// Why the arguments of a call were not taken.
pub(super) fn misread(opcode: Opcode<'_>, error: DecodeError) -> Refused {
    let text = match error.rule {
        Rule::InvalidLength => format!("too few or too many arguments for opcode {opcode}"),
        rule => rule.to_string(),
    };
    Refused::new("TypeError", text)
}

/// The most messages of one turn.
const BURST: usize = 64;

/// How many things other threads may have wait to be done.
const POSTS: usize = 1024;

/// How long a Python client may take to note the verdict.
const GRACE: Duration = Duration::from_secs(1);

/// How long to wait for the peer to close as well.
const FAREWELL: Duration = Duration::from_secs(1);
