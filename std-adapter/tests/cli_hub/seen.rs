//! What is seen of peers: their numbers, what happened, metrics, and events.

use super::rig::{Hub, LONG, Rover};
use super::with_rover;
use ropeway_std::any::Content;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};

#[test]
fn what_a_peer_says_is_counted() {
    let (hub, rover) = with_rover(&[]);
    for _ in 0..5 {
        rover.say(Content::new(0x10, vec![7; 100]));
    }
    let peer = hub.read_until("/api/peers/1", |peer| peer["messages_in"] == 5);
    assert!(peer["bytes_in"].as_u64().unwrap() > 500, "{peer}");
    assert_eq!(
        (&peer["name"], &peer["protocol"]),
        (&"rover".into(), &"native".into())
    );
    assert_eq!(peer["resumed"], 0);
    let peer = hub.read_until("/api/peers/1", |peer| !peer["round_trip_ms"].is_null());
    assert!(peer["round_trip_ms"].as_f64().unwrap() > 0.0);
    assert!(!peer["history"].as_array().unwrap().is_empty());
}

#[test]
fn what_happened_can_be_filtered() {
    let (hub, rover) = with_rover(&[]);
    rover.say(Content::new(0x10, b"a needle".to_vec()));
    rover.say(Content::new(0x11, b"some hay".to_vec()));
    let all = hub.read_until("/api/messages", |all| {
        all["messages"]
            .as_array()
            .unwrap()
            .iter()
            .any(|it| it["code"] == 0x11)
    });
    assert!(all["messages"].as_array().unwrap().len() >= 3);
    for (query, count) in [
        ("filter=NEEDLE", 1),
        ("filter=needle&peer=1", 1),
        ("filter=needle&peer=2", 0),
        ("peer=1&limit=2", 2),
        ("limit=1", 1),
        ("filter=joined", 1),
    ] {
        let found = hub.read(&format!("/api/messages?{query}"));
        assert_eq!(
            found["messages"].as_array().unwrap().len(),
            count,
            "{query}: {found}"
        );
    }
}

/// One sample of Prometheus' text format, by its rules: a name, labels in quotes with escapes, a number.
fn sample(line: &str) -> (String, HashMap<String, String>, f64) {
    let (name, rest) = line.split_at(line.find(['{', ' ']).unwrap());
    assert!(
        name.chars()
            .all(|char| char.is_ascii_alphanumeric() || char == '_' || char == ':')
    );
    let mut labels = HashMap::new();
    let mut rest = rest.strip_prefix('{').unwrap().to_owned();
    loop {
        let (label, value) = rest.split_once("=\"").unwrap();
        let (mut text, mut chars) = (String::new(), value.chars());
        loop {
            match chars.next().expect("a closing quote") {
                '"' => break,
                '\\' => text.push(match chars.next().unwrap() {
                    'n' => '\n',
                    same @ ('\\' | '"') => same,
                    other => panic!("\\{other} in {line}"),
                }),
                char => text.push(char),
            }
        }
        assert!(labels.insert(label.to_owned(), text).is_none(), "{line}");
        let after = chars.as_str().to_owned();
        match after.strip_prefix(',') {
            Some(more) => rest = more.to_owned(),
            None => {
                let value = after.strip_prefix("} ").unwrap();
                return (name.to_owned(), labels, value.parse().unwrap());
            }
        }
    }
}

