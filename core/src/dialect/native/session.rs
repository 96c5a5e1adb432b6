use super::code::{ACK, BYE, HELLO, NAMES, PING, PONG, WELCOME, is_sequenced};
use super::hello::{Hello, bytes};
use super::keepalive::Keepalive;
use super::names::{Codes, Named, cut, differs};
use super::notice::{Cause, Opening, Reason};
use super::{Config, Name, Notice, Policy, Rule};
use crate::dialect::{Keeping, Settlement};
use crate::error::native::{Difference, Guess};
use crate::framing::{Extended, Full};
use crate::message::Entry;

/// The state of a session, and of the link that it has at the moment: `SPEC.md`, "Opening" and "Delivery".
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Session {
    pub(super) side: Side,
    pub(super) phase: Phase,
    /// The session that has begun, 0 for none.
    id: u64,
    /// The session that is to begin in its place, 0 for none.
    offered: u64,
    /// Whose session it is.
    peer_epoch: u64,
    /// What the peer said of itself on this link.
    pub(super) peer: Hello,
    /// What it calls itself, and whether that is still to be told.
    pub(super) name: Name,
    has_met: bool,
    /// Bytes of the peer's sequenced frames that have been taken, and as last acknowledged.
    taken: u32,
    told: u32,
    /// Bytes of ours that the peer has acknowledged.
    acked: u32,
    /// What was acknowledged and is not settled with the outbox yet.
    unsettled: u32,
    /// The outbox is to be settled with a fresh session.
    is_fresh: bool,
    /// The same, with one that goes on.
    is_resumed: bool,
    owes: Owes,
    /// The first sign of a fresh session is to be acknowledged at once.
    confirms: bool,
    /// What remains in the outbox of an older session waits to be looked at.
    holds_in_doubt: bool,
    names: Names,
    bye: Option<Bye>,
    opening: Option<Opening>,
    /// Messages that were longer than the peer takes, to be told.
    pub(super) too_long: usize,
    broken: Option<Rule>,
    /// One side has ended the session for good.
    pub(super) is_final: bool,
    /// What ids of fresh sessions are drawn from.
    pub(super) seed: u64,
    /// Nothing but messages is to be seen to: it is [checked](Self::check) after all that may change it.
    pub(super) is_steady: bool,
    /// How far sequenced frames have been seen that wait to be taken, counted as [taken](Self::taken).
    seen: u32,
    /// The largest window that the peer was told on this link.
    granted: u32,
    /// The length of a sequenced frame that is being passed over; 0 for none.
    refused: u32,
    pub(super) keepalive: Keepalive,
    pub(super) keeping: Keeping,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) enum Side {
    Dialler,
    Listener,
    /// A listener that lets its holder look for the session.
    Lobby,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) enum Phase {
    /// The opening of the other side is waited for.
    Opening,
    /// The holder looks for the session that the peer asks for.
    Claimed,
    /// Registries are compared.
    Naming,
    /// A fresh session has been offered, and no sign of it has come.
    Pending,
    Open,
    Over,
}

/// Small frames that are to be sent.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Owes {
    opening: bool,
    pong: bool,
    ack: bool,
}

/// How far the names of both registries are exchanged.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Names {
    /// The next entry to send; one past the last is the end of them.
    next: u16,
    /// How many of the peer's are known here.
    known: u16,
    /// Those of them that are the same here, a bit for each code.
    same: [u8; 32],
    is_sent: bool,
    is_received: bool,
}

#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Bye {
    reason: Reason,
    name: Name,
    text: &'static str,
}

impl Session {
    pub(super) const fn new(side: Side) -> Self {
        Self {
            side,
            phase: Phase::Opening,
            id: 0,
            offered: 0,
            peer_epoch: 0,
            peer: Hello::NONE,
            name: Name::EMPTY,
            has_met: false,
            taken: 0,
            told: 0,
            acked: 0,
            unsettled: 0,
            is_fresh: false,
            is_resumed: false,
            owes: Owes {
                opening: matches!(side, Side::Dialler),
                pong: false,
                ack: false,
            },
            confirms: false,
            holds_in_doubt: false,
            names: Names {
                next: 0,
                known: 0,
                same: [0; 32],
                is_sent: false,
                is_received: false,
            },
            bye: None,
            opening: None,
            too_long: 0,
            broken: None,
            is_final: false,
            seed: 0,
            is_steady: false,
            seen: 0,
            granted: 0,
            refused: 0,
            keepalive: Keepalive::NEW,
            keeping: Keeping::new(),
        }
    }

