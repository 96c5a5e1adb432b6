//! Both transports behind one trait, so that each test is written once.

use super::Decoded;
use ropeway_core::dialect::cable_car::{Join, Quit, Retry};
use ropeway_core::dialect::{Carries, Dialect, Envelope, Never};
use ropeway_core::registry::Registry;
use ropeway_core::{Event, Malformed, Messenger};
use ropeway_std::transport::Transport;
use ropeway_std::{Growable, Link};
use std::fmt::Debug;

/// One of cable_car's transports, with the messages of the Python programs.
pub trait Wire:
    for<'a> Dialect<CallId = Never, Notice<'a> = Never>
    + Carries<Join>
    + Carries<Retry>
    + Carries<Quit>
    + Copy
    + Default
    + Debug
    + 'static
{
    /// The name in the vectors and on the command line of the programs.
    const TRANSPORT: &'static str;

    /// A table of all messages that the vectors hold.
    type Any<'a>: Registry<'a, Self> + Debug;

    /// A table of types of their own.
    type Typed<'a>: Registry<'a, Self> + Debug;

    /// What a message says, in the form of the vectors.
    fn decoded(message: Self::Any<'_>) -> Decoded;

    /// Queues what the vectors describe.
    fn put(out: &mut impl Out<Self>, message: &Decoded);

    /// Queues the message of that number.
    fn put_numbered(out: &mut impl Out<Self>, number: u32);

    /// The number of a message, which must be wholly as [`put_numbered`](Self::put_numbered) sends it.
    fn number(message: &Self::Typed<'_>) -> Option<u32>;

    /// The bytes of a message, from our encoder.
    fn encode(message: &Decoded) -> Vec<u8> {
        let mut messenger = receiver::<Self>(LARGE);
        Self::put(&mut messenger, message);
        messenger.poll_output().to_vec()
    }
}

/// Where messages are queued.
pub trait Out<D: Dialect> {
    /// Queues one.
    fn put<M: Debug>(&mut self, message: &M)
    where
        D: Carries<M>;
}

impl<D: Dialect> Out<D> for Messenger<D, Growable> {
    fn put<M: Debug>(&mut self, message: &M)
    where
        D: Carries<M>,
    {
        if let Err(error) = self.send(message) {
            panic!("{error}: {message:?}");
        }
    }
}

impl<D: Dialect, T: Transport> Out<D> for Link<D, T> {
    fn put<M: Debug>(&mut self, message: &M)
    where
        D: Carries<M>,
    {
        if let Err(error) = self.queue(message) {
            panic!("{error}: {message:?}");
        }
    }
}

/// An [`Event`] that outlives the input.
#[derive(Debug, PartialEq)]
pub enum Said<T = Decoded> {
    /// A message.
    Message(T),
    /// A message that the table does not have, by its key.
    Unknown(String),
    /// A frame that breaks a rule.
    Malformed(Malformed),
}

impl Said {
    /// The same in the form of the vectors.
    pub fn of<W: Wire>(event: Event<'_, W, W::Any<'_>>) -> Self {
        Self::from_event(event, |message| W::decoded(message))
    }
}

impl<U> Said<U> {
    /// The same without a loan.
    pub fn from_event<D, T>(event: Event<'_, D, T>, message: impl FnOnce(T) -> U) -> Self
    where
        D: for<'a> Dialect<CallId = Never, Notice<'a> = Never>,
    {
        match event {
            Event::Message(said) => Self::Message(message(said)),
            Event::Unknown(Envelope { key, .. }) => Self::Unknown(key.to_string()),
            Event::Malformed(malformed) => Self::Malformed(malformed),
        }
    }
}

/// A messenger with that much memory each way.
pub fn receiver<W: Wire>(memory: usize) -> Messenger<W, Growable> {
    let memory = || Growable::new(memory.min(1 << 12), memory);
    Messenger::new(W::default(), memory(), memory())
}

/// Gives `messenger` the bytes at once, or as much of them as it has room for at a time, and takes what it says.
pub fn feed<D: Dialect, T>(
    messenger: &mut Messenger<D, Growable>,
    mut bytes: &[u8],
    mut next: impl FnMut(&mut Messenger<D, Growable>) -> Option<T>,
) -> Vec<T> {
    let mut said = Vec::new();
    loop {
        let room = messenger.input_room();
        let len = room.len().min(bytes.len());
        room[..len].copy_from_slice(&bytes[..len]);
        messenger.handle_input(len);
        bytes = &bytes[len..];
        let before = said.len();
        while let Some(event) = next(messenger) {
            said.push(event);
        }
        if bytes.is_empty() {
            return said;
        }
        assert!(len > 0 || said.len() > before, "no room and nothing to say");
    }
}

/// Enough for the longest vector.
const LARGE: usize = 2 << 20;
