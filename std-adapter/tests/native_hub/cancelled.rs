//! Requests that are answered later, and for whose answers nobody waits any more.

use super::dialler::{Dialler, Double, Number, Told};
use super::{LONG, Served, Spoken, board};
use ropeway_std::Handlers;
use ropeway_std::dialect::native::{CallId, Config};
use ropeway_std::hub::{Limits, PeerId};
use std::sync::mpsc::{self, Receiver};

/// A hub that answers nothing of its own accord.
struct Slow {
    served: Served,
    asked: Receiver<(PeerId, CallId)>,
    cancelled: Receiver<CallId>,
}

impl Slow {
    fn new(limits: Limits) -> Self {
        let (asks, asked) = mpsc::channel();
        let (cancels, cancelled) = mpsc::channel();
        let mut handlers = Handlers::<Spoken>::new();
        handlers
            .on::<Number>(|peer, number| peer.send(&number).unwrap())
            .answer_later::<Double>(move |peer, id, Double(_)| {
                asks.send((peer.id(), id)).unwrap();
                Ok(())
            })
            .cancelled(move |_, id| cancels.send(id).unwrap());
        Self {
            served: Served::new(handlers, limits),
            asked,
            cancelled,
        }
    }

    fn asked(&self) -> (PeerId, CallId) {
        self.asked.recv_timeout(LONG).expect("it was asked")
    }

    fn cancelled(&self) -> CallId {
        self.cancelled.recv_timeout(LONG).expect("it is told")
    }
}

/// Waits until the hub has taken all that was said.
fn is_heard(dialler: &mut Dialler) {
    dialler.mail.send(&Number(9)).unwrap();
    dialler.until(|told| (told == Told::Number(9)).then_some(()));
}

#[test]
fn who_works_on_an_answer_hears_that_nobody_waits_for_it() {
    let slow = Slow::new(Limits::default());
    let mut dialler = Dialler::open(slow.served.address, board(1));
    for id in [3, 4] {
        dialler.ask(id, 21).unwrap();
        dialler.flush();
        assert_eq!(slow.asked().1, CallId(id));
    }
    dialler.mail.cancel(CallId(3)).unwrap();
    is_heard(&mut dialler);
    assert_eq!(slow.cancelled(), CallId(3));
    assert!(slow.cancelled.try_recv().is_err());
}

#[test]
fn a_fresh_session_cancels_what_the_older_one_asked_for() {
    let slow = Slow::new(Limits::default());
    let mut dialler = Dialler::open(slow.served.address, board(1));
    assert_eq!(slow.served.news(), "joined");
    for id in [3, 4] {
        dialler.ask(id, 21).unwrap();
        dialler.flush();
        slow.asked();
    }
    dialler.cut(true);
    assert!(slow.served.news().starts_with("away: "));
    let mut again = Dialler::new(slow.served.address, Config::new(2).name("board 1"));
    again.connect();
    again.until_open();
    is_heard(&mut again);
    let mut cancelled: Vec<CallId> = slow.cancelled.try_iter().collect();
    cancelled.sort_unstable_by_key(|id| id.0);
    assert_eq!(cancelled, [CallId(3), CallId(4)]);
}

#[test]
fn what_was_answered_or_refused_is_not_cancelled() {
    let slow = Slow::new(Limits::default());
    let mut dialler = Dialler::open(slow.served.address, board(1));
    for id in [3, 4] {
        dialler.ask(id, 21).unwrap();
        dialler.flush();
        let (peer, id) = slow.asked();
        let said = slow.served.ask(move |peers| match id.0 {
            3 => peers.answer::<Double>(peer, id, &42),
            _ => peers.refuse(peer, id, &ropeway_std::call::Refused::text("no")),
        });
        said.unwrap();
        dialler.mail.cancel(id).unwrap();
    }
    is_heard(&mut dialler);
    assert!(slow.cancelled.try_recv().is_err());
}

#[test]
fn more_requests_than_allowed_are_refused_as_busy() {
    let slow = Slow::new(Limits::default().requests(2));
    let mut dialler = Dialler::open(slow.served.address, board(1));
    for id in [3, 4, 5] {
        dialler.ask(id, 21).unwrap();
    }
    let Told::Answer(5, Err(busy)) = dialler.next() else {
        panic!("the third is one too many");
    };
    assert!(busy.contains("as many requests"), "{busy}");
    let (peer, id) = slow.asked();
    let answered = slow
        .served
        .ask(move |peers| peers.answer::<Double>(peer, id, &42));
    answered.unwrap();
    assert_eq!(dialler.next(), Told::Answer(3, Ok(42)));
    dialler.ask(6, 21).unwrap();
    dialler.flush();
    assert_eq!([slow.asked().1, slow.asked().1], [CallId(4), CallId(6)]);
}
