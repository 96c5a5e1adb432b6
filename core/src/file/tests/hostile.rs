//! A peer that keeps to the rules until it does not.

use super::rig::Random;
use crate::file::{
    Checksum, Config, Event, FileId, Frame, Next, Reason, Side, Sink, Slot, SmallCrc, Store,
    Transfers, WriteError,
};
use std::cell::RefCell;
use std::collections::HashMap;
use std::println;
use std::rc::Rc;
use std::vec;
use std::vec::Vec;

const CONTENT: &[u8] = b"what somebody offers to somebody whom nobody should trust";

/// Keeps what was written, and shows it once it is committed.
struct Shown {
    bytes: Vec<u8>,
    shown: Commit,
}

impl Sink for Shown {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), WriteError> {
        assert_eq!(offset, self.bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn commit(&mut self) -> Result<(), WriteError> {
        let bytes = core::mem::take(&mut self.bytes);
        assert_eq!(self.shown.replace(Some(bytes)), None);
        Ok(())
    }

    fn abandon(&mut self, _reason: Reason) {}
}

struct Open;

impl Store for Open {
    type Source = &'static [u8];
    type Sink = Shown;
    type Name = &'static str;
    type Checksum = SmallCrc;
}

/// A file that the peer offers: what it has, and how much it has sent.
struct Offered {
    id: u32,
    content: Vec<u8>,
    sent: usize,
}

/// The peer, who remembers what it said.
#[derive(Default)]
struct Peer {
    next: u32,
    next_ask: u32,
    offers: Vec<Offered>,
    /// The ids of what was offered to it.
    files: Vec<u32>,
}

impl Peer {
    /// A frame that is in order for all it knows, unless chance changes a field.
    fn frame<'a>(&mut self, random: &mut Random, bytes: &'a mut Vec<u8>) -> Frame<'a> {
        let is_odd = random.one_in(8);
        let odd = |random: &mut Random, value: u64| match random.below(4) {
            _ if !is_odd => value,
            0 => random.next(),
            1 => u64::MAX - random.next() % 3,
            2 => value.wrapping_add(random.next() % 5).wrapping_sub(2),
            _ => value,
        };
        let odd32 = |random: &mut Random, value: u32| odd(random, u64::from(value)).to_le_bytes();
        let odd32 = |random: &mut Random, value| {
            let [a, b, c, d, ..] = odd32(random, value);
            u32::from_le_bytes([a, b, c, d])
        };
        let names = ["a", "b/c", "../d", ""];
        let name = names[if is_odd {
            random.below(4)
        } else {
            random.below(2)
        }];
        let any = |random: &mut Random, ids: &[u32]| match ids {
            [] => 1,
            ids => ids[random.below(ids.len())],
        };
        let own = any(random, &self.files);
        match random.below(9) {
            0 => {
                let file = odd32(random, self.next + 1);
                self.next += u32::from(!is_odd);
                let len = random.below(90);
                let content = random.bytes(len);
                let size = odd(random, len as u64);
                self.offers.push(Offered {
                    id: file,
                    content,
                    sent: 0,
                });
                let (ask, tag) = (if is_odd { odd32(random, 0) } else { 0 }, random.next() % 2);
                Frame::Offer {
                    file,
                    ask,
                    size,
                    tag,
                    name,
                }
            }
            1 => {
                self.next_ask += u32::from(!is_odd);
                Frame::Ask {
                    ask: odd32(random, self.next_ask),
                    name,
                }
            }
            2 => {
                let (offset, limit) = (random.next() % 60, 60 + random.next() % 20);
                let (offset, limit) = (odd(random, offset), odd(random, limit));
                Frame::Accept {
                    file: odd32(random, own),
                    offset,
                    limit,
                }
            }
            3 => {
                let (offset, limit) = (odd(random, 0), odd(random, 60));
                Frame::Credit {
                    file: odd32(random, own),
                    offset,
                    limit,
                }
            }
            4 => Frame::Verified {
                file: odd32(random, own),
            },
            5 if is_odd => {
                let side = [Side::Sender, Side::Receiver, Side::Asked][random.below(3)];
                let reason = Reason::from_wire(random.next().to_le_bytes()[0]);
                Frame::Stop {
                    id: odd32(random, 2),
                    side,
                    reason,
                }
            }
            kind => {
                let Some(at) = self.offers.len().checked_sub(1 + random.below(3)) else {
                    return Frame::Ask { ask: 0, name };
                };
                let Offered { id, content, sent } = &mut self.offers[at];
                if kind == 5 || *sent == content.len() {
                    let crc = odd32(random, SmallCrc::extend(0, content));
                    return Frame::Done { file: *id, crc };
                }
                let end = content.len().min(*sent + 1 + random.below(32));
                bytes.clear();
                bytes.extend_from_slice(&content[*sent..end]);
                let offset = odd(random, *sent as u64);
                *sent = end;
                Frame::Chunk {
                    file: odd32(random, *id),
                    offset,
                    bytes,
                }
            }
        }
    }
}

