//! `ropeway decode`, as a program: recorded streams, digits and captures, good and bad.

mod cli;

use cli::{Ran, hex, ropeway, written};
use etherparse::PacketBuilder;
use serde_json::Value;

const HELLO: &str = "39 e0 01 01 08 07 06 05 04 03 02 01 00 00 00 00 00 00 00 00 00 00 00 00 80 03 00 00 80 03 00 00 be 05 0c c0 12 21 fa cf b8 0b 00 00 00 00 00 00 00 00 00 00 62 6f 61 72 64";
const WELCOME: &str = "37 e1 01 00 18 17 16 15 14 13 12 11 d6 d7 3d 64 67 64 8b 04 00 00 00 00 80 03 00 00 80 03 00 00 ae 9b 87 5c 5d a4 60 a6 00 00 00 00 00 00 00 00 00 00 00 00 68 75 62";
/// A message of code 0x10, a call of code 0x11 and, the other way, its answer.
const SAID: &str = "09 10 00 00 ac 41 02 68 69 07 e8 07 00 00 00 11";
const ANSWER: &str = "07 e9 07 00 00 00 01";

const REGISTRY: &str = r#"
[[message]]
name = "Reading"
code = 0x10
fields = { celsius = "f32", label = "string" }
[[message]]
name = "Limit"
code = 0x11
answer = "bool"
"#;

fn decode(args: &[&str], input: &[u8]) -> Ran {
    ropeway(&[&["decode"], args].concat(), input)
}

/// The client's and the server's bytes of one connection.
fn native() -> [Vec<u8>; 2] {
    [
        [hex(HELLO), hex(SAID)].concat(),
        [hex(WELCOME), hex(ANSWER)].concat(),
    ]
}

#[derive(Clone, Copy)]
enum Link {
    Ethernet,
    Ethernet6,
    Raw,
    Loopback,
    Cooked,
    Cooked2,
}

impl Link {
    const ALL: [Self; 6] = [
        Self::Ethernet,
        Self::Ethernet6,
        Self::Raw,
        Self::Loopback,
        Self::Cooked,
        Self::Cooked2,
    ];

    const fn number(self) -> u16 {
        match self {
            Self::Ethernet | Self::Ethernet6 => 1,
            Self::Raw => 101,
            Self::Loopback => 0,
            Self::Cooked => 113,
            Self::Cooked2 => 276,
        }
    }
}

/// A segment: from the client or not, its number, its marks, what it holds.
#[derive(Clone)]
struct Segment {
    is_forth: bool,
    seq: u32,
    marks: &'static str,
    bytes: Vec<u8>,
    port: u16,
}

fn segment(is_forth: bool, seq: u32, marks: &'static str, bytes: &[u8]) -> Segment {
    let bytes = bytes.to_vec();
    Segment {
        is_forth,
        seq,
        marks,
        bytes,
        port: 8225,
    }
}

impl Segment {
    fn packet(&self, link: Link) -> Vec<u8> {
        let ethernet = PacketBuilder::ethernet2([1; 6], [2; 6]);
        let (from, to) = match self.is_forth {
            true => ([10, 0, 0, 1], [10, 0, 0, 2]),
            false => ([10, 0, 0, 2], [10, 0, 0, 1]),
        };
        let ip = match link {
            Link::Ethernet6 => {
                let wide = |address: [u8; 4]| {
                    let mut wide = [0; 16];
                    wide[12..].copy_from_slice(&address);
                    wide[0] = 0xFD;
                    wide
                };
                ethernet.ipv6(wide(from), wide(to), 64)
            }
            _ => ethernet.ipv4(from, to, 64),
        };
        let ports = match self.is_forth {
            true => (50_000, self.port),
            false => (self.port, 50_000),
        };
        let mut tcp = ip.tcp(ports.0, ports.1, self.seq, 1000);
        if self.marks.contains('S') {
            tcp = tcp.syn();
        }
        if self.marks.contains('F') {
            tcp = tcp.fin();
        }
        if self.marks.contains('R') {
            tcp = tcp.rst();
        }
        if self.marks.contains('A') {
            tcp = tcp.ack(1);
        }
        let mut packet = Vec::new();
        tcp.write(&mut packet, &self.bytes).unwrap();
        let ip = packet[14..].to_vec();
        match link {
            Link::Ethernet | Link::Ethernet6 => {
                // Short frames are padded.
                packet.resize(packet.len().max(60), 0);
                packet
            }
            Link::Raw => ip,
            Link::Loopback => [&2_u32.to_le_bytes()[..], &ip].concat(),
            Link::Cooked => [&[0; 14][..], &[8, 0], &ip].concat(),
            Link::Cooked2 => [&[8, 0][..], &[0; 18], &ip].concat(),
        }
    }
}

