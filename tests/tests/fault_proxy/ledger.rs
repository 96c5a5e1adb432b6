//! What was said and what came of it: the judge of a run.

use super::counts::Counts;
use super::words::{Mark, Told, Wish};
use ropeway_std::call::CallError;
use ropeway_std::native::Cause;
use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

/// Without a reboot all comes exactly once and in order. With one, a message comes at most once and in order, and one
/// that does not come was counted as being in doubt, or its peer was told to be gone.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    streams: Vec<Stream>,
    calls: HashMap<Mark, Call>,
    /// The files that are on their way, by their marks: whose they are, and their length.
    files: HashMap<Mark, (usize, usize)>,
    last_file: u32,
    /// What each side has queued, if there is nothing else left that it has to do.
    queued: [Option<usize>; 2],
    pub(super) counts: Counts,
    /// What must not be.
    pub(super) wrongs: Vec<String>,
}

/// A sequenced frame that says which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Note(usize),
    Ask(Wish),
    Again,
}

/// What one start of a program says to one peer.
#[derive(Debug)]
struct Stream {
    side: usize,
    sent: Vec<Item>,
    /// What comes next, if nothing is lost.
    next: u32,
    /// What was left out.
    skipped: BTreeSet<u32>,
    /// How many were told to be in doubt.
    in_doubt: usize,
    /// Its program is no more, or was told that the peer is gone.
    is_over: bool,
}

#[derive(Debug)]
struct Call {
    wish: Option<Wish>,
    deadline: Instant,
    side: usize,
    has_ended: bool,
    /// Its request has come.
    has_come: bool,
    /// Who was asked has been told that nobody waits any more.
    is_told: bool,
}

impl Ledger {
    /// A program is no more, and another begins.
    pub(super) fn reboot(&mut self, side: usize) {
        self.counts.reboots += 1;
        self.queued[side] = None;
        for stream in &mut self.streams {
            stream.is_over |= stream.side == side;
        }
        for call in self.calls.values_mut() {
            call.has_ended |= call.side == side;
        }
        self.files.retain(|_, (of, _)| *of != side);
    }

    pub(super) const fn has_reboots(&self) -> bool {
        self.counts.reboots > 0
    }

    /// A program meets a peer.
    pub(super) fn open(&mut self, side: usize) -> u32 {
        self.streams.push(Stream {
            side,
            sent: Vec::new(),
            next: 0,
            skipped: BTreeSet::new(),
            in_doubt: 0,
            is_over: false,
        });
        count(self.streams.len() - 1)
    }

    /// A program is told that a peer is gone for good.
    pub(super) fn left(&mut self, stream: u32, why: &str) {
        self.stream(stream).is_over = true;
        self.files.retain(|mark, _| mark.stream != stream);
        if !self.has_reboots() {
            self.wrong(format!("stream {stream} is over: {why}"));
        }
        self.counts.left += 1;
    }

    pub(super) fn mark(&self, stream: u32) -> Mark {
        let index = count(self.streams[stream as usize].sent.len());
        Mark { stream, index }
    }

    pub(super) fn sent(&mut self, mark: Mark, item: Item) {
        self.stream(mark.stream).sent.push(item);
    }

    pub(super) fn asked(&mut self, mark: Mark, wish: Option<Wish>, deadline: Instant) {
        let side = self.stream(mark.stream).side;
        self.sent(mark, wish.map_or(Item::Again, Item::Ask));
        let call = Call {
            wish,
            deadline,
            side,
            has_ended: false,
            has_come: false,
            is_told: false,
        };
        self.calls.insert(mark, call);
    }

