//! A board on trial: it counts what comes, sends and calls as it is told, and gives and takes a file of 1 MiB.
//!
//! What it says is the table [`Trial`]. It dials, as a [sensor](crate::sensor) does, or listens at the port of the setting
//! `listen`, for two peers. With the setting `key`, 64 hexadecimal digits, who it dials must have the same key of `rover`.

use crate::{Board, Settings, link};
use core::cell::RefCell;
use core::fmt::Arguments;
use embassy_futures::join::{join, join3};
use embassy_net::Stack;
use embassy_time::{Duration, Timer};
use ropeway_core::dialect::native::{CallId, Config, Native};
use ropeway_core::file::{
    self, Prefix, ReadFailed, Reason, Sink, SmallCrc, Source, Store, WriteError,
};
use ropeway_core::message::Refusal;
use ropeway_core::wire::{Plain, Wire};
use ropeway_embassy::discovery::{Epoch, Program};
use ropeway_embassy::{Beacons, Error, Event, Files, Peer, Resources, Shelf};
use ropeway_words::{CallMe, Count, Double, Fire, Number, SendNumbers, Trial};
use static_cell::ConstStaticCell;

/// The sockets that this opens: two links, and beacons.
pub const SOCKETS: usize = 3;

type Carried = Files<Pattern, 2>;
type Memory<const N: usize, X> = Resources<'static, Native<Config>, N, BYTES, Carried, X>;
type Tester<'d, X> = Peer<'d, Native<Config>, Carried, X>;

/// Does what it is told, for ever.
pub async fn run(stack: Stack<'static>, board: impl Board, settings: &Settings<'_>) -> ! {
    let board = RefCell::new(board);
    let config = link::config(&board, settings, Trial::ENTRIES);
    let port = settings
        .get("listen")
        .map(|port| port.parse().expect("listen=PORT"));
    let beacons = link::beacons(&config, settings, port.unwrap_or(0));
    let bench = Bench {
        stack,
        board: &board,
        settings,
        config,
    };
    let announcing = async || {
        let announced = join(beacons.run(stack), watch(&beacons, &board)).await;
        announced.0.expect("a socket for beacons");
    };
    let trying = async {
        match port {
            Some(port) => bench.listen(port).await,
            None => bench.dial(&beacons).await,
        }
        // The session has ended for good: another one begins with another start.
        board.borrow_mut().restart()
    };
    join(announcing(), trying).await.1
}

/// Says who is heard, each once.
async fn watch(beacons: &Beacons, board: &RefCell<impl Board>) -> ! {
    let mut known = heapless::Vec::<Epoch, 8>::new();
    loop {
        let new = beacons.find_peer(|peer| {
            let program = peer.program()?;
            (!known.contains(&program.epoch)).then_some(*program)
        });
        let Program { name, epoch, .. } = new.await;
        board.borrow_mut().say(format_args!("hears {}", &*name));
        if known.push(epoch).is_err() {
            known.clear();
        }
    }
}

/// What all links of the board have in common.
struct Bench<'s, B> {
    stack: Stack<'static>,
    board: &'s RefCell<B>,
    settings: &'s Settings<'s>,
    config: Config,
}

