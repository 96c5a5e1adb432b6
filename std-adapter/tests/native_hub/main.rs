//! Native sessions at a hub: they outlive their connections.

mod cancelled;
mod counted;
mod dialler;
mod hostile;
mod limits;

use dialler::{Dialler, Double, Number, Told, Words};
use ropeway_std::call::CallError;
use ropeway_std::dialect::native::{CallId, Cause, Config, Native, Opening, Policy};
use ropeway_std::hub::{Event, Handle, Hub, Limits, News, PeerId};
use ropeway_std::message::Answer;
use ropeway_std::{Event as Said, Handlers, Options};
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::Duration;

const SOON: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(20);

type Spoken = Native<Arc<Config>>;

const FIRST: Opening = Opening::Fresh {
    cause: Cause::FirstContact,
    in_doubt: 0,
};

fn fresh(cause: Cause) -> Opening {
    Opening::Fresh { cause, in_doubt: 0 }
}

/// A hub in a thread, and what to do with it from outside.
struct Served {
    address: SocketAddr,
    handle: Handle<Spoken>,
    news: Receiver<String>,
    thread: Option<JoinHandle<Hub<Spoken>>>,
}

impl Served {
    fn new(handlers: Handlers<Spoken>, limits: Limits) -> Self {
        Self::configured(handlers, limits, Config::new(0x40B).name("hub"))
    }

    fn configured(handlers: Handlers<Spoken>, limits: Limits, config: Config) -> Self {
        Self::over(hub(limits, config), handlers)
    }

    fn over(hub: Hub<Spoken>, mut handlers: Handlers<Spoken>) -> Self {
        let (said, news) = mpsc::channel();
        handlers.news(move |_, news| drop(said.send(told(news))));
        let mut hub = hub.with_handlers(handlers);
        let listener = hub.listen("127.0.0.1:0").unwrap();
        let address = hub.address(listener).unwrap();
        let handle = hub.handle();
        let thread = thread::spawn(move || {
            hub.run(|| false).unwrap();
            hub
        });
        Self {
            address,
            handle,
            news,
            thread: Some(thread),
        }
    }

    fn news(&self) -> String {
        self.news.recv_timeout(LONG).expect("there are news")
    }

    /// Does something in the hub's thread.
    fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut ropeway_std::hub::Peers<Spoken>) -> T + Send + 'static,
    ) -> T {
        let (said, heard) = mpsc::channel();
        let asked = self.handle.post(move |peers| drop(said.send(ask(peers))));
        asked.unwrap();
        heard.recv_timeout(LONG).unwrap()
    }

    fn only_peer(&self) -> PeerId {
        self.ask(|peers| peers.ids().next().expect("there is one"))
    }

    fn stop(&mut self) -> Hub<Spoken> {
        self.handle.stop();
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.handle.stop();
        if let Some(thread) = self.thread.take()
            && !thread::panicking()
        {
            thread.join().unwrap();
        }
    }
}

fn hub(limits: Limits, config: Config) -> Hub<Spoken> {
    let config = Arc::new(config);
    let dialect = move |info: &ropeway_std::hub::PeerInfo| match info.listener {
        Some(_) => Native::listening(config.clone()),
        None => Native::dialling(config.clone()),
    };
    let options = Options::default().buffer(4096);
    Hub::new(dialect, options, limits).unwrap()
}

fn told(news: &News) -> String {
    match news {
        News::Joined(_) => "joined".into(),
        News::Away(_, reason) => format!("away: {reason}"),
        News::Back(_) => "back".into(),
        News::Left(_, reason) => format!("left: {reason}"),
        News::TurnedAway(_, reason) => format!("turned away: {reason}"),
        News::Unsent(_, error) => format!("unsent: {error}"),
        other => format!("{other:?}"),
    }
}

fn echo() -> Handlers<Spoken> {
    let mut handlers = Handlers::new();
    handlers
        .on::<Number>(|peer, number| peer.send(&number).unwrap())
        .answer::<Double>(|_, Double(number)| Ok(number * 2));
    handlers
}

/// A board of its own name.
fn board(number: u64) -> Config {
    Config::new(number).name(&format!("board {number}"))
}

/// A random number that the test prints.
fn seed() -> u64 {
    let seed = RandomState::new().hash_one(0);
    println!("seed {seed}");
    seed
}

