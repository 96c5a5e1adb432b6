//! Length-delimited frames of tokio-util with postcard inside, as one would put them together: frames are fed to a sink with a
//! buffer of 64 KiB, which it writes whenever that is full, and read into one of the same size; with the buffers of 8 KiB that
//! they have unless told otherwise it is slower. A round trip is a `send` and the next frame.

use compare::tokio::{adopt, block_on, patiently, timed};
use compare::{Outcome, Sample, ball, caught, connection, expect, lost, side_by_side};
use futures_util::{SinkExt, StreamExt};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tokio_util::codec::{Framed, LengthDelimitedCodec};

const BUFFER: usize = 64 << 10;

fn main() -> ExitCode {
    compare::run(stream, round_trips)
}

fn stream(count: u32) -> Outcome<Duration> {
    let (here, there) = connection()?;
    let (start, end) = side_by_side(
        || block_on(patiently(send(here, count))),
        || block_on(patiently(receive(there, count))),
    )?;
    Ok(end - start)
}

async fn send(stream: TcpStream, count: u32) -> Outcome<Instant> {
    let mut framed = framed(stream)?;
    let start = Instant::now();
    let mut room = [0; LARGEST];
    for id in 0..count {
        let body: &[u8] = postcard::to_slice(&Sample::nth(id), &mut room)?;
        framed.feed(body).await?;
    }
    SinkExt::<&[u8]>::flush(&mut framed).await?;
    Ok(start)
}

async fn receive(stream: TcpStream, count: u32) -> Outcome<Instant> {
    let mut framed = framed(stream)?;
    for id in 0..count {
        let body = framed.next().await.ok_or_else(|| lost(id))??;
        expect(id, &postcard::from_bytes(&body)?)?;
    }
    Ok(Instant::now())
}

fn round_trips(count: u32) -> Outcome<Vec<Duration>> {
    let (here, there) = connection()?;
    let (times, ()) = side_by_side(
        || block_on(patiently(throw(here, count))),
        || block_on(patiently(give_back(there, count))),
    )?;
    Ok(times)
}

async fn throw(stream: TcpStream, count: u32) -> Outcome<Vec<Duration>> {
    let mut framed = framed(stream)?;
    timed(count, async |id| {
        framed.send(&ball(id)[..]).await?;
        caught(id, &framed.next().await.ok_or_else(|| lost(id))??)
    })
    .await
}

async fn give_back(stream: TcpStream, count: u32) -> Outcome<()> {
    let mut framed = framed(stream)?;
    for id in 0..count {
        let ball = framed.next().await.ok_or_else(|| lost(id))??;
        framed.send(&ball[..]).await?;
    }
    Ok(())
}

fn framed(stream: TcpStream) -> Outcome<Framed<tokio::net::TcpStream, LengthDelimitedCodec>> {
    let codec = LengthDelimitedCodec::new();
    let mut framed = Framed::with_capacity(adopt(stream)?, codec, BUFFER);
    framed.set_backpressure_boundary(BUFFER);
    Ok(framed)
}

/// More than M has in postcard.
const LARGEST: usize = 40;
