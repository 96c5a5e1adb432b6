//! The same numbers for Prometheus, in its text format.

use super::Shared;
use crate::hub::state::{Known, State as Peers};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use std::fmt::{self, Write as _};

pub(super) async fn metrics(State(shared): State<Shared>) -> impl IntoResponse {
    let lines = shared
        .lines
        .iter()
        .map(|line| line.words().protocol.to_string());
    let text = write(&shared.board.state(), &lines.collect::<Vec<_>>());
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text,
    )
}

/// A number of each peer.
struct Metric {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    /// None where a peer has none.
    value: fn(&Known) -> Option<f64>,
}

fn write(state: &Peers, lines: &[String]) -> String {
    let mut text = String::new();
    head(
        &mut text,
        "ropeway_peers",
        "gauge",
        "Peers, by whether their sessions have a link.",
    );
    for protocol in lines {
        for (name, is_away) in [("here", false), ("away", true)] {
            let is_one = |known: &&Known| {
                known.protocol.to_string() == *protocol && known.is_away == is_away
            };
            let count = state.peers.values().filter(is_one).count();
            sample(
                &mut text,
                "ropeway_peers",
                &[("protocol", protocol), ("state", name)],
                count,
            );
        }
    }
    for Metric {
        name,
        kind,
        help,
        value,
    } in &METRICS
    {
        head(&mut text, name, kind, help);
        for (number, known) in &state.peers {
            let Some(value) = value(known) else {
                continue;
            };
            let address = known.whose.address.map(|address| address.to_string());
            let labels = [
                ("peer", number.to_string()),
                ("name", known.whose.who.clone().unwrap_or_default()),
                ("protocol", known.protocol.to_string()),
                ("address", address.unwrap_or_default()),
            ];
            let labels = labels
                .each_ref()
                .map(|(name, value)| (*name, value.as_str()));
            sample(&mut text, name, &labels, value);
        }
    }
    head(
        &mut text,
        "ropeway_refused_total",
        "counter",
        "What the hub has refused, by kind.",
    );
    for (line, refusals) in &state.refusals {
        let protocol = lines.get(*line).map_or("", String::as_str);
        for (kind, count) in [
            ("openings", refusals.openings),
            ("rules", refusals.rules),
            ("unknown", refusals.unknown),
            ("malformed", refusals.malformed),
        ] {
            sample(
                &mut text,
                "ropeway_refused_total",
                &[("protocol", protocol), ("kind", kind)],
                count,
            );
        }
    }
    text
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn sample(text: &mut String, name: &str, labels: &[(&str, &str)], value: impl fmt::Display) {
    let labels = labels
        .iter()
        .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)));
    let _ = writeln!(
        text,
        "{name}{{{}}} {value}",
        labels.collect::<Vec<_>>().join(",")
    );
}

/// As the format has it: a peer calls itself what it likes.
fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[allow(
    clippy::cast_precision_loss,
    reason = "numbers are floats in this format"
)]
const METRICS: [Metric; 7] = [
    Metric {
        name: "ropeway_messages_received_total",
        kind: "counter",
        help: "Messages, requests and answers from the peer.",
        value: |known| Some(known.last.messages_in as f64),
    },
    Metric {
        name: "ropeway_messages_sent_total",
        kind: "counter",
        help: "Messages, requests and answers to the peer.",
        value: |known| Some(known.last.messages_out as f64),
    },
    Metric {
        name: "ropeway_received_bytes_total",
        kind: "counter",
        help: "Bytes from the peer.",
        value: |known| Some(known.last.bytes_in as f64),
    },
    Metric {
        name: "ropeway_sent_bytes_total",
        kind: "counter",
        help: "Bytes to the peer.",
        value: |known| Some(known.last.bytes_out as f64),
    },
    Metric {
        name: "ropeway_queued_bytes",
        kind: "gauge",
        help: "Bytes that wait for the peer.",
        value: |known| Some(known.last.queued as f64),
    },
    Metric {
        name: "ropeway_resumed_total",
        kind: "counter",
        help: "How often the peer came back over another connection.",
        value: |known| Some(known.last.resumed as f64),
    },
    Metric {
        name: "ropeway_round_trip_seconds",
        kind: "gauge",
        help: "How long the peer took to answer the last ping, where its protocol has one.",
        value: |known| known.last.round_trip.map(|time| time.as_secs_f64()),
    },
];
