//! The messaging of clever-show, the program that flies drone shows: actions, requests, answers and files.
//!
//! A ground server and its drones talk over one TCP connection a drone; either side may send anything at any time.
//! [`CleverShow`] is the dialect; a typed message is an action, or a request where its row in `messages!` has an
//! answer. [`Named`] is one whose name is known only when it is sent.
//!
//! ```
//! use ropeway_core::dialect::clever_show::{CallId, CleverShow};
//! use ropeway_core::message::Call;
//! use ropeway_core::{Event, Messenger, messages};
//!
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Color { red: u8, green: u8, blue: u8 }
//!
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Voltage;
//!
//! messages! {
//!     enum Words {
//!         Color(Color) as "led_fill",
//!         Voltage(Voltage) as "batt_voltage" -> f64,
//!     }
//! }
//!
//! let mut ground = Messenger::new(CleverShow::new(), [0; 512], [0; 512]);
//! ground.send(&Color { red: 255, green: 0, blue: 7 })?;
//! ground.send(&Call { id: CallId::new(42), request: &Voltage })?;
//!
//! let mut drone = Messenger::new(CleverShow::new(), [0; 512], [0; 512]);
//! let bytes = ground.poll_output();
//! drone.input_room()[..bytes.len()].copy_from_slice(bytes);
//! drone.handle_input(bytes.len());
//! assert!(matches!(drone.recv(), Some(Event::Message(Words::Color(Color { blue: 7, .. })))));
//! assert!(matches!(drone.recv(), Some(Event::Request(_, Words::Voltage(Voltage)))));
//! # Ok::<(), ropeway_core::SendError>(())
//! ```

mod body;
mod call_id;
mod charset;
mod emit;
mod header;
mod message;
#[cfg(test)]
mod tests;
mod usual;

use crate::Malformed;
use crate::dialect::{
    Answers, Calling, Delivers, Dialect, Envelope, Keeps, Never, Opened, Resumes,
};
use crate::error::clever_show::SKIPPED;
use crate::framing::{self, Frame, Parsed, Recovery};
use crate::message::{Message, Request};
use core::mem;
use core::ops::RangeInclusive;
use header::{Header, HeaderKind, Refused};
use serde::Deserialize;

pub use crate::error::clever_show::{Fault, Field, Rule};
pub use body::{Arguments, Body, Json};
pub use call_id::CallId;
pub use message::{FileAnswer, FileMessage, Named, NamedAnswer, Part};

/// The TCP port that the server listens on by default.
pub const TCP_PORT: u16 = 25_000;

/// The UDP port at which drones hear of their server by default.
pub const UDP_PORT: u16 = 8_181;

/// The action of a file, and the requested value of one.
pub const FILE: &str = "filetransfer";

/// clever-show's messages: a header of JSON, then content that is JSON or the bytes of a file.
///
/// ```text
/// 0            2                 2 + n                      2 + n + content-length
/// +------------+------------------+--------------------------+
/// | n, big end | header: JSON     | content: JSON or bytes   |
/// +------------+------------------+--------------------------+
/// ```
///
/// A header and content of JSON are received whole and must fit the input. The content of a file is handed on as it
/// comes: [`Notice::Begin`], then [`Notice::Part`]s, then [`Notice::End`], whatever its length. To send one, send
/// [`FileMessage`] or [`FileAnswer`] and then as many [`Part`]s as it takes; until then other messages are
/// [`Busy`](crate::SendError::Busy), since they cannot stand inside it.
///
/// There is no opening, no farewell, and no answer that says "no": a refusal sends nothing, and who asks must give up
/// by himself. A header that is no JSON, or without a length, ends the link: nobody can tell where its content ends.
/// Everything else that breaks a rule is passed over.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CleverShow {
    #[cfg_attr(feature = "defmt", defmt(Debug2Format))]
    incoming: Incoming,
    /// How many bytes of a file are still to be sent.
    outgoing: u64,
    max_file: u64,
    /// The rule that the frame refused last breaks.
    broken: Option<Rule>,
}

