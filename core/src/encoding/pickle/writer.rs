use super::opcode::{
    APPENDS, BINBYTES, BINFLOAT, BININT, BININT1, BININT2, BINPUT, BINUNICODE, EMPTY_DICT,
    EMPTY_LIST, EMPTY_TUPLE, GLOBAL, LONG1, LONG4, MARK, NEWFALSE, NEWTRUE, NONE, PROTO, REDUCE,
    SETITEMS, SHORT_BINBYTES, STOP, TUPLE, TUPLE1, TUPLE2, TUPLE3,
};
use crate::encoding::EncodeError;
use crate::encoding::value::{Kind, Write};
use core::fmt::{self, Write as _};

/// The protocol that is written: all of Python 3 reads it.
const PROTOCOL: u8 = 3;

/// Writes one pickle of plain data, value by value, to lent memory.
///
/// Its verbs are those of [`Write`]; [`Writer::finish`] ends the pickle. Protocol 3 is written, without memo, which
/// every Python 3 reads.
///
/// ```
/// use ropeway_core::encoding::{pickle::Writer, value::Write};
///
/// let mut slot = [0; 32];
/// let mut writer = Writer::new(&mut slot)?;
/// let call = writer.begin_tuple(2)?;
/// writer.bytes(b"A")?;
/// writer.i64(170)?;
/// writer.end_tuple(call, 2)?;
/// let len = writer.finish()?;
/// assert_eq!(&slot[..len], b"\x80\x03C\x01AK\xaa\x86.");
/// # Ok::<(), ropeway_core::encoding::EncodeError>(())
/// ```
#[derive(Debug)]
pub struct Writer<'a> {
    slot: &'a mut [u8],
    len: usize,
}

/// A compound that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Open {
    /// Whether a mark has been written.
    is_marked: bool,
}

/// A frame of a traceback, as plain data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Place<'f> {
    /// The file.
    pub file: &'f str,
    /// The line in the file, from 1.
    pub line: u32,
    /// The function.
    pub function: &'f str,
    /// The line itself; empty if it is not known.
    pub source: &'f str,
}

impl<'a> Writer<'a> {
    /// A writer to the front of `slot`.
    pub fn new(slot: &'a mut [u8]) -> Result<Self, EncodeError> {
        let mut writer = Self { slot, len: 0 };
        writer.put(&[PROTO, PROTOCOL])?;
        Ok(writer)
    }

    /// Ends the pickle and gives its length.
    pub fn finish(mut self) -> Result<usize, EncodeError> {
        self.put(&[STOP])?;
        Ok(self.len)
    }

    /// Writes a class by its name, which the reader imports.
    ///
    /// A reader that cannot import it may stop for good: use built-in exceptions only. Names with a newline or
    /// beyond ASCII are [`EncodeError::Unencodable`].
    pub fn global(&mut self, module: &str, name: &str) -> Result<(), EncodeError> {
        let is_line = |text: &str| text.is_ascii() && !text.is_empty() && !text.contains('\n');
        if !is_line(module) || !is_line(name) {
            return Err(EncodeError::Unencodable);
        }
        self.put(&[GLOBAL])?;
        self.put(module.as_bytes())?;
        self.put(b"\n")?;
        self.put(name.as_bytes())?;
        self.put(b"\n")
    }

