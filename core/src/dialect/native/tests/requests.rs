use super::Config;
use super::rig::{Double, End, Number, Told, Words, reconnect, settle};
use crate::dialect::Peeked;
use crate::dialect::native::{CallId, Cause, Notice, Opening};
use crate::message::{Answer, Call};
use crate::{Event, SendError, file};
use std::vec::Vec;

fn ends() -> (End, End) {
    let a = End::dialling(Config::new(1).keep_in_doubt());
    (a, End::listening(Config::new(2)))
}

fn ask(end: &mut End, id: u32) {
    let (id, request) = (CallId(id), &Double(id));
    end.messenger.send(&Call { id, request }).unwrap();
}

#[test]
fn a_request_that_has_not_gone_out_is_withdrawn_and_no_other() {
    let (mut a, mut b) = ends();
    a.messenger.send(&Number(5)).unwrap();
    ask(&mut a, 1);
    ask(&mut a, 2);
    let queued = a.messenger.queued();
    a.messenger.cancel(CallId(1)).unwrap();
    assert_eq!(a.messenger.queued(), queued, "nothing is said of it");
    assert!(!a.messenger.holds_request(CallId(1)));
    assert!(a.messenger.holds_request(CallId(2)));
    let [_, told] = settle(&mut a, &mut b);
    let cancelled = Told::Other("Notice(Cancelled(CallId(1)))".into());
    assert_eq!(told[2..], [Told::Number(5), cancelled, Told::Request(2, 2)]);
}

#[test]
fn a_request_that_is_on_its_way_is_cancelled_behind_it() {
    let (mut a, mut b) = ends();
    settle(&mut a, &mut b);
    ask(&mut a, 1);
    a.write(&mut b, 3);
    a.messenger.cancel(CallId(1)).unwrap();
    let cancelled = Told::Other("Notice(Cancelled(CallId(1)))".into());
    assert_eq!(settle(&mut a, &mut b)[1], [Told::Request(1, 1), cancelled]);

    // Cut in the middle of the first time that it goes out, it has never been whole there.
    ask(&mut a, 2);
    a.write(&mut b, 3);
    reconnect(&mut a, &mut b);
    a.messenger.cancel(CallId(2)).unwrap();
    let [_, told] = settle(&mut a, &mut b);
    assert_eq!(
        told.last(),
        Some(&Told::Other("Notice(Cancelled(CallId(2)))".into()))
    );
    assert!(!told.contains(&Told::Request(2, 2)));
}

#[test]
fn a_fresh_session_knows_which_requests_it_still_has() {
    let (mut a, mut b) = ends();
    settle(&mut a, &mut b);
    ask(&mut a, 1);
    a.write(&mut b, usize::MAX);
    let mut b = End::listening(Config::new(3));
    a.messenger.handle_connected();
    ask(&mut a, 2);
    a.write(&mut b, usize::MAX);
    b.read(usize::MAX);
    b.hear_all();
    b.write(&mut a, usize::MAX);
    a.read(usize::MAX);
    assert!(matches!(a.hear(), Some(Told::Met(_))));
    let (cause, in_doubt) = (Cause::PeerRestarted, 1);
    assert_eq!(a.hear(), None);
    a.write(&mut b, usize::MAX);
    b.read(usize::MAX);
    b.hear_all();
    b.write(&mut a, usize::MAX);
    a.read(usize::MAX);
    assert_eq!(
        a.hear(),
        Some(Told::Opened(Opening::Fresh { cause, in_doubt }))
    );
    assert!(!a.messenger.holds_request(CallId(1)));
    assert!(a.messenger.holds_request(CallId(2)));

    let frame: Vec<u8> = a.messenger.poll_in_doubt().unwrap().into();
    assert_eq!(a.messenger.poll_in_doubt(), None);
    let cut_off = a.messenger.send_again(&frame[1..]);
    assert_eq!(cut_off, Err(SendError::Unencodable));
    a.messenger.send_again(&frame).unwrap();
    assert!(a.messenger.holds_request(CallId(1)));
    let [_, told] = settle(&mut a, &mut b);
    assert_eq!(told, [Told::Request(2, 2), Told::Request(1, 1)]);
}

#[test]
fn a_restarted_peer_is_not_told_of_what_was_taken_before() {
    for restarts in 0..2 {
        let (mut a, mut b) = ends();
        settle(&mut a, &mut b);
        for end in [&mut a, &mut b] {
            end.messenger.send(&Number(1)).unwrap();
        }
        settle(&mut a, &mut b);
        match restarts {
            0 => b = End::listening(Config::new(3)),
            _ => a = End::dialling(Config::new(3)),
        }
        reconnect(&mut a, &mut b);
        let mut told = settle(&mut a, &mut b);
        let (cause, in_doubt) = (Cause::PeerRestarted, 0);
        assert_eq!(
            told[restarts].pop(),
            Some(Told::Opened(Opening::Fresh { cause, in_doubt }))
        );
    }
}

#[test]
fn what_comes_next_is_told_without_taking_it() {
    let (mut a, mut b) = ends();
    settle(&mut a, &mut b);
    ask(&mut a, 7);
    a.messenger.send(&Number(5)).unwrap();
    let file = file::Frame::Verified { file: 3 };
    a.messenger.send_file(&file).unwrap();
    while a.write(&mut b, usize::MAX) > 0 {}
    b.read(usize::MAX);
    assert_eq!(b.messenger.peek(), Some(Peeked::Other));
    assert_eq!(b.messenger.peek(), Some(Peeked::Other), "nothing is taken");
    let asked = b.messenger.recv();
    assert!(matches!(
        asked,
        Some(Event::Request(CallId(7), Words::Double(Double(7))))
    ));
    let number = b.messenger.recv();
    assert!(matches!(
        number,
        Some(Event::Message(Words::Number(Number(5))))
    ));
    assert_eq!(b.messenger.peek(), Some(Peeked::File(file)));
    let told = b.messenger.recv::<Words<'_>>();
    assert!(matches!(told, Some(Event::Notice(Notice::File(it))) if it == file));
    assert_eq!(b.messenger.peek(), None);

    let answer = Answer::<'_, '_, _, Double> {
        id: CallId(7),
        value: &14,
    };
    b.messenger.send(&answer).unwrap();
    while b.write(&mut a, usize::MAX) > 0 {}
    a.read(usize::MAX);
    assert_eq!(a.messenger.peek(), Some(Peeked::Answer(CallId(7))));
    let answered = a.messenger.recv::<Words<'_>>();
    assert!(matches!(answered, Some(Event::Answer(CallId(7), _))));
}