/// What stands at the front of the input.
#[derive(Clone, Copy, Debug)]
enum Incoming {
    /// A message of which nothing is known.
    Message,
    /// A message whose header has been read.
    Known(Header),
    /// The content of a file, of which so much is to come.
    Content { left: u64 },
}

/// The content of a file, as it comes.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Notice<'a> {
    /// A file begins.
    Begin {
        /// What it is.
        file: File<'a>,
        /// How many bytes it has.
        len: u64,
    },
    /// The next bytes of the file, one or more.
    Part(&'a [u8]),
    /// The file is complete.
    End,
    /// A message of a type that does not exist, which the original drops without notice.
    Ignored,
}

/// What a content that comes in parts is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum File<'a> {
    /// A file that the peer wants to be kept.
    Message {
        /// Where, as the peer says: confine it.
        path: &'a str,
    },
    /// The answer to the request of this id.
    Answer {
        /// The id.
        id: CallId,
        /// The requested value, which is [`FILE`] unless the peer makes something up.
        name: &'a str,
    },
    /// Of a type that does not exist.
    Unknown,
}

impl CleverShow {
    /// A dialect at the start of a connection, which takes files of any length.
    pub const fn new() -> Self {
        Self {
            incoming: Incoming::Message,
            outgoing: 0,
            max_file: u64::MAX,
            broken: None,
        }
    }

    /// Refuses files of more than `len` bytes.
    #[must_use]
    pub const fn max_file(mut self, len: u64) -> Self {
        self.max_file = len;
        self
    }

    /// How many bytes are to come of the file that is being received; none between messages.
    pub const fn receiving(&self) -> Option<u64> {
        match self.incoming {
            Incoming::Content { left } => Some(left),
            _ => None,
        }
    }

    /// How many bytes of a file are still to be sent before anything else can be.
    pub const fn sending(&self) -> u64 {
        self.outgoing
    }

    /// Reads the next header, once it is here.
    fn look(&mut self, input: &mut [u8], limit: usize) -> Result<Option<Header>, Refused> {
        let Some((len, rest)) = input.split_first_chunk_mut::<{ Header::START }>() else {
            return Ok(None);
        };
        let len = usize::from(u16::from_be_bytes(*len));
        let end = Header::START + len;
        if end > limit {
            return Err(Refused {
                rule: Rule::HeaderTooLong { len: end, limit },
                offset: 0,
                len: None,
            });
        }
        let Some(text) = rest.get_mut(..len) else {
            return Ok(None);
        };
        let header = Header::read(text)?;
        let limit = match header.json {
            Some(_) => u64::try_from(limit - end).unwrap_or(u64::MAX),
            None => self.max_file,
        };
        if header.len > limit {
            return Err(Refused {
                rule: Rule::TooLong {
                    len: header.len,
                    limit,
                },
                offset: end,
                len: Some(header.len),
            });
        }
        Ok(Some(header))
    }

    /// Where the next message is, if that is known and not too far away.
    fn refuse(&mut self, mut refused: Refused, input: &[u8]) -> framing::Malformed {
        let header = input
            .first_chunk()
            .map_or(0, |len| u16::from_be_bytes(*len));
        let end = Header::START + usize::from(header);
        if let Some(len) = refused.len.filter(|len| *len > SKIPPED) {
            let limit = match refused.rule {
                Rule::TooLong { limit, .. } => limit,
                _ => SKIPPED,
            };
            refused.rule = Rule::TooLong { len, limit };
        }
        self.broken = Some(refused.rule);
        let rest = refused.len.and_then(|len| usize::try_from(len).ok());
        framing::Malformed {
            rule: framing::Rule::Unreadable,
            offset: refused.offset,
            recovery: match rest {
                Some(len) if !refused.rule.is_fatal() => Recovery::Bytes(end + len),
                _ => Recovery::Lost,
            },
        }
    }
}

impl Default for CleverShow {
    fn default() -> Self {
        Self::new()
    }
}

impl Dialect for CleverShow {
    type Key<'a> = &'a str;

    type Body<'a> = Body<'a>;

    type CallId = CallId;

    type Notice<'a> = Notice<'a>;

