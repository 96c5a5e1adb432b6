//! What is said to peers.

use super::rig::{ANY, Hub, LONG, Rover};
use super::with_rover;
use ropeway_std::any::{Body, Content, Question};
use ropeway_std::call::CallError;
use ropeway_std::dialect::cable_car::{CableCarByte, CableCarJson};
use ropeway_std::dialect::clever_show::CleverShow;
use ropeway_std::packetmq::{Packetmq, Packets, Policy};
use ropeway_std::value::Value;
use ropeway_std::{Connect, Event, Link, Options, tcptalks};
use std::fs;
use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::time::Duration;

fn link<D: ropeway_std::any::Anything>(hub: &Hub, protocol: &str, dialect: D) -> Link<D> {
    let connect = Connect::new(hub.port(protocol));
    connect.link(dialect, &Options::default()).unwrap()
}

/// A registry of one message.
fn registry(of: &str, message: &str) -> PathBuf {
    let name = format!("ropeway-cli-hub-{}-{of}.toml", std::process::id());
    let path = std::env::temp_dir().join(name);
    fs::write(&path, format!("[[message]]\n{message}")).unwrap();
    path
}

#[test]
fn peers_of_all_six_protocols_are_there_at_once() {
    let protocols = [
        "native",
        "cable-car-byte",
        "cable-car-json",
        "packetmq",
        "clever-show",
        "tcptalks",
    ];
    let registry = registry("six", "name = \"chat:msg\"\ncode = 17\n");
    let hub = Hub::of(&protocols, &["--registry", registry.to_str().unwrap()]);
    fs::remove_file(registry).unwrap();
    let _native = Rover::new(&hub, "rover", None);
    let mut byte = link(&hub, "cable-car-byte", CableCarByte);
    let mut json = link(&hub, "cable-car-json", CableCarJson);
    let mut packets = Packets::default();
    packets.add("chat:msg", 17).unwrap();
    let mut packetmq = link(&hub, "packetmq", Packetmq::new(Policy::Adaptive, packets));
    let mut clever = link(&hub, "clever-show", CleverShow::new());
    let dialect = tcptalks::Dialect::dialling(tcptalks::Values::new(100), 1);
    let mut talks = link(&hub, "tcptalks", dialect);
    let mut number_of = Vec::new();
    let began = std::time::Instant::now();
    while number_of.len() < protocols.len() {
        // Openings are done by whoever turns them.
        let _ = packetmq.recv::<Content>(Duration::from_millis(1)).unwrap();
        let _ = talks.recv::<Content>(Duration::from_millis(1)).unwrap();
        let peers = hub.read("/api/peers");
        let peers = peers["peers"].as_array().unwrap().iter();
        number_of = peers
            .map(|peer| (peer["protocol"].clone(), peer.clone()))
            .collect();
        assert!(began.elapsed() < LONG, "{number_of:?}");
    }
    let found = |protocol: &str| {
        let mut found = number_of.iter().filter(|(of, _)| of == protocol);
        let (peer, none) = (found.next().unwrap().1.clone(), found.next());
        assert!(none.is_none());
        peer
    };
    for (protocol, body, calls, files) in [
        ("native", "bytes", true, true),
        ("cable-car-byte", "bytes", false, false),
        ("cable-car-json", "value", false, false),
        ("packetmq", "value", false, false),
        ("clever-show", "arguments", true, false),
        ("tcptalks", "arguments", true, false),
    ] {
        let peer = found(protocol);
        assert_eq!(peer["body"], body, "{peer}");
        assert_eq!(
            (&peer["calls"], &peer["files"]),
            (&calls.into(), &files.into()),
            "{peer}"
        );
        if protocol != "native" {
            assert!(peer["round_trip_ms"].is_null(), "{peer}");
        }
        let path = format!("/api/peers/{}", peer["id"]);
        let any = match body {
            "bytes" => "\"code\":16",
            _ => "\"name\":\"x\"",
        };
        let call = hub.post(
            &format!("{path}/calls"),
            &format!(r#"{{{any},"timeout_ms":1}}"#),
        );
        let file = hub.ask("PUT", &format!("{path}/files/x"), &[], b"x");
        let unable = call.status == 422;
        assert_eq!(unable, !calls, "{call:?}");
        assert_eq!(file.status, if files { 202 } else { 422 }, "{file:?}");
    }
    let say = |protocol: &str, said: &str| {
        let path = format!("/api/peers/{}/messages", found(protocol)["id"]);
        let response = hub.post(&path, said);
        assert_eq!(response.status, 202, "{response:?}");
    };
    say("cable-car-byte", r#"{"code":"0x20","hex":"0102"}"#);
    say(
        "cable-car-json",
        r#"{"name":"MsgChat","body":{"big":123456789012345678901234567890}}"#,
    );
    say("clever-show", r#"{"name":"takeoff","args":[1]}"#);
    let heard = |said: Option<ropeway_std::Event<'_, CableCarByte, Content>>| format!("{said:?}");
    assert!(heard(byte.recv(LONG).unwrap()).contains("Code(32), body: Bytes([1, 2])"));
    let big: Value = r#"{"big":123456789012345678901234567890}"#.parse().unwrap();
    match json.recv::<Content>(LONG).unwrap() {
        Some(Event::Message(heard)) => assert_eq!(heard, Content::new("MsgChat", big)),
        other => panic!("{other:?}"),
    }
    // What was called before comes first.
    let mut heard = String::new();
    while !heard.contains("takeoff") {
        heard = format!("{:?}", clever.recv::<Content>(LONG).unwrap());
    }
}

#[test]
fn a_call_waits_for_its_answer_or_its_deadline() {
    let (hub, rover) = with_rover(&[]);
    let call = |json: &str| hub.post("/api/peers/1/calls", json);
    let answer = call(r#"{"code":"0x20","text":"echo"}"#);
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (200, r#"{"answer":{"hex":"6563686f"}}"#)
    );
    rover.until("echo");
    let late = call(r#"{"code":"0x20","timeout_ms":1}"#);
    assert_eq!(
        (late.status, late.body.as_str()),
        (504, r#"{"error":"no answer in time"}"#)
    );
    let request = hub.until("request");
    assert_eq!(
        (&request["call"], &request["hex"]),
        (&true.into(), &"6563686f".into())
    );
    let answer = hub.until("answer");
    assert_eq!(
        (&answer["answer_to"], &answer["answer"]["hex"]),
        (&"0x20".into(), &"6563686f".into())
    );
    assert_eq!(hub.until("answer")["error"], "no answer in time");
}

#[test]
fn what_is_wrong_with_a_request_is_said_as_json() {
    let (hub, _rover) = with_rover(&[]);
    let say = |json: &str| hub.post("/api/peers/1/messages", json);
    let long = format!(r#"{{"code":16,"hex":"{}"}}"#, "00".repeat(1 << 20));
    for (response, status, says) in [
        (say("{"), 400, "no JSON"),
        (say("[1]"), 400, "a JSON object"),
        (say("{}"), 400, "neither `name` nor `code`"),
        (say(r#"{"code":16,"hex":"1"}"#), 400, "half of a byte"),
        (say(r#"{"code":16,"body":{}}"#), 400, "is not known"),
        (say(r#"{"code":16,"call":true}"#), 400, "/calls"),
        (say(r#"{"code":"0xE0"}"#), 422, ""),
        (say(&long), 413, "at most"),
        (
            hub.post("/api/peers/7/messages", r#"{"code":16}"#),
            404,
            "no peer 7",
        ),
        (
            hub.post("/api/peers/x/calls", r#"{"code":16}"#),
            404,
            "no peer x",
        ),
        (
            hub.post("/api/peers/1/calls", r#"{"code":16,"timeout_ms":-1}"#),
            400,
            "timeout_ms",
        ),
        (hub.get("/api/peers/7"), 404, "no peer 7"),
        (hub.get("/api/messages?limit=x"), 400, "limit"),
        (hub.get("/no-such"), 404, "no such page"),
        (hub.post("/api/peers", ""), 405, "cannot be done"),
        (
            hub.ask("DELETE", "/api/peers/7", &[], b""),
            404,
            "no peer 7",
        ),
        (
            hub.ask("PUT", "/api/peers/1/files/..%2Fx", &[], b""),
            400,
            "..",
        ),
    ] {
        assert_eq!(response.status, status, "{response:?}");
        let error: serde_json::Value = serde_json::from_str(&response.body).unwrap();
        assert!(error["error"].as_str().unwrap().contains(says), "{error}");
    }
    assert_eq!(say(r#"{"code":16,"text":"still there"}"#).status, 202);
}

#[test]
fn a_peer_that_is_disconnected_has_left_for_good() {
    let (hub, rover) = with_rover(&[]);
    assert_eq!(hub.ask("DELETE", "/api/peers/1", &[], b"").status, 204);
    assert_eq!(hub.until("left")["peer"], 1);
    rover.until("lost");
    assert_eq!(hub.get("/api/peers/1").status, 404);
}

#[test]
fn a_file_that_is_put_on_a_peer_arrives_and_leaves_nothing_behind() {
    let folder = std::env::temp_dir().join(format!("ropeway-cli-hub-{}", std::process::id()));
    let (inbox, temporary) = (folder.join("inbox"), folder.join("tmp"));
    fs::create_dir_all(&inbox).unwrap();
    fs::create_dir_all(&temporary).unwrap();
    let mut hub = Hub::native_in(&temporary);
    let rover = Rover::new(&hub, "rover", Some(&inbox));
    hub.until("joined");
    let content = "all is well\n".repeat(30_000);
    let put = |path: &str, content: &str| hub.ask("PUT", path, &[], content.as_bytes());
    assert_eq!(
        put("/api/peers/1/files/logs/to%20day.log", &content).status,
        202
    );
    rover.until("file logs/to day.log");
    assert_eq!(
        fs::read_to_string(inbox.join("logs/to day.log")).unwrap(),
        content
    );
    loop {
        let told = hub.until("file");
        if told["text"].as_str().unwrap().ends_with("done") {
            break;
        }
    }
    let kept = fs::read_dir(&temporary).unwrap().next().unwrap().unwrap();
    assert_eq!(fs::read_dir(kept.path()).unwrap().count(), 0);
    let too_long = [("Content-Length", "999999999999")];
    let refused = hub.ask("PUT", "/api/peers/1/files/long", &too_long, b"");
    assert!(matches!(refused.status, 400 | 413), "{refused:?}");
    assert_eq!(hub.interrupt(), Some(0));
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);
    drop(rover);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn requests_are_refused_unless_they_are_to_be_answered() {
    let (said, heard) = channel();
    let ask = |rover: &Rover| {
        let said = said.clone();
        let asked = rover.handle.post(move |peer| {
            let question = Question::new(Content::new(0x20, b"x".to_vec()), LONG);
            peer.ask_any(&question, move |_, answer| said.send(answer).unwrap())
                .unwrap();
        });
        asked.unwrap();
    };
    let (_hub, rover) = with_rover(&[]);
    ask(&rover);
    assert_eq!(heard.recv_timeout(LONG).unwrap(), Err(CallError::Unhandled));
    let (hub, rover) = with_rover(&["--echo"]);
    ask(&rover);
    assert_eq!(
        heard.recv_timeout(LONG).unwrap(),
        Ok(Body::Bytes(b"x".to_vec()))
    );
    assert_eq!(hub.until("answer")["direction"], "out");
}

#[test]
fn a_registry_says_what_bytes_mean() {
    let path = registry(
        "bytes",
        "name = \"Reading\"\ncode = 0x10\nfields = { celsius = \"f32\" }\n",
    );
    let (hub, rover) = with_rover(&["--registry", path.to_str().unwrap()]);
    rover.say(Content::new(0x10, 21.5_f32.to_le_bytes().to_vec()));
    let line = hub.until("message");
    assert_eq!(
        (&line["name"], &line["code"], &line["body"]["celsius"]),
        (&"Reading".into(), &0x10.into(), &21.5.into())
    );
    let shown = hub.read_until("/api/messages?filter=celsius", |shown| {
        !shown["messages"][0].is_null()
    });
    let shown = &shown["messages"][0];
    assert_eq!(
        (&shown["title"], &shown["says"]),
        (&"Reading 0x10".into(), &r#"{"celsius":21.5}"#.into())
    );
    let said = r#"{"name":"Reading","body":{"celsius":1.5}}"#;
    assert_eq!(hub.post("/api/peers/1/messages", said).status, 202);
    let heard = rover.until("0x10");
    assert_eq!(
        heard,
        format!("0x10 {}", String::from_utf8_lossy(&1.5_f32.to_le_bytes()))
    );
    let wrong = hub.post(
        "/api/peers/1/messages",
        r#"{"name":"Reading","body":{"kelvin":1}}"#,
    );
    assert_eq!(wrong.status, 400, "{wrong:?}");
    assert_eq!(hub.read("/api/hub")["messages"][0], "Reading");
    fs::remove_file(path).unwrap();
}

#[test]
fn several_hubs_of_one_protocol_are_told_apart() {
    let hub = Hub::of(&["native", "native"], &[]);
    assert_eq!(hub.ports.len(), 2);
    assert_ne!(hub.ports[0].1, hub.ports[1].1);
    assert_ne!(ANY.parse(), Ok(hub.ports[0].1));
}
