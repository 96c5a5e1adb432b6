//! How far a file is: a bar on a terminal, lines of JSON for programs.

use crate::line::Line;
use crate::output::{Output, print};
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use ropeway_std::files::{Direction, Event, Stage};
use std::io::{IsTerminal, stderr};
use std::path::Path;
use std::time::{Duration, Instant};

/// How far one file is.
pub(crate) struct Progress {
    bar: ProgressBar,
    output: Output,
    name: String,
    begun: Instant,
    /// What an earlier attempt had left.
    resumed_from: u64,
    told: Option<Instant>,
    size: u64,
    direction: Direction,
}

impl Progress {
    pub(crate) fn new(name: &str, output: Output) -> Self {
        let bar = match !output.is_json && stderr().is_terminal() {
            true => ProgressBar::new(0).with_style(style()),
            false => ProgressBar::hidden(),
        };
        bar.set_message(name.to_owned());
        Self {
            bar,
            output,
            name: name.into(),
            begun: Instant::now(),
            resumed_from: 0,
            told: None,
            size: 0,
            direction: Direction::Out,
        }
    }

    /// Which way it goes.
    pub(crate) const fn heads(&mut self, direction: Direction) {
        self.direction = direction;
    }

    /// Shows what is new.
    pub(crate) fn note(&mut self, event: &Event, links: u64) {
        self.heads(event.direction);
        if let Stage::Begun = event.stage
            && links == 0
        {
            self.begin(event.size, event.done);
        }
        self.step(event.size, event.done);
    }

    /// `done` bytes of `size` were there before.
    pub(crate) fn begin(&mut self, size: u64, done: u64) {
        self.resumed_from = done;
        self.begun = Instant::now();
        self.bar.reset_elapsed();
        self.bar.reset_eta();
        if done > 0 {
            let percent = done * 100 / size.max(1);
            self.bar
                .set_message(format!("{} (resumed from {percent} %)", self.name));
        }
    }

    /// `done` bytes of `size` are behind it.
    pub(crate) fn step(&mut self, size: u64, done: u64) {
        self.size = size;
        self.bar.set_length(size);
        self.bar.set_position(done);
        let is_due = self.told.is_none_or(|told| told.elapsed() > INTERVAL);
        if self.output.is_json && is_due {
            self.told = Some(Instant::now());
            self.line().with("done", done).print();
        }
    }

    /// It is whole.
    pub(crate) fn finish(self, path: &Path, links: u64) {
        self.bar.finish_and_clear();
        let moved = self.size - self.resumed_from.min(self.size);
        let seconds = self.begun.elapsed().as_secs_f64();
        let micros = self.begun.elapsed().as_micros().max(1);
        let rate = u64::try_from(u128::from(moved) * 1_000_000 / micros).unwrap_or(u64::MAX);
        if self.output.is_json {
            let line = self.line().with("done", self.size).with("seconds", seconds);
            let line = line
                .with("bytes_per_second", rate)
                .with("lost_links", links);
            return line.with("is_done", true).print();
        }
        let place = match self.direction {
            Direction::In => format!("{} is in {}", self.name, path.display()),
            Direction::Out => format!("{} is at the peer", self.name),
        };
        let resumed = match (self.resumed_from, links) {
            (0, 0) => String::new(),
            (0, links) => format!(", over {} links", links + 1),
            (from, _) => format!(", resumed from byte {from}"),
        };
        let (size, rate) = (HumanBytes(self.size), HumanBytes(rate));
        print(&format!("{place}: {size}, {rate}/s{resumed}"));
    }

    /// It will not be whole.
    pub(crate) fn abandon(&self) {
        self.bar.abandon();
    }

    fn line(&self) -> Line {
        Line::default()
            .with("file", self.name.as_str())
            .with("size", self.size)
            .with("resumed_from", self.resumed_from)
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template(
        "{msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec} {eta} left",
    )
    .expect("the template is well formed")
    .progress_chars("=> ")
}

/// How often programs are told.
const INTERVAL: Duration = Duration::from_millis(200);
