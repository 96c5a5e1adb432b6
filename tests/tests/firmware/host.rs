use crate::LONG;
use ropeway_std::call::{CallError, Ticket};
use ropeway_std::files::{self, FileError, FileId, Files, Stage};
use ropeway_std::hub::{Hub, Limits, News, PeerId, Peers};
use ropeway_std::message::Entry;
use ropeway_std::native::{self, Cause, Keyring, Native, Standing};
use ropeway_std::{Handlers, Options, Peer, SendError};
use ropeway_words::{Double, Number, Station, Trial};
use std::collections::{HashMap, VecDeque};
use std::fmt::Debug;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The hub that boards dial.
pub(crate) struct Host {
    pub(crate) hub: Hub<Native>,
    pub(crate) address: SocketAddr,
    pub(crate) config: Arc<native::Config>,
    heard: Arc<Mutex<Heard>>,
}

/// What it has heard.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) boards: HashMap<String, PeerId>,
    /// How many numbers have come from whom, in order and once.
    pub(crate) numbers: HashMap<PeerId, u32>,
    pub(crate) resumed: usize,
    pub(crate) fresh: Vec<(Cause, usize)>,
    /// Why links came to nothing.
    turned_away: Vec<String>,
    /// Files whose transfers have ended.
    ended: Vec<files::Event>,
    /// What must not be.
    wrong: Vec<String>,
}

impl Heard {
    /// Whether someone was turned away for this.
    pub(crate) fn is_turned_away(&self, why: &str) -> Option<()> {
        let mut turned_away = self.turned_away.iter();
        turned_away.any(|said| said.contains(why)).then_some(())
    }
}

impl Host {
    /// Listens at this address, for boards on trial.
    pub(crate) fn new(listen: &str) -> Self {
        Self::start(listen, Trial::ENTRIES, Options::default())
    }

    /// The same, for those that have one of the keys.
    pub(crate) fn secure(listen: &str, keys: Keyring) -> Self {
        Self::start(listen, Trial::ENTRIES, Options::default().keyring(keys))
    }

    /// The same, for sensors.
    pub(crate) fn of_sensors(listen: &str) -> Self {
        Self::start(listen, Station::ENTRIES, Options::default())
    }

    fn start(listen: &str, entries: &'static [Entry], options: Options) -> Self {
        let config = native::config().registry(entries, native::Policy::Enforce);
        let config = Arc::new(config.name("hub").silence(SILENCE));
        let of_hub = config.clone();
        let heard = Arc::<Mutex<Heard>>::default();
        let dialect = move |_: &_| native::listening(&of_hub);
        let hub = Hub::new(dialect, options, Limits::default()).expect("a hub");
        let hub = hub.with_handlers(handlers(&heard));
        let mut hub = hub.with_files(Files::new());
        let port = hub.listen(listen).expect("a port that is free");
        Self {
            address: hub.address(port).expect("it listens"),
            hub,
            config,
            heard,
        }
    }

    /// Where boards find it whose network QEMU makes up.
    pub(crate) fn behind_slirp(&self) -> String {
        format!("hub=10.0.2.2:{}", self.address.port())
    }

    /// Waits for the board of this name.
    #[track_caller]
    pub(crate) fn board(&mut self, name: &str) -> PeerId {
        self.wait(name, |heard| heard.boards.get(name).copied())
    }

    /// Turns until `found` has something.
    #[track_caller]
    pub(crate) fn wait<T>(
        &mut self,
        what: &str,
        mut found: impl FnMut(&mut Heard) -> Option<T>,
    ) -> T {
        let end = Instant::now() + LONG;
        loop {
            {
                let mut heard = lock(&self.heard);
                assert!(heard.wrong.is_empty(), "{heard:?}");
                if let Some(found) = found(&mut heard) {
                    return found;
                }
                assert!(Instant::now() < end, "{what} never came: {heard:?}");
            }
            let left = end.saturating_duration_since(Instant::now());
            self.hub.turn(left).expect("it polls");
        }
    }

    /// Does all that there is to do now.
    pub(crate) fn settle(&mut self) {
        while self.hub.turn(Duration::ZERO).expect("it polls") {}
    }

    /// Queues these numbers for a board, as there is room.
    #[track_caller]
    pub(crate) fn send_numbers(&mut self, board: PeerId, numbers: Range<u32>) {
        for number in numbers {
            self.wait_for_room(|hub| hub.send(board, &Number(number)));
        }
    }

