//! Peers that mean harm to native sessions.

use super::dialler::{Dialler, Number, Told};
use super::{Opening, Random, SOON, Served, board, echo, seed};
use ropeway_std::Handlers;
use ropeway_std::hub::Limits;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A HELLO that asks for sessions of its own choice.
fn hello(session: u64, offered: u64, name: &str) -> Vec<u8> {
    let mut hello = vec![0xE0, 1, 1];
    hello.extend(99_u64.to_le_bytes());
    hello.extend(session.to_le_bytes());
    hello.extend(0_u32.to_le_bytes());
    hello.extend(1000_u32.to_le_bytes());
    hello.extend(1000_u32.to_le_bytes());
    hello.extend(0_u64.to_le_bytes());
    hello.extend(0_u32.to_le_bytes());
    hello.extend(offered.to_le_bytes());
    hello.extend(name.as_bytes());
    hello.insert(0, u8::try_from(hello.len() + 1).unwrap());
    hello
}

#[test]
fn guessed_sessions_open_nothing() {
    let seed = seed();
    let mut random = Random(seed | 1);
    let served = Served::new(echo(), Limits::default().linger(SOON));
    let mut victims: Vec<_> = (1..=3)
        .map(|n| Dialler::open(served.address, board(n)))
        .collect();
    victims[2].cut(true);
    let known = victims[0].session();
    let mut distances = Vec::new();
    for n in 0..200 {
        let guess = match n % 4 {
            0 => known ^ (1 << (n % 64)),
            1 => known.wrapping_add(n),
            _ => random.next(),
        };
        let mut stream = TcpStream::connect(served.address).unwrap();
        stream
            .write_all(&hello(guess, guess.rotate_left(7), "victim"))
            .unwrap();
        let mut welcome = [0; 54];
        stream.read_exact(&mut welcome).unwrap();
        assert_eq!((welcome[1], welcome[3]), (0xE1, 0), "it is a fresh session");
        let session: [u8; 8] = welcome[12..20].try_into().unwrap();
        distances.push(u64::from_le_bytes(session) ^ known);
    }
    // Ids tell nothing of each other.
    distances.sort_unstable();
    distances.dedup();
    assert_eq!(distances.len(), 200);
    let ones: u32 = distances.iter().map(|distance| distance.count_ones()).sum();
    assert!((200 * 28..200 * 36).contains(&ones), "{ones}");
    victims[2].connect();
    for (victim, n) in victims.iter_mut().zip(1..) {
        victim.mail.send(&Number(n)).unwrap();
        assert_eq!(victim.next(), Told::Number(n));
    }
}

#[test]
fn half_an_opening_with_the_right_session_harms_nobody() {
    let served = Served::new(echo(), Limits::default());
    let mut dialler = Dialler::open(served.address, board(1));
    assert_eq!(served.news(), "joined");
    let whole = hello(dialler.session(), 0, "thief");
    let mut streams = Vec::new();
    for len in 0..whole.len() {
        let mut stream = TcpStream::connect(served.address).unwrap();
        stream.write_all(&whole[..len]).unwrap();
        if len % 2 == 0 {
            streams.push(stream);
        }
        dialler.mail.send(&Number(1)).unwrap();
        assert_eq!(dialler.next(), Told::Number(1));
    }
    drop(streams);
    while served.ask(|peers| peers.len()) > 1 {}
    let all: Vec<String> = served.news.try_iter().collect();
    assert!(
        all.iter().all(|news| news.starts_with("turned away: ")),
        "{all:?}"
    );
}

#[test]
fn a_flood_of_reconnects_leaks_nothing() {
    let served = Served::new(echo(), Limits::default().linger(SOON));
    let mut dialler = Dialler::open(served.address, board(1));
    let mut kept = Vec::new();
    for n in 0..500_u32 {
        kept.extend(dialler.connect());
        match n % 3 {
            // The opening is left as it is, before or after it was answered.
            0 => drop(dialler.write(usize::MAX)),
            1 => drop(dialler.write(n as usize % 60)),
            _ => {
                assert_eq!(dialler.until_open(), Opening::Resumed);
            }
        }
        if kept.len() > 20 {
            kept.clear();
        }
    }
    kept.clear();
    dialler.connect();
    assert_eq!(dialler.until_open(), Opening::Resumed);
    dialler.mail.send(&Number(7)).unwrap();
    assert_eq!(dialler.next(), Told::Number(7));
    while served.ask(|peers| peers.len()) > 1 {}
    assert_eq!(served.ask(|peers| peers.ids().count()), 1);
}

#[test]
fn what_is_refused_is_counted_by_kind() {
    let served = Served::new(Handlers::new(), Limits::default().linger(SOON));
    let mut dialler = Dialler::open(served.address, board(1));
    assert_eq!(served.news(), "joined");
    // What nobody handles, what is no number, and what no peer may say.
    dialler.mail.send(&Number(1)).unwrap();
    dialler.flush();
    let unknown = served.ask(|peers| peers.refusals());
    assert_eq!((unknown.unknown, unknown.malformed), (1, 0));
    dialler
        .stream
        .as_mut()
        .unwrap()
        .write_all(&[2, 0xEF])
        .unwrap();
    dialler.until_gone();
    assert!(served.news().starts_with("left: "));
    let mut stranger = TcpStream::connect(served.address).unwrap();
    stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let turned_away = served.news();
    assert_eq!(
        turned_away,
        "turned away: not an opening: this looks like HTTP"
    );
    let all = served.ask(|peers| peers.refusals());
    assert_eq!((all.openings, all.rules), (1, 2));
    assert_eq!((all.unknown, all.malformed), (1, 2));
}

#[test]
fn garbage_is_turned_away_and_sessions_go_on() {
    let seed = seed();
    let mut random = Random(seed | 1);
    let served = Served::new(echo(), Limits::default().linger(SOON).opening(SOON * 5));
    let mut dialler = Dialler::open(served.address, board(1));
    for n in 0..300 {
        let mut stream = TcpStream::connect(served.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_millis(1)))
            .unwrap();
        let mut bytes = match random.below(4) {
            0 => hello(random.next(), 0, "x"),
            1 => hello(0, 0, ""),
            2 => b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            _ => Vec::new(),
        };
        bytes.extend((0..random.below(300)).map(|_| random.next().to_le_bytes()[0]));
        if random.below(2) == 0 && !bytes.is_empty() {
            let at = random.below(bytes.len() as u64);
            bytes[at] ^= 1 << random.below(8);
        }
        let _ = stream.write_all(&bytes);
        let _ = stream.read(&mut [0; 64]);
        if n % 10 == 0 {
            dialler.mail.send(&Number(n)).unwrap();
            assert_eq!(dialler.next(), Told::Number(n));
        }
    }
    dialler.mail.send(&Number(1)).unwrap();
    assert_eq!(dialler.next(), Told::Number(1));
}
