#[cfg(doc)]
use super::DISPLAY_LIMIT;
use super::Kind;
use super::display::Displayed;
use crate::encoding::EncodeError;
use core::fmt;

/// Writes values one after the other: the verbs that every writer has.
///
/// `begin_*` gives a mark that `end_*` wants back with the number of elements or entries, since some encodings say
/// it before and some behind. `len` is that number where it is known beforehand.
///
/// All fail with [`EncodeError::Full`] when the slot is too small, whatever has been written by then, and with
/// [`EncodeError::Unencodable`] at what the encoding has no form for.
pub trait Write {
    /// What a writer remembers of a compound that is open.
    type Open: Copy + core::fmt::Debug;

    /// How many bytes have been written.
    fn written(&self) -> usize;

    /// Writes nothing: `null`, nil, `None`.
    fn null(&mut self) -> Result<(), EncodeError>;

    /// Writes a boolean.
    fn bool(&mut self, value: bool) -> Result<(), EncodeError>;

    /// Writes an integer.
    fn i64(&mut self, value: i64) -> Result<(), EncodeError>;

    /// Writes an integer.
    fn u64(&mut self, value: u64) -> Result<(), EncodeError>;

    /// Writes an integer.
    fn i128(&mut self, value: i128) -> Result<(), EncodeError>;

    /// Writes an integer.
    fn u128(&mut self, value: u128) -> Result<(), EncodeError>;

    /// Writes an integer of any size, given in two's complement, the least byte first.
    fn integer_le(&mut self, bytes: &[u8]) -> Result<(), EncodeError>;

    /// Writes a float.
    fn f64(&mut self, value: f64) -> Result<(), EncodeError>;

    /// Writes a float of single precision.
    fn f32(&mut self, value: f32) -> Result<(), EncodeError>;

    /// Writes text.
    fn text(&mut self, text: &str) -> Result<(), EncodeError>;

    /// Writes what a value displays as text.
    ///
    /// The default fails with [`EncodeError::Unencodable`] at more than [`DISPLAY_LIMIT`] bytes; a writer that need
    /// not know the length beforehand has no such limit.
    fn display(&mut self, value: &(impl fmt::Display + ?Sized)) -> Result<(), EncodeError> {
        let mut displayed = Displayed::new();
        self.text(displayed.text(value)?)
    }

    /// Writes text given as UTF-16, which may hold lone surrogates.
    fn utf16(&mut self, units: impl Iterator<Item = u16> + Clone) -> Result<(), EncodeError>;

    /// Writes bytes.
    fn bytes(&mut self, bytes: &[u8]) -> Result<(), EncodeError>;

    /// Writes bytes that may change. Where there is no such thing they are bytes.
    fn byte_array(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.bytes(bytes)
    }

    /// Writes an extension: its type and its bytes. No encoding but MessagePack has any.
    fn extension(&mut self, kind: i8, bytes: &[u8]) -> Result<(), EncodeError>;

    /// Opens an array; its elements follow.
    fn begin_array(&mut self, len: Option<usize>) -> Result<Self::Open, EncodeError>;

    /// Closes an array of `len` elements.
    fn end_array(&mut self, open: Self::Open, len: usize) -> Result<(), EncodeError>;

    /// Opens a list of fixed length; its elements follow. Where there is no such thing it is an array.
    fn begin_tuple(&mut self, len: usize) -> Result<Self::Open, EncodeError> {
        self.begin_array(Some(len))
    }

    /// Closes a list of `len` elements.
    fn end_tuple(&mut self, open: Self::Open, len: usize) -> Result<(), EncodeError> {
        self.end_array(open, len)
    }

    /// Opens a set of `kind`, [`Kind::Set`] or [`Kind::FrozenSet`]; its elements follow.
    ///
    /// Where there is no such thing, it fails with [`EncodeError::Unsupported`].
    fn begin_set(&mut self, kind: Kind, _len: usize) -> Result<Self::Open, EncodeError> {
        Err(EncodeError::Unsupported { kind })
    }

    /// Closes a set of `len` elements.
    fn end_set(&mut self, kind: Kind, _open: Self::Open, _len: usize) -> Result<(), EncodeError> {
        Err(EncodeError::Unsupported { kind })
    }

    /// Opens a map; key and value of each entry follow.
    fn begin_map(&mut self, len: Option<usize>) -> Result<Self::Open, EncodeError>;

    /// Writes the key of the next entry.
    fn key(&mut self, key: &str) -> Result<(), EncodeError>;

    /// Writes the key of the next entry, given as UTF-16.
    fn key_utf16(&mut self, units: impl Iterator<Item = u16> + Clone) -> Result<(), EncodeError>;

    /// Says that the next value is the key of the next entry, which need not be text. Encodings whose keys are text
    /// alone refuse it.
    fn key_value(&mut self) -> Result<(), EncodeError>;

    /// Writes the key of the next entry, a number, a boolean or nothing, by the verb that `write` calls. Encodings
    /// whose keys are text alone write it as text.
    fn key_scalar(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.key_value()?;
        write(self)
    }

    /// Closes a map of `len` entries.
    fn end_map(&mut self, open: Self::Open, len: usize) -> Result<(), EncodeError>;
}
