use super::{Counts, Disk, Mark};
use ropeway_core::dialect::native::Cause;
use ropeway_core::time::Duration;
use std::collections::{BTreeSet, HashMap};

/// What was said and what came of it: the judge of a run.
///
/// Without a reboot every frame comes exactly once and in order. With one, a frame comes at most once and in order, and
/// one that does not come was counted, or shown, as being in doubt.
#[derive(Debug, Default)]
pub struct Ledger {
    lives: Vec<Life>,
    calls: HashMap<Mark, Option<Outcome>>,
    /// What either side has of files.
    pub disks: [Disk; 2],
    /// What there has been of everything.
    pub counts: Counts,
}

/// A sequenced frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// A message with so many bytes of filler.
    Note(usize),
    /// The request of this call.
    Ask(u32),
    /// The answer to this call.
    Answer(u32),
    /// The refusal of this call.
    Refusal(u32),
    /// Nobody waits for this call any more.
    Cancel(u32),
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// By its answer.
    Answered,
    /// By a refusal.
    Refused,
    /// Its time had passed.
    Expired,
    /// The caller wanted it no more.
    Cancelled,
    /// The session was lost.
    Lost,
}

/// One run of one program.
#[derive(Debug, Default)]
struct Life {
    side: usize,
    is_over: bool,
    sent: Vec<Item>,
    /// What comes next, if nothing is lost.
    next: usize,
    /// In which session the last one came.
    session: u64,
    skipped: usize,
    /// How many were told to be in doubt.
    in_doubt: usize,
    /// Those that were shown.
    shown: BTreeSet<usize>,
    shows: bool,
}

impl Ledger {
    /// A program is started.
    pub fn start(&mut self, side: usize, shows: bool) -> u32 {
        let life = Life {
            side,
            shows,
            ..Life::default()
        };
        self.lives.push(life);
        u32::try_from(self.lives.len() - 1).expect("few programs")
    }

    /// A program is no more.
    pub fn end(&mut self, life: u32) {
        self.life(life).is_over = true;
    }

    /// The mark of what is sent next.
    pub fn mark(&self, life: u32) -> Mark {
        let sent = self.lives[life as usize].sent.len();
        let index = u32::try_from(sent).expect("few frames");
        Mark { life, index }
    }

    /// A frame was accepted for sending.
    pub fn sent(&mut self, life: u32, item: Item) {
        self.life(life).sent.push(item);
    }

    /// A request that had not gone out was withdrawn: it comes as word that nobody waits.
    pub fn withdrawn(&mut self, life: u32, call: u32) {
        let life = &mut self.lives[life as usize];
        let request = life.sent.iter_mut().find(|item| **item == Item::Ask(call));
        *request.expect("it was sent") = Item::Cancel(call);
        self.counts.withdrawn += 1;
    }

    /// A call was made.
    pub fn asked(&mut self, mark: Mark) {
        self.calls.insert(mark, None);
    }

    /// A call is over.
    pub fn call_ended(&mut self, mark: Mark, outcome: Outcome) {
        let was = self.calls.insert(mark, Some(outcome));
        assert_eq!(was, Some(None), "{mark:?} ends {outcome:?}");
        self.counts.note(outcome);
    }

    /// The time of a call has passed, `late` ago.
    pub fn call_expired(&mut self, mark: Mark, late: Duration) {
        self.counts.latest = self.counts.latest.max(late);
        self.call_ended(mark, Outcome::Expired);
    }

