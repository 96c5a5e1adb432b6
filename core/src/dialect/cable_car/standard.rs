//! The messages that cable_car knows by itself.
//!
//! ```
//! use ropeway_core::dialect::cable_car::{Identify, STANDARD};
//! use ropeway_core::message::Encode;
//!
//! let codes = STANDARD.iter().map(|entry| (entry.name, entry.code));
//! let codes: Vec<_> = codes.collect();
//! assert_eq!(codes[0], ("MsgIdentify", Some(1)));
//! assert_eq!(codes[3], ("MsgQuit", Some(4)));
//!
//! let mut body = [0; 32];
//! assert_eq!(Identify::new("pilot", "base").encode(&mut body), Ok(10));
//! assert_eq!(&body[..10], b"pilot@base");
//! ```

use crate::encoding::{DecodeError, EncodeError, Rule};
use crate::message::{Decode, Encode, Entry, Message};
use serde::{Deserialize, Serialize};

/// Who speaks: `user@host` in byte frames, two attributes in JSON.
///
/// A peer may leave its names out, and is then nobody by name. cable_car itself fills them with the receiver's
/// own; this crate does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Identify<'a> {
    /// The name of the user, ASCII without `@` to be sent in byte frames.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub username: Option<&'a str>,
    /// The name of the machine, likewise.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<&'a str>,
}

/// The sender joins: no body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Join;

/// The sender asks for another try: no body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Retry;

/// The sender leaves: no body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Quit;

/// The standard messages, by name and code.
pub const STANDARD: &[Entry] = &[
    Entry::of::<Identify<'_>>(),
    Entry::of::<Join>(),
    Entry::of::<Retry>(),
    Entry::of::<Quit>(),
];

impl<'a> Identify<'a> {
    /// An identity with both names.
    pub const fn new(username: &'a str, hostname: &'a str) -> Self {
        Self {
            username: Some(username),
            hostname: Some(hostname),
        }
    }
}

impl Message for Identify<'_> {
    const NAME: &'static str = "MsgIdentify";
    const CODE: Option<u16> = Some(0x01);
}

impl Encode for Identify<'_> {
    const MAX_SIZE: usize = super::CableCarByte::MAX_BODY;

    fn encode(&self, out: &mut [u8]) -> Result<usize, EncodeError> {
        if self.username.is_none() && self.hostname.is_none() {
            return Ok(0);
        }
        let user = sendable(self.username.unwrap_or_default())?;
        let host = sendable(self.hostname.unwrap_or_default())?;
        let (user_out, rest) = out
            .split_at_mut_checked(user.len())
            .ok_or(EncodeError::Full)?;
        let (separator, rest) = rest.split_first_mut().ok_or(EncodeError::Full)?;
        let host_out = rest.get_mut(..host.len()).ok_or(EncodeError::Full)?;
        user_out.copy_from_slice(user);
        *separator = SEPARATOR;
        host_out.copy_from_slice(host);
        Ok(user.len() + 1 + host.len())
    }
}

impl<'a> Decode<'a> for Identify<'a> {
    fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        if body.is_empty() {
            return Ok(Self::default());
        }
        let names = core::str::from_utf8(body)
            .map_err(|error| DecodeError::at(error.valid_up_to(), Rule::InvalidUtf8))?;
        let (username, hostname) = names
            .split_once(char::from(SEPARATOR))
            .ok_or(DecodeError::at(body.len(), Rule::Delimiter))?;
        if let Some(second) = hostname.find(char::from(SEPARATOR)) {
            return Err(DecodeError::at(
                username.len() + 1 + second,
                Rule::Delimiter,
            ));
        }
        Ok(Self::new(username, hostname))
    }
}

/// The body of a message without one: nothing is sent, anything is ignored, as cable_car does.
macro_rules! bodiless {
    ($($message:ident = $code:literal as $name:literal),*) => {$(
        impl Message for $message {
            const NAME: &'static str = $name;
            const CODE: Option<u16> = Some($code);
        }

        impl Encode for $message {
            const MAX_SIZE: usize = 0;

            fn encode(&self, _: &mut [u8]) -> Result<usize, EncodeError> {
                Ok(0)
            }
        }

        impl Decode<'_> for $message {
            fn decode(_: &[u8]) -> Result<Self, DecodeError> {
                Ok(Self)
            }
        }
    )*};
}

bodiless!(Join = 0x02 as "MsgJoin", Retry = 0x03 as "MsgRetry", Quit = 0x04 as "MsgQuit");

const SEPARATOR: u8 = b'@';

/// The bytes of a name that cable_car can read back.
fn sendable(name: &str) -> Result<&[u8], EncodeError> {
    if name.is_ascii() && !name.as_bytes().contains(&SEPARATOR) {
        Ok(name.as_bytes())
    } else {
        Err(EncodeError::Unencodable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifies_by_user_and_host() {
        let mut out = [0; 32];
        let me = Identify::new("pilot", "raspberrypi");
        assert_eq!(me.encode(&mut out), Ok(17));
        assert_eq!(&out[..17], b"pilot@raspberrypi");
        assert_eq!(Identify::decode(&out[..17]), Ok(me));
        for len in 0..17 {
            assert_eq!(me.encode(&mut out[..len]), Err(EncodeError::Full));
        }
    }

    #[test]
    fn takes_an_empty_body_for_nobody() {
        assert_eq!(Identify::decode(b""), Ok(Identify::default()));
        assert_eq!(Identify::default().encode(&mut [0; 8]), Ok(0));
        assert_eq!(Identify::decode(b"@"), Ok(Identify::new("", "")));
    }

    #[test]
    fn refuses_names_that_would_not_come_back() {
        let mut out = [0; 32];
        assert_eq!(
            Identify::new("a@b", "c").encode(&mut out),
            Err(EncodeError::Unencodable)
        );
        assert_eq!(
            Identify::new("j\u{f6}rg", "pi").encode(&mut out),
            Err(EncodeError::Unencodable)
        );
    }

    #[test]
    fn names_what_is_wrong_with_a_body() {
        assert_eq!(
            Identify::decode(b"pilot"),
            Err(DecodeError::at(5, Rule::Delimiter))
        );
        assert_eq!(
            Identify::decode(b"a@b@c"),
            Err(DecodeError::at(3, Rule::Delimiter))
        );
        assert_eq!(
            Identify::decode(b"\xff@b"),
            Err(DecodeError::at(0, Rule::InvalidUtf8))
        );
    }
}