/// A sequence of numbers from a seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> usize {
        usize::try_from((self.next() >> 11) % limit).unwrap()
    }
}

#[test]
fn a_session_goes_on_after_its_connection_is_killed() {
    let served = Served::new(echo(), Limits::default());
    let mut dialler = Dialler::new(served.address, board(1));
    dialler.connect();
    assert_eq!(dialler.until_open(), FIRST);
    assert_eq!(served.news(), "joined");
    let peer = served.only_peer();
    for (n, with_reset) in [(0, false), (1, true), (2, false)] {
        dialler.mail.send(&Number(n)).unwrap();
        assert_eq!(dialler.next(), Told::Number(n));
        dialler.cut(with_reset);
        let away = served.news();
        assert!(away.starts_with("away: "), "{away}");
        assert!(served.ask(move |peers| peers.is_away(peer)));
        // Both sides go on speaking meanwhile.
        dialler.mail.send(&Number(100 + n)).unwrap();
        served.handle.send(peer, Number(200 + n)).unwrap();
        served.ask(|_| ());
        dialler.connect();
        assert_eq!(dialler.until_open(), Opening::Resumed);
        assert_eq!(served.news(), "back");
        assert_eq!(dialler.next(), Told::Number(200 + n));
        assert_eq!(dialler.next(), Told::Number(100 + n));
        assert_eq!(served.only_peer(), peer);
    }
}

#[test]
fn a_newer_hello_wins_over_a_link_that_is_half_open() {
    let silence = ropeway_core::time::Duration::from_secs(60);
    let config = Config::new(0x40B).silence(silence);
    let served = Served::configured(echo(), Limits::default(), config);
    let mut dialler = Dialler::open(served.address, board(1).silence(silence));
    assert_eq!(served.news(), "joined");
    let peer = served.only_peer();
    let mut half_open = Vec::new();
    for n in 0..20 {
        dialler.mail.send(&Number(n)).unwrap();
        if n % 2 == 0 {
            // What the hub has read and not taken, or said in vain, comes over the new one.
            dialler.write(usize::MAX);
        }
        half_open.extend(dialler.connect());
        assert_eq!(dialler.until_open(), Opening::Resumed);
        assert_eq!(served.news(), "away: the peer came again");
        assert_eq!(served.news(), "back");
        assert_eq!(dialler.next(), Told::Number(n));
        assert_eq!(served.ask(|peers| peers.len()), 1);
        assert_eq!(served.only_peer(), peer);
    }
    // The older ones were told, and closed.
    for mut stream in half_open {
        let mut bytes = Vec::new();
        let read = std::io::Read::read_to_end(&mut stream, &mut bytes);
        let has_ended = read.is_ok_and(|_| bytes.ends_with(&[3, 0xE2, 3]));
        assert!(has_ended, "{bytes:?}");
    }
}

/// Numbers go both ways in order while the connection is killed wherever chance says.
#[test]
fn every_message_comes_once_and_in_order_over_many_kills() {
    let seed = seed();
    let (said, heard) = mpsc::channel();
    let mut handlers = Handlers::<Spoken>::new();
    handlers.on::<Number>(move |_, Number(number)| said.send(number).unwrap());
    let served = Served::new(handlers, Limits::default().queue(1024));
    let mut random = Random(seed | 1);
    let mut dialler = Dialler::open(served.address, board(1));
    assert_eq!(served.news(), "joined");
    let peer = served.only_peer();
    let mut half_open = Vec::new();
    let (mut sent, mut received, mut kills) = (0, 0, 0);
    const GOAL: u32 = 2_000;
    // The hub sends from a thread of its own, through a handle, whether the peer is away or not.
    let handle = served.handle.clone();
    let sender = thread::spawn(move || {
        for number in 0..GOAL {
            loop {
                let (said, heard) = mpsc::channel();
                let posted = handle.post(move |peers| {
                    said.send(peers.send(peer, &Number(number))).unwrap();
                });
                posted.unwrap();
                match heard.recv_timeout(LONG).unwrap() {
                    Ok(()) => break,
                    Err(error) => assert_eq!(error, ropeway_std::SendError::Full),
                }
                thread::yield_now();
            }
        }
    });
    while sent < GOAL || received < GOAL {
        for _ in 0..random.below(30) {
            if sent < GOAL && dialler.mail.send(&Number(sent)).is_ok() {
                sent += 1;
            }
        }
        match random.below(40) {
            0 => dialler.cut(random.below(2) == 0),
            1 => half_open.extend(dialler.connect()),
            2..6 => drop(dialler.write(random.below(200))),
            6..10 => drop(dialler.read(random.below(200))),
            _ => drop(dialler.step()),
        }
        while let Some(told) = dialler.hear() {
            match told {
                Told::Number(number) => {
                    assert_eq!(number, received, "after {kills} kills");
                    received += 1;
                }
                Told::Met | Told::Opened(Opening::Resumed) => {}
                other => panic!("{other:?} after {kills} kills"),
            }
        }
        if dialler.stream.is_none() {
            kills += 1;
            dialler.connect();
        }
    }
    sender.join().unwrap();
    dialler.flush();
    println!("{kills} kills");
    let all: Vec<u32> = heard.try_iter().collect();
    assert!(all.iter().copied().eq(0..GOAL), "{all:?}");
    assert_eq!(served.only_peer(), peer);
}

