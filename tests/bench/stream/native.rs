//! The native protocol: an outbox that keeps every message until it is acknowledged.

use super::bytes::receive_postcard;
use super::{Contender, Section, expect, lost, open, open_with, send_link};
use crate::aead::{Cipher, EXTRA, MAX_RECORD};
use crate::message::{Sample, Samples};
use crate::pinned::PATIENCE;
use crate::slab::{self, Allocated, steadily};
use crate::{Outcome, allocations};
use ropeway_std::dialect::cable_car::CableCarByte;
use ropeway_std::dialect::{Answers, Calling, Dialect};
use ropeway_std::message::{Answer, Call, Message};
use ropeway_std::native::{self, CallId, Config, Key, Native, Notice, Policy};
use ropeway_std::{Error, Event, Link, Options};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

pub(super) const STREAM: Section = Section {
    title: "stream of M in native sessions, one way over TCP",
    contenders: &STREAMED,
    goals: &[(1, 0, 0.90)],
    // Their frames are the same; what is said beside them is not.
    is_same: || Ok(()),
    count: 5_000_000,
};

const STREAMED: [Contender; 2] = [
    Contender {
        name: "Ropeway: byte dialect, no session",
        send: |stream, count| send_link(open(CableCarByte, stream)?, count, Sample::nth),
        receive: receive_postcard,
    },
    Contender {
        name: "Ropeway: native session",
        send: |stream, count| send_over(open(dialling(), stream)?, count),
        receive: |stream, count| receive_over(open(listening(), stream)?, count),
    },
];

pub(super) const SECURE: Section = Section {
    title: "stream of M in secure sessions, one way over TCP",
    contenders: &SEALED,
    goals: &[(1, 0, 0.90)],
    is_same: || Ok(()),
    count: 2_000_000,
};

const SEALED: [Contender; 2] = [
    Contender {
        name: "length + postcard, ChaCha20-Poly1305, slab",
        send: send_sealed,
        receive: receive_sealed,
    },
    Contender {
        name: "Ropeway: secure session",
        send: |stream, count| send_over(open_with(dialling(), stream, &secure()?)?, count),
        receive: |stream, count| receive_over(open_with(listening(), stream, &keyring()?)?, count),
    },
];

/// For the end that dials.
pub(crate) fn secure() -> Outcome<Options> {
    Ok(Options::default().secure(Key::new("bench", [7; 32])?))
}

/// For the end that listens.
pub(crate) fn keyring() -> Outcome<Options> {
    Ok(Options::default().keyring(Key::new("bench", [7; 32])?.into()))
}

fn send_sealed(mut stream: TcpStream, count: u32) -> Outcome<Allocated> {
    let mut cipher = Cipher::new();
    let mut plain = vec![0; MAX_RECORD];
    let mut slab = vec![0; slab::SLAB];
    let (mut len, mut end) = (0, 0);
    let allocated = steadily(count, |id| {
        if len + LARGEST > plain.len() {
            if end + len + EXTRA > slab.len() {
                stream.write_all(&slab[..end])?;
                end = 0;
            }
            end += cipher.seal(&plain[..len], &mut slab[end..])?;
            len = 0;
        }
        len += super::bytes::emit_postcard(id, &mut plain[len..])?;
        Ok(())
    })?;
    stream.write_all(&slab[..end])?;
    end = cipher.seal(&plain[..len], &mut slab)?;
    stream.write_all(&slab[..end])?;
    Ok(allocated)
}

fn receive_sealed(mut stream: TcpStream, count: u32) -> Outcome<Allocated> {
    let mut cipher = Cipher::new();
    let mut slab = vec![0; slab::SLAB];
    let (mut id, mut end, mut before) = (0, 0, 0);
    while id < count {
        match stream.read(&mut slab[end..])? {
            0 => return Err(lost(id)),
            len => end += len,
        }
        let mut start = 0;
        while let Some((mut plain, len)) = cipher.open(&mut slab[start..end])? {
            while let Some(len) = super::bytes::parse_postcard(id, plain)? {
                plain = &plain[len..];
                id += 1;
            }
            start += len;
        }
        slab.copy_within(start..end, 0);
        end -= start;
        if id <= slab::WARM_UP {
            before = allocations::count();
        }
    }
    Ok(allocations::count() - before)
}

