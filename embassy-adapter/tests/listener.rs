//! Who gets in at a listener, and what becomes of those who should not.

mod rig;

use core::cell::Cell;
use core::net::Ipv4Addr;
use embassy_futures::join::{join, join3, join4};
use embassy_futures::select::{Either, select};
use embassy_net::Stack;
use embassy_net::tcp::TcpSocket;
use embassy_time::{Duration, Timer, with_timeout};
use rig::{Random, THEIRS, at, move_to, task, with_stacks};
use ropeway_core::dialect::cable_car::{self, CableCarByte, Join, Quit};
use ropeway_core::dialect::native::{
    Cause, Config, Native, Notice, Opening, Reason, Rule, TCP_PORT,
};
use ropeway_core::{Event as Told, Messenger, Rule as Broken, SendError, messages};
use ropeway_embassy::{
    AcceptError, CallError, Error, Event, Heard, Hub, Listener, Lost, News, Peer, Resources,
    Runner, Settings, connect,
};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Number(u32);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Question(u32);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Note<'a>(&'a str);

messages! {
    #[derive(Debug, PartialEq)]
    enum Words {
        Number(Number) = 0x10,
        Question(Question) = 0x12 -> u32,
    }
}

messages! {
    #[derive(Debug, PartialEq)]
    enum Notes<'a> {
        Join(Join),
        Quit(Quit),
        Note(Note<'a>) = 0x11,
    }
}

type Dialect = Native<Config>;

const SECOND: Duration = Duration::from_secs(1);

fn board<'d>(
    memory: &'d mut Resources<'d, Dialect, 1>,
    epoch: u64,
    name: &str,
) -> (Peer<'d, Dialect>, Runner<'d, Dialect>) {
    memory.peer(Native::dialling(Config::new(epoch).name(name)))
}

fn hub<'d, const N: usize>(
    memory: &'d mut Resources<'d, Dialect, N>,
) -> (Hub<'d, Dialect, N>, Listener<'d, Dialect, N>) {
    memory.listener(|| Native::listening(Config::new(99)))
}

fn settings() -> Settings {
    Settings {
        opening: SECOND,
        ..Settings::default()
    }
}

async fn dial(runner: &mut Runner<'_, Dialect>, stack: Stack<'_>, seed: u64) {
    let mut random = Random(seed);
    let find = async || at(THEIRS, TCP_PORT);
    let running = runner.run(stack, settings(), find, || random.bytes());
    task(running).await;
}

async fn listen<const N: usize>(listener: &mut Listener<'_, Dialect, N>, stack: Stack<'_>) {
    let mut random = Random(99);
    let make = || (Native::listening(Config::new(99)), Default::default());
    let settings = settings();
    let listening = listener.run(stack, TCP_PORT, settings, make, || random.bytes());
    task(listening).await.expect("a port");
}

async fn while_running(running: impl Future, program: impl Future<Output = ()>) {
    match select(running, program).await {
        Either::First(_) => panic!("a runner has stopped"),
        Either::Second(()) => {}
    }
}

