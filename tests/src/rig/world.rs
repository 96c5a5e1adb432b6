use super::fault::PeerLearns;
use super::{Cable, End, Ending, Fault, Ledger, Planned, Random, Setup, When};
use ropeway_core::dialect::Dialect;
use ropeway_core::dialect::native::{Config, Native};
use ropeway_core::time::Duration;
use ropeway_core::wire::Wire;
use ropeway_core::{Instant, Messenger};
use std::collections::VecDeque;

/// What lies between the frames of a side and its transports.
pub type MakeWire<W> = fn(side: usize) -> W;

/// Two programs, what lies between them, and the time.
pub struct World<W> {
    /// The time.
    pub now: Instant,
    /// The dialler and the listener.
    pub ends: [End<W>; 2],
    /// What was said and what came of it.
    pub ledger: Ledger,
    /// How many bytes each side has written, over all transports.
    pub written: [usize; 2],
    setup: Setup,
    make_wire: MakeWire<W>,
    random: Random,
    cables: Vec<Cable>,
    links: [Option<Link>; 2],
    /// When the dialler dials, while it has no transport.
    dials_at: Option<Instant>,
    /// When the dialler gives up an opening that does not end.
    opened_by: Instant,
    /// Transports that have not reached the listener yet.
    arriving: VecDeque<(Instant, usize)>,
    faults: Vec<Planned>,
}

/// The transport that a side has.
#[derive(Clone, Copy, Debug)]
struct Link {
    cable: usize,
    /// The end of its stream has been noted.
    has_ended: bool,
}

impl<W: Wire> World<W> {
    /// Both programs are started, and the dialler dials at once.
    pub fn new(setup: Setup, make_wire: MakeWire<W>, mut random: Random) -> Self {
        let mut ledger = Ledger::default();
        let ends =
            [0, 1].map(|side| End::new(side, &setup, make_wire(side), &mut random, &mut ledger));
        let now = Instant::from_micros(0);
        Self {
            now,
            ends,
            ledger,
            written: [0; 2],
            setup,
            make_wire,
            random,
            cables: Vec::new(),
            links: [None; 2],
            dials_at: Some(now),
            opened_by: now,
            arriving: VecDeque::new(),
            faults: Vec::new(),
        }
    }

    /// The same, and this goes wrong.
    #[must_use]
    pub fn with_faults(mut self, faults: impl IntoIterator<Item = Planned>) -> Self {
        self.faults.extend(faults);
        self
    }

    /// Lets the programs talk until all has been said, and judges what became of it.
    pub fn run(&mut self) {
        loop {
            self.run_now();
            if self.is_done() {
                break;
            }
            let next = self
                .next_time()
                .unwrap_or_else(|| panic!("stuck: {}", self.state()));
            self.now = next;
            assert!(next < LIMIT, "too long: {}", self.state());
        }
        self.ledger.finish();
        let counts = &mut self.ledger.counts;
        counts.runs += 1;
        counts.bytes += self.written[0] + self.written[1];
        counts.longest = self.now - Instant::from_micros(0);
    }

    /// Lets time go by.
    pub fn wait(&mut self, duration: Duration) {
        self.now = self.now + duration;
        for end in &mut self.ends {
            end.talk.handle_time(self.now);
        }
    }

    /// Lets the programs talk for so many milliseconds.
    pub fn run_until(&mut self, millis: u64) {
        let end = Instant::from_micros(millis * 1_000);
        loop {
            self.run_now();
            match self.next_time() {
                Some(next) if next <= end => self.now = next,
                _ => return,
            }
        }
    }

    /// Moves bytes both ways as long as that is possible, and nobody takes anything; says whether any moved.
    pub fn move_bytes(&mut self) -> bool {
        let (mut moved, mut rounds) = (1, 0);
        while moved > 0 {
            let written = self.write(0, usize::MAX) + self.write(1, usize::MAX);
            moved = written + self.read(0, usize::MAX) + self.read(1, usize::MAX);
            rounds += 1;
        }
        rounds > 1
    }

    /// A stranger dials, says the first `len` bytes of an opening to the listener, and goes.
    pub fn intrude(&mut self, len: usize) {
        let config = Config::new(self.random.next()).name("stranger");
        let mut stranger = Messenger::new(Native::dialling(config), [0; 256], [0; 256]);
        let hello = stranger.poll_output();
        self.hang_up(1);
        let end = &mut self.ends[1];
        end.files.handle_lost();
        end.talk.handle_connected_with(self.random.bytes());
        let room = end.talk.input_room();
        let len = len.min(hello.len()).min(room.len());
        room[..len].copy_from_slice(&hello[..len]);
        end.talk.handle_input(len);
        while end.take_one(self.now, &mut self.ledger) {}
        let answer = end.talk.poll_output().len();
        end.talk.handle_written(answer);
    }

