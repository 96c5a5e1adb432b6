use crate::program::{Folder, Listening, ropeway, ropeway_unread, ropeway_with};
use crate::words;
use ropeway_std::any::Content;
use ropeway_std::call::Refused;
use ropeway_std::hub::{Hub, Limits, News, PeerInfo};
use ropeway_std::{Handlers, Options, native};
use std::net::TcpListener;
use std::sync::Arc;

#[test]
fn an_unknown_host_is_named() {
    let outcome = ropeway(&["send", "no-such-host.invalid", "0x10"]);
    let fault = outcome.fault(3);
    assert!(
        fault.contains("no host is called no-such-host.invalid"),
        "{fault}"
    );
    assert!(fault.contains("ropeway discover"), "{fault}");
}

#[test]
fn a_refused_port_is_named_in_every_protocol() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    for (protocol, key) in [
        ("native", "0x10"),
        ("cable-car-byte", "0x10"),
        ("cable-car-json", "Hello"),
        ("packetmq", "Hello"),
        ("clever-show", "hello"),
        ("tcptalks", "0x10"),
    ] {
        let outcome = ropeway(&["send", &address, "-p", protocol, key]);
        let fault = outcome.fault(3);
        let nobody = format!("nobody listens at {address}");
        assert!(fault.contains(&nobody), "{protocol}: {fault}");
    }
    let folder = Folder::new();
    let file = folder.write("a", "b");
    let put = ropeway(&["put", &address, "-p", "clever-show", &file]);
    assert!(put.fault(3).contains("nobody listens"), "{put:?}");
}

#[test]
fn a_peer_that_says_nothing_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    for protocol in ["native", "packetmq"] {
        let key = if protocol == "native" {
            "0x10"
        } else {
            "Hello"
        };
        let outcome = ropeway(&["send", &address, "-p", protocol, "-t", "0.3", key]);
        let fault = outcome.fault(3);
        assert!(fault.contains("does not answer"), "{fault}");
    }
}

#[test]
fn a_ground_server_that_takes_no_file_is_given_up() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap().to_string();
    // It takes connections, and reads nothing: more than the system keeps stays here.
    std::thread::spawn(move || server.incoming().collect::<Vec<_>>());
    let folder = Folder::new();
    let file = folder.write("a", vec![0; 64 << 20]);
    let (protocol, patience) = (["-p", "clever-show"], ["--patience", "0.3"]);
    let put = [&["put", &address, &file][..], &protocol, &patience].concat();
    let outcome = ropeway(&put);
    assert!(
        outcome.fault(5).contains("nothing has moved"),
        "{outcome:?}"
    );
}

#[test]
fn the_other_protocol_is_guessed() {
    let there = Listening::new(&["-p", "packetmq"]);
    for (protocol, key) in [
        ("native", "0x10"),
        ("clever-show", "hello"),
        ("tcptalks", "hello"),
    ] {
        let outcome = ropeway(&["call", &there.address, "-p", protocol, "-t", "2", key]);
        let fault = outcome.fault(4);
        assert!(fault.contains("looks like packetmq"), "{protocol}: {fault}");
    }
}