    /// A frame was taken by side `to`.
    pub(super) fn delivered(&mut self, mark: Mark, to: usize, item: Item) {
        let has_reboots = self.has_reboots();
        let Some(stream) = self.streams.get_mut(mark.stream as usize) else {
            return self.wrong(format!("{mark:?}: no such stream"));
        };
        let (sent, next) = (stream.sent.get(mark.index as usize).copied(), stream.next);
        let mut lost = 0;
        if mark.index >= next {
            let skipped = (next..mark.index).filter(|index| {
                let mark = Mark {
                    index: *index,
                    ..mark
                };
                !is_withdrawn(&self.calls, mark)
            });
            let skipped: Vec<u32> = skipped.collect();
            lost = skipped.len();
            stream.skipped.extend(skipped);
            stream.next = mark.index + 1;
        } else {
            // Only what may be done twice comes again.
            stream.skipped.remove(&mark.index);
        }
        let is_late = mark.index < next && !(has_reboots && item == Item::Again);
        if stream.side == to || sent != Some(item) {
            self.wrong(format!("{mark:?} is {sent:?} and comes as {item:?}"));
        } else if is_late || (lost > 0 && !has_reboots) {
            self.wrong(format!("{mark:?} comes in place of {next}: {item:?}"));
        }
        if let Some(call) = self.calls.get_mut(&mark) {
            call.has_come = true;
        }
        match item {
            Item::Note(_) => self.counts.messages += 1,
            Item::Ask(_) | Item::Again => self.counts.requests += 1,
        }
    }

    /// Who was asked is told that nobody waits any more.
    pub(super) fn told_cancelled(&mut self, mark: Mark) {
        let call = self.calls.get_mut(&mark);
        let Some(call) = call.filter(|call| call.wish == Some(Wish::Silence)) else {
            return;
        };
        let was_told = std::mem::replace(&mut call.is_told, true);
        self.counts.told_cancelled += 1;
        if was_told {
            self.wrong(format!("{mark:?} is cancelled again"));
        }
    }

    /// A session has begun.
    pub(super) fn fresh(&mut self, stream: u32, cause: Cause, in_doubt: usize) {
        let has_reboots = self.has_reboots();
        if !has_reboots && (cause != Cause::FirstContact || in_doubt > 0) {
            self.wrong(format!(
                "stream {stream}: {cause:?}, {in_doubt} in doubt, and nobody restarted"
            ));
        }
        self.stream(stream).in_doubt += in_doubt;
        self.counts.fresh += 1;
        self.counts.in_doubt += in_doubt;
    }

    /// The mark of the next file: files are counted by themselves.
    pub(super) const fn file_mark(&mut self, stream: u32) -> Mark {
        self.last_file += 1;
        Mark {
            stream,
            index: self.last_file,
        }
    }

    /// A side has begun to send a file, or to ask for one.
    pub(super) fn file_begun(&mut self, mark: Mark, side: usize, len: usize) {
        self.files.insert(mark, (side, len));
    }

    /// The file of this name, if that is on its way, and how long it is.
    pub(super) fn file(&self, name: &str) -> Option<(Mark, usize)> {
        let mut files = self.files.iter();
        let (mark, (_, len)) = files.find(|(mark, _)| super::folders::name(**mark) == name)?;
        Some((*mark, *len))
    }

    /// Whether it was this side that began it.
    pub(super) fn is_file_of(&self, mark: Mark, side: usize) -> bool {
        self.files.get(&mark).is_some_and(|(of, _)| *of == side)
    }

    /// The side that began it has heard how a file ended.
    pub(super) fn file_ended(&mut self, mark: Mark, is_whole: bool, how: &str) {
        self.files.remove(&mark);
        match is_whole {
            true => self.counts.files += 1,
            false => self.counts.files_stopped += 1,
        }
        if !is_whole && !self.has_reboots() {
            self.wrong(format!("the file {mark:?} is {how} and not whole"));
        }
    }

    /// The caller has given a call up, if it is still open: says whether it is.
    pub(super) fn cancels(&mut self, mark: Mark) -> bool {
        let Some(call) = self.calls.get_mut(&mark).filter(|call| !call.has_ended) else {
            return false;
        };
        call.has_ended = true;
        self.counts.cancelled += 1;
        true
    }

