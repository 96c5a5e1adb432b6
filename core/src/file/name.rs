use core::fmt;

/// The longest name of a file, in bytes.
pub const MAX_NAME: usize = 200;

/// The rule that the name of a file breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum NameError {
    /// It has no bytes.
    Empty,
    /// It has more than [`MAX_NAME`] bytes.
    TooLong {
        /// How many it has.
        len: usize,
    },
    /// It contains a zero byte.
    Nul,
    /// It contains a backslash, which separates parts on Windows.
    Backslash,
    /// It starts at the root.
    Absolute,
    /// A part starts like a drive of Windows: a letter and a colon.
    Drive,
    /// It has a part without bytes: two slashes in a row, or one at the end.
    EmptyPart,
    /// A part is `.`, so that one file would have many names.
    Dot,
    /// A part is `..` and leads upwards.
    Parent,
}

/// Says which rule `name` breaks, if any: it must lead downwards from wherever the receiver keeps its files.
///
/// Parts are separated by `/`. [`Transfers`](super::Transfers) checks every name that a peer sends and refuses
/// with [`Reason::NameNotAllowed`](super::Reason::NameNotAllowed); what else a file system forbids (names of
/// devices, links that lead elsewhere) is for who opens the file.
///
/// ```
/// use ropeway_core::file::{NameError, check_name};
///
/// assert_eq!(check_name("logs/today.txt"), Ok(()));
/// assert_eq!(check_name("logs/../../key"), Err(NameError::Parent));
/// ```
pub fn check_name(name: &str) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if name.len() > MAX_NAME {
        return Err(NameError::TooLong { len: name.len() });
    }
    if name.contains('\0') {
        return Err(NameError::Nul);
    }
    if name.contains('\\') {
        return Err(NameError::Backslash);
    }
    if name.starts_with('/') {
        return Err(NameError::Absolute);
    }
    name.split('/').try_for_each(check_part)
}

fn check_part(part: &str) -> Result<(), NameError> {
    match part.as_bytes() {
        [] => Err(NameError::EmptyPart),
        b"." => Err(NameError::Dot),
        b".." => Err(NameError::Parent),
        [letter, b':', ..] if letter.is_ascii_alphabetic() => Err(NameError::Drive),
        _ => Ok(()),
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "empty name",
            Self::TooLong { len } => {
                return write!(f, "name of {len} bytes, at most {MAX_NAME} are allowed");
            }
            Self::Nul => "zero byte in a name",
            Self::Backslash => "backslash in a name",
            Self::Absolute => "name that starts at the root",
            Self::Drive => "name of a drive",
            Self::EmptyPart => "empty part in a name",
            Self::Dot => "part of a name that is a dot",
            Self::Parent => "part of a name that leads upwards",
        })
    }
}

impl core::error::Error for NameError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allows_what_leads_downwards() {
        for name in [
            "a",
            "a/b.c",
            "...",
            "..a/b..",
            "naïve/ü",
            ".hidden",
            "1:2",
            "ab:c",
            " ",
        ] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        let longest = "n".repeat(MAX_NAME);
        assert_eq!(check_name(&longest), Ok(()));
    }

    #[test]
    fn names_the_rule_that_is_broken() {
        let too_long = "n".repeat(MAX_NAME + 1);
        for (name, rule) in [
            ("", NameError::Empty),
            (&too_long, NameError::TooLong { len: 201 }),
            ("a\0b", NameError::Nul),
            ("a\\b", NameError::Backslash),
            ("..\\b", NameError::Backslash),
            ("/", NameError::Absolute),
            ("/etc/passwd", NameError::Absolute),
            ("C:", NameError::Drive),
            ("c:/boot", NameError::Drive),
            ("a/D:b", NameError::Drive),
            ("a//b", NameError::EmptyPart),
            ("a/", NameError::EmptyPart),
            (".", NameError::Dot),
            ("a/./b", NameError::Dot),
            ("..", NameError::Parent),
            ("a/../b", NameError::Parent),
            ("a/..", NameError::Parent),
        ] {
            assert_eq!(check_name(name), Err(rule), "{name:?}");
        }
    }
}
