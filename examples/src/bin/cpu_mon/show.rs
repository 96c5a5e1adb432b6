mod table;

use crate::monitor::{Monitor, News};
use crate::report::Report;
use crate::settings::Settings;
use crossterm::terminal;
use serde_json::json;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};
use table::{Table, line};

/// What people and scripts see: a live table on a terminal, a line a report elsewhere, or lines of JSON.
pub(crate) struct Show {
    style: Style,
    verbose: bool,
    own: Option<Report>,
    table: Table,
    next_refresh: Instant,
}

enum Style {
    Table,
    Lines,
    Json,
}

impl Show {
    pub(crate) fn new(settings: &Settings) -> Self {
        let style = match (settings.json, io::stdout().is_terminal()) {
            (true, _) => Style::Json,
            (false, true) => Style::Table,
            (false, false) => Style::Lines,
        };
        let table = Table::default();
        Self {
            style,
            verbose: settings.verbose,
            own: None,
            table,
            next_refresh: Instant::now(),
        }
    }

    /// Says what is to be expected.
    pub(crate) fn greet(&self, monitor: &Monitor) {
        if !matches!(self.style, Style::Json) {
            let how = if monitor.is_listening() {
                ""
            } else {
                " (another copy has the TCP port: only calling)"
            };
            eprintln!(
                "looking for other machines{how}; run it on another one, or again here with --loopback"
            );
        }
    }

    /// Shows this machine's own figures.
    pub(crate) fn own(&mut self, report: &Report) -> io::Result<()> {
        if matches!(self.style, Style::Lines) {
            print(&line(report, "this machine"))?;
        }
        self.own = Some(report.clone());
        Ok(())
    }

    pub(crate) fn news(&mut self, news: &News) -> io::Result<()> {
        match news {
            News::Report { address, report } => match self.style {
                Style::Table => Ok(()),
                Style::Lines => print(&line(report, &address.to_string())),
                Style::Json => print(&json!({ "peer": address, "stats": report }).to_string()),
            },
            News::Note(note) => {
                if self.verbose {
                    eprintln!("{note}");
                }
                Ok(())
            }
        }
    }

    /// Draws the table anew, if it is time.
    pub(crate) fn refresh(&mut self, monitor: &Monitor) -> io::Result<()> {
        if !matches!(self.style, Style::Table) || Instant::now() < self.next_refresh {
            return Ok(());
        }
        self.next_refresh = Instant::now() + REFRESH;
        let width = terminal::size().map_or(80, |(columns, _)| columns.into());
        self.table.draw(self.own.as_ref(), monitor, width)
    }

    /// Says why it ends with nothing to show for it.
    pub(crate) fn farewell(&self, monitor: &Monitor) {
        if monitor.peers().next().is_none() {
            eprintln!("no other machine was found");
        }
    }
}

fn print(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}

const REFRESH: Duration = Duration::from_millis(500);
