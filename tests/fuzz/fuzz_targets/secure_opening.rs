#![no_main]

//! Both roles of the secure wire, attacked by bytes in pieces: `[role and memory][pieces]`, then the stream.

use libfuzzer_sys::fuzz_target;
use ropeway_core::wire::secure::{Key, KeyId, Keys, LEAST_MEMORY, Secure};
use ropeway_core::wire::{Fault, Wire};
use ropeway_fuzz::rig::{Memory, Random};

fuzz_target!(|data: &[u8]| {
    let &[role, pieces, ref stream @ ..] = data else {
        return;
    };
    let len = [LEAST_MEMORY - 1, LEAST_MEMORY, 200, 1200][usize::from(role >> 1) % 4];
    let memory = || Memory::new(len);
    let key = Key::new(core::array::from_fn(|at| at.to_le_bytes()[0]));
    let id = KeyId::new(b"rover").expect("5 bytes");
    let random = Random::new(pieces.into());
    // The ephemeral keys of the specification's vectors.
    match role & 1 {
        0 => attack(
            Secure::dial(id, key, memory(), memory()),
            [1; 32],
            len,
            stream,
            random,
        ),
        _ => attack(
            Secure::listen([(id, key)], memory(), memory()),
            [2; 32],
            len,
            stream,
            random,
        ),
    }
});

fn attack<K: Keys>(
    mut wire: Secure<K, Memory>,
    secret: [u8; 32],
    len: usize,
    stream: &[u8],
    mut random: Random,
) {
    wire.handle_connected(secret);
    for _ in 0..2 {
        let fault = feed(&mut wire, len, stream, &mut random);
        assert!(fault.is_none_or(|fault| !fault.to_string().is_empty()));
        // Whatever was said on the last transport, the next starts over.
        wire.handle_connected(secret);
        assert!(wire.key_id().is_none());
    }
}

/// Feeds it the stream, and returns what ended it.
fn feed<K: Keys>(
    wire: &mut Secure<K, Memory>,
    len: usize,
    mut stream: &[u8],
    random: &mut Random,
) -> Option<Fault> {
    let (mut fault, mut read, mut written, mut idle) = (None, 0, 0, 0);
    let given = stream.len();
    while idle < 40 {
        let most = random.one_of(&[1, 7, 64, 2000]);
        let room = wire.input_room();
        assert!(room.len() <= len);
        let piece = room.len().min(stream.len()).min(most);
        let (now, later) = stream.split_at(piece);
        room[..piece].copy_from_slice(now);
        wire.handle_input(piece);
        stream = later;
        idle += 1;
        if piece > 0 {
            idle = 0;
        }
        match wire.poll_stream() {
            Ok(plain) => {
                assert_eq!(fault, None, "{} bytes behind a fault", plain.len());
                let taken = plain.len().min(most);
                read += taken;
                wire.take_stream(taken);
                assert!(
                    taken == 0 || wire.is_open(),
                    "plain bytes before it is open"
                );
            }
            Err(found) => {
                assert!(fault.is_none_or(|fault| fault == found));
                fault = Some(found);
            }
        }
        if wire.is_open() {
            assert!(wire.send_stream(b"hello") <= 5);
        } else {
            assert_eq!(wire.send_stream(b"hello"), 0);
        }
        let waiting = wire.poll_output().len();
        assert!(waiting <= len);
        if !wire.is_open() {
            assert!(waiting <= 100, "more than an opening: {waiting}");
        }
        let some = waiting.min(most);
        wire.handle_written(some);
        written += some;
        assert!(read <= given && (written <= 100 || wire.is_open() || fault.is_some()));
    }
    fault
}
