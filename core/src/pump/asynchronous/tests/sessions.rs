//! Links of a dialect that keeps frames and has timers.

use super::*;
use crate::dialect::native::{Config, Native, Notice, Rule};
use crate::time::Duration;
use core::future::ready;

type Session = AsyncLink<Native<Config>, End, End, [u8; 1024]>;

fn sessions(config: Config) -> (Session, Session) {
    let cancelled_write = CancelledWrite::TookNothing;
    let (there, back) = (End::default(), End::default());
    let link = |native, reader: &End, writer: &End| {
        let messenger = Messenger::new(native, [0; 1024], [0; 1024]);
        AsyncLink::new(messenger, reader.clone(), writer.clone(), cancelled_write)
    };
    (
        link(Native::dialling(config.clone()), &back, &there),
        link(Native::listening(config).seed(1), &there, &back),
    )
}

fn raw(body: &[u8]) -> Raw<'_> {
    Raw {
        code: Code(0x10),
        body,
    }
}

/// What `link` says within a few polls; none if that is nothing.
fn hear(link: &mut Session, polls: usize) -> Option<Heard> {
    let event = attempt(polls, link.recv::<Raw<'_>>())?;
    Some(match event.unwrap() {
        Event::Message(raw) => Heard::Message(raw.body.to_vec()),
        Event::Notice(Notice::Broken(rule)) => Heard::Broken(rule),
        Event::Notice(_) => Heard::Notice,
        other => panic!("{other:?}"),
    })
}

#[derive(Debug, PartialEq)]
enum Heard {
    Message(Vec<u8>),
    Broken(Rule),
    Notice,
}

/// Lets both links open and say all that they have to.
fn settle(ours: &mut Session, theirs: &mut Session) {
    for _ in 0..200 {
        for link in [&mut *ours, &mut *theirs] {
            if let Some(heard) = hear(link, 8) {
                assert_eq!(heard, Heard::Notice);
            }
        }
    }
    assert!(ours.messenger().dialect().is_open() && theirs.messenger().dialect().is_open());
}

#[test]
fn carries_sessions_whatever_is_cut_off_on_the_way() {
    let (mut ours, mut theirs) = sessions(Config::new(1));
    let mut received = Vec::new();
    for number in 0..MESSAGES {
        ours.try_queue(&raw(&[number; 20])).unwrap();
        while ours.queued() > 0 {
            for link in [&mut ours, &mut theirs] {
                let moved = attempt(3, link.transfer());
                assert!(moved.is_none_or(|moved| moved.is_ok()));
                while let Some(event) = link.poll::<Raw<'_>>() {
                    if let Event::Message(raw) = event {
                        received.push(raw.body[0]);
                    }
                }
            }
        }
    }
    assert_eq!(received, (0..MESSAGES).collect::<Vec<_>>());
}

#[test]
fn lets_small_frames_out_while_reading_waits() {
    let silence = Duration::from_secs(2);
    let (mut ours, mut theirs) = sessions(Config::new(1).silence(silence));
    settle(&mut ours, &mut theirs);
    // Nobody says a word for a long time, and nobody is lost.
    let end = if cfg!(miri) { 6 } else { 200 };
    for half_seconds in 1..end {
        let now = Instant::from_micros(half_seconds * 500_000);
        for link in [&mut ours, &mut theirs] {
            link.handle_time(now);
        }
        for _ in 0..60 {
            assert_eq!(hear(&mut ours, 4), None);
            assert_eq!(hear(&mut theirs, 4), None);
        }
    }
    let next = ours.next_timeout().unwrap();
    ours.handle_time(next + silence * 2);
    assert_eq!(hear(&mut ours, 4), Some(Heard::Broken(Rule::Silent)));
}

#[test]
fn a_wait_ends_when_it_is_to() {
    let (mut ours, mut theirs) = sessions(Config::new(1));
    settle(&mut ours, &mut theirs);
    assert_eq!(attempt(1, ours.wait(ready(()))), Some(Ok(false)));
    let nothing = attempt(1, ours.recv_until::<Raw<'_>>(ready(())));
    assert!(matches!(nothing, Some(Ok(None))));
    assert_eq!(attempt(1, ours.write_until(ready(()))), Some(Ok(false)));
    assert!(attempt(PATIENT, ours.wait(pending())).is_none());
}

#[test]
fn acknowledges_while_there_is_always_something_to_take() {
    let (mut ours, mut theirs) = sessions(Config::new(1));
    settle(&mut ours, &mut theirs);
    for number in 0..250 {
        ours.try_queue(&raw(&[number])).unwrap();
    }
    for _ in 0..PATIENT {
        let _ = attempt(1, ours.transfer());
        // It receives and takes nothing.
        let _ = attempt(1, theirs.transfer());
    }
    assert_eq!(ours.queued(), 750);
    for number in 0..250 {
        assert_eq!(hear(&mut theirs, 1), Some(Heard::Message([number].into())));
    }
    let written = ours.reader.0.borrow().bytes.len();
    assert!(written > 0, "nothing is acknowledged before all is taken");
}

#[test]
fn waits_for_the_peer_to_take_what_fills_the_outbox() {
    let (mut ours, mut theirs) = sessions(Config::new(1));
    settle(&mut ours, &mut theirs);
    let body = [7; 90];
    let mut sent = 0;
    while ours.try_queue(&raw(&body)).is_ok() {
        sent += 1;
    }
    assert_eq!(attempt(1_000, ours.queue(&raw(&body))), None);
    let mut received = 0;
    let is_queued = (0..PATIENT).any(|_| {
        let queued = attempt(3, ours.queue(&raw(&body))).is_some();
        received += usize::from(hear(&mut theirs, 3).is_some());
        queued
    });
    assert!(is_queued && (1..=sent).contains(&received));
}

#[test]
#[cfg_attr(miri, ignore = "Miri takes minutes for so many polls")]
fn a_full_outbox_is_told_where_only_taking_helps() {
    let (mut ours, mut theirs) = sessions(Config::new(1));
    settle(&mut ours, &mut theirs);
    let body = [7; 90];
    for link in [&mut ours, &mut theirs] {
        while link.try_queue(&raw(&body)).is_ok() {}
    }
    let mut ends = [None; 2];
    for _ in 0..PATIENT {
        for (link, end) in [&mut ours, &mut theirs].into_iter().zip(&mut ends) {
            *end = end.or(attempt(3, link.queue(&raw(&body))));
        }
    }
    // The window leaves room for small frames, so both can hear that nothing has been taken.
    assert_eq!(ends, [None; 2]);
    theirs.messenger().handle_end();
    assert_eq!(
        attempt(1, theirs.queue(&raw(&body))),
        Some(Err(Error::Send(SendError::Full)))
    );
}
