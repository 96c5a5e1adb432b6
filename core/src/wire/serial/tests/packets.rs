//! Single packets: garbled, cut, hostile, and as the specification shows them.

use super::*;
use crate::wire::serial::packet::{self, LARGEST};

type End = Serial<[u8; 500], [u8; 500]>;

/// What `from` has to say arrives at `to`.
pub(super) fn carry<A: Wire, B: Wire>(from: &mut A, to: &mut B) -> Vec<u8> {
    let said = output(from);
    receive(to, &said);
    said
}

pub(super) fn exchange<A: Wire, B: Wire>(one: &mut A, other: &mut B) {
    while carry(one, other).len() + carry(other, one).len() > 0 {}
}

fn output(from: &mut impl Wire) -> Vec<u8> {
    let mut said = Vec::new();
    while !from.poll_output().is_empty() {
        let bytes = from.poll_output();
        let len = bytes.len();
        said.extend_from_slice(bytes);
        from.handle_written(len);
    }
    said
}

fn receive(to: &mut impl Wire, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let room = to.input_room();
        let len = room.len().min(bytes.len());
        room[..len].copy_from_slice(&bytes[..len]);
        to.handle_input(len);
        bytes = &bytes[len..];
    }
}

/// Two ends that have found each other, and nothing on the way.
pub(super) fn opened() -> (End, End) {
    let (mut one, mut other) = (
        Serial::new([0; 500], [0; 500]),
        Serial::new([0; 500], [0; 500]),
    );
    one.handle_connected([1; 32]);
    other.handle_connected([2; 32]);
    exchange(&mut one, &mut other);
    assert!(one.is_open() && other.is_open());
    (one, other)
}

const NONCES: Nonces = Nonces {
    sender: 0x0101_0101,
    receiver: 0x0202_0202,
};

fn sealed(header: Header, piece: &[u8], nonces: Nonces) -> Vec<u8> {
    let mut memory = [0; 300];
    let len = packet::emit(header, piece.len(), nonces, &mut memory, |place| {
        place.copy_from_slice(piece);
    });
    memory[..len.unwrap()].to_vec()
}

#[test]
fn packets_are_as_specified() {
    let spec = include_str!("../../../../SPEC.md");
    let stands = |bytes: &[u8]| {
        let hex: Vec<_> = bytes
            .iter()
            .map(|byte| std::format!("{byte:02x}"))
            .collect();
        let hex = hex.join(" ");
        assert!(spec.contains(&std::format!("`{hex}`")), "{hex}");
    };
    let reset = Reset {
        own: 0x0403_0201,
        peer: 0,
        largest: 240,
        window: 772,
    };
    let mut memory = [0; 32];
    let len = packet::emit_reset(reset, &mut memory).unwrap();
    stands(&memory[..len]);
    let nonces = Nonces {
        sender: 0x0403_0201,
        receiver: 0x0807_0605,
    };
    let header = Header {
        round: 1,
        echo: 2,
        is_gap: true,
        seq: 0x1234,
        ack: 0x5678,
        window: 772,
    };
    stands(&sealed(header, b"\x04\x10hi", nonces));
    let mere = Header {
        seq: 0x1238,
        is_gap: false,
        ..header
    };
    stands(&sealed(mere, b"", nonces));
}

#[test]
fn packets_say_what_was_put_into_them() {
    let mut random = Random(3);
    for len in (0..=usize::from(LARGEST)).step_by(STEP) {
        let piece: Vec<u8> = (0..len).map(|_| random.byte() & random.byte()).collect();
        let header = Header {
            round: random.byte() & 7,
            echo: random.byte() & 7,
            is_gap: random.below(2) == 1,
            seq: 5,
            ack: 0xfffe,
            window: 0,
        };
        let bytes = sealed(header, &piece, NONCES);
        assert_eq!(bytes.len(), len + packet::OVERHEAD);
        assert_eq!(bytes.iter().filter(|byte| **byte == 0).count(), 2);
        let mut content = [0; 300];
        let len = cobs::decode(&bytes[1..], &mut content).unwrap();
        let content = &content[..len];
        let Some(Packet::Data(parsed, range)) = packet::parse(content, NONCES) else {
            panic!("{content:?}");
        };
        assert_eq!((parsed, &content[range.range()]), (header, &piece[..]));
        let others = Nonces {
            sender: NONCES.receiver,
            receiver: NONCES.sender,
        };
        assert_eq!(packet::parse(content, others), None);
    }
}

