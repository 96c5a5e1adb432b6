//! What lies between the frames and the transport: keys, and packets on a serial line.

mod rig;

use embassy_futures::join::{join, join3};
use embassy_futures::select::{Either, select};
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::pipe::Pipe;
use embassy_time::{Duration, Timer, with_timeout};
use rig::{Random, THEIRS, at, run_alone, task, with_stacks};
use ropeway_core::dialect::native::{Config, Native, TCP_PORT};
use ropeway_core::messages;
use ropeway_core::wire::secure::{Key, KeyId, Secure};
use ropeway_core::wire::serial::Serial;
use ropeway_embassy::{Error, Event, Lost, News, NoFiles, Peer, Resources, Runner, Settings};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Number(u32);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Double(u32);

messages! {
    #[derive(Debug)]
    enum Words {
        Number(Number) = 0x10,
        Double(Double) = 0x11 -> u32,
    }
}

type Dialect = Native<Config>;
type Line = Serial<[u8; 256], [u8; 256]>;
type Sealed = Secure<&'static [(KeyId, Key); 2], [u8; 256], [u8; 256]>;

const SECOND: Duration = Duration::from_secs(1);

const ROVER: KeyId = KeyId::new(b"rover").unwrap();
const PANEL: KeyId = KeyId::new(b"panel").unwrap();

static KEYS: [(KeyId, Key); 2] = [(ROVER, Key::new([7; 32])), (PANEL, Key::new([8; 32]))];
static OTHERS: [(KeyId, Key); 2] = [(ROVER, Key::new([9; 32])), (PANEL, Key::new([8; 32]))];

fn dialling(epoch: u64) -> Dialect {
    Native::dialling(Config::new(epoch).name("board"))
}

fn listening() -> Dialect {
    Native::listening(Config::new(99).name("hub"))
}

