use crate::encoding::EncodeError;
use core::fmt::{self, Write};

/// How long text may be that a value displays, where its length comes first.
pub const DISPLAY_LIMIT: usize = 256;

/// What a value displays, on the stack.
pub(super) struct Displayed {
    bytes: [u8; DISPLAY_LIMIT],
    len: usize,
}

impl Displayed {
    pub(super) const fn new() -> Self {
        Self {
            bytes: [0; DISPLAY_LIMIT],
            len: 0,
        }
    }

    /// The text that `value` displays.
    pub(super) fn text(
        &mut self,
        value: &(impl fmt::Display + ?Sized),
    ) -> Result<&str, EncodeError> {
        write!(self, "{value}").map_err(|fmt::Error| EncodeError::Unencodable)?;
        let bytes = self.bytes.get(..self.len).unwrap_or_default();
        core::str::from_utf8(bytes).map_err(|_| EncodeError::Unencodable)
    }
}

impl Write for Displayed {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let free = self.bytes.get_mut(self.len..).unwrap_or_default();
        let slots = free.get_mut(..text.len()).ok_or(fmt::Error)?;
        slots.copy_from_slice(text.as_bytes());
        self.len += text.len();
        Ok(())
    }
}