impl<B: Board> Bench<'_, B> {
    /// Dials, with a key if there is one, and serves the peer until the session has ended.
    async fn dial(&self, beacons: &Beacons) {
        #[cfg(feature = "secure")]
        if let Some(key) = self.settings.bytes("key") {
            use ropeway_core::wire::secure::{Key, KeyId, Secure};
            type Sealed = Secure<Key, [u8; RECORD], [u8; RECORD]>;
            static MEMORY: ConstStaticCell<Memory<1, Sealed>> = ConstStaticCell::new(Memory::new());
            let rover = KeyId::new(b"rover").expect("an id of 1 to 32 bytes");
            let wire = Secure::dial(rover, Key::new(key), [0; RECORD], [0; RECORD]);
            return self.dial_with(MEMORY.take(), wire, beacons).await;
        }
        static MEMORY: ConstStaticCell<Memory<1, Plain>> = ConstStaticCell::new(Memory::new());
        self.dial_with(MEMORY.take(), Plain, beacons).await;
    }

    async fn dial_with<X: Wire>(
        &self,
        memory: &'static mut Memory<1, X>,
        wire: X,
        beacons: &Beacons,
    ) {
        let dialect = Native::dialling(self.config.clone());
        let (peer, mut runner) = memory.peer_with(dialect, files(), wire);
        self.say(format_args!("ready"));
        join(
            link::dial(&mut runner, self.stack, self.board, self.settings, beacons),
            self.serve(peer),
        )
        .await;
    }

    /// Serves whoever dials.
    async fn listen(&self, port: u16) {
        static MEMORY: ConstStaticCell<Memory<2, Plain>> = ConstStaticCell::new(Memory::new());
        let dialect = || Native::listening(self.config.clone());
        let (hub, mut listener) = MEMORY.take().listener_with(|| (dialect(), files(), Plain));
        let make = || (dialect(), Plain);
        let random = || link::random(self.board);
        let listening = listener.run(self.stack, port, Default::default(), make, random);
        let [one, two] = *hub.peers();
        // Joined futures are polled in order, so it listens when the third says so.
        let ready = async { self.say(format_args!("ready")) };
        let served = join3(listening, join(self.serve(one), self.serve(two)), ready);
        let (ended, ..) = served.await;
        panic!("it listens no more: {ended:?}")
    }

    /// Does what a peer says, in one task, and calls and sends in others, until the session has ended.
    async fn serve<X: Wire>(&self, peer: Tester<'_, X>) {
        let state = State::default();
        join3(
            self.obey(peer, &state),
            self.send(peer, &state),
            self.call(peer, &state),
        )
        .await;
    }

    async fn obey<X: Wire>(&self, peer: Tester<'_, X>, state: &State) {
        while let Ok(event) = peer.recv().await {
            let done = match event {
                Event::Message(Trial::Number(Number(number))) => {
                    state.count(number);
                    Ok(())
                }
                Event::Request(id, request) => state.answer(peer, id, request).await,
                Event::News(news) => {
                    self.say(format_args!("{news:?}"));
                    Ok(())
                }
                Event::Malformed(malformed) => {
                    self.say(format_args!("{malformed}"));
                    Ok(())
                }
                _ => Ok(()),
            };
            if let Err(error) = done {
                self.say(format_args!("{error}"));
            }
        }
        state.is_over.set(true);
    }

    /// Sends as many numbers as it was told to.
    async fn send<X: Wire>(&self, peer: Tester<'_, X>, state: &State) {
        while !state.is_over.get() {
            let Some(count) = state.to_send.take() else {
                Timer::after(TICK).await;
                continue;
            };
            for number in 0..count {
                if let Err(error) = peer.send(&Number(number)).await {
                    self.say(format_args!("sent {number} of {count}: {error}"));
                    break;
                }
            }
        }
    }

    /// Calls as often as it was told to, and answers how many answers were right.
    async fn call<X: Wire>(&self, peer: Tester<'_, X>, state: &State) {
        while !state.is_over.get() {
            let Some((id, count)) = state.to_call.take() else {
                Timer::after(TICK).await;
                continue;
            };
            let mut right = 0;
            for number in 0..count {
                match peer.call(&Double(number), PATIENCE).await {
                    Ok(double) => right += u32::from(double == 2 * number),
                    Err(error) => self.say(format_args!("call {number}: {error}")),
                }
            }
            if let Err(error) = peer.answer::<CallMe>(id, &right).await {
                self.say(format_args!("{error}"));
            }
        }
    }

    fn say(&self, line: Arguments<'_>) {
        self.board.borrow_mut().say(line);
    }
}

/// What has come from a peer, and what it wants.
#[derive(Default)]
struct State {
    /// The numbers that came in order; `u32::MAX` once one did not.
    numbers: core::cell::Cell<u32>,
    fired: core::cell::Cell<u32>,
    to_send: core::cell::Cell<Option<u32>>,
    to_call: core::cell::Cell<Option<(CallId, u32)>>,
    is_over: core::cell::Cell<bool>,
}

