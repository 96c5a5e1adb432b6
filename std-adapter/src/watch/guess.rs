//! What a stream looks like.

use super::Protocol;
use ropeway_core::dialect::native;
use ropeway_core::framing::{Byte, Extended, Framing, Parsed};
use std::fmt;

/// What the first bytes of a stream look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Guess {
    /// One of the protocols that can be [watched](super::Watcher).
    Protocol(Protocol),
    /// The native protocol on a link that only who has the key can read.
    Secure,
    /// HTTP.
    Http,
    /// TLS.
    Tls,
    /// SSH.
    Ssh,
}

/// What a stream looks like by its first bytes: a dozen tell most, more tell better.
///
/// It is a guess, since most of these protocols do not say who they are; nothing is guessed from bytes that fit none.
///
/// ```
/// use ropeway_std::watch::{Guess, Protocol, guess};
///
/// assert_eq!(guess(b"[\"MsgJoin\",{}]\n"), Some(Guess::Protocol(Protocol::CableCarJson)));
/// assert_eq!(guess(b"SSH-2.0-OpenSSH_9.2"), Some(Guess::Ssh));
/// assert_eq!(guess(b"\xff\xff\xff\xff"), None);
/// ```
pub fn guess(bytes: &[u8]) -> Option<Guess> {
    use Guess::{Http, Secure, Ssh, Tls};
    use Protocol::{CableCarByte, CableCarJson, CleverShow, Native, Packetmq, TcpTalks};
    Some(match bytes {
        [b'S', b'S', b'H', b'-', ..] => Ssh,
        [0x16, 3, 0..=4, ..] if !is_chain(bytes) => Tls,
        _ if METHODS.iter().any(|method| bytes.starts_with(method)) => Http,
        _ if is_native(bytes) => Guess::Protocol(Native),
        // What a header is that clever-show could send.
        [_, _, b'{', ..] => Guess::Protocol(CleverShow),
        [1, 1, 1..=32, ..] => Secure,
        [0, 0 | 1, _, _, _, _, ..] if is_packet(bytes) => Guess::Protocol(Packetmq),
        // A pickle without a header, of a tuple that starts with bytes.
        _ if bytes.starts_with(b"(c_codecs") => Guess::Protocol(TcpTalks),
        _ if is_json(bytes) => Guess::Protocol(CableCarJson),
        _ if is_native_within(bytes) => Guess::Protocol(Native),
        _ => match native::Guess::of(bytes) {
            native::Guess::TcpTalks => Guess::Protocol(TcpTalks),
            native::Guess::CableCarByte => Guess::Protocol(CableCarByte),
            native::Guess::Http => Http,
            _ if is_chain(bytes) => Guess::Protocol(CableCarByte),
            _ => return None,
        },
    })
}

/// Whether it begins with an opening of the native protocol, or what answers one.
fn is_native(bytes: &[u8]) -> bool {
    match *bytes {
        // HELLO and WELCOME have many fields, of which the version comes first.
        [len, 0xE0 | 0xE1, version, ..] => len >= 52 && version < 16,
        [len, 0xE2, reason, ..] => {
            let text = bytes.get(3..usize::from(len)).unwrap_or_default();
            (3..=67).contains(&len) && reason < 16 && text.is_ascii()
        }
        _ => false,
    }
}

/// Whether it is frames of the native protocol behind its opening: all can be read, and some are of its own.
fn is_native_within(mut bytes: &[u8]) -> bool {
    let mut own = 0;
    loop {
        match Extended::parse(bytes, 0, usize::MAX) {
            Ok(Parsed::Frame(frame)) => {
                match native::Frame::parse(&bytes[frame.start..frame.end]) {
                    Ok(native::Frame::Message { .. }) => {}
                    Ok(_) => own += 1,
                    Err(_) => return false,
                }
                bytes = &bytes[frame.len..];
            }
            // The last one is cut short, or there is none.
            Ok(Parsed::More { .. }) => return own > 0,
            Err(_) => return false,
        }
    }
}

/// Whether it is a packet of a length that packetmq allows, and starts a value.
fn is_packet(bytes: &[u8]) -> bool {
    match bytes.split_first_chunk() {
        Some((len, [_, _, ..])) => (3..100_000).contains(&u32::from_be_bytes(*len)),
        _ => false,
    }
}

/// Whether frames of a length byte follow each other up to the end, the last of them cut where the bytes end.
fn is_chain(mut bytes: &[u8]) -> bool {
    let mut frames = 0;
    while let [2..=255, ..] = bytes {
        match Byte::parse(bytes, 0, usize::MAX) {
            Ok(Parsed::Frame(frame)) => {
                frames += 1;
                bytes = &bytes[frame.len..];
            }
            // One that is cut short is no proof, but several in front of it are.
            Ok(Parsed::More { .. }) => return frames > 1,
            _ => return false,
        }
    }
    bytes.is_empty() && frames > 0
}

/// Whether it starts an array that starts with a name.
fn is_json(bytes: &[u8]) -> bool {
    let mut rest = bytes.trim_ascii_start().iter();
    rest.next() == Some(&b'[')
        && rest
            .as_slice()
            .trim_ascii_start()
            .first()
            .is_none_or(|first| *first == b'"')
}

impl Guess {
    /// The protocol to watch it by, if it is one that can be watched.
    pub const fn protocol(self) -> Option<Protocol> {
        match self {
            Self::Protocol(protocol) => Some(protocol),
            Self::Secure => Some(Protocol::Native),
            Self::Http | Self::Tls | Self::Ssh => None,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Native => "the native protocol",
            Self::CableCarByte => "cable_car byte",
            Self::CableCarJson => "cable_car JSON",
            Self::Packetmq => "packetmq",
            Self::CleverShow => "clever-show",
            Self::TcpTalks => "TCPTalks",
        })
    }
}

impl fmt::Display for Guess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol(protocol) => protocol.fmt(f),
            Self::Secure => f.write_str("the native protocol with encryption"),
            Self::Http => f.write_str("HTTP"),
            Self::Tls => f.write_str("TLS"),
            Self::Ssh => f.write_str("SSH"),
        }
    }
}

/// How HTTP begins, either way.
const METHODS: [&[u8]; 9] = [
    b"GET ",
    b"HEAD ",
    b"POST ",
    b"PUT ",
    b"DELETE ",
    b"OPTIONS ",
    b"PATCH ",
    b"CONNECT ",
    b"HTTP/",
];
