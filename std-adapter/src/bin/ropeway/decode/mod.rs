//! `ropeway decode`: what bytes say that somebody has recorded.

mod capture;
mod connections;
mod hex;
mod reassembly;

use crate::eye::{Eye, Told};
use crate::fault::{Fault, Kind};
use crate::output::{Output, complain};
use crate::protocol::Protocol;
use crate::registry::Registry;
use crate::show::{Line, argument};
use clap::Args;
use connections::{Connection, Connections, News};
use ropeway_std::value::Map;
use ropeway_std::watch::{Direction, Guess};
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::PathBuf;
use std::time::Duration;

/// What to decode, and as what.
#[derive(Args)]
pub(crate) struct Decode {
    /// A file of one side's bytes, or a capture, pcap or pcapng; standard input if absent or `-`
    file: Option<PathBuf>,
    /// What is spoken; what the bytes look like if absent
    #[arg(long, short, value_enum)]
    protocol: Option<Protocol>,
    /// The messages, in TOML
    #[arg(long, short, value_name = "FILE")]
    registry: Option<PathBuf>,
    /// The bytes are hexadecimal digits, as xxd, hexdump and tcpdump print them or bare
    #[arg(long)]
    hex: bool,
    /// Of a capture, only connections to or from this port
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
}

impl Decode {
    pub(crate) fn run(self, output: Output) -> Result<(), Fault> {
        let registry = self.registry()?;
        let mut source: Box<dyn Read + Send> = match &self.file {
            Some(path) if path.as_os_str() != "-" => {
                let file = File::open(path);
                Box::new(
                    file.map_err(|error| Fault::input(format!("{}: {error}", path.display())))?,
                )
            }
            _ => Box::new(io::stdin()),
        };
        if self.hex {
            let mut text = Vec::new();
            source.read_to_end(&mut text)?;
            let bytes = hex::parse(&text)?;
            return self.stream(Cursor::new(bytes), &registry, output);
        }
        let mut start = Vec::new();
        fill(&mut source, &mut start, 4)?;
        if !capture::is_capture(&start) {
            return self.stream(Cursor::new(start).chain(source), &registry, output);
        }
        while start.len() < capture::least(&start) {
            let least = capture::least(&start);
            if !fill(&mut source, &mut start, least)? {
                break;
            }
        }
        self.capture(Cursor::new(start).chain(source), &registry, output)
    }

    fn registry(&self) -> Result<Registry, Fault> {
        let Some(path) = &self.registry else {
            return Ok(Registry::default());
        };
        let registry = Registry::read(path)?;
        if let Some(protocol) = self.protocol {
            registry.check(protocol)?;
        }
        Ok(registry)
    }