#[test]
fn bad_arguments_say_what_to_write() {
    let folder = Folder::new();
    let registry = words(&folder);
    let broken = folder.write(
        "broken.toml",
        "[[message]]\nname = \"A\"\nfields = { x = \"u17\" }\n",
    );
    for (arguments, told) in [
        (&["send", "h", "Reading"][..], "--registry"),
        (
            &["send", "h", "Reading", "{", "-r", &registry],
            "is no JSON",
        ),
        (&["send", "h", "Reading", "{}", "-r", &registry], "celsius"),
        (&["send", "h", "0x10", "0g", "--hex"], "no hex digit"),
        (
            &["send", "h", "Other", "-r", &registry],
            "the registry has Reading, Limit",
        ),
        (&["send", "h", "X", "-r", &broken], "broken.toml:3:"),
        (&["send", "h", "X", "-r", "/nowhere.toml"], "/nowhere.toml"),
        (&["send", "h", "0x10", "-k", "/nowhere.key"], "/nowhere.key"),
        (
            &["send", "h", "hi", "-p", "packetmq", "-k", "x"],
            "no secure links",
        ),
        (
            &["send", "h", "hi", "-p", "packetmq", "--password", "x"],
            "no passwords",
        ),
        (&["listen", "0", "--root", "/nowhere"], "is no folder"),
        (&["keygen", "two words"], "is no id for a key"),
        (&["get", "h", "folder/"], "names no file"),
        (&["get", "h", ""], "names no file"),
        (&["get", "h", "log", "/dev/stdin"], "is no file"),
    ] {
        // The peer is not asked before the message is known to be right; of host and key the host comes first.
        let arguments: Vec<&str> = arguments
            .iter()
            .map(|part| if *part == "h" { "127.0.0.1:1" } else { part })
            .collect();
        let outcome = ropeway(&arguments);
        let fault = outcome.fault(2);
        assert!(fault.contains(told), "{arguments:?}: {fault}");
    }
}

#[test]
fn a_taken_port_is_named() {
    let there = Listening::new(&[]);
    let outcome = ropeway(&["listen", &there.address]);
    assert!(
        outcome.fault(1).contains("another program listens there"),
        "{outcome:?}"
    );
}

#[test]
fn scripts_get_errors_as_json() {
    let outcome = ropeway(&["--json", "send", "127.0.0.1:1", "Reading"]);
    let fault: serde_json::Value = serde_json::from_str(outcome.fault(2)).unwrap();
    assert_eq!(fault["exit_code"], 2);
    assert_eq!(fault["error"], "no message is called Reading");
    assert!(fault["hint"].as_str().unwrap().contains("--registry"));
}

#[test]
fn wrong_arguments_are_a_line_of_json_too() {
    for arguments in [
        &["--json", "send"][..],
        &["nonsense", "--json"],
        &["--json", "bench", "127.0.0.1:1", "--seconds", "x"],
        &["--json", "listen", "--count", "-3"],
    ] {
        let outcome = ropeway(arguments);
        let fault: serde_json::Value = serde_json::from_str(outcome.fault(2)).unwrap();
        assert_eq!(fault["exit_code"], 2);
        let text = fault["error"].as_str().unwrap();
        assert!(!text.is_empty() && !text.starts_with("error"), "{text}");
    }
    ropeway(&["--json", "--version"]).is_done();
}

#[test]
fn nobody_need_read_what_is_printed() {
    for arguments in [&["keygen"][..], &["completions", "bash"]] {
        let outcome = ropeway_unread(arguments, false);
        assert_eq!(
            (outcome.code, outcome.err.as_str()),
            (0, ""),
            "{arguments:?}"
        );
    }
    for arguments in [
        &["send", "127.0.0.1:1", "Reading"][..],
        &["--json", "send", "127.0.0.1:1", "Reading"],
    ] {
        let outcome = ropeway_unread(arguments, true);
        assert_eq!(outcome.code, 2, "{arguments:?}");
    }
    let outcome = ropeway_unread(&["listen", "0", "--until-left", "0.1"], true);
    assert_eq!(outcome.code, 3, "{outcome:?}");
}

#[test]
fn an_interrupt_while_nobody_has_come_is_no_fault() {
    let mut there = Listening::new(&["--until-left", "3600"]);
    // What comes on the input does not end the wait.
    there.say("?0x10");
    there.news("error");
    there.say("?0x10");
    there.news("error");
    there.interrupt();
    assert_eq!(there.end(), Some(0));
}

#[test]
fn a_line_that_is_no_text_spoils_no_other() {
    let mut there = Listening::new(&[]);
    let outcome = ropeway_with(&["connect", &there.address], b"0x20\n\xFF\xFE\n0x21");
    assert_eq!(outcome.code, 2, "{outcome:?}");
    assert!(outcome.err.contains("not UTF-8"), "{outcome:?}");
    assert_eq!(there.line()["code"], 0x20);
    assert_eq!(there.line()["code"], 0x21);
}

