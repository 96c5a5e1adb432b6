//! The writer.

mod compound;
mod number;

use super::{marker::*, timestamp::Timestamp};
use crate::{
    encoding::{
        EncodeError,
        value::{Number, Write},
    },
    framing::Full,
};
pub use compound::Open;

/// Writes MessagePack into memory that is lent: all in its shortest form, and floats in 8 bytes.
///
/// Its verbs are those of [`Write`]. A container whose number of elements is known beforehand is written in one go;
/// the content of another is moved when it is closed, if the number takes more than one byte.
///
/// ```
/// # use ropeway_core::encoding::msgpack::Writer;
/// # use ropeway_core::encoding::value::Write;
/// let mut out = [0; 64];
/// let mut writer = Writer::new(&mut out);
/// let map = writer.begin_map(Some(2))?;
/// writer.key("name")?;
/// writer.text("Zürich")?;
/// writer.key("height")?;
/// writer.u64(408)?;
/// writer.end_map(map, 2)?;
/// assert_eq!(writer.as_bytes(), b"\x82\xa4name\xa7Z\xc3\xbcrich\xa6height\xcd\x01\x98");
/// # Ok::<(), ropeway_core::encoding::EncodeError>(())
/// ```
///
/// The caller sees to it that what is begun is ended and that in maps each value has its key. After an error, the
/// memory holds the start of a body that is to be thrown away.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut [u8],
    len: usize,
    depth: u8,
    /// Where a key starts that was announced as a value.
    key_start: Option<usize>,
    /// The depth at which an array is being written that is a key.
    key_depth: Option<u8>,
}

impl<'a> Writer<'a> {
    /// A writer that fills `out` from its start.
    #[inline]
    pub const fn new(out: &'a mut [u8]) -> Self {
        Self {
            out,
            len: 0,
            depth: 0,
            key_start: None,
            key_depth: None,
        }
    }

    /// How many bytes have been written.
    #[inline]
    pub const fn written(&self) -> usize {
        self.len
    }

    /// What has been written.
    pub fn as_bytes(&self) -> &[u8] {
        self.out.get(..self.len).unwrap_or_default()
    }
}

/// Arrays may be keys, maps may not.
impl Write for Writer<'_> {
    type Open = Open;

    #[inline]
    fn written(&self) -> usize {
        self.len
    }

    #[inline]
    fn null(&mut self) -> Result<(), EncodeError> {
        self.push([NIL])
    }

    #[inline]
    fn bool(&mut self, value: bool) -> Result<(), EncodeError> {
        self.push([if value { TRUE } else { FALSE }])
    }

    #[inline]
    fn i64(&mut self, value: i64) -> Result<(), EncodeError> {
        self.signed(value)
    }

    #[inline]
    fn u64(&mut self, value: u64) -> Result<(), EncodeError> {
        self.unsigned(value)
    }

    /// Writes an integer; one beyond 64 bits is [`EncodeError::Unencodable`].
    fn i128(&mut self, value: i128) -> Result<(), EncodeError> {
        match u64::try_from(value) {
            Ok(value) => self.unsigned(value),
            Err(_) => self.signed(i64::try_from(value).map_err(|_| EncodeError::Unencodable)?),
        }
    }

    /// Writes an integer; one beyond 64 bits is [`EncodeError::Unencodable`].
    fn u128(&mut self, value: u128) -> Result<(), EncodeError> {
        self.unsigned(u64::try_from(value).map_err(|_| EncodeError::Unencodable)?)
    }

    /// Writes an integer; one beyond 64 bits is [`EncodeError::Unencodable`].
    fn integer_le(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        let value = Number::Little(bytes).to_integer::<i128>();
        self.i128(value.map_err(|_| EncodeError::Unencodable)?)
    }

    #[inline]
    fn f64(&mut self, value: f64) -> Result<(), EncodeError> {
        self.number(FLOAT_64, value.to_be_bytes())
    }

    /// Writes a float in 8 bytes, as the peers do.
    #[inline]
    fn f32(&mut self, value: f32) -> Result<(), EncodeError> {
        self.f64(value.into())
    }

    #[inline]
    fn text(&mut self, text: &str) -> Result<(), EncodeError> {
        match u8::try_from(text.len()) {
            Ok(len) if text.len() <= FIX_LENGTH => self.headed([FIX_TEXT | len], text.as_bytes()),
            _ => self.long_text(text),
        }
    }

    /// Writes text given as UTF-16; lone surrogates are [`EncodeError::Unencodable`].
    fn utf16(&mut self, units: impl Iterator<Item = u16> + Clone) -> Result<(), EncodeError> {
        let mut len = 0;
        for decoded in char::decode_utf16(units.clone()) {
            len += decoded.map_err(|_| EncodeError::Unencodable)?.len_utf8();
        }
        self.text_head(len)?;
        for decoded in char::decode_utf16(units) {
            let decoded = decoded.map_err(|_| EncodeError::Unencodable)?;
            self.push_all(decoded.encode_utf8(&mut [0; 4]).as_bytes())?;
        }
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.length([BIN_8, BIN_16, BIN_32], bytes.len())?;
        self.push_all(bytes)
    }

    /// Writes an extension.
    ///
    /// One of the type of timestamps that is not as long as one is [`EncodeError::Unencodable`].
    fn extension(&mut self, kind: i8, bytes: &[u8]) -> Result<(), EncodeError> {
        if kind == Timestamp::EXTENSION && !Timestamp::LENGTHS.contains(&bytes.len()) {
            return Err(EncodeError::Unencodable);
        }
        match bytes.len() {
            1 => self.push([FIX_EXT_1])?,
            2 => self.push([FIX_EXT_2])?,
            4 => self.push([FIX_EXT_4])?,
            8 => self.push([FIX_EXT_8])?,
            16 => self.push([FIX_EXT_16])?,
            len => self.length([EXT_8, EXT_16, EXT_32], len)?,
        }
        self.push([kind.cast_unsigned()])?;
        self.push_all(bytes)
    }

    #[inline]
    fn begin_array(&mut self, len: Option<usize>) -> Result<Open, EncodeError> {
        if self.key_start == Some(self.len) && self.key_depth.is_none() {
            self.key_depth = Some(self.depth);
        }
        self.begin(compound::ARRAY, len)
    }

    #[inline]
    fn end_array(&mut self, open: Open, len: usize) -> Result<(), EncodeError> {
        self.end(compound::ARRAY, open, len)?;
        if self.key_depth == Some(self.depth) {
            self.key_depth = None;
        }
        Ok(())
    }

    /// Opens a map; in a key it is [`EncodeError::Unencodable`].
    #[inline]
    fn begin_map(&mut self, len: Option<usize>) -> Result<Open, EncodeError> {
        if self.key_start == Some(self.len) || self.key_depth.is_some() {
            return Err(EncodeError::Unencodable);
        }
        self.begin(compound::MAP, len)
    }

    #[inline]
    fn key(&mut self, key: &str) -> Result<(), EncodeError> {
        self.text(key)
    }

    fn key_utf16(&mut self, units: impl Iterator<Item = u16> + Clone) -> Result<(), EncodeError> {
        self.utf16(units)
    }

    fn key_value(&mut self) -> Result<(), EncodeError> {
        self.key_start = Some(self.len);
        Ok(())
    }

    #[inline]
    fn end_map(&mut self, open: Open, len: usize) -> Result<(), EncodeError> {
        self.end(compound::MAP, open, len)
    }
}

