//! Files between two stacks of embassy-net.

mod rig;

use core::future::{Future, poll_fn};
use core::pin::pin;
use embassy_futures::join::{join, join3, join4};
use embassy_futures::select::{Either, select};
use embassy_net::Stack;
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::pipe::Pipe;
use embassy_time::{Duration, Timer, with_timeout};
use rig::{Random, THEIRS, Weather, at, run_alone, task, with_stacks_in};
use ropeway_core::dialect::native::{Config, Native, TCP_PORT};
use ropeway_core::file::{
    self, By, Prefix, ReadFailed, Reason, Sink, SmallCrc, Source, Store, WriteError,
};
use ropeway_embassy::{FileError, Files, Peer, Resources, Settings, Shelf};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// Files in memory, by name; shared with whoever writes them, as is how many transfers have ended early.
#[derive(Clone, Default)]
struct Drawer(Arc<Mutex<HashMap<String, Vec<u8>>>>, Arc<Mutex<u32>>);

struct Page {
    bytes: Vec<u8>,
}

struct Draft {
    drawer: Drawer,
    name: String,
    bytes: Vec<u8>,
}

impl Store for Drawer {
    type Source = Page;
    type Sink = Draft;
    type Name = String;
    type Checksum = SmallCrc;
}

impl Source for Page {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadFailed> {
        (&self.bytes[..]).read_at(offset, buffer)
    }
}

impl Sink for Draft {
    fn resume(&mut self) -> Prefix {
        Prefix::EMPTY
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), WriteError> {
        assert_eq!(offset, self.bytes.len() as u64, "no gap, nothing twice");
        if self.name == "busy" {
            return Err(WriteError::Busy);
        }
        self.bytes.extend(bytes);
        Ok(())
    }

    fn commit(&mut self) -> Result<(), WriteError> {
        let mut drawer = self.drawer.0.lock().unwrap();
        drawer.insert(self.name.clone(), std::mem::take(&mut self.bytes));
        Ok(())
    }

    fn abandon(&mut self, _: Reason) {}
}

impl Shelf for Drawer {
    fn take(&mut self, name: &str, size: u64, _: u64) -> Result<Draft, Reason> {
        if size > 100_000 {
            return Err(Reason::TooLarge);
        }
        Ok(Draft {
            drawer: self.clone(),
            name: name.into(),
            bytes: Vec::new(),
        })
    }

    fn give(&mut self, name: &str) -> Result<(Page, String), Reason> {
        let drawer = self.0.lock().unwrap();
        let bytes = drawer.get(name).ok_or(Reason::UnknownName)?.clone();
        let name = match name {
            "misnamed" => "../misnamed".into(),
            _ => name.into(),
        };
        Ok((Page { bytes }, name))
    }

    fn handle_ended(&mut self, event: &file::Event<'_>) {
        if let file::Event::Stopped { .. } = event {
            *self.1.lock().unwrap() += 1;
        }
    }
}

type Dialect = Native<Config>;
type Carried = Files<Drawer, 2>;
type Memory<'d> = Resources<'d, Dialect, 1, 2048, Carried>;

const CONFIG: file::Config = file::Config {
    window: 512,
    chunk: 256,
};

const SLOW: Weather = Weather {
    loss: 2,
    delay: Duration::from_millis(2),
};

fn content(len: usize) -> Vec<u8> {
    (0..len)
        .map(|i| (i * 31 + (i >> 8)).to_le_bytes()[0])
        .collect()
}

/// Runs `program` with a board and its place at a hub, over a link that is cut every so often, and both their drawers.
fn with_both(
    cut: Option<u64>,
    program: impl AsyncFnOnce(Peer<'_, Dialect, Carried>, Peer<'_, Dialect, Carried>, [Drawer; 2]),
) {
    with_stacks_in(SLOW, async |ours: Stack<'_>, theirs: Stack<'_>| {
        let drawers = [Drawer::default(), Drawer::default()];
        let [here, there] = drawers.clone();
        let (mut memory, mut other) = (Memory::new(), Memory::new());
        let (board, mut runner) = memory.peer_with(
            Native::dialling(Config::new(1).name("board")),
            Files::new(here, CONFIG),
            Default::default(),
        );
        let listening = || Native::listening(Config::new(2).name("hub"));
        let make = || {
            (
                listening(),
                Files::new(there.clone(), CONFIG),
                Default::default(),
            )
        };
        let (hub, mut listener) = other.listener_with(make);
        let settings = Settings::default();
        let dialling = async {
            let mut random = Random(3);
            loop {
                let cut = cut.map_or(1_000_000, |most| random.next() % most);
                let find = async || at(THEIRS, TCP_PORT);
                let mut bytes = Random(4);
                let run = runner.run(ours, settings, find, || bytes.bytes());
                select(run, Timer::after_millis(cut)).await;
            }
        };
        let mut random = Random(5);
        let make = || (listening(), Default::default());
        let listening = listener.run(theirs, TCP_PORT, settings, make, || random.bytes());
        let [place] = *hub.peers();
        let program = async {
            place.open().await.unwrap();
            program(board, place, drawers).await;
        };
        match select(join(task(dialling), task(listening)), program).await {
            Either::First(_) => panic!("a runner has stopped"),
            Either::Second(()) => {}
        }
    });
}

