use super::*;
use ropeway_core::Rule;
use ropeway_core::framing;

fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

/// What a link says, a line a frame.
struct Told {
    watcher: Watcher,
    lines: Vec<String>,
}

impl Told {
    fn by(protocol: Protocol) -> Self {
        let watcher = Watcher::new(protocol);
        let lines = Vec::new();
        Self { watcher, lines }
    }

    fn see(&mut self, direction: Direction, bytes: &[u8]) -> &mut Self {
        let Self { watcher, lines } = self;
        watcher.see(direction, bytes, &mut |seen| lines.push(line(&seen)));
        self
    }

    fn forth(&mut self, digits: &str) -> &mut Self {
        self.see(Direction::Forth, &hex(digits))
    }

    fn back(&mut self, digits: &str) -> &mut Self {
        self.see(Direction::Back, &hex(digits))
    }

    fn end(&mut self, direction: Direction) -> &mut Self {
        let Self { watcher, lines } = self;
        watcher.end(direction, &mut |seen| lines.push(line(&seen)));
        self
    }
}

fn line(seen: &Seen) -> String {
    match seen {
        Seen::Malformed(malformed) => format!("{} ! {malformed}", malformed.direction),
        Seen::Frame(frame) => {
            let mut line = format!("{} {} {}", frame.direction, frame.offset, frame.title);
            if !frame.key.is_none() {
                line += &format!(" {}", frame.key);
            }
            if let Some(call) = &frame.call {
                line += &format!(" #{call}");
            }
            match &frame.body {
                Body::Empty => {}
                Body::Bytes(bytes) => line += &format!(" {bytes:02x?}"),
                Body::Value(value) => line += &format!(" {value}"),
                Body::Passed(len) => line += &format!(" {len} bytes"),
            }
            line
        }
    }
}

const HELLO: &str = "39 e0 01 01 08 07 06 05 04 03 02 01 00 00 00 00 00 00 00 00 00 00 00 00 80 03 00 00 80 03 00 00 be 05 0c c0 12 21 fa cf b8 0b 00 00 00 00 00 00 00 00 00 00 62 6f 61 72 64";
const WELCOME: &str = "37 e1 01 00 18 17 16 15 14 13 12 11 d6 d7 3d 64 67 64 8b 04 00 00 00 00 80 03 00 00 80 03 00 00 ae 9b 87 5c 5d a4 60 a6 00 00 00 00 00 00 00 00 00 00 00 00 68 75 62";

#[test]
fn native_frames_are_named_with_their_fields() {
    let mut told = Told::by(Protocol::Native);
    told.forth(HELLO).back(WELCOME);
    told.forth("11 e6 10 01 02 03 04 05 06 07 08 4e 75 6d 62 65 72 02 e6");
    told.forth("04 10 ac 02")
        .back("0a e5 04 00 00 00 80 03 00 00");
    told.forth("08 e8 01 02 03 04 10 15")
        .back("07 e9 01 02 03 04 2a");
    told.forth("08 e8 02 00 00 00 11 15");
    told.back(
        "1d ea 02 00 00 00 03 0a 07 00 56 61 6c 75 65 45 72 72 6f 72 74 6f 6f 20 66 61 72 09 08",
    );
    told.forth("06 eb 02 00 00 00 02 e3")
        .back("02 e4 07 e9 09 00 00 00 01");
    told.forth("00 01 00 00 00 10 07").back("04 e2 05 78");
    told.forth(
        "0e f4 01 00 00 00 00 00 00 00 01 00 00 00"
            .replace("0e", "11")
            .as_str(),
    );
    assert_eq!(
        told.lines[..8],
        [
            r#"-> 0 HELLO {"version":1,"least_version":1,"name":"board","epoch":"0x102030405060708","session":"0x0","taken":0,"window":896,"largest":896,"fingerprint":"0xcffa2112c00c05be","silence_ms":3000}"#,
            r#"<- 0 WELCOME {"version":1,"outcome":"fresh","name":"hub","epoch":"0x1112131415161718","session":"0x48b6467643dd7d6","taken":0,"window":896,"largest":896,"fingerprint":"0xa660a45d5c879bae","silence_ms":0}"#,
            r#"-> 57 NAMES Number 0x10 {"schema":"0x807060504030201"}"#,
            "-> 74 NAMES",
            "-> 76 message Number 0x10 [ac, 02]",
            r#"<- 55 ACK {"taken":4,"window":896}"#,
            "-> 80 REQUEST Number 0x10 #67305985 [15]",
            "<- 65 RESPONSE Number 0x10 #67305985 [2a]",
        ]
    );
    assert_eq!(
        told.lines[8..],
        [
            "-> 88 REQUEST 0x11 #2 [15]",
            r#"<- 72 FAILURE 0x11 #2 {"kind":"refused","class":"ValueError","text":"too far","detail":[9,8]}"#,
            "-> 96 CANCEL #2",
            "-> 102 PING",
            "<- 101 PONG",
            "<- 103 RESPONSE #9 [01]",
            "-> 104 message Number 0x10 [07]",
            r#"<- 110 BYE {"reason":"the program shuts down","text":"x"}"#,
        ]
    );
    assert_eq!(told.watcher.unfinished(Direction::Forth), 14);
}