#[test]
fn a_packet_with_any_byte_changed_is_refused() {
    let (mut one, mut other) = opened();
    assert_eq!(one.send_stream(b"all or nothing\0at all"), 21);
    let packet = output(&mut one);
    let masks = if cfg!(miri) { 1..=2 } else { 1..=255 };
    for at in 0..packet.len() {
        for mask in masks.clone() {
            let mut garbled = packet.clone();
            garbled[at] ^= mask;
            let before = other.counts().received;
            receive(&mut other, &[&[0], &garbled[..], &[0]].concat());
            let is_delimiter = at == 0 || at + 1 == packet.len();
            if is_delimiter && other.counts().received > before {
                // Only a byte in front of the packet was changed, and one that parts it from it stands.
                panic!("byte {at} ^ {mask:#x}");
            }
            assert_eq!(other.poll_stream(), Ok(&[][..]), "byte {at} ^ {mask:#x}");
            assert_eq!(other.counts().received, before);
        }
    }
    receive(&mut other, &packet);
    assert_eq!(other.poll_stream(), Ok(&b"all or nothing\0at all"[..]));
}

#[test]
#[cfg_attr(miri, ignore = "Miri takes minutes for so many packets")]
fn a_reset_with_any_byte_changed_is_refused() {
    let (_, mut other) = opened();
    let mut third = Serial::new([0; 100], [0; 100]);
    third.handle_connected([5; 32]);
    let packet = output(&mut third);
    for at in 1..packet.len() {
        for mask in 1..=255 {
            let mut garbled = packet.clone();
            garbled[at] ^= mask;
            receive(&mut other, &[&garbled[..], &[0]].concat());
            assert_eq!(other.poll_stream(), Ok(&[][..]), "byte {at} ^ {mask:#x}");
        }
    }
    receive(&mut other, &packet);
    assert_eq!(other.poll_stream(), Err(Fault::Restarted));
}

#[test]
fn packets_may_come_in_any_pieces() {
    let (mut one, _) = opened();
    let mut packets = Vec::new();
    for part in [&b"first"[..], &[0; 40], &[0xff; 60], b"last"] {
        assert_eq!(one.send_stream(part), part.len());
        packets.extend(output(&mut one));
    }
    let said = [&b"first"[..], &[0; 40], &[0xff; 60], b"last"].concat();
    for split in (0..=packets.len()).step_by(STEP) {
        let (_, mut other) = opened();
        receive(&mut other, &packets[..split]);
        receive(&mut other, &packets[split..]);
        assert_eq!(other.poll_stream(), Ok(&said[..]), "split at {split}");
    }
    let (_, mut other) = opened();
    for byte in packets {
        receive(&mut other, &[byte]);
    }
    assert_eq!(other.poll_stream(), Ok(&said[..]));
}

#[test]
fn a_packet_of_an_earlier_connection_is_refused() {
    let (mut one, mut other) = opened();
    one.send_stream(b"stale");
    let stale = output(&mut one);
    one.handle_connected([3; 32]);
    carry(&mut one, &mut other);
    assert_eq!(other.poll_stream(), Err(Fault::Restarted));
    other.handle_connected([4; 32]);
    receive(&mut other, &stale);
    exchange(&mut one, &mut other);
    assert!(one.is_open() && other.is_open());
    receive(&mut other, &stale);
    assert_eq!(other.poll_stream(), Ok(&[][..]));
    one.send_stream(b"fresh");
    exchange(&mut one, &mut other);
    assert_eq!(other.poll_stream(), Ok(&b"fresh"[..]));
}

#[test]
fn a_restart_drops_what_was_not_taken_and_is_told_until_the_line_starts_over() {
    let (mut one, mut other) = opened();
    one.send_stream(b"never taken");
    exchange(&mut one, &mut other);
    one.handle_connected([3; 32]);
    carry(&mut one, &mut other);
    for _ in 0..3 {
        assert_eq!(other.poll_stream(), Err(Fault::Restarted));
        assert!(!other.is_open() && other.poll_output().is_empty());
        assert_eq!(other.send_stream(b"x"), 0);
    }
    other.handle_connected([4; 32]);
    assert_eq!(other.poll_stream(), Ok(&[][..]));
    exchange(&mut one, &mut other);
    assert!(one.is_open() && other.is_open());
    // Both know: neither is told again.
    assert_eq!(one.poll_stream(), Ok(&[][..]));
    assert_eq!(other.poll_stream(), Ok(&[][..]));
}

