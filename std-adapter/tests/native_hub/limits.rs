//! What a hub allows native peers.

use super::dialler::{Dialler, Number, Told};
use super::{Cause, FIRST, LONG, Opening, SOON, Served, board, echo, fresh};
use ropeway_std::dialect::native::Config;
use ropeway_std::hub::Limits;
use std::io::Write;
use std::net::TcpStream;
use std::time::Instant;

#[test]
fn a_session_is_given_up_in_time() {
    let served = Served::new(echo(), Limits::default().session_life(SOON));
    let mut dialler = Dialler::open(served.address, board(1));
    assert_eq!(served.news(), "joined");
    dialler.cut(true);
    assert!(served.news().starts_with("away: "));
    assert_eq!(served.news(), "left: the peer was away for too long");
    assert!(served.ask(|peers| peers.is_empty()));
    dialler.connect();
    assert_eq!(dialler.until_open(), fresh(Cause::PeerForgot));
    assert_eq!(served.news(), "joined");
}

#[test]
fn the_oldest_session_gives_way() {
    let served = Served::new(echo(), Limits::default().sessions(2));
    let mut diallers: Vec<_> = (1..=3)
        .map(|n| Dialler::open(served.address, board(n)))
        .collect();
    let news: Vec<_> = (0..3).map(|_| served.news()).collect();
    assert_eq!(news, ["joined"; 3]);
    for dialler in &mut diallers {
        dialler.cut(true);
        assert!(served.news().starts_with("away: "));
    }
    assert_eq!(served.news(), "left: it gave way to newer ones");
    let openings = diallers.iter_mut().rev().map(|dialler| {
        dialler.connect();
        dialler.until_open()
    });
    let openings: Vec<_> = openings.collect();
    let forgot = fresh(Cause::PeerForgot);
    assert_eq!(openings, [Opening::Resumed, Opening::Resumed, forgot]);
}

#[test]
fn who_finds_no_room_is_told_and_keeps_its_session() {
    let served = Served::new(echo(), Limits::default().peers(2));
    let mut first = Dialler::open(served.address, board(1));
    let mut second = Dialler::open(served.address, board(2));
    let mut third = Dialler::new(served.address, board(3));
    third.connect();
    let no_room = [Told::Met, Told::Bye("no room for another peer".into())];
    assert_eq!(third.until_gone()[..], no_room[1..]);
    // Who is there may come again over a new connection, full or not.
    let _half_open = first.connect();
    assert_eq!(first.until_open(), Opening::Resumed);
    second.cut(true);
    while !served.news().starts_with("away: closed") {
        if served.ask(|peers| peers.ids().any(|id| peers.is_away(id))) {
            break;
        }
    }
    third.connect();
    assert_eq!(third.until_open(), FIRST);
    second.connect();
    assert_eq!(second.until_gone()[..], no_room[1..]);
    third
        .mail
        .dialect_mut()
        .close(ropeway_std::dialect::native::Reason::Done);
    third.until_gone();
    while served.ask(|peers| peers.len()) > 2 {}
    second.connect();
    assert_eq!(second.until_open(), Opening::Resumed);
}

#[test]
fn peers_of_one_address_are_counted_where_sessions_are() {
    let served = Served::new(echo(), Limits::default().peers_per_address(1));
    let mut first = Dialler::open(served.address, board(1));
    let mut second = Dialler::new(served.address, board(2));
    second.connect();
    assert!(matches!(second.until_gone().last(), Some(Told::Bye(_))));
    let _half_open = first.connect();
    assert_eq!(first.until_open(), Opening::Resumed);
    assert_eq!(served.news(), "joined");
    assert_eq!(
        served.news(),
        "turned away: too many peers from this address"
    );
}

#[test]
fn a_thousand_unfinished_openings_disturb_nobody() {
    let limits = Limits::default().openings(50).opening(SOON * 10);
    let served = Served::new(echo(), limits);
    let mut good = Dialler::open(served.address, board(1));
    assert_eq!(served.news(), "joined");
    let mut hello = Dialler::new(served.address, board(2));
    let hello = hello.mail.poll_output().to_vec();
    let start = Instant::now();
    let mut unfinished = Vec::new();
    let (mut turned_away, mut most) = (0, 0);
    for n in 0..1000_u32 {
        let mut stream = TcpStream::connect(served.address).unwrap();
        // Some say nothing, others a part of an opening.
        let part = n as usize % hello.len();
        stream.write_all(&hello[..part]).unwrap();
        unfinished.push(stream);
        if n % 100 == 0 {
            good.mail.send(&Number(n)).unwrap();
            assert_eq!(good.next(), Told::Number(n));
            let mut newcomer = Dialler::open(served.address, Config::new(n.into()));
            newcomer.mail.send(&Number(n)).unwrap();
            assert_eq!(newcomer.next(), Told::Number(n));
            newcomer
                .mail
                .dialect_mut()
                .close(ropeway_std::dialect::native::Reason::Done);
            newcomer.until_gone();
            most = most.max(served.ask(|peers| peers.len()));
        }
    }
    // The rest are turned away in time, though they say nothing more.
    while turned_away < 1000 {
        let news = served.news();
        turned_away += usize::from(news.starts_with("turned away: "));
    }
    assert!(start.elapsed() < LONG);
    assert!(most <= 50 + 1 + 10, "{most} at once");
    assert_eq!(served.ask(|peers| peers.ids().count()), 1);
}

