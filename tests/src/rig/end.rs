use super::ledger::{Item, Ledger, Outcome};
use super::words::{Ask, Heard, Mark, Memory, Note, Talk, Told, Wish, filler, hear};
use super::{Files, Random, Script, Setup, Step};
use ropeway_core::dialect::native::{CallId, Cause, Config, Native, Notice, Opening, Reason, Rule};
use ropeway_core::encoding::postcard;
use ropeway_core::message::{Answer, Call, Refusal};
use ropeway_core::rpc::{Calls, Open};
use ropeway_core::time::Duration;
use ropeway_core::wire::Wire;
use ropeway_core::{Instant, Messenger, SendError};
use std::collections::{HashMap, VecDeque};

/// One program: its messenger, what it still has to say, and the calls both ways.
pub struct End<W> {
    /// The dialler is 0, the listener 1.
    pub side: usize,
    /// Which run of the program it is.
    pub life: u32,
    /// What it speaks by.
    pub talk: Talk<W>,
    /// Its files.
    pub files: Files,
    /// The life of the program at the other end of its transport.
    pub peer_life: u32,
    script: Script,
    waits_until: Instant,
    takes_at: Instant,
    pace: Option<Duration>,
    keeps_in_doubt: bool,
    calls: Calls<CallId, Vec<Open<CallId>>>,
    asked: HashMap<u32, Mark>,
    next_call: u32,
    /// Calls that are to be cancelled, and when.
    cancels_at: Vec<(Instant, CallId)>,
    cancels: VecDeque<CallId>,
    /// Requests that are to be answered.
    answers: Vec<Due>,
}

/// A request that is to be answered.
#[derive(Clone, Copy, Debug)]
struct Due {
    at: Instant,
    id: CallId,
    asked: Mark,
    is_refusal: bool,
}

impl<W: Wire> End<W> {
    /// A program that has just been started, with nothing in its memory.
    pub fn new(
        side: usize,
        setup: &Setup,
        wire: W,
        random: &mut Random,
        ledger: &mut Ledger,
    ) -> Self {
        let mut config = Config::new(random.next())
            .window(setup.window)
            .file_room(setup.file_room);
        if let Some(silence) = setup.silence {
            config = config.silence(silence);
        }
        if setup.keeps_in_doubt {
            config = config.keep_in_doubt();
        }
        let native = match side {
            0 => Native::dialling(config),
            _ => Native::listening(config).seed(random.next()),
        };
        let (input, outbox) = setup.memory[side];
        let never = Instant::from_micros(0);
        let life = ledger.start(side, setup.keeps_in_doubt);
        Self {
            side,
            life,
            files: Files::new(life, ledger.disks[side].clone()),
            talk: Messenger::new(native, Memory::new(input), Memory::new(outbox)).with_wire(wire),
            peer_life: u32::MAX,
            script: setup.scripts[side].clone(),
            waits_until: never,
            takes_at: never,
            pace: setup.pace,
            keeps_in_doubt: setup.keeps_in_doubt,
            calls: Calls::new(vec![Open::NONE; 64]),
            asked: HashMap::new(),
            // Answers to calls of an earlier life must not match.
            next_call: random.short(),
            cancels_at: Vec::new(),
            cancels: VecDeque::new(),
            answers: Vec::new(),
        }
    }

    /// Says what it has to say now, as far as there is room, and whether that was anything.
    pub fn say(&mut self, now: Instant, ledger: &mut Ledger) -> bool {
        let given_up = self.give_up(now, ledger);
        let cancelled = self.say_cancels(ledger);
        let answered = self.say_answers(now, ledger);
        let filed = self.files.say(&mut self.talk, &mut ledger.counts);
        let mut said = given_up | cancelled | answered | filed;
        while now >= self.waits_until
            && let Some(step) = self.script.front().copied()
            && self.take_step(step, now, ledger)
        {
            self.script.pop_front();
            said = true;
        }
        said
    }

    /// Takes one step, and says whether there was room for it.
    pub fn take_step(&mut self, step: Step, now: Instant, ledger: &mut Ledger) -> bool {
        let mark = ledger.mark(self.life);
        let (sent, item) = match step {
            Step::Wait(duration) => {
                self.waits_until = now + duration;
                return true;
            }
            Step::File { len, asks } => return self.files.begin(len, asks),
            Step::Note(len) => {
                let bytes: Vec<u8> = filler(mark, len).collect();
                let filler = &bytes[..];
                (self.talk.send(&Note { mark, filler }), Item::Note(len))
            }
            Step::Ask {
                wish,
                within,
                cancel_after,
            } => {
                let id = CallId(self.next_call);
                if self.calls.iter().count() == 64 {
                    return false;
                }
                let request = &Ask { mark, wish };
                let sent = self.talk.send(&Call { id, request });
                if sent.is_ok() {
                    self.next_call = self.next_call.wrapping_add(1);
                    self.calls
                        .open(id, "Ask", now + within)
                        .expect("room was looked for");
                    self.asked.insert(id.0, mark);
                    ledger.asked(mark);
                    self.cancels_at
                        .extend(cancel_after.map(|after| (now + after, id)));
                }
                (sent, Item::Ask(id.0))
            }
        };
        has_room(sent, || ledger.sent(self.life, item))
    }

