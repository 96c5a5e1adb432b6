//! How wires open, and how they refuse to.

use super::*;
use crate::wire::secure::LEAST_MEMORY;
use crate::wire::secure::handshake::Handshake;
use std::string::String;
use zeroize::Zeroizing;

/// Gives `bytes` to a wire as if they were all that comes, and says what it makes of them.
fn after(wire: &mut impl Wire, bytes: &[u8]) -> Option<Fault> {
    deliver(wire, bytes).err()
}

fn bye(reason: u8, text: &str) -> Vec<u8> {
    let len = u8::try_from(text.len() + 3).unwrap();
    [&[len, 0xe2, reason], text.as_bytes()].concat()
}

/// What a listener makes of `bytes`: it writes its refusal before it tells the fault.
fn refusal(bytes: &[u8]) -> (Option<Fault>, Vec<u8>) {
    let mut listener = listener::<256>();
    assert_eq!(after(&mut listener, bytes), None);
    assert!(!listener.is_open());
    let mut said = Vec::new();
    while let Some(&byte) = listener.poll_output().first() {
        assert_eq!(listener.poll_stream(), Ok(&[][..]));
        assert!(listener.input_room().is_empty());
        listener.handle_written(1);
        said.push(byte);
    }
    assert_eq!((listener.send_stream(b"x"), listener.key_id()), (0, None));
    (listener.poll_stream().err(), said)
}

/// An opening as [`dialler`] sends it, but with these bytes in front and this payload.
fn made_opening(header: &[u8], limit: u16) -> Vec<u8> {
    let mut handshake = Handshake::new(header, &Key::new(KEY), Zeroizing::new([1; 32]));
    let message = handshake.send_first(limit.to_le_bytes()).unwrap();
    [header, &message[..]].concat()
}

#[test]
fn opens_wherever_the_bytes_are_split() {
    let opening = written(&mut dialler::<256>());
    assert_eq!(opening.len(), 3 + 5 + 50);
    let mut answer = Vec::new();
    for cut in 0..opening.len() {
        let mut listener = listener::<256>();
        assert_eq!(after(&mut listener, &opening[..cut]), None);
        assert!(!listener.is_open() && listener.poll_output().is_empty());
        assert_eq!(after(&mut listener, &opening[cut..]), None);
        assert!(listener.is_open());
        assert_eq!(listener.key_id(), Some(rover()));
        answer = written(&mut listener);
    }
    assert_eq!(answer.len(), 1 + 50);
    for cut in 0..answer.len() {
        let mut dialler = dialler::<256>();
        assert_eq!(after(&mut dialler, &answer[..cut]), None);
        assert!(!dialler.is_open() && dialler.key_id().is_none());
        assert_eq!(after(&mut dialler, &answer[cut..]), None);
        assert!(dialler.is_open());
        assert_eq!(dialler.key_id(), Some(rover()));
    }
}

#[test]
fn says_and_opens_nothing_for_a_part_of_an_opening() {
    let opening = written(&mut dialler::<256>());
    for cut in 0..opening.len() {
        let mut listener = listener::<256>();
        for byte in &opening[..cut] {
            assert_eq!(after(&mut listener, &[*byte]), None);
        }
        assert!(!listener.is_open() && listener.poll_output().is_empty());
        assert_eq!((listener.send_stream(b"x"), listener.key_id()), (0, None));
    }
}

#[test]
fn a_thousand_openings_that_never_finish_leave_room_for_one_that_does() {
    let opening = written(&mut dialler::<LEAST_MEMORY>());
    let mut listener = listener::<LEAST_MEMORY>();
    for cut in (0..1000).map(|n| n % opening.len()) {
        listener.handle_connected([3; 32]);
        assert_eq!(after(&mut listener, &opening[..cut]), None);
    }
    listener.handle_connected([3; 32]);
    assert_eq!(after(&mut listener, &opening), None);
    assert!(listener.is_open());
}

