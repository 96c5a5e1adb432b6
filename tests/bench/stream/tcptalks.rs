//! TCPTalks: calls in pickles, with their results dropped, and with many under way.

use super::{Contender, Section, expect, frame, is_same, lost, open, send_link};
use crate::Outcome;
use crate::message::{Sample, Samples};
use crate::pinned::PATIENCE;
use crate::slab::{self, Allocated, steadily};
use ropeway_std::dialect::tcptalks::{CallId, TcpTalks};
use ropeway_std::dialect::{Answers, Calling};
use ropeway_std::encoding::pickle::{Node, Progress, Table, Value, Writer};
use ropeway_std::encoding::value::{Write, deserialize_from, serialize_into};
use ropeway_std::message::{Answer, Call, Message};
use ropeway_std::{Event, Link};
use serde::{Deserialize, Serialize};
use std::net::TcpStream;

pub(super) const STREAM: Section = Section {
    title: "stream of M as calls of TCPTalks, one way over TCP",
    contenders: &STREAMED,
    goals: &[(2, 0, 0.80)],
    is_same: || {
        let call = Call {
            id: CallId::from(retcode(7)),
            request: &Sample::nth(7),
        };
        let ours = frame([dialling(), listening()], &call)?;
        is_same(7, &ours, emit_call)
    },
    count: 1_000_000,
};

pub(super) const CALLS: Section = Section {
    title: "calls of TCPTalks, 64 under way, over TCP",
    contenders: &CALLED,
    goals: &[(1, 0, 0.80)],
    is_same: || {
        let answer = Answer::<'_, '_, _, Sample> {
            id: CallId::from(retcode(7)),
            value: &7,
        };
        let ours = frame([dialling(), listening()], &answer)?;
        is_same(7, &ours, |id, out| emit_reply(retcode(id).into(), id, out))
    },
    count: 512_000,
};

const STREAMED: [Contender; 3] = [
    Contender {
        name: "Ropeway's bare pickles, the same bytes, slab",
        send: |stream, count| slab::send(stream, count, emit_call),
        receive: receive_bare,
    },
    Contender {
        name: "length + serde-pickle, slab",
        send: |stream, count| slab::send(stream, count, emit_serde),
        receive: |stream, count| slab::receive(stream, count, parse_serde),
    },
    Contender {
        name: "Ropeway: TCPTalks, results dropped",
        send: |stream, count| {
            let link = open(dialling(), stream)?;
            send_link(link, count, Sample::nth)
        },
        receive: |stream, count| {
            let mut link = open(listening(), stream)?;
            steadily(count, |id| receive(&mut link, id).map(drop))
        },
    },
];

const CALLED: [Contender; 2] = [
    Contender {
        name: "Ropeway's bare pickles, both ways, slab",
        send: call_bare,
        receive: answer_bare,
    },
    Contender {
        name: "Ropeway: TCPTalks, calls",
        send: call,
        receive: answer,
    },
];

pub(crate) type Talks = TcpTalks<Nodes>;
pub(crate) type Nodes = [Node; 64];

pub(crate) fn dialling() -> Talks {
    TcpTalks::dialling([Node::EMPTY; 64], 1)
}

pub(crate) fn listening() -> Talks {
    TcpTalks::listening([Node::EMPTY; 64], 2)
}

/// Retcodes are spread over all 32 bits: half of them are too long for the shorter form of an integer.
#[inline]
pub(crate) const fn retcode(id: u32) -> u32 {
    id.wrapping_mul(0x9e37_79b1)
}

#[inline]
fn emit_call(id: u32, out: &mut [u8]) -> Outcome<usize> {
    let mut writer = Writer::new(out)?;
    let call = writer.begin_tuple(5)?;
    writer.bytes(b"R")?;
    writer.memoize(0)?;
    writer.i64(CODE)?;
    writer.i64(retcode(id).into())?;
    let args = writer.begin_tuple(0)?;
    writer.end_tuple(args, 0)?;
    serialize_into(&mut writer, &Sample::nth(id))?;
    writer.end_tuple(call, 5)?;
    Ok(writer.finish()?)
}

#[inline]
fn emit_reply(retcode: i64, id: u32, out: &mut [u8]) -> Outcome<usize> {
    let mut writer = Writer::new(out)?;
    let reply = writer.begin_tuple(3)?;
    writer.bytes(b"A")?;
    writer.memoize(0)?;
    writer.i64(retcode)?;
    let args = writer.begin_tuple(1)?;
    writer.u64(id.into())?;
    writer.end_tuple(args, 1)?;
    writer.end_tuple(reply, 3)?;
    Ok(writer.finish()?)
}

/// Takes one pickle from the front of `bytes`; `read` takes its role and what else is in it.
#[inline]
fn parse<T>(
    table: &mut Table<Nodes>,
    bytes: &[u8],
    read: impl for<'v> FnOnce(&[u8], &mut dyn Iterator<Item = Value<'v, 'v>>) -> Outcome<T>,
) -> Outcome<Option<(usize, T)>> {
    let Progress::Done { len } = table.scan(bytes, usize::MAX)? else {
        return Ok(None);
    };
    let content = &bytes[..len];
    let root = table.root(content).ok_or("no value")?;
    let mut elements = root.elements();
    let role = elements.next().and_then(|role| role.bytes());
    let read = read(role.ok_or("no role")?, &mut elements)?;
    table.clear();
    Ok(Some((len, read)))
}