    /// Decodes what one side has said.
    fn stream(
        &self,
        mut source: impl Read,
        registry: &Registry,
        output: Output,
    ) -> Result<(), Fault> {
        let mut eye = Eye::new(self.protocol.map(Protocol::watched), None);
        let mut piece = vec![0; 64 << 10];
        let mut fault = Ok(());
        let mut tell = |told| {
            let line = match told {
                Told::Seen(seen) => Line::of(&seen, registry),
                Told::Guessed(guess) if guess.protocol().is_some() => return say_guess(guess),
                Told::Guessed(guess) => {
                    fault = Err(Fault::input(format!(
                        "this looks like {guess}, which is not decoded"
                    )));
                    return;
                }
                Told::Unknown => {
                    fault = Err(unknown());
                    return;
                }
            };
            if fault.is_ok() {
                fault = output.fields(line.fields, &line.text);
            }
        };
        let mut is_empty = true;
        loop {
            match source.read(&mut piece) {
                Ok(0) => break,
                Ok(len) => {
                    is_empty = false;
                    eye.see(Direction::Forth, &piece[..len], &mut tell);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        eye.end(Direction::Forth, &mut tell);
        fault?;
        match is_empty {
            true => Err(Fault::input("there are no bytes to decode")),
            false => verdict(eye.malformed + eye.cut_off),
        }
    }

    /// Decodes the connections of a capture.
    fn capture(
        &self,
        source: impl Read + Send,
        registry: &Registry,
        output: Output,
    ) -> Result<(), Fault> {
        let mut connections = Connections::new(self.protocol.map(Protocol::watched), self.port);
        let mut teller = Teller {
            registry,
            output,
            start: None,
        };
        let (counts, read) = capture::read(source, &mut |segment| {
            connections.see(segment, &mut |connection, time, news| {
                teller.tell(connection, time, news)
            })
        });
        connections.end(&mut |connection, time, news| teller.tell(connection, time, news))?;
        read?;
        if connections.segments == 0 {
            return Err(self.nothing(&counts));
        }
        // A link that was lost within a frame has broken no rule.
        verdict(connections.malformed)?;
        match connections.missing {
            0 => Ok(()),
            missing => Err(Fault::input(format!(
                "the capture lacks {missing} bytes of what was said"
            ))),
        }
    }

    /// Why a capture says nothing.
    fn nothing(&self, counts: &capture::Counts) -> Fault {
        let capture::Counts {
            packets,
            foreign,
            linktype,
        } = *counts;
        match self.port {
            _ if packets == 0 => Fault::input("there is no packet in the capture"),
            _ if foreign == packets => Fault::input(format!(
                "none of the {packets} packets can be read: their link type is {linktype}"
            ))
            .hint("Ethernet, Linux cooked, loopback and raw IP are known"),
            Some(port) => Fault::input(format!(
                "no bytes over TCP port {port} in the {packets} packets of the capture"
            ))
            .hint("leave out --port to see the connections that there are"),
            None => Fault::input(format!(
                "no bytes over TCP in the {packets} packets of the capture"
            )),
        }
    }
}

/// Prints what connections say.
struct Teller<'r> {
    registry: &'r Registry,
    output: Output,
    /// Of the first packet that counts.
    start: Option<Duration>,
}

impl Teller<'_> {
    fn tell(&mut self, connection: &Connection, time: Duration, news: News) -> Result<(), Fault> {
        let start = *self.start.get_or_insert(connection.start);
        let since = time.saturating_sub(start).as_secs_f64();
        let number = connection.number;
        let front = format!("{since:>11.6} #{number}");
        let line = match news {
            News::Told(Told::Seen(seen)) => Line::of(&seen, self.registry),
            News::Begun => {
                let (client, server) =
                    (connection.client.to_string(), connection.server.to_string());
                let text = format!("{client} -> {server}");
                let fields = [("client", client), ("server", server)].into();
                Line::note(fields, text)
            }
            News::Told(Told::Guessed(guess)) => {
                let text = format!("this looks like {guess}");
                let fields = [("looks_like", guess.to_string())].into();
                Line::note(fields, text)
            }
            News::Told(Told::Unknown) => {
                let text =
                    "this looks like no protocol known here; name it with --protocol".to_owned();
                let fields = [("looks_like", ())].into();
                Line::note(fields, text)
            }
            News::Missing(direction, missing) => {
                let text = format!(
                    "{direction}        ! {missing} bytes are missing in the capture; nothing behind them is read"
                );
                let mut fields = Map::new();
                fields.insert("direction", direction.to_string());
                fields.insert("missing", missing);
                Line::note(fields, text)
            }
        };
        let fields = [
            ("time", time.as_secs_f64().into()),
            ("since", since.into()),
            ("connection", (number as u64).into()),
        ];
        let line = line.behind(fields, &front);
        self.output.fields(line.fields, &line.text)
    }
}

/// Reads until there are `least` bytes, and says whether there are.
fn fill(source: &mut impl Read, start: &mut Vec<u8>, least: usize) -> Result<bool, Fault> {
    let missing = least.saturating_sub(start.len()) as u64;
    source.take(missing).read_to_end(start)?;
    Ok(start.len() >= least)
}

/// Says what is assumed, where nothing was named.
fn say_guess(guess: Guess) {
    let protocol = guess.protocol().map_or("", argument);
    complain(&format!(
        "ropeway: this looks like {guess}: --protocol {protocol}"
    ));
}

fn unknown() -> Fault {
    Fault::input("the bytes look like no protocol known here").hint("name it with --protocol")
}

fn verdict(malformed: u64) -> Result<(), Fault> {
    match malformed {
        0 => Ok(()),
        1 => Err(Fault::new(Kind::Protocol, "1 frame breaks a rule")),
        more => Err(Fault::new(
            Kind::Protocol,
            format!("{more} frames break rules"),
        )),
    }
}
