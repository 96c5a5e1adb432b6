//! clever-show: a header of JSON, then content of JSON.

use super::{Contender, Section, expect, frame, is_same, lost, open, send_link};
use crate::Outcome;
use crate::message::{Sample, Samples};
use crate::pinned::PATIENCE;
use crate::slab::{self, Allocated, steadily};
use ropeway_std::Event;
use ropeway_std::dialect::clever_show::CleverShow;
use ropeway_std::message::Message;
use serde::{Deserialize, Serialize};
use serde_json::Serializer;
use serde_json::ser::Formatter;
use std::io::{self, Write};
use std::net::TcpStream;

pub(super) const STREAM: Section = Section {
    title: "stream of M as actions of clever-show, one way over TCP",
    contenders: &ACTIONS,
    goals: &[(1, 0, 0.90)],
    is_same: || {
        let ours = frame([CleverShow::new(), CleverShow::new()], &Sample::nth(7))?;
        is_same(7, &ours, emit)
    },
    count: 400_000,
};

const ACTIONS: [Contender; 2] = [
    Contender {
        name: "serde_json, the same header and content, slab",
        send: |stream, count| slab::send(stream, count, emit),
        receive: |stream, count| slab::receive(stream, count, parse),
    },
    Contender {
        name: "Ropeway: clever-show",
        send: |stream, count| {
            let link = open(CleverShow::new(), stream)?;
            send_link(link, count, Sample::nth)
        },
        receive,
    },
];

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Header<'a> {
    #[serde(rename = "byteorder")]
    byte_order: &'a str,
    content_type: &'a str,
    content_encoding: &'a str,
    content_length: usize,
    message_type: &'a str,
    action: &'a str,
}

#[derive(Serialize, Deserialize)]
struct Content {
    args: [(); 0],
    kwargs: Sample,
}

/// JSON with the spaces that Python puts in.
struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }
}

/// Writes `value` to the front of `out` and says how many bytes it takes.
#[inline]
fn write(value: &impl Serialize, out: &mut [u8]) -> Outcome<usize> {
    let room = out.len();
    let mut rest = out;
    value.serialize(&mut Serializer::with_formatter(&mut rest, Spaced))?;
    Ok(room - rest.len())
}

#[inline]
fn emit(id: u32, out: &mut [u8]) -> Outcome<usize> {
    let mut content = [0; 256];
    let body = Content {
        args: [],
        kwargs: Sample::nth(id),
    };
    let len = write(&body, &mut content)?;
    let header = Header {
        byte_order: BYTE_ORDER,
        content_type: "json",
        content_encoding: "utf-8",
        content_length: len,
        message_type: "message",
        action: Sample::NAME,
    };
    let (head, room) = out.split_first_chunk_mut().ok_or("no room")?;
    let header_len = write(&header, room)?;
    *head = u16::try_from(header_len)?.to_be_bytes();
    let slot = room
        .get_mut(header_len..header_len + len)
        .ok_or("no room")?;
    slot.copy_from_slice(&content[..len]);
    Ok(START + header_len + len)
}

#[inline]
fn parse(id: u32, bytes: &[u8]) -> Outcome<Option<usize>> {
    let Some((len, rest)) = bytes.split_first_chunk() else {
        return Ok(None);
    };
    let Some((header, rest)) = rest.split_at_checked(u16::from_be_bytes(*len).into()) else {
        return Ok(None);
    };
    let end = START + header.len();
    let header: Header<'_> = serde_json::from_slice(header)?;
    let Some(content) = rest.get(..header.content_length) else {
        return Ok(None);
    };
    let is_ours = header.content_type == "json"
        && header.content_encoding == "utf-8"
        && header.message_type == "message"
        && header.action == Sample::NAME;
    if !is_ours {
        return Err("not a sample".into());
    }
    let content: Content = serde_json::from_slice(content)?;
    expect(id, &content.kwargs)?;
    Ok(Some(end + header.content_length))
}

fn receive(stream: TcpStream, count: u32) -> Outcome<Allocated> {
    let mut link = open(CleverShow::new(), stream)?;
    steadily(count, |id| match link.recv(PATIENCE)? {
        Some(Event::Message(Samples::Sample(sample))) => expect(id, &sample),
        _ => Err(lost(id)),
    })
}

const START: usize = 2;
const BYTE_ORDER: &str = if cfg!(target_endian = "little") {
    "little"
} else {
    "big"
};
