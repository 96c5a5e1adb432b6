//! What a hub counts of its peers.

use super::dialler::{Dialler, Number, Told, Words};
use super::{FIRST, LONG, Served, board, echo, hub};
use ropeway_std::dialect::cable_car::CableCarByte;
use ropeway_std::dialect::native::{Config, Opening};
use ropeway_std::hub::{Event, Hub, Limits, PeerId, Stats};
use ropeway_std::{Connect, Event as Said, Options};
use std::time::Duration;

fn counted() -> Served {
    let hub = hub(Limits::default(), Config::new(0x40B).name("hub"));
    Served::over(hub.with_stats(), echo())
}

impl Served {
    fn stats(&self, peer: PeerId) -> Option<Stats> {
        self.ask(move |peers| peers.stats(peer))
    }

    /// What is counted once it is as `until` says, which takes as long as the bytes of both ends do.
    fn stats_until(
        &self,
        peer: PeerId,
        dialler: &mut Dialler,
        until: impl Fn(&Stats) -> bool,
    ) -> Stats {
        let began = std::time::Instant::now();
        loop {
            let stats = self.stats(peer).expect("a peer that is counted");
            if until(&stats) {
                return stats;
            }
            assert!(dialler.step() && began.elapsed() < LONG, "{stats:?}");
        }
    }
}

#[test]
fn messages_requests_and_answers_are_counted_both_ways() {
    let served = counted();
    let mut dialler = Dialler::open(served.address, board(1));
    assert_eq!(served.news(), "joined");
    let peer = served.only_peer();
    for n in 0..3 {
        dialler.mail.send(&Number(n)).unwrap();
        assert_eq!(dialler.next(), Told::Number(n));
    }
    dialler.ask(7, 21).unwrap();
    assert_eq!(dialler.next(), Told::Answer(7, Ok(42)));
    let call = served.ask(move |peers| peers.start(peer, &super::dialler::Double(1), LONG));
    let Told::Request(..) = dialler.next() else {
        panic!("a request was sent");
    };
    let stats = served.stats(peer).unwrap();
    assert_eq!((stats.messages_in, stats.messages_out), (4, 5));
    // Four frames of two bytes and a body at least, after the opening.
    assert!(stats.bytes_in > 12 && stats.bytes_out > 12, "{stats:?}");
    assert!(
        stats.queued > 0,
        "the peer has not acknowledged the request"
    );
    served.stats_until(peer, &mut dialler, |stats| stats.queued == 0);
    drop(call);
}

#[test]
fn counts_outlive_connections_and_what_is_kept_of_a_silent_peer() {
    let served = counted();
    let mut dialler = Dialler::new(served.address, board(1));
    dialler.connect();
    assert_eq!(dialler.until_open(), FIRST);
    assert_eq!(served.news(), "joined");
    let peer = served.only_peer();
    for n in 1..4 {
        dialler.mail.send(&Number(n)).unwrap();
        assert_eq!(dialler.next(), Told::Number(n));
        dialler.cut(true);
        assert!(served.news().starts_with("away: "));
        let before = served.stats(peer).unwrap();
        dialler.connect();
        assert_eq!(dialler.until_open(), Opening::Resumed);
        assert_eq!(served.news(), "back");
        let stats = served.stats(peer).unwrap();
        assert_eq!(stats.resumed, u64::from(n));
        assert_eq!(stats.messages_in, u64::from(n));
        assert!(stats.bytes_in > before.bytes_in, "with the new opening");
        assert!(stats.age > before.age);
    }
}

#[test]
fn a_round_trip_is_measured_when_asked_for() {
    let served = counted();
    let mut dialler = Dialler::open(served.address, board(1));
    assert_eq!(served.news(), "joined");
    let peer = served.only_peer();
    assert_eq!(served.stats(peer).unwrap().round_trip, None);
    let began = std::time::Instant::now();
    assert!(served.ask(move |peers| peers.ping(peer)));
    assert!(!served.ask(move |peers| peers.ping(peer)), "one at a time");
    let stats = served.stats_until(peer, &mut dialler, |stats| stats.round_trip.is_some());
    let round_trip = stats.round_trip.unwrap();
    assert!(round_trip > Duration::ZERO && round_trip <= began.elapsed());
    assert!(served.ask(move |peers| peers.ping(peer)));
}

#[test]
fn nothing_is_counted_unless_asked_for() {
    let served = Served::new(echo(), Limits::default());
    let _dialler = Dialler::open(served.address, board(1));
    assert_eq!(served.news(), "joined");
    let peer = served.only_peer();
    assert_eq!(served.stats(peer), None);
    assert!(!served.ask(move |peers| peers.ping(peer)));
}

#[test]
fn what_is_asked_for_one_by_one_is_counted_too() {
    let hub = Hub::new(|_| CableCarByte, Options::default(), Limits::default());
    let mut hub = hub.unwrap().with_stats();
    let listener = hub.listen("127.0.0.1:0").unwrap();
    let connect = Connect::new(hub.address(listener).unwrap());
    let mut link = connect.link(CableCarByte, &Options::default()).unwrap();
    for n in 0..3 {
        link.send(&Number(n)).unwrap();
    }
    for count in 1..4 {
        let peer = loop {
            match hub.next::<Words>(LONG).unwrap() {
                Some(Event::Said(peer, Said::Message(Words::Number(_)))) => break peer,
                Some(Event::News(_)) => {}
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(hub.stats(peer).unwrap().messages_in, count);
    }
}
