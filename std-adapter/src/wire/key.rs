use ropeway_core::wire::secure::{self, KeyId, Keys};
use std::collections::HashMap;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::{fmt, fs, io};

/// A key that two programs share: 32 secret bytes, and the id that they go by, which is no secret.
///
/// As text it is the id and the bytes in hex, as `rover 8f3c…`; ids there are without blanks. Draw the bytes, as
/// `openssl rand -hex 32` does, never think them up.
///
/// ```
/// use ropeway_std::native::{Key, Keyring};
///
/// let text = "rover 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
/// let key: Key = text.parse()?;
/// assert_eq!(key.id().as_bytes(), b"rover");
/// assert_eq!(format!("{key:?}"), "Key(rover, ..)");
/// let keys: Keyring = [key].into_iter().collect();
/// # let _ = keys;
/// # Ok::<(), ropeway_std::native::KeyError>(())
/// ```
#[derive(Clone)]
pub struct Key {
    id: KeyId,
    secret: secure::Key,
}

/// The keys that a program listens for. Clones share them.
///
/// As text it has a key a line; empty lines, and those that begin with `#`, say nothing.
#[derive(Clone, Default)]
pub struct Keyring(Arc<HashMap<KeyId, secure::Key>>);

/// Why there is no key.
#[derive(Debug)]
#[non_exhaustive]
pub enum KeyError {
    /// An id has 1 to 32 bytes.
    Id {
        /// How many there are.
        len: usize,
    },
    /// A key has 64 hex digits. What there is instead is not shown: it may be a key.
    Hex {
        /// The line, the first being 1.
        line: usize,
    },
    /// A line has an id and a key.
    Line {
        /// The line, the first being 1.
        line: usize,
    },
    /// The text has one key.
    Count {
        /// How many it has.
        keys: usize,
    },
    /// The file cannot be read.
    Io(io::Error),
}

impl Key {
    /// The key of these bytes.
    pub fn new(id: impl AsRef<[u8]>, secret: [u8; 32]) -> Result<Self, KeyError> {
        let id = id.as_ref();
        let len = id.len();
        Ok(Self {
            id: KeyId::new(id).ok_or(KeyError::Id { len })?,
            secret: secure::Key::new(secret),
        })
    }

    /// The key of these 64 hex digits.
    pub fn from_hex(id: impl AsRef<[u8]>, digits: &str) -> Result<Self, KeyError> {
        let secret = parse_hex(digits.as_bytes()).ok_or(KeyError::Hex { line: 1 })?;
        Self::new(id, secret)
    }

    /// The only key in a file.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, KeyError> {
        fs::read_to_string(path)?.parse()
    }

    /// What it is called.
    pub const fn id(&self) -> &KeyId {
        &self.id
    }
}

impl Keyring {
    /// The keys in a file.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, KeyError> {
        fs::read_to_string(path)?.parse()
    }

    /// What they are called, in no order.
    pub fn ids(&self) -> impl Iterator<Item = &KeyId> {
        self.0.keys()
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let mut keys = parse(text);
        match (keys.next().transpose()?, keys.next().transpose()?) {
            (Some(key), None) => Ok(key),
            (only, _) => Err(KeyError::Count {
                keys: only.map_or(0, |_| 2 + keys.count()),
            }),
        }
    }
}

impl FromStr for Keyring {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        parse(text).collect()
    }
}

/// Of keys with one id the last counts.
impl FromIterator<Key> for Keyring {
    fn from_iter<I: IntoIterator<Item = Key>>(keys: I) -> Self {
        let keys = keys.into_iter().map(|key| (key.id, key.secret));
        Self(Arc::new(keys.collect()))
    }
}

impl From<Key> for Keyring {
    fn from(key: Key) -> Self {
        Self::from_iter([key])
    }
}

impl Keys for Keyring {
    fn key(&self, id: &[u8]) -> Option<&secure::Key> {
        self.0.get(&KeyId::new(id)?)
    }
}

fn parse(text: &str) -> impl Iterator<Item = Result<Key, KeyError>> {
    let lines = (1..).zip(text.lines().map(str::trim));
    let lines = lines.filter(|(_, text)| !text.is_empty() && !text.starts_with('#'));
    lines.map(|(line, text)| {
        let (id, digits) = text
            .split_once(char::is_whitespace)
            .ok_or(KeyError::Line { line })?;
        let secret = parse_hex(digits.trim().as_bytes()).ok_or(KeyError::Hex { line })?;
        Key::new(id, secret)
    })
}

fn parse_hex(digits: &[u8]) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let (pairs, rest) = digits.as_chunks::<2>();
    if pairs.len() != bytes.len() || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

fn digit(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

impl From<io::Error> for KeyError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id { len } => write!(f, "key id of {len} bytes, it has 1 to 32"),
            Self::Hex { line } => write!(f, "line {line}: a key has 64 hex digits"),
            Self::Line { line } => write!(f, "line {line}: not an id and a key"),
            Self::Count { keys: 0 } => f.write_str("no key"),
            Self::Count { keys } => write!(f, "{keys} keys, where there should be one"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for KeyError {}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}, ..)", self.id)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.ids()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGITS: &str = "000102030405060708090a0b0c0d0e0F101112131415161718191a1b1c1d1e1f";

    #[test]
    fn reads_keys_as_people_write_them() {
        let text = format!("# the fleet\n\nrover {DIGITS}\n  base\t{DIGITS}  \n");
        let keys: Keyring = text.parse().unwrap();
        assert!(keys.key(b"rover").is_some() && keys.key(b"base").is_some());
        assert!(keys.key(b"else").is_none() && keys.key(b"").is_none());
        assert_eq!(keys.ids().count(), 2);
    }

    #[test]
    fn says_what_is_wrong_and_shows_no_secret() {
        let short = &DIGITS[1..];
        let long_id = "i".repeat(33);
        for (text, error) in [
            (String::new(), "no key"),
            ("# nothing".into(), "no key"),
            (format!("\n{DIGITS}"), "line 2: not an id and a key"),
            (format!("a {short}"), "line 1: a key has 64 hex digits"),
            (format!("a {short}g"), "line 1: a key has 64 hex digits"),
            (format!("a {DIGITS}00"), "line 1: a key has 64 hex digits"),
            (
                format!("{long_id} {DIGITS}"),
                "key id of 33 bytes, it has 1 to 32",
            ),
            (
                format!("a {DIGITS}\nb {DIGITS}\nc {DIGITS}"),
                "3 keys, where there should be one",
            ),
        ] {
            assert_eq!(text.parse::<Key>().unwrap_err().to_string(), error);
        }
        let keys: Keyring = format!("a {DIGITS}").parse().unwrap();
        assert_eq!(format!("{keys:?}"), "{KeyId(a)}");
        assert!(!format!("{:?}", "a zz".parse::<Key>().unwrap_err()).contains('z'));
    }
}
