use super::{Kind, Number, Text};
use crate::encoding::DecodeError;

/// Reads values one after the other: the verbs that every reader has.
///
/// [`peek`](Self::peek) tells the kind of the next value, and the method of that kind takes it. Sequences are
/// [`begin_array`](Self::begin_array) and then [`next_element`](Self::next_element) before each element, until it
/// says `false` and has closed the sequence. Maps are [`begin_map`](Self::begin_map), then
/// [`next_key`](Self::next_key) before each value, until it says `None`.
///
/// Asking for a value of another kind fails with [`Rule::WrongType`](crate::encoding::Rule::WrongType) and takes
/// nothing.
pub trait Read<'de> {
    /// Whether every key is [`Key::Text`], so that no code is needed for others.
    const TEXT_KEYS: bool = false;

    /// Whether [`Kind::Bytes`] or [`Kind::ByteArray`] occur, so that code is needed that takes them for text or for
    /// sequences.
    const HAS_BYTES: bool = true;

    /// The kind of the next value, which stays to be read.
    fn peek(&mut self) -> Result<Kind, DecodeError>;

    /// Where the next value starts, in bytes from the start of the body; exact behind [`peek`](Self::peek).
    fn offset(&self) -> usize;

    /// Goes to the next value, past what does not count, and tells where it starts.
    #[inline]
    fn next_offset(&mut self) -> usize {
        self.offset()
    }

    /// Takes nothing: `null`, nil, `None`.
    fn null(&mut self) -> Result<(), DecodeError>;

    /// Takes a boolean.
    fn bool(&mut self) -> Result<bool, DecodeError>;

    /// Takes a number.
    fn number(&mut self) -> Result<Number<'de>, DecodeError>;

    /// Takes a number as an integer that fits `T`.
    ///
    /// The default goes through [`number`](Self::number); a reader that knows a shorter way takes it.
    #[inline]
    fn integer<T: TryFrom<i64> + TryFrom<u64> + TryFrom<i128>>(
        &mut self,
    ) -> Result<T, DecodeError> {
        let start = self.next_offset();
        self.number()?
            .to_integer()
            .map_err(|rule| DecodeError::at(start, rule))
    }

    /// Takes a number as an integer of 128 bits without a sign, for which [`integer`](Self::integer) is too small.
    fn u128(&mut self) -> Result<u128, DecodeError> {
        let start = self.next_offset();
        self.number()?
            .to_u128()
            .map_err(|rule| DecodeError::at(start, rule))
    }

    /// Takes a number as the nearest float.
    #[inline]
    fn f64(&mut self) -> Result<f64, DecodeError> {
        Ok(self.number()?.to_f64())
    }

    /// Takes a number as the nearest float of single precision.
    #[inline]
    fn f32(&mut self) -> Result<f32, DecodeError> {
        Ok(self.number()?.to_f32())
    }

    /// Takes text.
    fn text(&mut self) -> Result<Text<'de>, DecodeError>;

    /// Takes bytes, of whatever kind the encoding has for them.
    fn bytes(&mut self) -> Result<&'de [u8], DecodeError>;

    /// Takes an extension: its type and its bytes. No encoding but MessagePack has any.
    fn extension(&mut self) -> Result<(i8, &'de [u8]), DecodeError>;

    /// Goes into a sequence: an array, a tuple or a set.
    fn begin_array(&mut self) -> Result<(), DecodeError>;

    /// Goes to the next element of the sequence, or closes it and says `false`.
    fn next_element(&mut self) -> Result<bool, DecodeError>;

    /// Goes into a map.
    fn begin_map(&mut self) -> Result<(), DecodeError>;

    /// Goes to the next entry of the map, or closes it and says `None`.
    fn next_key(&mut self) -> Result<Option<Key<'de>>, DecodeError>;

    /// Takes the next value, whatever it is.
    fn skip(&mut self) -> Result<(), DecodeError>;
}

/// The key of an entry, before its value.
#[derive(Debug)]
pub enum Key<'de> {
    /// Text, as keys nearly always are; bytes that are UTF-8 too, since Python 2 sends its native strings so.
    Text(Text<'de>),
    /// A value of another kind, which is to be taken from the reader before the entry's own value.
    Value,
}
