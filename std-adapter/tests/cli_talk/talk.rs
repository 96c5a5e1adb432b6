use crate::program::{Folder, Listening, ropeway, ropeway_with};
use crate::words;
use ropeway_std::discovery::{Native, Settings};
use serde_json::json;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const PROTOCOLS: [&str; 6] = [
    "native",
    "cable-car-byte",
    "cable-car-json",
    "packetmq",
    "clever-show",
    "tcptalks",
];

/// What each protocol can say, and what comes of it at the other end.
fn said(protocol: &str) -> (&'static str, serde_json::Value) {
    match protocol {
        "native" | "cable-car-byte" => (
            r#"Reading {"celsius":21.5,"label":"attic"}"#,
            json!({"name": "Reading", "code": 16, "body": {"celsius": 21.5, "label": "attic"}}),
        ),
        "cable-car-json" | "packetmq" => (
            r#"Reading {"celsius":21.5,"label":"attic"}"#,
            json!({"name": "Reading", "body": {"celsius": 21.5, "label": "attic"}}),
        ),
        "clever-show" => (
            r#"Reading {"args":[21.5],"kwargs":{"label":"attic"}}"#,
            json!({"name": "Reading", "args": [21.5], "kwargs": {"label": "attic"}}),
        ),
        _ => (
            r#"Reading {"args":[21.5],"kwargs":{"label":"attic"}}"#,
            json!({"name": "Reading", "code": 16, "args": [21.5], "kwargs": {"label": "attic"}}),
        ),
    }
}

/// The same without what tells of the peer.
fn bare(mut line: serde_json::Value) -> serde_json::Value {
    let fields = line.as_object_mut().expect("a line is an object");
    fields.retain(|name, _| !["from", "peer", "call"].contains(&name.as_str()));
    line
}

#[test]
fn a_message_arrives_in_every_protocol() {
    let folder = Folder::new();
    let registry = words(&folder);
    for protocol in PROTOCOLS {
        let speech = ["-p", protocol, "-r", &registry];
        let mut there = Listening::new(&speech);
        let (line, heard) = said(protocol);
        let (name, body) = line.split_once(' ').unwrap();
        let send = [&["send", &there.address, name, body], &speech[..]].concat();
        ropeway(&send).is_done();
        assert_eq!(bare(there.line()), heard, "{protocol}");
    }
}

#[test]
fn a_conversation_goes_both_ways_in_every_protocol() {
    let folder = Folder::new();
    let registry = words(&folder);
    for protocol in PROTOCOLS {
        let speech = ["-p", protocol, "-r", &registry];
        let mut there = Listening::new(&[&["--echo"], &speech[..]].concat());
        let (line, heard) = said(protocol);
        // Messages come back as they are, TCPTalks's and others' alike, before the input has been over for long.
        let connect = ["connect", &there.address, "--wait", "0.5"];
        let outcome = ropeway_with(&[&connect[..], &speech[..]].concat(), format!("{line}\n"));
        outcome.is_done();
        assert_eq!(bare(there.line()), heard, "{protocol}");
        if protocol != "tcptalks" {
            assert_eq!(outcome.lines(), [heard], "{protocol}");
        }
    }
}