#[test]
fn answers_that_were_put_off_come_over_the_next_connection() {
    let (said, asked) = mpsc::channel();
    let mut handlers = Handlers::<Spoken>::new();
    handlers.answer_later::<Double>(move |peer, id, Double(number)| {
        said.send((peer.id(), id, number)).unwrap();
        Ok(())
    });
    let served = Served::new(handlers, Limits::default());
    let mut dialler = Dialler::open(served.address, board(1));
    dialler.ask(7, 21).unwrap();
    dialler.flush();
    let (peer, id, number): (PeerId, CallId, u32) = asked.recv_timeout(LONG).unwrap();
    dialler.cut(true);
    assert_eq!(served.news(), "joined");
    assert!(served.news().starts_with("away: "));
    let answered = served.ask(move |peers| peers.answer::<Double>(peer, id, &(number * 2)));
    assert_eq!(answered, Ok(()));
    dialler.connect();
    assert_eq!(dialler.next(), Told::Answer(7, Ok(42)));
}

#[test]
fn calls_wait_for_a_peer_that_is_away() {
    let served = Served::new(echo(), Limits::default());
    let mut dialler = Dialler::open(served.address, board(1));
    assert_eq!(served.news(), "joined");
    let peer = served.only_peer();
    dialler.cut(true);
    assert!(served.news().starts_with("away: "));
    let patient = served.ask(move |peers| peers.start(peer, &Double(4), LONG));
    let hasty = served.ask(move |peers| peers.start(peer, &Double(5), SOON));
    let (patient, hasty) = (patient.unwrap(), hasty.unwrap());
    let outcome = loop {
        match hasty.poll() {
            Some(outcome) => break outcome,
            None => thread::yield_now(),
        }
    };
    assert_eq!(outcome, Err(CallError::Deadline));
    dialler.connect();
    let (id, number) = dialler.until(|told| match told {
        Told::Request(id, number) => Some((id, number)),
        _ => None,
    });
    assert_eq!(number, 4, "what nobody waits for is not asked");
    let value = &(number * 2);
    let answer: Answer<'_, '_, _, Double> = Answer { id, value };
    // It comes over yet another connection.
    dialler.mail.send(&answer).unwrap();
    dialler.connect();
    dialler.until_open();
    dialler.flush();
    assert_eq!(patient.poll(), Some(Ok(8)));
}

#[test]
fn answers_that_found_no_room_are_not_lost_with_the_connection() {
    let served = Served::new(echo(), Limits::default().queue(256));
    let mut dialler = Dialler::open(served.address, board(1));
    // It asks and reads nothing, until the hub has no room for answers any more.
    const GOAL: u32 = 300;
    let (mut asked, mut answered) = (0, 0);
    let mut next_cut = 40;
    while answered < GOAL {
        while asked < GOAL && dialler.ask(asked, asked).is_ok() {
            asked += 1;
        }
        dialler.write(usize::MAX);
        if asked >= next_cut {
            next_cut += 40;
            dialler.cut(asked % 3 == 0);
            dialler.connect();
        }
        if !dialler.step() {
            dialler.connect();
        }
        while let Some(told) = dialler.hear() {
            if let Told::Answer(id, answer) = told {
                assert_eq!((id, answer), (answered, Ok(answered * 2)));
                answered += 1;
            }
        }
    }
    dialler.flush();
}