#[test]
fn refuses_an_opening_with_any_bit_flipped() {
    let opening = written(&mut dialler::<256>());
    for bit in 0..opening.len() * 8 {
        let (byte, flip) = (bit / 8, 1 << (bit % 8));
        let mut flipped = opening.clone();
        flipped[byte] ^= flip;
        let (fault, said) = refusal(&flipped);
        let expected = match byte {
            0 => (Fault::NotSecure, bye(8, "secure peers only")),
            1 => {
                let version = flipped[1];
                (Fault::Version { version }, bye(1, "this is version 1"))
            }
            2 if !(1..=32).contains(&flipped[2]) => {
                let len = flipped[2];
                let said = bye(10, "a key id has 1 to 32 bytes");
                (Fault::KeyIdLength { len }, said)
            }
            2..8 => (Fault::UnknownKey, bye(10, "unknown key id")),
            _ => (Fault::WrongKey, bye(11, "wrong key")),
        };
        assert_eq!((fault, said), (Some(expected.0), expected.1), "bit {bit}");
    }
}

#[test]
fn opens_on_no_answer_with_any_bit_flipped() {
    let mut listener = listener::<256>();
    after(&mut listener, &written(&mut dialler::<256>()));
    let answer = written(&mut listener);
    for bit in 0..answer.len() * 8 {
        let mut flipped = answer.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let mut dialler = dialler::<256>();
        let fault = after(&mut dialler, &flipped);
        assert!(!dialler.is_open());
        match bit / 8 {
            // Of a public key, the highest bit counts for nothing but the hash.
            1.. => assert_eq!(fault, Some(Fault::WrongAnswer), "bit {bit}"),
            0 => assert_eq!(fault, Some(Fault::NotSecure), "bit {bit}"),
        }
    }
}

#[test]
fn tells_a_wrong_key_from_an_unknown_one() {
    let opened = |id: &[u8], key: u8| {
        let id = KeyId::new(id).unwrap();
        let mut dialler = Secure::dial(id, Key::new([key; 32]), [0; 256], [0; 256]);
        dialler.handle_connected([1; 32]);
        let (fault, said) = refusal(&written(&mut dialler));
        (fault, after(&mut dialler, &said))
    };
    let refused = |reason| Some(Fault::Refused { reason });
    assert_eq!(opened(b"rover", 1), (Some(Fault::WrongKey), refused(11)));
    assert_eq!(
        opened(b"rove", 0x5a),
        (Some(Fault::UnknownKey), refused(10))
    );
    assert_eq!(opened(b"other", 0x5a), (Some(Fault::WrongKey), refused(11)));
}

#[test]
fn a_dialler_without_the_key_of_its_id_sends_nothing() {
    let id = KeyId::new(b"stranger").unwrap();
    let mut dialler = Secure::dial(id, keys(), [0; 256], [0; 256]);
    dialler.handle_connected([1; 32]);
    assert_eq!(dialler.poll_stream(), Err(Fault::UnknownKey));
    assert!(dialler.poll_output().is_empty());
}

#[test]
fn a_secure_listener_refuses_plain_peers_at_their_first_byte() {
    for first in (0..=255).filter(|first| *first != 1) {
        let expected = (Some(Fault::NotSecure), bye(8, "secure peers only"));
        assert_eq!(refusal(&[first]), expected);
        assert_eq!(refusal(&[first, 0xe0, 1, 1]), expected);
    }
}

#[test]
fn a_secure_listener_refuses_other_versions_before_it_reads_on() {
    for version in (0..=255).filter(|version| *version != 1) {
        let expected = (
            Some(Fault::Version { version }),
            bye(1, "this is version 1"),
        );
        assert_eq!(refusal(&[1, version]), expected);
    }
}

