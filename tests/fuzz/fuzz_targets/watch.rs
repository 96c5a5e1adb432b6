#![no_main]
//! Whatever passes on a link: no panic, no more kept than the limit, every byte once, and the same whatever pieces it comes in.

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use ropeway_std::watch::{Direction, Protocol, Seen, Watcher, guess};

#[derive(Arbitrary, Debug)]
struct Plan<'a> {
    protocol: u8,
    pieces: u8,
    /// What one side says, then the other.
    said: Vec<(bool, &'a [u8])>,
}

const PROTOCOLS: [Protocol; 6] = [
    Protocol::Native,
    Protocol::CableCarByte,
    Protocol::CableCarJson,
    Protocol::Packetmq,
    Protocol::CleverShow,
    Protocol::TcpTalks,
];

fuzz_target!(|plan: Plan<'_>| {
    let protocol = PROTOCOLS[usize::from(plan.protocol) % PROTOCOLS.len()];
    let whole = watch(protocol, &plan.said, usize::MAX);
    let pieces = watch(protocol, &plan.said, usize::from(plan.pieces).max(1));
    assert_eq!(whole, pieces);
    for (_, bytes) in plan.said {
        let _ = guess(bytes);
    }
});

/// What is seen, in words, since NaN differs from itself.
fn watch(protocol: Protocol, said: &[(bool, &[u8])], piece: usize) -> Vec<String> {
    let mut watcher = Watcher::new(protocol).limit(0);
    let mut seen = Vec::new();
    let mut ends = [0, 0];
    let mut totals = [0_u64, 0];
    for (is_back, bytes) in said {
        let side = usize::from(*is_back);
        let direction = [Direction::Forth, Direction::Back][side];
        totals[side] += bytes.len() as u64;
        for piece in bytes.chunks(piece) {
            watcher.see(direction, piece, &mut |one| {
                let start = match &one {
                    Seen::Frame(frame) => frame.offset,
                    Seen::Malformed(malformed) => malformed.frame,
                };
                assert!(start >= ends[side], "frames come in their order");
                ends[side] = start;
                seen.push(format!("{one:?}"));
            });
            assert!(watcher.unfinished(direction) <= 1024);
        }
        assert!(ends[side] <= totals[side]);
        assert!(watcher.unread(direction) <= totals[side]);
    }
    for direction in [Direction::Forth, Direction::Back] {
        watcher.end(direction, &mut |one| seen.push(format!("{one:?}")));
    }
    seen
}
