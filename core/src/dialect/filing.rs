use super::Dialect;
use crate::encoding::EncodeError;
use crate::file::Frame;

/// A dialect that carries files in pieces: see [`file::Transfers`](crate::file::Transfers).
pub trait Filing: Dialect {
    /// The file frame that a notice is about, if it is about one.
    fn file_frame<'a>(notice: &Self::Notice<'a>) -> Option<Frame<'a>>;

    /// Writes a file frame, but for a chunk, to the front of `slot` and returns its length.
    fn emit_file(&mut self, frame: &Frame<'_>, slot: &mut [u8]) -> Result<usize, EncodeError>;

    /// Keeps so many bytes of the input memory for files, where messages share it: as many as all transfers together let the
    /// peer send ahead, and some for their frames.
    fn keep_room(&mut self, _bytes: u32) {}
}