/// A whole connection: opened, with all that was said, and closed.
fn connection() -> Vec<Segment> {
    let [client, server] = native();
    vec![
        segment(true, 99, "S", &[]),
        segment(false, 499, "SA", &[]),
        segment(true, 100, "A", &client[..57]),
        segment(false, 500, "A", &server[..55]),
        segment(true, 157, "A", &client[57..]),
        segment(false, 555, "A", &server[55..]),
        segment(true, 173, "FA", &[]),
        segment(false, 562, "FA", &[]),
        segment(true, 174, "A", &[]),
    ]
}

fn bytes_of(number: u32, is_big: bool) -> [u8; 4] {
    match is_big {
        true => number.to_be_bytes(),
        false => number.to_le_bytes(),
    }
}

/// A classic capture, a packet every 1.5 ms.
fn pcap(segments: &[Segment], link: Link, is_big: bool) -> Vec<u8> {
    let number = |number| bytes_of(number, is_big);
    let mut file = number(0xA1B2_C3D4).to_vec();
    file.extend(if is_big { [0, 2, 0, 4] } else { [2, 0, 4, 0] });
    file.extend([0; 8]);
    file.extend(number(65_535));
    file.extend(number(link.number().into()));
    for (index, segment) in (0..).zip(segments) {
        let packet = segment.packet(link);
        let len = u32::try_from(packet.len()).unwrap();
        for field in [1_700_000_000, index * 1500, len, len] {
            file.extend(number(field));
        }
        file.extend(packet);
    }
    file
}

/// The same as pcapng.
fn pcapng(segments: &[Segment], link: Link, is_big: bool) -> Vec<u8> {
    let number = |number| bytes_of(number, is_big);
    let block = |kind: u32, body: &[u8]| {
        let padding = vec![0; body.len().next_multiple_of(4) - body.len()];
        let len = u32::try_from(12 + body.len() + padding.len()).unwrap();
        [
            &number(kind)[..],
            &number(len),
            body,
            &padding,
            &number(len),
        ]
        .concat()
    };
    let version = if is_big { [0, 1, 0, 0] } else { [1, 0, 0, 0] };
    let section = [&number(0x1A2B_3C4D)[..], &version, &[0xFF; 8]].concat();
    let mut file = block(0x0A0D_0D0A, &section);
    let linktype = match is_big {
        true => link.number().to_be_bytes(),
        false => link.number().to_le_bytes(),
    };
    let interface = [&linktype[..], &[0, 0], &number(65_535)].concat();
    file.extend(block(1, &interface));
    for (index, segment) in (0_u64..).zip(segments) {
        let packet = segment.packet(link);
        let len = u32::try_from(packet.len()).unwrap();
        let micros = 1_700_000_000_000_000 + index * 1500;
        let (high, low) = ((micros >> 32) as u32, (micros & 0xFFFF_FFFF) as u32);
        let fields = [0, high, low, len, len].map(number).concat();
        file.extend(block(6, &[&fields[..], &packet].concat()));
    }
    file
}

#[test]
fn a_stream_is_decoded_by_what_it_looks_like() {
    let registry = written("stream.toml", REGISTRY.as_bytes());
    let [client, _] = native();
    let ran = decode(&["--registry", &registry], &client);
    assert_eq!(
        ran.lines(),
        [
            r#"->      0 HELLO {"version":1,"least_version":1,"name":"board","epoch":"0x102030405060708","session":"0x0","taken":0,"window":896,"largest":896,"fingerprint":"0xcffa2112c00c05be","silence_ms":3000}"#,
            r#"->     57 message Reading 0x10 {"celsius":21.5,"label":"hi"}"#,
            "->     66 REQUEST Limit 0x11 #7 {}",
        ]
    );
    assert_eq!(
        ran.stderr,
        "ropeway: this looks like the native protocol: --protocol native\n"
    );
    assert_eq!(ran.code, 0);
    // From a file, too.
    let file = written("stream.bin", &client);
    let ran = decode(&["-p", "native", "-r", &registry, &file], b"");
    assert_eq!(
        (ran.lines().len(), ran.stderr.as_str(), ran.code),
        (3, "", 0)
    );
}