#[test]
fn a_peer_that_talks_on_its_own_does_not_break_a_measurement() {
    let config = Arc::new(native::config());
    let dialect = move |_: &PeerInfo| native::listening(&config);
    let mut handlers = Handlers::new();
    handlers.news(|peers, news| {
        if let News::Joined(info) = news {
            for _ in 0..100 {
                peers.send(info.id, &Content::new(0x20, vec![])).unwrap();
            }
        }
    });
    handlers.on_table::<Content>(|peer, id, content| {
        if let Some(id) = id {
            peer.answer_any(id, &content.key, &content.body).unwrap();
        }
    });
    let hub = Hub::new(dialect, Options::default(), Limits::default()).unwrap();
    let mut hub = hub.with_handlers(handlers);
    let port = hub.listen("127.0.0.1:0").unwrap();
    let address = hub.address(port).unwrap().to_string();
    let handle = hub.handle();
    let hub = std::thread::spawn(move || hub.run(|| false).unwrap());
    let outcome = ropeway(&["bench", &address, "--seconds", "0.05"]);
    handle.stop();
    hub.join().unwrap();
    outcome.is_done();
}

#[test]
fn a_wrong_line_of_the_input_spoils_no_other() {
    let mut there = Listening::new(&[]);
    let input = "0x20\nnonsense here\n0x21\n";
    let outcome = ropeway_with(&["connect", &there.address], input);
    assert_eq!(outcome.code, 2, "{outcome:?}");
    assert!(outcome.err.contains("nonsense here"), "{outcome:?}");
    assert_eq!(there.line()["code"], 0x20);
    assert_eq!(there.line()["code"], 0x21);
}

#[test]
fn a_refused_call_fails_in_words() {
    let there = Listening::new(&[]);
    let outcome = ropeway(&["call", &there.address, "0x20"]);
    let fault = outcome.fault(1);
    assert!(fault.contains("does not handle such requests"), "{fault}");
    let cable_car = Listening::new(&["-p", "cable-car-byte"]);
    let outcome = ropeway(&["call", &cable_car.address, "-p", "cable-car-byte", "0x20"]);
    assert!(outcome.fault(2).contains("has no calls"), "{outcome:?}");
}

#[test]
fn what_a_peer_says_does_nothing_to_the_terminal() {
    let config = Arc::new(native::config());
    let dialect = move |_: &PeerInfo| native::listening(&config);
    let mut handlers = Handlers::new();
    handlers.on_table::<Content>(|peer, id, _| {
        let refused = Refused::new("Error", "\u{1b}[2Jgone\n");
        peer.refuse(id.unwrap(), &refused).unwrap();
    });
    let hub = Hub::new(dialect, Options::default(), Limits::default()).unwrap();
    let mut hub = hub.with_handlers(handlers);
    let port = hub.listen("127.0.0.1:0").unwrap();
    let address = hub.address(port).unwrap().to_string();
    let handle = hub.handle();
    let hub = std::thread::spawn(move || hub.run(|| false).unwrap());
    let outcome = ropeway(&["call", &address, "0x20"]);
    assert!(
        outcome.fault(1).contains("\\u{1b}[2Jgone\\n"),
        "{outcome:?}"
    );
    handle.stop();
    hub.join().unwrap();
}

#[test]
fn an_answer_that_is_none_of_the_registrys_fails() {
    let folder = Folder::new();
    let registry = words(&folder);
    let there = Listening::new(&["--echo"]);
    let call = [
        "call",
        &there.address,
        "Limit",
        r#"{"celsius":1}"#,
        "-r",
        &registry,
    ];
    let outcome = ropeway(&call);
    assert!(
        outcome.fault(4).contains("not what the registry says"),
        "{outcome:?}"
    );
    assert_eq!(outcome.lines()[0]["answer"]["hex"], "0000803f");
}