    const RESERVED: &'static [RangeInclusive<u16>] = &[];

    fn find(
        &mut self,
        input: &mut [u8],
        _scanned: usize,
        limit: usize,
    ) -> Result<Parsed, framing::Malformed> {
        let (len, is_here) = match self.incoming {
            Incoming::Content { left } => {
                let len = input.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                (len, len > 0 || left == 0)
            }
            Incoming::Known(header) => (header.frame(), header.frame() <= input.len()),
            Incoming::Message => match self.look(input, limit) {
                Ok(None) => (0, false),
                Ok(Some(header)) => {
                    self.incoming = Incoming::Known(header);
                    (header.frame(), header.frame() <= input.len())
                }
                Err(refused) => return Err(self.refuse(refused, input)),
            },
        };
        Ok(match is_here {
            false => Parsed::More { scanned: 0 },
            true => Parsed::Frame(Frame {
                start: 0,
                end: len,
                len,
            }),
        })
    }

    fn open<'a>(&'a mut self, content: &'a mut [u8]) -> Result<Opened<'a, Self>, Malformed> {
        match mem::replace(&mut self.incoming, Incoming::Message) {
            Incoming::Content { left: 0 } => Ok(Opened::Notice(Notice::End)),
            Incoming::Content { left } => {
                let len = u64::try_from(content.len()).unwrap_or(left);
                let left = left.saturating_sub(len);
                self.incoming = Incoming::Content { left };
                Ok(Opened::Notice(Notice::Part(content)))
            }
            Incoming::Known(header) if header.json.is_some() => body::open(&header, content),
            Incoming::Known(header) => {
                let len = header.len;
                self.incoming = Incoming::Content { left: len };
                let file = file(&header, content)?;
                Ok(Opened::Notice(Notice::Begin { file, len }))
            }
            // Nothing was found that could be opened.
            Incoming::Message => Ok(Opened::Notice(Notice::Ignored)),
        }
    }

    fn explain(&self, rule: framing::Rule) -> crate::Rule {
        match self.broken {
            Some(own) if rule == framing::Rule::Unreadable => crate::Rule::CleverShow(own),
            _ => crate::Rule::Framing(rule),
        }
    }
}

impl Keeps for CleverShow {}

impl Resumes for CleverShow {}

impl Calling for CleverShow {
    fn call_id(&self, number: u32) -> CallId {
        CallId::new(number)
    }
}

impl<'a, M: Message + Deserialize<'a>> Delivers<'a, M> for CleverShow {
    fn names(key: &&str) -> bool {
        *key == M::NAME
    }

    fn read(envelope: Envelope<'a, Self>) -> Result<M, Malformed> {
        match envelope.body {
            Body::Arguments(arguments) => arguments.read(),
            Body::Value(value) => Err(value.no_arguments()),
        }
    }
}

impl<'a, M: Request<Answer<'a>: Deserialize<'a>>> Answers<'a, M> for CleverShow {
    type Failure = Never;

    fn names_answer(key: &&str) -> bool {
        *key == M::NAME
    }

    fn read_answer(
        envelope: Envelope<'a, Self>,
    ) -> Result<Result<M::Answer<'a>, Never>, Malformed> {
        match envelope.body {
            Body::Value(value) => value.read().map(Ok),
            Body::Arguments(arguments) => Err(arguments.no_answer()),
        }
    }
}

impl Header {
    /// How much is received before anything is told: all of it, or up to where a file begins.
    fn frame(&self) -> usize {
        match self.json {
            // Has been found to fit the input.
            Some(_) => self
                .end
                .saturating_add(usize::try_from(self.len).unwrap_or(usize::MAX)),
            None => self.end,
        }
    }
}

/// What the content behind a header is.
fn file<'a>(header: &Header, text: &'a mut [u8]) -> Result<File<'a>, Malformed> {
    Ok(match header.kind {
        HeaderKind::File { path } => File::Message {
            path: body::text(text, path)?,
        },
        HeaderKind::Answer { name, id } => File::Answer {
            id,
            name: body::text(text, name)?,
        },
        _ => File::Unknown,
    })
}
