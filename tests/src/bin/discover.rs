//! Finds peers by broadcast and talks with each of them, run by the tests.
//!
//! ```text
//! discover [--transport byte|json] [--udp-port 8222] [--tcp-port 8223] [--interval 1.0]
//!          [--every 1.0] [--numbers-from 0] [--loopback]
//! ```
//!
//! Sends on each connection Identify, Join and a numbered message every `--every` seconds, those of connection
//! `c` counting from `numbers-from + 10000 c`. Prints lines of JSON:
//!
//! ```text
//! {"event":"started","listening":true}
//! {"event":"connected","connection":1,"direction":"dialled","local":A,"remote":A}
//! {"event":"superseded","connection":1,"kept":2}
//! {"event":"message","connection":1,"name":"Telemetry","number":7}
//! {"event":"lost","connection":1,"sent":9,"received":8,"reason":"…"}
//! {"event":"unreachable","address":A,"reason":"…"}
//! {"event":"beacon failed","reason":"…"}
//! {"event":"other","what":"…"}                             any other event of discovery
//! {"event":"peers","connections":[{"connection":1,…}]}     the answer to a line on stdin
//! {"event":"stopped"}
//! ```
//!
//! `sent` and `received` count numbered messages. Ends when stdin closes: every connection is finished, and read
//! until its peer closes too or a second has passed.

use ropeway_core::registry::Registry;
use ropeway_std::dialect::cable_car::{CableCarByte, CableCarJson, Identify, Join};
use ropeway_std::dialect::{Carries, Dialect, Never};
use ropeway_std::discovery::{self, Connection, ConnectionId, Direction, Discovery, Loopback};
use ropeway_std::encoding::{DecodeError, EncodeError, Rule};
use ropeway_std::message::{Decode, Encode};
use ropeway_std::{Event, Message, Options, Pump, messages};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::error::Error;
use std::io::{self, BufRead};
use std::net::SocketAddr;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::time::{Duration, Instant};

/// The numbered message of the original's test program: `Telemetry` in JSON, 18 bytes under 0x10.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Numbered {
    id: u32,
}

messages! {
    enum Words<'a> {
        Identify(Identify<'a>),
        Join(Join),
        Numbered(Numbered),
    }
}

trait Speaks:
    for<'a> Dialect<CallId = Never, Notice<'a> = Never>
    + Copy
    + Carries<Identify<'static>>
    + Carries<Join>
    + Carries<Numbered>
{
}

struct Arguments {
    transport: String,
    settings: discovery::Settings,
    every: Duration,
    numbers_from: u32,
}

/// A connection and what has gone over it.
struct Talk<D> {
    id: ConnectionId,
    pump: Pump<D, Connection>,
    first_number: u32,
    sent: u32,
    received: u32,
    is_finishing: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    match arguments.transport.as_str() {
        "byte" => run(CableCarByte, arguments),
        "json" => run(CableCarJson, arguments),
        other => Err(format!("no transport {other}").into()),
    }
}

fn run<D: Speaks>(dialect: D, arguments: Arguments) -> Result<(), Box<dyn Error>>
where
    for<'a> Words<'a>: Registry<'a, D>,
{
    let mut discovery = arguments.settings.start()?;
    say(&json!({"event": "started", "listening": discovery.is_listening()}));
    let input = lines_of_stdin();
    let mut talks: Vec<Talk<D>> = Vec::new();
    let mut next_send = Instant::now();
    loop {
        match input.try_recv() {
            Ok(_) => say(&peers(&discovery)),
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => break,
        }
        match discovery.poll(TURN)? {
            Some(discovery::Event::Connected(connection)) => {
                talks.push(Talk::begin(dialect, connection, arguments.numbers_from)?);
            }
            Some(event) => tell(event, &mut talks),
            None => {}
        }
        if Instant::now() >= next_send {
            next_send += arguments.every;
            for talk in &mut talks {
                talk.send_number()?;
            }
        }
        talks.retain_mut(Talk::goes_on);
    }
    drop(discovery);
    let end = Instant::now() + Duration::from_secs(1);
    talks.iter_mut().for_each(Talk::finish);
    while !talks.is_empty() && Instant::now() < end {
        talks.retain_mut(Talk::goes_on);
        std::thread::yield_now();
    }
    for talk in &talks {
        talk.say_lost("not closed by the peer");
    }
    say(&json!({"event": "stopped"}));
    Ok(())
}

/// Prints an event other than a connection, and does as it says.
fn tell<D: Speaks>(event: discovery::Event, talks: &mut [Talk<D>])
where
    for<'a> Words<'a>: Registry<'a, D>,
{
    match event {
        discovery::Event::Superseded { superseded, kept } => {
            say(&json!({"event": "superseded", "connection": superseded.0, "kept": kept.0}));
            let talk = talks.iter_mut().find(|talk| talk.id == superseded);
            talk.into_iter().for_each(Talk::finish);
        }
        discovery::Event::Unreachable { address, error } => {
            say(
                &json!({"event": "unreachable", "address": address.to_string(), "reason": error.to_string()}),
            );
        }
        discovery::Event::BeaconFailed(error) => {
            say(&json!({"event": "beacon failed", "reason": error.to_string()}));
        }
        other => say(&json!({"event": "other", "what": format!("{other:?}")})),
    }
}

