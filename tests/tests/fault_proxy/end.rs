//! One start of a program: what it still has to say, and what it owes its peers.

use super::folders::{Folders, is_whole, name};
use super::judge::{Judge, lock};
use super::ledger::Item;
use super::script::{Cancel, PATIENT, Script, Step};
use super::words::{Again, Ask, Mark, Note, Told, Wish, filler};
use ropeway_std::call::{CallError, Refused, Ticket};
use ropeway_std::files::{Direction, FileError, Stage};
use ropeway_std::hub::{News, PeerId, Peers};
use ropeway_std::native::{CallId, Native, Standing};
use ropeway_std::{Event, Handlers, Peer, Rule, SendError, framing};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub(super) struct End {
    side: usize,
    judge: Arc<Judge>,
    script: Script,
    /// What it says to whom.
    streams: HashMap<PeerId, u32>,
    /// Whom it speaks to.
    pub(super) peer: Option<PeerId>,
    waits_until: Instant,
    /// Requests that are to be answered, if ever.
    answers: Vec<Due>,
    /// Calls that are to be given up.
    cancels: VecDeque<GivesUp>,
    can_wait: bool,
    folders: Option<Arc<Folders>>,
}

struct Due {
    at: Option<Instant>,
    peer: PeerId,
    id: CallId,
    mark: Mark,
}

struct GivesUp {
    at: Instant,
    peer: PeerId,
    mark: Mark,
    how: How,
}

enum How {
    Id(CallId),
    Ticket(Ticket<Told>),
}

impl End {
    pub(super) fn new(side: usize, script: Script, can_wait: bool, judge: &Arc<Judge>) -> Self {
        let folders = None;
        Self {
            side,
            judge: judge.clone(),
            script,
            streams: HashMap::new(),
            peer: None,
            waits_until: Instant::now(),
            answers: Vec::new(),
            cancels: VecDeque::new(),
            can_wait,
            folders,
        }
    }

    /// The same, with files.
    pub(super) fn with_files(mut self, folders: Option<&Arc<Folders>>) -> Self {
        self.folders = folders.cloned();
        self
    }

    /// Who has something to be told now.
    pub(super) fn due(&self) -> Option<PeerId> {
        let now = Instant::now();
        let mut answers = self.answers.iter();
        let answer = answers.find(|due| due.at.is_some_and(|at| at <= now));
        let cancel = self.cancels.iter().find(|due| due.at <= now);
        let speaks = self.waits_until <= now && !self.script.is_empty();
        answer
            .map(|due| due.peer)
            .or(cancel.map(|due| due.peer))
            .or(self.peer.filter(|_| speaks))
    }

    /// When something is due next.
    pub(super) fn next_time(&self) -> Option<Instant> {
        let answers = self.answers.iter().filter_map(|due| due.at);
        let cancels = self.cancels.iter().map(|due| due.at);
        let speaks = !self.script.is_empty() && self.peer.is_some();
        let script = speaks.then_some(self.waits_until);
        answers.chain(cancels).chain(script).min()
    }

    /// Whether it has said and answered all.
    pub(super) fn is_done(&self) -> bool {
        let owes = self.answers.iter().any(|due| due.at.is_some());
        self.script.is_empty() && !owes && self.cancels.is_empty()
    }

    /// A peer is gone for good.
    pub(super) fn forget(&mut self, peer: PeerId) {
        self.peer = self.peer.filter(|there| *there != peer);
        self.answers.retain(|due| due.peer != peer);
        self.cancels.retain(|due| due.peer != peer);
    }

    /// What it says to this peer.
    pub(super) fn stream(&mut self, peer: PeerId) -> u32 {
        let open = || self.judge.ledger().open(self.side);
        *self.streams.entry(peer).or_insert_with(open)
    }

    /// Says what is due to `peer`, as far as there is room. A request that the program waits for is returned.
    pub(super) fn say(&mut self, peer: &mut Peer<'_, Native>) -> Option<Ask> {
        let now = Instant::now();
        let id = peer.id();
        if self.give_up(peer, now).is_err() || self.answer(peer, now).is_err() {
            self.waits_until = now + MOMENT;
            return None;
        }
        while self.waits_until <= now && self.peer == Some(id) {
            let step = *self.script.front()?;
            if let (true, Step::Call(wish)) = (self.can_wait, step) {
                self.script.pop_front();
                return Some(self.ask(id, wish));
            }
            match self.take_step(peer, step, now) {
                Ok(()) => drop(self.script.pop_front()),
                Err(SendError::Full | SendError::NotOpen) => self.waits_until = now + MOMENT,
                Err(error) => {
                    self.script.clear();
                    let wrong = format!("{step:?} at side {}: {error:?}", self.side);
                    self.judge.ledger().wrong(wrong);
                }
            }
        }
        None
    }