#[test]
fn a_broken_frame_is_told_and_the_next_one_read() {
    let mut told = Told::by(Protocol::Native);
    told.forth("03 e5 00 02 ef 02 f7 02 e3");
    assert_eq!(
        told.lines,
        [
            "-> ! frame 0xE5 without all of its fields (byte 1)",
            "-> ! unknown control code 0xEF (byte 4)",
            "-> ! file frame 0xf7 with 1 bytes of content (byte 6)",
            "-> 7 PING",
        ]
    );
    // A length of 1 is none, and nobody knows what follows.
    told.forth("01 02 e3").forth("02 e3").end(Direction::Forth);
    assert_eq!(
        told.lines[4..],
        ["-> ! length byte 1, the smallest is 2 (byte 9; nothing behind it can be read)"]
    );
    assert_eq!(told.watcher.unread(Direction::Forth), 5);
    assert_eq!(told.watcher.unread(Direction::Back), 0);
}

#[test]
fn a_frame_beyond_the_limit_is_passed_over_by_its_length() {
    let mut told = Told::by(Protocol::Native);
    told.watcher = Watcher::new(Protocol::Native).limit(0);
    let mut bytes = vec![0, 0, 0x10, 0, 0, 0x20];
    bytes.resize(6 + 4096, 0xE3);
    bytes.extend([2, 0xE3]);
    for piece in bytes.chunks(100) {
        told.see(Direction::Forth, piece);
        assert!(told.watcher.unfinished(Direction::Forth) < 1024);
    }
    assert_eq!(
        told.lines,
        [
            "-> ! frame of 4102 bytes, the limit is 1024 (byte 1)",
            "-> 4102 PING"
        ]
    );
    // A line has no length, but an end.
    let mut lines = Told::by(Protocol::CableCarJson);
    lines.watcher = Watcher::new(Protocol::CableCarJson).limit(0);
    lines.see(Direction::Back, &[b' '; 5000]);
    lines.see(Direction::Back, b"]\n[\"MsgJoin\",{}]\n");
    assert_eq!(
        lines.lines,
        [
            "<- ! frame of 1024 bytes, the limit is 1024 (byte 1024)",
            "<- 5002 message MsgJoin {}"
        ]
    );
}

#[test]
fn what_is_cut_off_is_told_at_the_end() {
    let mut told = Told::by(Protocol::Native);
    told.forth("0a e5 04")
        .end(Direction::Forth)
        .end(Direction::Back);
    assert_eq!(
        told.lines,
        ["-> ! stream ends 3 bytes into a frame (byte 3; nothing behind it can be read)"]
    );
}

