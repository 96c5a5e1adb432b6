//! How wires that are open carry bytes, and what they make of bad ones.

use super::*;
use crate::wire::secure::cipher::RECORDS_A_KEY;
use crate::wire::secure::{MAX_RECORD, State};
use std::time::{SystemTime, UNIX_EPOCH};

#[test]
fn reads_the_same_wherever_records_are_split() {
    let stream = b"a stream of frames, of which nobody here knows the ends";
    let bytes = |dialler: &mut Dialler<256>| {
        let parts = [&stream[..1], &stream[1..20], &stream[20..]];
        parts.map(|part| sealed(dialler, part)).concat()
    };
    let len = bytes(&mut pair().0).len();
    for cut in 0..=len {
        let (mut dialler, mut listener) = pair();
        let bytes = bytes(&mut dialler);
        let first = deliver(&mut listener, &bytes[..cut]).unwrap();
        let second = deliver(&mut listener, &bytes[cut..]).unwrap();
        assert_eq!([first, second].concat(), stream);
    }
    for most in 1..len {
        let (mut dialler, mut listener) = pair();
        let bytes = bytes(&mut dialler);
        let read = deliver_in_pieces(&mut listener, &bytes, most);
        assert_eq!(read.unwrap(), stream);
    }
}

#[test]
fn tells_nothing_of_a_record_that_is_not_whole() {
    let (mut dialler, _) = pair::<256>();
    let record = sealed(&mut dialler, b"whole or not at all");
    for cut in 0..record.len() {
        let (_, mut listener) = pair::<256>();
        assert_eq!(deliver(&mut listener, &record[..cut]), Ok(Vec::new()));
    }
}

#[test]
fn reads_no_record_with_any_bit_flipped() {
    let (mut dialler, _) = pair::<256>();
    let record = sealed(&mut dialler, b"a record");
    for bit in 0..record.len() * 8 {
        let (_, mut listener) = pair::<256>();
        let mut flipped = record.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let fault = match (bit / 8, u16::from_be_bytes([flipped[0], flipped[1]])) {
            (0 | 1, len @ ..16) => Err(Fault::RecordTag {
                len: usize::from(len),
            }),
            (0 | 1, len @ 255..) => Err(Fault::RecordLength {
                len: usize::from(len),
                limit: 254,
            }),
            (0 | 1, len) if len > 24 => Ok(Vec::new()),
            _ => Err(Fault::Record),
        };
        assert_eq!(deliver(&mut listener, &flipped), fault, "bit {bit}");
        // The other direction stands, so that there is a last word.
        let farewell = sealed(&mut listener, b"bye");
        let (mut dialler, _) = pair::<256>();
        assert_eq!(deliver(&mut dialler, &farewell).unwrap(), b"bye");
        assert_eq!(listener.poll_stream().err(), fault.err());
    }
}

#[test]
fn reads_no_record_twice_nor_late_nor_behind_a_lost_one() {
    let (mut dialler, _) = pair::<256>();
    let one = sealed(&mut dialler, b"one");
    let two = sealed(&mut dialler, b"two");
    for bytes in [[&one[..], &one].concat(), two.clone()] {
        let (_, mut listener) = pair::<256>();
        assert_eq!(deliver(&mut listener, &bytes), Err(Fault::Record));
    }
    // A side's own records are not the peer's.
    let (mut dialler, _) = pair::<256>();
    assert_eq!(deliver(&mut dialler, &one), Err(Fault::Record));
}

#[test]
fn passes_over_records_without_plain_bytes() {
    let (mut dialler, mut listener) = pair::<256>();
    let mut bytes = Vec::new();
    for plain in [&b""[..], b"a", b"", b"", b"b", b""] {
        let State::Open(records) = &mut dialler.state else {
            panic!("not open");
        };
        let mut sealed = std::vec![0; plain.len() + 16];
        records.ours.seal(&[], plain, &mut sealed).unwrap();
        bytes.extend([0, u8::try_from(sealed.len()).unwrap()]);
        bytes.extend(sealed);
    }
    assert_eq!(deliver(&mut listener, &bytes).unwrap(), b"ab");
}