#[test]
fn who_asks_without_reading_and_ends_is_away() {
    let limits = Limits::default().queue(256);
    let served = Served::new(echo(), limits);
    let mut dialler = Dialler::open(served.address, board(1));
    assert_eq!(served.news(), "joined");
    // More than there is room for answers.
    let asked = (0..).take_while(|id| dialler.ask(*id, *id).is_ok());
    let asked = u32::try_from(asked.count()).unwrap();
    assert!(asked > 40);
    dialler.write(usize::MAX);
    let stream = dialler.stream.as_ref().unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(served.news(), "away: the peer has closed the link");
    dialler.connect();
    for id in 0..asked {
        assert_eq!(dialler.next(), Told::Answer(id, Ok(id * 2)));
    }
}

#[test]
fn who_is_done_leaves_and_who_shuts_down_comes_back() {
    use ropeway_std::dialect::native::Reason;
    let served = Served::new(echo(), Limits::default().linger(SOON));
    let mut dialler = Dialler::open(served.address, board(1));
    assert_eq!(served.news(), "joined");
    dialler.mail.dialect_mut().close(Reason::ShuttingDown);
    dialler.until_gone();
    assert_eq!(served.news(), "away: the peer says: the program shuts down");
    dialler.connect();
    assert_eq!(dialler.until_open(), Opening::Resumed);
    assert_eq!(served.news(), "back");
    dialler.mail.dialect_mut().close(Reason::Done);
    dialler.until_gone();
    assert_eq!(served.news(), "left: the peer says: the program is done");
    assert!(served.ask(|peers| peers.is_empty()));
}

#[test]
fn a_message_that_has_changed_is_named_on_both_sides() {
    mod changed {
        use serde::{Deserialize, Serialize};

        #[derive(Serialize, Deserialize)]
        pub(super) struct Number(u32);

        #[derive(Serialize, Deserialize)]
        pub(super) struct Double(u32);

        ropeway_std::messages! {
            pub(super) enum Words {
                Number(Number) = 0x11,
                Double(Double) = 0x12 -> u32,
            }
        }
    }
    let config = Config::new(0x40B).registry(Words::ENTRIES, Policy::Enforce);
    let served = Served::configured(echo(), Limits::default(), config);
    let other = board(1).registry(changed::Words::ENTRIES, Policy::Enforce);
    let mut dialler = Dialler::new(served.address, other);
    dialler.connect();
    let told = dialler.until_gone();
    assert!(format!("{told:?}").contains("Number"), "{told:?}");
    let news = served.news();
    assert!(
        news.starts_with("turned away: ") && news.contains("Number"),
        "{news}"
    );
}

#[test]
fn a_restarted_peer_is_the_same_if_the_older_was_away() {
    let served = Served::new(echo(), Limits::default());
    let mut dialler = Dialler::open(served.address, board(1));
    assert_eq!(served.news(), "joined");
    let peer = served.only_peer();
    dialler.cut(true);
    assert!(served.news().starts_with("away: "));
    served.handle.send(peer, Number(5)).unwrap();
    let mut other = Dialler::open(served.address, Config::new(9).name("other"));
    assert_eq!(served.news(), "joined");
    let mut again = Dialler::new(served.address, Config::new(2).name("board 1"));
    again.connect();
    assert_eq!(again.until_open(), FIRST);
    assert_eq!(again.next(), Told::Number(5), "it was never written");
    assert_eq!(served.news(), "back");
    again.mail.send(&Number(6)).unwrap();
    assert_eq!(again.next(), Told::Number(6));
    assert!(served.ask(move |peers| peers.ids().any(|id| id == peer) && peers.len() == 2));
    // The older start of it is nobody any more.
    dialler.connect();
    assert_eq!(dialler.until_open(), fresh(Cause::PeerForgot));
    assert_eq!(served.news(), "joined");
    other.mail.send(&Number(7)).unwrap();
    assert_eq!(other.next(), Told::Number(7));
}

