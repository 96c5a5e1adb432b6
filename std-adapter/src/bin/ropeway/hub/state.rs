//! What is known of the peers, and what happened: shared by the hub's thread, which writes it, and the page's.

use super::content::{SHOWN, Shown, cut};
use super::happening::{Direction, Happening, Kind, Printer, Whose, now};
use super::line::Reading;
use super::spoken::Bodies;
use super::uploads::Uploads;
use crate::fault::Fault;
use crate::line::Line;
use crate::protocol::Protocol;
use ropeway_std::hub::{PeerId, Refusals};
use serde::Serialize;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Where everything is written down.
pub(crate) struct Board {
    state: Mutex<State>,
    printer: Printer,
    uploads: Uploads,
    /// Someone may look at it.
    is_watched: bool,
}

/// What is known at the moment.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) peers: BTreeMap<u64, Known>,
    by_id: HashMap<(usize, PeerId), u64>,
    met: u64,
    /// The last things that happened, and those since the last [`State::take_fresh`].
    log: VecDeque<Logged>,
    fresh: Vec<Logged>,
    happened: u64,
    /// How much was not written down, since there was too much at once.
    pub(crate) unshown: u64,
    /// What each line has refused.
    pub(crate) refusals: BTreeMap<usize, Refusals>,
}

/// Something that happened, shared by all who are told of it.
#[derive(Clone)]
pub(crate) struct Logged(Arc<Entry>);

struct Entry {
    peer: Option<u64>,
    /// What it is found by: its line, in small letters.
    words: String,
    json: Box<RawValue>,
}

impl Logged {
    /// With `id`, which counts up, and with what the page shows of a message.
    fn new(id: u64, happening: &Happening) -> Self {
        let mut fields = Line::default().with("id", id).and(happening.fields());
        if let Some(said) = &happening.said {
            fields = fields.with("title", &*said.title).with("says", said.says());
        }
        Self(Arc::new(Entry {
            peer: happening.whose.peer,
            words: happening.line().to_lowercase(),
            json: raw(id, happening.at, fields),
        }))
    }
}

/// A line in a larger piece of JSON.
fn raw(id: u64, at: u64, line: Line) -> Box<RawValue> {
    RawValue::from_string(line.to_string()).unwrap_or_else(|error| {
        let text = format!("this cannot be shown: {error}");
        let told = json!({ "id": id, "at": at, "event": "trouble", "text": text });
        to_raw_value(&told).unwrap_or_default()
    })
}

impl Serialize for Logged {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.json.serialize(serializer)
    }
}

/// One peer.
pub(crate) struct Known {
    pub(crate) line: usize,
    pub(crate) id: PeerId,
    pub(crate) whose: Whose,
    pub(crate) protocol: Protocol,
    pub(crate) since: u64,
    pub(crate) is_away: bool,
    pub(crate) last: Reading,
    /// The readings of the last moment, for rates.
    recent: VecDeque<(Instant, Reading)>,
    /// Messages a second, in and out, at each tick.
    pub(crate) history: VecDeque<[f32; 2]>,
}

/// What passes in a second.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Rates {
    pub(crate) messages_in: f32,
    pub(crate) messages_out: f32,
    pub(crate) bytes_in: f32,
    pub(crate) bytes_out: f32,
}

/// A peer as the API has it.
#[derive(Serialize)]
pub(crate) struct Row<'a> {
    id: u64,
    name: Option<&'a str>,
    protocol: Protocol,
    address: Option<SocketAddr>,
    state: &'static str,
    since: u64,
    messages_in: u64,
    messages_out: u64,
    bytes_in: u64,
    bytes_out: u64,
    rates: Rates,
    queued: usize,
    resumed: u64,
    round_trip_ms: Option<f64>,
    body: Bodies,
    calls: bool,
    files: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<&'a VecDeque<[f32; 2]>>,
}

impl Board {
    pub(crate) fn new(printer: Printer, is_watched: bool) -> Self {
        Self {
            state: Mutex::default(),
            printer,
            uploads: Uploads::default(),
            is_watched,
        }
    }

    pub(crate) const fn uploads(&self) -> &Uploads {
        &self.uploads
    }

    /// Nobody needs the file at `path` any more, if it was dropped on a peer.
    pub(crate) fn done_with(&self, path: &Path) {
        self.uploads.done_with(path);
    }

    pub(crate) fn is_unheard(&self) -> bool {
        self.printer.is_unheard()
    }

