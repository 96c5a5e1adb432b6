//! Ergot over its own interface on TCP: a router that sends a topic to an edge, and calls an endpoint there for round trips. Its
//! queues take what fits and refuse the rest, so the sender gives the task that writes its turn whenever the queue to it is
//! full; that task writes what has gathered at once. What a receiver's own queue has no room for is dropped, so there is room
//! for all that the task that reads can bring before the receiver has its turn.

use compare::tokio::{adopt, block_on, patiently, timed};
use compare::{BALL, Outcome, ball, caught, connection, lost, side_by_side};
use ergot::interface_manager::InterfaceSendError::InterfaceFull;
use ergot::net_stack::NetStackSendError::InterfaceSend;
use ergot::toolkits::tokio_tcp::{self, EdgeStack, RouterStack};
use ergot::{Address, endpoint, topic};
use postcard_schema::Schema;
use serde::{Deserialize, Serialize};
use std::net::TcpStream;
use std::pin::pin;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tokio::sync::oneshot::{self, Receiver, Sender};
use tokio::task::yield_now;

/// M, with the schema that a topic has.
#[derive(Clone, PartialEq, Serialize, Deserialize, Schema)]
pub struct Sample {
    id: u32,
    t: u64,
    x: f32,
    y: f32,
    z: f32,
    flags: u16,
}

pub type Ball = [u8; BALL];

topic!(Samples, Sample, "samples");
endpoint!(Returning, Ball, Ball, "return");

/// The largest packet.
const MTU: u16 = 128;
/// The bytes that may wait to be written.
const QUEUE: usize = 64 << 10;
/// The messages that may wait to be received.
const RECEIVED: usize = 64 << 10;

fn main() -> ExitCode {
    compare::run(stream, round_trips)
}

fn stream(count: u32) -> Outcome<Duration> {
    let (here, there) = connection()?;
    let (port, has_port) = oneshot::channel();
    let (received, has_received) = oneshot::channel();
    let (start, end) = side_by_side(
        || block_on(patiently(send(here, count, has_port, has_received))),
        || block_on(patiently(receive(there, count, port, received))),
    )?;
    Ok(end - start)
}

async fn send(
    stream: TcpStream,
    count: u32,
    port: Receiver<u8>,
    has_received: Receiver<()>,
) -> Outcome<Instant> {
    let stack = router(stream).await?;
    let port_id = port.await?;
    let receiver = Address { port_id, ..EDGE };
    let start = Instant::now();
    for id in 0..count {
        let sample = compare::Sample::nth(id).into();
        loop {
            match stack.topics().unicast::<Samples>(receiver, &sample) {
                Ok(()) => break,
                Err(InterfaceSend(InterfaceFull)) => yield_now().await,
                Err(error) => return Err(format!("{error:?}").into()),
            }
        }
    }
    has_received.await?;
    Ok(start)
}

async fn receive(
    stream: TcpStream,
    count: u32,
    port: Sender<u8>,
    received: Sender<()>,
) -> Outcome<Instant> {
    let stack = edge(stream).await?;
    let receiver = pin!(
        stack
            .topics()
            .heap_bounded_receiver::<Samples>(RECEIVED, None)
    );
    let mut samples = receiver.subscribe_unicast();
    port.send(samples.port()).map_err(|_| GONE)?;
    for id in 0..count {
        let sample = samples.recv().await.t;
        if sample != compare::Sample::nth(id).into() {
            return Err(lost(id));
        }
    }
    let end = Instant::now();
    received.send(()).map_err(|()| GONE)?;
    Ok(end)
}

fn round_trips(count: u32) -> Outcome<Vec<Duration>> {
    let (here, there) = connection()?;
    let (ready, is_ready) = oneshot::channel();
    let (caught, has_caught) = oneshot::channel();
    let (times, ()) = side_by_side(
        || block_on(patiently(throw(here, count, is_ready, caught))),
        || block_on(patiently(give_back(there, count, ready, has_caught))),
    )?;
    Ok(times)
}

async fn throw(
    stream: TcpStream,
    count: u32,
    is_ready: Receiver<()>,
    all: Sender<()>,
) -> Outcome<Vec<Duration>> {
    let stack = router(stream).await?;
    is_ready.await?;
    let client = stack.endpoints().client::<Returning>(EDGE, None);
    let times = timed(count, async |id| {
        let back = client.request(&ball(id)).await;
        caught(id, &back.map_err(|error| format!("{error:?}"))?)
    })
    .await?;
    all.send(()).map_err(|()| GONE)?;
    Ok(times)
}

async fn give_back(
    stream: TcpStream,
    count: u32,
    ready: Sender<()>,
    has_caught: Receiver<()>,
) -> Outcome<()> {
    let stack = edge(stream).await?;
    let server = pin!(stack.endpoints().bounded_server::<Returning, 4>(None));
    let mut server = server.attach();
    ready.send(()).map_err(|()| GONE)?;
    for _ in 0..count {
        let served = server.serve(async |ball| *ball).await;
        served.map_err(|error| format!("{error:?}"))?;
    }
    Ok(has_caught.await?)
}

/// The end that gives addresses.
async fn router(stream: TcpStream) -> Outcome<RouterStack> {
    let stack = RouterStack::new();
    let stream = adopt(stream)?;
    let registered = tokio_tcp::register_router_interface(&stack, stream, MTU, QUEUE).await;
    registered.map_err(|error| format!("{error:?}"))?;
    Ok(stack)
}

/// The end that is given one.
async fn edge(stream: TcpStream) -> Outcome<EdgeStack> {
    let queue = tokio_tcp::new_std_queue(QUEUE);
    let stack = tokio_tcp::new_target_stack(&queue, MTU);
    let stream = adopt(stream)?;
    let registered = tokio_tcp::register_edge_interface(&stack, stream, &queue).await;
    registered.map_err(|error| format!("{error:?}"))?;
    Ok(stack)
}

impl From<compare::Sample> for Sample {
    fn from(sample: compare::Sample) -> Self {
        let compare::Sample {
            id,
            t,
            x,
            y,
            z,
            flags,
        } = sample;
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

/// Where the edge is: in the first network that the router gives.
const EDGE: Address = Address {
    network_id: 1,
    node_id: 2,
    port_id: 0,
};
const GONE: &str = "the other side is gone";