#[test]
fn a_silent_peer_is_away_until_it_comes_again() {
    let silence = ropeway_core::time::Duration::from_millis(50);
    let served = Served::new(echo(), Limits::default().linger(SOON));
    let mut dialler = Dialler::open(served.address, board(1).silence(silence));
    assert_eq!(served.news(), "joined");
    // It keeps its promise for as long as it is stepped.
    let start = Instant::now();
    while start.elapsed() < SOON * 10 {
        dialler.step();
        assert_eq!(dialler.hear(), None);
    }
    assert!(served.news.try_recv().is_err());
    assert_eq!(served.news(), "away: the peer was silent for too long");
    let _half_open = dialler.connect();
    assert_eq!(dialler.until_open(), Opening::Resumed);
    assert_eq!(served.news(), "back");
}

#[test]
fn the_hub_keeps_its_own_promise() {
    let silence = ropeway_core::time::Duration::from_millis(60);
    let config = Config::new(0x40B).silence(silence);
    let served = Served::configured(echo(), Limits::default(), config);
    let mut dialler = Dialler::open(served.address, board(1));
    let start = Instant::now();
    while start.elapsed() < SOON * 20 {
        assert!(dialler.step());
        assert_eq!(dialler.hear(), None);
    }
}

#[test]
fn an_idle_peer_is_let_go_and_may_come_again() {
    let limits = Limits::default().idle(SOON).linger(SOON);
    let served = Served::new(echo(), limits);
    let mut dialler = Dialler::open(served.address, board(1));
    assert_eq!(served.news(), "joined");
    assert_eq!(served.news(), "away: the peer was silent for too long");
    let told = dialler.until_gone();
    assert_eq!(told, [Told::Bye("silent for longer than promised".into())]);
    dialler.connect();
    assert_eq!(dialler.until_open(), Opening::Resumed);
    assert!(dialler.is_open());
}

#[test]
fn who_is_being_given_up_for_lost_can_be_sent_to() {
    let served = Served::new(echo(), Limits::default().linger(LONG));
    let mut dialler = Dialler::open(served.address, board(1).silence(SOON));
    assert_eq!(served.news(), "joined");
    let peer = served.only_peer();
    // It says nothing until it is told that this was too long.
    let bye = loop {
        assert!(dialler.read(usize::MAX));
        if let Some(told) = dialler.hear() {
            break told;
        }
    };
    assert_eq!(bye, Told::Bye("silent for longer than promised".into()));
    let sent = served.ask(move |peers| {
        let is_there = peers.get(peer).is_some() && peers.ids().any(|id| id == peer);
        (is_there, peers.send(peer, &Number(1)))
    });
    assert_eq!(sent, (true, Ok(())));
    dialler.connect();
    assert_eq!(dialler.until_open(), Opening::Resumed);
    assert_eq!(dialler.next(), Told::Number(1));
}

/// Another address of this machine, which has it without being told on Linux alone.
#[cfg(target_os = "linux")]
const ELSEWHERE: [u8; 4] = [127, 0, 0, 2];

#[cfg(target_os = "linux")]
#[test]
fn who_comes_and_goes_evicts_its_own_sessions_first() {
    let served = Served::new(echo(), Limits::default().sessions(3));
    let mut robot = Dialler::open(served.address, board(1));
    assert_eq!(served.news(), "joined");
    robot.cut(true);
    assert!(served.news().starts_with("away: "));
    for n in 2..12 {
        let mut stranger = Dialler::new(served.address, board(n)).from(ELSEWHERE);
        stranger.connect();
        stranger.until_open();
        assert_eq!(served.news(), "joined");
        stranger.cut(true);
        assert!(served.news().starts_with("away: "));
        if n > 3 {
            assert_eq!(served.news(), "left: it gave way to newer ones");
        }
    }
    robot.connect();
    assert_eq!(robot.until_open(), Opening::Resumed);
}

#[test]
fn sessions_that_are_away_are_limited_by_address_too() {
    let served = Served::new(echo(), Limits::default().peers_per_address(2));
    let mut diallers = Vec::new();
    for n in 1..=3 {
        let mut dialler = Dialler::open(served.address, board(n));
        assert_eq!(served.news(), "joined");
        dialler.cut(true);
        assert!(served.news().starts_with("away: "));
        diallers.push(dialler);
    }
    assert_eq!(served.news(), "left: it gave way to newer ones");
    diallers[0].connect();
    assert_eq!(diallers[0].until_open(), fresh(Cause::PeerForgot));
    diallers[2].connect();
    assert_eq!(diallers[2].until_open(), Opening::Resumed);
}

#[cfg(target_os = "linux")]
#[test]
fn a_session_moves_only_to_an_address_that_has_room() {
    let served = Served::new(echo(), Limits::default().peers_per_address(1));
    let mut first = Dialler::open(served.address, board(1));
    let mut second = Dialler::new(served.address, board(2)).from(ELSEWHERE);
    second.connect();
    second.until_open();
    second = second.from([127, 0, 0, 1]);
    let _half_open = second.connect();
    let told = second.until_gone();
    assert_eq!(told, [Told::Bye("no room for another peer".into())]);
    let _older = first.connect();
    assert_eq!(first.until_open(), Opening::Resumed);
    second = second.from([127, 0, 0, 3]);
    second.connect();
    assert_eq!(second.until_open(), Opening::Resumed);
}

#[cfg(target_os = "linux")]
#[test]
fn unfinished_openings_evict_those_of_their_own_address() {
    let served = Served::new(echo(), Limits::default().openings(3));
    let mut slow = Dialler::new(served.address, board(1));
    slow.connect();
    slow.write(5);
    while served.ask(|peers| peers.len()) < 1 {}
    let from = (ELSEWHERE, 0).into();
    let _strangers: Vec<_> = (0..10)
        .map(|_| super::dialler::connect_from(from, served.address))
        .collect();
    for _ in 0..8 {
        assert_eq!(served.news(), "turned away: it gave way to newer ones");
    }
    assert_eq!(slow.until_open(), FIRST);
}