    /// Notes a request that is to be sent next.
    fn ask(&mut self, peer: PeerId, wish: Wish) -> Ask {
        let stream = self.stream(peer);
        let mut ledger = self.judge.ledger();
        let mark = ledger.mark(stream);
        ledger.asked(mark, Some(wish), Instant::now() + PATIENT);
        Ask { mark, wish }
    }

    fn give_up(&mut self, peer: &mut Peer<'_, Native>, now: Instant) -> Result<(), SendError> {
        let id = peer.id();
        let is_due = |due: &GivesUp| due.peer == id && due.at <= now;
        while let Some(at) = self.cancels.iter().position(is_due) {
            let Some(due) = self.cancels.remove(at) else {
                break;
            };
            let mut ledger = self.judge.ledger();
            match due.how {
                How::Id(call) if ledger.cancels(due.mark) => peer.cancel(call),
                How::Id(_) => {}
                How::Ticket(ticket) => match ticket.poll() {
                    Some(outcome) => ledger.answered(due.mark, &outcome),
                    None => {
                        ledger.cancels(due.mark);
                        drop(ticket);
                    }
                },
            }
        }
        Ok(())
    }

    fn answer(&mut self, peer: &mut Peer<'_, Native>, now: Instant) -> Result<(), SendError> {
        let id = peer.id();
        let is_due = |due: &Due| due.peer == id && due.at.is_some_and(|at| at <= now);
        while let Some(at) = self.answers.iter().position(is_due) {
            let Due {
                id, mark: asked, ..
            } = self.answers[at];
            if let Err(error) = peer.answer::<Ask>(id, &Told { asked }) {
                self.answers[at].at = Some(now + MOMENT);
                return Err(error);
            }
            self.answers.swap_remove(at);
        }
        Ok(())
    }

    fn take_step(
        &mut self,
        peer: &mut Peer<'_, Native>,
        step: Step,
        now: Instant,
    ) -> Result<(), SendError> {
        let id = peer.id();
        let stream = self.stream(id);
        let mark = self.judge.ledger().mark(stream);
        match step {
            Step::Wait(span) => self.waits_until = now + span,
            Step::Note(len) => {
                let filler = filler(mark, len);
                peer.send(&Note { mark, filler })?;
                self.judge.ledger().sent(mark, Item::Note(len));
            }
            Step::Offer(len) => {
                let Some(folders) = self.folders.clone() else {
                    return Ok(());
                };
                let mark = self.judge.ledger().file_mark(stream);
                let path = folders.make(self.side, mark, len);
                begun(peer.offer(path, &name(mark)))?;
                self.judge.ledger().file_begun(mark, self.side, len);
            }
            Step::AskFor(len) => {
                let Some(folders) = self.folders.clone() else {
                    return Ok(());
                };
                let mark = self.judge.ledger().file_mark(stream);
                folders.make(1 - self.side, mark, len);
                let path = folders.inbox(self.side).join(name(mark));
                begun(peer.ask_for(&name(mark), path))?;
                self.judge.ledger().file_begun(mark, self.side, len);
            }
            Step::Again => {
                let then = self.then(mark);
                calls(peer.call_then(&Again { mark }, PATIENT, then))?;
                self.judge.ledger().asked(mark, None, now + PATIENT);
            }
            Step::Call(wish) => {
                let then = self.then(mark);
                calls(peer.call_then(&Ask { mark, wish }, PATIENT, then))?;
                self.judge.ledger().asked(mark, Some(wish), now + PATIENT);
            }
            Step::Ask {
                wish,
                within,
                cancel_after,
            } => {
                let ask = Ask { mark, wish };
                let (after, how) = match cancel_after {
                    Some(Cancel::ByTicket(after)) => {
                        let ticket = calls(peer.start(&ask, within))?;
                        (Some(after), How::Ticket(ticket))
                    }
                    Some(Cancel::ById(after)) => {
                        let call = calls(peer.call_then(&ask, within, self.then(mark)))?;
                        (Some(after), How::Id(call))
                    }
                    None => {
                        let call = calls(peer.call_then(&ask, within, self.then(mark)))?;
                        (None, How::Id(call))
                    }
                };
                self.judge.ledger().asked(mark, Some(wish), now + within);
                self.cancels.extend(after.map(|after| GivesUp {
                    at: now + after,
                    peer: id,
                    mark,
                    how,
                }));
            }
        }
        Ok(())
    }

