//! packetmq: named maps in MessagePack.

use super::{Contender, Section, expect, frame, is_same, lost, open, send_link};
use crate::Outcome;
use crate::message::{Sample, Samples};
use crate::pinned::PATIENCE;
use crate::slab::{self, Allocated, steadily};
use ropeway_std::Event;
use ropeway_std::dialect::packetmq::{LENGTH_LIMIT, Packetmq, Packets, Policy, Slots};
use ropeway_std::message::Message;
use serde::{Serialize, Serializer};
use std::net::TcpStream;

pub(super) const STREAM: Section = Section {
    title: "stream of M in MessagePack (packetmq), one way over TCP",
    contenders: &PACKETS,
    goals: &[(2, 0, 0.90)],
    is_same: || {
        let ends = [end(Policy::Adaptive)?, end(Policy::Static)?];
        let ours = frame(ends, &Sample::nth(7))?;
        is_same(7, &ours, |id, out| emit(&Wide::nth(id), out))
    },
    count: 2_000_000,
};

const PACKETS: [Contender; 3] = [
    Contender {
        name: "length + rmp-serde, the same bytes, slab",
        send: |stream, count| slab::send(stream, count, |id, out| emit(&Wide::nth(id), out)),
        receive: |stream, count| slab::receive(stream, count, parse),
    },
    Contender {
        name: "length + rmp-serde, floats in 4 bytes, slab",
        send: |stream, count| slab::send(stream, count, |id, out| emit(&Sample::nth(id), out)),
        receive: |stream, count| slab::receive(stream, count, parse),
    },
    Contender {
        name: "Ropeway: packetmq",
        send: |stream, count| {
            let link = open(end(Policy::Adaptive)?, stream)?;
            send_link(link, count, Sample::nth)
        },
        receive,
    },
];

/// M with floats of 8 bytes, as Python writes them.
#[derive(Serialize)]
struct Wide {
    id: u32,
    t: u64,
    #[serde(serialize_with = "wide")]
    x: f32,
    #[serde(serialize_with = "wide")]
    y: f32,
    #[serde(serialize_with = "wide")]
    z: f32,
    flags: u16,
}

impl Wide {
    #[inline]
    fn nth(id: u32) -> Self {
        let Sample {
            id,
            t,
            x,
            y,
            z,
            flags,
        } = Sample::nth(id);
        Self {
            id,
            t,
            x,
            y,
            z,
            flags,
        }
    }
}

#[inline]
fn wide<S: Serializer>(value: &f32, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(f64::from(*value))
}

#[inline]
fn emit(sample: &impl Serialize, out: &mut [u8]) -> Outcome<usize> {
    let (head, room) = out.split_first_chunk_mut::<HEAD>().ok_or("no room")?;
    let free = room.len();
    let mut rest = room;
    rmp_serde::encode::write_named(&mut rest, sample)?;
    let len = free - rest.len();
    let (length, id) = head.split_at_mut(4);
    length.copy_from_slice(&u32::try_from(ID_LEN + len)?.to_be_bytes());
    id.copy_from_slice(&CODE.to_be_bytes());
    Ok(HEAD + len)
}

#[inline]
fn parse(id: u32, bytes: &[u8]) -> Outcome<Option<usize>> {
    let Some((length, rest)) = bytes.split_first_chunk() else {
        return Ok(None);
    };
    let length = u32::from_be_bytes(*length);
    if length > LENGTH_LIMIT {
        return Err("a length beyond the limit".into());
    }
    let length = usize::try_from(length)?;
    let Some(content) = rest.get(..length) else {
        return Ok(None);
    };
    let (code, payload) = content.split_first_chunk().ok_or("no id")?;
    if u16::from_be_bytes(*code) != CODE {
        return Err("not a sample".into());
    }
    expect(id, &rmp_serde::from_slice(payload)?)?;
    Ok(Some(4 + length))
}

fn end(policy: Policy) -> Outcome<Packetmq<Slots<4>>> {
    let mut packets = Packets::default();
    packets.add(Sample::NAME, CODE)?;
    Ok(Packetmq::new(policy, packets))
}

fn receive(stream: TcpStream, count: u32) -> Outcome<Allocated> {
    let mut link = open(end(Policy::Static)?, stream)?;
    steadily(count, |id| match link.recv(PATIENCE)? {
        Some(Event::Message(Samples::Sample(sample))) => expect(id, &sample),
        _ => Err(lost(id)),
    })
}

const CODE: u16 = <Sample as Message>::CODE.expect("the row has a code");
const ID_LEN: usize = 2;
const HEAD: usize = 4 + ID_LEN;