/// Takes numbers and answers requests until so many numbers have come.
async fn hear<X: ropeway_core::wire::Wire>(peer: Peer<'_, Dialect, NoFiles, X>, count: u32) {
    let mut next = 0;
    while next < count {
        match peer.recv::<Words>().await.unwrap() {
            Event::Message(Words::Number(Number(number))) => {
                assert_eq!(number, next);
                next += 1;
            }
            Event::Request(id, Words::Double(Double(number))) => {
                peer.answer::<Double>(id, &(number * 2)).await.unwrap();
            }
            Event::News(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

async fn say<X: ropeway_core::wire::Wire>(peer: Peer<'_, Dialect, NoFiles, X>, count: u32) {
    for number in 0..count {
        peer.send(&Number(number)).await.unwrap();
        if number % 50 == 0 {
            assert_eq!(
                peer.call(&Double(number), 60 * SECOND).await,
                Ok(number * 2)
            );
        }
    }
    peer.flush().await.unwrap();
}

/// Has a board with `keys` and `id` dial a hub with [`KEYS`], cut every so often, and runs `program`.
fn with_keys(
    keys: &'static [(KeyId, Key); 2],
    id: KeyId,
    cut: Option<u64>,
    program: impl AsyncFnOnce(Peer<'_, Dialect, NoFiles, Sealed>, Peer<'_, Dialect, NoFiles, Sealed>),
) {
    with_stacks(async |ours, theirs| {
        let (mut memory, mut other) = (
            Resources::<_, 1, 512, _, _>::new(),
            Resources::<_, 2, 512, _, _>::new(),
        );
        let wire = Secure::dial(id, keys, [0; 256], [0; 256]);
        let (board, mut runner) = memory.peer_with(dialling(1), NoFiles, wire);
        let wire = || Secure::listen(&KEYS, [0; 256], [0; 256]);
        let (hub, mut listener) = other.listener_with(|| (listening(), NoFiles, wire()));
        let settings = Settings {
            opening: SECOND,
            ..Settings::default()
        };
        let dialling = async {
            let (mut random, mut bytes) = (Random(3), Random(4));
            loop {
                let cut = cut.map_or(1_000_000, |most| random.next() % most);
                let find = async || at(THEIRS, TCP_PORT);
                let run = runner.run(ours, settings, find, || bytes.bytes());
                select(run, Timer::after_millis(cut)).await;
            }
        };
        let mut random = Random(5);
        let make = || (listening(), wire());
        let listening = listener.run(theirs, TCP_PORT, settings, make, || random.bytes());
        let [place, _] = *hub.peers();
        match select(join(task(dialling), task(listening)), program(board, place)).await {
            Either::First(_) => panic!("a runner has stopped"),
            Either::Second(()) => {}
        }
    });
}

#[test]
fn who_has_the_key_is_heard_over_links_that_are_cut() {
    with_keys(&KEYS, ROVER, Some(40), async |board, place| {
        let talk = async {
            place.open().await.unwrap();
            join3(
                task(say(board, 1000)),
                task(hear(place, 1000)),
                hear_nothing(board),
            )
            .await;
        };
        with_timeout(500 * SECOND, talk).await.expect("in time");
    });
}

async fn hear_nothing(peer: Peer<'_, Dialect, NoFiles, Sealed>) {
    let quiet = async {
        loop {
            match peer.recv::<Words>().await.unwrap() {
                Event::News(_) => {}
                other => panic!("{other:?}"),
            }
        }
    };
    assert!(with_timeout(SECOND, quiet).await.is_err());
}

#[test]
fn who_has_another_key_is_told_so_and_nothing_else() {
    with_keys(&OTHERS, ROVER, None, async |board, place| {
        board.send(&Number(1)).await.unwrap();
        let mut lost = 0;
        while lost < 3 {
            match board.recv::<Words>().await.unwrap() {
                Event::News(News::Lost(_)) => lost += 1,
                Event::News(News::Opened(_)) | Event::Message(_) => panic!("it was let in"),
                _ => {}
            }
        }
        assert!(!place.is_open());
        assert_eq!(
            place.try_send(&Number(1)),
            Err(Error::Send(ropeway_core::SendError::NotOpen))
        );
    });
}

/// A serial line, one byte in `one_in` of which is garbled.
async fn carry<const N: usize>(
    from: &Pipe<NoopRawMutex, N>,
    to: &Pipe<NoopRawMutex, N>,
    one_in: u64,
) {
    let mut random = Random(77);
    let mut bytes = [0; 8];
    loop {
        let len = from.read(&mut bytes).await;
        for byte in &mut bytes[..len] {
            if random.next().is_multiple_of(one_in) {
                *byte ^= 0x10;
            }
        }
        // As long as 8 bytes take at 115,200 baud.
        Timer::after_micros(694).await;
        to.write_all(&bytes[..len]).await;
    }
}

/// Two ends of a line without a wire of its own, and what goes each way.
fn on_a_plain_line(
    program: impl AsyncFnOnce(
        (Peer<'_, Dialect>, Runner<'_, Dialect>),
        (Peer<'_, Dialect>, Runner<'_, Dialect>),
        [&Pipe<NoopRawMutex, 64>; 2],
    ),
) {
    run_alone(async {
        let (mut memory, mut other) = (Resources::<_, 1>::new(), Resources::<_, 1>::new());
        let lines = [const { Pipe::new() }; 2];
        let board = memory.peer(dialling(1));
        let host = other.peer(listening());
        program(board, host, lines.each_ref()).await;
    });
}

#[test]
fn who_listens_on_a_line_waits_for_its_first_peer_as_long_as_it_is_served() {
    on_a_plain_line(async |(board, mut runner), (host, mut other), [up, down]| {
        host.send(&Number(0)).await.unwrap();
        let serving = async {
            let lost = other.serve(up, down, SECOND, [2; 32]).await;
            assert_eq!(lost, Lost::Opening);
            Timer::after_millis(10).await;
            join(
                runner.serve(down, up, SECOND, [1; 32]),
                other.serve(up, down, SECOND, [2; 32]),
            )
            .await;
        };
        let talk = join(task(hear(host, 1)), async {
            board.send(&Number(0)).await.unwrap();
            task(hear(board, 1)).await;
        });
        let Either::Second(_) = select(serving, talk).await else {
            panic!("nothing is served any more")
        };
    });
}

#[test]
fn who_listens_on_a_line_takes_leave_of_its_first_peer_when_it_has_come() {
    on_a_plain_line(async |(board, mut runner), (host, mut other), [up, down]| {
        host.send(&Number(0)).await.unwrap();
        let leaving = join(host.close(9 * SECOND), async {
            Timer::after_secs(1).await;
            join3(
                runner.serve(down, up, SECOND, [1; 32]),
                other.serve(up, down, SECOND, [2; 32]),
                hear(board, 1),
            )
            .await
        });
        let (was_in_time, (lost, ..)) = leaving.await;
        assert_eq!((was_in_time, lost), (true, Lost::Ended));
    });
}

#[test]
fn a_last_word_that_finds_no_way_does_not_hide_why_the_link_has_ended() {
    on_a_plain_line(async |(board, mut runner), (host, mut other), [up, down]| {
        let opened = async {
            board.open().await.unwrap();
            host.open().await.unwrap();
            Timer::after_secs(5).await;
        };
        let serving = runner.serve(down, up, SECOND, [1; 32]);
        let ending = async {
            select(other.serve(up, down, SECOND, [2; 32]), opened).await;
            // Nobody reads any more, and what comes breaks a rule.
            while board.try_send(&Number(0)).is_ok() {}
            down.write_all(&[2, 0xef, 0]).await;
            loop {
                match board.recv::<Words>().await.unwrap() {
                    Event::News(News::Opened(_)) => {}
                    other => break assert!(matches!(other, Event::Malformed(_)), "{other:?}"),
                }
            }
        };
        let (lost, ()) = join(serving, ending).await;
        assert_eq!(lost, Lost::Ended);
    });
}

#[test]
fn who_waits_for_ever_does_so_without_a_panic() {
    on_a_plain_line(async |(board, _), _, _| {
        let waiting = select(
            board.call(&Double(1), Duration::MAX),
            board.close(Duration::MAX),
        );
        assert!(with_timeout(SECOND, waiting).await.is_err());
    });
}

#[test]
fn a_handle_can_be_shown_while_what_its_peer_said_is_looked_at() {
    on_a_plain_line(async |(board, mut runner), (host, mut other), [up, down]| {
        let serving = join(
            runner.serve(down, up, SECOND, [1; 32]),
            other.serve(up, down, SECOND, [2; 32]),
        );
        let shown = host.recv_with(|_| std::format!("{host:?}"));
        match select(serving, join(board.open(), shown)).await {
            Either::First(_) => panic!("nothing is served any more"),
            Either::Second((_, shown)) => assert!(shown.unwrap().contains("Peer")),
        }
    });
}

#[test]
fn a_serial_line_that_garbles_bytes_delays_messages_and_loses_none() {
    run_alone(async {
        let (mut memory, mut other) = (
            Resources::<_, 1, 512, _, Line>::new(),
            Resources::<_, 1, 512, _, Line>::new(),
        );
        let line = || Serial::new([0; 256], [0; 256]);
        let (board, mut runner) = memory.peer_with(dialling(1), NoFiles, line());
        let (host, mut other) = other.peer_with(listening(), NoFiles, line());
        let (ours, theirs) = (
            Pipe::<NoopRawMutex, 64>::new(),
            Pipe::<NoopRawMutex, 64>::new(),
        );
        let (heard, said) = (
            Pipe::<NoopRawMutex, 64>::new(),
            Pipe::<NoopRawMutex, 64>::new(),
        );
        let serving = join(
            task(runner.serve(&heard, &ours, 100 * SECOND, [1; 32])),
            task(other.serve(&said, &theirs, 100 * SECOND, [2; 32])),
        );
        let cable = join(carry(&ours, &said, 500), carry(&theirs, &heard, 500));
        let talk = async {
            join(task(say(board, 400)), task(hear(host, 400))).await;
            assert!(board.close(10 * SECOND).await);
        };
        let (lost, ()) = join(select(serving, cable), talk).await;
        assert!(matches!(lost, Either::First((Lost::Ended, _))), "{lost:?}");
    });
}