    /// A new transport; what began, or was offered, stays.
    pub(super) fn restart(&mut self) {
        self.phase = Phase::Opening;
        self.peer = Hello::NONE;
        self.owes = Owes {
            opening: self.side == Side::Dialler,
            ..Owes::default()
        };
        self.confirms = false;
        self.names = Names::default();
        self.bye = None;
        self.opening.take_if(|opening| *opening == Opening::Resumed);
        self.seen = self.taken;
        self.granted = 0;
        self.refused = 0;
        self.has_met = false;
        self.broken = None;
        self.is_final = false;
        self.keepalive.restart();
        self.keeping.aside.clear();
        self.keeping.ahead = 0;
        self.check();
    }

    const fn check(&mut self) {
        self.is_steady = matches!(self.phase, Phase::Open)
            && self.unsettled == 0
            && !self.is_fresh
            && !self.is_resumed
            && !self.has_met
            && !self.confirms
            && !self.holds_in_doubt
            && self.opening.is_none()
            && self.too_long == 0
            && self.broken.is_none();
    }

    /// The session that has begun; 0 for none.
    pub(super) const fn id(&self) -> u64 {
        self.id
    }

    pub(super) const fn offered(&self) -> u64 {
        self.offered
    }

    /// HELLO has come to a listener.
    pub(super) fn on_hello(&mut self, config: &Config, content: &[u8]) -> Result<(), Rule> {
        if self.side == Side::Dialler || self.phase != Phase::Opening {
            return Err(Rule::OutOfPlace { code: HELLO });
        }
        let (hello, name) = Hello::parse(content)?;
        if hello.second > VERSION || hello.version < VERSION {
            return Err(Rule::Version {
                latest: hello.version,
                oldest: hello.second,
            });
        }
        if self.side == Side::Listener {
            // Whom it refuses it has not met.
            self.resumed(&hello)?;
        }
        self.meet(hello, name);
        self.phase = Phase::Claimed;
        if self.side == Side::Listener {
            let id = self.draw(config);
            self.answer(config, id)?;
        }
        Ok(())
    }

    /// Answers the HELLO that has come: resumes a session that is known here, or offers a fresh one of id `fresh`.
    pub(super) fn answer(&mut self, config: &Config, fresh: u64) -> Result<(), Rule> {
        if self.phase != Phase::Claimed {
            return Ok(());
        }
        let offered = self.peer.offered;
        let (resumed, taken) = self.resumed(&self.peer)?;
        self.owes.opening = true;
        self.peer.second = u8::from(resumed != 0);
        self.peer.session = match resumed {
            0 => fresh,
            resumed => resumed,
        };
        self.confirms = resumed == 0 || resumed == offered;
        self.open(config, taken);
        Ok(())
    }

    /// The session that a HELLO resumes here, 0 for none, and how many bytes of it the peer has taken.
    fn resumed(&self, hello: &Hello) -> Result<(u64, u32), Rule> {
        let ours = |id: u64| id != 0 && (id == self.id || id == self.offered);
        let (id, taken) = match (ours(hello.offered), ours(hello.session)) {
            (true, _) => (hello.offered, 0),
            (false, true) => (hello.session, hello.taken),
            (false, false) => (0, 0),
        };
        self.check_taken(id, taken)?;
        Ok((id, taken))
    }

    /// Of a session that has not begun nothing has been taken.
    const fn check_taken(&self, id: u64, taken: u32) -> Result<(), Rule> {
        match id == self.id || taken == 0 {
            true => Ok(()),
            false => Err(Rule::NeverSent),
        }
    }

    /// WELCOME has come to a dialler.
    pub(super) fn on_welcome(&mut self, config: &Config, content: &[u8]) -> Result<(), Rule> {
        if self.side != Side::Dialler || self.phase != Phase::Opening || self.owes.opening {
            return Err(Rule::OutOfPlace { code: WELCOME });
        }
        let (welcome, name) = Hello::parse(content)?;
        if welcome.version != VERSION {
            return Err(Rule::Version {
                latest: welcome.version,
                oldest: welcome.version,
            });
        }
        let id = welcome.session;
        let is_known = id == self.id || id == self.offered;
        let is_resumed = welcome.second != 0;
        if id == 0 || is_known != is_resumed {
            return Err(Rule::OtherSession);
        }
        self.check_taken(id, welcome.taken)?;
        self.meet(welcome, name);
        // As long as nothing has been taken, the listener may not have heard that the session has begun.
        self.owes.ack = id != self.id || (self.taken, self.acked) == (0, 0);
        self.open(config, welcome.taken);
        Ok(())
    }

