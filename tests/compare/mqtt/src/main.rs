//! MQTT 3.1.1 at quality of service 0 with rumqttc, through the broker whose address the program is told. The client is told to
//! write what has gathered at once, which it does not unless asked; M is laid out by hand in the payload. A round trip is a
//! message on one topic and its echo on another, so each way goes through the broker.

use compare::tokio::{block_on, patiently, timed};
use compare::{Outcome, Sample, argument, ball, caught, expect, lost, side_by_side};
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, NetworkOptions, Packet, Publish};
use rumqttc::{PublishOptions, QoS, ValidatedTopic};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tokio::sync::oneshot::{self, Receiver, Sender};

const SAMPLES: &str = "samples";
const THROWN: &str = "thrown";
const RETURNED: &str = "returned";
const OPTIONS: PublishOptions = PublishOptions::at_most_once();
const GONE: &str = "the other side is gone";
/// Messages that may wait in the client, and are written at once.
const BATCH: usize = 1024;

fn main() -> ExitCode {
    compare::run(stream, round_trips)
}

fn stream(count: u32) -> Outcome<Duration> {
    let (subscribed, is_subscribed) = oneshot::channel();
    let (received, has_received) = oneshot::channel();
    let (start, end) = side_by_side(
        || block_on(patiently(send(count, is_subscribed, has_received))),
        || block_on(patiently(receive(count, subscribed, received))),
    )?;
    Ok(end - start)
}

async fn send(count: u32, ready: Receiver<()>, has_received: Receiver<()>) -> Outcome<Instant> {
    let (client, events) = connect("sender").await?;
    let pump = tokio::spawn(pump(events));
    let topic = ValidatedTopic::new(SAMPLES)?;
    ready.await?;
    let start = Instant::now();
    for id in 0..count {
        let body = Sample::nth(id).to_bytes().to_vec();
        client.publish(topic.clone(), body, OPTIONS).await?;
    }
    has_received.await?;
    pump.abort();
    Ok(start)
}

async fn receive(count: u32, ready: Sender<()>, received: Sender<()>) -> Outcome<Instant> {
    let (client, mut events) = connect("receiver").await?;
    subscribe(&client, &mut events, SAMPLES).await?;
    ready.send(()).map_err(|()| GONE)?;
    for id in 0..count {
        let message = next(&mut events).await?;
        let sample = Sample::from_bytes(&message.payload);
        expect(id, &sample.ok_or_else(|| lost(id))?)?;
    }
    let end = Instant::now();
    received.send(()).map_err(|()| GONE)?;
    Ok(end)
}

fn round_trips(count: u32) -> Outcome<Vec<Duration>> {
    let (subscribed, is_subscribed) = oneshot::channel();
    let (caught, has_caught) = oneshot::channel();
    let (times, ()) = side_by_side(
        || block_on(patiently(throw(count, is_subscribed, caught))),
        || block_on(patiently(give_back(count, subscribed, has_caught))),
    )?;
    Ok(times)
}

async fn throw(count: u32, ready: Receiver<()>, all: Sender<()>) -> Outcome<Vec<Duration>> {
    let (client, mut events) = connect("thrower").await?;
    subscribe(&client, &mut events, RETURNED).await?;
    let topic = ValidatedTopic::new(THROWN)?;
    ready.await?;
    let times = timed(count, async |id| {
        let body = ball(id).to_vec();
        client.publish(topic.clone(), body, OPTIONS).await?;
        caught(id, &next(&mut events).await?.payload)
    })
    .await?;
    all.send(()).map_err(|()| GONE)?;
    Ok(times)
}

async fn give_back(count: u32, ready: Sender<()>, has_caught: Receiver<()>) -> Outcome<()> {
    let (client, mut events) = connect("returner").await?;
    subscribe(&client, &mut events, THROWN).await?;
    let topic = ValidatedTopic::new(RETURNED)?;
    ready.send(()).map_err(|()| GONE)?;
    for _ in 0..count {
        let ball = next(&mut events).await?.payload;
        client.publish(topic.clone(), ball, OPTIONS).await?;
    }
    let pump = tokio::spawn(pump(events));
    has_caught.await?;
    pump.abort();
    Ok(())
}

/// A client, and its loop of events, once the broker has accepted it.
async fn connect(name: &str) -> Outcome<(AsyncClient, EventLoop)> {
    let broker: SocketAddr = argument(3)?.parse()?;
    let mut options = MqttOptions::new(name, (broker.ip().to_string(), broker.port()));
    options.set_max_request_batch(BATCH);
    let builder = AsyncClient::builder(options).capacity(BATCH);
    let (client, mut events) = builder.try_build()?;
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    events.set_network_options(network);
    while !matches!(events.poll().await?, Event::Incoming(Packet::ConnAck(_))) {}
    Ok((client, events))
}

async fn subscribe(client: &AsyncClient, events: &mut EventLoop, topic: &str) -> Outcome<()> {
    client.subscribe(topic, QoS::AtMostOnce).await?;
    while !matches!(events.poll().await?, Event::Incoming(Packet::SubAck(_))) {}
    Ok(())
}

/// The next message that comes; what is to go out goes out meanwhile.
async fn next(events: &mut EventLoop) -> Outcome<Publish> {
    loop {
        if let Event::Incoming(Packet::Publish(message)) = events.poll().await? {
            return Ok(message);
        }
    }
}

/// Sends what there is to send, until it is aborted.
async fn pump(mut events: EventLoop) {
    while events.poll().await.is_ok() {}
}