#[test]
fn without_a_registry_bodies_are_digits() {
    let ran = decode(&["--protocol", "native", "--hex"], SAID.as_bytes());
    assert_eq!(
        ran.lines(),
        [
            "->      0 message 0x10 00 00 ac 41 02 68 69",
            "->      9 REQUEST 0x11 #7"
        ]
    );
    let xxd = "00000000: 0910 0000 ac41 0268 69                    .....A.hi\n";
    let ran = decode(&["--protocol", "native", "--hex"], xxd.as_bytes());
    assert_eq!((ran.lines().len(), ran.code), (1, 0), "{ran:?}");
}

#[test]
fn json_lines_say_the_same() {
    let registry = written("lines.toml", REGISTRY.as_bytes());
    let ran = decode(
        &["--json", "-p", "native", "-r", &registry, "--hex"],
        SAID.as_bytes(),
    );
    let lines: Vec<Value> = ran
        .lines()
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        lines[0],
        serde_json::json!({
            "direction": "->", "offset": 0, "len": 9, "kind": "message", "title": "message",
            "name": "Reading", "code": 16, "body": { "celsius": 21.5, "label": "hi" },
        })
    );
    assert_eq!(
        (&lines[1]["call"], &lines[1]["name"]),
        (&"7".into(), &"Limit".into())
    );
}

#[test]
fn a_body_that_is_not_what_the_registry_says_is_shown_as_it_is() {
    let registry = written("misread.toml", REGISTRY.as_bytes());
    let ran = decode(&["-p", "native", "-r", &registry, "--hex"], b"04 10 00 00");
    assert_eq!(
        ran.lines(),
        ["->      0 message Reading 0x10 00 00 ! body ends inside the value (byte 2 of the body)"]
    );
}

#[test]
fn frames_that_break_rules_are_told_and_so_says_the_exit_code() {
    let ran = decode(&["-p", "native", "--hex"], b"03 e5 00 02 e3 04 10");
    assert_eq!(
        ran.lines(),
        [
            "->      0 ! frame 0xE5 without all of its fields (byte 1)",
            "->      3 PING",
            "->      5 ! stream ends 2 bytes into a frame (byte 7; nothing behind it can be read)",
        ]
    );
    assert_eq!(
        (ran.stderr.as_str(), ran.code),
        ("ropeway: 2 frames break rules\n", 4)
    );
}

#[test]
fn captures_of_every_kind_say_the_same() {
    let registry = written("capture.toml", REGISTRY.as_bytes());
    let mut first = None;
    for link in Link::ALL {
        for is_big in [false, true] {
            for file in [
                pcap(&connection(), link, is_big),
                pcapng(&connection(), link, is_big),
            ] {
                let ran = decode(&["-r", &registry], &file);
                assert_eq!((ran.stderr.as_str(), ran.code), ("", 0), "{ran:?}");
                // Addresses differ, and all else is the same.
                let lines = ran.lines();
                let rest: Vec<_> = lines[1..].iter().map(|line| (*line).to_owned()).collect();
                assert_eq!(*first.get_or_insert(rest.clone()), rest);
            }
        }
    }
    let first = first.unwrap();
    assert_eq!(
        first[0],
        "   0.003000 #1 this looks like the native protocol"
    );
    assert!(
        first[1].starts_with("   0.003000 #1 ->      0 HELLO {"),
        "{first:?}"
    );
    assert!(
        first[2].starts_with("   0.004500 #1 <-      0 WELCOME {"),
        "{first:?}"
    );
    assert_eq!(
        first[3..],
        [
            r#"   0.006000 #1 ->     57 message Reading 0x10 {"celsius":21.5,"label":"hi"}"#,
            "   0.006000 #1 ->     66 REQUEST Limit 0x11 #7 {}",
            "   0.007500 #1 <-     55 RESPONSE Limit 0x11 #7 true",
        ]
        .map(str::to_owned)
    );
    let ran = decode(&[], &pcap(&connection(), Link::Ethernet, false));
    assert_eq!(
        ran.lines()[0].trim_start(),
        "0.000000 #1 10.0.0.1:50000 -> 10.0.0.2:8225"
    );
    let ran = decode(&["--json"], &pcapng(&connection(), Link::Ethernet6, true));
    let begun: Value = serde_json::from_str(ran.lines()[0]).unwrap();
    assert_eq!(begun["server"], "[fd00::a00:2]:8225");
    assert_eq!(
        (&begun["time"], &begun["connection"]),
        (&1.7e9.into(), &1.into())
    );
}

