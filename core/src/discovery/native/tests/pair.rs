//! Two programs that call each other, in every order in which their messages can come.

use super::*;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Call,
    Reached,
    Unreachable,
    Hello,
    Welcome,
    Close,
}

/// A connection, or a call: what is on the way to the side that dialled and to the one that is called.
#[derive(Debug)]
struct Wire {
    dialler: usize,
    to: [VecDeque<Said>; 2],
}

struct Side {
    discovery: Discovery<[Slot; 4]>,
    epoch: Epoch,
    /// The connections that it has not closed, and whether they are open.
    connections: BTreeMap<u32, (Connection, bool)>,
}

struct Pair {
    sides: [Side; 2],
    wires: Vec<Wire>,
    now: u64,
    /// Calls to this side never come through.
    is_behind_a_wall: [bool; 2],
    seed: u64,
}

impl Pair {
    fn new(seed: u64, is_behind_a_wall: [bool; 2]) -> Self {
        let seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut pair = Self {
            sides: [0, 1].map(|_| Side {
                discovery: Discovery::native(
                    [Slot::EMPTY; 4],
                    Policy::default(),
                    Program::default(),
                    at(0),
                ),
                epoch: Epoch(0),
                connections: BTreeMap::new(),
            }),
            wires: Vec::new(),
            now: 0,
            is_behind_a_wall,
            seed,
        };
        for number in 0..2 {
            let epoch = Epoch(pair.random() << 1 | number as u64);
            let own = program(epoch.0, PORT);
            let side = &mut pair.sides[number];
            side.epoch = epoch;
            side.discovery = Discovery::native([Slot::EMPTY; 4], Policy::default(), own, at(0));
        }
        pair
    }

    fn random(&mut self) -> u64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        self.seed >> 8
    }

    fn host(side: usize) -> IpAddr {
        IpAddr::from([10, 0, 0, side as u8 + 1])
    }

    /// One side hears the other, and does what it is to do.
    fn hear(&mut self, listener: usize) {
        let now = at(self.now);
        let beacon = self.sides[1 - listener].discovery.announcement();
        let mut room = [0; Beacon::MAX_LEN];
        let side = &mut self.sides[listener];
        let datagram = beacon.emit(&mut room);
        let heard = side
            .discovery
            .handle_datagram(now, Self::host(1 - listener), datagram);
        heard.unwrap();
        while let Some(action) = side.discovery.poll(now) {
            if let Action::Call(_) = action {
                let mut wire = Wire {
                    dialler: listener,
                    to: Default::default(),
                };
                wire.to[1 - listener].push_back(Said::Call);
                self.wires.push(wire);
            }
        }
    }

    /// Something that is on the way arrives, if anything is.
    fn deliver(&mut self) -> bool {
        let on_the_way: Vec<(usize, usize)> = (0..self.wires.len())
            .flat_map(|id| [(id, 0), (id, 1)])
            .filter(|&(id, to)| !self.wires[id].to[to].is_empty())
            .collect();
        if on_the_way.is_empty() {
            return false;
        }
        let (id, to) = on_the_way[self.random() as usize % on_the_way.len()];
        let said = self.wires[id].to[to].pop_front().unwrap();
        self.arrive(id, to, said);
        true
    }

    fn arrive(&mut self, id: usize, to: usize, said: Said) {
        let now = at(self.now);
        let (dialler, other) = (self.wires[id].dialler, 1 - to);
        let number = id as u32;
        let calls = SocketAddr::new(Self::host(dialler), 40_000 + number as u16);
        let called = SocketAddr::new(Self::host(1 - dialler), PORT);
        let mut connection = Connection {
            id: ConnectionId(number),
            direction: Direction::Accepted,
            local: called,
            remote: calls,
            since: now,
        };
        let theirs = Epoch(self.sides[other].epoch.0);
        let side_is_walled = self.is_behind_a_wall[to];
        let side = &mut self.sides[to];
        let answer = match said {
            Said::Call if side_is_walled => Said::Unreachable,
            Said::Call => {
                side.connections.insert(number, (connection, false));
                Said::Reached
            }
            Said::Unreachable => return side.discovery.handle_call_failed(called),
            Said::Reached => {
                connection.direction = Direction::Dialled;
                (connection.local, connection.remote) = (calls, called);
                match side.discovery.handle_opening(connection) {
                    Outcome::New => {
                        side.connections.insert(number, (connection, false));
                        Said::Hello
                    }
                    _ => Said::Close,
                }
            }
            Said::Hello | Said::Welcome => {
                let Some((connection, is_open)) = side.connections.get_mut(&number) else {
                    return;
                };
                let outcome = side.discovery.handle_opened(now, *connection, theirs);
                *is_open = true;
                match outcome {
                    Outcome::New => {}
                    Outcome::Supersedes(given_up) => {
                        let (_, was_open) = side.connections.remove(&given_up.0).unwrap();
                        assert!(!was_open, "an open connection is never closed");
                        side.discovery.handle_closed(given_up);
                        self.wires[given_up.0 as usize].to[other].push_back(Said::Close);
                    }
                    Outcome::SupersededBy(_) => {
                        side.connections.remove(&number);
                        side.discovery.handle_closed(ConnectionId(number));
                        self.wires[id].to[other].push_back(Said::Close);
                        return;
                    }
                    outcome => panic!("{outcome:?}"),
                }
                if said == Said::Welcome {
                    return;
                }
                Said::Welcome
            }
            Said::Close => {
                if side.connections.remove(&number).is_some() {
                    side.discovery.handle_closed(ConnectionId(number));
                }
                return;
            }
        };
        self.wires[id].to[other].push_back(answer);
    }

    /// Goes on until nothing is on the way and there is a connection, and says after how many rounds of beacons.
    fn run(&mut self) -> u64 {
        for round in 1..100 {
            let mut hears = [true, true];
            while hears != [false, false] {
                let side = self.random() as usize % 2;
                if self.random().is_multiple_of(3) && std::mem::take(&mut hears[side]) {
                    self.hear(side);
                } else {
                    self.deliver();
                }
                self.now += self.random() % 3;
            }
            while self.deliver() {
                self.now += self.random() % 3;
            }
            if self.open(0).len() + self.open(1).len() > 0 {
                return round;
            }
            self.now += 1000;
        }
        panic!("they never meet");
    }

    fn open(&self, side: usize) -> BTreeSet<u32> {
        let connections = &self.sides[side].connections;
        connections
            .iter()
            .filter(|(_, (_, is_open))| *is_open)
            .map(|(id, _)| *id)
            .collect()
    }
}