    fn then(
        &self,
        mark: Mark,
    ) -> impl FnOnce(&mut Peer<'_, Native>, Result<Told, CallError>) + Send + 'static {
        let judge = self.judge.clone();
        move |_, outcome| judge.ledger().answered(mark, &outcome)
    }
}

/// What a program does with what it hears.
pub(super) fn handlers(end: &Arc<Mutex<End>>, judge: &Arc<Judge>) -> Handlers<Native> {
    let side = lock(end).side;
    let mut handlers = Handlers::new();
    let to = judge.clone();
    handlers.on::<Note>(move |_, Note { mark, filler: got }| {
        let is_whole = got == filler(mark, got.len());
        let mut ledger = to.ledger();
        if !is_whole {
            ledger.wrong(format!("{mark:?} comes as {got:?}"));
        }
        ledger.delivered(mark, side, Item::Note(got.len()));
    });
    let (to, answers) = (judge.clone(), end.clone());
    handlers.answer_later::<Ask>(move |peer, id, Ask { mark, wish }| {
        to.ledger().delivered(mark, side, Item::Ask(wish));
        let at = match wish {
            Wish::Refuse => {
                let refused = Refused::text("as wished").with_detail(&Told { asked: mark });
                return Err(refused);
            }
            Wish::Answer(millis) => Some(Instant::now() + Duration::from_millis(millis.into())),
            Wish::Silence => None,
        };
        let peer = peer.id();
        let due = Due { at, peer, id, mark };
        lock(&answers).answers.push(due);
        Ok(())
    });
    let to = judge.clone();
    handlers.answer::<Again>(move |_, Again { mark }| {
        to.ledger().delivered(mark, side, Item::Again);
        Ok(Told { asked: mark })
    });
    let (to, answers) = (judge.clone(), end.clone());
    handlers.cancelled(move |peer, id| {
        let answers = &mut lock(&answers).answers;
        let is_it = |due: &Due| due.peer == peer.id() && due.id == id;
        if let Some(at) = answers.iter().position(is_it) {
            to.ledger().told_cancelled(answers.swap_remove(at).mark);
        }
    });
    let (to, stands) = (judge.clone(), end.clone());
    handlers.standing(move |peer, standing| match *standing {
        Standing::Fresh { cause, in_doubt } => {
            let stream = lock(&stands).stream(peer.id());
            to.ledger().fresh(stream, cause, in_doubt);
        }
        Standing::Resumed => to.ledger().counts.resumed += 1,
        _ => {}
    });
    let (to, folders) = (judge.clone(), lock(end).folders.clone());
    handlers.files(move |_, event| {
        let mut ledger = to.ledger();
        let (Some(folders), Some((mark, len))) = (&folders, ledger.file(&event.name)) else {
            return;
        };
        // Who began it is the judge; the other side hears of it as well.
        let to_side = match event.direction {
            Direction::Out => 1 - side,
            Direction::In => side,
        };
        let path = folders.inbox(to_side).join(&*event.name);
        let is_done = matches!(event.stage, Stage::Done);
        if is_done && !is_whole(&path, mark, len) {
            ledger.wrong(format!("{path:?} is not what was sent"));
        }
        if ledger.is_file_of(mark, side) && event.is_last() {
            ledger.file_ended(mark, is_done, &event.stage.to_string());
        }
    });
    let to = judge.clone();
    handlers.otherwise(move |_, event| match event {
        Event::Notice(_) => {}
        Event::Malformed(malformed)
            if matches!(
                malformed.rule,
                Rule::Framing(framing::Rule::Truncated { .. })
            ) => {}
        other => to.ledger().wrong(format!("side {side} hears {other:?}")),
    });
    handlers
}

/// What a hub does when peers come and go.
pub(super) fn on_news(end: &Mutex<End>, judge: &Judge, _: &mut Peers<Native>, news: &News) {
    let mut end = lock(end);
    match news {
        News::Joined(info) | News::Back(info) => {
            end.stream(info.id);
            end.peer = Some(info.id);
        }
        News::Left(info, why) => {
            let stream = end.stream(info.id);
            end.forget(info.id);
            judge.ledger().left(stream, &why.to_string());
        }
        News::Away(..) | News::TurnedAway(..) => {}
        other => judge.ledger().wrong(format!("{other:?}")),
    }
}

/// What became of a file that could not be begun: there are too many.
fn begun<T>(begun: Result<T, FileError>) -> Result<(), SendError> {
    match begun {
        Ok(_) => Ok(()),
        Err(FileError::Start(_)) => Err(SendError::Full),
        Err(_) => Err(SendError::Unencodable),
    }
}

/// What became of a call that could not be made.
fn calls<T>(called: Result<T, CallError>) -> Result<T, SendError> {
    called.map_err(|error| match error {
        CallError::Send(error) => error,
        CallError::TooMany | CallError::Busy => SendError::Full,
        _ => SendError::NotOpen,
    })
}

/// How long what found no room waits.
const MOMENT: Duration = Duration::from_millis(2);
