//! The course of openings: what this end makes of the protocol's own packets.

use super::handshake::{self, PubIds};
use super::link::{FINISH, INIT, Key, Owes, PUBIDS, Packetmq, SOFTQUIT};
use super::packets::{Adopted, built_in};
use super::{Notice, Packets, Policy, Rows, Rule, Side, State, reason};
use crate::Malformed;
use crate::dialect::Opened;
use crate::encoding::msgpack::validate;
use crate::encoding::value::Kind;
use crate::encoding::{self, DecodeError};

impl<R: Rows> Packetmq<R> {
    /// Takes note of one of the protocol's own packets.
    pub(super) fn take_own<'a>(
        &'a mut self,
        id: u16,
        payload: &'a [u8],
    ) -> Result<Opened<'a, Self>, Malformed> {
        let notice = match (id, self.state) {
            (SOFTQUIT, _) => {
                self.state = State::Disconnected;
                self.owes = Owes {
                    init: false,
                    ids: false,
                    finish: false,
                    softquit: false,
                };
                Notice::Quit {
                    by: Side::Peer,
                    reason: handshake::parse_softquit(payload),
                }
            }
            (INIT, State::ConnMade) => match valid(payload, handshake::parse_init) {
                Ok(true) => {
                    self.state = State::IdCheck;
                    self.owes.ids = true;
                    Notice::State(self.state)
                }
                Ok(false) => self.refuse(reason::VERSION_MISMATCH),
                Err(rule) => return Err(self.fail(rule)),
            },
            (PUBIDS, State::IdCheck) => match valid(payload, handshake::parse_pubids) {
                Ok(theirs) => match self.compare(&theirs) {
                    Ok(None) => {
                        self.state = State::Active;
                        self.owes.finish = true;
                        Notice::State(self.state)
                    }
                    Ok(Some(reason)) => self.refuse(reason),
                    Err(malformed) => return Err(self.fail(malformed)),
                },
                Err(malformed) => return Err(self.fail(malformed)),
            },
            (FINISH, State::Active) if !self.is_made => {
                // What its payload says does not count.
                if let Err(error) = validate(payload) {
                    return Err(self.fail(error.into()));
                }
                self.is_made = true;
                Notice::Made
            }
            (_, state) => {
                validate(payload)?;
                let name = self.packets.name_of(id);
                let packet = Key { id, name };
                Notice::Ignored { packet, state }
            }
        };
        Ok(Opened::Notice(notice))
    }

    /// Why this end must refuse the peer's table, if it must; adapts to it otherwise.
    fn compare(&mut self, theirs: &PubIds<'_>) -> Result<Option<&'static str>, Malformed> {
        match (self.policy, theirs.adapts) {
            (Policy::Static, Some(true)) => Ok(None),
            (Policy::Static, Some(false)) | (Policy::Adaptive, Some(true)) => {
                Ok(Some(reason::SAME_ADAPTIVE_POLICY))
            }
            (Policy::Static, None) => Err(no_handshake(NOT_A_BOOL)),
            (Policy::Adaptive, Some(false) | None) => {
                let (table, start) = theirs.ids.ok_or(NO_TABLE).map_err(no_handshake)?;
                let equal = self.adopt(table);
                let equal = equal.map_err(|malformed| malformed.within(0, start))?;
                Ok((!equal).then_some(reason::NONEQUAL_PACKETS))
            }
        }
    }

    /// Takes over the ids of the peer's table, and says whether its names are the same.
    fn adopt(&mut self, table: &[u8]) -> Result<bool, Malformed> {
        self.packets.forget_ids();
        let mut is_equal = true;
        let mut broken = None;
        let read = handshake::parse_ids(table, |name, id, start| {
            // What follows a broken rule, or a name too many, changes nothing.
            if broken.is_some() || !is_equal || built_in(name).is_some() {
                return Ok(());
            }
            let id = id?;
            let rule = match id {
                id if Packets::<R>::RESERVED.contains(&id) => Some(Rule::ReservedId { id }),
                id => match self.packets.adopt(name, id) {
                    Adopted::Taken => None,
                    Adopted::Unknown => {
                        is_equal = false;
                        None
                    }
                    Adopted::DuplicateId => Some(Rule::DuplicateId { id }),
                    Adopted::DuplicateName => Some(Rule::Handshake(encoding::Rule::DuplicateField)),
                },
            };
            broken = rule.map(|rule| Malformed::at(start, crate::Rule::Packetmq(rule)));
            Ok(())
        });
        read.map_err(no_handshake)?;
        match broken {
            Some(malformed) => Err(malformed),
            None => Ok(is_equal && self.packets.is_adopted()),
        }
    }

    /// Takes leave because the opening cannot succeed.
    fn refuse(&mut self, reason: &'static str) -> Notice<'static> {
        // Fails only for a link that has been quit, whose packets nobody reads.
        let _ = self.quit(reason);
        Notice::Quit {
            by: Side::Us,
            reason: Some(reason),
        }
    }

    /// Takes leave because the peer breaks the rules of the opening.
    #[cold]
    fn fail(&mut self, malformed: Malformed) -> Malformed {
        let _ = self.quit(reason::UNKNOWN);
        malformed
    }
}

/// Reads a payload that is MessagePack throughout.
fn valid<'a, T>(
    payload: &'a [u8],
    parse: impl FnOnce(&'a [u8]) -> Result<T, DecodeError>,
) -> Result<T, Malformed> {
    validate(payload)?;
    parse(payload).map_err(no_handshake)
}

#[cold]
fn no_handshake(error: DecodeError) -> Malformed {
    let rule = Rule::Handshake(error.rule);
    Malformed::at(error.offset, crate::Rule::Packetmq(rule))
}

const NOT_A_BOOL: DecodeError = DecodeError::at(
    0,
    encoding::Rule::WrongType {
        expected: Kind::Bool,
    },
);

const NO_TABLE: DecodeError = DecodeError::at(0, encoding::Rule::MissingField);