    /// Why what happens could not be printed, unless its reader has just left.
    pub(crate) fn unprinted(&self) -> Result<(), Fault> {
        match self.printer.error() {
            Some(error) => Err(Fault::failed(format!("standard output: {error}"))),
            None => Ok(()),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub(crate) fn listening(&self, protocol: Protocol, address: SocketAddr) {
        let whose = Whose {
            protocol: Some(protocol),
            address: Some(address),
            ..Whose::default()
        };
        self.note(Happening::new(Kind::Listening, whose));
    }

    /// The page is served.
    pub(crate) fn page(&self, url: &str, address: SocketAddr) {
        let whose = Whose {
            address: Some(address),
            ..Whose::default()
        };
        self.note(Happening::new(Kind::Page, whose).text(url));
    }

    pub(crate) fn beacon(&self, kind: Kind, name: String, address: Option<SocketAddr>) {
        let whose = Whose {
            who: Some(name).filter(|name| !name.is_empty()),
            address,
            ..Whose::default()
        };
        self.note(Happening::new(kind, whose));
    }

    pub(crate) fn joined(
        &self,
        line: usize,
        id: PeerId,
        protocol: Protocol,
        name: String,
        address: SocketAddr,
    ) {
        let mut state = self.state();
        state.met += 1;
        let number = state.met;
        let whose = Whose {
            peer: Some(number),
            who: Some(name).filter(|name| !name.is_empty()),
            protocol: Some(protocol),
            address: Some(address),
        };
        let known = Known {
            line,
            id,
            whose: whose.clone(),
            protocol,
            since: now(),
            is_away: false,
            last: Reading::default(),
            recent: VecDeque::new(),
            history: VecDeque::new(),
        };
        state.by_id.insert((line, id), number);
        state.peers.insert(number, known);
        drop(state);
        self.note(Happening::new(Kind::Joined, whose));
    }

    pub(crate) fn away(&self, line: usize, id: PeerId, why: impl ToString) {
        let whose = self.state().change(line, id, |known| known.is_away = true);
        self.note(Happening::new(Kind::Away, whose).text(why));
    }

    pub(crate) fn back(&self, line: usize, id: PeerId, name: String, address: SocketAddr) {
        let whose = self.state().change(line, id, |known| {
            known.is_away = false;
            known.whose.address = Some(address);
            known.whose.who = Some(name).filter(|name| !name.is_empty());
        });
        self.note(Happening::new(Kind::Back, whose));
    }

    pub(crate) fn left(&self, line: usize, id: PeerId, why: impl ToString) {
        let mut state = self.state();
        let number = state.by_id.remove(&(line, id));
        let known = number.and_then(|number| state.peers.remove(&number));
        drop(state);
        self.uploads.left(line, id);
        let whose = known.map(|known| known.whose).unwrap_or_default();
        self.note(Happening::new(Kind::Left, whose).text(why));
    }

    pub(crate) fn turned_away(&self, protocol: Protocol, address: SocketAddr, why: impl ToString) {
        let whose = Whose {
            protocol: Some(protocol),
            address: Some(address),
            ..Whose::default()
        };
        self.note(Happening::new(Kind::TurnedAway, whose).text(why));
    }

    /// Something about a peer, or about a line where it is none of its peers'.
    pub(crate) fn about(&self, line: usize, id: PeerId, kind: Kind, text: impl ToString) {
        let whose = self.state().change(line, id, |_| {});
        self.note(Happening::new(kind, whose).text(text));
    }

    pub(crate) fn trouble(&self, text: impl ToString) {
        self.note(Happening::new(Kind::Trouble, Whose::default()).text(text));
    }

    /// A message, a request or an answer.
    pub(crate) fn said(
        &self,
        line: usize,
        id: PeerId,
        kind: Kind,
        direction: Direction,
        shown: Shown,
    ) {
        let whose = self.state().change(line, id, |_| {});
        self.note(Happening::new(kind, whose).said(direction, shown));
    }

    fn note(&self, mut happening: Happening) {
        if let Some(text) = &mut happening.text {
            cut(text, SHOWN);
        }
        self.printer.print(&happening);
        if self.is_watched {
            self.state().note(&happening);
        }
    }
}

impl State {
    /// Whose peer this is, after a change of what is known of it.
    fn change(&mut self, line: usize, id: PeerId, change: impl FnOnce(&mut Known)) -> Whose {
        let number = self.by_id.get(&(line, id));
        match number.and_then(|number| self.peers.get_mut(number)) {
            Some(known) => {
                change(known);
                known.whose.clone()
            }
            None => Whose::default(),
        }
    }

    fn note(&mut self, happening: &Happening) {
        // What tells of peers is never too much: there are as many of them as the hub allows.
        let is_said = happening.said.is_some();
        if is_said && self.fresh.len() >= BUDGET {
            self.unshown += 1;
            return;
        }
        self.happened += 1;
        let happening = Logged::new(self.happened, happening);
        if self.log.len() >= KEPT {
            self.log.pop_front();
        }
        self.log.push_back(happening.clone());
        if self.fresh.len() < 2 * KEPT {
            self.fresh.push(happening);
        }
    }

    /// What happened since this was last asked, and how much more was not written down.
    pub(crate) fn take_fresh(&mut self) -> (Vec<Logged>, u64) {
        (std::mem::take(&mut self.fresh), self.unshown)
    }

    /// The last things that happened, oldest first: at most `limit`, of one peer or of all, with `needle` in them.
    pub(crate) fn log(&self, peer: Option<u64>, needle: &str, limit: usize) -> Vec<Logged> {
        let needle = needle.to_lowercase();
        let wanted = self.log.iter().rev().filter(|happening| {
            peer.is_none_or(|peer| happening.0.peer == Some(peer))
                && happening.0.words.contains(&needle)
        });
        let mut found: Vec<_> = wanted.take(limit).cloned().collect();
        found.reverse();
        found
    }

    /// Takes in what a line has counted.
    pub(crate) fn read(&mut self, line: usize, at: Instant, readings: &[(PeerId, Reading)]) {
        for (id, reading) in readings {
            let number = self.by_id.get(&(line, *id));
            if let Some(known) = number.and_then(|number| self.peers.get_mut(number)) {
                known.read(at, *reading);
            }
        }
    }

    pub(crate) fn row(&self, number: u64, with_history: bool) -> Option<Row<'_>> {
        Some(self.peers.get(&number)?.row(number, with_history))
    }

    pub(crate) fn rows(&self, with_history: bool) -> Vec<Row<'_>> {
        let rows = self.peers.iter();
        rows.map(|(number, known)| known.row(*number, with_history))
            .collect()
    }
}