/// What the peer has claimed of a file: its size, and any number of CRCs.
struct Claim {
    id: u32,
    size: u64,
    crcs: Vec<u32>,
}

type Attacked = Transfers<Open, [Slot<Open>; 4]>;
type Commit = Rc<RefCell<Option<Vec<u8>>>>;

#[derive(Default)]
struct Run {
    claims: Vec<Claim>,
    shown: HashMap<FileId, Commit>,
    counts: [usize; 3],
}

impl Run {
    fn handle(&mut self, side: &mut Attacked, frame: Frame<'_>) {
        if let Frame::Done { file, crc } = frame
            && let Some(claim) = self.claims.iter_mut().rfind(|claim| claim.id == file)
        {
            claim.crcs.push(crc);
        }
        let taken = side.handle(frame);
        if let (Frame::Offer { file: id, size, .. }, Ok(_)) = (frame, taken) {
            let crcs = Vec::new();
            self.claims.push(Claim { id, size, crcs });
        }
        match taken {
            Ok(Some(Event::Offered { file, .. })) => {
                let shown = Commit::default();
                let sink = Shown {
                    bytes: Vec::new(),
                    shown: Rc::clone(&shown),
                };
                side.accept(file, sink).unwrap();
                self.shown.insert(file, shown);
            }
            Ok(Some(Event::Asked { file, .. })) => side.answer(file, CONTENT, "a").unwrap(),
            Ok(_) => self.counts[0] += 1,
            Err(_) => self.counts[1] += 1,
        }
    }

    /// What is received is what whoever claims this CRC and size has.
    fn check(&mut self, event: Event<'_>) {
        if let Event::Received { file } = event {
            let bytes = self.shown[&file].borrow_mut().take().unwrap();
            let crc = SmallCrc::extend(0, &bytes);
            let is_claimed =
                |claim: &Claim| claim.size == bytes.len() as u64 && claim.crcs.contains(&crc);
            assert!(self.claims.iter().any(is_claimed));
            self.counts[2] += 1;
        }
    }
}

#[test]
fn no_peer_makes_it_panic_or_receive_what_was_not_sent() {
    let seeds = if cfg!(miri) { 0..1 } else { 0..2000 };
    let (mut taken, mut refused, mut received) = (0, 0, 0);
    for seed in seeds.clone() {
        // Shown only when the test fails.
        println!("seed {seed}");
        let counts = attack(&mut Random(seed));
        taken += counts[0];
        refused += counts[1];
        received += counts[2];
    }
    println!("seeds {seeds:?}: {taken} frames taken, {refused} refused, {received} files received");
    assert!(taken > refused && received > 0);
}

fn attack(random: &mut Random) -> [usize; 3] {
    let config = Config {
        window: 64,
        chunk: 32,
    };
    let mut side: Attacked = Transfers::new(core::array::from_fn(|_| Slot::EMPTY), config);
    let (mut peer, mut run, mut bytes) = (Peer::default(), Run::default(), vec![]);
    for _ in 0..400 {
        match random.below(40) {
            0 => _ = side.offer(CONTENT, "a"),
            1 => _ = side.ask("b"),
            2 => side.handle_resumed(),
            3 if random.one_in(3) => {
                peer = Peer::default();
                side.handle_fresh();
            }
            4..8 => {
                let mut slot = [0; 64];
                let room = random.below(65);
                let next = side.poll_chunk(&mut slot[..room]);
                assert!(!matches!(next, Next::Chunk(len) if len > room));
            }
            _ => run.handle(&mut side, peer.frame(random, &mut bytes)),
        }
        if let Some(event) = side.poll_event() {
            run.check(event);
        }
        if random.one_in(2)
            && let Some(frame) = side.poll_frame()
        {
            if let Frame::Offer { file, .. } = frame {
                peer.files.push(file);
            }
            side.frame_sent();
        }
    }
    run.counts
}