#[test]
fn a_call_is_answered_by_echo_where_there_are_calls() {
    for (protocol, message, answer) in [
        ("native", ["0x20", "0aff"], json!({"hex": "0aff"})),
        ("clever-show", ["position", "[1,2]"], json!([1, 2])),
        ("tcptalks", ["0x20", r#"{"x":1}"#], json!({"x": 1})),
    ] {
        let there = Listening::new(&["--echo", "-p", protocol]);
        let hex = ["--hex"].repeat(usize::from(protocol == "native"));
        let call = [
            &["call", &there.address, "-p", protocol],
            &message[..],
            &hex,
        ]
        .concat();
        let outcome = ropeway(&call);
        outcome.is_done();
        assert_eq!(outcome.lines()[0]["answer"], answer, "{protocol}");
    }
}

#[test]
fn whoever_runs_it_replies_to_calls() {
    let folder = Folder::new();
    let registry = words(&folder);
    let mut there = Listening::new(&["--reply", "-r", &registry]);
    let address = there.address.clone();
    std::thread::scope(|scope| {
        let call = [
            "call",
            &address,
            "Limit",
            r#"{"celsius":41}"#,
            "-r",
            &registry,
        ];
        let asking = scope.spawn(move || ropeway(&call));
        let asked = there.line();
        assert_eq!(asked["name"], "Limit");
        assert_eq!(asked["call"], 1);
        there.say(r#"{"reply":1,"body":"warm"}"#);
        let wrong = there.news("error")["error"].to_string();
        assert!(wrong.contains("Limit"), "{wrong}");
        there.say(r#"{"reply":1,"body":true}"#);
        let answered = asking.join().unwrap();
        answered.is_done();
        assert_eq!(answered.lines()[0]["answer"], true);
    });
}

#[test]
fn what_is_said_while_listening_goes_to_all_peers() {
    let mut there = Listening::new(&[]);
    let address = there.address.clone();
    std::thread::scope(|scope| {
        let connect = |name: &'static str| {
            let address = address.clone();
            let connect = move || {
                let arguments = ["connect", &address, "--name", name, "--wait", "2"];
                ropeway_with(&arguments, "0x21\n")
            };
            scope.spawn(connect)
        };
        let peers = [connect("a"), connect("b")];
        let mut names = [there.line(), there.line()].map(|line| line["peer"].to_string());
        names.sort();
        assert_eq!(names, ["\"a\"", "\"b\""]);
        there.say(r#"{"code":34,"hex":"01"}"#);
        for peer in peers {
            let outcome = peer.join().unwrap();
            assert_eq!(outcome.lines(), [json!({"code": 34, "hex": "01"})]);
        }
    });
}

#[test]
fn a_secure_link_needs_the_same_key() {
    let folder = Folder::new();
    let (ours, theirs) = (folder.path("ours.key"), folder.path("theirs.key"));
    ropeway(&["keygen", "rover", "--out", &ours]).is_done();
    ropeway(&["keygen", "rover", "--out", &theirs]).is_done();
    let again = ropeway(&["keygen", "rover", "--out", &ours]);
    assert!(again.fault(1).contains("ours.key"));

    let there = Listening::new(&["--echo", "--key", &ours]);
    let call = ["call", &there.address, "0x20", "--key"];
    ropeway(&[&call[..], &[&ours]].concat()).is_done();
    let wrong = ropeway(&[&call[..], &[&theirs]].concat());
    assert!(wrong.fault(4).contains("same --key"), "{wrong:?}");
    let none = ropeway(&["call", &there.address, "0x20"]);
    assert!(none.fault(4).contains("same --key"), "{none:?}");
}

#[test]
fn a_password_is_asked_for_in_tcptalks() {
    let speech = ["-p", "tcptalks", "--password"];
    let there = Listening::new(&[&["--echo"], &speech[..], &["sesame"]].concat());
    let call = [&["call", &there.address, "0x20", "[1]"], &speech[..]].concat();
    ropeway(&[&call[..], &["sesame"]].concat()).is_done();
    let wrong = ropeway(&[&call[..], &["guess"]].concat());
    assert!(matches!(wrong.code, 3..=5), "{wrong:?}");
    assert_eq!(wrong.err.lines().count(), 1, "{wrong:?}");
}

#[test]
fn a_link_is_measured_in_every_protocol() {
    let folder = Folder::new();
    let registry = words(&folder);
    for protocol in PROTOCOLS {
        let speech = ["-p", protocol, "-r", &registry];
        let there = Listening::new(&[&["--echo", "--quiet"], &speech[..]].concat());
        let bench = ["bench", &there.address, "--seconds", "0.05", "--json"];
        let outcome = ropeway(&[&bench[..], &speech].concat());
        outcome.is_done();
        let lines = outcome.lines();
        assert_eq!(lines.len(), 3, "{protocol}: {outcome:?}");
        assert!(
            lines[0]["p50_us"].as_f64() > Some(0.0),
            "{protocol}: {outcome:?}"
        );
        assert!(
            lines
                .iter()
                .all(|line| line["per_second"].as_f64() > Some(0.0)),
            "{protocol}: {outcome:?}"
        );
    }
}

#[test]
fn it_lists_who_is_there() {
    // A port of its own, so that nothing else on the machine is found.
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    drop(socket);
    let at = port.to_string();
    let discover = ["discover", "-p", "native", "--udp-port", &at, "--seconds"];
    let alone = ropeway(&[&discover[..], &["0.2"]].concat());
    assert!(alone.fault(3).contains("nobody is there"));

    let attic = Native::named("attic").udp_port(port).port(8225);
    let mut attic = Settings::native(attic).start().unwrap();
    let is_over = AtomicBool::new(false);
    let listed = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                attic.poll(Duration::from_millis(10)).unwrap();
            }
        });
        let listed = ropeway(&[&discover[..], &["2.5", "--json"]].concat());
        is_over.store(true, Ordering::Relaxed);
        listed
    });
    listed.is_done();
    let found = listed.lines().remove(0);
    assert_eq!(
        (&found["name"], &found["protocol"]),
        (&"attic".into(), &"native".into())
    );
    assert!(
        found["address"].as_str().unwrap().ends_with(":8225"),
        "{found}"
    );
}

#[test]
fn shells_complete_it() {
    let script = ropeway(&["completions", "bash"]);
    script.is_done();
    assert!(script.out.contains("--protocol"));
}

/// The peer hears of it, where it would else wait for the program to come back.
#[cfg(unix)]
#[test]
fn an_interrupt_ends_the_session_in_words() {
    let mut there = Listening::new(&[]);
    let mut other = Listening::connecting(&there.address);
    there.news("joined");
    other.interrupt();
    let left = there.news("left");
    assert!(left["why"].as_str().unwrap().contains("done"), "{left}");
    assert_eq!(other.end(), Some(0));
    there.interrupt();
    assert_eq!(there.end(), Some(0));
}
