//! Two ends and a session between them that is cut, resumed and begun anew: sequenced frames arrive once and in
//! order within a session, the others are lost with their transport.

use crate::file::table::{Due, Part, Space};
use crate::file::{By, Checksum};
use crate::file::{
    Config, Event, FileId, Frame, Next, NotTaken, Prefix, ReadFailed, Reason, Sink, Slot, SmallCrc,
    Source, StartError, Store, Transfers, WriteError,
};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::format;
use std::rc::Rc;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

/// Numbers that look random, the same for the same seed.
#[derive(Clone)]
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    pub(super) fn one_in(&mut self, end: usize) -> bool {
        self.below(end) == 0
    }

    pub(super) fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next().to_le_bytes()[0]).collect()
    }
}

/// A file at its origin, with everything it ever was.
#[derive(Default)]
pub(super) struct Original {
    pub(super) bytes: Vec<u8>,
    pub(super) tag: u64,
    pub(super) older: Vec<Vec<u8>>,
}

impl Original {
    /// Puts other bytes in place, with another tag.
    pub(super) fn change(&mut self, bytes: Vec<u8>) {
        self.older.push(core::mem::replace(&mut self.bytes, bytes));
        self.tag += 1;
    }

    fn ever_was(&self, bytes: &[u8]) -> bool {
        self.bytes == bytes || self.older.iter().any(|older| older == bytes)
    }
}

/// How many times something may still fail, and how often it does.
#[derive(Clone)]
pub(super) struct Faults {
    pub(super) left: Rc<Cell<u32>>,
    pub(super) random: Rc<RefCell<Random>>,
}

impl Faults {
    pub(super) fn strike(&self, one_in: usize) -> bool {
        let strikes = self.left.get() > 0 && self.random.borrow_mut().one_in(one_in);
        if strikes {
            self.left.set(self.left.get() - 1);
        }
        strikes
    }

    fn chance(&self, one_in: usize) -> bool {
        self.left.get() > 0 && self.random.borrow_mut().one_in(one_in)
    }
}

pub(super) struct Reader {
    pub(super) original: Rc<RefCell<Original>>,
    pub(super) faults: Faults,
    /// How many bytes were read, over all readers of a host.
    pub(super) read: Rc<Cell<u64>>,
}

impl Source for Reader {
    fn size(&self) -> u64 {
        self.original.borrow().bytes.len() as u64
    }

    fn tag(&self) -> u64 {
        self.original.borrow().tag
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadFailed> {
        assert!(!buffer.is_empty());
        if self.faults.strike(200) {
            return Err(ReadFailed);
        }
        let original = self.original.borrow();
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|offset| original.bytes.get(offset..));
        let rest = rest.unwrap_or_default();
        let mut len = rest.len().min(buffer.len());
        if len > 1 && self.faults.chance(4) {
            len = 1 + self.faults.random.borrow_mut().below(len);
        }
        buffer[..len].copy_from_slice(&rest[..len]);
        self.read.set(self.read.get() + len as u64);
        Ok(len)
    }
}

/// Name, size and tag.
type Key = (String, u64, u64);

/// What survives a reboot.
#[derive(Default)]
pub(super) struct Disk {
    pub(super) partial: BTreeMap<Key, Vec<u8>>,
    pub(super) whole: BTreeMap<String, (Key, Vec<u8>)>,
}

pub(super) struct Writer {
    disk: Rc<RefCell<Disk>>,
    key: Key,
    faults: Faults,
}

impl Sink for Writer {
    fn resume(&mut self) -> Prefix {
        let mut disk = self.disk.borrow_mut();
        let Disk { partial, whole } = &mut *disk;
        if let Some((key, bytes)) = whole.get(&self.key.0)
            && *key == self.key
        {
            partial.insert(self.key.clone(), bytes.clone());
        }
        let bytes = partial.entry(self.key.clone()).or_default();
        Prefix {
            len: bytes.len() as u64,
            crc: SmallCrc::extend(0, bytes),
        }
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), WriteError> {
        if self.faults.chance(8) {
            return Err(WriteError::Busy);
        }
        if self.faults.strike(200) {
            return Err(WriteError::NoRoom);
        }
        let mut disk = self.disk.borrow_mut();
        let partial = disk.partial.get_mut(&self.key).unwrap();
        assert_eq!(partial.len() as u64, offset, "a gap in {}", self.key.0);
        partial.extend_from_slice(bytes);
        Ok(())
    }

    fn commit(&mut self) -> Result<(), WriteError> {
        if self.faults.chance(4) {
            return Err(WriteError::Busy);
        }
        if self.faults.strike(50) {
            return Err(WriteError::Failed);
        }
        let mut disk = self.disk.borrow_mut();
        let bytes = disk.partial.remove(&self.key).unwrap();
        disk.whole
            .insert(self.key.0.clone(), (self.key.clone(), bytes));
        Ok(())
    }

