//! `ropeway bench`: how fast a link to a peer is.

use crate::fault::{Fault, Kind};
use crate::line::Line;
use crate::output::{Output, print};
use crate::protocol::Protocol;
use crate::replies::Replies;
use crate::span::span;
use crate::target::{Errand, Reached, Target, call_fault, send_fault};
use crate::words::Words;
use clap::Args;
use ropeway_std::any::{Anything, Arguments, Body, Content, Question};
use ropeway_std::transport::Wakeable;
use ropeway_std::value::{Map, Value};
use ropeway_std::{Handlers, SendError};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What is measured, and against whom.
#[derive(Args)]
pub(crate) struct Bench {
    #[command(flatten)]
    target: Target,
    /// How long each of the measurements takes, in seconds
    #[arg(long, short, default_value = "1", value_parser = span)]
    seconds: Duration,
    /// How many bytes each message carries
    #[arg(long, default_value_t = 32)]
    size: usize,
    /// How many round trips are under way at once in the second measurement
    #[arg(long, default_value_t = 32)]
    window: u64,
}

impl Bench {
    pub(crate) fn run(self, output: Output) -> Result<(), Fault> {
        if self.seconds.is_zero() || self.window == 0 {
            return Err(Fault::input(
                "a measurement takes some time, and some round trips",
            ));
        }
        self.target.clone().run(Measuring {
            bench: self,
            output,
            echoed: Arc::default(),
        })
    }
}

struct Measuring {
    bench: Bench,
    output: Output,
    /// How many messages have come back.
    echoed: Arc<AtomicU64>,
}

impl Errand for Measuring {
    fn handlers<D: Anything>(&self, _: &Words, _: &Replies<D>) -> Handlers<D> {
        let echoed = self.echoed.clone();
        let mut handlers = Handlers::new();
        handlers.on_table::<Content>(move |_, _, _| {
            echoed.fetch_add(1, Ordering::Relaxed);
        });
        handlers
    }

    fn run<D: Anything, T: Wakeable>(
        self,
        peer: &mut Reached<D, T>,
        words: &Words,
    ) -> Result<(), Fault> {
        let content = content(words, self.bench.size)?;
        let mut one = self.round_trips(peer, &content, 1)?;
        one.sort_unstable();
        let at = |percent: usize| {
            one.get(one.len() * percent / 100)
                .copied()
                .unwrap_or_default()
        };
        let rate = |count: usize| count as f64 / self.bench.seconds.as_secs_f64();
        self.tell(
            "round trip, one at a time",
            &[
                ("p50_us", at(50).as_secs_f64() * 1e6),
                ("p99_us", at(99).as_secs_f64() * 1e6),
                ("per_second", rate(one.len())),
            ],
        );
        let many = self.round_trips(peer, &content, self.bench.window)?;
        let title = format!("round trips, {} at a time", self.bench.window);
        self.tell(&title, &[("per_second", rate(many.len()))]);
        let (count, seconds) = self.stream(peer, &content)?;
        let per_second = count as f64 / seconds;
        let bytes = per_second * self.bench.size as f64;
        self.tell(
            "one way",
            &[("per_second", per_second), ("bytes_per_second", bytes)],
        );
        Ok(())
    }
}