    /// Writes what a TCPTalks peer takes for an exception: class, message and frames.
    ///
    /// `class` is a built-in exception, such as `RuntimeError`.
    pub fn failure<'f>(
        &mut self,
        class: &str,
        message: &str,
        frames: impl IntoIterator<Item = Place<'f>>,
    ) -> Result<(), EncodeError> {
        let failure = self.begin_tuple(3)?;
        self.global("builtins", class)?;
        self.text(message)?;
        let list = self.begin_array(None)?;
        let mut count = 0;
        for place in frames {
            let tuple = self.begin_tuple(4)?;
            self.text(place.file)?;
            self.u64(u64::from(place.line))?;
            self.text(place.function)?;
            self.text(place.source)?;
            self.end_tuple(tuple, 4)?;
            count += 1;
        }
        self.end_array(list, count)?;
        self.end_tuple(failure, 3)
    }

    /// Writes an exception as such: `class`, a built-in one, called with `message`.
    pub fn exception(
        &mut self,
        class: &str,
        message: &(impl fmt::Display + ?Sized),
    ) -> Result<(), EncodeError> {
        self.global("builtins", class)?;
        let args = self.begin_tuple(1)?;
        self.display(message)?;
        self.end_tuple(args, 1)?;
        self.put(&[REDUCE])
    }

    /// Gives what was written last a place in the memo, as some readers expect; nothing is written by reference.
    pub fn memoize(&mut self, index: u8) -> Result<(), EncodeError> {
        self.put(&[BINPUT, index])
    }

    /// What has been written.
    pub fn as_slice(&self) -> &[u8] {
        self.slot.get(..self.len).unwrap_or_default()
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        let end = self.len + bytes.len();
        let slot = self.slot.get_mut(self.len..end).ok_or(EncodeError::Full)?;
        slot.copy_from_slice(bytes);
        self.len = end;
        Ok(())
    }

    /// Writes an opcode, the length of bytes, and the bytes.
    #[inline]
    fn counted(&mut self, opcode: u8, bytes: &[u8]) -> Result<(), EncodeError> {
        let len = u32::try_from(bytes.len()).map_err(|_| EncodeError::Unencodable)?;
        let [a, b, c, d] = len.to_le_bytes();
        self.put_both(&[opcode, a, b, c, d], bytes)
    }

    /// Writes a head and bytes, with one look at the room.
    #[inline]
    fn put_both<const N: usize>(
        &mut self,
        head: &[u8; N],
        bytes: &[u8],
    ) -> Result<(), EncodeError> {
        let free = self.slot.get_mut(self.len..).ok_or(EncodeError::Full)?;
        let (slot, free) = free.split_first_chunk_mut().ok_or(EncodeError::Full)?;
        let rest = free.get_mut(..bytes.len()).ok_or(EncodeError::Full)?;
        *slot = *head;
        rest.copy_from_slice(bytes);
        self.len += N + bytes.len();
        Ok(())
    }

    /// Writes an integer of 128 bits and more, in two's complement, as briefly as it goes.
    fn long(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        let bytes = shortest(bytes);
        match u8::try_from(bytes.len()) {
            Ok(len) => self.put_both(&[LONG1, len], bytes),
            Err(_) => self.counted(LONG4, bytes),
        }
    }
}

