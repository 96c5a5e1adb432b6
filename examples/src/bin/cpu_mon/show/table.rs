use crate::monitor::Monitor;
use crate::report::Report;
use crossterm::cursor::MoveToPreviousLine;
use crossterm::queue;
use crossterm::terminal::{Clear, ClearType};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// A table that is drawn over itself, one row a machine.
#[derive(Default)]
pub(super) struct Table {
    drawn: u16,
}

impl Table {
    pub(super) fn draw(
        &mut self,
        own: Option<&Report>,
        monitor: &Monitor,
        width: usize,
    ) -> io::Result<()> {
        let now = Instant::now();
        let mut rows = vec![heading()];
        rows.extend(own.map(|report| row(report, "this machine", Duration::ZERO)));
        for peer in monitor.peers() {
            let address = peer.address.to_string();
            rows.push(match &peer.report {
                Some((report, since)) => {
                    row(report, &address, now.saturating_duration_since(*since))
                }
                None => format!("{:<16} {address}: no report yet", "?"),
            });
        }
        if monitor.peers().next().is_none() {
            rows.push("no other machine yet".into());
        }
        let mut out = io::stdout().lock();
        if self.drawn > 0 {
            queue!(out, MoveToPreviousLine(self.drawn))?;
        }
        queue!(out, Clear(ClearType::FromCursorDown))?;
        for row in &rows {
            writeln!(out, "{}", cut(row, width))?;
        }
        self.drawn = u16::try_from(rows.len()).unwrap_or(u16::MAX);
        out.flush()
    }
}

/// A report on one plain line.
pub(super) fn line(report: &Report, from: &str) -> String {
    let [one, five, fifteen] = report.load_avg;
    let mut line = format!(
        "{}: cpu {:.1} %, load {one:.2} {five:.2} {fifteen:.2}, memory {:.1} % of {}, swap {:.1} % of {}",
        clean(&report.host),
        report.cpu_percent,
        report.memory_percent,
        size(report.memory_total),
        report.swap_percent,
        size(report.swap_total),
    );
    if let Some(celsius) = report.temp {
        let _ = write!(line, ", {celsius:.1} °C");
    }
    let _ = write!(line, " ({from})");
    line
}

fn heading() -> String {
    format!(
        "{:<16} {:<19} {:>5} {:<19} {:>9} {:<19} {:>8} {:>5}  address",
        "machine", "cpu", "load", "memory", "of", "swap", "temp", "age"
    )
}

fn row(report: &Report, from: &str, age: Duration) -> String {
    format!(
        "{:<16} {} {:>5.2} {} {:>9} {} {:>8} {:>5}  {from}",
        cut(&clean(&report.host), 16),
        bar(report.cpu_percent),
        report.load_avg[0],
        bar(report.memory_percent),
        size(report.memory_total),
        bar(report.swap_percent),
        report
            .temp
            .map_or_else(|| "-".into(), |celsius| format!("{celsius:.1} °C")),
        format!("{} s", age.as_secs()),
    )
}

/// A percentage as a bar of twelve cells and a figure.
fn bar(percent: f64) -> String {
    const CELLS: usize = 12;
    let full = (0..CELLS)
        .filter(|cell| *cell as f64 * 100.0 / CELLS as f64 + 1.0 < percent)
        .count();
    format!(
        "{}{} {percent:>5.1}%",
        "█".repeat(full),
        "·".repeat(CELLS - full)
    )
}

fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut bytes = bytes as f64;
    let mut unit = 0;
    while bytes >= 1024.0 && unit + 1 < UNITS.len() {
        bytes /= 1024.0;
        unit += 1;
    }
    format!("{bytes:.1} {}", UNITS[unit])
}

/// A name from the network without what could play tricks on a terminal.
fn clean(name: &str) -> String {
    name.chars()
        .filter(|char| !char.is_control())
        .take(64)
        .collect()
}

/// The first `width` characters.
fn cut(row: &str, width: usize) -> String {
    row.chars().take(width).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report {
            host: "rover\x1b[2J".into(),
            cpu_percent: 50.0,
            load_avg: [0.5, 0.25, 0.125],
            memory_percent: 100.0,
            memory_total: 8 << 30,
            swap_percent: 0.0,
            swap_total: 512,
            temp: Some(51.25),
        }
    }

    #[test]
    fn a_line_says_everything_and_nothing_to_the_terminal() {
        assert_eq!(
            line(&report(), "10.0.0.7:8227"),
            "rover[2J: cpu 50.0 %, load 0.50 0.25 0.12, memory 100.0 % of 8.0 GiB, swap 0.0 % of 512.0 B, \
             51.2 °C (10.0.0.7:8227)"
        );
    }

    #[test]
    fn bars_fill_with_the_percentage() {
        assert_eq!(bar(0.0), "············   0.0%");
        assert_eq!(bar(50.0), "██████······  50.0%");
        assert_eq!(bar(100.0), "████████████ 100.0%");
        assert_eq!(bar(f64::NAN), "············   NaN%");
    }

    #[test]
    fn rows_line_up_under_the_heading() {
        let row = row(&report(), "here", Duration::from_secs(7));
        let column = |text: &str, part: &str| text.find(part).map(|at| text[..at].chars().count());
        assert_eq!(column(&row, "here"), column(&heading(), "address"));
        assert!(row.contains("  7 s  here"));
    }
}