    fn meet(&mut self, peer: Hello, name: &str) {
        self.peer = peer;
        self.name = Name::new(name);
        self.has_met = true;
        self.keepalive.promise(peer.silence);
        self.check();
    }

    /// Both sides have shown themselves: `self.peer.session` is in force, of which the peer has taken `taken` bytes.
    fn open(&mut self, config: &Config, taken: u32) {
        if self.peer.session == self.id {
            self.unsettled = taken.wrapping_sub(self.acked);
            self.acked = taken;
            self.offered = 0;
        } else {
            self.offered = self.peer.session;
        }
        let differs = config.fingerprint != self.peer.fingerprint;
        let both_check = config.fingerprint != 0 && self.peer.fingerprint != 0;
        if differs && both_check {
            self.phase = Phase::Naming;
        } else {
            self.begin();
        }
    }

    /// Nothing more has to be said before messages, if the session is not pending.
    fn begin(&mut self) {
        if self.offered == 0 {
            self.phase = Phase::Open;
            self.is_resumed = true;
            // That it is fresh has to be known, even if it has been resumed since.
            self.opening.get_or_insert(Opening::Resumed);
        } else if self.id == 0 && self.side == Side::Dialler {
            self.commit();
        } else {
            self.phase = Phase::Pending;
        }
        self.check();
    }

    /// The session that was offered begins.
    fn commit(&mut self) {
        let cause = match self.id {
            0 => Cause::FirstContact,
            _ if self.peer_epoch != self.peer.epoch => Cause::PeerRestarted,
            _ => Cause::PeerForgot,
        };
        // Nobody has asked yet: doubts that are held are counted again.
        let in_doubt = match self.opening {
            Some(Opening::Fresh { in_doubt, .. }) if !self.holds_in_doubt => in_doubt,
            _ => 0,
        };
        self.id = self.offered;
        self.offered = 0;
        self.peer_epoch = self.peer.epoch;
        (self.taken, self.told, self.acked, self.unsettled) = (0, 0, 0, 0);
        self.seen = 0;
        self.is_fresh = true;
        self.opening = Some(Opening::Fresh { cause, in_doubt });
        self.phase = Phase::Open;
        self.check();
    }

    /// Draws an id for a fresh session.
    pub(super) fn draw(&mut self, config: &Config) -> u64 {
        loop {
            self.seed = self.seed.wrapping_add(GOLDEN);
            let drawn = mix(config.epoch ^ self.seed);
            if drawn != 0 && drawn != self.id && drawn != self.offered {
                return drawn;
            }
        }
    }

    pub(super) fn on_name<M: Codes>(
        &mut self,
        config: &Config,
        codes: &mut M,
        content: &[u8],
    ) -> Result<(), Rule> {
        if self.phase != Phase::Naming || self.names.is_received {
            return Err(Rule::OutOfPlace { code: NAMES });
        }
        let adapts = config.policy == Policy::Adapt;
        let Some(named) = Named::parse(content)? else {
            if !adapts {
                self.names.check_all(config.entries)?;
            }
            self.names.is_received = true;
            if adapts && self.names.known == 0 {
                codes.reset(true);
            }
            self.end_naming();
            return Ok(());
        };
        if adapts && self.names.known == 0 {
            codes.reset(true);
        }
        match named.find(config.entries)? {
            Some(found) if adapts => codes.map(named.code, found.code),
            Some(found) if found.code != named.code => {
                return Err(differs(found.entry, Difference::Code));
            }
            Some(_) => self.names.note_same(named.code),
            None if adapts => {}
            None => {
                return Err(Rule::Registry {
                    entry: Err(named.code),
                    difference: Difference::Missing,
                });
            }
        }
        self.names.known = self.names.known.saturating_add(1);
        Ok(())
    }

    fn end_naming(&mut self) {
        if self.phase == Phase::Naming && self.names.is_sent && self.names.is_received {
            self.begin();
        }
    }