    fn abandon(&mut self, reason: Reason) {
        if matches!(reason, Reason::WrongCrc | Reason::Changed) {
            self.disk.borrow_mut().partial.remove(&self.key);
        }
    }
}

pub(super) struct Memory;

impl Store for Memory {
    type Source = Reader;
    type Sink = Writer;
    type Name = String;
    type Checksum = SmallCrc;
}

pub(super) type Side = Transfers<Memory, Vec<Slot<Memory>>>;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Task {
    Send,
    Fetch,
}

/// Something the application wants, until it has it.
pub(super) struct Job {
    task: Task,
    name: String,
    pub(super) file: Option<FileId>,
    pub(super) is_done: bool,
}

enum Decision {
    Accept(FileId, Key),
    Answer(FileId, String),
}

pub(super) struct Host {
    pub(super) side: Side,
    slots: usize,
    config: Config,
    pub(super) originals: BTreeMap<String, Rc<RefCell<Original>>>,
    pub(super) disk: Rc<RefCell<Disk>>,
    pub(super) jobs: Vec<Job>,
    decisions: Vec<Decision>,
    pub(super) faults: Faults,
    pub(super) read: Rc<Cell<u64>>,
    pub(super) offers_seen: usize,
    pub(super) stops: Vec<(Reason, By)>,
}

fn new_side(slots: usize, config: Config) -> Side {
    Transfers::new((0..slots).map(|_| Slot::EMPTY).collect(), config)
}

impl Host {
    fn new(slots: usize, config: Config, faults: Faults) -> Self {
        Self {
            side: new_side(slots, config),
            slots,
            config,
            originals: BTreeMap::new(),
            disk: Rc::default(),
            jobs: Vec::new(),
            decisions: Vec::new(),
            faults,
            read: Rc::default(),
            offers_seen: 0,
            stops: Vec::new(),
        }
    }

    pub(super) fn add_original(&mut self, name: &str, bytes: Vec<u8>) {
        let original = Original {
            bytes,
            tag: 1,
            older: Vec::new(),
        };
        self.originals
            .insert(name.to_string(), Rc::new(RefCell::new(original)));
    }

    pub(super) fn add_job(&mut self, task: Task, name: &str) {
        self.jobs.push(Job {
            task,
            name: name.to_string(),
            file: None,
            is_done: false,
        });
    }

    fn reader(&self, name: &str) -> Option<Reader> {
        Some(Reader {
            original: self.originals.get(name)?.clone(),
            faults: self.faults.clone(),
            read: self.read.clone(),
        })
    }

    /// Begins what is not under way and decides what is to be decided.
    fn act(&mut self) {
        for at in 0..self.jobs.len() {
            let own = self.jobs.iter().filter(|job| job.file.is_some()).count();
            let job = &self.jobs[at];
            // One slot is left to the peer: two tables full of own wishes would refuse each other for ever.
            if own + 1 >= self.slots {
                break;
            }
            if job.is_done || job.file.is_some() {
                continue;
            }
            let name = job.name.clone();
            let begun = match job.task {
                Task::Send => {
                    let reader = self.reader(&name).unwrap();
                    self.side.offer(reader, name)
                }
                Task::Fetch => self.side.ask(name),
            };
            match begun {
                Ok(file) => self.jobs[at].file = Some(file),
                Err(error) => assert_eq!(error, StartError::TooMany),
            }
        }
        for decision in core::mem::take(&mut self.decisions) {
            self.decide(decision);
        }
    }

    fn decide(&mut self, decision: Decision) {
        match decision {
            Decision::Accept(file, _) | Decision::Answer(file, _) if self.faults.strike(30) => {
                if self.side.refuse(file, Reason::NotWanted).is_ok()
                    && let Some(job) = self.job(file)
                {
                    job.file = None;
                }
            }
            Decision::Accept(file, key) => {
                let writer = Writer {
                    disk: self.disk.clone(),
                    key,
                    faults: self.faults.clone(),
                };
                // It may be gone: the session is another, or the peer has thought better of it.
                let _ = self.side.accept(file, writer);
            }
            Decision::Answer(file, name) => {
                let _ = match self.reader(&name) {
                    Some(reader) => self.side.answer(file, reader, name).is_ok(),
                    None => self.side.refuse(file, Reason::UnknownName).is_ok(),
                };
            }
        }
    }