#[test]
fn a_dialler_reads_why_it_is_refused() {
    let refused = |frame: &[u8], cut| {
        let mut dialler = dialler::<256>();
        let first = after(&mut dialler, &frame[..cut]);
        let fault = first.or_else(|| after(&mut dialler, &frame[cut..]));
        assert!(!dialler.is_open());
        assert_eq!(dialler.poll_stream().err(), fault);
        fault
    };
    for reason in 0..=255 {
        let fault = Some(Fault::Refused { reason });
        assert_eq!(refused(&bye(reason, "text"), 0), fault);
    }
    let fault = Some(Fault::Refused { reason: 9 });
    for frame in [bye(9, "no secure peers here"), bye(9, ""), long_bye(9)] {
        for cut in 0..frame.len() {
            assert_eq!(refused(&frame, cut), fault);
        }
    }
}

fn long_bye(reason: u8) -> Vec<u8> {
    [&[0, 2, 0, 0, 0, 0xe2, reason][..], b"x"].concat()
}

#[test]
fn a_dialler_knows_a_peer_that_speaks_something_else() {
    for said in [
        &b"HTTP/1.1 400 Bad Request"[..],
        &[46, 0xe1, 1, 0],
        &[2, 0xe2],
    ] {
        let mut dialler = dialler::<256>();
        assert_eq!(after(&mut dialler, said), Some(Fault::NotSecure));
    }
}

#[test]
fn starts_over_after_any_fault() {
    let (mut dialler, mut listener) = (dialler::<256>(), listener::<256>());
    for bad in [&b"plain"[..], &[1, 9], &[1, 1, 0], &[1, 1, 1, 7]] {
        after(&mut listener, bad);
        assert!(deliver(&mut dialler, &written(&mut listener)).is_err());
        dialler.handle_connected([1; 32]);
        listener.handle_connected([2; 32]);
        assert_eq!(after(&mut listener, &written(&mut dialler)), None);
        assert_eq!(after(&mut dialler, &written(&mut listener)), None);
        assert!(dialler.is_open() && listener.is_open());
        let garbage = [&[0, 40][..], &[7; 40]].concat();
        assert_eq!(after(&mut listener, &garbage), Some(Fault::Record));
        dialler.send_stream(b"half written");
        dialler.handle_written(5);
        dialler.handle_connected([1; 32]);
        listener.handle_connected([2; 32]);
        assert!(!listener.is_open() && listener.poll_output().is_empty());
        assert_eq!(written(&mut dialler).len(), 58);
    }
}

#[test]
fn wants_peers_that_take_records_of_64_bytes() {
    let header = [&[1, 1, 5][..], b"rover"].concat();
    let (fault, said) = refusal(&made_opening(&header, 63));
    assert_eq!(fault, Some(Fault::SmallRecords { limit: 63 }));
    assert_eq!(said, bye(6, "records of 64 bytes are the least"));
    assert_eq!(
        after(&mut listener::<256>(), &made_opening(&header, 64)),
        None
    );

    let opening = written(&mut dialler::<256>());
    let first = opening[8..].first_chunk().unwrap();
    let answer = |limit: u16| {
        let ephemeral = Zeroizing::new([2; 32]);
        let mut handshake = Handshake::new(&opening[..8], &Key::new(KEY), ephemeral);
        handshake.receive_first(first).unwrap();
        let message = handshake.send_second(first, limit.to_le_bytes()).unwrap();
        [&[1], &message[..]].concat()
    };
    let fault = Some(Fault::SmallRecords { limit: 0 });
    assert_eq!(after(&mut dialler::<256>(), &answer(0)), fault);
    assert_eq!(after(&mut dialler::<256>(), &answer(64)), None);
}

#[test]
fn opens_with_an_id_of_any_length_in_the_least_memory() {
    for len in 1..=32 {
        let id = KeyId::new(&[b'k'; 32][..len]).unwrap();
        let (input, outbox) = ([0; LEAST_MEMORY], [0; LEAST_MEMORY]);
        let mut dialler = Secure::dial(id, Key::new(KEY), input, outbox);
        let mut listener = Secure::listen(Key::new(KEY), input, outbox);
        dialler.handle_connected([1; 32]);
        listener.handle_connected([2; 32]);
        assert_eq!(after(&mut listener, &written(&mut dialler)), None);
        assert_eq!(after(&mut dialler, &written(&mut listener)), None);
        assert_eq!(listener.key_id(), Some(id));
        let record = sealed(&mut dialler, &[7; 67]);
        assert_eq!(record.len(), LEAST_MEMORY);
        assert_eq!(deliver(&mut listener, &record), Ok(std::vec![7; 67]));
    }
}

