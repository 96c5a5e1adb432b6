use core::fmt;

/// What kind of value comes next.
///
/// JSON has the first six; MessagePack adds bytes and extensions, pickle all but extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Kind {
    /// Nothing: `null`, nil, `None`.
    Null,
    /// True or false.
    Bool,
    /// A number, integer or not.
    Number,
    /// Text.
    Text,
    /// A list.
    Array,
    /// A map from keys to values.
    Map,
    /// Bytes that do not change.
    Bytes,
    /// Bytes that do.
    ByteArray,
    /// A list of fixed length.
    Tuple,
    /// A set.
    Set,
    /// A set that does not change.
    FrozenSet,
    /// Bytes with a type number: MessagePack's ext.
    Extension,
    /// An exception of a Python program, with all that it brings: never rebuilt, only described.
    Exception,
}

impl Kind {
    /// Whether values of this kind are read as arrays are.
    pub const fn is_sequence(self) -> bool {
        matches!(
            self,
            Self::Array | Self::Tuple | Self::Set | Self::FrozenSet
        )
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Number => "a number",
            Self::Text => "a string",
            Self::Array => "an array",
            Self::Map => "an object",
            Self::Bytes => "bytes",
            Self::ByteArray => "a byte array",
            Self::Tuple => "a tuple",
            Self::Set => "a set",
            Self::FrozenSet => "a frozen set",
            Self::Extension => "an extension",
            Self::Exception => "an exception",
        })
    }
}