    /// Gives up the calls whose time has passed, or that nobody wants any more.
    fn give_up(&mut self, now: Instant, ledger: &mut Ledger) -> bool {
        let before = self.cancels.len();
        while let Some(call) = self.calls.poll_timeout(now) {
            ledger.call_expired(self.asked[&call.id.0], now - call.deadline);
            self.cancels.push_back(call.id);
        }
        let (calls, cancels, asked) = (&mut self.calls, &mut self.cancels, &self.asked);
        self.cancels_at.retain(|(at, id)| {
            if *at > now {
                return true;
            }
            if calls.cancel(*id).is_some() {
                ledger.call_ended(asked[&id.0], Outcome::Cancelled);
                cancels.push_back(*id);
            }
            false
        });
        self.cancels.len() > before
    }

    fn say_cancels(&mut self, ledger: &mut Ledger) -> bool {
        let before = self.cancels.len();
        while let Some(id) = self.cancels.front().copied() {
            // What has been acknowledged is no longer counted from here on.
            self.talk.has_event();
            let queued = self.talk.queued();
            let cancelled = self.talk.cancel(id);
            let is_withdrawn = self.talk.queued() == queued;
            let has_gone = has_room(cancelled, || match is_withdrawn {
                true => ledger.withdrawn(self.life, id.0),
                false => ledger.sent(self.life, Item::Cancel(id.0)),
            });
            if !has_gone {
                break;
            }
            self.cancels.pop_front();
        }
        self.cancels.len() < before
    }

    fn say_answers(&mut self, now: Instant, ledger: &mut Ledger) -> bool {
        let before = self.answers.len();
        let (talk, life) = (&mut self.talk, self.life);
        let mut is_full = false;
        self.answers.retain(|due| {
            if is_full || due.at > now {
                return true;
            }
            let mark = ledger.mark(life);
            let told = Told {
                mark,
                asked: due.asked,
            };
            let (sent, item) = if due.is_refusal {
                let mut detail = [0; 32];
                let len = postcard::encode(&told, &mut detail).expect("room for two marks");
                let mut refusal = Refusal::new(due.id, "ValueError", "no");
                refusal.detail = &detail[..len];
                (talk.send(&refusal), Item::Refusal(due.id.0))
            } else {
                let answer: Answer<'_, '_, _, Ask> = Answer {
                    id: due.id,
                    value: &told,
                };
                (talk.send(&answer), Item::Answer(due.id.0))
            };
            is_full = !has_room(sent, || ledger.sent(life, item));
            is_full
        });
        self.answers.len() < before
    }

    /// Takes what the peer has said, as much as its pace allows, and says whether that was anything.
    pub fn take(&mut self, now: Instant, ledger: &mut Ledger) -> bool {
        let mut taken = false;
        while now >= self.takes_at && self.take_one(now, ledger) {
            taken = true;
            if let Some(pace) = self.pace {
                self.takes_at = now + pace;
            }
        }
        taken
    }

    /// Takes one thing that the peer has said, if there is one.
    pub fn take_one(&mut self, now: Instant, ledger: &mut Ledger) -> bool {
        if self.files.is_busy() {
            return false;
        }
        let files = |notice: &Notice<'_>| self.files.take(notice, &mut ledger.counts);
        let Some(heard) = hear(&mut self.talk, files) else {
            return false;
        };
        match heard {
            Heard::Note { mark, len } => {
                let len = len.expect("the message is what was sent");
                self.note(ledger, Some(mark), Item::Note(len));
            }
            Heard::Ask(id, ask) => {
                self.note(ledger, Some(ask.mark), Item::Ask(id.0));
                let (after, is_refusal) = match ask.wish {
                    Wish::Answer(after) => (after, false),
                    Wish::Refuse(after) => (after, true),
                    Wish::Silence => return true,
                };
                self.answers.push(Due {
                    at: now + Duration::from_millis(after.into()),
                    id,
                    asked: ask.mark,
                    is_refusal,
                });
            }
            Heard::Answer {
                id,
                told,
                is_refusal,
            } => self.take_answer(id, told, is_refusal, ledger),
            Heard::Cancelled(id) => {
                self.note(ledger, None, Item::Cancel(id.0));
                // Whoever has begun may answer all the same.
                self.answers.retain(|due| due.id != id || due.at <= now);
            }
            Heard::Opened(Opening::Fresh { cause, in_doubt }) => {
                self.begin(cause, in_doubt, ledger);
            }
            Heard::Opened(Opening::Resumed) => {
                ledger.counts.resumed += 1;
                self.files.handle_resumed();
            }
            Heard::File | Heard::Met | Heard::CutOff | Heard::Broken(Rule::Silent) => {}
            Heard::Bye(Reason::Silent) => {}
            wrong => panic!("side {}: {wrong:?}", self.side),
        }
        true
    }

