use super::super::code::{HELLO, WELCOME};
use super::super::hello::Hello;
use super::super::notice::{Cause, Opening};
use super::super::{Config, Name, Rule};
use super::saying::framed;
use super::{Phase, Session, Side, VERSION};
use crate::framing::Full;

impl Session {
    /// HELLO has come to a listener.
    pub(crate) fn on_hello(&mut self, config: &Config, content: &[u8]) -> Result<(), Rule> {
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
    pub(crate) fn answer(&mut self, config: &Config, fresh: u64) -> Result<(), Rule> {
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
    pub(super) fn resumed(&self, hello: &Hello) -> Result<(u64, u32), Rule> {
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
    pub(super) const fn check_taken(&self, id: u64, taken: u32) -> Result<(), Rule> {
        match id == self.id || taken == 0 {
            true => Ok(()),
            false => Err(Rule::NeverSent),
        }
    }

    /// WELCOME has come to a dialler.
    pub(crate) fn on_welcome(&mut self, config: &Config, content: &[u8]) -> Result<(), Rule> {
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

    pub(super) fn meet(&mut self, peer: Hello, name: &str) {
        self.peer = peer;
        self.name = Name::new(name);
        self.has_met = true;
        self.keepalive.promise(peer.silence);
        self.check();
    }

    /// Both sides have shown themselves: `self.peer.session` is in force, of which the peer has taken `taken` bytes.
    pub(super) fn open(&mut self, config: &Config, taken: u32) {
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
    pub(super) fn begin(&mut self) {
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
    pub(super) fn commit(&mut self) {
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
    pub(crate) fn draw(&mut self, config: &Config) -> u64 {
        loop {
            self.seed = self.seed.wrapping_add(GOLDEN);
            let drawn = mix(config.epoch ^ self.seed);
            if drawn != 0 && drawn != self.id && drawn != self.offered {
                return drawn;
            }
        }
    }

    /// Whether the session began with a program that was started another time than that of `epoch`.
    pub(crate) const fn is_of_another_start(&self, epoch: u64) -> bool {
        self.id != 0 && self.peer_epoch != epoch
    }

    /// The opening that another end was shown.
    pub(crate) fn take_over(&mut self, hello: &Hello, name: &str) {
        self.meet(*hello, name);
        self.phase = Phase::Claimed;
    }

    pub(super) fn emit_opening(
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
}

/// The finalizer of SplitMix64: every number comes from exactly one other.
const fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
