use super::call::CallId;
use super::code::{ACK, BYE, CANCEL, FAILURE, HELLO, NAMES, OFFER, PING, PONG, REQUEST, RESPONSE};
use super::code::{FIRST_OWN, STOP, WELCOME};
use super::hello::bytes;
use super::names::Named;
use super::{Failure, Hello, Reason, Rule};
use crate::file;

/// What a frame says, for who looks at a stream without taking part: its content, the code first, without the length in
/// front.
///
/// The table of fields stands in `SPEC.md`. Whether a frame may come when it does is the session's to say.
///
/// ```
/// use ropeway_core::dialect::native::Frame;
///
/// assert_eq!(Frame::parse(&[0xe3]), Ok(Frame::Ping));
/// assert_eq!(Frame::parse(&[0x10, 7]), Ok(Frame::Message { code: 0x10, body: &[7] }));
/// assert!(Frame::parse(&[0xe5, 1]).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Frame<'a> {
    /// The dialler shows itself.
    Hello {
        /// What it says of itself.
        hello: Hello,
        /// What it is called.
        name: &'a str,
    },
    /// The listener answers.
    Welcome {
        /// What it says of itself.
        hello: Hello,
        /// What it is called.
        name: &'a str,
    },
    /// A side takes its leave.
    Bye {
        /// Why.
        reason: Reason,
        /// More of it, for people.
        text: &'a str,
    },
    /// Is anybody there?
    Ping,
    /// Yes.
    Pong,
    /// How far the receiver is.
    Ack {
        /// The bytes of sequenced frames that it has taken, modulo 2^32.
        taken: u32,
        /// The bytes that it has room for behind them.
        window: u32,
    },
    /// A message of the sender's registry.
    Name {
        /// Its code.
        code: u8,
        /// What tells versions of its body apart; 0 for unchecked.
        schema: u64,
        /// What it is called.
        name: &'a str,
    },
    /// All messages of the registry have been named.
    NamesEnd,
    /// A call.
    Request {
        /// Its id.
        call: CallId,
        /// The code of the request.
        code: u8,
        /// The body of the request.
        body: &'a [u8],
    },
    /// The answer to a call.
    Response {
        /// The call's id.
        call: CallId,
        /// The answer.
        body: &'a [u8],
    },
    /// What is said in the place of an answer.
    Failure {
        /// The call's id.
        call: CallId,
        /// What has failed.
        failure: Failure<'a>,
    },
    /// Nobody waits for the answer to a call any more.
    Cancel {
        /// The call's id.
        call: CallId,
    },
    /// A frame of a file transfer.
    File(file::Frame<'a>),
    /// A message.
    Message {
        /// Its code.
        code: u8,
        /// Its body.
        body: &'a [u8],
    },
}

impl<'a> Frame<'a> {
    /// Reads a frame from its content.
    pub fn parse(content: &'a [u8]) -> Result<Self, crate::Rule> {
        if let [OFFER..=STOP, ..] = content {
            let frame = file::Frame::parse(content).map_err(crate::Rule::File)?;
            return Ok(Self::File(frame));
        }
        Self::parse_own(content).map_err(crate::Rule::Native)
    }

    fn parse_own(content: &'a [u8]) -> Result<Self, Rule> {
        let (&code, body) = content.split_first().ok_or(Rule::ShortFrame { code: 0 })?;
        let short = Rule::ShortFrame { code };
        Ok(match code {
            ..FIRST_OWN => Self::Message { code, body },
            HELLO => {
                let (hello, name) = Hello::parse(content)?;
                Self::Hello { hello, name }
            }
            WELCOME => {
                let (hello, name) = Hello::parse(content).map_err(of_welcome)?;
                Self::Welcome { hello, name }
            }
            BYE => {
                let (reason, text) = body.split_first().ok_or(short)?;
                Self::Bye {
                    reason: Reason::of(*reason),
                    text: core::str::from_utf8(text).map_err(|_| Rule::NotText)?,
                }
            }
            PING if body.is_empty() => Self::Ping,
            PONG if body.is_empty() => Self::Pong,
            ACK if body.len() == 8 => Self::Ack {
                taken: u32::from_le_bytes(bytes(body, 0)),
                window: u32::from_le_bytes(bytes(body, 4)),
            },
            PING | PONG | ACK => return Err(short),
            NAMES => match Named::parse(content)? {
                None => Self::NamesEnd,
                Some(Named { code, schema, name }) => Self::Name { code, schema, name },
            },
            REQUEST..=CANCEL => {
                let (id, body) = body.split_first_chunk().ok_or(short)?;
                let call = CallId(u32::from_le_bytes(*id));
                match code {
                    REQUEST => {
                        let (&code, body) = body.split_first().ok_or(short)?;
                        Self::Request { call, code, body }
                    }
                    RESPONSE => Self::Response { call, body },
                    FAILURE => {
                        let failure = Failure::parse(body).ok_or(Rule::Failure)?;
                        Self::Failure { call, failure }
                    }
                    // What is behind the id means nothing.
                    _ => Self::Cancel { call },
                }
            }
            code => return Err(Rule::UnknownControl { code }),
        })
    }

