use super::{NameError, Rule};
use core::fmt;

/// Why a transfer was not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum StartError {
    /// The name breaks a rule.
    Name(NameError),
    /// As many transfers are under way as there are slots.
    TooMany,
    /// The request that it should answer is no longer open.
    Gone,
}

/// The transfer waits for no such decision, or is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Gone;

/// Why a frame was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum NotTaken {
    /// A sink is busy, or refusals wait to be queued: keep the frame and hand it in again, first of all frames.
    Later,
    /// It breaks a rule. Nothing has changed but the count.
    Rule(Rule),
}

impl From<Rule> for NotTaken {
    fn from(rule: Rule) -> Self {
        Self::Rule(rule)
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(rule) => rule.fmt(f),
            Self::TooMany => f.write_str("as many transfers are under way as there is room for"),
            Self::Gone => Gone.fmt(f),
        }
    }
}

impl core::error::Error for StartError {}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no transfer that waits for this")
    }
}

impl core::error::Error for Gone {}

impl fmt::Display for NotTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Later => f.write_str("not now"),
            Self::Rule(rule) => rule.fmt(f),
        }
    }
}

impl core::error::Error for NotTaken {}