    /// Does all that can be done without time going by.
    pub fn run_now(&mut self) {
        let mut turns = 0;
        while self.turn() {
            turns += 1;
            assert!(turns < 100_000, "endless: {}", self.state());
        }
    }

    /// Does one thing of each kind, and says whether there was any.
    fn turn(&mut self) -> bool {
        let mut moved = self.fire();
        moved |= self.dial();
        moved |= self.accept();
        let first = self.random.below(2);
        for side in [first, 1 - first] {
            let end = &mut self.ends[side];
            end.talk.handle_time(self.now);
            moved |= end.say(self.now, &mut self.ledger);
            moved |= end.take(self.now, &mut self.ledger);
            let (written, read) = (self.piece(), self.piece());
            moved |= self.write(side, written) > 0;
            moved |= self.read(side, read) > 0;
            moved |= self.watch(side);
        }
        moved
    }

    fn piece(&mut self) -> usize {
        match self.setup.piece {
            usize::MAX => usize::MAX,
            piece => 1 + self.random.below(piece),
        }
    }

    /// Moves at most `len` bytes from a side to its transport.
    pub fn write(&mut self, side: usize, len: usize) -> usize {
        let Some(Link { cable, .. }) = self.links[side] else {
            return 0;
        };
        let due = self.faults.iter().filter_map(|planned| match planned.when {
            When::Written(of, at) if of == side => Some(at.saturating_sub(self.written[side])),
            _ => None,
        });
        let limit = due.min().unwrap_or(usize::MAX);
        let pipe = &mut self.cables[cable].pipes[side];
        let output = self.ends[side].talk.poll_output();
        let len = output.len().min(len).min(limit).min(pipe.room());
        pipe.write(&output[..len], self.now);
        self.ends[side].talk.handle_written(len);
        self.written[side] += len;
        self.fire();
        len
    }

    /// Moves at most `len` bytes from its transport to a side.
    pub fn read(&mut self, side: usize, len: usize) -> usize {
        let Some(Link { cable, .. }) = self.links[side] else {
            return 0;
        };
        let cable = &mut self.cables[cable];
        let Some(peer_life) = cable.lives[1 - side] else {
            return 0;
        };
        let end = &mut self.ends[side];
        end.peer_life = peer_life;
        let room = end.talk.input_room();
        let room_len = room.len().min(len);
        let read = cable.pipes[1 - side].read(&mut room[..room_len], self.now);
        if read > 0 {
            end.talk.handle_input(read);
        }
        read
    }

    /// Looks after the transport of a side, and says whether something happened to it.
    fn watch(&mut self, side: usize) -> bool {
        let Some(link) = &mut self.links[side] else {
            return false;
        };
        let talk = &mut self.ends[side].talk;
        match self.cables[link.cable].pipes[1 - side].ending() {
            Some(Ending::Reset) => {
                self.hang_up(side);
                return true;
            }
            Some(Ending::Eof) if !link.has_ended => {
                link.has_ended = true;
                talk.handle_end();
                if side == 0 {
                    self.dials_at = Some(self.now + self.redial());
                }
                return true;
            }
            _ => {}
        }
        let is_late = side == 0 && !talk.dialect().is_open() && self.now >= self.opened_by;
        if is_late || talk.is_over().is_some() {
            // A last word may go.
            self.write(side, usize::MAX);
            self.hang_up(side);
            return true;
        }
        false
    }

    /// A side gives its transport up.
    pub fn hang_up(&mut self, side: usize) {
        let Some(Link { cable, .. }) = self.links[side].take() else {
            return;
        };
        self.cables[cable].pipes[side].end(Ending::Eof);
        if side == 0 {
            self.dials_at = Some(self.now + self.redial());
        }
    }

    fn redial(&mut self) -> Duration {
        Duration::from_millis(self.random.one_of(&[20, 100, 700]))
    }

    /// The dialler dials, if it is time.
    fn dial(&mut self) -> bool {
        if self.dials_at.is_none_or(|at| at > self.now) {
            return false;
        }
        self.hang_up(0);
        self.dials_at = None;
        self.opened_by = self.now + OPENING;
        let mut cable = Cable::new(self.setup.capacity, self.setup.latency);
        cable.lives[0] = Some(self.ends[0].life);
        self.arriving
            .push_back((self.now + self.setup.latency, self.cables.len()));
        self.connect(0, self.cables.len());
        self.cables.push(cable);
        self.ledger.counts.cables += 1;
        true
    }

