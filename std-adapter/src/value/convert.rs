use ropeway_core::encoding::value::Kind;
use std::fmt;

/// Why a value is none in another library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConvertError {
    /// NaN or an infinity.
    NotFinite,
    /// An integer that takes more than 64 bits, which serde_json holds only with its feature `arbitrary_precision`.
    IntegerTooLarge,
    /// Text or a key with half of a surrogate pair.
    LoneSurrogate,
    /// A value of a kind that is not known there.
    Unsupported {
        /// The kind.
        kind: Kind,
    },
    /// A key of another kind than text.
    KeyNotText,
}

impl fmt::Display for ConvertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFinite => "strict JSON has no NaN and no infinities",
            Self::IntegerTooLarge => "integer of more than 64 bits",
            Self::LoneSurrogate => "text with a lone surrogate is no Unicode",
            Self::Unsupported { kind } => return write!(f, "{kind}, which is not known there"),
            Self::KeyNotText => "key that is no text",
        })
    }
}

impl std::error::Error for ConvertError {}

/// The text of code units that must be Unicode.
pub(super) fn unicode(units: &[u16]) -> Result<String, ConvertError> {
    String::from_utf16(units).map_err(|_| ConvertError::LoneSurrogate)
}