fn peers(discovery: &Discovery) -> Value {
    let connections = discovery.peers().filter_map(|peer| peer.connection);
    let connections = connections.map(|one| ends(one.id, one.direction, one.local, one.remote));
    json!({"event": "peers", "connections": connections.collect::<Vec<_>>()})
}

fn ends(id: ConnectionId, direction: Direction, local: SocketAddr, remote: SocketAddr) -> Value {
    let direction = match direction {
        Direction::Dialled => "dialled",
        Direction::Accepted => "accepted",
    };
    json!({
        "event": "connected",
        "connection": id.0,
        "direction": direction,
        "local": local.to_string(),
        "remote": remote.to_string(),
    })
}

impl<D: Speaks> Talk<D>
where
    for<'a> Words<'a>: Registry<'a, D>,
{
    fn begin(
        dialect: D,
        connection: Connection,
        numbers_from: u32,
    ) -> Result<Self, Box<dyn Error>> {
        let (id, local) = (connection.id(), connection.local());
        say(&ends(
            id,
            connection.direction(),
            local,
            connection.remote(),
        ));
        let mut pump = Pump::over(dialect, connection, &Options::default())?;
        pump.send(&Identify::new("pilot", "ropeway"))?;
        pump.send(&Join)?;
        Ok(Self {
            id,
            pump,
            first_number: numbers_from + id.0 * NUMBERS_OF_A_CONNECTION,
            sent: 0,
            received: 0,
            is_finishing: false,
        })
    }

    fn send_number(&mut self) -> Result<(), Box<dyn Error>> {
        if !self.is_finishing {
            let id = self.first_number + self.sent;
            self.pump.send(&Numbered { id })?;
            self.sent += 1;
        }
        Ok(())
    }

    fn finish(&mut self) {
        if !self.is_finishing {
            self.is_finishing = true;
            self.pump.finish();
        }
    }

    /// One turn; says whether there will be another.
    fn goes_on(&mut self) -> bool {
        let end = self.pump.xfer().err();
        while let Some(event) = self.pump.get::<Words<'_>>() {
            let (name, number) = match event {
                Event::Message(Words::Identify(_)) => ("Identify", None),
                Event::Message(Words::Join(_)) => ("Join", None),
                Event::Message(Words::Numbered(numbered)) => ("Telemetry", Some(numbered.id)),
                Event::Unknown(_) => ("unknown", None),
                Event::Malformed(_) => ("malformed", None),
            };
            self.received += u32::from(number.is_some());
            say(
                &json!({"event": "message", "connection": self.id.0, "name": name, "number": number}),
            );
        }
        if let Some(end) = &end {
            self.say_lost(&end.to_string());
        }
        end.is_none()
    }

    fn say_lost(&self, reason: &str) {
        say(&json!({
            "event": "lost",
            "connection": self.id.0,
            "sent": self.sent,
            "received": self.received,
            "reason": reason,
        }));
    }
}

impl Arguments {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let (mut udp, mut tcp, mut interval) = (8222, 8223, 1.0);
        let mut parsed = Self {
            transport: "json".into(),
            settings: discovery::Settings::default(),
            every: Duration::from_secs(1),
            numbers_from: 0,
        };
        while let Some(name) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{name} needs a value"));
            match name.as_str() {
                "--transport" => parsed.transport = value()?,
                "--udp-port" => udp = value()?.parse()?,
                "--tcp-port" => tcp = value()?.parse()?,
                "--interval" => interval = value()?.parse()?,
                "--every" => parsed.every = Duration::from_secs_f64(value()?.parse()?),
                "--numbers-from" => parsed.numbers_from = value()?.parse()?,
                "--loopback" => parsed.settings = parsed.settings.loopback(Loopback::Included),
                _ => return Err(format!("no option {name}").into()),
            }
        }
        let interval = Duration::from_secs_f64(interval);
        parsed.settings = parsed.settings.ports(udp, tcp).interval(interval);
        Ok(parsed)
    }
}

impl Message for Numbered {
    const NAME: &'static str = "Telemetry";
    const CODE: Option<u16> = Some(0x10);
}

impl Encode for Numbered {
    const MAX_SIZE: usize = 18;

    /// The number, and zeros for the three coordinates and the flags behind it.
    fn encode(&self, out: &mut [u8]) -> Result<usize, EncodeError> {
        let out = out.first_chunk_mut::<18>().ok_or(EncodeError::Full)?;
        *out = [0; 18];
        out[..4].copy_from_slice(&self.id.to_be_bytes());
        Ok(out.len())
    }
}

impl Decode<'_> for Numbered {
    fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let &[a, b, c, d, .., _, _] = body else {
            return Err(DecodeError::at(body.len(), Rule::UnexpectedEnd));
        };
        let id = u32::from_be_bytes([a, b, c, d]);
        Ok(Self { id })
    }
}

impl Speaks for CableCarByte {}
impl Speaks for CableCarJson {}

fn say(line: &Value) {
    println!("{line}");
}

/// The lines of stdin; the channel closes with it.
fn lines_of_stdin() -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let lines = io::stdin().lock().lines().map_while(Result::ok);
        lines.map(|line| sender.send(line)).find(Result::is_err)
    });
    receiver
}

/// How long one turn of the loop waits for something to discover.
const TURN: Duration = Duration::from_millis(2);

const NUMBERS_OF_A_CONNECTION: u32 = 10_000;