#[test]
fn believes_no_length_beyond_what_it_takes_and_none_without_a_tag() {
    for (len, fault) in [
        (0, Fault::RecordTag { len: 0 }),
        (15, Fault::RecordTag { len: 15 }),
        (
            255,
            Fault::RecordLength {
                len: 255,
                limit: 254,
            },
        ),
        (
            0xffff,
            Fault::RecordLength {
                len: 0xffff,
                limit: 254,
            },
        ),
    ] {
        let (_, mut listener) = pair::<256>();
        assert_eq!(deliver(&mut listener, &u16::to_be_bytes(len)), Err(fault));
        assert_eq!(listener.poll_stream(), Err(fault));
        assert!(listener.input_room().is_empty());
    }
}

#[test]
fn gives_no_room_while_its_memory_is_full_of_plain_bytes() {
    let (mut dialler, mut listener) = pair::<256>();
    let record = sealed(&mut dialler, &[7; 238]);
    assert_eq!(record.len(), 256);
    let room = listener.input_room();
    assert_eq!(room.len(), 256);
    room.copy_from_slice(&record);
    listener.handle_input(256);
    assert!(listener.input_room().is_empty());
    assert_eq!(listener.poll_stream().unwrap().len(), 238);
    assert!(listener.input_room().is_empty());
    listener.take_stream(200);
    assert_eq!(listener.poll_stream().unwrap().len(), 38);
    listener.take_stream(usize::MAX);
    assert_eq!(listener.poll_stream(), Ok(&[][..]));
    assert_eq!(listener.input_room().len(), 256);
}

#[test]
fn one_write_carries_many_records() {
    let mut memory = std::vec![0; 4 * 65_536];
    let mut memory = memory.chunks_mut(65_536);
    let mut part = || memory.next().unwrap();
    let mut dialler = Secure::dial(rover(), keys(), part(), part());
    let mut listener = Secure::listen(keys(), part(), part());
    dialler.handle_connected([1; 32]);
    listener.handle_connected([2; 32]);
    deliver(&mut listener, &written(&mut dialler)).unwrap();
    deliver(&mut dialler, &written(&mut listener)).unwrap();
    let plain: Vec<u8> = (0..=255).cycle().take(60_000).collect();
    assert_eq!(dialler.send_stream(&plain), plain.len());
    let output = dialler.poll_output().to_vec();
    assert_eq!(output.len(), plain.len() + 4 * 18);
    assert_eq!(
        output[..2],
        u16::try_from(MAX_RECORD + 16).unwrap().to_be_bytes()
    );
    assert_eq!(deliver(&mut listener, &output), Ok(plain));
}

#[test]
fn a_long_piece_waits_for_room_for_half_a_record() {
    let (mut dialler, _) = pair::<256>();
    assert_eq!(dialler.send_stream(&[7; 300]), 238);
    for written in 1..256 {
        dialler.handle_written(1);
        let taken = dialler.send_stream(&[7; 300]);
        if taken > 0 {
            assert_eq!((taken, written), (119, 119 + 18));
            return;
        }
        // A short one does not.
        assert!(written < 119 + 18);
    }
    panic!("never took more");
}

#[test]
fn says_that_nothing_can_be_sent_when_records_run_out() {
    let (mut dialler, mut listener) = pair::<256>();
    for wire in [&mut dialler.state, &mut listener.state] {
        let State::Open(records) = wire else {
            panic!("not open");
        };
        (records.ours.count, records.theirs.count) = (u64::MAX - 1, u64::MAX - 1);
    }
    let last = sealed(&mut dialler, b"last");
    assert_eq!(
        (dialler.is_open(), dialler.send_stream(b"more")),
        (false, 0)
    );
    let both = [&last[..], &last].concat();
    assert_eq!(deliver(&mut listener, &both), Err(Fault::Exhausted));
}

