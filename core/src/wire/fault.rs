use core::fmt;

/// Why nothing more can be read from a wire.
///
/// It ends the link, never the session: on the next transport the wire starts over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Fault {
    /// The memory that was lent is too small to open with.
    Memory {
        /// The fewest bytes that input and output need each.
        least: usize,
    },
    /// The peer has started the line over, and what it says from now on is a new stream.
    ///
    /// Whoever holds the wire treats this as a lost transport, and starts the wire over in its turn.
    Restarted,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory { least } => write!(f, "the wire needs {least} bytes each way"),
            Self::Restarted => f.write_str("the peer has started the line over"),
        }
    }
}

impl core::error::Error for Fault {}
