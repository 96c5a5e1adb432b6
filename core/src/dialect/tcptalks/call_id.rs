use core::fmt;

/// What tells a call from others.
///
/// Replies come under the retcode of their call, in the old variant under its opcode. Python programs draw retcodes
/// as integers; texts are understood too, as long as they fit a [`Label`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum CallId {
    /// The retcode or opcode, as an integer.
    Number(i64),
    /// The retcode or opcode, as a short text.
    Text(Label),
    /// A call of our own in the old variant, by its number.
    Own(u32),
}

/// A text of at most [`Label::MAX_LEN`] bytes, kept without a loan.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Label {
    len: u8,
    /// UTF-8, with zeros behind it.
    bytes: [u8; Self::MAX_LEN],
}

/// The text has more bytes than a [`Label`] can keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TooLong;

impl Label {
    /// The most bytes that fit.
    pub const MAX_LEN: usize = 22;

    /// The text.
    pub fn as_str(&self) -> &str {
        let text = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        core::str::from_utf8(text).unwrap_or_default()
    }
}

impl TryFrom<&str> for Label {
    type Error = TooLong;

    fn try_from(text: &str) -> Result<Self, TooLong> {
        let len = u8::try_from(text.len()).map_err(|_| TooLong)?;
        let mut bytes = [0; Self::MAX_LEN];
        bytes
            .get_mut(..text.len())
            .ok_or(TooLong)?
            .copy_from_slice(text.as_bytes());
        Ok(Self { len, bytes })
    }
}

impl From<u32> for CallId {
    fn from(retcode: u32) -> Self {
        Self::Number(i64::from(retcode))
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(label) => f.write_str(label.as_str()),
            Self::Own(number) => write!(f, "call {number}"),
        }
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Label {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{}", self.as_str());
    }
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "text of more than {} bytes", Label::MAX_LEN)
    }
}

impl core::error::Error for TooLong {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn keeps_short_texts_and_refuses_long_ones() {
        let longest = "a".repeat(Label::MAX_LEN);
        for text in ["", "move", "größe", &longest] {
            assert_eq!(Label::try_from(text).unwrap().as_str(), text);
        }
        assert_eq!(Label::try_from(&*(longest + "b")), Err(TooLong));
        assert_eq!(Label::try_from(&*"a".repeat(300)), Err(TooLong));
        assert_eq!(CallId::Text("move".try_into().unwrap()).to_string(), "move");
    }
}