/// Random bytes, behind as much of what is right as leads them to every place.
#[test]
fn nothing_that_is_received_panics_or_opens() {
    let mut random = Random(seed());
    for _ in 0..2_000 {
        let len = random.below(400);
        let noise: Vec<u8> = (0..len).map(|_| random.byte()).collect();
        let (mut dialler, mut listener) = (dialler::<256>(), listener::<256>());
        assert_eq!(deliver(&mut listener, &noise).unwrap_or_default(), []);
        assert_eq!(deliver(&mut dialler, &noise).unwrap_or_default(), []);
        assert!(!dialler.is_open() && !listener.is_open());
        let header = &written(&mut dialler)[..random.below(9)];
        listener.handle_connected([2; 32]);
        let bytes = [header, &noise].concat();
        assert_eq!(deliver(&mut listener, &bytes).unwrap_or_default(), []);
        assert!(!listener.is_open());
    }
    for _ in 0..200 {
        let (mut dialler, mut listener) = pair::<256>();
        let mut bytes = sealed(&mut dialler, b"right");
        let noise: Vec<u8> = (0..300).map(|_| random.byte()).collect();
        bytes.extend([&[0, 20], &noise[..]].concat());
        assert_eq!(deliver(&mut listener, &bytes), Err(Fault::Record));
    }
}

/// Both ways at once, in pieces of random sizes, through memory of several sizes, with a change of keys in between.
#[test]
fn carries_any_stream_both_ways() {
    let mut random = Random(seed());
    for _ in 0..2 {
        carry_both_ways(&mut random, pair::<85>());
        carry_both_ways(&mut random, pair::<256>());
        carry_both_ways(&mut random, pair::<1042>());
        carry_both_ways(&mut random, pair::<20_000>());
    }
}

fn carry_both_ways<const N: usize>(random: &mut Random, (mut dialler, mut listener): Pair<N>) {
    for state in [&mut dialler.state, &mut listener.state] {
        let State::Open(records) = state else {
            panic!("not open");
        };
        let count = RECORDS_A_KEY - 20;
        (records.ours.count, records.theirs.count) = (count, count);
    }
    let (mut there, mut back) = (Stream::default(), Stream::default());
    while there.read < 20_000 || back.read < 20_000 {
        there.step(random, &mut dialler, &mut listener);
        back.step(random, &mut listener, &mut dialler);
    }
}

/// How far a stream of bytes, which tell their places, has come.
#[derive(Default)]
struct Stream {
    sent: usize,
    read: usize,
}

impl Stream {
    fn step(&mut self, random: &mut Random, from: &mut impl Wire, to: &mut impl Wire) {
        let byte = |place: usize| u8::try_from(place * 7 % 251).unwrap();
        let len = random.below(3_000);
        let piece: Vec<u8> = (self.sent..self.sent + len).map(byte).collect();
        self.sent += from.send_stream(&piece);

        let room = to.input_room();
        let output = from.poll_output();
        let most = random.below(2_000);
        let len = room.len().min(output.len()).min(most);
        room[..len].copy_from_slice(&output[..len]);
        to.handle_input(len);
        from.handle_written(len);

        let plain = to.poll_stream().unwrap();
        let len = plain.len().min(random.below(2_000));
        let expected: Vec<u8> = (self.read..self.read + len).map(byte).collect();
        assert_eq!(plain[..len], expected);
        to.take_stream(len);
        self.read += len;
    }
}

fn seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = u64::from(now.subsec_nanos()) | 1;
    std::println!("seed {seed}");
    seed
}

/// Xorshift64.
struct Random(u64);

impl Random {
    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }

    fn below(&mut self, limit: u64) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit).unwrap()
    }
}
