//! What one would write by hand: frames in slabs of 64 KiB, a system call a slab.

use crate::Outcome;
use crate::allocations;
use std::io::{Read, Write};
use std::net::TcpStream;

pub(crate) const SLAB: usize = 64 << 10;
/// More than any frame of the contenders has.
const LARGEST: usize = 512;

/// What one side allocated after the first few messages.
pub(crate) type Allocated = u64;

/// After so many messages, everything that will ever be allocated has been.
pub(crate) const WARM_UP: u32 = 4096;

/// Does `step` for each message, and says what was allocated after the warm-up.
#[inline]
pub(crate) fn steadily(count: u32, mut step: impl FnMut(u32) -> Outcome<()>) -> Outcome<Allocated> {
    let mut before = 0;
    for id in 0..count {
        if id == WARM_UP.min(count / 2) {
            before = allocations::count();
        }
        step(id)?;
    }
    Ok(allocations::count() - before)
}

/// Sends `count` frames; `emit` writes one to the front of what it is given and returns its length.
#[inline]
pub(crate) fn send(
    mut stream: TcpStream,
    count: u32,
    mut emit: impl FnMut(u32, &mut [u8]) -> Outcome<usize>,
) -> Outcome<Allocated> {
    let mut slab = vec![0; SLAB];
    let mut end = 0;
    let allocated = steadily(count, |id| {
        if end + LARGEST > SLAB {
            stream.write_all(&slab[..end])?;
            end = 0;
        }
        end += emit(id, &mut slab[end..])?;
        Ok(())
    })?;
    stream.write_all(&slab[..end])?;
    Ok(allocated)
}

/// Receives `count` frames; `parse` takes one from the front of what it is given and returns its length, or `None`
/// when it is not here whole.
#[inline]
pub(crate) fn receive(
    mut stream: TcpStream,
    count: u32,
    mut parse: impl FnMut(u32, &[u8]) -> Outcome<Option<usize>>,
) -> Outcome<Allocated> {
    let mut slab = vec![0; SLAB];
    let (mut id, mut left, mut before) = (0, 0, 0);
    while id < count {
        let fresh = stream.read(&mut slab[left..])?;
        if fresh == 0 {
            return Err(format!("the stream ended after {id} messages").into());
        }
        let mut rest = &slab[..left + fresh];
        while let Some(len) = parse(id, rest)? {
            rest = &rest[len..];
            id += 1;
        }
        let start = left + fresh - rest.len();
        slab.copy_within(start..left + fresh, 0);
        left = left + fresh - start;
        if id <= WARM_UP {
            before = allocations::count();
        }
    }
    Ok(allocations::count() - before)
}

/// Makes `count` calls, `batch` at a time: one write, then their answers; both closures are as above.
pub(crate) fn call(
    mut stream: TcpStream,
    count: u32,
    batch: u32,
    mut emit: impl FnMut(u32, &mut [u8]) -> Outcome<usize>,
    mut parse: impl FnMut(u32, &[u8]) -> Outcome<Option<usize>>,
) -> Outcome<Allocated> {
    let (mut calls, mut answers) = (vec![0; SLAB], vec![0; SLAB]);
    steadily(count / batch, |nth| {
        let mut end = 0;
        for id in nth * batch..(nth + 1) * batch {
            end += emit(id, &mut calls[end..])?;
        }
        stream.write_all(&calls[..end])?;
        let (mut id, mut start, mut end) = (nth * batch, 0, 0);
        while id < (nth + 1) * batch {
            match parse(id, &answers[start..end])? {
                Some(len) => {
                    start += len;
                    id += 1;
                }
                None => end += read(&mut stream, &mut answers[end..])?,
            }
        }
        Ok(())
    })
}

/// Answers `count` calls, all that have come with one write; `answer` takes one from the front of what it is given,
/// writes the answer to the front of the other, and returns both lengths.
pub(crate) fn answer(
    mut stream: TcpStream,
    count: u32,
    mut answer: impl FnMut(u32, &[u8], &mut [u8]) -> Outcome<Option<(usize, usize)>>,
) -> Outcome<Allocated> {
    let (mut calls, mut answers) = (vec![0; SLAB], vec![0; SLAB]);
    let (mut left, mut written) = (0, 0);
    let mut start = 0;
    steadily(count, |id| {
        loop {
            let out = &mut answers[written..];
            if let Some((taken, len)) = answer(id, &calls[start..left], out)? {
                start += taken;
                written += len;
                return Ok(());
            }
            stream.write_all(&answers[..written])?;
            written = 0;
            calls.copy_within(start..left, 0);
            left -= start;
            start = 0;
            left += read(&mut stream, &mut calls[left..])?;
        }
    })
    .and_then(|allocated| {
        stream.write_all(&answers[..written])?;
        Ok(allocated)
    })
}

/// Reads something.
fn read(stream: &mut TcpStream, room: &mut [u8]) -> Outcome<usize> {
    match stream.read(room)? {
        0 => Err("the stream ended early".into()),
        len => Ok(len),
    }
}
