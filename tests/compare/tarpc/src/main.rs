//! A service of tarpc over its own transport on TCP, with bincode. It has calls and nothing else, so a message of the stream
//! is a call with no result: many are under way at a time, what has gathered goes out with one write, and the server answers
//! them in its own task, which costs less than a task for each. A round trip is a call that returns its argument.

use compare::tokio::{adopt, block_on, patiently, timed};
use compare::{BALL, Outcome, PATIENCE, Sample, ball, caught, connection, lost, side_by_side};
use futures_util::stream::iter;
use futures_util::{StreamExt, TryStreamExt};
use std::net::TcpStream;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tarpc::client;
use tarpc::context::{self, Context};
use tarpc::serde_transport;
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::Bincode;
use tarpc::tokio_util::codec::LengthDelimitedCodec;

/// What the other side does.
#[tarpc::service]
trait Station {
    /// Takes the next message of a stream.
    async fn take(sample: Sample);
    /// Gives back what it gets.
    async fn give_back(ball: [u8; BALL]) -> [u8; BALL];
}

/// Messages that are under way at a time: as many as its queues hold by default, and more are slower.
const UNDER_WAY: usize = 100;

fn main() -> ExitCode {
    compare::run(stream, round_trips)
}

fn stream(count: u32) -> Outcome<Duration> {
    let (here, there) = connection()?;
    let (time, ()) = side_by_side(
        || block_on(patiently(send(here, count))),
        || block_on(patiently(serve(there, count))),
    )?;
    Ok(time)
}

async fn send(stream: TcpStream, count: u32) -> Outcome<Duration> {
    let client = connect(stream)?;
    let context = patient_context();
    let start = Instant::now();
    iter(0..count)
        .map(|id| client.take(context, Sample::nth(id)))
        .buffer_unordered(UNDER_WAY)
        .try_for_each(async |()| Ok(()))
        .await?;
    Ok(start.elapsed())
}

fn round_trips(count: u32) -> Outcome<Vec<Duration>> {
    let (here, there) = connection()?;
    let (times, ()) = side_by_side(
        || block_on(patiently(throw(here, count))),
        || block_on(patiently(serve(there, 0))),
    )?;
    Ok(times)
}

async fn throw(stream: TcpStream, count: u32) -> Outcome<Vec<Duration>> {
    let client = connect(stream)?;
    let context = patient_context();
    timed(count, async |id| {
        caught(id, &client.give_back(context, ball(id)).await?)
    })
    .await
}

fn connect(stream: TcpStream) -> Outcome<StationClient> {
    let config = client::Config::default();
    let transport = serde_transport::new(framed(stream)?, Bincode::default());
    Ok(StationClient::new(config, transport).spawn())
}

/// Made once: it is the same for every call.
fn patient_context() -> Context {
    let mut context = context::current();
    context.deadline += 6 * PATIENCE;
    context
}

/// Answers until the client goes; so many messages must have been streamed then.
async fn serve(stream: TcpStream, count: u32) -> Outcome<()> {
    let transport = serde_transport::new(framed(stream)?, Bincode::default());
    let receiver = Receiver {
        taken: (0..count).map(|_| AtomicBool::new(false)).collect(),
    };
    let channel = BaseChannel::with_defaults(transport);
    let requests = channel.execute(receiver.clone().serve());
    requests.for_each_concurrent(None, |answer| answer).await;
    let mut taken = (0..).zip(&*receiver.taken);
    match taken.find(|(_, taken)| !taken.load(Ordering::Relaxed)) {
        None => Ok(()),
        Some((id, _)) => Err(lost(id)),
    }
}

/// Which messages have come: calls overtake each other.
#[derive(Clone)]
struct Receiver {
    taken: Arc<[AtomicBool]>,
}

impl Station for Receiver {
    async fn take(self, _: Context, sample: Sample) {
        if sample == Sample::nth(sample.id) {
            self.taken[sample.id as usize].store(true, Ordering::Relaxed);
        }
    }

    async fn give_back(self, _: Context, ball: [u8; BALL]) -> [u8; BALL] {
        ball
    }
}

type Framed = tarpc::tokio_util::codec::Framed<tokio::net::TcpStream, LengthDelimitedCodec>;

/// With buffers of 64 KiB.
fn framed(stream: TcpStream) -> Outcome<Framed> {
    let codec = LengthDelimitedCodec::new();
    let mut framed = Framed::with_capacity(adopt(stream)?, codec, BUFFER);
    framed.set_backpressure_boundary(BUFFER);
    Ok(framed)
}

const BUFFER: usize = 64 << 10;
