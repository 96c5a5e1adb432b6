//! What a dialect has to say of its own accord and cannot.

use super::{AsyncLink, CancelledWrite, Error, Link};
use crate::dialect::{
    Dialect,
    tcptalks::{Notice, TcpTalks},
};
use crate::encoding::pickle::Node;
use crate::{Event, Messenger, SendError, messages};
use core::cell::RefCell;
use core::convert::Infallible;
use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use embedded_io::ErrorKind;
use serde::{Deserialize, Serialize};
use std::rc::Rc;
use std::vec::Vec;

#[derive(Debug, Serialize, Deserialize)]
struct Move {
    distance: i32,
}

messages! {
    #[derive(Debug)]
    enum Robot {
        Move(Move) = 0x10 -> bool,
    }
}

/// A peer that says nothing and takes all.
struct Mute;

impl embedded_io::ErrorType for Mute {
    type Error = ErrorKind;
}

impl embedded_io::Read for Mute {
    fn read(&mut self, _: &mut [u8]) -> Result<usize, ErrorKind> {
        Err(ErrorKind::TimedOut)
    }
}

impl embedded_io::Write for Mute {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

/// A peer in futures: it has said something, and takes all.
#[derive(Default)]
struct AsyncMute {
    said: Vec<u8>,
    heard: Rc<RefCell<Vec<u8>>>,
}

impl embedded_io::ErrorType for AsyncMute {
    type Error = Infallible;
}

impl embedded_io_async::Read for AsyncMute {
    async fn read(&mut self, room: &mut [u8]) -> Result<usize, Infallible> {
        let len = self.said.len().min(room.len());
        if len == 0 {
            return core::future::pending().await;
        }
        for (slot, byte) in room.iter_mut().zip(self.said.drain(..len)) {
            *slot = byte;
        }
        Ok(len)
    }
}

impl embedded_io_async::Write for AsyncMute {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.heard.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

type Talks = Messenger<TcpTalks<[Node; 16]>, [u8; 64], [u8; 16]>;

/// A messenger whose outbox has no room for the password.
fn cramped() -> Talks {
    let talks = TcpTalks::dialling([Node::EMPTY; 16], 7).password("a long password");
    Messenger::new(talks, [0; 64], [0; 16])
}

fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    match future.as_mut().poll(&mut context) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits for ever"),
    }
}

fn is_stop<D: Dialect>(event: Event<'_, D, Robot>) -> bool {
    matches!(event, Event::Request(_, Robot::Move(Move { distance: 0 })))
}

const TOO_LONG: SendError = SendError::TooLong { limit: 16 };

#[test]
fn a_messenger_names_what_keeps_its_dialect_silent() {
    let mut messenger = cramped();
    assert!(messenger.poll_output().is_empty());
    assert_eq!(messenger.silenced(), Some(TOO_LONG));
    assert_eq!(messenger.send(&Move { distance: 1 }), Err(TOO_LONG));
    let talks = TcpTalks::dialling([Node::EMPTY; 16], 7).password("a long password");
    let mut messenger: Messenger<_, [u8; 64], [u8; 64]> = Messenger::new(talks, [0; 64], [0; 64]);
    assert!(!messenger.poll_output().is_empty());
    assert_eq!(messenger.silenced(), None);
}

#[test]
fn a_blocking_link_fails_when_its_dialect_has_no_room_to_speak() {
    let mut link = Link::new(cramped(), Mute, Mute);
    assert_eq!(link.flush(), Err(Error::Send(TOO_LONG)));
    assert_eq!(link.write_once(), Err(Error::Send(TOO_LONG)));
    let said = link.recv().map(|event| event.is_some_and(is_stop));
    assert_eq!(said, Err(Error::Send(TOO_LONG)));
}

#[test]
fn an_async_link_fails_when_its_dialect_has_no_room_to_speak() {
    for cancelled in [CancelledWrite::EndsLink, CancelledWrite::TookNothing] {
        let mut link = AsyncLink::new(
            cramped(),
            AsyncMute::default(),
            AsyncMute::default(),
            cancelled,
        );
        assert_eq!(now(link.flush()), Err(Error::Send(TOO_LONG)));
        let said = now(link.recv()).map(is_stop);
        assert_eq!(said, Err(Error::Send(TOO_LONG)));
    }
}

#[test]
fn an_async_link_says_its_last_words_before_it_ends() {
    for cancelled in [CancelledWrite::EndsLink, CancelledWrite::TookNothing] {
        let talks = TcpTalks::dialling([Node::EMPTY; 16], 7).password("wrong");
        let mut peer: Messenger<_, [u8; 64]> = Messenger::new(talks, [0; 64], [0; 64]);
        let reader = AsyncMute {
            said: peer.poll_output().to_vec(),
            ..AsyncMute::default()
        };
        let writer = AsyncMute::default();
        let heard = writer.heard.clone();
        let talks = TcpTalks::listening([Node::EMPTY; 16], 7).password("right");
        let messenger: Messenger<_, [u8; 64]> = Messenger::new(talks, [0; 64], [0; 64]);
        let mut link = AsyncLink::new(messenger, reader, writer, cancelled);
        let refused = now(link.recv::<Robot>()).unwrap();
        assert!(matches!(refused, Event::Notice(Notice::Refused)));
        assert_eq!(now(link.recv()).map(is_stop), Err(Error::Closed));
        let verdict = heard.borrow();
        let room = peer.input_room();
        room[..verdict.len()].copy_from_slice(&verdict);
        peer.handle_input(verdict.len());
        let said = peer.recv::<Robot>();
        assert!(matches!(said, Some(Event::Notice(Notice::Refused))));
    }
}
