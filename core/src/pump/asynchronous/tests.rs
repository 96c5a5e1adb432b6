use super::*;
use crate::dialect::cable_car::{CableCarByte, Code, Raw};
use core::cell::RefCell;
use core::convert::Infallible;
use core::task::{Context, Waker};
use std::collections::VecDeque;
use std::rc::Rc;
use std::vec::Vec;

#[cfg(feature = "serial")]
mod lines;
mod sessions;

/// One direction of a pipe: takes and gives a few bytes at a time, and about every other time says "not yet".
#[derive(Default)]
struct Wire {
    bytes: VecDeque<u8>,
    closed: bool,
    turns: u32,
}

#[derive(Clone, Default)]
struct End(Rc<RefCell<Wire>>);

impl End {
    async fn transfer(&self, mut step: impl FnMut(&mut Wire) -> Option<usize>) -> usize {
        poll_fn(|_| {
            let mut wire = self.0.borrow_mut();
            wire.turns = wire
                .turns
                .wrapping_mul(1_664_525)
                .wrapping_add(1_013_904_223);
            match wire.turns >> 31 {
                0 => step(&mut wire).map_or(Poll::Pending, Poll::Ready),
                _ => Poll::Pending,
            }
        })
        .await
    }
}

impl embedded_io_async::ErrorType for End {
    type Error = Infallible;
}

impl Read for End {
    async fn read(&mut self, room: &mut [u8]) -> Result<usize, Infallible> {
        assert!(!room.is_empty(), "a read that would look like the end");
        let read = self.transfer(|wire| {
            let len = room.len().min(wire.bytes.len()).min(3);
            for (slot, byte) in room.iter_mut().zip(wire.bytes.drain(..len)) {
                *slot = byte;
            }
            (len > 0 || wire.closed).then_some(len)
        });
        Ok(read.await)
    }
}

impl Write for End {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        assert!(!bytes.is_empty(), "a write that would look like the end");
        let write = self.transfer(|wire| {
            let len = bytes.len().min(16 - wire.bytes.len().min(16)).min(5);
            wire.bytes.extend(&bytes[..len]);
            (len > 0).then_some(len)
        });
        Ok(write.await)
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

type Piped = AsyncLink<CableCarByte, End, End, [u8; 64]>;

fn pair(cancelled_write: CancelledWrite) -> (Piped, Piped) {
    let (there, back) = (End::default(), End::default());
    let link = |reader: &End, writer: &End| {
        let messenger = Messenger::new(CableCarByte, [0; 64], [0; 64]);
        AsyncLink::new(messenger, reader.clone(), writer.clone(), cancelled_write)
    };
    (link(&back, &there), link(&there, &back))
}

/// Polls a future at most `polls` times, then drops it.
fn attempt<T>(polls: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..polls {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return Some(value);
        }
    }
    None
}

const PATIENT: usize = if cfg!(miri) { 1_000 } else { 10_000 };

/// An interpreter takes its time.
const MESSAGES: u8 = if cfg!(miri) { 10 } else { 100 };

/// Sends numbered messages with every future dropped after `polls` polls, and collects what arrives.
fn exchange(polls: usize) -> Vec<u8> {
    let (mut ours, mut theirs) = pair(CancelledWrite::TookNothing);
    let mut received = Vec::new();
    for number in 0..MESSAGES {
        let body = [number; 20];
        while attempt(
            polls,
            ours.queue(&Raw {
                code: Code(7),
                body: &body,
            }),
        )
        .is_none()
        {
            if let Some(event) = attempt(polls, theirs.recv::<Raw<'_>>()) {
                let Ok(Event::Message(raw)) = event else {
                    panic!("{event:?}")
                };
                received.push(raw.body[0]);
            }
        }
    }
    while received.len() < MESSAGES.into() {
        let _ = attempt(polls, ours.flush());
        if let Some(Ok(Event::Message(raw))) = attempt(polls, theirs.recv::<Raw<'_>>()) {
            received.push(raw.body[0]);
        }
    }
    received
}

#[test]
fn loses_and_repeats_nothing_when_futures_are_dropped() {
    let numbers: Vec<u8> = (0..MESSAGES).collect();
    for polls in 1..12 {
        assert_eq!(
            exchange(polls),
            numbers,
            "futures dropped after {polls} polls"
        );
    }
}

