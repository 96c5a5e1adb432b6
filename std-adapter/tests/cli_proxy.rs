//! `ropeway proxy` between real peers: what it shows, and what it does to their links.

mod cli;

use cli::{Running, ropeway, written};
use ropeway_std::hub::{Hub, Limits};
use ropeway_std::{Handlers, Options, messages, native};
use serde::{Deserialize, Serialize};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Reading {
    celsius: f32,
    number: u32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Limit {
    celsius: f32,
}

messages! {
    #[derive(Debug)]
    enum Station { Reading(Reading) = 0x10, Limit(Limit) = 0x11 -> bool where repeatable }
}

const REGISTRY: &str = r#"
[[message]]
name = "Reading"
code = 0x10
fields = { celsius = "f32", number = "u32" }
[[message]]
name = "Limit"
code = 0x11
fields = { celsius = "f32" }
answer = "bool"
repeatable = true
"#;

const LONG: Duration = Duration::from_secs(60);

fn config(name: &str) -> Arc<native::Config> {
    let config = native::config().name(name);
    Arc::new(config.registry(Station::ENTRIES, native::Policy::Enforce))
}

/// A hub that tells the numbers of the readings that it hears.
struct Served {
    address: SocketAddr,
    numbers: Receiver<u32>,
    stop: Box<dyn FnOnce()>,
    thread: JoinHandle<()>,
}

fn hub() -> Served {
    let (said, numbers) = mpsc::channel();
    let mut handlers = Handlers::<native::Native>::new();
    handlers.on::<Reading>(move |_, reading| said.send(reading.number).unwrap_or_default());
    handlers.answer::<Limit>(|_, limit| Ok(limit.celsius < 40.0));
    let config = config("hub");
    let hub = Hub::new(
        move |_| native::listening(&config),
        Options::default(),
        Limits::default(),
    );
    let mut hub = hub.unwrap().with_handlers(handlers);
    let listener = hub.listen("127.0.0.1:0").unwrap();
    let address = hub.address(listener).unwrap();
    let handle = hub.handle();
    let thread = thread::spawn(move || hub.run(|| false).unwrap());
    Served {
        address,
        numbers,
        stop: Box::new(move || handle.stop()),
        thread,
    }
}

impl Served {
    fn end(self) {
        (self.stop)();
        self.thread.join().unwrap();
    }
}

fn client(address: &str) -> native::Client {
    let dial = native::Dial::new(address.to_owned());
    dial.client(&config("rover"), Handlers::new()).unwrap()
}

#[test]
fn frames_of_a_real_session_are_named_and_read() {
    let hub = hub();
    let registry = written("proxy.toml", REGISTRY.as_bytes());
    let target = hub.address.to_string();
    let mut proxy = Running::proxy(&["-r", &registry, "127.0.0.1:0", &target]);
    let mut rover = client(&proxy.address);
    rover
        .send(&Reading {
            celsius: 21.5,
            number: 7,
        })
        .unwrap();
    assert!(rover.call(&Limit { celsius: 30.0 }, LONG).unwrap());
    rover.close(LONG).unwrap();
    assert_eq!(hub.numbers.recv_timeout(LONG), Ok(7));
    let lines = proxy.lines_until("ended after");
    let has = |what: &str| {
        let found = lines.iter().any(|line| line.contains(what));
        assert!(found, "{what}: {lines:#?}");
    };
    has("#1 127.0.0.1:");
    has("#1 this looks like the native protocol");
    has(r#"#1 ->      0 HELLO {"version":1"#);
    has(r#"#1 <-      0 WELCOME {"version":1,"outcome":"fresh","name":"hub""#);
    has(r#"message Reading 0x10 {"celsius":21.5,"number":7}"#);
    has("REQUEST Limit 0x11 #");
    has(r#"{"celsius":30.0}"#);
    has("RESPONSE Limit 0x11 #");
    has(r#"BYE {"reason":"the program is done"}"#);
    assert!(!lines.iter().any(|line| line.contains(" ! ")), "{lines:#?}");
    let (rest, code) = proxy.interrupt();
    let summary = rest.last().unwrap();
    assert!(summary.starts_with("1 links, "), "{summary}");
    assert!(
        summary.contains(" frames, ") && summary.contains(" bytes -> and "),
        "{summary}"
    );
    assert_eq!(code, 0);
    hub.end();
}

#[test]
fn nothing_is_lost_on_links_that_are_cut_after_so_many_bytes() {
    let hub = hub();
    let target = hub.address.to_string();
    let proxy = Running::proxy(&[
        "--json",
        "--kill-after",
        "700B",
        "-p",
        "native",
        "127.0.0.1:0",
        &target,
    ]);
    let mut rover = client(&proxy.address);
    for number in 0..500 {
        rover
            .send(&Reading {
                celsius: 0.5,
                number,
            })
            .unwrap();
    }
    rover.close(LONG).unwrap();
    let heard: Vec<u32> = (0..500)
        .map(|_| hub.numbers.recv_timeout(LONG).unwrap())
        .collect();
    assert_eq!(heard, (0..500).collect::<Vec<_>>());
    let (lines, code) = proxy.interrupt();
    assert_eq!(code, 0);
    let lines: Vec<serde_json::Value> = lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let cuts = lines.iter().filter(|line| line["end"] == "cut");
    let mut count = 0;
    for cut in cuts {
        let bytes = &cut["bytes"];
        assert_eq!(
            bytes[0].as_u64().unwrap() + bytes[1].as_u64().unwrap(),
            700,
            "{cut}"
        );
        count += 1;
    }
    assert!(count >= 3, "{count} links were cut");
    let titles = |title: &str| lines.iter().filter(|line| line["title"] == title).count();
    assert!(titles("HELLO") > count);
    // A session that goes on says so.
    let resumed = lines
        .iter()
        .filter(|line| line["body"]["outcome"] == "resumed");
    assert!(resumed.count() >= count - 1, "{lines:#?}");
    assert_eq!(
        lines
            .iter()
            .filter(|line| line["end"].is_null() && !line["error"].is_null())
            .count(),
        0
    );
    let summary = lines.last().unwrap();
    assert!(summary["links"].as_u64().unwrap() > 3, "{summary}");
    hub.end();
}

/// A way through the proxy between two sockets of one's own.
fn through(args: &[&str]) -> (Running, TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap().to_string();
    let proxy = Running::proxy(&[args, &["127.0.0.1:0", &target]].concat());
    let client = TcpStream::connect(&proxy.address).unwrap();
    let (server, _) = listener.accept().unwrap();
    for stream in [&client, &server] {
        stream.set_read_timeout(Some(LONG)).unwrap();
    }
    (proxy, client, server)
}

#[test]
fn a_link_is_cut_behind_the_last_frame_that_may_pass() {
    let (mut proxy, mut client, mut server) = through(&["--kill-after", "3f"]);
    let line = b"[\"MsgJoin\",{}]\n";
    client.write_all(line).unwrap();
    let mut first = vec![0; line.len()];
    server.read_exact(&mut first).unwrap();
    server.write_all(line).unwrap();
    client.read_exact(&mut first).unwrap();
    client.write_all(&line.repeat(10)).unwrap();
    let mut rest = Vec::new();
    // Whether it ends or breaks off, no more comes.
    let _ = server.read_to_end(&mut rest);
    assert_eq!(rest, line);
    let lines = proxy.lines_until("cut after");
    let cut = lines.last().unwrap();
    assert!(
        cut.ends_with("#1 cut after 3 frames, 30 bytes -> and 15 <-"),
        "{lines:#?}"
    );
    assert_eq!(
        lines
            .iter()
            .filter(|line| line.contains("message MsgJoin"))
            .count(),
        3
    );
    proxy.interrupt();
}

#[test]
fn a_link_is_cut_after_a_time() {
    let (mut proxy, mut client, _server) = through(&["--kill-after", "20ms"]);
    let mut rest = Vec::new();
    let _ = client.read_to_end(&mut rest);
    assert!(rest.is_empty());
    let lines = proxy.lines_until("cut after 0 frames");
    assert!(!lines.is_empty());
    proxy.interrupt();
}

#[test]
fn what_is_not_taken_is_not_read_and_comes_unchanged() {
    let (proxy, mut client, mut server) = through(&["-p", "cable-car-json"]);
    client
        .set_write_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    let padding = "x".repeat(8000);
    let line =
        |number: usize| format!("[\"Line\",{{\"n\":{number},\"x\":\"{padding}\"}}]\n").into_bytes();
    let mut written: Vec<u8> = Vec::new();
    loop {
        let next = line(written.len());
        match client.write(&next) {
            Ok(len) => written.extend(&next[..len]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                break;
            }
            Err(error) => panic!("{error}"),
        }
        assert!(written.len() < 256 << 20, "nobody pushes back");
    }
    client.shutdown(std::net::Shutdown::Write).unwrap();
    let mut read = Vec::new();
    server.read_to_end(&mut read).unwrap();
    assert!(
        read == written,
        "{} bytes became {}",
        written.len(),
        read.len()
    );
    // The other way is open still.
    server.write_all(b"[\"Done\",{}]\n").unwrap();
    drop(server);
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "[\"Done\",{}]\n");
    let (lines, _) = proxy.interrupt();
    let all = format!("{} bytes -> and 12 <-", written.len());
    assert!(lines.last().unwrap().contains(&all), "{:?}", lines.last());
}

#[test]
fn a_delay_is_there_each_way() {
    let (proxy, mut client, mut server) = through(&["--delay", "60ms"]);
    let start = Instant::now();
    client.write_all(b"[\"A\",{}]\n").unwrap();
    let mut piece = [0; 9];
    server.read_exact(&mut piece).unwrap();
    assert!(start.elapsed() >= Duration::from_millis(60));
    server.write_all(&piece).unwrap();
    client.read_exact(&mut piece).unwrap();
    assert!(start.elapsed() >= Duration::from_millis(120));
    proxy.interrupt();
}

#[test]
fn nothing_passes_on_a_stalled_link_and_nobody_is_told() {
    let (mut proxy, mut client, mut server) = through(&["--stall", "0"]);
    assert!(
        proxy
            .lines_until("stalled")
            .last()
            .unwrap()
            .contains("nothing passes from here on")
    );
    client.write_all(b"[\"A\",{}]\n").unwrap();
    drop(client);
    server
        .set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    let silent = server.read(&mut [0; 9]).unwrap_err();
    assert!(
        matches!(silent.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        "{silent}"
    );
    // Once nobody waits for it, it is over.
    drop(server);
    proxy.lines_until("ended after 0 frames, 0 bytes");
    proxy.interrupt();
}

#[test]
fn a_peer_that_never_stops_talking_keeps_nobody_from_being_heard() {
    let (proxy, mut client, mut server) = through(&["-p", "cable-car-json"]);
    let line = format!("[\"Line\",{{\"x\":\"{}\"}}]\n", "x".repeat(50_000));
    let talking = thread::spawn(move || while client.write_all(line.as_bytes()).is_ok() {});
    let hearing = thread::spawn(move || {
        let mut piece = vec![0; 1 << 16];
        while matches!(server.read(&mut piece), Ok(1..)) {}
    });
    let second = TcpStream::connect(&proxy.address).unwrap();
    let mut proxy = proxy;
    proxy.lines_until("#2 127.0.0.1:");
    drop(second);
    let (lines, code) = proxy.interrupt();
    assert_eq!(code, 0);
    assert!(
        lines.last().unwrap().starts_with("2 links, "),
        "{:?}",
        lines.last()
    );
    talking.join().unwrap();
    hearing.join().unwrap();
}

#[test]
fn it_ends_by_itself_after_a_time() {
    let ran = ropeway(
        &["proxy", "--for", "50ms", "127.0.0.1:0", "127.0.0.1:9"],
        b"",
    );
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert!(
        ran.lines()[0].starts_with("listening at 127.0.0.1:"),
        "{ran:?}"
    );
    assert_eq!(ran.lines()[1], "0 links, 0 frames, 0 bytes -> and 0 <-");
}

#[test]
fn who_finds_nobody_behind_it_is_sent_away_and_the_next_may_come() {
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let mut proxy = Running::proxy(&["127.0.0.1:0", &free.to_string()]);
    for number in 1..=2 {
        let mut client = TcpStream::connect(&proxy.address).unwrap();
        let mut rest = Vec::new();
        let _ = client.read_to_end(&mut rest);
        let lines = proxy.lines_until("not reached");
        assert!(
            lines
                .last()
                .unwrap()
                .contains(&format!("#{number} not reached: ")),
            "{lines:?}"
        );
    }
    let (_, code) = proxy.interrupt();
    assert_eq!(code, 0);
}

#[test]
fn every_bad_argument_is_told_with_its_exit_code() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let cases: &[(&[&str], i32, &str)] = &[
        (&["127.0.0.1:0", "no such host"], 3, "no such host:8225: "),
        (
            &["nowhere", "127.0.0.1"],
            2,
            "\"nowhere\" is no place to listen at",
        ),
        (&[&taken, "127.0.0.1"], 1, ": Address"),
        (
            &["-r", "nowhere.toml", "0", "127.0.0.1"],
            2,
            "nowhere.toml: ",
        ),
    ];
    for (args, code, wanted) in cases {
        let ran = ropeway(&[&["proxy"], *args].concat(), b"");
        assert_eq!(ran.code, *code, "{ran:?}");
        assert!(
            ran.stderr.contains(wanted) && ran.stderr.lines().count() == 1,
            "{wanted}: {ran:?}"
        );
    }
    for (option, text) in [
        ("--kill-after", "10"),
        ("--delay", "soon"),
        ("--stall", "-1"),
        ("--for", "1h"),
    ] {
        let ran = ropeway(
            &["proxy", &format!("{option}={text}"), "0", "127.0.0.1"],
            b"",
        );
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains("such as"), "{ran:?}");
    }
}
