//! What each opcode does.

use core::num::IntErrorKind;
use core::ops::Range;

use super::HIGHEST_PROTOCOL;
use super::machine::{Halt, Machine, Until, Want};
use super::node::{NIL, Node, Tag};
use super::opcode::*;
use super::scan::{Extent, little, too_long};
use crate::encoding::value::surrogates;
use crate::encoding::{DecodeError, Rule};

impl Machine<'_> {
    /// Executes an opcode with what belongs to it.
    #[inline]
    pub(super) fn execute(&mut self, opcode: u8, extent: Extent, limit: usize) -> Result<(), Halt> {
        let Extent { content, end } = extent;
        let body = self.input.get(content.clone()).unwrap_or_default();
        match opcode {
            PROTO => self.protocol(body)?,
            FRAME => {
                if little(body) > (limit - end) as u64 {
                    return Err(self.flaw(too_long(limit)).into());
                }
            }
            STOP => self.stop()?,

            NONE => self.leaf(Tag::Null, 0)?,
            NEWTRUE => self.leaf(Tag::True, 0)?,
            NEWFALSE => self.leaf(Tag::False, 0)?,
            BININT1 | BININT2 | BININT => self.leaf(Tag::Int, low(body))?,
            LONG1 | LONG4 => self.bytes(Tag::Long, body)?,
            BINFLOAT => self.leaf(Tag::Float, 8)?,
            SHORT_BINUNICODE | BINUNICODE | BINUNICODE8 => self.text(&content, body)?,
            SHORT_BINBYTES | BINBYTES | BINBYTES8 => self.bytes(Tag::Bytes, body)?,
            BYTEARRAY8 => self.bytes(Tag::ByteArray, body)?,
            INT | LONG => self.integer_line(opcode, body)?,
            UNICODE => self.text_line(&content, body)?,

            MARK => {
                self.push(Node::leaf(Tag::Mark, self.offset(), 0, 0))?;
            }
            EMPTY_TUPLE => self.empty(Tag::Tuple)?,
            TUPLE1 => self.short_tuple(1)?,
            TUPLE2 => self.short_tuple(2)?,
            TUPLE3 => self.short_tuple(3)?,
            TUPLE => {
                let ring = self.take(Want::Any, Until::Mark)?;
                let tag = self.tuple_tag(&ring)?;
                self.close(tag, ring)?;
            }
            EMPTY_LIST => self.empty(Tag::List)?,
            LIST => {
                let ring = self.take(Want::Plain, Until::Mark)?;
                self.close(Tag::List, ring)?;
            }
            APPEND => self.add(Tag::List, Want::Any, Until::Count(1))?,
            APPENDS => self.add(Tag::List, Want::Any, Until::Mark)?,
            EMPTY_DICT => self.empty(Tag::Dict)?,
            DICT => {
                let ring = self.take(Want::Entries, Until::Mark)?;
                self.close(Tag::Dict, ring)?;
            }
            SETITEM => self.add(Tag::Dict, Want::Entries, Until::Count(2))?,
            SETITEMS => self.add(Tag::Dict, Want::Entries, Until::Mark)?,
            EMPTY_SET => self.empty(Tag::Set)?,
            ADDITEMS => self.add(Tag::Set, Want::Hashable, Until::Mark)?,
            FROZENSET => {
                let ring = self.take(Want::Hashable, Until::Mark)?;
                self.close(Tag::FrozenSet, ring)?;
            }

            MEMOIZE => self.remember(self.state.entries)?,
            BINPUT | LONG_BINPUT => self.remember(low(body))?,
            PUT => self.remember(self.index_line(body)?)?,
            BINGET | LONG_BINGET => self.recall(low(body))?,
            GET => self.recall(self.index_line(body)?)?,

            GLOBAL => self.global(&content, body)?,
            STACK_GLOBAL => self.stack_global()?,
            REDUCE => self.reduce()?,
            NEWOBJ => self.new_object()?,
            BUILD => self.build()?,
            // Refused before.
            _ => return Err(self.flaw(Rule::UnknownOpcode { opcode }).into()),
        }
        Ok(())
    }

    fn protocol(&self, body: &[u8]) -> Result<(), DecodeError> {
        match body.first() {
            Some(&version) if version > HIGHEST_PROTOCOL => {
                Err(self.flaw(Rule::Version { version }))
            }
            _ => Ok(()),
        }
    }

    fn stop(&self) -> Result<(), DecodeError> {
        let root = self.top()?;
        if self.node(root).link() != NIL {
            return Err(self.operands());
        }
        match self.tree().tag(root) {
            Tag::Name | Tag::StackName | Tag::Frames | Tag::Frame => Err(self.forbidden(root)),
            _ => Ok(()),
        }
    }

    #[inline]
    fn leaf(&mut self, tag: Tag, extent: u32) -> Result<(), Halt> {
        self.push(Node::leaf(tag, self.offset(), extent, 1))?;
        Ok(())
    }

    /// Pushes what is made of bytes; following a reference to it costs more the longer it is.
    #[inline]
    fn bytes(&mut self, tag: Tag, body: &[u8]) -> Result<(), Halt> {
        let len = u32::try_from(body.len()).unwrap_or(u32::MAX);
        self.push(Node::leaf(tag, self.offset(), len, 1 + len / 64))?;
        Ok(())
    }

    #[inline]
    fn empty(&mut self, tag: Tag) -> Result<(), Halt> {
        self.push(Node::container(tag, self.offset()))?;
        Ok(())
    }

    #[inline]
    fn text(&mut self, content: &Range<usize>, body: &[u8]) -> Result<(), Halt> {
        let tag = match surrogates(body) {
            Ok(false) => Tag::Text,
            Ok(true) => Tag::Surrogates,
            Err(offset) => {
                return Err(DecodeError::at(content.start + offset, Rule::InvalidUtf8).into());
            }
        };
        self.bytes(tag, body)
    }

    /// Pushes text of protocol 0, unless it must be rewritten to be read.
    fn text_line(&mut self, content: &Range<usize>, body: &[u8]) -> Result<(), Halt> {
        let plain = |byte: &u8| byte.is_ascii() && *byte != b'\\';
        match body.iter().position(|byte| !plain(byte)) {
            None => self.bytes(Tag::TextLine, body),
            Some(place) => {
                let rule = match body.get(place) {
                    Some(b'\\') => Rule::InvalidEscape,
                    _ => Rule::InvalidUtf8,
                };
                Err(DecodeError::at(content.start + place, rule).into())
            }
        }
    }

    fn integer_line(&mut self, opcode: u8, body: &[u8]) -> Result<(), Halt> {
        match (opcode, body) {
            (INT, b"00") => return self.leaf(Tag::False, 0),
            (INT, b"01") => return self.leaf(Tag::True, 0),
            _ => {}
        }
        let digits = match opcode {
            LONG => body.strip_suffix(b"L").unwrap_or(body),
            _ => body,
        };
        if let Err(rule) = integer(digits) {
            return Err(self.flaw(rule).into());
        }
        self.bytes(Tag::IntLine, digits)
    }

    fn index_line(&self, body: &[u8]) -> Result<u32, DecodeError> {
        number(body)
            .and_then(|text| text.parse().ok())
            .ok_or(self.flaw(Rule::InvalidNumber))
    }

    #[inline]
    fn short_tuple(&mut self, count: u32) -> Result<(), Halt> {
        let index = self.allocate()?;
        let ring = self.take(Want::Any, Until::Count(count))?;
        let tag = self.tuple_tag(&ring)?;
        self.place(index, tag, ring)?;
        Ok(())
    }
}

/// The integer that stands in a line of decimal digits.
pub(super) fn integer(line: &[u8]) -> Result<i128, Rule> {
    let text = number(line).ok_or(Rule::InvalidNumber)?;
    match text.parse::<i128>() {
        Ok(value) if (i64::MIN.into()..=u64::MAX.into()).contains(&value) => Ok(value),
        Ok(_) => Err(Rule::OutOfRange),
        Err(error) => Err(match error.kind() {
            IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => Rule::OutOfRange,
            _ => Rule::InvalidNumber,
        }),
    }
}

/// A number's text, if all its bytes may be of one.
fn number(line: &[u8]) -> Option<&str> {
    core::str::from_utf8(line).ok()
}

/// An unsigned integer of up to four bytes, the least byte first.
#[inline]
fn low(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .rev()
        .fold(0, |value, byte| value << 8 | u32::from(*byte))
}