/// More than any frame has.
const LARGEST: usize = 64;

/// What all ends have in common; an end of each kind.
pub(crate) fn config() -> Arc<Config> {
    let config = native::config().registry(Samples::ENTRIES, Policy::Enforce);
    Arc::new(config.name("bench"))
}

pub(crate) fn dialling() -> Native {
    native::dialling(&config())
}

pub(crate) fn listening() -> Native {
    native::listening(&config())
}

fn send_over(mut link: Link<Native>, count: u32) -> Outcome<Allocated> {
    let allocated = steadily(count, |id| Ok(link.queue(&Sample::nth(id))?))?;
    leave(link)?;
    Ok(allocated)
}

/// Takes leave once all has been acknowledged.
fn leave(mut link: Link<Native>) -> Outcome<()> {
    link.dialect().quit();
    let has_left = matches!(link.recv::<Samples>(PATIENCE), Err(Error::Closed));
    match has_left && link.queued() == 0 {
        true => Ok(()),
        false => Err("not all was acknowledged".into()),
    }
}

fn receive_over(mut link: Link<Native>, count: u32) -> Outcome<Allocated> {
    let allocated = steadily(count, |id| match link.recv(PATIENCE)? {
        Some(Event::Message(Samples::Sample(sample))) => expect(id, &sample),
        _ => Err(lost(id)),
    })?;
    hear_leave(link)?;
    Ok(allocated)
}

fn hear_leave(mut link: Link<Native>) -> Outcome<()> {
    match link.recv::<Samples>(PATIENCE)? {
        Some(Event::Notice(Notice::Bye { .. })) => Ok(()),
        _ => Err("the peer has not taken its leave".into()),
    }
}

pub(super) const CALLS: Section = Section {
    title: "calls of native sessions, 64 under way, over TCP",
    contenders: &CALLED,
    goals: &[(2, 0, 0.80)],
    is_same: || {
        let call = Call {
            id: CallId(7),
            request: &Sample::nth(7),
        };
        let ours = super::frame([dialling(), listening()], &call)?;
        super::is_same(7, &ours, emit_call)?;
        let answer = Answer::<'_, '_, _, Sample> {
            id: CallId(7),
            value: &7,
        };
        let ours = super::frame([listening(), dialling()], &answer)?;
        super::is_same(7, &ours, emit_answer)
    },
    count: 2_000_000,
};

const CALLED: [Contender; 3] = [
    Contender {
        name: "the same bytes, ready, there and back",
        send: call_ready,
        receive: answer_ready,
    },
    Contender {
        name: "postcard by hand, the same bytes, slab",
        send: |stream, count| {
            slab::call(stream, count, UNDER_WAY, emit_call, |id, bytes| {
                let Some((answer, len)) = content(bytes) else {
                    return Ok(None);
                };
                let (head, body) = answer.split_first_chunk::<5>().ok_or(SHORT)?;
                let value: u32 = postcard::from_bytes(body)?;
                match head[0] == RESPONSE && head[1..] == id.to_le_bytes() && value == id {
                    true => Ok(Some(len)),
                    false => Err(lost(id)),
                }
            })
        },
        receive: |stream, count| {
            slab::answer(stream, whole(count), |id, bytes, out| {
                let Some((call, len)) = content(bytes) else {
                    return Ok(None);
                };
                let (head, body) = call.split_first_chunk::<6>().ok_or(SHORT)?;
                if head[0] != REQUEST || head[5] != CODE {
                    return Err(lost(id));
                }
                expect(id, &postcard::from_bytes(body)?)?;
                Ok(Some((len, emit_answer(id, out)?)))
            })
        },
    },
    Contender {
        name: "Ropeway: native calls",
        send: call,
        receive: answer,
    },
];

#[inline]
fn emit_call(id: u32, out: &mut [u8]) -> Outcome<usize> {
    let (head, room) = out.split_first_chunk_mut::<7>().ok_or(SHORT)?;
    let len = postcard::to_slice(&Sample::nth(id), room)?.len();
    let [a, b, c, d] = id.to_le_bytes();
    *head = [u8::try_from(7 + len)?, REQUEST, a, b, c, d, CODE];
    Ok(head.len() + len)
}

