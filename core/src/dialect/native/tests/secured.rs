//! Sessions over a secure wire.

use super::rig::{Number, Random, Words};
use super::{Config, Native, Notice, Opening};
use crate::buf::Storage;
use crate::wire::secure::{Key, KeyId, Secure};
use crate::{Event, Messenger, Rule, SendError};
use std::format;
use std::string::String;

type End =
    Messenger<Native<Config>, [u8; 512], [u8; 512], Secure<[(&'static [u8], Key); 1], [u8; 300]>>;

fn keys(byte: u8) -> [(&'static [u8], Key); 1] {
    [(&b"fleet"[..], Key::new([byte; 32]))]
}

fn dialler(key: u8) -> End {
    let id = KeyId::new(b"fleet").unwrap();
    let wire = Secure::dial(id, keys(key), [0; 300], [0; 300]);
    Messenger::new(Native::dialling(Config::new(1)), [0; 512], [0; 512]).with_wire(wire)
}

fn listener(key: u8) -> End {
    let wire = Secure::listen(keys(key), [0; 300], [0; 300]);
    Messenger::new(Native::listening(Config::new(2)), [0; 512], [0; 512]).with_wire(wire)
}

fn start(end: &mut End, random: &mut Random) {
    let mut bytes = [0; 32];
    bytes.fill_with(|| random.next().to_le_bytes()[0]);
    end.handle_connected_with(bytes);
}

/// Moves at most `len` bytes.
fn carry<A: Storage, B: Storage, W: crate::wire::Wire, X: crate::wire::Wire>(
    from: &mut Messenger<Native<Config>, A, A, W>,
    to: &mut Messenger<Native<Config>, B, B, X>,
    len: usize,
) -> usize {
    let room = to.input_room();
    let output = from.poll_output();
    let len = output.len().min(room.len()).min(len);
    room[..len].copy_from_slice(&output[..len]);
    to.handle_input(len);
    from.handle_written(len);
    len
}

#[test]
fn numbers_go_both_ways_whole_over_many_secure_transports() {
    for seed in 1..30 {
        let mut random = Random(seed * 0x1234_5677);
        let mut ends = [dialler(7), listener(7)];
        let (mut sent, mut heard) = ([0_u32; 2], [0_u32; 2]);
        ends.iter_mut().for_each(|end| start(end, &mut random));
        let mut steps = 0;
        while heard != [40; 2] {
            steps += 1;
            assert!(steps < 100_000, "seed {seed}: stuck at {sent:?} {heard:?}");
            let side = random.below(2);
            let [a, b] = &mut ends;
            let (here, there) = if side == 0 { (a, b) } else { (b, a) };
            match random.below(200) {
                0..40 if sent[side] < 40 => match here.send(&Number(sent[side])) {
                    Ok(()) => sent[side] += 1,
                    Err(error) => assert_eq!(error, SendError::Full),
                },
                0..140 => {
                    carry(here, there, 1 + random.below(200));
                }
                140..199 => match here.recv::<Words<'_>>() {
                    Some(Event::Message(Words::Number(Number(number)))) => {
                        assert_eq!(number, heard[side], "seed {seed}");
                        heard[side] += 1;
                    }
                    None | Some(Event::Notice(Notice::Met(_) | Notice::Opened(_))) => {}
                    other => panic!("seed {seed}: {other:?}"),
                },
                _ => ends.iter_mut().for_each(|end| start(end, &mut random)),
            }
        }
    }
}

/// What an end says when it is done with.
fn last_words<B: Storage, W: crate::wire::Wire>(
    end: &mut Messenger<Native<Config>, B, B, W>,
) -> String {
    let mut said = String::new();
    while let Some(event) = end.recv::<Words<'_>>() {
        said += &match event {
            Event::Malformed(malformed) => format!("{}", malformed.rule),
            Event::Notice(Notice::Bye { reason, .. }) => format!("bye: {reason}"),
            Event::Notice(Notice::Opened(Opening::Fresh { .. })) => "opened".into(),
            Event::Notice(Notice::Met(_)) => continue,
            other => format!("{other:?}"),
        };
    }
    said
}

#[test]
fn another_key_is_told_on_both_ends() {
    let mut random = Random(3);
    let (mut a, mut b) = (dialler(7), listener(8));
    start(&mut a, &mut random);
    start(&mut b, &mut random);
    while carry(&mut a, &mut b, 99) + carry(&mut b, &mut a, 99) > 0 {}
    assert_eq!(last_words(&mut a), "the peer refuses: wrong key");
    assert_eq!(last_words(&mut b), "the peer has another key under this id");
    assert!(matches!(a.is_over(), Some(crate::Over::OutOfStep)));
}

#[test]
fn secure_and_plain_ends_refuse_each_other_clearly() {
    let mut random = Random(3);
    let plain = |native| Messenger::new(native, [0; 512], [0; 512]);

    let mut dials = plain(Native::dialling(Config::new(1)));
    let mut secure = listener(7);
    start(&mut secure, &mut random);
    while carry(&mut dials, &mut secure, 99) + carry(&mut secure, &mut dials, 99) > 0 {}
    assert_eq!(last_words(&mut secure), "the peer is not secure");
    assert_eq!(last_words(&mut dials), "bye: secure peers only");

    let mut listens = plain(Native::listening(Config::new(2)));
    let mut secure = dialler(7);
    start(&mut secure, &mut random);
    while carry(&mut secure, &mut listens, 99) > 0 {}
    let rule = "not an opening: this looks like the native protocol with encryption";
    assert_eq!(last_words(&mut listens), rule);
    while carry(&mut listens, &mut secure, 99) > 0 {}
    assert_eq!(last_words(&mut secure), "the peer refuses: no secure peers");
}

#[test]
fn rules_of_the_wire_end_the_link() {
    let rule = Rule::Wire(crate::wire::Fault::Record);
    assert!(crate::Malformed::at(0, rule).is_fatal());
}