    fn take_answer(&mut self, id: CallId, told: Told, is_refusal: bool, ledger: &mut Ledger) {
        let (item, outcome) = match is_refusal {
            false => (Item::Answer(id.0), Outcome::Answered),
            true => (Item::Refusal(id.0), Outcome::Refused),
        };
        self.note(ledger, Some(told.mark), item);
        if self.calls.close(id, "Ask").is_some() {
            let asked = self.asked[&id.0];
            assert_eq!(told.asked, asked, "the answer to another call");
            ledger.call_ended(asked, outcome);
        } else {
            ledger.counts.stale += 1;
        }
    }

    /// The session is a fresh one: calls of the older one are lost.
    fn begin(&mut self, cause: Cause, in_doubt: usize, ledger: &mut Ledger) {
        ledger.fresh(self.life, cause, in_doubt);
        self.files.handle_fresh();
        if self.keeps_in_doubt {
            let mut shown = Vec::new();
            while let Some(frame) = self.talk.poll_in_doubt() {
                shown.push(read_frame(frame));
            }
            assert_eq!(shown.len(), in_doubt, "as many are shown as are in doubt");
            ledger.shown(self.life, &shown);
        }
        if cause == Cause::FirstContact {
            return;
        }
        let lost: Vec<CallId> = self.calls.iter().map(|call| call.id).collect();
        for id in lost {
            self.calls.cancel(id);
            ledger.call_ended(self.asked[&id.0], Outcome::Lost);
        }
    }

    fn note(&self, ledger: &mut Ledger, mark: Option<Mark>, item: Item) {
        let session = self.talk.dialect().session().expect("a session is there");
        ledger.delivered(self.peer_life, self.side, session, mark, item);
    }

    /// Whether it has said all, knows that all has arrived, and waits for nothing.
    pub fn is_done(&self) -> bool {
        self.script.is_empty()
            && self.answers.is_empty()
            && self.cancels.is_empty()
            && self.files.is_done()
            && self.calls.iter().next().is_none()
            && self.talk.queued() == 0
    }

    /// When it has something to do, apart from what comes.
    pub fn next_timeout(&self) -> impl Iterator<Item = Instant> {
        let own = [self.waits_until, self.takes_at].into_iter();
        own.chain(self.calls.next_timeout())
            .chain(self.talk.next_timeout())
            .chain(self.cancels_at.iter().map(|(at, _)| *at))
            .chain(self.answers.iter().map(|due| due.at))
    }
}

/// Whether it was sent; a full outbox is the only reason not to be.
fn has_room(sent: Result<(), SendError>, note: impl FnOnce()) -> bool {
    match sent {
        Ok(()) => {
            note();
            true
        }
        Err(SendError::Full) => false,
        Err(error) => panic!("{error}"),
    }
}

/// Which frame it is, by its bytes.
fn read_frame(frame: &[u8]) -> (Option<Mark>, Item) {
    let content = match frame {
        [0, _, _, _, _, content @ ..] | [_, content @ ..] => content,
        [] => panic!("an empty frame"),
    };
    let call = |body: &[u8]| u32::from_le_bytes(*body.first_chunk().expect("a call id"));
    match content {
        [0x10, body @ ..] => {
            let note: Note<'_> = postcard::decode(body).expect("a message");
            (Some(note.mark), Item::Note(note.filler.len()))
        }
        [0xE8, body @ ..] => (None, Item::Ask(call(body))),
        [0xE9, body @ ..] => (None, Item::Answer(call(body))),
        [0xEA, body @ ..] => (None, Item::Refusal(call(body))),
        [0xEB, body @ ..] => (None, Item::Cancel(call(body))),
        _ => panic!("no such frame: {frame:02x?}"),
    }
}
