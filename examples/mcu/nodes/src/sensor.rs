//! A sensor: finds its hub by beacon, sends a reading ten times a second, answers calls, gives and takes files.
//!
//! What it says to the hub is the table [`Station`]. Its files lie in flash; the log is `log.txt`. Where the hub is may be
//! said by the setting `hub`.

use crate::store::{Drawer, Log, Store};
use crate::{Board, Settings, link};
use core::cell::RefCell;
use core::fmt::{Arguments, Write};
use embassy_futures::join::join3;
use embassy_futures::select::{Either3, select3};
use embassy_net::Stack;
use embassy_time::{Duration, Instant, Timer};
use embedded_storage::nor_flash::NorFlash;
use ropeway_core::dialect::native::{CallId, Config, Native};
use ropeway_core::file;
use ropeway_core::message::{FailureKind, Refusal};
use ropeway_embassy::{Error, Event, Files, Peer, Resources};
use ropeway_words::{Blink, Memory, ReadMemory, Reading, SetRate, Station};

/// The sockets that this opens: a link, and beacons.
pub const SOCKETS: usize = 2;

type Hub<'d, F> = Peer<'d, Native<Config>, Files<Drawer<'d, F>, 2>>;

/// Measures and obeys, for ever.
pub async fn run(
    stack: Stack<'static>,
    board: impl Board,
    store: Store<impl NorFlash>,
    settings: &Settings<'_>,
) -> ! {
    let board = RefCell::new(board);
    let (store, log) = (RefCell::new(store), RefCell::new(Log::new()));
    loop {
        let config = link::config(&board, settings, Station::ENTRIES);
        let beacons = link::beacons(&config, settings, 0);
        let files = Files::new(Drawer::new(&store, &log), FILES);
        let mut resources = Resources::<_, 1, 1024, _>::new();
        let (hub, mut runner) =
            resources.peer_with(Native::dialling(config), files, Default::default());
        let mut sensor = Sensor {
            board: &board,
            log: &log,
            rate: 10,
            number: 0,
            due: Instant::now(),
            blinking: None,
        };
        sensor.say(format_args!("ready"));
        // A session that has ended for good makes room for another.
        let ended = join3(
            link::dial(&mut runner, stack, &board, settings, &beacons),
            sensor.serve(hub),
            async { beacons.run(stack).await.expect("a socket for beacons") },
        );
        embassy_futures::select::select(ended, hub_is_gone(hub)).await;
        Timer::after_secs(1).await;
    }
}

async fn hub_is_gone<F: NorFlash>(hub: Hub<'_, F>) {
    while hub.flush().await.is_ok() {
        Timer::after_secs(1).await;
    }
}

struct Sensor<'s, B> {
    board: &'s RefCell<B>,
    log: &'s RefCell<Log>,
    /// Readings a second.
    rate: u8,
    number: u32,
    /// When the next reading is.
    due: Instant,
    blinking: Option<Blinking>,
}

/// A request to blink that is being done.
struct Blinking {
    id: CallId,
    /// How often the light is still to change.
    changes: u16,
    due: Instant,
}

impl<B: Board> Sensor<'_, B> {
    /// Serves the hub until the session has ended.
    async fn serve<F: NorFlash>(&mut self, hub: Hub<'_, F>) {
        loop {
            let blinking = self
                .blinking
                .as_ref()
                .map_or(Instant::MAX, |blinking| blinking.due);
            let happened = select3(hub.recv(), Timer::at(self.due), Timer::at(blinking));
            let done = match happened.await {
                Either3::First(Ok(event)) => self.handle(hub, event).await,
                Either3::First(Err(error)) => Err(error),
                Either3::Second(()) => self.measure(hub),
                Either3::Third(()) => self.blink(hub).await,
            };
            if let Err(error) = done {
                return self.say(format_args!("{error}"));
            }
        }
    }

    /// Sends a reading, unless so many wait already that the hub should take those first.
    fn measure<F: NorFlash>(&mut self, hub: Hub<'_, F>) -> Result<(), Error> {
        self.due += Duration::from_hz(self.rate.into());
        let reading = Reading {
            number: self.number,
            celsius: self.board.borrow_mut().celsius(),
        };
        match hub.try_send(&reading) {
            Ok(()) => self.number += 1,
            Err(Error::Send(_)) => {}
            Err(closed) => return Err(closed),
        }
        Ok(())
    }

    async fn handle<F: NorFlash>(
        &mut self,
        hub: Hub<'_, F>,
        event: Event<Station, CallId>,
    ) -> Result<(), Error> {
        match event {
            Event::Request(id, Station::Blink(Blink { times })) => match self.blinking {
                None => {
                    let (changes, due) = (2 * u16::from(times), Instant::now());
                    self.blinking = Some(Blinking { id, changes, due });
                    Ok(())
                }
                Some(_) => {
                    let refusal = Refusal::new(id, "Busy", "it blinks already");
                    let kind = FailureKind::Busy;
                    hub.refuse(&Refusal { kind, ..refusal }).await
                }
            },
            Event::Request(id, Station::SetRate(SetRate { per_second })) => match per_second {
                1..=100 => {
                    self.rate = per_second;
                    self.due = Instant::now();
                    hub.answer::<SetRate>(id, &()).await
                }
                _ => {
                    hub.refuse(&Refusal::new(id, "ValueError", "1 to 100 a second"))
                        .await
                }
            },
            Event::Request(id, Station::ReadMemory(ReadMemory)) => {
                let used = self.board.borrow_mut().memory();
                let [stack, statics] = [used.stack, used.statics]
                    .map(|bytes| u32::try_from(bytes).unwrap_or(u32::MAX));
                hub.answer::<ReadMemory>(id, &Memory { stack, statics })
                    .await
            }
            Event::Cancelled(id) => {
                self.blinking.take_if(|blinking| blinking.id == id);
                Ok(())
            }
            Event::News(news) => {
                self.say(format_args!("{news:?}"));
                Ok(())
            }
            Event::Request(id, Station::Reading(_)) => {
                hub.refuse(&Refusal::new(id, "TypeError", "a message, not a request"))
                    .await
            }
            Event::Malformed(malformed) => {
                self.say(format_args!("{malformed}"));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Changes the light, and answers when that was the last time.
    async fn blink<F: NorFlash>(&mut self, hub: Hub<'_, F>) -> Result<(), Error> {
        let Some(blinking) = &mut self.blinking else {
            return Ok(());
        };
        if blinking.changes > 0 {
            blinking.changes -= 1;
            blinking.due += Duration::from_millis(100);
            let is_on = !blinking.changes.is_multiple_of(2);
            self.board.borrow_mut().set_light(is_on);
            return Ok(());
        }
        let id = blinking.id;
        self.blinking = None;
        hub.answer::<Blink>(id, &()).await
    }

    /// To who watches the board, and to the log, which begins anew when it is full.
    fn say(&self, line: Arguments<'_>) {
        self.board.borrow_mut().say(line);
        let mut log = self.log.borrow_mut();
        let seconds = Instant::now().as_secs();
        if writeln!(log, "{seconds} s: {line}").is_err() {
            log.clear();
            // A line that is longer than the log is cut.
            let _ = writeln!(log, "{seconds} s: {line}");
        }
    }
}

/// A quarter of the link's buffers.
const FILES: file::Config = file::Config {
    window: 256,
    chunk: 200,
};
