/// Why a link is left, where the protocol has words for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Leave {
    /// The program is done with this peer; the session ends.
    Done,
    /// There are as many peers as there may be.
    NoRoom,
    /// The peer has come again, over another transport.
    Superseded,
    /// The program shuts down.
    ShuttingDown,
    /// The peer was silent for longer than allowed.
    Silent,
}
