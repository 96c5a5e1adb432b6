mod verbs;

use super::opcode::{BINPUT, GLOBAL, PROTO, REDUCE, STOP};
use crate::encoding::EncodeError;
use crate::encoding::value::Write;
use core::fmt;

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
}