    fn learn(&mut self, event: Event<'_>) {
        match event {
            Event::Offered {
                file,
                name,
                size,
                tag,
            } => {
                self.offers_seen += 1;
                self.decisions
                    .push(Decision::Accept(file, (name.to_string(), size, tag)));
            }
            Event::Asked { file, name } => {
                self.decisions
                    .push(Decision::Answer(file, name.to_string()));
            }
            Event::Received { file } | Event::Sent { file } => {
                if let Some(job) = self.job(file) {
                    let is_sent = matches!(event, Event::Sent { .. });
                    assert_eq!(is_sent, job.task == Task::Send);
                    job.is_done = true;
                    job.file = None;
                }
            }
            Event::Stopped { file, reason, by } => {
                self.stops.push((reason, by));
                if let Some(job) = self.job(file) {
                    job.file = None;
                }
            }
        }
    }

    fn job(&mut self, file: FileId) -> Option<&mut Job> {
        self.jobs.iter_mut().find(|job| job.file == Some(file))
    }

    /// The program starts again: what was in memory is gone.
    fn reboot(&mut self) {
        self.side = new_side(self.slots, self.config);
        self.decisions.clear();
        for job in &mut self.jobs {
            job.file = None;
        }
    }
}

/// One direction of the session.
#[derive(Default)]
pub(super) struct Way {
    /// Sequenced frames that the peer has not taken, the first of which has the number `taken`.
    outbox: VecDeque<Vec<u8>>,
    taken: u64,
    /// The number of the next one to go on the wire.
    next: u64,
    small: VecDeque<Vec<u8>>,
    wire: VecDeque<(bool, Vec<u8>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    Resume,
    Fresh,
    Reboot(usize),
}

pub(super) struct Rig {
    pub(super) hosts: [Host; 2],
    pub(super) ways: [Way; 2],
    pub(super) is_up: bool,
    outbox_limit: usize,
    wire_limit: usize,
    slot_size: usize,
    pub(super) delivered: usize,
    pub(super) cuts: usize,
}

impl Rig {
    pub(super) fn new(slots: usize, config: Config, faults: Faults) -> Self {
        let host = || Host::new(slots, config, faults.clone());
        Self {
            hosts: [host(), host()],
            ways: [Way::default(), Way::default()],
            is_up: true,
            outbox_limit: 3,
            wire_limit: 6,
            slot_size: 400,
            delivered: 0,
            cuts: 0,
        }
    }

    pub(super) fn vary(&mut self, random: &mut Random) {
        self.outbox_limit = 1 + random.below(4);
        self.wire_limit = 1 + random.below(12);
        self.slot_size = 15 + random.below(600);
    }

    /// Begins and decides; takes what has ended.
    pub(super) fn act(&mut self, at: usize) {
        while let Some(event) = self.hosts[at].side.poll_event() {
            if let Event::Received { .. } = event {
                self.check_received(at);
            }
            self.hosts[at].learn(event);
        }
        self.hosts[at].act();
    }

    /// Whatever is whole at one end is something that the other end has had.
    pub(super) fn check_received(&self, at: usize) {
        for (name, (_, bytes)) in &self.hosts[at].disk.borrow().whole {
            let original = &self.hosts[1 - at].originals[name];
            assert!(
                original.borrow().ever_was(bytes),
                "{name} is not what was sent"
            );
        }
    }

    /// Queues control frames, as many as there is room for.
    pub(super) fn queue(&mut self, at: usize) {
        let (host, way) = (&mut self.hosts[at], &mut self.ways[at]);
        while let Some(frame) = host.side.poll_frame() {
            let mut slot = vec![0; Frame::MAX_CONTROL];
            let len = frame.emit(&mut slot).unwrap();
            slot.truncate(len);
            match frame.is_sequenced() {
                true if way.outbox.len() < self.outbox_limit => way.outbox.push_back(slot),
                true => return,
                false if self.is_up => way.small.push_back(slot),
                false => panic!("{frame:?} without a transport"),
            }
            host.side.frame_sent();
        }
    }

    /// Puts one frame on the wire: a small one, the next of the outbox, or a chunk.
    pub(super) fn send(&mut self, at: usize) -> bool {
        let (host, way) = (&mut self.hosts[at], &mut self.ways[at]);
        if !self.is_up || way.wire.len() >= self.wire_limit {
            return false;
        }
        if let Some(small) = way.small.pop_front() {
            way.wire.push_back((false, small));
            return true;
        }
        let unsent = usize::try_from(way.next - way.taken).unwrap();
        if let Some(frame) = way.outbox.get(unsent) {
            way.wire.push_back((true, frame.clone()));
            way.next += 1;
            return true;
        }
        let mut slot = vec![0; self.slot_size];
        match host.side.poll_chunk(&mut slot) {
            Next::Idle => false,
            Next::Again => true,
            Next::Chunk(len) => {
                way.wire
                    .push_back((false, content_of(&slot[..len]).to_vec()));
                true
            }
        }
    }

