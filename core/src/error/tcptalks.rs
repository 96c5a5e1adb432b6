use core::fmt;

/// The rules of a TCPTalks message: a pickle that breaks one is whole, and the next one is read as ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Rule {
    /// A message is a tuple, or a list.
    NotATuple,
    /// A message starts with its role.
    NoRole,
    /// A message has as many elements as its role asks for in this variant.
    Elements {
        /// How many it should have.
        wanted: u8,
    },
    /// What a reply comes under is an integer of 64 bits, or a text of at most 22 bytes.
    CallId,
    /// Arguments are a tuple, or a list.
    Arguments,
    /// Keyword arguments are a dict whose keys are texts.
    Keywords,
    /// No keyword is `self`, `opcode` or `retcode`.
    ReservedKeyword,
    /// An exception stands in the place of a result only.
    Exception,
    /// A reply has a value.
    NoValue,
    /// The verdict on a password is true or false.
    Verdict,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotATuple => f.write_str("message that is no tuple"),
            Self::NoRole => f.write_str("message without a role"),
            Self::Elements { wanted } => {
                write!(f, "message with other than {wanted} elements")
            }
            Self::CallId => f.write_str("retcode or opcode that a reply cannot come under"),
            Self::Arguments => f.write_str("arguments that are no tuple"),
            Self::Keywords => f.write_str("keyword arguments that are no dict with text keys"),
            Self::ReservedKeyword => f.write_str("keyword argument with a reserved name"),
            Self::Exception => f.write_str("exception in the place of an argument"),
            Self::NoValue => f.write_str("reply without a value"),
            Self::Verdict => f.write_str("verdict that is neither true nor false"),
        }
    }
}
