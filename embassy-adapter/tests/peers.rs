//! Sessions between two stacks of embassy-net: a hub on the one, who dials it on the other.

mod rig;

use embassy_futures::join::{join, join3, join4};
use embassy_futures::select::{Either, select};
use embassy_net::Stack;
use embassy_time::{Duration, Instant, Timer};
use rig::{FAIR, Random, THEIRS, Weather, at, task, with_stacks, with_stacks_in};
use ropeway_core::dialect::native::{Cause, Config, Native, Opening, Policy, TCP_PORT};
use ropeway_core::messages;
use ropeway_embassy::discovery::{Epoch, Name, Program};
use ropeway_embassy::{
    Beacons, CallError, Error, Event, Hub, Listener, News, Peer, Resources, Runner, Settings,
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Reading {
    number: u32,
    celsius: f32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Double(u32);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Fire(u32);

messages! {
    #[derive(Debug, PartialEq)]
    enum Words {
        Reading(Reading) = 0x10,
        Double(Double) = 0x11 -> u32 where repeatable,
        Fire(Fire) = 0x12 -> u32,
    }
}

type Dialect = Native<Config>;
type Board<'d> = (Peer<'d, Dialect>, Runner<'d, Dialect>);
type Station<'d, const N: usize> = (Hub<'d, Dialect, N>, Listener<'d, Dialect, N>);

/// So slow that links are cut in the middle of things.
const SLOW: Weather = Weather {
    loss: 0,
    delay: Duration::from_millis(2),
};

const SECOND: Duration = Duration::from_secs(1);

fn config(epoch: u64, name: &str) -> Config {
    Config::new(epoch)
        .name(name)
        .registry(Words::ENTRIES, Policy::Enforce)
        .silence(core::time::Duration::from_secs(3))
}

fn board<'d>(memory: &'d mut Resources<'d, Dialect, 1>, epoch: u64, name: &str) -> Board<'d> {
    memory.peer(Native::dialling(config(epoch, name)))
}

fn station<'d, const N: usize>(memory: &'d mut Resources<'d, Dialect, N>) -> Station<'d, N> {
    memory.listener(|| Native::listening(config(7, "hub")))
}

async fn dial(runner: &mut Runner<'_, Dialect>, stack: Stack<'_>, seed: u64) {
    let mut random = Random(seed);
    let find = async || at(THEIRS, TCP_PORT);
    runner
        .run(stack, Settings::default(), find, || random.bytes())
        .await;
}

async fn listen<const N: usize>(listener: &mut Listener<'_, Dialect, N>, stack: Stack<'_>) {
    let mut random = Random(99);
    let make = || (Native::listening(config(7, "hub")), Default::default());
    let settings = Settings::default();
    let listening = listener.run(stack, TCP_PORT, settings, make, || random.bytes());
    task(listening).await.expect("a port");
}

/// Runs until `program` is done; nothing else may end before.
async fn while_running(running: impl Future<Output = ()>, program: impl Future<Output = ()>) {
    match select(running, program).await {
        Either::First(()) => panic!("a runner has stopped"),
        Either::Second(()) => {}
    }
}

fn reading(number: u32) -> Reading {
    Reading {
        number,
        celsius: number as f32 / 2.0,
    }
}

async fn say(peer: Peer<'_, Dialect>, count: u32) {
    for number in 0..count {
        peer.send(&reading(number)).await.unwrap();
    }
    peer.flush().await.unwrap();
}

async fn hear(peer: Peer<'_, Dialect>, count: u32) {
    let mut number = 0;
    while number < count {
        match peer.recv::<Words>().await.unwrap() {
            Event::Message(Words::Reading(heard)) => {
                assert_eq!(heard, reading(number));
                number += 1;
            }
            Event::News(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_thousand_messages_each_way_come_in_order_over_a_bad_cable() {
    for weather in [
        FAIR,
        Weather {
            loss: 5,
            delay: Duration::from_millis(4),
        },
    ] {
        with_stacks_in(weather, async |ours, theirs| {
            let (mut here, mut there) = (Resources::new(), Resources::new());
            let (peer, mut runner) = board(&mut here, 1, "board");
            let (hub, mut listener) = station::<2>(&mut there);
            let talk = async {
                peer.open().await.unwrap();
                let [place, _] = *hub.peers();
                place.open().await.unwrap();
                assert!(place.with_dialect(|dialect| dialect.peer_name() == "board"));
                join4(
                    task(say(peer, 1000)),
                    task(say(place, 1000)),
                    task(hear(peer, 1000)),
                    task(hear(place, 1000)),
                )
                .await;
            };
            let running = async {
                join(dial(&mut runner, ours, 5), listen(&mut listener, theirs)).await;
            };
            while_running(running, talk).await;
        });
    }
}

#[test]
fn nothing_is_lost_or_comes_twice_however_often_the_link_is_cut() {
    with_stacks_in(SLOW, async |ours, theirs| {
        let (mut here, mut there) = (Resources::new(), Resources::new());
        let (peer, mut runner) = board(&mut here, 1, "board");
        let (hub, mut listener) = station::<2>(&mut there);
        let mut random = Random(42);
        let mut cuts = 0;
        let running = async {
            loop {
                let cut = Timer::after_millis(random.next() % 40);
                select(dial(&mut runner, ours, 5 + cuts), cut).await;
                cuts += 1;
            }
        };
        let [place, _] = *hub.peers();
        let talk = async {
            place.open().await.unwrap();
            join4(
                task(say(peer, 20_000)),
                task(say(place, 20_000)),
                task(hear(peer, 20_000)),
                task(hear(place, 20_000)),
            )
            .await;
        };
        while_running(
            async {
                join(running, listen(&mut listener, theirs)).await;
            },
            talk,
        )
        .await;
        assert!(cuts > 30, "only {cuts} cuts");
        assert_eq!(hub.taken(), 1, "one session, one place");
    });
}

/// Answers requests until it is dropped, and counts what was fired.
async fn answer(peer: Peer<'_, Dialect>, fired: &mut u32) {
    loop {
        match peer.recv::<Words>().await.unwrap() {
            Event::Request(id, Words::Double(Double(number))) => {
                peer.answer::<Double>(id, &(number * 2)).await.unwrap();
            }
            Event::Request(id, Words::Fire(Fire(number))) => {
                *fired += 1;
                peer.answer::<Fire>(id, &number).await.unwrap();
            }
            Event::News(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

async fn call(peer: Peer<'_, Dialect>, count: u32) {
    for number in 0..count {
        let doubled = peer.call(&Double(number), 20 * SECOND).await;
        assert_eq!(doubled, Ok(number * 2));
    }
}

#[test]
fn both_sides_call_and_links_come_and_go() {
    with_stacks_in(SLOW, async |ours, theirs| {
        let (mut here, mut there) = (Resources::new(), Resources::new());
        let (peer, mut runner) = board(&mut here, 1, "board");
        let (hub, mut listener) = station::<1>(&mut there);
        let [place] = *hub.peers();
        let mut random = Random(17);
        let running = async {
            loop {
                let cut = Timer::after_millis(random.next() % 60);
                select(dial(&mut runner, ours, 5), cut).await;
            }
        };
        let (mut here, mut there) = (0, 0);
        let talk = async {
            place.open().await.unwrap();
            let answering = join(answer(peer, &mut here), answer(place, &mut there));
            let calling = join4(
                call(peer, 200),
                call(place, 200),
                call(peer, 200),
                call(place, 200),
            );
            assert!(matches!(
                select(answering, calling).await,
                Either::Second(_)
            ));
        };
        while_running(
            async {
                join(running, listen(&mut listener, theirs)).await;
            },
            talk,
        )
        .await;
    });
}

#[test]
fn a_call_that_is_dropped_is_cancelled_and_one_that_nobody_answers_ends_in_time() {
    with_stacks(async |ours, theirs| {
        let (mut here, mut there) = (Resources::new(), Resources::new());
        let (peer, mut runner) = board(&mut here, 1, "board");
        let (hub, mut listener) = station::<1>(&mut there);
        let [place] = *hub.peers();
        let talk = async {
            let short = Duration::from_millis(300);
            let begin = Instant::now();
            assert_eq!(peer.call(&Fire(1), short).await, Err(CallError::Deadline));
            assert_eq!((Instant::now() - begin).as_millis(), 300);
            let mut told = Vec::new();
            while told.len() < 2 {
                match place.recv::<Words>().await.unwrap() {
                    Event::Request(id, Words::Fire(Fire(1))) => told.push(id),
                    Event::Cancelled(id) => told.push(id),
                    Event::News(_) => {}
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(told[0], told[1], "the same call");
            // A late answer is dropped, and the next call has its own.
            place.answer::<Fire>(told[0], &1).await.unwrap();
            let mut fired = 0;
            match select(answer(place, &mut fired), peer.call(&Fire(2), SECOND)).await {
                Either::First(()) => unreachable!(),
                Either::Second(answer) => assert_eq!(answer, Ok(2)),
            }
        };
        let running = join(dial(&mut runner, ours, 5), listen(&mut listener, theirs));
        while_running(
            async {
                running.await;
            },
            talk,
        )
        .await;
    });
}

#[test]
fn a_peer_that_was_started_anew_is_known_and_safe_calls_are_repeated() {
    with_stacks(async |ours, theirs| {
        let (mut first, mut second) = (Resources::new(), Resources::new());
        let mut there = Resources::new();
        let (hub, mut listener) = station::<2>(&mut there);
        let [place, _] = *hub.peers();
        let (old, mut old_runner) = board(&mut first, 1, "board");
        let (new, mut new_runner) = board(&mut second, 2, "board");
        let calls = async {
            place.open().await.unwrap();
            let (double, fire) = join(
                place.call(&Double(4), 60 * SECOND),
                place.call(&Fire(4), 60 * SECOND),
            )
            .await;
            assert_eq!(double, Ok(8), "asked again");
            assert_eq!(fire, Err(CallError::InDoubt), "not fired twice");
        };
        let boards = async {
            // The first board takes both requests and is switched off.
            let mut requests = 0;
            let taking = async {
                while requests < 2 {
                    if let Event::Request(..) = old.recv::<Words>().await.unwrap() {
                        requests += 1;
                    }
                }
                old.flush().await.unwrap();
                Timer::after_millis(50).await;
            };
            while_running(dial(&mut old_runner, ours, 5), taking).await;
            // Until its silence tells the hub, another by its name could be a second one.
            Timer::after_secs(5).await;
            let mut fired = 0;
            join(dial(&mut new_runner, ours, 6), answer(new, &mut fired)).await;
        };
        let running = join(listen(&mut listener, theirs), boards);
        while_running(
            async {
                running.await;
            },
            calls,
        )
        .await;
        assert_eq!(hub.taken(), 1);
        let mut told = Vec::new();
        while place.has_event() {
            if let Event::News(News::Opened(opening)) = place.recv::<Words>().await.unwrap() {
                told.push(opening);
            }
        }
        let last = told.last().expect("openings");
        assert!(
            matches!(
                last,
                Opening::Fresh {
                    cause: Cause::PeerRestarted,
                    ..
                }
            ),
            "{told:?}"
        );
    });
}

#[test]
fn answers_to_an_older_program_are_none_to_the_calls_of_a_newer_one() {
    with_stacks(async |ours, theirs| {
        let mut memory = [const { Resources::new() }; 2];
        let mut there = Resources::new();
        let [old, new] = &mut memory;
        let (old, mut first) = board(old, 1, "board");
        let (new, mut second) = board(new, 2, "board");
        let (hub, mut listener) = station::<1>(&mut there);
        let [place] = *hub.peers();
        let request = async || {
            loop {
                if let Event::Request(id, Words::Fire(_)) = place.recv::<Words>().await.unwrap() {
                    break id;
                }
            }
        };
        let talk = async {
            let calling = join(dial(&mut first, ours, 1), old.call(&Fire(1), 60 * SECOND));
            let Either::Second(id) = select(calling, request()).await else {
                panic!("it was answered")
            };
            // The board is started anew before it has its answer.
            Timer::after_secs(15).await;
            place.answer::<Fire>(id, &1).await.unwrap();
            let answering = async {
                let id = request().await;
                place.answer::<Fire>(id, &2).await.unwrap();
            };
            let calling = join(new.call(&Fire(2), 60 * SECOND), answering);
            match select(dial(&mut second, ours, 2), calling).await {
                Either::First(()) => panic!("a runner has stopped"),
                Either::Second((answer, ())) => assert_eq!(answer, Ok(2)),
            }
        };
        while_running(listen(&mut listener, theirs), talk).await;
    });
}

#[test]
fn a_hub_is_found_by_its_beacon_and_left_when_all_is_said() {
    with_stacks(async |ours, theirs| {
        let (mut here, mut there) = (Resources::new(), Resources::new());
        let (peer, mut runner) = board(&mut here, 1, "board");
        let (hub, mut listener) = station::<1>(&mut there);
        let [place] = *hub.peers();
        let program = |name, port, epoch| Program {
            name: Name::new(name),
            port,
            epoch: Epoch(epoch),
            fingerprint: 0,
        };
        let ear = <Beacons>::native(program("board", 0, 1)).with_cable_car();
        let mouth = <Beacons>::native(program("hub", TCP_PORT, 7)).with_cable_car();
        let beacons = async {
            let (heard, said) = join(ear.run(ours), mouth.run(theirs)).await;
            heard.unwrap();
            said.unwrap();
        };
        let dialling = async {
            let mut random = Random(5);
            let find = async || ear.find(|program| &*program.name == "hub").await;
            runner
                .run(ours, Settings::default(), find, || random.bytes())
                .await;
        };
        let talk = async {
            assert_eq!(ear.find_host().await, THEIRS);
            join(task(say(peer, 10)), task(hear(place, 10))).await;
            assert!(peer.close(5 * SECOND).await);
            assert_eq!(peer.send(&reading(1)).await, Err(Error::Closed));
            loop {
                match peer.recv::<Words>().await {
                    Ok(Event::News(_)) => {}
                    Ok(other) => panic!("{other:?}"),
                    Err(error) => break assert_eq!(error, Error::Closed),
                }
            }
            Timer::after_secs(1).await;
            assert_eq!(hub.taken(), 0, "the place is free");
        };
        let running = join3(dialling, beacons, listen(&mut listener, theirs));
        while_running(
            async {
                running.await;
            },
            talk,
        )
        .await;
    });
}