impl State {
    fn count(&self, number: u32) {
        let next = self.numbers.get();
        self.numbers
            .set(if number == next { next + 1 } else { u32::MAX });
    }

    async fn answer<X: Wire>(
        &self,
        peer: Tester<'_, X>,
        id: CallId,
        request: Trial,
    ) -> Result<(), Error> {
        match request {
            Trial::Count(Count) => peer.answer::<Count>(id, &self.numbers.get()).await,
            Trial::Double(Double(number)) => {
                peer.answer::<Double>(id, &number.wrapping_mul(2)).await
            }
            Trial::Fire(Fire(_)) => {
                self.fired.set(self.fired.get() + 1);
                peer.answer::<Fire>(id, &self.fired.get()).await
            }
            Trial::SendNumbers(SendNumbers(count)) => {
                self.to_send.set(Some(count));
                peer.answer::<SendNumbers>(id, &()).await
            }
            Trial::CallMe(CallMe(count)) => {
                self.to_call.set(Some((id, count)));
                Ok(())
            }
            Trial::Number(_) => {
                peer.refuse(&Refusal::new(id, "TypeError", "a message, not a request"))
                    .await
            }
        }
    }
}

const fn files() -> Carried {
    Files::new(Pattern, FILES)
}

/// A shelf on which there is one file, and to which one may be taken, both `pattern.bin`: 1 MiB that nobody needs to store,
/// since every byte follows from its place.
pub struct Pattern;

/// The pattern as it is received: every byte must be the right one.
pub struct Expected {
    next: u64,
}

impl Store for Pattern {
    type Source = Self;
    type Sink = Expected;
    type Name = &'static str;
    type Checksum = SmallCrc;
}

impl Shelf for Pattern {
    fn take(&mut self, name: &str, size: u64, _: u64) -> Result<Expected, Reason> {
        match (name, size) {
            (PATTERN, SIZE) => Ok(Expected { next: 0 }),
            (PATTERN, _) => Err(Reason::TooLarge),
            _ => Err(Reason::NotWanted),
        }
    }

    fn give(&mut self, name: &str) -> Result<(Self, &'static str), Reason> {
        match name {
            PATTERN => Ok((Self, PATTERN)),
            _ => Err(Reason::UnknownName),
        }
    }
}

impl Source for Pattern {
    fn size(&self) -> u64 {
        SIZE
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadFailed> {
        let places = offset..SIZE;
        let len = buffer.len().min((SIZE - offset.min(SIZE)) as usize);
        for (byte, place) in buffer.iter_mut().zip(places) {
            *byte = byte_at(place);
        }
        Ok(len)
    }
}

impl Sink for Expected {
    fn resume(&mut self) -> Prefix {
        Prefix::EMPTY
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), WriteError> {
        let mut places = offset..;
        let is_right = offset == self.next
            && bytes
                .iter()
                .all(|byte| places.next().map(byte_at) == Some(*byte));
        self.next += bytes.len() as u64;
        is_right.then_some(()).ok_or(WriteError::Failed)
    }

    fn commit(&mut self) -> Result<(), WriteError> {
        (self.next == SIZE).then_some(()).ok_or(WriteError::Failed)
    }

    fn abandon(&mut self, _: Reason) {}
}

const fn byte_at(place: u64) -> u8 {
    let [byte, ..] = (place * 31 + (place >> 8)).to_le_bytes();
    byte
}

const PATTERN: &str = "pattern.bin";
const SIZE: u64 = 1 << 20;

/// The room for one record of the secure wire, each way.
#[cfg(feature = "secure")]
const RECORD: usize = 512;

const TICK: Duration = Duration::from_millis(1);
const PATIENCE: Duration = Duration::from_secs(30);

/// The room for what is received and sent, each way and each peer, and for what TCP keeps under way.
const BYTES: usize = 2048;

const FILES: file::Config = file::Config {
    window: 1024,
    chunk: 500,
};