#[inline]
fn emit_answer(id: u32, out: &mut [u8]) -> Outcome<usize> {
    let (head, room) = out.split_first_chunk_mut::<6>().ok_or(SHORT)?;
    let len = postcard::to_slice(&id, room)?.len();
    let [a, b, c, d] = id.to_le_bytes();
    *head = [u8::try_from(6 + len)?, RESPONSE, a, b, c, d];
    Ok(head.len() + len)
}

/// What lies behind a length byte, if it is here whole, and the length that it says.
#[inline]
fn content(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let length = usize::from(*bytes.first()?);
    Some((bytes.get(1..length)?, length))
}

/// The bytes of a batch of calls, and of their answers, with an acknowledgement each.
fn batches() -> Outcome<[Vec<u8>; 2]> {
    let mut batches = [vec![0; slab::SLAB], vec![0; slab::SLAB]];
    let emits = [emit_call, emit_answer];
    for (batch, emit) in batches.iter_mut().zip(emits) {
        let mut len = 0;
        for id in 1_000_000..1_000_000 + UNDER_WAY {
            len += emit(id, &mut batch[len..])?;
        }
        batch.truncate(len + ACK);
    }
    Ok(batches)
}

fn call_ready(mut stream: TcpStream, count: u32) -> Outcome<Allocated> {
    let [calls, answers] = batches()?;
    let mut room = vec![0; answers.len()];
    steadily(count / UNDER_WAY, |_| {
        stream.write_all(&calls)?;
        Ok(stream.read_exact(&mut room)?)
    })
}

fn answer_ready(mut stream: TcpStream, count: u32) -> Outcome<Allocated> {
    let [calls, answers] = batches()?;
    let mut room = vec![0; calls.len()];
    steadily(count / UNDER_WAY, |_| {
        stream.read_exact(&mut room)?;
        Ok(stream.write_all(&answers)?)
    })
}

fn call(stream: TcpStream, count: u32) -> Outcome<Allocated> {
    let mut link = open(dialling(), stream)?;
    let allocated = steadily(count / UNDER_WAY, |batch| {
        let ids = batch * UNDER_WAY..(batch + 1) * UNDER_WAY;
        for number in ids.clone() {
            let id = link.dialect().call_id(number);
            let request = &Sample::nth(number);
            link.queue(&Call { id, request })?;
        }
        for number in ids {
            match link.recv::<Samples>(PATIENCE)? {
                Some(Event::Answer(CallId(id), answer)) if id == number => {
                    let value = <Native as Answers<'_, Sample>>::read_answer(answer)?;
                    if !matches!(value, Ok(value) if value == number) {
                        return Err(lost(number));
                    }
                }
                _ => return Err(lost(number)),
            }
        }
        Ok(())
    })?;
    leave(link)?;
    Ok(allocated)
}

fn answer(stream: TcpStream, count: u32) -> Outcome<Allocated> {
    let mut link = open(listening(), stream)?;
    let allocated = steadily(whole(count), |number| match link.recv(PATIENCE)? {
        Some(Event::Request(id, Samples::Sample(sample))) => {
            expect(number, &sample)?;
            let value = &number;
            Ok(link.queue(&Answer::<'_, '_, _, Sample> { id, value })?)
        }
        _ => Err(lost(number)),
    })?;
    hear_leave(link)?;
    Ok(allocated)
}

/// So many calls as make whole batches.
const fn whole(count: u32) -> u32 {
    count / UNDER_WAY * UNDER_WAY
}

const UNDER_WAY: u32 = 64;
const CODE: u8 = match <Sample as Message>::CODE {
    Some(code) => code.to_le_bytes()[0],
    None => panic!("the row has a code"),
};
const REQUEST: u8 = 0xE8;
const RESPONSE: u8 = 0xE9;
/// The bytes of an acknowledgement.
pub(crate) const ACK: usize = 10;
const SHORT: &str = "the frame is short";