/// The parts that values are made of.
impl Writer<'_> {
    fn long_text(&mut self, text: &str) -> Result<(), EncodeError> {
        self.text_head(text.len())?;
        self.push_all(text.as_bytes())
    }

    /// Writes what stands before text of `len` bytes.
    fn text_head(&mut self, len: usize) -> Result<(), EncodeError> {
        match u8::try_from(len) {
            Ok(short) if len <= FIX_LENGTH => self.push([FIX_TEXT | short]),
            _ => self.length([TEXT_8, TEXT_16, TEXT_32], len),
        }
    }

    /// Writes a length behind the marker for as many bytes as it needs.
    fn length(&mut self, [one, two, four]: [u8; 3], len: usize) -> Result<(), EncodeError> {
        if let Ok(len) = u8::try_from(len) {
            self.number(one, len.to_be_bytes())
        } else if let Ok(len) = u16::try_from(len) {
            self.number(two, len.to_be_bytes())
        } else {
            let len = u32::try_from(len).map_err(|_| EncodeError::Unencodable)?;
            self.number(four, len.to_be_bytes())
        }
    }

    /// Writes a marker and the number behind it.
    #[inline]
    fn number<const N: usize>(&mut self, marker: u8, bytes: [u8; N]) -> Result<(), EncodeError> {
        self.headed([marker], &bytes)
    }

    /// Writes `head` and what follows it, with one look at the free memory.
    #[inline]
    fn headed<const N: usize>(&mut self, head: [u8; N], bytes: &[u8]) -> Result<(), EncodeError> {
        let slots = self.reserve(N + bytes.len())?;
        if let Some((first, rest)) = slots.split_first_chunk_mut() {
            *first = head;
            rest.copy_from_slice(bytes);
        }
        Ok(())
    }

    #[inline]
    fn push<const N: usize>(&mut self, bytes: [u8; N]) -> Result<(), EncodeError> {
        self.reserve(N)?.copy_from_slice(&bytes);
        Ok(())
    }

    fn push_all(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.reserve(bytes.len())?.copy_from_slice(bytes);
        Ok(())
    }

    /// The next `count` bytes of the memory, which the caller writes.
    #[inline]
    fn reserve(&mut self, count: usize) -> Result<&mut [u8], Full> {
        let slots = self
            .out
            .get_mut(self.len..)
            .and_then(|free| free.get_mut(..count));
        let slots = slots.ok_or(Full)?;
        self.len += count;
        Ok(slots)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Writer<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "Writer at {=usize} of {=usize}",
            self.len,
            self.out.len()
        );
    }
}