    /// A frame of `from` was taken by a program of side `to`, in `session`; `mark` is what it says of itself.
    pub fn delivered(
        &mut self,
        from: u32,
        to: usize,
        session: u64,
        mark: Option<Mark>,
        item: Item,
    ) {
        let life = &mut self.lives[from as usize];
        assert_ne!(life.side, to, "one's own words");
        if let Some(mark) = mark {
            assert_eq!(mark.life, from, "{item:?} is of another life");
        }
        let index = match mark {
            Some(mark) => mark.index as usize,
            None => {
                let sent = &life.sent[life.next..];
                life.next
                    + sent
                        .iter()
                        .position(|sent| *sent == item)
                        .unwrap_or(sent.len())
            }
        };
        assert_eq!(
            life.sent.get(index),
            Some(&item),
            "{mark:?} was never sent so"
        );
        assert!(
            index >= life.next,
            "{mark:?} comes again or too late: {item:?}"
        );
        assert!(
            !life.shown.contains(&index),
            "{mark:?} was in doubt and comes all the same"
        );
        let skipped = index - life.next;
        if skipped > 0 {
            assert_ne!(
                life.session, session,
                "{skipped} frames before {mark:?} are left out"
            );
            let is_shown = (life.next..index).all(|index| life.shown.contains(&index));
            assert!(
                !life.shows || is_shown || life.is_over,
                "lost before {mark:?} and not shown"
            );
        }
        life.skipped += skipped;
        life.next = index + 1;
        life.session = session;
        match item {
            Item::Note(_) => self.counts.messages += 1,
            _ => self.counts.others += 1,
        }
    }

    /// A program was told that its session is a fresh one.
    pub fn fresh(&mut self, life: u32, cause: Cause, in_doubt: usize) {
        let life = self.life(life);
        life.in_doubt += in_doubt;
        assert!(
            cause != Cause::FirstContact || in_doubt == 0,
            "doubts at first contact"
        );
        assert!(
            life.in_doubt <= life.sent.len(),
            "more in doubt than was sent"
        );
        self.counts.in_doubt += in_doubt;
    }

    /// A program was shown the frames that are in doubt.
    pub fn shown(&mut self, life: u32, frames: &[(Option<Mark>, Item)]) {
        let life = self.life(life);
        let mut next = None;
        for (mark, item) in frames {
            let from = next.unwrap_or(0);
            let index = match mark {
                Some(mark) => mark.index as usize,
                None => {
                    let at = life.sent[from..].iter().position(|sent| sent == item);
                    from + at.unwrap_or_default()
                }
            };
            assert_eq!(life.sent.get(index), Some(item), "in doubt and never sent");
            assert!(
                next.is_none_or(|next| next == index),
                "doubts are not in order"
            );
            assert!(life.shown.insert(index), "{item:?} is in doubt again");
            next = Some(index + 1);
        }
    }

    /// Everything has been said: whether nothing is missing.
    pub fn finish(&mut self) {
        for (number, life) in self.lives.iter().enumerate() {
            if life.is_over {
                continue;
            }
            let missing = life.skipped + life.sent.len() - life.next;
            assert!(
                missing <= life.in_doubt,
                "life {number}: {missing} of {} frames are missing, {} are in doubt",
                life.sent.len(),
                life.in_doubt,
            );
            let left = life.next..life.sent.len();
            assert!(
                !life.shows || left.clone().all(|index| life.shown.contains(&index)),
                "life {number}: {left:?} did not come and were not shown",
            );
            assert!(
                !life.shows || life.shown.len() == life.in_doubt,
                "not all doubts were shown"
            );
        }
        for disk in &self.disks {
            let mut names = disk.whole();
            names.sort_unstable();
            names.dedup();
            let is_once = names.len() == disk.whole().len();
            assert!(
                is_once || self.has_reboots(),
                "a file came twice: {:?}",
                disk.whole()
            );
        }
        for (mark, outcome) in &self.calls {
            let life = &self.lives[mark.life as usize];
            assert!(
                life.is_over || outcome.is_some(),
                "{mark:?} has never ended"
            );
        }
    }

    /// Whether programs have been started anew.
    pub fn has_reboots(&self) -> bool {
        self.lives.len() > 2
    }

    fn life(&mut self, life: u32) -> &mut Life {
        &mut self.lives[life as usize]
    }
}