#[test]
fn says_how_much_memory_it_needs() {
    let fault = Fault::Memory {
        least: LEAST_MEMORY,
    };
    for (input, outbox) in [(LEAST_MEMORY - 1, 256), (256, LEAST_MEMORY - 1), (0, 0)] {
        let (mut input, mut outbox) = (std::vec![0; input], std::vec![0; outbox]);
        let mut wire = Secure::listen(keys(), &mut input[..], &mut outbox[..]);
        wire.handle_connected([2; 32]);
        assert_eq!(wire.poll_stream(), Err(fault));
        assert!(wire.input_room().is_empty() && wire.poll_output().is_empty());
        let mut wire = Secure::dial(rover(), keys(), &mut input[..], &mut outbox[..]);
        wire.handle_connected([2; 32]);
        assert_eq!(wire.poll_stream(), Err(fault));
        assert!(wire.input_room().is_empty() && wire.poll_output().is_empty());
    }
}

#[test]
fn takes_nothing_before_it_is_connected() {
    let mut wire = Secure::listen(keys(), [0; 256], [0; 256]);
    assert!(wire.input_room().is_empty() && wire.poll_output().is_empty());
    assert_eq!(wire.poll_stream(), Ok(&[][..]));
    wire.handle_input(100);
    wire.handle_written(100);
    wire.take_stream(100);
    assert_eq!((wire.send_stream(b"x"), wire.is_open()), (0, false));
}

#[test]
fn opens_in_memory_that_grows() {
    use crate::buf::tests::Growing;
    let growing = || Growing::new(0, 4096);
    let mut dialler = Secure::dial(rover(), keys(), growing(), growing());
    let mut listener = Secure::listen(keys(), growing(), growing());
    dialler.handle_connected([1; 32]);
    listener.handle_connected([2; 32]);
    assert_eq!(after(&mut listener, &written(&mut dialler)), None);
    assert_eq!(after(&mut dialler, &written(&mut listener)), None);
    let plain: Vec<u8> = (0..=255).cycle().take(20_000).collect();
    let (mut sent, mut read) = (0, Vec::new());
    while sent < plain.len() {
        sent += dialler.send_stream(&plain[sent..]);
        read.extend(deliver(&mut listener, &written(&mut dialler)).unwrap());
    }
    assert_eq!(read, plain);
}

#[test]
fn shows_nothing_secret() {
    let (dialler, _) = pair::<256>();
    let shown = std::format!("{dialler:?}");
    let expected = "Secure { id: Some(KeyId(rover)), is_open: true, fault: None, .. }";
    assert_eq!(shown, expected);
}

/// The bytes that the specification shows under "Vectors".
#[test]
fn an_opening_has_the_bytes_of_the_specification() {
    let spec = include_str!("../../../../SPEC.md");
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|b| std::format!("{b:02x}")).collect() };
    let key: [u8; 32] = core::array::from_fn(|n| u8::try_from(n).unwrap());
    let mut dialler = Secure::dial(rover(), Key::new(key), [0; 1042], [0; 1042]);
    let mut listener = Secure::listen(Key::new(key), [0; 1042], [0; 1042]);
    dialler.handle_connected([1; 32]);
    listener.handle_connected([2; 32]);
    let opening = written(&mut dialler);
    assert_eq!(after(&mut listener, &opening), None);
    let answer = written(&mut listener);
    assert_eq!(after(&mut dialler, &answer), None);
    let records = [
        sealed(&mut dialler, b"ping"),
        sealed(&mut listener, b"pong"),
    ];
    let spec: String = spec.split_whitespace().collect();
    let [ping, pong] = records;
    let missing: Vec<String> = [opening, answer, ping, pong]
        .iter()
        .map(|bytes| hex(bytes))
        .filter(|bytes| !spec.contains(bytes))
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
}
