//! A chat for programs of packetmq: server and client, which understand its chat example and each other.
//!
//! ```text
//! packetmq_chat serve --port 8080 --port 8081
//! packetmq_chat join localhost:8080 --name pilot
//! ```
//!
//! What is typed goes to everybody. `/who` asks the server who is there, `/quit` leaves.

use clap::{Parser, Subcommand};
use ropeway_std::hub::PeerId;
use ropeway_std::packetmq::{Client, Event, Packets, Server};
use ropeway_std::{Error, Event as Said, SendError, messages};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, BufRead};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A line for one: from the server, or from one user to it.
#[derive(Debug, Serialize, Deserialize)]
struct Msg(Line);

/// A line for everybody.
#[derive(Debug, Serialize, Deserialize)]
struct PubMsg(Line);

/// A command to the server.
#[derive(Debug, Serialize, Deserialize)]
struct SendCmd(Line);

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Line {
    msg: String,
    #[serde(default)]
    from: String,
    /// Seconds since 1970.
    #[serde(default)]
    timestamp: f64,
}

messages! {
    enum Chat {
        Msg(Msg) as "chat:msg" = 17,
        PubMsg(PubMsg) as "chat:pubmsg" = 18,
        SendCmd(SendCmd) as "chat:sendcmd" = 19,
    }
}

/// Chats with programs of packetmq.
#[derive(Debug, Parser)]
#[command(version)]
struct Settings {
    #[command(subcommand)]
    role: Role,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// Lets others chat
    Serve {
        /// The ports to listen at; 0 takes any that is free
        #[arg(long = "port", default_value = "8080")]
        ports: Vec<u16>,
    },
    /// Joins a chat; types what stands in the standard input
    Join {
        /// The server, with its port
        #[arg(default_value = "localhost:8080")]
        server: String,
        /// The name to chat under
        #[arg(long, default_value = "somebody")]
        name: String,
    },
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("packetmq_chat: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let packets = Packets::of(Chat::ENTRIES)?;
    match Settings::parse().role {
        Role::Serve { ports } => serve(packets, &ports)?,
        Role::Join { server, name } => join(packets, &server, &name)?,
    }
    Ok(())
}

fn serve(packets: Packets, ports: &[u16]) -> io::Result<()> {
    let mut server = Server::new(packets)?;
    for port in ports {
        println!("listening at {}", server.listen(("0.0.0.0", *port))?);
    }
    let mut names: BTreeMap<PeerId, String> = BTreeMap::new();
    loop {
        let Some(event) = server.next(Duration::MAX)? else {
            continue;
        };
        match event {
            Event::Made(peer) => {
                println!("{} is there", peer.address);
                names.insert(peer.id, peer.address.to_string());
            }
            Event::Lost(peer, lost) => {
                let why = lost.reason.unwrap_or_else(|| lost.ending.to_string());
                println!("{} has left: {why}", peer.address);
                names.remove(&peer.id);
            }
            Event::Packet(peer, Chat::PubMsg(PubMsg(line))) => {
                println!("{line}");
                names.insert(peer, line.from.clone());
                for (peer, error) in server.broadcast(&PubMsg(line)) {
                    too_slow(&mut server, peer, error);
                }
            }
            Event::Packet(peer, Chat::Msg(Msg(line))) => {
                println!("{line}");
                names.insert(peer, line.from);
            }
            Event::Packet(peer, Chat::SendCmd(SendCmd(command))) => {
                let there: Vec<&str> = names.values().map(String::as_str).collect();
                let answer = match &*command.msg {
                    "who" => there.join(", "),
                    other => format!("no command {other}"),
                };
                if let Err(error) = server.send(peer, &Msg(Line::new(&answer, "server"))) {
                    too_slow(&mut server, peer, error);
                }
            }
            Event::TurnedAway(peer, lost) => {
                let why = lost.reason.unwrap_or_else(|| lost.ending.to_string());
                println!("{} did not get in: {why}", peer.address);
            }
            Event::Malformed(peer, malformed) => println!("{peer:?} says nonsense: {malformed}"),
            Event::Unknown(peer, packet) => println!("{peer:?} sends {packet}"),
            _ => {}
        }
    }
}

/// Who does not read what is said is let go.
fn too_slow(server: &mut Server, peer: PeerId, error: SendError) {
    println!("{peer:?} is let go: {error}");
    server.kick(peer);
}

fn join(packets: Packets, address: &str, name: &str) -> Result<(), Box<dyn std::error::Error>> {
    let mut client = Client::new(packets);
    client.connect(address)?;
    println!("joined {}", client.address()?);
    let typed = typed();
    loop {
        match client.recv(TURN) {
            Ok(Some(Said::Message(Chat::Msg(Msg(line)) | Chat::PubMsg(PubMsg(line))))) => {
                println!("{line}");
            }
            Ok(Some(Said::Notice(notice))) => println!("{notice:?}"),
            Ok(_) => {}
            Err(Error::Closed) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        match typed.try_recv() {
            Ok(line) => match line.strip_prefix('/') {
                Some("quit") => break,
                Some(command) => client.send(&SendCmd(Line::new(command, name)))?,
                None => client.send(&PubMsg(Line::new(&line, name)))?,
            },
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => break,
        }
    }
    client.quit("chat.quit")?;
    Ok(())
}

/// The lines of the standard input, read aside.
fn typed() -> Receiver<String> {
    let (typed, lines) = channel();
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if typed.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

impl Line {
    fn new(msg: &str, from: &str) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            msg: msg.into(),
            from: from.into(),
            timestamp: now.unwrap_or_default().as_secs_f64(),
        }
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "<{}> {}", self.from, self.msg)
    }
}

/// How long to wait for the others before looking at what has been typed.
const TURN: Duration = Duration::from_millis(50);
