use super::super::code::NAMES;
use super::super::names::{Codes, Named, cut, differs};
use super::super::{Config, Policy, Rule};
use super::saying::framed;
use super::{Phase, Session};
use crate::error::native::Difference;
use crate::framing::Full;
use crate::message::Entry;

/// How far the names of both registries are exchanged.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Names {
    /// The next entry to send; one past the last is the end of them.
    pub(super) next: u16,
    /// How many of the peer's are known here.
    pub(super) known: u16,
    /// Those of them that are the same here, a bit for each code.
    pub(super) same: [u8; 32],
    pub(super) is_sent: bool,
    pub(super) is_received: bool,
}

impl Session {
    pub(crate) fn on_name<M: Codes>(
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

    pub(super) fn end_naming(&mut self) {
        if self.phase == Phase::Naming && self.names.is_sent && self.names.is_received {
            self.begin();
        }
    }

    pub(super) fn emit_name(&mut self, config: &Config, slot: &mut [u8]) -> Result<usize, Full> {
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