    /// A call has an outcome.
    pub(super) fn answered(&mut self, mark: Mark, outcome: &Result<Told, CallError>) {
        let has_reboots = self.has_reboots();
        let Some(call) = self.calls.get_mut(&mark) else {
            return self.wrong(format!("{mark:?} was never asked: {outcome:?}"));
        };
        let late = call.deadline.elapsed();
        let had_ended = std::mem::replace(&mut call.has_ended, true);
        let (side, wish) = (call.side, call.wish);
        let is_right = match outcome {
            Ok(told) => {
                self.counts.answered += 1;
                told.asked == mark && matches!(wish, None | Some(Wish::Answer(_)))
            }
            Err(CallError::Refused(refused)) => {
                self.counts.refused += 1;
                let told = refused.detail::<Told>();
                told.is_some_and(|told| told.asked == mark) && wish == Some(Wish::Refuse)
            }
            Err(CallError::Deadline) => {
                self.counts.expired += 1;
                wish == Some(Wish::Silence)
            }
            Err(CallError::InDoubt) => {
                self.counts.calls_in_doubt += 1;
                has_reboots && wish.is_some()
            }
            Err(CallError::LinkLost) => {
                self.counts.lost += 1;
                has_reboots && side == 1
            }
            Err(_) => false,
        };
        if !is_right || had_ended {
            self.wrong(format!(
                "{mark:?}, {wish:?}: {outcome:?}, ended before: {had_ended}"
            ));
        }
        if late > LATE {
            self.wrong(format!("{mark:?} ends {late:?} late"));
        }
        self.counts.latest = self.counts.latest.max(late);
    }

    /// How many bytes a side that has nothing else left to do still has queued; says whether the run is over.
    pub(super) fn idle(&mut self, side: usize, queued: Option<usize>) -> bool {
        self.queued[side] = queued;
        self.is_done()
    }

    /// Whether there is nothing left to wait for.
    fn is_done(&self) -> bool {
        !self.wrongs.is_empty()
            || (self.queued == [Some(0); 2]
                && self.open_calls().next().is_none()
                && self.files.is_empty())
    }

    /// Calls that have no outcome, or whose end the other side is to be told.
    fn open_calls(&self) -> impl Iterator<Item = (&Mark, &Call)> {
        self.calls.iter().filter(|(_, call)| {
            let is_to_be_told = call.wish == Some(Wish::Silence) && call.has_come && !call.is_told;
            !call.has_ended || (is_to_be_told && !self.has_reboots())
        })
    }

    /// Everything has been said: whether nothing is missing.
    pub(super) fn finish(&mut self) {
        let has_reboots = self.has_reboots();
        let mut wrongs = Vec::new();
        for (number, stream) in (0..).zip(&self.streams) {
            let left = (stream.next..count(stream.sent.len())).filter(|index| {
                let mark = Mark {
                    stream: number,
                    index: *index,
                };
                !is_withdrawn(&self.calls, mark)
            });
            let missing = stream.skipped.len() + left.count();
            let allowed = match has_reboots {
                true => stream.in_doubt,
                false => 0,
            };
            if !stream.is_over && missing > allowed {
                wrongs.push(format!(
                    "{missing} of stream {number} are missing: {stream:?}"
                ));
            }
        }
        if !has_reboots && self.streams.len() != 2 {
            wrongs.push(format!("{} streams", self.streams.len()));
        }
        self.wrongs.extend(wrongs);
    }

    pub(super) fn wrong(&mut self, what: String) {
        self.wrongs.push(what);
    }

    /// What it looks like, for people.
    pub(super) fn state(&self) -> String {
        let calls: Vec<_> = self.open_calls().collect();
        let streams: Vec<_> = self.streams.iter().map(Stream::state).collect();
        format!("queued {:?}, {streams:?}, calls {calls:?}", self.queued)
    }

    fn stream(&mut self, stream: u32) -> &mut Stream {
        &mut self.streams[stream as usize]
    }
}

impl Stream {
    fn state(&self) -> String {
        format!(
            "side {}: {} of {}, skipped {:?}, {} in doubt{}",
            self.side,
            self.next,
            self.sent.len(),
            self.skipped,
            self.in_doubt,
            if self.is_over { ", over" } else { "" }
        )
    }
}

/// Whether nobody waits for it any more, so that it need not come.
fn is_withdrawn(calls: &HashMap<Mark, Call>, mark: Mark) -> bool {
    let call = calls.get(&mark);
    call.is_some_and(|call| call.has_ended && call.wish == Some(Wish::Silence))
}

fn count(len: usize) -> u32 {
    u32::try_from(len).expect("few of them")
}

/// A call that ends so much later than its deadline hangs; less is the machine's doing.
const LATE: Duration = Duration::from_secs(3);