    /// A PING, PONG or ACK has come.
    pub(super) fn on_small(&mut self, code: u8, content: &[u8]) -> Result<(), Rule> {
        let may_come = matches!(self.phase, Phase::Open | Phase::Pending);
        match *content {
            _ if !may_come => Err(Rule::OutOfPlace { code }),
            [PING] => {
                self.owes.pong = true;
                Ok(())
            }
            [PONG] => Ok(()),
            [ACK, ref fields @ ..] if fields.len() == 8 => {
                let taken = u32::from_le_bytes(bytes(fields, 0));
                let window = u32::from_le_bytes(bytes(fields, 4));
                self.on_ack(taken, window)
            }
            _ => Err(Rule::ShortFrame { code }),
        }
    }

    fn on_ack(&mut self, taken: u32, window: u32) -> Result<(), Rule> {
        if self.phase == Phase::Pending {
            if taken != 0 {
                return Err(Rule::NeverSent);
            }
            self.commit();
        }
        let newly = taken.wrapping_sub(self.acked);
        self.unsettled = self.unsettled.wrapping_add(newly);
        self.acked = taken;
        self.peer.window = window;
        self.confirm();
        self.check();
        Ok(())
    }

    /// A frame of this code is there, to be taken soon: a sequenced one is the first sign of a session that is pending.
    #[inline]
    pub(super) fn foresee(&mut self, code: u8) {
        if self.phase == Phase::Pending && is_sequenced(code) {
            self.commit();
        }
    }

    /// A sequenced frame of `len` bytes waits behind all others that do.
    pub(super) fn on_ahead(&mut self, len: u32) {
        let before = match self.seen.wrapping_sub(self.taken) {
            // It was taken before it was looked for.
            passed if passed > u32::MAX / 2 => 0,
            before => before,
        };
        let ahead = before.saturating_add(len);
        self.seen = self.taken.wrapping_add(ahead);
        if self.phase == Phase::Open && before > 0 && ahead > self.granted {
            self.break_off_aloud(Rule::BeyondWindow);
        }
    }

    /// A sequenced frame is to be taken; fails if none may come now.
    #[cold]
    pub(super) fn on_sequenced(&mut self, code: u8) -> Result<(), Rule> {
        if self.phase != Phase::Open {
            return Err(Rule::OutOfPlace { code });
        }
        self.confirm();
        Ok(())
    }

    /// A sequenced frame of `len` bytes has been taken.
    #[inline]
    pub(super) const fn count(&mut self, len: u32) {
        self.taken = self.taken.wrapping_add(len);
    }

    /// A sequenced frame of `len` bytes is longer than the memory for it.
    pub(super) fn on_refused(&mut self, code: u8, len: u32) {
        self.foresee(code);
        match self.on_sequenced(code) {
            Ok(()) => self.refused = len,
            Err(rule) => self.break_off_aloud(rule),
        }
    }

    /// What was refused is past.
    pub(super) const fn count_refused(&mut self) {
        self.count(self.refused);
        self.refused = 0;
    }

    /// Acknowledges the first sign of a fresh session.
    fn confirm(&mut self) {
        if self.confirms {
            self.confirms = false;
            self.owes.ack = true;
            self.check();
        }
    }

