use super::{Cause, Fault, Notice, Opening, Reason, Rule};
use crate::Error;
use ropeway_core::Malformed;
use std::fmt;
use std::time::Duration;

/// How the link of a session stands, as it changes.
#[derive(Debug)]
#[non_exhaustive]
pub enum Standing<'a> {
    /// There is a transport, and the opening begins.
    Connected,
    /// The session goes on: nothing is lost, nothing comes twice.
    Resumed,
    /// A session has begun.
    Fresh {
        /// Why no older one goes on.
        cause: Cause,
        /// How many messages of the older one the peer may or may not have taken; they are not sent again.
        in_doubt: usize,
    },
    /// There is no link, or an attempt to get one has failed.
    Lost {
        /// What ended it: [`Error::Ended`], of a [`Parting`], where one side has said why.
        why: &'a Error,
        /// When the next attempt is made.
        retry_in: Duration,
    },
}

/// How a link ended that did not just break.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Parting {
    /// The peer has taken its leave.
    Bye {
        /// Why.
        reason: Reason,
        /// More of it, for people.
        text: String,
    },
    /// The peer broke this rule.
    Broken(Rule),
    /// A secure link came to this end.
    Wire(Fault),
}

impl Standing<'_> {
    pub(crate) const fn of(opening: Opening) -> Self {
        match opening {
            Opening::Resumed => Self::Resumed,
            Opening::Fresh { cause, in_doubt } => Self::Fresh { cause, in_doubt },
        }
    }
}

impl Parting {
    /// What a notice says of it.
    pub(crate) fn of(notice: &Notice<'_>) -> Option<Self> {
        match *notice {
            Notice::Bye { reason, text } => Some(Self::Bye {
                reason,
                text: text.into(),
            }),
            Notice::Broken(rule) => Some(Self::Broken(rule)),
            _ => None,
        }
    }

    /// What a frame says of it that breaks a rule.
    pub(crate) fn of_malformed(malformed: &Malformed) -> Option<Self> {
        match malformed.rule {
            ropeway_core::Rule::Native(rule) if malformed.is_fatal() => Some(Self::Broken(rule)),
            ropeway_core::Rule::Wire(fault) => Some(Self::Wire(fault)),
            _ => None,
        }
    }

    /// Whether trying again would end in the same way.
    pub const fn is_permanent(&self) -> bool {
        match self {
            Self::Bye { reason, .. } => matches!(
                reason,
                Reason::Version
                    | Reason::Registry
                    | Reason::SecureOnly
                    | Reason::PlainOnly
                    | Reason::UnknownKey
                    | Reason::WrongKey
            ),
            Self::Broken(rule) => matches!(
                rule,
                Rule::Version { .. } | Rule::Registry { .. } | Rule::NotNative { .. }
            ),
            Self::Wire(Fault::Refused { reason }) => matches!(reason, 1 | 6 | 8..=11),
            Self::Wire(fault) => matches!(
                fault,
                Fault::Memory { .. }
                    | Fault::NotSecure
                    | Fault::Version { .. }
                    | Fault::KeyIdLength { .. }
                    | Fault::UnknownKey
                    | Fault::WrongKey
                    | Fault::SmallRecords { .. }
            ),
        }
    }

    /// Whether the session that it ends can go on over another transport.
    pub(crate) const fn is_resumable(&self) -> bool {
        match self {
            Self::Bye { reason, .. } => reason.is_resumable(),
            Self::Broken(rule) => matches!(rule, Rule::Silent),
            // What befalls a wire is no more than the end of a transport.
            Self::Wire(_) => true,
        }
    }
}

impl fmt::Display for Parting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bye { reason, text } if text.is_empty() => write!(f, "the peer says: {reason}"),
            Self::Bye { reason, text } => write!(f, "the peer says: {reason}: {text}"),
            Self::Broken(rule) => rule.fmt(f),
            Self::Wire(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for Parting {}