    /// Waits until so many numbers have come from a board, which then begins anew.
    #[track_caller]
    pub(crate) fn await_numbers(&mut self, board: PeerId, numbers: u32) {
        self.wait("the last number", |heard| {
            let came = heard.numbers.get_mut(&board)?;
            (*came == numbers).then(|| *came = 0)
        });
    }

    #[track_caller]
    fn wait_for_room(&mut self, mut send: impl FnMut(&mut Hub<Native>) -> Result<(), SendError>) {
        let end = Instant::now() + LONG;
        loop {
            match send(&mut self.hub) {
                Ok(()) => return,
                Err(SendError::Full) => assert!(Instant::now() < end, "the board takes nothing"),
                Err(error) => panic!("{error}"),
            }
            self.hub.turn(LONG).expect("it polls");
        }
    }

    /// Begins a call and waits for its answer.
    #[track_caller]
    pub(crate) fn ask<A: Debug>(
        &mut self,
        begin: impl FnOnce(&mut Peers<Native>) -> Result<Ticket<A>, CallError>,
    ) -> Result<A, CallError> {
        let ticket = begin(&mut self.hub)?;
        self.wait("an answer", |_| ticket.poll())
    }

    /// Has a board double the numbers from 0 on, several at a time, and looks at the answers.
    #[track_caller]
    pub(crate) fn have_doubled(&mut self, board: PeerId, numbers: u32) {
        let mut asked = 0..numbers;
        let mut underway = VecDeque::new();
        loop {
            while underway.len() < 8
                && let Some(number) = asked.next()
            {
                let ticket = self.hub.start(board, &Double(number), LONG);
                underway.push_back((number, ticket.expect("room for a call")));
            }
            let Some((number, ticket)) = underway.pop_front() else {
                return;
            };
            let doubled = self.wait("an answer", |_| ticket.poll());
            assert_eq!(doubled, Ok(number * 2));
        }
    }

    /// Begins a transfer and waits until the file is in its place.
    #[track_caller]
    pub(crate) fn carry(
        &mut self,
        board: PeerId,
        begin: impl FnOnce(&mut Peer<'_, Native>) -> Result<FileId, FileError>,
    ) {
        let mut peer = self.hub.get(board).expect("the board is there");
        let file = begin(&mut peer).expect("a transfer");
        let event = self.wait("a file", |heard| {
            let at = heard.ended.iter().position(|event| event.file == file)?;
            Some(heard.ended.remove(at))
        });
        assert!(matches!(event.stage, Stage::Done), "{event:?}");
    }
}

fn handlers(heard: &Arc<Mutex<Heard>>) -> Handlers<Native> {
    let mut handlers = Handlers::<Native>::new();
    handlers.answer::<Double>(|_, Double(number)| Ok(number.wrapping_mul(2)));
    let heard_of = heard.clone();
    handlers.on::<Number>(move |peer, Number(number)| {
        let mut heard = lock(&heard_of);
        let next = heard.numbers.entry(peer.id()).or_default();
        match *next == number {
            true => *next += 1,
            false => {
                let wrong = format!("{number} came instead of {next}");
                heard.wrong.push(wrong);
            }
        }
    });
    let heard_of = heard.clone();
    handlers.news(move |peers, news| {
        let mut heard = lock(&heard_of);
        match news {
            News::Joined(info) => {
                let peer = peers.get(info.id);
                let name = peer.map(|mut peer| peer.dialect().peer_name().to_owned());
                heard.boards.insert(name.unwrap_or_default(), info.id);
            }
            News::TurnedAway(..) => heard.turned_away.push(format!("{news:?}")),
            News::Left(..) => heard.wrong.push(format!("{news:?}")),
            _ => {}
        }
    });
    let heard_of = heard.clone();
    handlers.standing(move |_, standing| match *standing {
        Standing::Resumed => lock(&heard_of).resumed += 1,
        Standing::Fresh { cause, in_doubt } => lock(&heard_of).fresh.push((cause, in_doubt)),
        _ => {}
    });
    let heard_of = heard.clone();
    handlers.files(move |_, event| {
        if event.is_last() {
            lock(&heard_of).ended.push(event.clone());
        }
    });
    handlers
}

fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long neither side says nothing.
const SILENCE: Duration = Duration::from_secs(3);

/// Where it listens for boards on a [wire](crate::wire).
pub(crate) const ON_WIRE: &str = "10.0.0.1:8225";