    /// BYE has come.
    pub(super) fn on_bye<'a>(&mut self, content: &'a [u8]) -> Result<Notice<'a>, Rule> {
        let short = Rule::ShortFrame { code: BYE };
        let (reason, text) = content
            .get(1..)
            .and_then(<[u8]>::split_first)
            .ok_or(short)?;
        let reason = Reason::of(*reason);
        let text = core::str::from_utf8(text).unwrap_or_default();
        self.end_of_peer(reason);
        Ok(Notice::Bye { reason, text })
    }

    /// A rule is broken: the session ends, and the peer is told.
    #[cold]
    pub(super) fn break_off(&mut self, rule: Rule) {
        if self.phase == Phase::Over {
            return;
        }
        let reason = match rule {
            Rule::Version { .. } => Reason::Version,
            Rule::Registry { .. } => Reason::Registry,
            Rule::Silent => Reason::Silent,
            _ => Reason::Broken,
        };
        if self.bye.is_none() {
            let name = match rule {
                Rule::Registry {
                    entry: Ok(name), ..
                } => Name::new(name),
                _ => Name::EMPTY,
            };
            self.take_leave(reason, name, rule.text());
        }
        match rule {
            Rule::NotNative {
                looks_like: Guess::Secure,
            } => {
                self.bye = None;
                self.take_leave(Reason::PlainOnly, Name::EMPTY, "");
            }
            // What is sent to a peer of another protocol would only confuse it.
            Rule::NotNative { .. } => self.bye = None,
            _ => {}
        }
        self.end_of_peer(reason);
    }

    /// The same, for a rule that is broken by a frame of the protocol's own.
    #[cold]
    pub(super) fn break_off_at(&mut self, rule: Rule, content: &[u8]) {
        // What is not known here has its name from there.
        if let Rule::Registry { entry: Err(_), .. } = rule
            && let Ok(Some(named)) = Named::parse(content)
        {
            self.take_leave(Reason::Registry, Name::new(named.name), rule.text());
        }
        self.break_off(rule);
    }

    /// The same, for a rule that is not broken by a frame: it is told as a notice.
    #[cold]
    pub(super) fn break_off_aloud(&mut self, rule: Rule) {
        if self.phase != Phase::Over {
            self.broken = Some(rule);
            self.break_off(rule);
        }
    }

    /// The peer has ended the link. Until a session is in force here, it may be anybody: what began earlier stays.
    fn end_of_peer(&mut self, reason: Reason) {
        self.end(reason.is_resumable() || self.phase != Phase::Open);
        self.is_final = !reason.is_resumable();
    }

    fn end(&mut self, is_resumable: bool) {
        self.phase = Phase::Over;
        self.owes = Owes::default();
        self.is_final = !is_resumable;
        if !is_resumable {
            self.id = 0;
            self.offered = 0;
        }
        self.check();
    }

    /// Whether the session began with a program that was started another time than that of `epoch`.
    pub(super) const fn is_of_another_start(&self, epoch: u64) -> bool {
        self.id != 0 && self.peer_epoch != epoch
    }

    /// The opening that another end was shown.
    pub(super) fn take_over(&mut self, hello: &Hello, name: &str) {
        self.meet(*hello, name);
        self.phase = Phase::Claimed;
    }

    pub(super) fn close(&mut self, reason: Reason) {
        match self.phase {
            // What is queued goes first, unless it can go another time.
            Phase::Opening if self.side == Side::Dialler && !reason.is_resumable() => {
                self.take_leave(reason, Name::EMPTY, "");
            }
            Phase::Opening => self.end(reason.is_resumable()),
            // Who waits is answered.
            Phase::Claimed => {
                self.take_leave(reason, Name::EMPTY, "");
                self.end(reason.is_resumable());
            }
            Phase::Naming | Phase::Pending | Phase::Open => {
                self.take_leave(reason, Name::EMPTY, "");
            }
            Phase::Over => {}
        }
    }

    pub(super) fn abort(&mut self, reason: Reason) {
        if self.phase != Phase::Opening {
            self.close(reason);
        }
        if self.phase != Phase::Over {
            self.end(reason.is_resumable());
        }
    }

    /// Says BYE as soon as it may: of its own accord once all is acknowledged.
    pub(super) fn take_leave(&mut self, reason: Reason, name: Name, text: &'static str) {
        if self.bye.is_none() {
            self.bye = Some(Bye { reason, name, text });
        }
    }

    pub(super) fn check_silence(&mut self) {
        if self.phase != Phase::Over && self.keepalive.is_lost() {
            self.break_off_aloud(Rule::Silent);
        }
    }

    /// How many bytes of ours may be on their way.
    #[inline]
    pub(super) fn window(&self) -> Option<usize> {
        let may_send = matches!(self.phase, Phase::Open)
            && !self.owes.opening
            && !self.is_fresh
            && !self.is_resumed
            && !self.holds_in_doubt;
        may_send.then(|| usize::try_from(self.peer.window).unwrap_or(usize::MAX))
    }

    /// The longest frame that the peer takes, as far as it has said.
    #[inline]
    pub(super) fn largest(&self) -> usize {
        usize::try_from(self.peer.largest).unwrap_or(usize::MAX)
    }

    pub(super) fn take_settlement(&mut self, config: &Config) -> Option<Settlement> {
        if self.is_steady {
            return None;
        }
        if self.is_fresh {
            self.is_fresh = false;
            self.holds_in_doubt = config.keeps_in_doubt;
            self.check();
            return Some(Settlement::Fresh {
                keeps: config.keeps_in_doubt,
            });
        }
        let bytes = core::mem::take(&mut self.unsettled);
        let is_resumed = bytes == 0 && core::mem::take(&mut self.is_resumed);
        self.check();
        match bytes {
            0 => is_resumed.then_some(Settlement::Resumed),
            bytes => Some(Settlement::Acknowledged(bytes)),
        }
    }

    pub(super) fn handle_in_doubt(&mut self, count: usize) {
        if let Some(Opening::Fresh { in_doubt, .. }) = &mut self.opening {
            *in_doubt = in_doubt.saturating_add(count);
        }
        self.holds_in_doubt &= count > 0;
        self.check();
    }

    pub(super) const fn holds_in_doubt(&self) -> bool {
        self.holds_in_doubt
    }

    pub(super) const fn forget_in_doubt(&mut self) {
        self.holds_in_doubt = false;
        self.check();
    }

    pub(super) const fn has_notice(&self) -> bool {
        self.has_met
            || (self.opening.is_some() && !self.is_fresh)
            || self.too_long > 0
            || self.broken.is_some()
    }

    pub(super) fn take_notice(&mut self) -> Option<Notice<'static>> {
        let notice = if core::mem::take(&mut self.has_met) {
            Some(Notice::Met(self.name))
        } else if let Some(opening) = self.opening.take() {
            Some(Notice::Opened(opening))
        } else if self.too_long > 0 {
            Some(Notice::TooLong(core::mem::take(&mut self.too_long)))
        } else {
            self.broken.take().map(Notice::Broken)
        };
        self.check();
        notice
    }

    pub(super) const fn owes_ack(&self) -> bool {
        self.owes.ack || self.taken != self.told
    }

    pub(super) fn has_own(&self, config: &Config) -> bool {
        match self.phase {
            Phase::Open => {
                self.owes_ack()
                    || self.owes.opening
                    || self.owes.pong
                    || self.bye.is_some()
                    || self.keepalive.must_speak(config.silence)
            }
            Phase::Pending => {
                self.owes.opening || self.owes.ack || self.owes.pong || self.bye.is_some()
            }
            Phase::Naming => self.owes.opening || !self.names.is_sent || self.bye.is_some(),
            Phase::Opening | Phase::Claimed => self.owes.opening,
            Phase::Over => self.bye.is_some(),
        }
    }

    /// Whether what it has to say may stand behind the messages that wait.
    pub(super) fn may_follow(&self) -> bool {
        self.phase == Phase::Open && !self.owes.opening && self.bye.is_none()
    }

    /// Writes the next of its small frames to the front of `slot`, and returns its length; zero for none.
    ///
    /// `room` is how many bytes of sequenced frames the input has room for, `largest` the longest frame.
    pub(super) fn emit(
        &mut self,
        config: &Config,
        room: u32,
        largest: u32,
        is_idle: bool,
        slot: &mut [u8],
    ) -> Result<usize, Full> {
        if self.owes.opening {
            let len = self.emit_opening(config, room, largest, slot)?;
            self.owes.opening = false;
            self.granted = self.granted.max(room);
            return Ok(len);
        }
        if let Some(bye) = self.bye
            && (is_idle || self.phase == Phase::Over)
        {
            let len = framed(slot, |content| bye.emit(content))?;
            self.bye = None;
            if self.phase != Phase::Over {
                self.end(bye.reason.is_resumable());
            }
            return Ok(len);
        }
        if self.phase == Phase::Naming && !self.names.is_sent {
            return self.emit_name(config, slot);
        }
        if !matches!(self.phase, Phase::Open | Phase::Pending) {
            return Ok(0);
        }
        // What was taken in an older session is no business of one that is about to begin.
        let (owes_ack, taken) = match self.phase {
            Phase::Pending => (self.owes.ack, 0),
            _ => (self.owes_ack(), self.taken),
        };
        if owes_ack {
            let len = framed(slot, |content| {
                let content = content.first_chunk_mut::<9>().ok_or(Full)?;
                let [a, b, c, d] = taken.to_le_bytes();
                let [e, f, g, h] = room.to_le_bytes();
                *content = [ACK, a, b, c, d, e, f, g, h];
                Ok(content.len())
            })?;
            self.owes.ack = false;
            self.granted = self.granted.max(room);
            if self.phase != Phase::Pending {
                self.told = taken;
            }
            return Ok(len);
        }
        let code = if core::mem::take(&mut self.owes.pong) {
            PONG
        } else if self.keepalive.must_speak(config.silence) {
            PING
        } else {
            return Ok(0);
        };
        // What is said now keeps the promise, even before it is written.
        self.keepalive.handle_spoken();
        framed(slot, |content| {
            *content.first_mut().ok_or(Full)? = code;
            Ok(1)
        })
    }

    fn emit_opening(
        &self,
        config: &Config,
        room: u32,
        largest: u32,
        slot: &mut [u8],
    ) -> Result<usize, Full> {
        let is_welcome = self.side != Side::Dialler;
        let session = match is_welcome {
            true => self.peer.session,
            false => self.id,
        };
        let hello = Hello {
            version: VERSION,
            second: if is_welcome {
                self.peer.second
            } else {
                VERSION
            },
            epoch: config.epoch,
            session,
            taken: if session == self.id { self.taken } else { 0 },
            window: room,
            largest,
            fingerprint: config.fingerprint,
            silence: config.silence,
            offered: if is_welcome { 0 } else { self.offered },
        };
        framed(slot, |content| {
            hello.emit(is_welcome, &config.name, content)
        })
    }

    fn emit_name(&mut self, config: &Config, slot: &mut [u8]) -> Result<usize, Full> {
        let mut entries = config.entries.iter().skip(self.names.next.into());
        let next = entries.find_map(|entry| Some((entry, entry.code?)));
        let len = framed(slot, |content| {
            let (first, room) = content.split_first_mut().ok_or(Full)?;
            *first = NAMES;
            let Some((entry, code)) = next else {
                return Ok(1);
            };
            let name = cut(entry.name).as_bytes();
            let (fields, room) = room.split_first_chunk_mut::<9>().ok_or(Full)?;
            let [a, b, c, d, e, f, g, h] = entry.schema.to_le_bytes();
            *fields = [(code & 0xFF) as u8, a, b, c, d, e, f, g, h];
            room.get_mut(..name.len())
                .ok_or(Full)?
                .copy_from_slice(name);
            Ok(10 + name.len())
        })?;
        let left = entries.len();
        let sent = config.entries.len() - left;
        self.names.next = u16::try_from(sent).unwrap_or(u16::MAX);
        if next.is_none() {
            self.names.is_sent = true;
            self.end_naming();
        }
        Ok(len)
    }
}