impl Known {
    fn read(&mut self, at: Instant, reading: Reading) {
        self.last = reading;
        self.recent.push_back((at, reading));
        while self.recent.len() > 2
            && self
                .recent
                .get(1)
                .is_some_and(|(first, _)| at - *first >= MOMENT)
        {
            self.recent.pop_front();
        }
        if self.history.len() >= HISTORY {
            self.history.pop_front();
        }
        let rates = self.rates();
        self.history
            .push_back([rates.messages_in, rates.messages_out]);
    }

    pub(crate) fn rates(&self) -> Rates {
        let (Some((from, first)), Some((to, last))) = (self.recent.front(), self.recent.back())
        else {
            return Rates::default();
        };
        let seconds = (*to - *from).as_secs_f32();
        if seconds <= 0.0 {
            return Rates::default();
        }
        #[allow(
            clippy::cast_precision_loss,
            reason = "a rate is shown with three digits"
        )]
        let rate = |first: u64, last: u64| last.saturating_sub(first) as f32 / seconds;
        Rates {
            messages_in: rate(first.messages_in, last.messages_in),
            messages_out: rate(first.messages_out, last.messages_out),
            bytes_in: rate(first.bytes_in, last.bytes_in),
            bytes_out: rate(first.bytes_out, last.bytes_out),
        }
    }

    fn row(&self, id: u64, with_history: bool) -> Row<'_> {
        let last = &self.last;
        Row {
            id,
            name: self.whose.who.as_deref(),
            protocol: self.protocol,
            address: self.whose.address,
            state: match self.is_away {
                true => "away",
                false => "here",
            },
            since: self.since,
            messages_in: last.messages_in,
            messages_out: last.messages_out,
            bytes_in: last.bytes_in,
            bytes_out: last.bytes_out,
            rates: self.rates(),
            queued: last.queued,
            resumed: last.resumed,
            round_trip_ms: last.round_trip.map(|time| time.as_secs_f64() * 1e3),
            body: self.protocol.bodies(),
            calls: self.protocol.has_calls(),
            files: self.protocol.has_files(),
            history: with_history.then_some(&self.history),
        }
    }
}

/// What a thread that panicked has left is still worth showing.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How much of what happened is kept.
pub(crate) const KEPT: usize = 1000;

/// How many messages are written down between two ticks.
const BUDGET: usize = 250;

/// Rates are those of so long.
const MOMENT: Duration = Duration::from_secs(1);

/// How many ticks a plot shows: a minute, at four a second.
const HISTORY: usize = 240;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Words;
    use ropeway_std::any::Content;

    fn board() -> Board {
        Board::new(Printer::new(false), true)
    }

    #[test]
    fn a_flood_is_counted_and_not_kept() {
        let board = board();
        let id = crate::hub::line::tests::any_id();
        let (protocol, registry) = (Protocol::Native, Arc::default());
        let shown = Shown::message(&Content::new(16, vec![0; 4]), &Words { protocol, registry });
        let say = || board.said(0, id, Kind::Message, Direction::In, shown.clone());
        for _ in 0..BUDGET + 7 {
            say();
        }
        let (fresh, unshown) = board.state().take_fresh();
        assert_eq!((fresh.len(), unshown), (BUDGET, 7));
        board.trouble("still told");
        assert_eq!(board.state().take_fresh().0.len(), 1);
        for _ in 0..10 {
            for _ in 0..BUDGET {
                say();
            }
            board.state().take_fresh();
        }
        assert_eq!(board.state().log(None, "", usize::MAX).len(), KEPT);
        assert_eq!(board.state().log(None, "", 3).len(), 3);
        assert!(board.state().log(None, "no such", 3).is_empty());
    }
}