#[test]
fn files_go_both_ways_at_once_over_links_that_are_cut() {
    with_both(Some(300), async |board, place, [here, there]| {
        let (log, map) = (content(60_000), content(45_000));
        there
            .0
            .lock()
            .unwrap()
            .insert("map.bin".into(), map.clone());
        let page = Page { bytes: log.clone() };
        let (sent, fetched) = join(
            task(board.send_file(page, "log.txt".into())),
            task(board.fetch_file("map.bin".into())),
        )
        .await;
        assert_eq!((sent, fetched), (Ok(()), Ok(())));
        assert_eq!(there.0.lock().unwrap()["log.txt"], log);
        assert_eq!(here.0.lock().unwrap()["map.bin"], map);
        let page = Page { bytes: map.clone() };
        assert_eq!(place.send_file(page, "back.bin".into()).await, Ok(()));
        assert_eq!(here.0.lock().unwrap()["back.bin"], map);
    });
}

#[test]
fn what_is_not_wanted_is_refused_by_its_reason() {
    with_both(None, async |board, place, _| {
        let large = || Page {
            bytes: content(100_001),
        };
        let stopped = |reason, by| Err(FileError::Stopped { reason, by });
        let (sent, fetched) = join(
            board.send_file(large(), "log.txt".into()),
            place.fetch_file("nothing.bin".into()),
        )
        .await;
        assert_eq!(sent, stopped(Reason::TooLarge, By::Peer));
        assert_eq!(fetched, stopped(Reason::UnknownName, By::Peer));
        let named = board.send_file(large(), "../secret".into()).await;
        assert!(matches!(named, Err(FileError::Start(_))), "{named:?}");
    });
}

#[test]
fn what_cannot_be_given_by_its_name_is_refused() {
    with_both(None, async |board, _, [_, there]| {
        let files = [("misnamed".into(), content(10))];
        there.0.lock().unwrap().extend(files);
        for _ in 0..3 {
            let fetching = board.fetch_file("misnamed".into());
            let fetched = with_timeout(Duration::from_secs(5), fetching).await;
            let refused = FileError::Stopped {
                reason: Reason::NameNotAllowed,
                by: By::Peer,
            };
            assert_eq!(fetched, Ok(Err(refused)));
        }
    });
}

#[test]
fn shelves_are_told_of_files_that_end_with_their_peer() {
    with_both(None, async |board, place, [here, there]| {
        let page = Page {
            bytes: content(90_000),
        };
        let leaving = async {
            Timer::after_millis(100).await;
            assert!(board.close(Duration::from_secs(5)).await);
        };
        let (sent, ()) = join(place.send_file(page, "map.bin".into()), leaving).await;
        let gone = FileError::Stopped {
            reason: Reason::Cancelled,
            by: By::Fresh,
        };
        assert_eq!(sent, Err(gone));
        assert_eq!((*here.1.lock().unwrap(), *there.1.lock().unwrap()), (1, 1));
    });
}

#[test]
fn a_link_without_files_is_not_asked_for_what_an_older_one_held_back() {
    run_alone(async {
        let (mut first, mut second) = (Memory::new(), Memory::new());
        let mut other = Memory::new();
        let files = || Files::new(Drawer::default(), CONFIG);
        let dialling = |epoch| Native::dialling(Config::new(epoch));
        let listening = Native::listening(Config::new(9));
        let (a, mut first) = first.peer_with(dialling(1), files(), Default::default());
        let (b, mut second) = second.peer_with(dialling(2), files(), Default::default());
        let (host, mut other) = other.peer_with(listening, files(), Default::default());
        let [up, down] = &[const { Pipe::<NoopRawMutex, 64>::new() }; 2];
        let second_of_time = Duration::from_secs(1);
        let bytes = content(1000);
        let serving = join3(
            first.serve(down, up, second_of_time, [1; 32]),
            other.serve(up, down, second_of_time, [2; 32]),
            a.send_file(Page { bytes }, "busy".into()),
        );
        assert!(with_timeout(second_of_time, serving).await.is_err());
        up.clear();
        down.clear();
        let mut polls = 0;
        let mut serving = pin!(join(
            second.serve(down, up, second_of_time, [1; 32]),
            other.serve(up, down, second_of_time, [2; 32]),
        ));
        let serving = poll_fn(|context| {
            polls += 1;
            serving.as_mut().poll(context)
        });
        let opened = async {
            join(b.open(), host.open()).await.0.unwrap();
            Timer::after_secs(5).await;
        };
        let ended = select(task(serving), opened).await;
        assert!(matches!(ended, Either::Second(())));
        assert!(polls < 50, "{polls}");
    });
}

#[test]
fn a_file_that_nobody_waits_for_any_more_makes_room_for_others() {
    with_both(None, async |board, _, [_, there]| {
        let page = |len| Page {
            bytes: content(len),
        };
        for _ in 0..10 {
            let sending = join4(
                board.send_file(page(50_000), "a".into()),
                board.send_file(page(50_000), "b".into()),
                async {},
                async {},
            );
            assert!(matches!(
                select(sending, Timer::after_millis(100)).await,
                Either::Second(())
            ));
        }
        assert_eq!(board.send_file(page(100), "c".into()).await, Ok(()));
        assert_eq!(there.0.lock().unwrap()["c"], content(100));
    });
}
