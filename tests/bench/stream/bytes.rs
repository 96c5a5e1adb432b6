//! The byte dialect, and the limits of the machine.

use super::{Contender, Section, expect, lost, open, send_link};
use crate::Outcome;
use crate::message::{Copies, Fixed, Sample, Samples};
use crate::pinned::PATIENCE;
use crate::slab::{self, Allocated, SLAB, steadily};
use ropeway_std::Event;
use ropeway_std::dialect::cable_car::CableCarByte;
use std::io::{Read, Write};
use std::net::TcpStream;

pub(super) const STREAM: Section = Section {
    title: "stream of M, one way over TCP",
    contenders: &BYTES,
    goals: &[(4, 2, 0.90), (5, 3, 0.95)],
    // Codes stand in the place of nothing: the peers' frames are a byte shorter.
    is_same: || Ok(()),
    count: 5_000_000,
};

const BYTES: [Contender; 6] = [
    Contender {
        name: "limit 1: bytes that are there already, dropped",
        send: send_ready,
        receive: drop_all,
    },
    Contender {
        name: "limit 2: the same, decoded by hand",
        send: send_ready,
        receive: receive_ready,
    },
    Contender {
        name: "length + hand-written copy, slab",
        send: |stream, count| slab::send(stream, count, emit_fixed),
        receive: |stream, count| slab::receive(stream, count, parse_fixed),
    },
    Contender {
        name: "length + postcard, slab",
        send: |stream, count| slab::send(stream, count, emit_postcard),
        receive: |stream, count| slab::receive(stream, count, parse_postcard),
    },
    Contender {
        name: "Ropeway: byte dialect, fixed layout",
        send: |stream, count| {
            let link = open(CableCarByte, stream)?;
            send_link(link, count, |id| Fixed(Sample::nth(id)))
        },
        receive: receive_fixed,
    },
    Contender {
        name: "Ropeway: byte dialect, postcard",
        send: |stream, count| send_link(open(CableCarByte, stream)?, count, Sample::nth),
        receive: receive_postcard,
    },
];
/// How many messages of the fixed layout lie ready in one slab.
const READY: u32 = 2520;
const _: () = assert!(READY as usize == SLAB / Sample::LEN);

fn send_ready(mut stream: TcpStream, count: u32) -> Outcome<Allocated> {
    let mut slab = vec![0; READY as usize * Sample::LEN];
    for (id, bytes) in (0..).zip(slab.as_chunks_mut().0) {
        Sample::nth(id).to_bytes(bytes);
    }
    let mut left = count as usize * Sample::LEN;
    while left > 0 {
        let len = left.min(slab.len());
        stream.write_all(&slab[..len])?;
        left -= len;
    }
    Ok(0)
}

fn drop_all(mut stream: TcpStream, count: u32) -> Outcome<Allocated> {
    let mut slab = vec![0; SLAB];
    let mut left = count as usize * Sample::LEN;
    while left > 0 {
        match stream.read(&mut slab)? {
            0 => return Err("the stream ended early".into()),
            len => left -= len,
        }
    }
    Ok(0)
}

fn receive_ready(stream: TcpStream, count: u32) -> Outcome<Allocated> {
    let mut next = 0;
    slab::receive(stream, count, |_, bytes| {
        let Some(bytes) = bytes.first_chunk() else {
            return Ok(None);
        };
        expect(next, &Sample::from_bytes(bytes))?;
        next = if next + 1 == READY { 0 } else { next + 1 };
        Ok(Some(Sample::LEN))
    })
}

#[inline]
fn emit_fixed(id: u32, out: &mut [u8]) -> Outcome<usize> {
    let [length, out @ ..] = out else {
        return Err("no room".into());
    };
    *length = u8::try_from(Sample::LEN)?;
    Sample::nth(id).to_bytes(out.first_chunk_mut().ok_or("no room")?);
    Ok(1 + Sample::LEN)
}

#[inline]
fn parse_fixed(id: u32, bytes: &[u8]) -> Outcome<Option<usize>> {
    let Some(body) = body(bytes) else {
        return Ok(None);
    };
    let sample = Sample::from_bytes(body.try_into()?);
    expect(id, &sample)?;
    Ok(Some(1 + body.len()))
}

#[inline]
pub(super) fn emit_postcard(id: u32, out: &mut [u8]) -> Outcome<usize> {
    let [length, out @ ..] = out else {
        return Err("no room".into());
    };
    let len = postcard::to_slice(&Sample::nth(id), out)?.len();
    *length = u8::try_from(len)?;
    Ok(1 + len)
}

#[inline]
pub(super) fn parse_postcard(id: u32, bytes: &[u8]) -> Outcome<Option<usize>> {
    let Some(body) = body(bytes) else {
        return Ok(None);
    };
    expect(id, &postcard::from_bytes(body)?)?;
    Ok(Some(1 + body.len()))
}

/// What lies behind a length byte, if it is here whole.
#[inline]
fn body(bytes: &[u8]) -> Option<&[u8]> {
    let (&length, rest) = bytes.split_first()?;
    rest.get(..usize::from(length))
}

fn receive_fixed(stream: TcpStream, count: u32) -> Outcome<Allocated> {
    let mut link = open(CableCarByte, stream)?;
    steadily(count, |id| match link.recv(PATIENCE)? {
        Some(Event::Message(Copies::Fixed(Fixed(sample)))) => expect(id, &sample),
        _ => Err(lost(id)),
    })
}

pub(super) fn receive_postcard(stream: TcpStream, count: u32) -> Outcome<Allocated> {
    let mut link = open(CableCarByte, stream)?;
    steadily(count, |id| match link.recv(PATIENCE)? {
        Some(Event::Message(Samples::Sample(sample))) => expect(id, &sample),
        _ => Err(lost(id)),
    })
}