/// The next call: its length and its retcode.
#[inline]
fn parse_call(table: &mut Table<Nodes>, id: u32, bytes: &[u8]) -> Outcome<Option<(usize, i64)>> {
    parse(table, bytes, |role, elements| {
        if role != b"R" || integer(elements.next())? != CODE {
            return Err(lost(id));
        }
        let retcode = integer(elements.next())?;
        let args = elements.next().ok_or("no arguments")?;
        let kwargs = elements.next().ok_or("no keywords")?;
        if args.elements().next().is_some() || elements.next().is_some() {
            return Err("other arguments".into());
        }
        expect(id, &deserialize_from(&mut kwargs.reader())?)?;
        Ok(retcode)
    })
}

#[inline]
fn integer(value: Option<Value<'_, '_>>) -> Outcome<i64> {
    let number = value.and_then(|value| value.number()).ok_or("no number")?;
    number.to_integer().map_err(|rule| rule.to_string().into())
}

fn receive_bare(stream: TcpStream, count: u32) -> Outcome<Allocated> {
    let mut table = Table::new([Node::EMPTY; 64]);
    slab::receive(stream, count, |id, bytes| {
        Ok(parse_call(&mut table, id, bytes)?.map(|(len, _)| len))
    })
}

fn call_bare(stream: TcpStream, count: u32) -> Outcome<Allocated> {
    let mut table = Table::new([Node::EMPTY; 64]);
    slab::call(stream, count, UNDER_WAY, emit_call, |id, bytes| {
        let reply = parse(&mut table, bytes, |role, elements| {
            if role != b"A" || integer(elements.next())? != i64::from(retcode(id)) {
                return Err(lost(id));
            }
            let args = elements.next().ok_or("no result")?;
            let mut values = args.elements();
            let value = values.next().ok_or("no result")?;
            let value: u32 = deserialize_from(&mut value.reader())?;
            if value != id || values.next().is_some() || elements.next().is_some() {
                return Err(lost(id));
            }
            Ok(())
        })?;
        Ok(reply.map(|(len, ())| len))
    })
}

fn answer_bare(stream: TcpStream, count: u32) -> Outcome<Allocated> {
    let mut table = Table::new([Node::EMPTY; 64]);
    slab::answer(stream, count / UNDER_WAY * UNDER_WAY, |id, bytes, out| {
        let Some((len, retcode)) = parse_call(&mut table, id, bytes)? else {
            return Ok(None);
        };
        Ok(Some((len, emit_reply(retcode, id, out)?)))
    })
}

/// The next call, which holds the message of this id.
#[inline]
fn receive(link: &mut Link<Talks>, id: u32) -> Outcome<CallId> {
    match link.recv(PATIENCE)? {
        Some(Event::Request(call, Samples::Sample(sample))) => expect(id, &sample).map(|()| call),
        _ => Err(lost(id)),
    }
}

fn call(stream: TcpStream, count: u32) -> Outcome<Allocated> {
    let mut link = open(dialling(), stream)?;
    let batches = count / UNDER_WAY;
    steadily(batches, |batch| {
        let ids = batch * UNDER_WAY..(batch + 1) * UNDER_WAY;
        for number in ids.clone() {
            let id = link.dialect().call_id(number);
            let request = &Sample::nth(number);
            link.queue(&Call { id, request })?;
        }
        for number in ids {
            let due = link.dialect().call_id(number);
            match link.recv::<Samples>(PATIENCE)? {
                Some(Event::Answer(id, answer)) if id == due => {
                    let value = <Talks as Answers<'_, Sample>>::read_answer(answer)?;
                    if !matches!(value, Ok(value) if value == number) {
                        return Err(lost(number));
                    }
                }
                _ => return Err(lost(number)),
            }
        }
        Ok(())
    })
}

fn answer(stream: TcpStream, count: u32) -> Outcome<Allocated> {
    let mut link = open(listening(), stream)?;
    steadily(count / UNDER_WAY * UNDER_WAY, |number| {
        let id = receive(&mut link, number)?;
        let value = &number;
        link.queue(&Answer::<'_, '_, _, Sample> { id, value })?;
        Ok(())
    })
    .and_then(|allocated| link.flush().map(|()| allocated).map_err(Into::into))
}

/// What serde-pickle is given: it finds no ends, so a length stands before each pickle.
#[derive(Serialize, Deserialize)]
struct Pickled(char, i64, u32, [(); 0], Sample);

fn emit_serde(id: u32, out: &mut [u8]) -> Outcome<usize> {
    let (head, room) = out.split_first_chunk_mut().ok_or("no room")?;
    let free = room.len();
    let mut rest = room;
    let call = Pickled('R', CODE, retcode(id), [], Sample::nth(id));
    serde_pickle::to_writer(&mut rest, &call, Default::default())?;
    let len = free - rest.len();
    *head = u16::try_from(len)?.to_be_bytes();
    Ok(2 + len)
}

fn parse_serde(id: u32, bytes: &[u8]) -> Outcome<Option<usize>> {
    let Some((len, rest)) = bytes.split_first_chunk() else {
        return Ok(None);
    };
    let len = usize::from(u16::from_be_bytes(*len));
    let Some(pickle) = rest.get(..len) else {
        return Ok(None);
    };
    let call: Pickled = serde_pickle::from_slice(pickle, Default::default())?;
    if call.0 != 'R' || call.1 != CODE {
        return Err(lost(id));
    }
    expect(id, &call.4)?;
    Ok(Some(2 + len))
}

const CODE: i64 = <Sample as Message>::CODE.expect("the row has a code") as i64;
const UNDER_WAY: u32 = 64;