impl Names {
    fn note_same(&mut self, code: u8) {
        if let Some(bits) = self.same.get_mut(usize::from(code / 8)) {
            *bits |= 1 << (code % 8);
        }
    }

    /// Fails if the peer lacks one of `entries`.
    fn check_all(&self, entries: &'static [Entry]) -> Result<(), Rule> {
        let is_missing = |code: u16| {
            let bits = self.same.get(usize::from(code / 8));
            bits.is_some_and(|bits| bits & (1 << (code % 8)) == 0)
        };
        let missing = |entry: &&Entry| entry.code.is_some_and(is_missing);
        match entries.iter().find(missing) {
            Some(entry) => Err(differs(entry, Difference::Missing)),
            None => Ok(()),
        }
    }
}

impl Bye {
    fn emit(&self, content: &mut [u8]) -> Result<usize, Full> {
        let (fields, mut room) = content.split_first_chunk_mut::<2>().ok_or(Full)?;
        *fields = [BYE, self.reason.number()];
        let space = if self.name.is_empty() { "" } else { " " };
        let mut len = fields.len();
        for text in [&*self.name, space, self.text] {
            let (place, rest) = room.split_at_mut_checked(text.len()).ok_or(Full)?;
            place.copy_from_slice(text.as_bytes());
            room = rest;
            len += text.len();
        }
        Ok(len)
    }
}

/// Writes a small frame whose content `write` writes.
fn framed(
    slot: &mut [u8],
    write: impl FnOnce(&mut [u8]) -> Result<usize, Full>,
) -> Result<usize, Full> {
    let (_, content) = slot.split_first_mut().ok_or(Full)?;
    let len = write(content)?;
    Ok(Extended::emit_header(slot, len)? + len)
}

/// The finalizer of SplitMix64: every number comes from exactly one other.
const fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The version of the protocol.
pub(super) const VERSION: u8 = 1;