#[test]
fn whatever_comes_first_both_keep_the_same_connection() {
    let mut rounds = BTreeMap::new();
    let mut by_the_larger = 0;
    for seed in 0..if cfg!(miri) { 20 } else { 20_000 } {
        let mut pair = Pair::new(seed, [false, false]);
        let round = pair.run();
        *rounds.entry(round).or_insert(0) += 1;
        let (here, there) = (pair.open(0), pair.open(1));
        assert_eq!(here, there, "seed {seed}");
        assert_eq!(here.len(), 1, "seed {seed}");
        let tables: [BTreeSet<u32>; 2] = [0, 1].map(|side: usize| {
            let peers = pair.sides[side].discovery.peers();
            peers
                .filter_map(|peer| peer.connection)
                .map(|one| one.id.0)
                .collect()
        });
        assert_eq!(tables, [here.clone(), there], "seed {seed}");
        let dialler = pair.wires[*here.first().unwrap() as usize].dialler;
        by_the_larger += u32::from(pair.sides[dialler].epoch > pair.sides[1 - dialler].epoch);
    }
    std::println!("rounds {rounds:?}, {by_the_larger} dialled by the larger epoch");
    assert_eq!(rounds.len(), 1, "{rounds:?}");
    assert!(
        by_the_larger > 0,
        "the one that called alone is kept as well"
    );
}

#[test]
fn a_program_that_cannot_be_called_calls() {
    for seed in 0..if cfg!(miri) { 10 } else { 2000 } {
        for wall in [[true, false], [false, true]] {
            let mut pair = Pair::new(seed, wall);
            assert!(pair.run() <= 2, "seed {seed}");
            assert_eq!(pair.open(0), pair.open(1), "seed {seed}");
            assert_eq!(pair.open(0).len(), 1, "seed {seed}");
        }
    }
}
