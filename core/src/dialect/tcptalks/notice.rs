use super::{CallId, Opcode};

/// What the dialect tells beside calls and replies.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Notice<'a> {
    /// The password was right: calls go both ways from here on.
    Opened,
    /// The password was wrong: nothing that still comes counts. A listener's verdict still has to be written.
    Refused,
    /// A call came before the password, and was refused.
    Early {
        /// What it calls.
        opcode: Opcode<'a>,
        /// Whether it is answered: only so many are at a time.
        is_answered: bool,
    },
    /// The peer has asked who we are, and is told.
    IdentityAsked,
    /// A password or verdict came when there was nothing left to open.
    Repeated,
    /// The reply to a call that was [forgotten](crate::dialect::Calling::forget).
    Late(CallId),
    /// A message of neither role, which says nothing.
    Ignored,
    /// The peer has closed by a call, as only the old variant knows it.
    Closed,
}