impl Measuring {
    /// How long each took that was done in time.
    fn round_trips<D: Anything, T: Wakeable>(
        &self,
        peer: &mut Reached<D, T>,
        content: &Content,
        window: u64,
    ) -> Result<Vec<Duration>, Fault> {
        let (told, outcomes) = std::sync::mpsc::channel();
        let end = Instant::now() + self.bench.seconds;
        let mut took = Vec::new();
        let mut under_way = 0;
        let mut begun = std::collections::VecDeque::new();
        let mut echoed = self.echoed.load(Ordering::Relaxed);
        let mut heard = Instant::now();
        loop {
            while under_way < window && Instant::now() < end {
                if !D::HAS_CALLS {
                    begun.push_back(Instant::now());
                }
                let sent = match D::HAS_CALLS {
                    true => {
                        let (told, asked) = (told.clone(), Instant::now());
                        let question = Question::new(content.clone(), peer.timeout);
                        let then = move |_: &mut ropeway_std::Peer<'_, D>, answer: Result<_, _>| {
                            told.send(answer.map(|_| asked.elapsed()))
                                .unwrap_or_default();
                        };
                        let asked = peer.node.peer().ask_any(&question, then);
                        asked.map(drop).map_err(|error| call_fault(&error))
                    }
                    false => peer.node.peer().send(content).map_err(send_fault),
                };
                sent?;
                under_way += 1;
            }
            if under_way == 0 {
                return Ok(took);
            }
            peer.turn(peer.timeout)?;
            for outcome in outcomes.try_iter() {
                took.push(outcome.map_err(|error| call_fault(&error).hint(ECHO))?);
                under_way -= 1;
            }
            let now = self.echoed.load(Ordering::Relaxed);
            // Where there are calls, messages answer nothing; and the peer may say more than it was told.
            let back = if D::HAS_CALLS { 0 } else { now - echoed };
            for begun in begun.drain(..begun.len().min(usize::try_from(back).unwrap_or(usize::MAX)))
            {
                took.push(begun.elapsed());
                (under_way, heard) = (under_way - 1, Instant::now());
            }
            echoed = now;
            if !D::HAS_CALLS && heard.elapsed() > peer.timeout {
                let text = "the peer does not say again what it hears";
                return Err(Fault::new(Kind::Unfinished, text).hint(ECHO));
            }
        }
    }

    /// How many messages the peer has taken, as far as the protocol tells, and in how many seconds.
    fn stream<D: Anything, T: Wakeable>(
        &self,
        peer: &mut Reached<D, T>,
        content: &Content,
    ) -> Result<(u64, f64), Fault> {
        let begun = Instant::now();
        let mut count = 0;
        while begun.elapsed() < self.bench.seconds {
            for _ in 0..BATCH {
                match peer.node.peer().send(content) {
                    Ok(()) => count += 1,
                    Err(SendError::Full) => break,
                    Err(error) => return Err(send_fault(error)),
                }
            }
            peer.turn(Duration::from_millis(1))?;
        }
        while peer.node.peer().queued() > 0 {
            peer.turn(peer.timeout)?;
        }
        Ok((count, begun.elapsed().as_secs_f64()))
    }

    fn tell(&self, what: &str, figures: &[(&str, f64)]) {
        if self.output.is_json {
            let line = Line::default().with("measured", what);
            let line = figures
                .iter()
                .fold(line, |line, (name, figure)| line.with(name, *figure));
            return line.print();
        }
        let figures: Vec<_> = figures
            .iter()
            .map(|(name, figure)| shown(name, *figure))
            .collect();
        print(&format!("{what:<28} {}", figures.join("   ")));
    }
}

fn shown(name: &str, figure: f64) -> String {
    match name {
        "p50_us" => format!("p50 {figure:.1} µs"),
        "p99_us" => format!("p99 {figure:.1} µs"),
        "bytes_per_second" => format!("{:.1} MB/s", figure / 1e6),
        _ => format!("{figure:.0}/s"),
    }
}

/// Some message of so many bytes.
fn content(words: &Words, size: usize) -> Result<Content, Fault> {
    let text = "x".repeat(size);
    Ok(match words.protocol {
        Protocol::CableCarByte if size > 253 => {
            return Err(
                Fault::input("a message of cable_car's bytes has at most 253")
                    .hint("give --size 253"),
            );
        }
        Protocol::Native | Protocol::CableCarByte => Content::new(CODE, text.into_bytes()),
        Protocol::CableCarJson => Content::new(NAME, Map::from([("data", Value::from(text))])),
        Protocol::Packetmq => match words.registry.messages().first() {
            Some(ty) => Content::new(ty.name.as_str(), Value::from(text)),
            None => {
                let fault =
                    Fault::input("packetmq carries only packets that both ends have registered");
                return Err(fault.hint("give both the same --registry"));
            }
        },
        Protocol::CleverShow | Protocol::TcpTalks => {
            Content::new(NAME, Body::Arguments(Arguments::new([text])))
        }
    })
}

/// What the messages are called, where they have names.
const NAME: &str = "Bench";

/// And their code, where they have codes: the last of those that are programs' own.
const CODE: u8 = 0xDF;

const ECHO: &str = "have `ropeway listen --echo --quiet` at the other end";

/// How many messages are queued before the link is looked at.
const BATCH: usize = 256;