#[test]
fn a_lost_packet_is_sent_again_as_soon_as_the_next_arrives() {
    let (mut one, mut other) = opened();
    one.send_stream(b"lost ");
    output(&mut one);
    one.send_stream(b"found");
    carry(&mut one, &mut other);
    assert_eq!(other.poll_stream(), Ok(&[][..]));
    exchange(&mut one, &mut other);
    assert_eq!(other.poll_stream(), Ok(&b"lost found"[..]));
    assert_eq!(one.counts().sent_again, 1);
}

#[test]
fn a_gap_is_answered_once_however_often_it_is_told() {
    let (mut one, mut other) = opened();
    one.send_stream(b"lost");
    output(&mut one);
    for byte in *b"many" {
        one.send_stream(&[byte]);
        carry(&mut one, &mut other);
    }
    let gap = output(&mut other);
    for _ in 0..5 {
        receive(&mut one, &gap);
    }
    carry(&mut one, &mut other);
    assert_eq!(other.poll_stream(), Ok(&b"lostmany"[..]));
    receive(&mut one, &gap);
    assert!(one.poll_output().is_empty());
}

#[test]
#[cfg_attr(miri, ignore = "Miri takes minutes for so many packets")]
fn places_in_the_stream_wrap_around() {
    let (mut one, mut other) = opened();
    let mut sent = 0_usize;
    let mut heard = 0_usize;
    while heard < 200_000 {
        let bytes: Vec<u8> = (sent..sent + 97).map(|at| stream(0, 1, at)).collect();
        sent += one.send_stream(&bytes);
        exchange(&mut one, &mut other);
        let bytes = other.poll_stream().unwrap();
        for (at, byte) in (heard..).zip(bytes) {
            assert_eq!(*byte, stream(0, 1, at));
        }
        let len = bytes.len();
        other.take_stream(len);
        heard += len;
    }
}

#[test]
#[cfg_attr(miri, ignore = "Miri takes minutes for so many packets")]
fn whatever_comes_well_sealed_neither_panics_nor_hangs() {
    let rounds = 300;
    for seed in 1..=rounds {
        let mut random = Random(seed);
        let (_, mut other) = opened();
        let mut now = 0;
        for _ in 0..400 {
            let small = |random: &mut Random| match random.below(3) {
                0 => u16::try_from(random.below(600)).unwrap(),
                1 => u16::MAX - u16::try_from(random.below(600)).unwrap(),
                _ => u16::try_from(random.below(0x1_0000)).unwrap(),
            };
            let header = Header {
                round: random.byte(),
                echo: random.byte(),
                is_gap: random.below(2) == 1,
                seq: small(&mut random),
                ack: small(&mut random),
                window: small(&mut random),
            };
            let piece = [7; LARGEST as usize];
            let len = random.below(piece.len());
            match random.below(8) {
                0..4 => receive(&mut other, &sealed(header, &piece[..len], NONCES)),
                4 => {
                    let bytes: Vec<u8> = (0..len).map(|_| random.byte()).collect();
                    receive(&mut other, &bytes);
                }
                5 => {
                    other.send_stream(&piece[..len]);
                }
                6 => other.take_stream(len),
                _ => {
                    now += random.below(1_000_000) as u64;
                    other.handle_time(Instant::from_micros(now));
                }
            }
            assert!(!other.input_room().is_empty(), "seed {seed}");
            assert!(other.poll_stream().is_ok(), "seed {seed}");
            let mut said = 0;
            while !other.poll_output().is_empty() {
                let len = other.poll_output().len().min(1 + random.below(300));
                other.handle_written(len);
                said += len;
                assert!(said < 10_000, "seed {seed} talks without end");
            }
        }
    }
}

/// Miri is slow: it looks at some only.
const STEP: usize = if cfg!(miri) { 37 } else { 1 };