    /// The listener takes a newer transport, if one has come.
    fn accept(&mut self) -> bool {
        let Some((at, cable)) = self.arriving.front().copied() else {
            return false;
        };
        if at > self.now {
            return false;
        }
        self.arriving.pop_front();
        self.hang_up(1);
        self.cables[cable].lives[1] = Some(self.ends[1].life);
        self.connect(1, cable);
        true
    }

    fn connect(&mut self, side: usize, cable: usize) {
        self.links[side] = Some(Link {
            cable,
            has_ended: false,
        });
        self.ends[side]
            .talk
            .handle_connected_with(self.random.bytes());
    }

    /// Lets go wrong what is due, and says whether something was.
    fn fire(&mut self) -> bool {
        let mut fired = false;
        while let Some(at) = self
            .faults
            .iter()
            .position(|planned| self.is_due(planned.when))
        {
            let planned = self.faults.swap_remove(at);
            self.break_it(planned.fault);
            fired = true;
        }
        fired
    }

    fn is_due(&self, when: When) -> bool {
        match when {
            When::At(at) => at <= self.now,
            When::Written(side, at) => self.written[side] >= at && self.links[side].is_some(),
        }
    }

    /// Something goes wrong.
    pub fn break_it(&mut self, fault: Fault) {
        // Of two transports, the newer.
        let newest = self.cables.last_mut();
        let counts = &mut self.ledger.counts;
        match fault {
            Fault::Cut(ending) => {
                counts.cuts += 1;
                if let Some(cable) = newest {
                    cable.kill(ending);
                }
            }
            Fault::HalfOpen(knows) => {
                counts.half_open += 1;
                if let Some(cable) = newest {
                    cable.kill_for(knows);
                }
            }
            Fault::Stall(side, span) => {
                counts.stalls += 1;
                if let Some(cable) = newest {
                    cable.pipes[side].stall(self.now + span);
                }
            }
            Fault::Delay(side, latency) => {
                counts.stalls += 1;
                if let Some(cable) = newest {
                    cable.pipes[side].delay(latency);
                }
            }
            Fault::Reboot(side, learns) => self.reboot(side, learns),
        }
    }

    fn reboot(&mut self, side: usize, learns: PeerLearns) {
        self.ledger.counts.reboots += 1;
        if let Some(Link { cable, .. }) = self.links[side].take() {
            match learns {
                PeerLearns::AtOnce => self.cables[cable].kill(Ending::Reset),
                PeerLearns::BySilence => self.cables[cable].kill_for(side),
            }
        }
        self.ledger.end(self.ends[side].life);
        let wire = (self.make_wire)(side);
        self.ends[side] = End::new(side, &self.setup, wire, &mut self.random, &mut self.ledger);
        if side == 0 {
            self.dials_at = Some(self.now + self.redial());
        }
    }

    fn is_done(&mut self) -> bool {
        let is_quiet = |planned: &Planned| matches!(planned.when, When::Written(..));
        let has_none = |end: &mut End<W>| !end.talk.has_event();
        self.ends.iter().all(End::is_done)
            && self.faults.iter().all(is_quiet)
            && self.ends.iter_mut().all(has_none)
    }

    /// When something happens next.
    fn next_time(&self) -> Option<Instant> {
        let arrivals = self.links.iter().zip([1, 0]).filter_map(|(link, from)| {
            let cable = &self.cables[(*link)?.cable];
            cable.pipes[from].next_arrival()
        });
        let faults = self.faults.iter().filter_map(|planned| match planned.when {
            When::At(at) => Some(at),
            When::Written(..) => None,
        });
        let opening = self.links[0].map(|_| self.opened_by);
        arrivals
            .chain(faults)
            .chain(self.ends.iter().flat_map(End::next_timeout))
            .chain(self.dials_at)
            .chain(opening)
            .chain(self.arriving.iter().map(|(at, _)| *at))
            .filter(|at| *at > self.now)
            .min()
    }

    fn state(&self) -> String {
        let queued = [0, 1].map(|side| self.ends[side].talk.queued());
        format!(
            "at {}, queued {queued:?}, links {:?}, written {:?}",
            self.now, self.links, self.written
        )
    }
}

/// How long the dialler waits for an opening.
const OPENING: Duration = Duration::from_secs(2);

/// When a run must be over.
const LIMIT: Instant = Instant::from_micros(600_000_000);
