#![no_main]
//! Whatever a peer says, in whatever pieces: no panic, no more memory than lent, and the same as whole, parts joined.

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use ropeway_core::dialect::clever_show::{CleverShow, Notice};
use ropeway_core::encoding::value::Args;
use ropeway_core::registry::Rejected;
use ropeway_core::{Event, Messenger, messages};
use ropeway_fuzz::Pieces;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Led<'a> {
    #[serde(borrow)]
    text: &'a str,
    red: u8,
}

#[derive(Debug, Serialize, Deserialize)]
struct Sum(i64, f64);

messages! {
    #[derive(Debug)]
    enum Words<'a> {
        Led(Led<'a>) as "led_fill",
        Sum(Sum) as "sum" -> i64,
    }
}

#[derive(Arbitrary, Debug)]
struct Plan<'a> {
    parts: Vec<Part<'a>>,
    pieces: Pieces,
    max_file: Option<u16>,
    is_typed: bool,
}

/// Something in the stream: what an honest peer would say, and what it would not.
#[derive(Arbitrary, Debug)]
enum Part<'a> {
    Bytes(&'a [u8]),
    /// A header as it is, its length before it.
    Header(&'a str),
    /// Fields behind those that all have, then content, whose length is told with so much added.
    Message {
        fields: Fields<'a>,
        content: Content<'a>,
        error: i8,
        encoding: u8,
    },
}

#[derive(Arbitrary, Debug)]
enum Fields<'a> {
    Action(&'a str),
    LedFill,
    Request,
    Answer(&'a str),
    File(&'a str),
    FileAnswer(u16),
    Other(&'a str),
}

#[derive(Arbitrary, Debug)]
enum Content<'a> {
    Bytes(&'a [u8]),
    Arguments(&'a str, &'a str),
    Request(&'a str, &'a str),
    Led(&'a str),
    Zeros(u16),
}

fuzz_target!(|plan: Plan<'_>| {
    let stream: Vec<u8> = plan.parts.iter().flat_map(Part::bytes).collect();
    let whole = run(&plan, &stream, [stream.len()].into_iter());
    let split = run(&plan, &stream, plan.pieces.cuts(stream.len()));
    assert_eq!(split, whole, "differs from the unsplit run");
});

/// All that the end is told, parts of files joined.
fn run(plan: &Plan<'_>, stream: &[u8], cuts: impl Iterator<Item = usize>) -> Vec<String> {
    let max_file = plan.max_file.map_or(u64::MAX, u64::from);
    let dialect = CleverShow::new().max_file(max_file);
    let mut messenger = Messenger::new(dialect, [0; MEMORY], [0; 0]);
    let mut said = Vec::new();
    let mut start = 0;
    for cut in cuts {
        while start < cut {
            let room = messenger.input_room();
            let len = room.len().min(cut - start);
            room[..len].copy_from_slice(&stream[start..start + len]);
            messenger.handle_input(len);
            start += len;
            let before = said.len();
            let took = take(plan, &mut messenger, &mut said);
            if messenger.is_over().is_some() {
                return said;
            }
            assert!(
                len > 0 || took || said.len() > before,
                "no room and nothing to say"
            );
        }
    }
    messenger.handle_end();
    take(plan, &mut messenger, &mut said);
    assert!(messenger.is_over().is_some());
    said
}

fn take(
    plan: &Plan<'_>,
    messenger: &mut Messenger<CleverShow, [u8; MEMORY], [u8; 0]>,
    said: &mut Vec<String>,
) -> bool {
    let mut took = false;
    loop {
        let line = if plan.is_typed {
            messenger.recv::<Words<'_>>().map(|event| tell(event, said))
        } else {
            let event = messenger.recv_with(|envelope| Err::<(), _>(Rejected::Unknown(envelope)));
            event.map(|event| tell(event, said))
        };
        match line {
            Some(Some(line)) => said.push(line),
            Some(None) => {}
            None => return took,
        }
        took = true;
    }
}

fn tell<T: std::fmt::Debug>(
    event: Event<'_, CleverShow, T>,
    said: &mut [String],
) -> Option<String> {
    if let Event::Notice(Notice::Part(part)) = &event {
        assert!(!part.is_empty());
        let last = said.last_mut().expect("a file has begun");
        assert!(last.contains("Begin"), "{last}");
        last.extend(part.iter().map(|byte| format!(" {byte}")));
        return None;
    }
    if let Event::Unknown(envelope) = event {
        let line = format!("{envelope:?}");
        if let ropeway_core::dialect::clever_show::Body::Arguments(arguments) = envelope.body {
            // Their grammar has been checked: whatever they are, they can be passed over.
            let read = arguments.read::<Args<serde::de::IgnoredAny, serde::de::IgnoredAny>>();
            return Some(format!("{line} {}", read.is_ok()));
        }
        return Some(line);
    }
    Some(format!("{event:?}"))
}

impl Part<'_> {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes.to_vec(),
            Self::Header(header) => {
                let len = u16::try_from(header.len()).unwrap_or(u16::MAX);
                [&len.to_be_bytes()[..], header.as_bytes()].concat()
            }
            Self::Message {
                fields,
                content,
                error,
                encoding,
            } => {
                let content = content.bytes();
                let len = content.len() as i64 + i64::from(*error / 32);
                let names = ["utf-8", "latin-1", "utf-16", "utf-16-be", "x"];
                let encoding = names[usize::from(*encoding) % names.len()];
                let header = format!(
                    r#"{{"byteorder":"little","content-encoding":"{encoding}","content-length":{len},"content-type":{}}}"#,
                    fields.text()
                );
                let header_len = u16::try_from(header.len()).unwrap_or(u16::MAX);
                [&header_len.to_be_bytes()[..], header.as_bytes(), &content].concat()
            }
        }
    }
}

impl Fields<'_> {
    fn text(&self) -> String {
        match self {
            Self::Action(name) => format!(r#""json","message-type":"message","action":"{name}""#),
            Self::LedFill => r#""json","message-type":"message","action":"led_fill""#.into(),
            Self::Request => r#""json","message-type":"request""#.into(),
            Self::Answer(id) => {
                format!(
                    r#""json","message-type":"response","requested_value":"sum","request_id":{id}"#
                )
            }
            Self::File(path) => format!(
                r#""binary","message-type":"message","action":"filetransfer","filepath":"{path}""#
            ),
            Self::FileAnswer(id) => format!(
                r#""binary","message-type":"response","requested_value":"filetransfer","request_id":{id}"#
            ),
            Self::Other(fields) => format!(r#""json",{fields}"#),
        }
    }
}

impl Content<'_> {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes.to_vec(),
            Self::Arguments(args, kwargs) => {
                format!(r#"{{"args":{args},"kwargs":{kwargs}}}"#).into()
            }
            Self::Request(id, args) => format!(
                r#"{{"requested_value":"sum","request_id":{id},"args":[{args}],"kwargs":{{}}}}"#
            )
            .into(),
            Self::Led(text) => {
                format!(r#"{{"args":null,"kwargs":{{"red":7,"text":"{text}"}}}}"#).into()
            }
            Self::Zeros(len) => vec![0; usize::from(*len % 2048)],
        }
    }
}

const MEMORY: usize = 512;