#[test]
fn a_secure_link_shows_its_handshake_and_how_much_it_carries() {
    // The vectors of the specification.
    let opening = "010105 726f766572 a4e09292b651c278b9772c569f5fa9bb13d906b46ab68c9df9dc2b4409f8a209 65fea09e7ee28a8fd59c20957cc8bede2cf9";
    let answer = "01 ce8d3ad1ccb633ec7b70c17814a5c76ecd029685050d344745ba05870e587d59 008a700e96f0b0195e6362e1efb89f93825e";
    let mut told = Told::by(Protocol::Native);
    told.forth(opening).back(answer);
    told.forth("0014 7c839f87 4a89e6e5979a2e8cb90276ce2a699958 00");
    told.back("0014 a81aeea1 4493cd829e67c925716f37dcbd56d32e");
    told.forth("02 ff");
    assert_eq!(
        told.lines,
        [
            r#"-> 0 secure opening {"version":1,"key":"rover"}"#,
            "<- 0 secure answer",
            "-> 58 sealed 20 bytes",
            "<- 51 sealed 20 bytes",
            "-> 80 sealed 2 bytes",
        ]
    );
    told.end(Direction::Forth);
    assert!(told.lines[5].contains("stream ends"), "{}", told.lines[5]);
    // Who refuses does so in plain.
    let mut refused = Told::by(Protocol::Native);
    refused.forth(opening).back("03 e2 0a");
    assert_eq!(refused.lines[1], r#"<- 0 BYE {"reason":"unknown key id"}"#);
}

#[test]
fn packets_are_named_by_the_table_of_the_static_side() {
    let packet = |id: u16, payload: &[u8]| {
        let len = u32::try_from(payload.len() + 2).unwrap().to_be_bytes();
        [&len[..], &id.to_be_bytes(), payload].concat()
    };
    let init = packet(0, b"\x81\xa7version\x01");
    let ids = |adapts: u8, id: u8| {
        let mut payload = b"\x82\xa5adapt".to_vec();
        payload.push(0xC2 + adapts);
        payload.extend(b"\xa5idmap\x81\xa8app:echo");
        payload.push(id);
        packet(2, &payload)
    };
    let mut told = Told::by(Protocol::Packetmq);
    told.see(Direction::Back, &init)
        .see(Direction::Back, &ids(0, 17));
    told.see(Direction::Forth, &ids(1, 40));
    told.see(Direction::Forth, &packet(17, b"\x92\x01\xc0"));
    told.see(Direction::Forth, &packet(3, b"\xc0"));
    told.see(Direction::Back, &packet(1, b"\x81\xa6reason\xa3bye"));
    told.see(Direction::Back, &packet(40, b"\xc1"));
    assert_eq!(
        told.lines,
        [
            r#"<- 0 INIT packetmq:handshake_init 0x00 {"version":1}"#,
            r#"<- 16 IDS packetmq:handshake_pubids 0x02 {"adapt":false,"idmap":{"app:echo":17}}"#,
            r#"-> 0 IDS packetmq:handshake_pubids 0x02 {"adapt":true,"idmap":{"app:echo":40}}"#,
            "-> 31 message app:echo 0x11 [1,null]",
            "-> 40 FINISH packetmq:handshake_finish 0x03",
            r#"<- 47 SOFTQUIT packetmq:softquit 0x01 {"reason":"bye"}"#,
            "<- ! unexpected byte (byte 71)",
        ]
    );
}

#[test]
fn files_of_clever_show_pass_by_their_length() {
    let message = |header: &str, content: &[u8]| {
        let len = u16::try_from(header.len()).unwrap().to_be_bytes();
        [&len[..], header.as_bytes(), content].concat()
    };
    let header = |kind: &str, len: usize, rest: &str| {
        format!(
            r#"{{"byteorder":"little","content-type":"{kind}","content-encoding":"utf-8","content-length":{len},"message-type":{rest}}}"#
        )
    };
    let action = r#"{"args": [1], "kwargs": {"a": 2}}"#;
    let mut told = Told::by(Protocol::CleverShow);
    told.see(
        Direction::Forth,
        &message(
            &header("json", action.len(), r#""message","action":"led""#),
            action.as_bytes(),
        ),
    );
    let request = r#"{"requested_value": "volt", "request_id": "0007", "args": [], "kwargs": {}}"#;
    told.see(
        Direction::Forth,
        &message(
            &header("json", request.len(), r#""request""#),
            request.as_bytes(),
        ),
    );
    let file = header(
        "binary",
        5000,
        r#""message","action":"filetransfer","filepath":"a/b""#,
    );
    told.see(Direction::Forth, &message(&file, &[7; 5000]));
    told.see(
        Direction::Back,
        &message(
            &header(
                "json",
                14,
                r#""response","requested_value":"volt","request_id":"0007""#,
            ),
            br#"{"value": 4.5}"#,
        ),
    );
    let offset = |line: &str| line.split(' ').nth(1).unwrap().to_owned();
    let second = offset(&told.lines[1]);
    let third = offset(&told.lines[2]);
    assert_eq!(
        told.lines,
        [
            r#"-> 0 action led {"args":[1],"kwargs":{"a":2}}"#.to_owned(),
            format!(r#"-> {second} request volt #"0007" {{"args":[],"kwargs":{{}}}}"#),
            format!("-> {third} file a/b 5000 bytes"),
            r#"<- 0 answer volt #"0007" 4.5"#.to_owned(),
        ]
    );
    assert_eq!(told.watcher.unfinished(Direction::Forth), 0);
    told.see(Direction::Forth, &message(&file, &[7; 10]))
        .end(Direction::Forth);
    assert!(told.lines[5].contains("stream ends"), "{}", told.lines[5]);
}

#[test]
fn passwords_are_masked_and_replies_are_named_by_their_calls() {
    // (b"A", 0xAA, ("secret",)), (b"A", 0xAA, (True,)), (b"R", 0x10, 7, (3,), {}), (b"A", 7, (None,))
    let password = b"\x80\x03C\x01AK\xaaX\x06\x00\x00\x00secret\x85\x87.";
    let verdict = b"\x80\x03C\x01AK\xaa\x88\x85\x87.";
    let call = b"\x80\x03(C\x01RK\x10K\x07K\x03\x85}t.";
    let reply = b"\x80\x03C\x01AK\x07N\x85\x87.";
    let mut told = Told::by(Protocol::TcpTalks);
    told.see(Direction::Forth, password)
        .see(Direction::Back, verdict);
    told.see(Direction::Back, call).see(Direction::Forth, reply);
    told.see(Direction::Forth, password);
    assert_eq!(
        told.lines,
        [
            r#"-> 0 password "***""#,
            "<- 0 verdict true",
            r#"<- 11 call 0x10 #7 {"args":[3],"kwargs":{}}"#,
            "-> 21 reply 0x10 #7 null",
            r#"-> 32 password "***""#,
        ]
    );
    assert!(!told.lines.concat().contains("secret"));
    told.see(Direction::Forth, b"\x80\x03cos\nsystem\n.");
    assert!(
        told.lines[5].ends_with("nothing behind it can be read)"),
        "{}",
        told.lines[5]
    );
}

#[test]
fn bytes_of_cable_car_are_the_programs() {
    let mut told = Told::by(Protocol::CableCarByte);
    told.forth("02 02 04 ff 01 02").back("00");
    assert_eq!(
        told.lines,
        [
            "-> 0 message MsgJoin 0x02",
            "-> 2 message 0xFF [01, 02]",
            "<- ! length byte 0, the smallest is 2 (byte 0; nothing behind it can be read)",
        ]
    );
}

#[test]
fn guesses_what_is_not_ours() {
    use Guess::{Http, Protocol as Is, Secure, Ssh, Tls};
    let native = Some(Is(Protocol::Native));
    assert_eq!(guess(&hex(HELLO)), native);
    assert_eq!(guess(&hex(WELCOME)), native);
    assert_eq!(guess(&hex(HELLO)[..4]), native);
    assert_eq!(guess(&[3, 0xE2, 9]), native);
    // Behind its opening: a message and an ACK, of which the next is cut short.
    assert_eq!(
        guess(&hex("04 10 ac 02 0a e5 04 00 00 00 80 03 00 00 09 10")),
        native
    );
    assert_ne!(guess(&hex("04 10 ac 02 04 10 ac 02")), native);
    assert_eq!(guess(&[1, 1, 5, b'r']), Some(Secure));
    assert_eq!(guess(b"GET / HTTP/1.1\r\n"), Some(Http));
    assert_eq!(guess(b"HTTP/1.1 200 OK\r\n"), Some(Http));
    assert_eq!(guess(&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3]), Some(Tls));
    assert_eq!(guess(b"SSH-2.0-x\r\n"), Some(Ssh));
    for nothing in [&b""[..], &[0], &[0xFF; 40], &[0; 40], b"\r\n\r\n", &[5]] {
        assert_eq!(guess(nothing), None, "{nothing:?}");
    }
    assert_eq!(Secure.protocol(), Some(Protocol::Native));
    assert_eq!(Http.protocol(), None);
    assert_eq!(Is(Protocol::CleverShow).to_string(), "clever-show");
}

#[test]
fn whatever_comes_harms_nobody() {
    let mut seed = 1_u32;
    let mut random = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        seed.to_be_bytes()[0]
    };
    for protocol in [
        Protocol::Native,
        Protocol::CableCarByte,
        Protocol::CableCarJson,
        Protocol::Packetmq,
        Protocol::CleverShow,
        Protocol::TcpTalks,
    ] {
        for _ in 0..200 {
            let mut watcher = Watcher::new(protocol).limit(0);
            for _ in 0..20 {
                let bytes: Vec<u8> = (0..random()).map(|_| random() & random()).collect();
                let direction = if random() < 128 {
                    Direction::Forth
                } else {
                    Direction::Back
                };
                watcher.see(direction, &bytes, &mut |seen| {
                    if let Seen::Malformed(malformed) = seen {
                        assert_ne!(
                            malformed.rule,
                            Rule::Framing(framing::Rule::Truncated { len: 0 })
                        );
                    }
                });
                assert!(watcher.unfinished(direction) <= 1024);
            }
        }
    }
}