#[test]
fn reads_while_its_own_writes_are_stuck() {
    let (mut ours, mut theirs) = pair(CancelledWrite::TookNothing);
    let raw = Raw {
        code: Code(7),
        body: &[1; 30],
    };
    for link in [&mut ours, &mut theirs] {
        link.try_queue(&raw).unwrap();
        link.try_queue(&raw).unwrap();
        assert!(attempt(100, link.flush()).is_none());
    }
    let mut received = 0;
    while received < 4 {
        for link in [&mut ours, &mut theirs] {
            received += usize::from(attempt(4, link.recv::<Raw<'_>>()).is_some());
        }
    }
}

#[test]
fn two_that_send_to_each_other_do_not_lock_each_other() {
    async fn talk(link: &mut Piped) {
        for number in 0..3 {
            let body = [number; 20];
            let raw = Raw {
                code: Code(7),
                body: &body,
            };
            link.send(&raw).await.unwrap();
        }
        for number in 0..3 {
            let event = link.recv::<Raw<'_>>().await.unwrap();
            assert!(matches!(event, Event::Message(raw) if raw.body == [number; 20]));
        }
    }
    let (mut ours, mut theirs) = pair(CancelledWrite::TookNothing);
    let (mut here, mut there) = (pin!(talk(&mut ours)), pin!(talk(&mut theirs)));
    let mut context = Context::from_waker(Waker::noop());
    let (mut is_done, mut polls) = ([false; 2], 0);
    while is_done != [true; 2] {
        is_done[0] = is_done[0] || here.as_mut().poll(&mut context).is_ready();
        is_done[1] = is_done[1] || there.as_mut().poll(&mut context).is_ready();
        polls += 1;
        assert!(polls < PATIENT, "locked");
    }
}

#[test]
fn ends_the_link_after_a_cancelled_write_that_may_have_been_taken() {
    let (mut ours, _theirs) = pair(CancelledWrite::EndsLink);
    let raw = Raw {
        code: Code(7),
        body: &[1; 30],
    };
    ours.try_queue(&raw).unwrap();
    assert!(attempt(1, ours.flush()).is_none());
    assert_eq!(
        attempt(PATIENT, ours.flush()),
        Some(Err(Error::CancelledWrite))
    );
}

#[test]
fn says_closed_once_everything_is_delivered() {
    let (mut ours, mut theirs) = pair(CancelledWrite::EndsLink);
    attempt(
        PATIENT,
        ours.send(&Raw {
            code: Code(7),
            body: b"x",
        }),
    )
    .unwrap()
    .unwrap();
    ours.writer.0.borrow_mut().closed = true;
    let event = attempt(PATIENT, theirs.recv::<Raw<'_>>()).unwrap();
    assert!(matches!(
        event,
        Ok(Event::Message(Raw { code: Code(7), .. }))
    ));
    assert_eq!(
        attempt(PATIENT, theirs.recv::<Raw<'_>>())
            .unwrap()
            .unwrap_err(),
        Error::Closed
    );
}

#[test]
fn pushes_back_without_waiting() {
    let (mut ours, _theirs) = pair(CancelledWrite::TookNothing);
    let raw = Raw {
        code: Code(7),
        body: &[1; 60],
    };
    assert_eq!(ours.try_queue(&raw), Ok(()));
    assert_eq!(ours.try_queue(&raw), Err(SendError::Full));
}

/// A stream whose peer is gone: nothing can be written, and what it said last can be read.
struct Gone(&'static [u8]);

impl embedded_io_async::ErrorType for Gone {
    type Error = embedded_io_async::ErrorKind;
}

impl Read for Gone {
    async fn read(&mut self, room: &mut [u8]) -> Result<usize, Self::Error> {
        let len = room.len().min(self.0.len());
        room[..len].copy_from_slice(&self.0[..len]);
        self.0 = &self.0[len..];
        Ok(len)
    }
}

impl Write for Gone {
    async fn write(&mut self, _: &[u8]) -> Result<usize, Self::Error> {
        Err(embedded_io_async::ErrorKind::ConnectionReset)
    }

    async fn flush(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

#[test]
fn delivers_the_last_words_of_a_peer_that_is_gone() {
    for cancelled_write in [CancelledWrite::TookNothing, CancelledWrite::EndsLink] {
        let messenger = Messenger::new(CableCarByte, [0; 64], [0; 64]);
        let mut link = AsyncLink::new(messenger, Gone(&[2, 7]), Gone(&[]), cancelled_write);
        link.try_queue(&Raw {
            code: Code(7),
            body: b"x",
        })
        .unwrap();
        let event = attempt(PATIENT, link.recv::<Raw<'_>>()).unwrap();
        assert!(matches!(
            event,
            Ok(Event::Message(Raw {
                code: Code(7),
                body: b""
            }))
        ));
        let end = attempt(PATIENT, link.recv::<Raw<'_>>())
            .unwrap()
            .unwrap_err();
        assert_eq!(
            end,
            Error::Transport(embedded_io_async::ErrorKind::ConnectionReset)
        );
    }
}
