use ropeway_core::buf::Storage;
use ropeway_core::dialect::Answers;
use ropeway_core::dialect::native::{CallId, Config, Native, Notice, Opening, Reason, Rule};
use ropeway_core::encoding::postcard;
use ropeway_core::wire::Wire;
use ropeway_core::{Event, Messenger, framing, messages};
use serde::{Deserialize, Serialize};

/// Which frame of which life of a program it is: every sequenced frame is one of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mark {
    /// Which life: a program that is started anew has another.
    pub life: u32,
    /// How many frames it had sent before.
    pub index: u32,
}

/// A message.
#[derive(Debug, Serialize, Deserialize)]
pub struct Note<'a> {
    /// Which it is.
    pub mark: Mark,
    /// As many bytes as the test wants.
    pub filler: &'a [u8],
}

/// A request.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Ask {
    /// Which it is.
    pub mark: Mark,
    /// What the caller wants to happen.
    pub wish: Wish,
}

/// What is to become of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wish {
    /// It is answered, after so many milliseconds.
    Answer(u16),
    /// It is refused, after so many milliseconds.
    Refuse(u16),
    /// Nothing.
    Silence,
}

/// The answer, and the detail of a refusal.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Told {
    /// Which frame it is itself.
    pub mark: Mark,
    /// The request that it answers.
    pub asked: Mark,
}

messages! {
    /// What the programs say to each other.
    #[derive(Debug)]
    pub enum Words<'a> {
        Note(Note<'a>) = 0x10,
        Ask(Ask) = 0x11 -> Told,
    }
}

/// What an end was told, with what it borrowed looked at.
#[derive(Debug)]
pub enum Heard {
    /// A message of `len` bytes of filler.
    Note {
        /// Which.
        mark: Mark,
        /// How long its filler is, if that is what was sent.
        len: Option<usize>,
    },
    /// A request.
    Ask(CallId, Ask),
    /// An answer, or a refusal.
    Answer {
        /// The call.
        id: CallId,
        /// What it says.
        told: Told,
        /// Whether it is a refusal.
        is_refusal: bool,
    },
    /// Nobody waits for an answer any more.
    Cancelled(CallId),
    /// Something of a file, which has been seen to.
    File,
    /// The peer has shown itself.
    Met,
    /// Messages go both ways.
    Opened(Opening),
    /// The peer has taken its leave.
    Bye(Reason),
    /// A rule is broken that is no frame's.
    Broken(Rule),
    /// The end of the stream cut a frame off.
    CutOff,
    /// What no honest peer makes happen.
    Wrong(String),
}

/// Memory of a size that is known when it runs.
#[derive(Debug)]
pub struct Memory(pub Vec<u8>);

/// An end's messenger.
pub type Talk<W> = Messenger<Native<Config>, Memory, Memory, W>;

impl Memory {
    /// So many bytes.
    pub fn new(len: usize) -> Self {
        Self(vec![0; len])
    }
}

impl AsRef<[u8]> for Memory {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl AsMut<[u8]> for Memory {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl Storage for Memory {}

/// The filler of the message of this mark.
pub fn filler(mark: Mark, len: usize) -> impl Iterator<Item = u8> {
    let [first, second, ..] = mark.index.to_le_bytes();
    (0..len).map(move |at| first.wrapping_add(at.to_le_bytes()[0]) ^ second)
}

/// What an end is told next; `file` sees to what is said of files.
pub fn hear<W: Wire>(talk: &mut Talk<W>, file: impl FnOnce(&Notice<'_>)) -> Option<Heard> {
    Some(match talk.recv::<Words<'_>>()? {
        Event::Message(Words::Note(Note { mark, filler: got })) => Heard::Note {
            mark,
            len: filler(mark, got.len())
                .eq(got.iter().copied())
                .then_some(got.len()),
        },
        Event::Request(id, Words::Ask(ask)) => Heard::Ask(id, ask),
        Event::Answer(id, envelope) => {
            match <Native<Config> as Answers<'_, Ask>>::read_answer(envelope) {
                Ok(Ok(told)) => Heard::Answer {
                    id,
                    told,
                    is_refusal: false,
                },
                Ok(Err(failure)) => match postcard::decode(failure.detail) {
                    Ok(told) => Heard::Answer {
                        id,
                        told,
                        is_refusal: true,
                    },
                    Err(error) => Heard::Wrong(format!("{failure}: {error:?}")),
                },
                Err(malformed) => Heard::Wrong(format!("{malformed:?}")),
            }
        }
        Event::Notice(Notice::Cancelled(id)) => Heard::Cancelled(id),
        Event::Notice(notice @ Notice::File(_)) => {
            file(&notice);
            Heard::File
        }
        Event::Notice(Notice::Met(_)) => Heard::Met,
        Event::Notice(Notice::Opened(opening)) => Heard::Opened(opening),
        Event::Notice(Notice::Bye { reason, .. }) => Heard::Bye(reason),
        Event::Notice(Notice::Broken(rule)) => Heard::Broken(rule),
        Event::Malformed(malformed) => match malformed.rule {
            ropeway_core::Rule::Framing(framing::Rule::Truncated { .. }) => Heard::CutOff,
            _ => Heard::Wrong(format!("{malformed:?}")),
        },
        other => Heard::Wrong(format!("{other:?}")),
    })
}