#[test]
fn segments_out_of_order_and_sent_again_change_nothing() {
    let plain = decode(&[], &pcap(&connection(), Link::Ethernet, false));
    let [client, _] = native();
    let mut segments = connection();
    // The message in three pieces, the last of them first, one twice, one overlapping; the first SYN again.
    segments.splice(
        4..5,
        [
            segment(true, 165, "A", &client[65..]),
            segment(true, 99, "S", &[]),
            segment(true, 157, "A", &client[57..60]),
            segment(true, 157, "A", &client[57..60]),
            segment(true, 158, "A", &client[58..66]),
        ],
    );
    let mixed = decode(&[], &pcap(&segments, Link::Ethernet, false));
    // What comes again behind the end is no connection of its own.
    segments.push(segment(true, 157, "A", &client[57..]));
    let late = decode(&[], &pcap(&segments, Link::Ethernet, false));
    assert_eq!(late.lines().len(), mixed.lines().len(), "{late:?}");
    let frames = |ran: &Ran| -> Vec<String> {
        let line = |line: &&str| line.split_once('#').unwrap().1.to_owned();
        ran.lines().iter().map(line).collect()
    };
    assert_eq!(frames(&mixed), frames(&plain));
    assert_eq!(mixed.code, 0);
}

#[test]
fn connections_are_told_apart_and_chosen_by_port() {
    let mut segments = connection();
    for other in [
        segment(true, 5, "S", &[]),
        segment(true, 6, "A", b"[\"MsgJoin\",{}]\n"),
    ] {
        segments.push(Segment {
            port: 8223,
            ..other
        });
    }
    // The same addresses once more.
    segments.extend(connection());
    let file = pcap(&segments, Link::Ethernet, false);
    let ran = decode(&[], &file);
    let begun: Vec<_> = ran
        .lines()
        .iter()
        .filter(|line| line.contains("10.0.0.1:50000 ->"))
        .map(|line| line.trim().to_owned())
        .collect();
    assert_eq!(begun.len(), 3, "{ran:?}");
    assert!(
        begun[1].ends_with("#2 10.0.0.1:50000 -> 10.0.0.2:8223"),
        "{begun:?}"
    );
    let ran = decode(&["--port", "8223"], &file);
    assert_eq!(ran.lines().len(), 3, "{ran:?}");
    assert!(
        ran.lines()[2].ends_with("->      0 message MsgJoin {}"),
        "{ran:?}"
    );
}

#[test]
fn what_the_capture_has_not_is_told() {
    let mut segments = connection();
    segments.remove(2);
    let ran = decode(&["-p", "native"], &pcap(&segments, Link::Ethernet, false));
    let missing = ran
        .lines()
        .iter()
        .find(|line| line.contains("missing"))
        .map(|line| (*line).to_owned());
    assert!(
        missing.unwrap().ends_with(
            "->        ! 57 bytes are missing in the capture; nothing behind them is read"
        )
    );
    assert_eq!(ran.code, 2);
    assert_eq!(
        ran.stderr,
        "ropeway: the capture lacks 57 bytes of what was said\n"
    );
    // A link that was lost within a frame is no fault of the capture, nor of the peers.
    let mut lost = connection();
    lost.truncate(4);
    let [client, _] = native();
    lost.push(segment(true, 157, "A", &client[57..60]));
    lost.push(segment(false, 555, "RA", &[]));
    let ran = decode(&["-p", "native"], &pcap(&lost, Link::Ethernet, false));
    assert!(
        ran.lines()
            .last()
            .unwrap()
            .contains("! stream ends 3 bytes into a frame"),
        "{ran:?}"
    );
    assert_eq!((ran.stderr.as_str(), ran.code), ("", 0));
    // Begun in the middle: who listens is told by the port.
    let ran = decode(
        &["-p", "native"],
        &pcap(&connection()[3..], Link::Ethernet, false),
    );
    assert!(
        ran.lines()[0].ends_with("10.0.0.1:50000 -> 10.0.0.2:8225"),
        "{ran:?}"
    );
    assert!(ran.lines()[1].contains("<-      0 WELCOME"), "{ran:?}");
}

#[test]
fn a_capture_that_is_cut_off_is_printed_as_far_as_it_goes() {
    for file in [
        pcap(&connection(), Link::Ethernet, false),
        pcapng(&connection(), Link::Raw, true),
    ] {
        let whole = decode(&["-p", "native"], &file);
        let cut = &file[..file.len() - 200];
        let ran = decode(&["-p", "native"], cut);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.lines().len() >= 3, "{ran:?}");
        assert_eq!(ran.lines()[..3], whole.lines()[..3]);
        assert!(
            ran.stderr
                .starts_with("ropeway: the capture is cut off behind "),
            "{ran:?}"
        );
        assert_eq!(ran.stderr.lines().count(), 1);
        // Wherever it is cut, it is told in a line.
        for end in (4..file.len()).step_by(37) {
            let ran = decode(&["-p", "native"], &file[..end]);
            assert!(
                ran.code == 2 && ran.stderr.lines().count() == 1,
                "{end}: {ran:?}"
            );
        }
    }
    let mut damaged = pcapng(&connection(), Link::Ethernet, false);
    let len = damaged.len();
    damaged[len - 4..].fill(0xEE);
    let ran = decode(&["-p", "native"], &damaged);
    assert_eq!((ran.code, ran.stderr.lines().count()), (2, 1), "{ran:?}");
}