impl Write for Writer<'_> {
    type Open = Open;

    #[inline]
    fn written(&self) -> usize {
        self.len
    }

    fn null(&mut self) -> Result<(), EncodeError> {
        self.put(&[NONE])
    }

    fn bool(&mut self, value: bool) -> Result<(), EncodeError> {
        self.put(&[if value { NEWTRUE } else { NEWFALSE }])
    }

    fn i64(&mut self, value: i64) -> Result<(), EncodeError> {
        if let Ok(byte) = u8::try_from(value) {
            return self.put(&[BININT1, byte]);
        }
        if let Ok(short) = u16::try_from(value) {
            let [low, high] = short.to_le_bytes();
            return self.put(&[BININT2, low, high]);
        }
        match i32::try_from(value) {
            Ok(value) => {
                let [a, b, c, d] = value.to_le_bytes();
                self.put(&[BININT, a, b, c, d])
            }
            Err(_) => self.long(&value.to_le_bytes()),
        }
    }

    fn u64(&mut self, value: u64) -> Result<(), EncodeError> {
        match i64::try_from(value) {
            Ok(value) => self.i64(value),
            Err(_) => self.long(&i128::from(value).to_le_bytes()),
        }
    }

    fn i128(&mut self, value: i128) -> Result<(), EncodeError> {
        match i64::try_from(value) {
            Ok(value) => self.i64(value),
            Err(_) => self.long(&value.to_le_bytes()),
        }
    }

    fn u128(&mut self, value: u128) -> Result<(), EncodeError> {
        if let Ok(value) = i128::try_from(value) {
            return self.i128(value);
        }
        let mut bytes = [0; 17];
        for (slot, byte) in bytes.iter_mut().zip(value.to_le_bytes()) {
            *slot = byte;
        }
        self.long(&bytes)
    }

    fn integer_le(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        let bytes = shortest(bytes);
        if bytes.len() > 8 {
            return self.long(bytes);
        }
        let is_negative = bytes.last().is_some_and(|last| last & 0x80 != 0);
        let mut value = [if is_negative { 0xff } else { 0 }; 8];
        for (slot, byte) in value.iter_mut().zip(bytes) {
            *slot = *byte;
        }
        self.i64(i64::from_le_bytes(value))
    }

    fn f64(&mut self, value: f64) -> Result<(), EncodeError> {
        self.put_both(&[BINFLOAT], &value.to_be_bytes())
    }

    fn f32(&mut self, value: f32) -> Result<(), EncodeError> {
        self.f64(f64::from(value))
    }

    fn text(&mut self, text: &str) -> Result<(), EncodeError> {
        self.counted(BINUNICODE, text.as_bytes())
    }

    fn display(&mut self, value: &(impl fmt::Display + ?Sized)) -> Result<(), EncodeError> {
        self.put(&[BINUNICODE])?;
        let place = self.len;
        self.put(&[0; 4])?;
        let start = self.len;
        write!(Displayed(self), "{value}").map_err(|fmt::Error| EncodeError::Full)?;
        let len = u32::try_from(self.len - start).map_err(|_| EncodeError::Unencodable)?;
        if let Some(slot) = self.slot.get_mut(place..start) {
            slot.copy_from_slice(&len.to_le_bytes());
        }
        Ok(())
    }

    fn utf16(&mut self, units: impl Iterator<Item = u16> + Clone) -> Result<(), EncodeError> {
        let mut len = 0;
        wtf8(units.clone(), |bytes| {
            len += bytes.len();
            Ok(())
        })?;
        let len = u32::try_from(len).map_err(|_| EncodeError::Unencodable)?;
        self.put(&[BINUNICODE])?;
        self.put(&len.to_le_bytes())?;
        wtf8(units, |bytes| self.put(bytes))
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        match u8::try_from(bytes.len()) {
            Ok(len) => self.put_both(&[SHORT_BINBYTES, len], bytes),
            Err(_) => self.counted(BINBYTES, bytes),
        }
    }

    fn extension(&mut self, _kind: i8, _bytes: &[u8]) -> Result<(), EncodeError> {
        let kind = Kind::Extension;
        Err(EncodeError::Unsupported { kind })
    }

    fn begin_array(&mut self, len: Option<usize>) -> Result<Open, EncodeError> {
        self.put(&[EMPTY_LIST])?;
        self.mark(len != Some(0))
    }

    fn end_array(&mut self, open: Open, len: usize) -> Result<(), EncodeError> {
        self.end(open, len, APPENDS)
    }

    fn begin_tuple(&mut self, len: usize) -> Result<Open, EncodeError> {
        self.mark(len > 3)
    }

    fn end_tuple(&mut self, open: Open, len: usize) -> Result<(), EncodeError> {
        self.put(&[match (open.is_marked, len) {
            (true, _) => TUPLE,
            (false, 0) => EMPTY_TUPLE,
            (false, 1) => TUPLE1,
            (false, 2) => TUPLE2,
            (false, 3) => TUPLE3,
            // More elements than were announced.
            (false, _) => return Err(EncodeError::Unencodable),
        }])
    }

    fn begin_map(&mut self, len: Option<usize>) -> Result<Open, EncodeError> {
        self.put(&[EMPTY_DICT])?;
        self.mark(len != Some(0))
    }

    fn key(&mut self, key: &str) -> Result<(), EncodeError> {
        self.text(key)
    }

    fn key_utf16(&mut self, units: impl Iterator<Item = u16> + Clone) -> Result<(), EncodeError> {
        self.utf16(units)
    }

    fn key_value(&mut self) -> Result<(), EncodeError> {
        Ok(())
    }

    fn end_map(&mut self, open: Open, len: usize) -> Result<(), EncodeError> {
        self.end(open, len, SETITEMS)
    }
}

impl Writer<'_> {
    fn mark(&mut self, is_marked: bool) -> Result<Open, EncodeError> {
        if is_marked {
            self.put(&[MARK])?;
        }
        Ok(Open { is_marked })
    }

    fn end(&mut self, open: Open, len: usize, opcode: u8) -> Result<(), EncodeError> {
        match (open.is_marked, len) {
            (true, _) => self.put(&[opcode]),
            (false, 0) => Ok(()),
            (false, _) => Err(EncodeError::Unencodable),
        }
    }
}

/// Writes what a value displays behind what has been written.
struct Displayed<'w, 'a>(&'w mut Writer<'a>);

impl fmt::Write for Displayed<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.put(text.as_bytes()).map_err(|_| fmt::Error)
    }
}

/// Leaves out the bytes of an integer that only repeat its sign.
fn shortest(mut bytes: &[u8]) -> &[u8] {
    while let [.., below, top @ (0 | 0xff)] = bytes {
        if (below ^ top) & 0x80 != 0 {
            break;
        }
        bytes = bytes.split_last().map_or(bytes, |(_, rest)| rest);
    }
    bytes
}

/// Gives text as UTF-8, lone surrogates as three bytes.
fn wtf8(
    units: impl Iterator<Item = u16>,
    mut put: impl FnMut(&[u8]) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    for unit in char::decode_utf16(units) {
        match unit {
            Ok(decoded) => put(decoded.encode_utf8(&mut [0; 4]).as_bytes())?,
            Err(lone) => {
                let [low, high] = lone.unpaired_surrogate().to_le_bytes();
                let middle = 0x80 | (high & 0x0f) << 2 | low >> 6;
                put(&[0xe0 | high >> 4, middle, 0x80 | low & 0x3f])?;
            }
        }
    }
    Ok(())
}