#[test]
fn a_shutdown_says_so_and_waits_until_all_is_taken() {
    let mut served = Served::new(echo(), Limits::default());
    let mut dialler = Dialler::open(served.address, board(1));
    let mut deaf = Dialler::open(served.address, board(2));
    let mut away = Dialler::open(served.address, board(3));
    let news: Vec<_> = (0..3).map(|_| served.news()).collect();
    assert_eq!(news, ["joined"; 3]);
    away.cut(false);
    assert!(served.news().starts_with("away: "));
    let mut hub = served.stop();
    assert!(hub.broadcast(&Number(1)).is_empty());
    let reader = thread::spawn(move || {
        // It is not in a hurry to take it.
        thread::sleep(SOON);
        dialler.until_gone()
    });
    let cut_off = hub.shutdown(SOON * 10).unwrap();
    let told = reader.join().unwrap();
    let bye = Told::Bye("the program shuts down".into());
    assert_eq!(told, [Told::Number(1), bye]);
    assert_eq!(cut_off, 2, "who reads nothing, and who is away");
    assert!(!deaf.step() || !deaf.step());
    let mut left = served.news.try_iter().collect::<Vec<_>>();
    left.retain(|news| news == "left: the hub was shut down");
    assert_eq!(left.len(), 3);
}

#[test]
fn a_broadcast_goes_to_some_and_waits_for_those_who_are_away() {
    let served = Served::new(echo(), Limits::default());
    let mut diallers: Vec<_> = (1..=4)
        .map(|n| Dialler::open(served.address, board(n)))
        .collect();
    let news: Vec<_> = (0..4).map(|_| served.news()).collect();
    assert_eq!(news, ["joined"; 4]);
    let ids: Vec<PeerId> = served.ask(|peers| peers.ids().collect());
    diallers[1].cut(true);
    assert!(served.news().starts_with("away: "));
    let picked = [ids[0], ids[1]];
    let to = move |info: &ropeway_std::hub::PeerInfo| picked.contains(&info.id);
    served.handle.broadcast_to(to, Number(1)).unwrap();
    served.handle.broadcast(Number(2)).unwrap();
    diallers[1].connect();
    let first: Vec<_> = diallers.iter_mut().map(Dialler::next).collect();
    let number = Told::Number;
    assert_eq!(first, [number(1), number(1), number(2), number(2)]);
}

#[test]
fn a_hub_dials_again_and_keeps_its_peer() {
    let mut server = Some(Served::new(echo(), Limits::default()));
    let address = server.as_ref().unwrap().address;
    let mut client = hub(Limits::default(), Config::new(1).name("client"));
    let peer = client.connect(address).unwrap();
    client.send(peer, &Number(1)).unwrap();
    let mut told_all = Vec::new();
    let next = |client: &mut Hub<Spoken>, told_all: &mut Vec<String>| loop {
        let event = client.next::<Words>(LONG).unwrap();
        println!("{event:?}");
        match event.expect("something") {
            Event::News(news) => told_all.push(told(&news)),
            Event::Said(id, Said::Message(Words::Number(Number(number)))) => {
                assert_eq!(id, peer);
                break number;
            }
            _ => {}
        }
    };
    assert_eq!(next(&mut client, &mut told_all), 1);
    // Its link is killed from the other side.
    let server_peer = server.as_ref().unwrap().only_peer();
    let kicked = server.as_ref().unwrap();
    kicked.ask(move |peers| peers.get(server_peer).unwrap().dialect().abort_for_test());
    client.send(peer, &Number(2)).unwrap();
    assert_eq!(next(&mut client, &mut told_all), 2);
    // The server goes, and another takes its place much later.
    drop(server.take());
    client.send(peer, &Number(3)).unwrap();
    for _ in 0..5 {
        if let Some(Event::News(news)) = client.next::<Words>(SOON).unwrap() {
            told_all.push(told(&news));
        }
    }
    let mut handlers = echo();
    handlers.news(|_, _| ());
    let mut again = hub(Limits::default(), Config::new(2)).with_handlers(handlers);
    again.listen(address).unwrap();
    let handle = again.handle();
    let thread = thread::spawn(move || again.run(|| false).unwrap());
    client.send(peer, &Number(4)).unwrap();
    let mut number = next(&mut client, &mut told_all);
    while number != 4 {
        number = next(&mut client, &mut told_all);
    }
    handle.stop();
    thread.join().unwrap();
    assert_eq!(told_all.first().unwrap(), "joined");
    let rest: Vec<_> = told_all[1..].iter().map(|told| &told[..4]).collect();
    assert_eq!(rest, ["away", "back", "away", "back"], "{told_all:?}");
}

trait AbortForTest {
    fn abort_for_test(&mut self);
}

impl AbortForTest for Spoken {
    fn abort_for_test(&mut self) {
        self.abort(ropeway_std::dialect::native::Reason::ShuttingDown);
    }
}
