use core::fmt;

use super::node::{KEY, NIL, Tag};
use super::tree::Tree;
use crate::encoding::value::{
    DEPTH_LIMIT, Key, Kind, Number, Read, Text, little_to_f32, little_to_f64,
};
use crate::encoding::{DecodeError, Rule};

/// Reads a value of a scanned pickle, and the values in it, one after the other.
///
/// [`Value::reader`](super::Value::reader) makes one. Its verbs are those of [`Read`]. It has no errors to find in
/// the pickle, which the scan has done; what is left are values of other types than the program asks for.
#[derive(Clone)]
pub struct Reader<'n, 'a> {
    tree: Tree<'n, 'a>,
    /// The value that comes next, or, inside a container, the one handed out last.
    at: u32,
    /// The last value of the innermost container that is open.
    last: u32,
    /// The containers that are open, as references to them if they were reached so.
    open: [u32; DEPTH_LIMIT as usize],
    depth: usize,
    /// The innermost container was just opened.
    is_fresh: bool,
}

impl<'n, 'a> Reader<'n, 'a> {
    pub(super) const fn new(tree: Tree<'n, 'a>, root: u32) -> Self {
        Self {
            tree,
            at: root,
            last: NIL,
            open: [NIL; DEPTH_LIMIT as usize],
            depth: 0,
            is_fresh: false,
        }
    }

    /// The next value has another type.
    #[cold]
    fn not(&self, expected: Kind) -> DecodeError {
        DecodeError::at(self.offset(), Rule::WrongType { expected })
    }

    /// Goes on behind the value, if it is a key; the next value of a sequence is asked for.
    #[inline]
    fn taken(&mut self) {
        let node = self.tree.node(self.at);
        if node.has(KEY) {
            self.at = node.link();
        }
    }

    fn enter(&mut self, container: u32) -> Result<(), DecodeError> {
        let limit = DEPTH_LIMIT;
        let offset = self.offset();
        let Some(slot) = self.open.get_mut(self.depth) else {
            return Err(DecodeError::at(offset, Rule::TooDeep { limit }));
        };
        *slot = self.at;
        self.depth += 1;
        self.last = self.tree.node(container).extent;
        self.is_fresh = true;
        Ok(())
    }

    /// Goes to the next value of the innermost container, or closes it.
    #[inline]
    fn advance(&mut self) -> bool {
        let before = if self.is_fresh {
            self.is_fresh = false;
            self.last
        } else if self.at == self.last {
            NIL
        } else {
            self.at
        };
        if before == NIL {
            self.leave();
            return false;
        }
        self.at = self.tree.node(before).link();
        true
    }

    fn leave(&mut self) {
        let Some(depth) = self.depth.checked_sub(1) else {
            return;
        };
        self.at = self.open.get(depth).copied().unwrap_or(NIL);
        self.depth = depth;
        let outer = depth.checked_sub(1).and_then(|outer| self.open.get(outer));
        self.last = outer
            .and_then(|outer| self.tree.container(*outer))
            .map_or(NIL, |container| self.tree.node(container).extent);
        self.taken();
    }
}

impl<'a> Read<'a> for Reader<'_, 'a> {
    #[inline]
    fn peek(&mut self) -> Result<Kind, DecodeError> {
        Ok(self.tree.kind(self.at))
    }

    #[inline]
    fn offset(&self) -> usize {
        self.tree.node(self.at).offset as usize
    }

    fn null(&mut self) -> Result<(), DecodeError> {
        match self.tree.tag(self.at) {
            Tag::Null => {
                self.taken();
                Ok(())
            }
            _ => Err(self.not(Kind::Null)),
        }
    }

    fn bool(&mut self) -> Result<bool, DecodeError> {
        let value = match self.tree.tag(self.at) {
            Tag::True => true,
            Tag::False => false,
            _ => return Err(self.not(Kind::Bool)),
        };
        self.taken();
        Ok(value)
    }

    #[inline]
    fn number(&mut self) -> Result<Number<'a>, DecodeError> {
        let number = self
            .tree
            .number(self.at)
            .ok_or_else(|| self.not(Kind::Number))?;
        self.taken();
        Ok(number)
    }

    #[inline]
    fn f64(&mut self) -> Result<f64, DecodeError> {
        Ok(match self.number()? {
            Number::Float(value) => value,
            Number::Unsigned(value) => value as f64,
            Number::Signed(value) => value as f64,
            // Not by way of `to_f64`, which brings the code for numbers in decimal; pickles have none.
            Number::Little(bytes) => little_to_f64(bytes),
            _ => f64::NAN,
        })
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "to the nearest")]
    fn f32(&mut self) -> Result<f32, DecodeError> {
        Ok(match self.number()? {
            Number::Unsigned(value) => value as f32,
            Number::Signed(value) => value as f32,
            Number::Float(value) => value as f32,
            Number::Little(bytes) => little_to_f32(bytes),
            _ => f32::NAN,
        })
    }

    #[inline]
    fn text(&mut self) -> Result<Text<'a>, DecodeError> {
        let text = self
            .tree
            .text(self.at)
            .ok_or_else(|| self.not(Kind::Text))?;
        self.taken();
        Ok(text)
    }

    fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let bytes = self
            .tree
            .bytes(self.at)
            .ok_or_else(|| self.not(Kind::Bytes))?;
        self.taken();
        Ok(bytes)
    }

    fn extension(&mut self) -> Result<(i8, &'a [u8]), DecodeError> {
        Err(self.not(Kind::Extension))
    }

    fn begin_array(&mut self) -> Result<(), DecodeError> {
        if !self.tree.kind(self.at).is_sequence() {
            return Err(self.not(Kind::Array));
        }
        // A set that is made without argument has no node for its elements.
        self.enter(self.tree.container(self.at).unwrap_or(NIL))
    }

    #[inline]
    fn next_element(&mut self) -> Result<bool, DecodeError> {
        Ok(self.advance())
    }

    fn begin_map(&mut self) -> Result<(), DecodeError> {
        match self.tree.tag(self.at) {
            Tag::Dict => self.enter(self.tree.resolve(self.at)),
            _ => Err(self.not(Kind::Map)),
        }
    }

    fn next_key(&mut self) -> Result<Option<Key<'a>>, DecodeError> {
        if !self.advance() {
            return Ok(None);
        }
        Ok(Some(match self.tree.text(self.at) {
            Some(text) => {
                self.taken();
                Key::Text(text)
            }
            None => Key::Value,
        }))
    }

    fn skip(&mut self) -> Result<(), DecodeError> {
        self.taken();
        Ok(())
    }
}

impl fmt::Debug for Reader<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reader(at {}, depth {})", self.offset(), self.depth)
    }
}
