//! The sockets of zeromq, written in Rust: PUSH and PULL for the stream, where a full queue holds the sender back and nothing is
//! dropped, REQ and REP for round trips. The library writes what has gathered in its queue at once; a message is bytes, and M
//! is laid out by hand in them.

use compare::tokio::{block_on, patiently, timed};
use compare::{Outcome, Sample, ball, caught, expect, lost, side_by_side};
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tokio::sync::oneshot::{self, Receiver, Sender};
use zeromq::prelude::{Socket, SocketRecv, SocketSend};
use zeromq::{PullSocket, PushSocket, RepSocket, ReqSocket, ZmqMessage};

fn main() -> ExitCode {
    compare::run(stream, round_trips)
}

fn stream(count: u32) -> Outcome<Duration> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let (received, has_received) = oneshot::channel();
    let (start, end) = side_by_side(
        || block_on(patiently(send(address, count, has_received))),
        || block_on(patiently(receive(listener, count, received))),
    )?;
    Ok(end - start)
}

async fn send(address: SocketAddr, count: u32, has_received: Receiver<()>) -> Outcome<Instant> {
    let mut socket = PushSocket::new();
    socket.connect(&format!("tcp://{address}")).await?;
    let start = Instant::now();
    for id in 0..count {
        socket.send(message(&Sample::nth(id).to_bytes())).await?;
    }
    has_received.await?; // what is queued goes with the socket
    Ok(start)
}

async fn receive(listener: TcpListener, count: u32, received: Sender<()>) -> Outcome<Instant> {
    let mut socket = PullSocket::new();
    socket.bind_listener(listener).await?;
    for id in 0..count {
        let message = socket.recv().await?;
        let sample = message.get(0).and_then(|body| Sample::from_bytes(body));
        expect(id, &sample.ok_or_else(|| lost(id))?)?;
    }
    let end = Instant::now();
    received.send(()).map_err(|()| "the sender is gone")?;
    Ok(end)
}

fn round_trips(count: u32) -> Outcome<Vec<Duration>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let (caught, has_caught) = oneshot::channel();
    let (times, ()) = side_by_side(
        || block_on(patiently(throw(address, count, caught))),
        || block_on(patiently(give_back(listener, count, has_caught))),
    )?;
    Ok(times)
}

async fn throw(address: SocketAddr, count: u32, all: Sender<()>) -> Outcome<Vec<Duration>> {
    let mut socket = ReqSocket::new();
    socket.connect(&format!("tcp://{address}")).await?;
    let times = timed(count, async |id| {
        socket.send(message(&ball(id))).await?;
        let back = socket.recv().await?;
        caught(id, back.get(0).ok_or_else(|| lost(id))?)
    })
    .await?;
    all.send(()).map_err(|()| "the other side is gone")?;
    Ok(times)
}

async fn give_back(listener: TcpListener, count: u32, has_caught: Receiver<()>) -> Outcome<()> {
    let mut socket = RepSocket::new();
    socket.bind_listener(listener).await?;
    for _ in 0..count {
        let ball = socket.recv().await?;
        socket.send(ball).await?;
    }
    Ok(has_caught.await?)
}

fn message(body: &[u8]) -> ZmqMessage {
    body.to_vec().into()
}