    /// Hands one frame in.
    pub(super) fn deliver(&mut self, at: usize) -> bool {
        let way = &mut self.ways[1 - at];
        let Some((is_sequenced, content)) = way.wire.front() else {
            return false;
        };
        let frame = Frame::parse(content).unwrap();
        let event = match self.hosts[at].side.handle(frame) {
            Ok(event) => event,
            Err(NotTaken::Later) => return true,
            Err(error) => panic!("{frame:?}: {error}"),
        };
        if *is_sequenced {
            way.outbox.pop_front();
            way.taken += 1;
        }
        if let Some(event) = event {
            self.hosts[at].learn(event);
        }
        self.ways[1 - at].wire.pop_front();
        self.delivered += 1;
        true
    }

    pub(super) fn lose(&mut self) {
        self.is_up = false;
        self.cuts += 1;
        for (host, way) in self.hosts.iter_mut().zip(&mut self.ways) {
            way.wire.clear();
            way.small.clear();
            host.side.handle_lost();
        }
    }

    pub(super) fn begin(&mut self, cut: Cut) {
        if let Cut::Reboot(at) = cut {
            self.hosts[at].reboot();
        }
        for (host, way) in self.hosts.iter_mut().zip(&mut self.ways) {
            if cut == Cut::Resume {
                way.next = way.taken;
                host.side.handle_resumed();
            } else {
                *way = Way::default();
                host.side.handle_fresh();
            }
        }
        self.is_up = true;
    }

    /// One step of each kind at both ends, and whether anything moved.
    pub(super) fn round(&mut self) -> bool {
        let mut moved = false;
        for at in [0, 1] {
            self.act(at);
            self.queue(at);
            moved |= self.send(at);
            moved |= self.deliver(at);
        }
        moved
    }

    pub(super) fn is_done(&self) -> bool {
        let mut jobs = self.hosts.iter().flat_map(|host| &host.jobs);
        jobs.all(|job| job.is_done)
    }

    /// Rounds until nothing moves and every job is done; whatever is left over is a fault.
    pub(super) fn finish(&mut self) {
        let mut rounds = 0;
        while self.round() || !self.is_done() {
            rounds += 1;
            assert!(
                rounds < 200_000,
                "it does not come to its end: {}",
                self.state()
            );
        }
        for at in [0, 1] {
            self.check_received(at);
            self.check_jobs(at);
            assert_eq!(
                self.hosts[at].side.table.iter().count(),
                0,
                "slots left over at {at}: {}",
                self.state()
            );
            assert_eq!(self.hosts[at].side.malformed(), 0);
        }
    }

    /// What is left, in words.
    fn state(&self) -> String {
        let mut words = String::new();
        for host in &self.hosts {
            for job in &host.jobs {
                words += &format!(
                    "\n  {:?} {} {:?} {}",
                    job.task, job.name, job.file, job.is_done
                );
            }
            for entry in host.side.table.iter() {
                let part = match &entry.part {
                    Part::Asking(_) => "asking",
                    Part::Unwanted => "unwanted",
                    Part::Asked => "asked",
                    Part::Offered { .. } => "offered",
                    Part::Outgoing(_) => "outgoing",
                    Part::Incoming(_) => "incoming",
                    Part::Over(_) => "over",
                };
                let has_id = entry.space != Space::None;
                words += &format!(
                    "\n  {:?} {part} {has_id} due {}",
                    entry.file,
                    entry.due != Due::Nothing
                );
            }
            words += "\n--";
        }
        words
    }

    fn check_jobs(&self, at: usize) {
        for job in &self.hosts[at].jobs {
            let to = match job.task {
                Task::Send => 1 - at,
                Task::Fetch => at,
            };
            let whole = &self.hosts[to].disk.borrow().whole;
            assert!(whole.contains_key(&job.name), "{} is not there", job.name);
        }
    }
}

/// The content of a frame, as SPEC says where it lies.
pub(super) fn content_of(frame: &[u8]) -> &[u8] {
    match frame {
        [0, l0, l1, l2, l3, content @ ..] => {
            let len = u32::from_le_bytes([*l0, *l1, *l2, *l3]) as usize;
            assert_eq!(content.len(), len + 1);
            content
        }
        [len, content @ ..] => {
            assert_eq!(content.len() + 1, usize::from(*len));
            content
        }
        [] => panic!("no frame"),
    }
}

pub(super) fn no_faults() -> Faults {
    Faults {
        left: Rc::default(),
        random: Rc::new(RefCell::new(Random(0))),
    }
}