#[test]
fn metrics_are_as_prometheus_reads_them() {
    let hub = Hub::of(&["native", "cable-car-byte"], &[]);
    let name = "ro\"ver\\\n{x=\"1\"}";
    let rover = Rover::new(&hub, name, None);
    hub.until("joined");
    rover.say(Content::new(0x10, vec![]));
    hub.read_until("/api/peers/1", |peer| {
        peer["messages_in"] == 1 && !peer["round_trip_ms"].is_null()
    });
    let response = hub.get("/metrics");
    assert!(
        response
            .head
            .contains("content-type: text/plain; version=0.0.4"),
        "{}",
        response.head
    );
    let (mut kinds, mut helped, mut seen) = (HashMap::new(), Vec::new(), HashMap::new());
    for line in response.body.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            helped.push(help.split(' ').next().unwrap().to_owned());
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert!(matches!(kind, "counter" | "gauge"));
            assert!(
                kinds.insert(name.to_owned(), kind.to_owned()).is_none(),
                "{name} twice"
            );
        } else {
            let (metric, labels, value) = sample(line);
            assert!(
                kinds.contains_key(&metric) && helped.contains(&metric),
                "{line}"
            );
            assert_eq!(
                kinds[&metric] == "counter",
                metric.ends_with("_total"),
                "{line}"
            );
            if let Some(of) = labels.get("name") {
                assert_eq!(of, name);
            }
            seen.insert(
                (
                    metric,
                    labels.get("protocol").cloned(),
                    labels.get("state").cloned(),
                ),
                value,
            );
        }
    }
    let value = |metric: &str, state: Option<&str>| {
        seen[&(
            metric.to_owned(),
            Some("native".to_owned()),
            state.map(str::to_owned),
        )]
    };
    assert_eq!(value("ropeway_peers", Some("here")), 1.0);
    assert_eq!(value("ropeway_peers", Some("away")), 0.0);
    assert_eq!(value("ropeway_messages_received_total", None), 1.0);
    assert!(value("ropeway_round_trip_seconds", None) > 0.0);
    assert!(value("ropeway_received_bytes_total", None) > 0.0);
}

/// The events of a stream: what they are called, and what they say.
struct Events(BufReader<std::net::TcpStream>);

impl Events {
    fn next(&mut self) -> (String, serde_json::Value) {
        let (mut event, mut line) = (String::new(), String::new());
        loop {
            line.clear();
            assert!(
                self.0.read_line(&mut line).unwrap() > 0,
                "the stream goes on"
            );
            if let Some(name) = line.strip_prefix("event: ") {
                event = name.trim().to_owned();
            }
            if let Some(data) = line.strip_prefix("data: ") {
                // A chunk ends with the event; its length is on a line of its own.
                return (event, serde_json::from_str(data).unwrap());
            }
        }
    }
}

#[test]
fn a_viewer_is_told_all_first_and_then_what_is_new() {
    let (hub, rover) = with_rover(&[]);
    let mut events = Events(BufReader::new(hub.request("GET", "/api/events", &[], b"")));
    let (event, hello) = events.next();
    assert_eq!(event, "hello");
    assert_eq!(hello["peers"][0]["name"], "rover");
    assert_eq!(hello["missed"], 0);
    rover.say(Content::new(0x10, b"news".to_vec()));
    loop {
        let (event, tick) = events.next();
        assert_eq!(event, "tick");
        if tick["log"]
            .as_array()
            .unwrap()
            .iter()
            .any(|it| it["code"] == 0x10)
        {
            break;
        }
    }
}

/// One who does not read misses ticks, and is told all again when it does: what waits for it does not grow.
#[test]
fn a_slow_viewer_is_told_that_it_has_missed_some() {
    let (hub, rover) = with_rover(&[]);
    let slow = hub.request("GET", "/api/events", &[], b"");
    socket2::SockRef::from(&slow)
        .set_recv_buffer_size(128 << 10)
        .unwrap();
    let mut quick = Events(BufReader::new(hub.request("GET", "/api/events", &[], b"")));
    let flood = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let (handle, goes_on) = (rover.handle.clone(), flood.clone());
    let flooding = std::thread::spawn(move || {
        while goes_on.load(std::sync::atomic::Ordering::Relaxed) {
            // A full queue is one that the hub empties.
            let content = Content::new(0x10, vec![0xAB; 2000]);
            if handle.post(move |peer| _ = peer.send(&content)).is_err() {
                std::thread::yield_now();
            }
        }
    });
    // Each tick says some hundred kilobytes; the system keeps a few megabytes for who does not read.
    for _ in 0..40 {
        quick.next();
    }
    let mut slow = Events(BufReader::new(slow));
    let began = std::time::Instant::now();
    let missed = loop {
        let (event, data) = slow.next();
        if event == "resync" {
            break data["missed"].as_u64().unwrap();
        }
        assert!(began.elapsed() < LONG);
    };
    assert!(missed > 0);
    flood.store(false, std::sync::atomic::Ordering::Relaxed);
    flooding.join().unwrap();
    let mut rest = [0; 1];
    slow.0.read_exact(&mut rest).unwrap();
}