#[test]
fn damaged_captures_harm_nobody() {
    let mut seed = 5_u32;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        usize::try_from(seed >> 8).unwrap() % below
    };
    for round in 0..120 {
        let link = Link::ALL[round % Link::ALL.len()];
        let mut file = match round % 2 {
            0 => pcap(&connection(), link, round % 4 == 0),
            _ => pcapng(&connection(), link, round % 4 == 1),
        };
        for _ in 0..=random(12) {
            // The magic stays, or it is no capture.
            let place = 4 + random(file.len() - 4);
            file[place] = random(256).to_le_bytes()[0];
        }
        let ran = decode(&["-p", "native"], &file);
        assert!(matches!(ran.code, 0 | 2 | 4), "{round}: {ran:?}");
        assert!(ran.stderr.lines().count() <= 1, "{round}: {ran:?}");
    }
}

/// What is wrong with the input, the exit code, and how the one line begins.
#[test]
fn every_bad_input_is_one_line_that_helps() {
    let written = |name: &str, text: &str| written(name, text.as_bytes());
    let bad = |rest: &str| format!("[[message]]\nname = \"A\"\n{rest}\n");
    let cases: &[(&[&str], &[u8], &str)] = &[
        (&["nowhere.bin"], b"", "nowhere.bin: No such file"),
        (&[], b"", "there are no bytes to decode"),
        (
            &[],
            &[0xFF; 64],
            "the bytes look like no protocol known here; name it with --protocol",
        ),
        (
            &[],
            b"GET / HTTP/1.1\r\n\r\n",
            "this looks like HTTP, which is not decoded",
        ),
        (
            &[],
            b"SSH-2.0-OpenSSH_9\r\n",
            "this looks like SSH, which is not decoded",
        ),
        (
            &["--hex"],
            b"0x1g",
            "line 1, column 4: 'g' is no hexadecimal digit",
        ),
        (&["--hex"], b"123", "an odd number of hexadecimal digits: 3"),
        (&["--hex"], b"\n", "no hexadecimal digits"),
        (&["-r", "nowhere.toml"], b"", "nowhere.toml: No such file"),
        (
            &[
                "-r",
                &written(
                    "bad1.toml",
                    &bad("code = 1\n[[message]]\nname = \"B\"\ncode = 1"),
                ),
            ],
            b"",
            "bad1.toml:6:8: code 0x01 is used twice",
        ),
        (
            &["-r", &written("bad2.toml", &bad("fields = { a = \"u9\" }"))],
            b"",
            "bad2.toml:3:16: unknown type `u9`",
        ),
        (
            &["-r", &written("bad3.toml", &bad("code = "))],
            b"",
            "bad3.toml:3:",
        ),
        (
            &[
                "-p",
                "native",
                "-r",
                &written("bad4.toml", &bad("code = 0xE0")),
            ],
            b"",
            "bad4.toml:3:8: code 0xE0 of `A` is reserved by native",
        ),
        (
            &[],
            &pcap(&[], Link::Raw, false),
            "there is no packet in the capture",
        ),
        (
            &[],
            &pcap(&connection()[..2], Link::Raw, false),
            "no bytes over TCP in the 2 packets",
        ),
        (
            &["--port", "9"],
            &pcap(&connection(), Link::Raw, true),
            "no bytes over TCP port 9 in the 9 packets of the capture; leave out --port",
        ),
    ];
    for (args, input, wanted) in cases {
        let ran = decode(args, input);
        assert_eq!(ran.code, 2, "{args:?}: {ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{args:?}: {ran:?}");
        assert!(ran.stderr.contains(wanted), "{wanted}: {ran:?}");
        let ran = decode(&[&["--json"], *args].concat(), input);
        let fault: Value = serde_json::from_str(&ran.stderr).unwrap();
        assert_eq!(fault["exit_code"], 2, "{ran:?}");
    }
    let mut unknown = pcap(&connection(), Link::Raw, false);
    unknown[20] = 147;
    let ran = decode(&[], &unknown);
    assert!(
        ran.stderr
            .contains("none of the 9 packets can be read: their link type is 147"),
        "{ran:?}"
    );
}