async fn news(peer: Peer<'_, Dialect>, mut is_it: impl FnMut(News) -> bool) {
    loop {
        match peer.recv::<Words>().await.unwrap() {
            Event::News(news) if is_it(news) => return,
            Event::News(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn every_peer_keeps_its_place_and_one_too_many_finds_no_socket() {
    with_stacks(async |ours, theirs| {
        let mut memory = [const { Resources::new() }; 3];
        let mut other = Resources::new();
        let (hub, mut listener) = hub::<2>(&mut other);
        let [a, b, c] = &mut memory;
        let (a, mut first) = board(a, 1, "a");
        let (b, mut second) = board(b, 2, "b");
        let (c, mut third) = board(c, 3, "c");
        let talk = async {
            for (peer, number) in [(a, 1), (b, 2)] {
                peer.open().await.unwrap();
                peer.send(&Number(number)).await.unwrap();
            }
            let mut places = [usize::MAX; 2];
            let mut heard = 0;
            while heard < 2 {
                let (place, event) = hub.recv::<Words>().await.unwrap();
                if let Event::Message(Words::Number(Number(number))) = event {
                    places[number as usize - 1] = place;
                    heard += 1;
                }
            }
            assert!(places == [0, 1] || places == [1, 0], "{places:?}");
            let is_refused = |news| matches!(news, News::Lost(Lost::Dial(_)));
            news(c, is_refused).await;
            assert!(!c.is_open());
            // One leaves for good, and the third gets the place.
            assert!(a.close(5 * SECOND).await);
            with_timeout(20 * SECOND, c.open())
                .await
                .expect("in time")
                .unwrap();
            c.send(&Number(3)).await.unwrap();
            loop {
                let (place, event) = hub.recv::<Words>().await.unwrap();
                if let Event::Message(words) = event {
                    assert_eq!((place, words), (places[0], Words::Number(Number(3))));
                    break;
                }
            }
            assert_eq!(hub.open().count(), 2);
        };
        let boards = async {
            let staying = join(dial(&mut second, ours, 2), dial(&mut third, ours, 3));
            join(dial(&mut first, ours, 1), staying).await;
        };
        while_running(join(boards, listen(&mut listener, theirs)), talk).await;
    });
}

#[test]
fn a_place_is_given_away_only_when_there_is_no_other() {
    with_stacks(async |ours, theirs| {
        let mut memory = [const { Resources::new() }; 3];
        let mut other = Resources::new();
        let (hub, mut listener) = hub::<2>(&mut other);
        let [a, b, c] = &mut memory;
        let (a, mut first) = board(a, 1, "a");
        let (b, mut second) = board(b, 2, "b");
        let (c, mut third) = board(c, 3, "c");
        let [one, two] = *hub.peers();
        let boards = async {
            // Each is cut off before the next comes.
            for (peer, runner) in [(a, &mut first), (b, &mut second)] {
                let opened = async {
                    peer.open().await.unwrap();
                    peer.flush().await.unwrap();
                    Timer::after_millis(50).await;
                };
                while_running(dial(runner, ours, 1), opened).await;
                Timer::after_secs(15).await;
            }
            assert_eq!(hub.taken(), 2);
            one.send(&Number(7)).await.unwrap();
            // The second comes back to its own place, the third takes that of the first.
            join(dial(&mut second, ours, 2), async {
                b.open().await.unwrap();
                dial(&mut third, ours, 3).await;
            })
            .await;
        };
        let talk = async {
            news(b, |news| matches!(news, News::Opened(Opening::Resumed))).await;
            let is_fresh = |news| {
                matches!(
                    news,
                    News::Opened(Opening::Fresh {
                        cause: Cause::FirstContact,
                        ..
                    })
                )
            };
            news(c, is_fresh).await;
            two.open().await.unwrap();
            assert!(two.with_dialect(|dialect| dialect.peer_name() == "b"));
            one.open().await.unwrap();
            assert!(one.with_dialect(|dialect| dialect.peer_name() == "c"));
            assert_eq!(
                one.queued(),
                0,
                "what was for the first is not for the third"
            );
        };
        while_running(join(boards, listen(&mut listener, theirs)), talk).await;
    });
}

#[test]
fn a_session_that_comes_again_takes_over_its_link() {
    with_stacks(async |ours, theirs| {
        let (mut memory, mut other) = (Resources::new(), Resources::new());
        let (hub, mut listener) = hub::<2>(&mut other);
        let (a, mut runner) = board(&mut memory, 1, "a");
        let boards = async {
            // Nothing tells the hub that the link is gone: the board's socket is.
            let opened = async {
                a.open().await.unwrap();
                a.send(&Number(1)).await.unwrap();
                Timer::after_millis(50).await;
            };
            while_running(dial(&mut runner, ours, 1), opened).await;
            dial(&mut runner, ours, 2).await;
        };
        let talk = async {
            let resumed = news(a, |news| matches!(news, News::Opened(Opening::Resumed)));
            with_timeout(2 * SECOND, resumed)
                .await
                .expect("before its silence tells");
            a.send(&Number(2)).await.unwrap();
            let mut numbers = Vec::new();
            while numbers.len() < 2 {
                let (place, event) = hub.recv::<Words>().await.unwrap();
                if let Event::Message(Words::Number(Number(number))) = event {
                    numbers.push((place, number));
                }
            }
            assert_eq!(numbers, [(0, 1), (0, 2)]);
            assert_eq!(hub.taken(), 1);
        };
        while_running(join(boards, listen(&mut listener, theirs)), talk).await;
    });
}

/// Two boards that get the one place of a hub after each other, and what is done there meanwhile: `first` while the first
/// has just lost its link, `then` once the second has opened its own.
fn on_a_place_that_is_given_away(
    first: impl AsyncFnOnce(Peer<'_, Dialect>),
    then: impl AsyncFnOnce(Peer<'_, Dialect>, Peer<'_, Dialect>),
) {
    with_stacks(async |ours, theirs| {
        let mut memory = [const { Resources::new() }; 2];
        let mut other = Resources::new();
        let (hub, mut listener) = hub::<1>(&mut other);
        let [a, b] = &mut memory;
        let (a, mut runner) = board(a, 1, "a");
        let (b, mut second) = board(b, 2, "b");
        let [place] = *hub.peers();
        let is_gone = Cell::new(false);
        let boards = async {
            let opened = async {
                a.open().await.unwrap();
                a.flush().await.unwrap();
                Timer::after_millis(50).await;
            };
            while_running(dial(&mut runner, ours, 1), opened).await;
            Timer::after_secs(15).await;
            is_gone.set(true);
            Timer::after_secs(5).await;
            dial(&mut second, ours, 2).await;
        };
        let talk = async {
            while !is_gone.get() {
                Timer::after_millis(100).await;
            }
            let giving = async {
                b.open().await.unwrap();
                then(place, b).await;
            };
            join(first(place), giving).await;
        };
        while_running(join(boards, listen(&mut listener, theirs)), talk).await;
    });
}

/// Queues numbers until there is no room.
fn fill(peer: Peer<'_, Dialect>) {
    while peer.try_send(&Number(0)).is_ok() {}
}

#[test]
fn what_waits_for_room_for_one_peer_does_not_go_to_the_next() {
    on_a_place_that_is_given_away(
        async |place| {
            fill(place);
            let sent = join(
                place.send(&Number(1)),
                place.call(&Question(2), 60 * SECOND),
            );
            let (sent, called) = sent.await;
            assert_eq!(sent, Err(Error::Send(SendError::NotOpen)));
            assert_eq!(called, Err(CallError::LinkLost));
        },
        async |place, b| {
            place.send(&Number(3)).await.unwrap();
            loop {
                match b.recv::<Words>().await.unwrap() {
                    Event::News(_) => {}
                    other => break assert_eq!(other, Event::Message(Words::Number(Number(3)))),
                }
            }
        },
    );
}

#[test]
fn what_was_for_one_peer_is_not_flushed_by_the_next() {
    on_a_place_that_is_given_away(
        async |place| {
            place.send(&Number(1)).await.unwrap();
            assert_eq!(place.flush().await, Err(Error::Send(SendError::NotOpen)));
        },
        async |_, _| {},
    );
}

#[test]
fn leave_that_is_taken_without_a_link_is_taken_with_the_next() {
    with_stacks(async |ours, theirs| {
        let (mut memory, mut other) = (Resources::new(), Resources::new());
        let (hub, mut listener) = hub::<1>(&mut other);
        let (a, mut runner) = board(&mut memory, 1, "a");
        let opened = async {
            a.open().await.unwrap();
            Timer::after_millis(50).await;
        };
        let talk = async {
            while_running(dial(&mut runner, ours, 1), opened).await;
            // The link is cut, and there is another once leave has been taken.
            a.send(&Number(1)).await.unwrap();
            let hearing = async {
                loop {
                    match hub.recv::<Words>().await.unwrap().1 {
                        Event::Message(words) => break assert_eq!(words, Words::Number(Number(1))),
                        other => assert!(other.news().is_some(), "{other:?}"),
                    }
                }
            };
            let leaving = join3(a.close(30 * SECOND), hearing, dial(&mut runner, ours, 2));
            assert!(leaving.await.0);
            Timer::after_secs(1).await;
            assert_eq!(hub.taken(), 0);
        };
        while_running(listen(&mut listener, theirs), talk).await;
    });
}

#[test]
fn a_hub_that_takes_leave_of_a_peer_without_a_link_tells_it_when_it_comes() {
    with_stacks(async |ours, theirs| {
        let (mut memory, mut other) = (Resources::new(), Resources::new());
        let (hub, mut listener) = hub::<1>(&mut other);
        let (a, mut runner) = board(&mut memory, 1, "a");
        let [place] = *hub.peers();
        let opened = async {
            a.open().await.unwrap();
            Timer::after_millis(50).await;
        };
        let talk = async {
            while_running(dial(&mut runner, ours, 1), opened).await;
            Timer::after_secs(15).await;
            assert_eq!((place.is_open(), hub.taken()), (false, 1));
            let (was_in_time, ()) = join(place.close(5 * SECOND), dial(&mut runner, ours, 2)).await;
            assert!(was_in_time);
            assert_eq!(hub.taken(), 0);
        };
        while_running(listen(&mut listener, theirs), talk).await;
    });
}

#[test]
fn who_has_the_name_of_another_and_not_its_address_gets_nothing_of_it() {
    with_stacks(async |ours, theirs| {
        let mut memory = [const { Resources::new() }; 2];
        let mut other = Resources::new();
        let (hub, mut listener) = hub::<2>(&mut other);
        let [a, b] = &mut memory;
        let (a, mut runner) = board(a, 1, "a");
        let (b, mut second) = board(b, 2, "a");
        let [place, next] = *hub.peers();
        let opened = async {
            a.open().await.unwrap();
            a.flush().await.unwrap();
            Timer::after_millis(50).await;
        };
        let talk = async {
            while_running(dial(&mut runner, ours, 1), opened).await;
            Timer::after_secs(15).await;
            place.send(&Number(7)).await.unwrap();
            move_to(ours, Ipv4Addr::new(10, 0, 0, 9)).await;
            let coming = with_timeout(20 * SECOND, next.open());
            while_running(dial(&mut second, ours, 2), async {
                coming.await.expect("in time").unwrap();
                Timer::after_secs(1).await;
            })
            .await;
            while b.has_event() {
                let event = b.recv::<Words>().await.unwrap();
                assert!(event.news().is_some(), "{event:?}");
            }
            assert!(place.queued() > 0, "it waits for the first");
        };
        while_running(listen(&mut listener, theirs), talk).await;
    });
}

#[test]
fn who_never_came_in_gives_way_before_who_is_away() {
    with_stacks(async |ours, theirs| {
        let (mut memory, mut other) = (Resources::new(), Resources::new());
        let (hub, mut listener) = hub::<2>(&mut other);
        let (a, mut runner) = board(&mut memory, 1, "a");
        let opened = async {
            a.open().await.unwrap();
            a.flush().await.unwrap();
            Timer::after_millis(50).await;
        };
        let talk = async {
            while_running(dial(&mut runner, ours, 1), opened).await;
            Timer::after_secs(15).await;
            for epoch in 2..5 {
                let hello = Native::dialling(Config::new(epoch));
                let mut hello = Messenger::new(hello, [0; 256], [0; 256]);
                let (mut rx, mut tx) = ([0; 1024], [0; 1024]);
                let mut socket = TcpSocket::new(ours, &mut rx, &mut tx);
                socket.connect((THEIRS, TCP_PORT)).await.unwrap();
                socket.write(hello.poll_output()).await.unwrap();
                assert!(socket.read(&mut [0; 64]).await.unwrap() > 0);
                socket.abort();
                let _ = socket.flush().await;
                Timer::after_secs(1).await;
            }
            assert_eq!(hub.taken(), 2);
            let resumed = news(a, |news| matches!(news, News::Opened(Opening::Resumed)));
            while_running(dial(&mut runner, ours, 2), async {
                with_timeout(5 * SECOND, resumed).await.expect("in time");
            })
            .await;
        };
        while_running(listen(&mut listener, theirs), talk).await;
    });
}

#[test]
fn who_waits_for_a_link_is_woken_by_it() {
    with_stacks(async |ours, theirs| {
        let mut memory = Resources::<CableCarByte, 1>::new();
        let mut other = Resources::<CableCarByte, 1>::new();
        let (peer, mut runner) = memory.peer(CableCarByte);
        let (hub, mut listener) = other.listener(|| CableCarByte);
        let [place] = *hub.peers();
        let mut random = Random(1);
        let find = async || at(THEIRS, cable_car::TCP_PORT);
        let dialling = async {
            Timer::after_secs(1).await;
            let random = || random.bytes();
            runner
                .run_afresh(ours, settings(), find, random, || CableCarByte)
                .await;
        };
        let make = || (CableCarByte, Default::default());
        let listening = listener.run(theirs, cable_car::TCP_PORT, settings(), make, || [0; 32]);
        let running = async {
            join(task(dialling), task(listening)).await.1.unwrap();
        };
        let opened = join(task(peer.open()), task(place.open()));
        while_running(running, async {
            let opened = with_timeout(5 * SECOND, opened).await.expect("in time");
            assert_eq!(opened, (Ok(()), Ok(())));
        })
        .await;
    });
}

#[test]
fn what_is_made_for_a_peer_may_depend_on_the_others() {
    with_stacks(async |ours, theirs| {
        let (mut memory, mut other) = (Resources::new(), Resources::new());
        let (hub, mut listener) = hub::<2>(&mut other);
        let (a, mut runner) = board(&mut memory, 1, "a");
        let mut random = Random(99);
        let make = || {
            let taken = hub.taken();
            let name = ["first", "second"][taken.min(1)];
            let config = Config::new(99).name(name);
            (Native::listening(config), Default::default())
        };
        let random = || {
            let _ = hub.taken();
            random.bytes()
        };
        let listening = listener.run(theirs, TCP_PORT, settings(), make, random);
        let running = async {
            join(dial(&mut runner, ours, 1), listening).await.1.unwrap();
        };
        while_running(running, async {
            a.open().await.unwrap();
            assert!(a.with_dialect(|dialect| dialect.peer_name() == "first"));
        })
        .await;
    });
}

/// What a hub says to a stranger who says `bytes`, until it hangs up.
async fn provoke(stack: Stack<'_>, bytes: &[u8]) -> Vec<u8> {
    let (mut rx, mut tx) = ([0; 1024], [0; 1024]);
    let mut socket = TcpSocket::new(stack, &mut rx, &mut tx);
    socket.connect((THEIRS, TCP_PORT)).await.unwrap();
    let mut answer = Vec::new();
    let mut sent = 0;
    let talk = async {
        while sent < bytes.len() {
            match socket.write(&bytes[sent..]).await {
                Ok(len) => sent += len,
                Err(_) => return,
            }
        }
        let mut room = [0; 64];
        while let Ok(len @ 1..) = socket.read(&mut room).await {
            answer.extend(&room[..len]);
        }
    };
    with_timeout(3 * SECOND, talk)
        .await
        .expect("a hub that hangs up");
    socket.abort();
    let _ = socket.flush().await;
    answer
}

#[test]
fn strangers_are_refused_by_a_reason_and_a_good_peer_does_not_notice() {
    with_stacks(async |ours, theirs| {
        let (mut memory, mut other) = (Resources::new(), Resources::new());
        let (hub, mut listener) = hub::<2>(&mut other);
        let (a, mut runner) = board(&mut memory, 1, "a");
        let mut random = Random(31);
        let mut noise = [0; 3000];
        noise
            .iter_mut()
            .for_each(|byte| *byte = random.next().to_le_bytes()[0]);
        let strangers: [&[u8]; 7] = [
            b"",                           // says nothing
            b"{\"class\": \"MsgJoin\"}\n", // cable_car JSON
            &[2, 2],                       // cable_car byte: Join
            b"GET / HTTP/1.1\r\n\r\n",
            &[0, 0xff, 0xff, 0xff, 0xff, 0xe0], // a HELLO of four gigabytes
            &[40, 0xe0, 1],                     // half an opening
            &noise,
        ];
        let talk = async {
            let good = async {
                a.open().await.unwrap();
                for number in 0.. {
                    a.send(&Number(number)).await.unwrap();
                    Timer::after_millis(10).await;
                }
            };
            let hearing = async {
                let mut next = 0;
                loop {
                    let (_, event) = hub.recv::<Words>().await.unwrap();
                    if let Event::Message(Words::Number(Number(number))) = event {
                        assert_eq!(number, next);
                        next += 1;
                    }
                }
            };
            let bad = async {
                for bytes in strangers {
                    let answer = provoke(ours, bytes).await;
                    let is_bye = answer.is_empty() || answer[1] == 0xe2;
                    assert!(is_bye, "{bytes:?} was answered {answer:?}");
                }
            };
            assert!(matches!(
                select(join(good, hearing), bad).await,
                Either::Second(())
            ));
            assert_eq!(hub.taken(), 1);
            // Both sockets are there for good peers.
            assert!(a.is_open());
        };
        while_running(
            join(dial(&mut runner, ours, 1), listen(&mut listener, theirs)),
            talk,
        )
        .await;
    });
}

#[test]
fn a_peer_that_breaks_a_rule_is_told_of_by_its_name() {
    with_stacks(async |ours, theirs| {
        let mut other = Resources::new();
        let (hub, mut listener) = hub::<1>(&mut other);
        let [place] = *hub.peers();
        let breaking = async {
            let (mut rx, mut tx) = ([0; 1024], [0; 1024]);
            let mut socket = TcpSocket::new(ours, &mut rx, &mut tx);
            let dialect = Native::dialling(Config::new(1));
            let messenger = Messenger::new(dialect, [0; 256], [0; 256]);
            let dialling = connect(
                &mut socket,
                at(THEIRS, TCP_PORT),
                settings().timeouts,
                messenger,
            );
            let mut link = dialling.await.expect("a listener");
            while !place.is_open() {
                let _ = with_timeout(SECOND / 10, link.recv::<Words>()).await;
            }
            // A control frame that there is not.
            link.writer().write(&[2, 0xef]).await.unwrap();
            let mut told = None;
            while let Ok(event) = link.recv::<Words>().await {
                if let Told::Notice(Notice::Bye { reason, .. }) = event {
                    told = Some(reason);
                }
            }
            assert_eq!(told, Some(Reason::Broken));
        };
        let hearing = async {
            let broken = loop {
                match place.recv::<Words>().await.unwrap() {
                    Event::Malformed(malformed) => break malformed.rule,
                    Event::News(_) => {}
                    other => panic!("{other:?}"),
                }
            };
            assert_eq!(broken, Broken::Native(Rule::UnknownControl { code: 0xef }));
            news(place, |news| news == News::Lost(Lost::Ended)).await;
        };
        let talk = async {
            join(breaking, hearing).await;
        };
        while_running(listen(&mut listener, theirs), talk).await;
    });
}

#[test]
fn port_0_is_none_to_listen_on() {
    with_stacks(async |_, theirs| {
        let mut other = Resources::<Dialect, 1>::new();
        let (_, mut listener) = hub(&mut other);
        let make = || (Native::listening(Config::new(99)), Default::default());
        let listening = listener.run(theirs, 0, settings(), make, || [0; 32]).await;
        assert_eq!(listening, Err(AcceptError::Port));
    });
}

#[test]
fn a_dialect_without_sessions_begins_every_link_anew() {
    with_stacks(async |ours, theirs| {
        let mut memory = Resources::<CableCarByte, 1>::new();
        let mut other = Resources::<CableCarByte, 1>::new();
        let (peer, mut runner) = memory.peer(CableCarByte);
        let (hub, mut listener) = other.listener(|| CableCarByte);
        let [place] = *hub.peers();
        let settings = settings();
        let dialling = async {
            let mut random = Random(6);
            for pause in [200, 1_000_000] {
                let find = async || at(THEIRS, cable_car::TCP_PORT);
                let random = || random.bytes();
                let run = runner.run_afresh(ours, settings, find, random, || CableCarByte);
                select(task(run), Timer::after_millis(pause)).await;
            }
        };
        let nobody = Err(Error::Send(SendError::NotOpen));
        assert_eq!(peer.try_send(&Note("to nobody")), nobody);
        let make = || (CableCarByte, Default::default());
        let listening = listener.run(theirs, cable_car::TCP_PORT, settings, make, || [0; 32]);
        let say = async |peer: Peer<'_, CableCarByte>, text: &str| {
            peer.open().await.unwrap();
            peer.send(&Note(text)).await.unwrap();
        };
        let hear = async |peer: Peer<'_, CableCarByte>, text: &str| {
            loop {
                let heard = peer.recv_with(|heard| match heard {
                    Heard::Said(said) => match said.read::<Notes<'_>>() {
                        Some(Told::Message(Notes::Note(Note(heard)))) => Some(heard == text),
                        other => panic!("{other:?}"),
                    },
                    _ => None,
                });
                if let Some(is_it) = heard.await.unwrap() {
                    break assert!(is_it, "{text}");
                }
            }
        };
        let talk = async {
            join4(
                say(peer, "up"),
                hear(place, "up"),
                say(place, "down"),
                hear(peer, "down"),
            )
            .await;
            // The link is cut, which its silence tells the other side.
            Timer::after_secs(20).await;
            join4(
                say(peer, "again"),
                hear(place, "again"),
                say(place, "yes"),
                hear(peer, "yes"),
            )
            .await;
            let long = "x".repeat(300);
            assert!(matches!(
                peer.try_send(&Note(&long)),
                Err(Error::Send(SendError::TooLong { .. }))
            ));
        };
        while_running(join(dialling, listening), talk).await;
    });
}

#[test]
fn a_peer_that_is_gone_leaves_nobody_waiting_for_room() {
    with_stacks(async |ours, theirs| {
        let mut memory = Resources::<CableCarByte, 1>::new();
        let (hub, mut listener) = memory.listener(|| CableCarByte);
        let [place] = *hub.peers();
        let make = || (CableCarByte, Default::default());
        let listening = listener.run(theirs, cable_car::TCP_PORT, settings(), make, || [0; 32]);
        let ask = async {
            let (mut rx, mut tx) = ([0; 64], [0; 1024]);
            let mut socket = TcpSocket::new(ours, &mut rx, &mut tx);
            let dialled = socket.connect((THEIRS, cable_car::TCP_PORT)).await;
            dialled.expect("a listener");
            // It takes no answers, and is gone without a word.
            let joins = async { while socket.write(&[2, 2]).await.is_ok() {} };
            let _ = with_timeout(SECOND, joins).await;
            socket.abort();
            let _ = socket.flush().await;
        };
        let answer = async {
            let answer = "x".repeat(100);
            loop {
                let heard = place.recv_with(|heard| match heard {
                    Heard::Said(said) => {
                        let said = said.read::<Notes<'_>>();
                        assert!(
                            matches!(said, Some(Told::Message(Notes::Join(_)))),
                            "{said:?}"
                        );
                        None
                    }
                    Heard::News(News::Lost(lost)) => Some(lost),
                    _ => None,
                });
                match heard.await.unwrap() {
                    Some(lost) => break assert_eq!(lost, Lost::Broken),
                    None => drop(place.send(&Note(&answer)).await),
                }
            }
        };
        let talk = async {
            let both = with_timeout(5 * SECOND, join(ask, answer));
            both.await.expect("nobody waits");
        };
        while_running(listening, talk).await;
    });
}
