use ropeway_core::Malformed;
use ropeway_core::dialect::tcptalks::Notice;

/// What a peer said that was no call to anything bound, and no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Oddity {
    /// A message that breaks a rule: which, and where. The peer is told if it was a call.
    Malformed(Malformed),
    /// A call of an opcode that nothing is bound to, or that is being executed; the peer is told.
    Unbound(String),
    /// A call before the password; the peer is told.
    Early(String),
    /// Another password, or another verdict: passed over.
    Repeated,
    /// The reply to a call of the old variant that was given up: passed over.
    Late,
    /// A message that is neither a call nor a reply: passed over.
    Ignored,
}

impl Oddity {
    pub(super) fn of(notice: Notice<'_>) -> Option<Self> {
        match notice {
            Notice::Early { opcode, .. } => Some(Self::Early(opcode.to_string())),
            Notice::Repeated => Some(Self::Repeated),
            Notice::Late(_) => Some(Self::Late),
            Notice::Ignored => Some(Self::Ignored),
            _ => None,
        }
    }
}