    /// What `SPEC.md` calls it; nothing for messages, which programs name.
    pub const fn title(&self) -> Option<&'static str> {
        Some(match self {
            Self::Hello { .. } => "HELLO",
            Self::Welcome { .. } => "WELCOME",
            Self::Bye { .. } => "BYE",
            Self::Ping => "PING",
            Self::Pong => "PONG",
            Self::Ack { .. } => "ACK",
            Self::Name { .. } | Self::NamesEnd => "NAMES",
            Self::Request { .. } => "REQUEST",
            Self::Response { .. } => "RESPONSE",
            Self::Failure { .. } => "FAILURE",
            Self::Cancel { .. } => "CANCEL",
            Self::File(frame) => match frame {
                file::Frame::Offer { .. } => "OFFER",
                file::Frame::Ask { .. } => "ASK",
                file::Frame::Accept { .. } => "ACCEPT",
                file::Frame::Credit { .. } => "CREDIT",
                file::Frame::Chunk { .. } => "CHUNK",
                file::Frame::Done { .. } => "DONE",
                file::Frame::Verified { .. } => "VERIFIED",
                file::Frame::Stop { .. } => "STOP",
            },
            Self::Message { .. } => return None,
        })
    }
}

/// The rule as one that a WELCOME breaks.
const fn of_welcome(rule: Rule) -> Rule {
    match rule {
        Rule::ShortFrame { .. } => Rule::ShortFrame { code: WELCOME },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framing::{Extended, Framing, Parsed};
    use std::string::{String, ToString};
    use std::vec::Vec;

    /// The rows of the specification that are a frame each: a title, and bytes.
    fn rows() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
        let spec = include_str!("../../../SPEC.md");
        let session = spec.split("### Session").nth(1).unwrap();
        let session = session.split("### Secure").next().unwrap();
        session.lines().filter_map(|line| {
            let (title, bytes) = line.split_at_checked(18)?;
            let bytes: Result<_, _> = bytes
                .split(' ')
                .map(|byte| u8::from_str_radix(byte, 16))
                .collect();
            Some((title, bytes.ok()?))
        })
    }

    #[test]
    fn reads_every_vector_of_the_specification() {
        let mut titles = String::new();
        for (row, bytes) in rows() {
            let Ok(Parsed::Frame(found)) = Extended::parse(&bytes, 0, 255) else {
                panic!("{row}");
            };
            let frame = Frame::parse(&bytes[found.start..found.end]).unwrap();
            assert_eq!(found.len, bytes.len());
            assert!(
                row.starts_with(frame.title().unwrap_or("a message")),
                "{row}"
            );
            titles += frame.title().unwrap_or("message");
            titles += " ";
        }
        assert_eq!(
            titles,
            "HELLO WELCOME NAMES NAMES NAMES message ACK REQUEST RESPONSE FAILURE CANCEL PING PONG BYE "
        );
    }

    #[test]
    fn reads_file_frames() {
        let content = [0xf5, 1, 0, 0, 0, 0x26, 0x39, 0xf4, 0xcb];
        let frame = Frame::parse(&content).unwrap();
        let crc = 0xcbf4_3926;
        assert_eq!(frame, Frame::File(file::Frame::Done { file: 1, crc }));
        assert_eq!(frame.title(), Some("DONE"));
        assert!(matches!(
            Frame::parse(&[0xf5, 1]),
            Err(crate::Rule::File(_))
        ));
    }

    #[test]
    fn refuses_every_truncation() {
        for (row, bytes) in rows() {
            let (code, fields) = match bytes[1] {
                0x10 | 0xe3 | 0xe4 => continue,
                0xe0 | 0xe1 => (bytes[1], 51),
                0xe6 => (bytes[1], 10),
                0xe8 | 0xea => (bytes[1], 6),
                0xe9 | 0xeb => (bytes[1], 5),
                0xe5 => (bytes[1], 9),
                code => (code, 2),
            };
            for end in 2..fields.min(bytes.len()) {
                let content = &bytes[1..=end];
                let told = Frame::parse(&content[..content.len() - 1]);
                let is_end = content.len() == 2 && code == NAMES;
                assert!(told.is_err() || is_end, "{row}, {end}: {told:?}");
            }
        }
        assert_eq!(
            Frame::parse(&[]).unwrap_err().to_string(),
            "frame 0x00 without all of its fields"
        );
        assert_eq!(
            Frame::parse(&[0xef]).unwrap_err().to_string(),
            "unknown control code 0xEF"
        );
        assert_eq!(
            Frame::parse(&[0xe1]).unwrap_err().to_string(),
            "frame 0xE1 without all of its fields"
        );
    }
}
