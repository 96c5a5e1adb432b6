use super::Rule;
use super::hello::bytes;
use crate::error::native::Difference;
use crate::message::Entry;

/// Where the peer's codes are mapped to those of the program, for a link that adapts.
pub trait Codes {
    /// What the peer's `code` is here; 0, which is nobody's, where it is nothing.
    fn translate(&self, code: u8) -> u8;

    /// Forgets what was mapped: all codes mean nothing from here on, or themselves.
    fn reset(&mut self, to_nothing: bool);

    /// Notes that the peer's `code` is `own` here.
    fn map(&mut self, code: u8, own: u8);
}

/// The peer's codes are the program's: of a link that enforces, or does not check.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Enforce;

/// A map of the peer's codes, in 224 bytes.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Adapt([u8; 224]);

impl Codes for Enforce {
    #[inline]
    fn translate(&self, code: u8) -> u8 {
        code
    }

    fn reset(&mut self, _: bool) {}

    fn map(&mut self, _: u8, _: u8) {}
}

impl Default for Adapt {
    fn default() -> Self {
        let mut codes = Self([0; 224]);
        codes.reset(false);
        codes
    }
}

impl Codes for Adapt {
    fn translate(&self, code: u8) -> u8 {
        self.0.get(usize::from(code)).copied().unwrap_or(code)
    }

    fn reset(&mut self, to_nothing: bool) {
        for (code, own) in (0..).zip(&mut self.0) {
            *own = if to_nothing { 0 } else { code };
        }
    }

    fn map(&mut self, code: u8, own: u8) {
        if let Some(place) = self.0.get_mut(usize::from(code)) {
            *place = own;
        }
    }
}

/// One message of the peer: the body of a NAMES frame that is not empty.
///
/// ```text
/// 0  E6     1  code     2  schema u64     10  name
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Named<'a> {
    pub(super) code: u8,
    pub(super) schema: u64,
    pub(super) name: &'a str,
}

impl<'a> Named<'a> {
    pub(super) const MAX_NAME: usize = 64;

    /// None for the end of the names.
    pub(super) fn parse(content: &'a [u8]) -> Result<Option<Self>, Rule> {
        let short = Rule::ShortFrame {
            code: super::code::NAMES,
        };
        match content {
            [_] => Ok(None),
            [_, code, rest @ ..] => {
                let name = rest.get(8..).ok_or(short)?;
                if name.len() > Self::MAX_NAME {
                    return Err(Rule::NameTooLong);
                }
                Ok(Some(Self {
                    code: *code,
                    schema: u64::from_le_bytes(bytes(rest, 0)),
                    name: core::str::from_utf8(name).map_err(|_| Rule::NotText)?,
                }))
            }
            [] => Err(short),
        }
    }

    /// The code here of the message of this name, or how it differs.
    pub(super) fn find(&self, entries: &'static [Entry]) -> Result<Option<Match>, Rule> {
        let mut coded = entries.iter().filter(|entry| entry.code.is_some());
        let Some(own) = coded.find(|entry| cut(entry.name) == self.name) else {
            return Ok(None);
        };
        if own.schema != 0 && self.schema != 0 && own.schema != self.schema {
            return Err(differs(own, Difference::Schema));
        }
        let code = own.code.and_then(|code| u8::try_from(code).ok());
        Ok(code.map(|code| Match { entry: own, code }))
    }
}

pub(super) struct Match {
    pub(super) entry: &'static Entry,
    pub(super) code: u8,
}

/// The registries differ in `entry`.
pub(super) const fn differs(entry: &Entry, difference: Difference) -> Rule {
    Rule::Registry {
        entry: Ok(entry.name),
        difference,
    }
}

/// The part of a name that travels.
pub(super) fn cut(name: &str) -> &str {
    let mut len = name.len().min(Named::MAX_NAME);
    while !name.is_char_boundary(len) {
        len -= 1;
    }
    name.get(..len).unwrap_or_default()
}

/// What tells tables apart, whatever the order of their rows: of the codes, names and schemas of `entries`.
///
/// 0, which means unchecked, for a table without codes. Source: `SPEC.md`, "Registry".
pub const fn fingerprint(entries: &[Entry]) -> u64 {
    let mut sum = 0_u64;
    let mut at = 0;
    while at < entries.len() {
        if let Some(code) = entries[at].code {
            let mut hash = fnv(OFFSET, (code & 0xFF) as u8);
            let schema = entries[at].schema.to_le_bytes();
            let mut i = 0;
            while i < schema.len() {
                hash = fnv(hash, schema[i]);
                i += 1;
            }
            let name = entries[at].name.as_bytes();
            i = 0;
            while i < name.len() {
                hash = fnv(hash, name[i]);
                i += 1;
            }
            sum = sum.wrapping_add(hash);
        }
        at += 1;
    }
    sum
}

/// One step of FNV-1a.
const fn fnv(hash: u64, byte: u8) -> u64 {
    (hash ^ byte as u64).wrapping_mul(0x0000_0100_0000_01B3)
}

const OFFSET: u64 = 0xCBF2_9CE4_8422_2325;
