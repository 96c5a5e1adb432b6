//! A few times a second: what has passed since, for whoever looks.

use super::Shared;
use super::events::event;
use crate::hub::state::{Logged, Row, State};
use serde::Serialize;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::broadcast::{self, Receiver, Sender};
use tokio::time::{MissedTickBehavior, interval, timeout};

/// What is new.
#[derive(Serialize)]
struct Tick<'a> {
    peers: Vec<Row<'a>>,
    log: Vec<Logged>,
    unshown: u64,
}

/// What viewers are told, once for all of them; who is slow misses the oldest.
pub(super) struct Ticks(Sender<Arc<str>>);

impl Ticks {
    pub(super) fn new() -> Self {
        Self(broadcast::Sender::new(WAITING))
    }

    /// From now on, for one viewer more, if there may be one.
    pub(super) fn follow(&self) -> Option<Receiver<Arc<str>>> {
        (self.0.receiver_count() < VIEWERS).then(|| self.0.subscribe())
    }
}

pub(super) async fn run(shared: Shared) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut count = 0_u32;
    loop {
        ticks.tick().await;
        count = count.wrapping_add(1);
        // With many peers it is enough to look once a second.
        let is_large = shared.board.state().peers.len() > MANY;
        if is_large && !count.is_multiple_of(PER_SECOND) {
            continue;
        }
        collect(&shared, count.is_multiple_of(PER_SECOND)).await;
        let mut state = shared.board.state();
        let text = told(&mut state);
        drop(state);
        // Nobody may be looking.
        let _ = shared.ticks.0.send(text.into());
    }
}

/// Asks each line what it has counted.
async fn collect(shared: &Shared, pings: bool) {
    for (number, line) in shared.lines.iter().enumerate() {
        let Ok(asked) = line.collect(pings) else {
            continue;
        };
        // A hub that has more urgent things to do is asked again at the next tick.
        let Ok(Ok(collected)) = timeout(TICK, asked).await else {
            continue;
        };
        let mut state = shared.board.state();
        state.read(number, Instant::now(), &collected.readings);
        state.refusals.insert(number, collected.refusals);
    }
}

fn told(state: &mut State) -> String {
    let (log, unshown) = state.take_fresh();
    let peers = state.rows(false);
    event(
        "tick",
        &Tick {
            peers,
            log,
            unshown,
        },
    )
}

const TICK: Duration = Duration::from_millis(250);

const PER_SECOND: u32 = 4;

/// More peers than this are looked at once a second.
const MANY: usize = 64;

/// How many ticks wait for a viewer before it misses some.
const WAITING: usize = 16;

/// How many may look at once.
const VIEWERS: usize = 32;
