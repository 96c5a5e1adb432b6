//! The JSON dialect of cable_car.

use super::{Contender, Section, frame, is_same, lost, open, send_link};
use crate::Outcome;
use crate::message::{Lines, Status};
use crate::pinned::PATIENCE;
use crate::slab::{self, Allocated, steadily};
use ropeway_std::Event;
use ropeway_std::dialect::cable_car::CableCarJson;
use std::hint::black_box;
use std::io::Write;
use std::net::TcpStream;

pub(super) const STREAM: Section = Section {
    title: "stream of JSON, one way over TCP",
    contenders: &JSON,
    goals: &[(1, 0, 0.90)],
    is_same: || {
        let ours = frame([CableCarJson; 2], &Status::nth(7))?;
        is_same(7, &ours, emit_json)
    },
    count: 400_000,
};

const JSON: [Contender; 2] = [
    Contender {
        name: "serde_json, the same lines, slab",
        send: |stream, count| slab::send(stream, count, emit_json),
        receive: |stream, count| slab::receive(stream, count, parse_json),
    },
    Contender {
        name: "Ropeway: JSON dialect",
        send: |stream, count| send_link(open(CableCarJson, stream)?, count, Status::nth),
        receive: receive_json,
    },
];
#[inline]
fn emit_json(id: u32, out: &mut [u8]) -> Outcome<usize> {
    let room = out.len();
    let mut rest = out;
    serde_json::to_writer(&mut rest, &("Status", Status::nth(id)))?;
    rest.write_all(b"\n")?;
    Ok(room - rest.len())
}

#[inline]
fn parse_json(id: u32, bytes: &[u8]) -> Outcome<Option<usize>> {
    let Some(end) = memchr::memchr(b'\n', bytes) else {
        return Ok(None);
    };
    let (name, status): (&str, Status<'_>) = serde_json::from_slice(&bytes[..end])?;
    if name != "Status" {
        return Err("not a status".into());
    }
    expect_status(id, &status)?;
    Ok(Some(end + 1))
}

fn receive_json(stream: TcpStream, count: u32) -> Outcome<Allocated> {
    let mut link = open(CableCarJson, stream)?;
    steadily(count, |id| match link.recv(PATIENCE)? {
        Some(Event::Message(Lines::Status(status))) => expect_status(id, &status),
        _ => Err(lost(id)),
    })
}

#[inline]
fn expect_status(id: u32, status: &Status<'_>) -> Outcome<()> {
    if black_box(status).id == id {
        Ok(())
    } else {
        Err(lost(id))
    }
}
