//! Single steps, between two sides whose frames are carried by hand.

use super::rig::content_of;
use crate::file::table::Entry;
use crate::file::{
    By, Checksum, Config, Event, FileId, Frame, Gone, NameError, Next, NotTaken, Prefix, Progress,
    ReadFailed, Reason, Rule, Side, Sink, Slot, SmallCrc, Source, StartError, Store, Transfers,
    WriteError,
};
use std::cell::RefCell;
use std::rc::Rc;
use std::vec;
use std::vec::Vec;

/// A sink that a test looks into and that fails when told to.
#[derive(Clone, Default)]
struct Kept(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    there: Prefix,
    bytes: Vec<u8>,
    errors: Vec<WriteError>,
    commit_errors: Vec<WriteError>,
    is_committed: bool,
    abandoned: Option<Reason>,
}

impl Sink for Kept {
    fn resume(&mut self) -> Prefix {
        self.0.borrow().there
    }

    fn write_at(&mut self, _offset: u64, bytes: &[u8]) -> Result<(), WriteError> {
        let mut state = self.0.borrow_mut();
        if let Some(error) = state.errors.pop() {
            return Err(error);
        }
        state.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn commit(&mut self) -> Result<(), WriteError> {
        let mut state = self.0.borrow_mut();
        if let Some(error) = state.commit_errors.pop() {
            return Err(error);
        }
        assert!(!state.is_committed);
        state.is_committed = true;
        Ok(())
    }

    fn abandon(&mut self, reason: Reason) {
        assert_eq!(self.0.borrow_mut().abandoned.replace(reason), None);
    }
}

/// A source that a test changes behind its reader's back.
#[derive(Clone, Default)]
struct Shifty(Rc<RefCell<Shift>>);

#[derive(Default)]
struct Shift {
    size: u64,
    tag: u64,
    byte: u8,
    fails: bool,
    /// The lengths of the reads.
    reads: Vec<usize>,
}

impl Source for Shifty {
    fn size(&self) -> u64 {
        self.0.borrow().size
    }

    fn tag(&self) -> u64 {
        self.0.borrow().tag
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadFailed> {
        let mut shift = self.0.borrow_mut();
        if shift.fails {
            return Err(ReadFailed);
        }
        let rest = usize::try_from(shift.size.saturating_sub(offset)).unwrap();
        let len = rest.min(buffer.len());
        buffer[..len].fill(shift.byte);
        shift.reads.push(len);
        Ok(len)
    }
}

struct Plain;

impl Store for Plain {
    type Source = Shifty;
    type Sink = Kept;
    type Name = &'static str;
    type Checksum = SmallCrc;
}

type Table<F> = Transfers<F, Vec<Slot<F>>>;

const CONFIG: Config = Config {
    window: 100,
    chunk: 25,
};

fn side_of<F: Store>(slots: usize) -> Table<F> {
    Transfers::new((0..slots).map(|_| Slot::EMPTY).collect(), CONFIG)
}

fn side(slots: usize) -> Table<Plain> {
    side_of(slots)
}

fn shifty(size: u64) -> Shifty {
    let source = Shifty::default();
    source.0.borrow_mut().size = size;
    source
}

/// Takes the next frame out, as it is on the wire.
fn sent<F: Store>(from: &mut Table<F>) -> Option<Vec<u8>> {
    let frame = from.poll_frame()?;
    let mut slot = vec![0; Frame::MAX_CONTROL];
    let len = frame.emit(&mut slot).unwrap();
    slot.truncate(len);
    from.frame_sent();
    Some(slot)
}

/// Carries all control frames over, and says what was offered or asked for.
fn carry<F: Store>(from: &mut Table<F>, to: &mut Table<F>) -> Vec<FileId> {
    let mut files = Vec::new();
    while let Some(content) = sent(from) {
        match to.handle(Frame::parse(&content).unwrap()).unwrap() {
            Some(Event::Offered { file, .. } | Event::Asked { file, .. }) => files.push(file),
            Some(other) => panic!("{other:?}"),
            None => {}
        }
    }
    files
}

fn chunk<F: Store>(from: &mut Table<F>, room: usize) -> Option<Vec<u8>> {
    let mut slot = vec![0; room];
    match from.poll_chunk(&mut slot) {
        Next::Chunk(len) => Some(content_of(&slot[..len]).to_vec()),
        Next::Again => chunk(from, room),
        Next::Idle => None,
    }
}

fn take<F: Store>(to: &mut Table<F>, content: &[u8]) -> Result<(), NotTaken> {
    to.handle(Frame::parse(content).unwrap())
        .map(|event| assert_eq!(event, None))
}

/// Carries chunks and control frames to and fro until nothing moves.
fn finish<F: Store>(here: &mut Table<F>, there: &mut Table<F>) {
    while let Some(content) = chunk(here, 64) {
        take(there, &content).unwrap();
        carry(there, here);
    }
    carry(here, there);
    carry(there, here);
}

/// A file that was offered and accepted.
fn accepted(size: u64) -> (Table<Plain>, Table<Plain>, Shifty, Kept) {
    let (mut here, mut there) = (side(2), side(2));
    let (source, sink) = (shifty(size), Kept::default());
    here.offer(source.clone(), "a").unwrap();
    let [file] = carry(&mut here, &mut there)[..] else {
        panic!("no offer")
    };
    there.accept(file, sink.clone()).unwrap();
    carry(&mut there, &mut here);
    (here, there, source, sink)
}

fn rule(taken: Result<(), NotTaken>) -> Rule {
    match taken {
        Err(NotTaken::Rule(rule)) => rule,
        other => panic!("{other:?}"),
    }
}

fn stopped(side: &mut Table<Plain>) -> Option<(Reason, By)> {
    match side.poll_event()? {
        Event::Stopped { reason, by, .. } => Some((reason, by)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn grants_again_when_half_of_the_credit_is_used_and_never_more() {
    let (mut here, mut there, _, sink) = accepted(1000);
    let mut grants = Vec::new();
    for n in 1..=40 {
        let content = chunk(&mut here, 64).unwrap();
        take(&mut there, &content).unwrap();
        assert_eq!(sink.0.borrow().bytes.len(), 25 * n);
        if let Some(content) = sent(&mut there) {
            let frame = Frame::parse(&content).unwrap();
            if let Frame::Credit { offset, limit, .. } = frame {
                assert_eq!(limit, (offset + 100).min(1000));
                grants.push(offset);
            }
            here.handle(frame).unwrap();
        }
    }
    assert!(
        grants.iter().zip(1..).all(|(at, n)| *at == 50 * n),
        "{grants:?}"
    );
    assert_eq!(grants.len(), 18);
}

#[test]
fn sends_nothing_beyond_the_credit() {
    let (mut here, _, source, _) = accepted(1000);
    assert_eq!((0..).map_while(|_| chunk(&mut here, 64)).count(), 4);
    assert_eq!(source.0.borrow().reads.iter().sum::<usize>(), 100);
}

#[test]
fn an_empty_file_needs_no_chunk() {
    let (mut here, mut there, _, sink) = accepted(0);
    finish(&mut here, &mut there);
    assert!(matches!(here.poll_event(), Some(Event::Sent { .. })));
    assert!(matches!(there.poll_event(), Some(Event::Received { .. })));
    assert!(sink.0.borrow().is_committed);
}

#[test]
fn chunks_are_frames_of_the_short_or_the_long_form() {
    let big = Config {
        window: 100_000,
        chunk: 1000,
    };
    let step = if cfg!(miri) { 307 } else { 1 };
    for room in (0..1100).step_by(step) {
        let mut here: Table<Plain> = Transfers::new(vec![Slot::EMPTY], big);
        here.offer(shifty(100_000), "a").unwrap();
        sent(&mut here).unwrap();
        let (file, offset, limit) = (1, 0, 100_000);
        here.handle(Frame::Accept {
            file,
            offset,
            limit,
        })
        .unwrap();
        let mut slot = vec![0; room];
        let Next::Chunk(len) = here.poll_chunk(&mut slot) else {
            assert!(room < 15);
            continue;
        };
        let content = content_of(&slot[..len]);
        let Ok(Frame::Chunk { bytes, .. }) = Frame::parse(content) else {
            panic!("no chunk")
        };
        let fits = (room - 14).min(241).max(room.saturating_sub(18)).min(1000);
        assert_eq!(bytes.len(), fits, "in {room}");
        assert_eq!(slot[0] == 0, bytes.len() > 241);
    }
}

#[test]
fn transfers_take_turns() {
    let (mut here, mut there) = (side(3), side(3));
    for name in ["a", "b", "c"] {
        here.offer(shifty(1000), name).unwrap();
    }
    for file in carry(&mut here, &mut there) {
        there.accept(file, Kept::default()).unwrap();
    }
    carry(&mut there, &mut here);
    let files: Vec<u8> = (0..6).map(|_| chunk(&mut here, 32).unwrap()[1]).collect();
    assert_eq!(files, [1, 2, 3, 1, 2, 3]);
}

#[test]
fn files_share_what_may_come_ahead() {
    let (mut here, mut there) = (side(3), side(3));
    let begin = |here: &mut Table<Plain>, there: &mut Table<Plain>, name| {
        here.offer(shifty(1000), name).unwrap();
        let file = carry(here, there)[0];
        there.accept(file, Kept::default()).unwrap();
        carry(there, here);
    };
    let all_chunks = |here: &mut Table<Plain>| -> Vec<Vec<u8>> {
        core::iter::from_fn(|| chunk(here, 64)).collect()
    };
    let bytes_of = |chunks: &[Vec<u8>], file: u8| -> usize {
        let of_file = chunks.iter().filter(|chunk| chunk[1] == file);
        of_file.map(|chunk| chunk.len() - 13).sum()
    };
    begin(&mut here, &mut there, "alone");
    let alone = all_chunks(&mut here);
    assert_eq!(bytes_of(&alone, 1), 100);
    // Nothing is left for others before some of that was written.
    begin(&mut here, &mut there, "second");
    assert_eq!(chunk(&mut here, 64), None);
    let mut came = alone;
    for _ in 0..8 {
        for chunk in &came {
            take(&mut there, chunk).unwrap();
        }
        carry(&mut there, &mut here);
        came = all_chunks(&mut here);
        let ahead: usize = [1, 2].map(|file| bytes_of(&came, file)).iter().sum();
        assert!(ahead <= 100);
    }
    assert_eq!([1, 2].map(|file| bytes_of(&came, file)), [50, 50]);
    // The peer gives one up: the other has it all again.
    let stop = Frame::Stop {
        id: 2,
        side: Side::Sender,
        reason: Reason::Cancelled,
    };
    there.handle(stop).unwrap();
    for chunk in came.iter().filter(|chunk| chunk[1] == 1) {
        take(&mut there, chunk).unwrap();
    }
    carry(&mut there, &mut here);
    assert_eq!(bytes_of(&all_chunks(&mut here), 1), 100);
}

#[test]
fn a_frame_is_given_out_until_it_is_queued() {
    let mut here = side(1);
    here.offer(shifty(5), "a").unwrap();
    for _ in 0..3 {
        assert!(matches!(
            here.poll_frame(),
            Some(Frame::Offer { file: 1, .. })
        ));
    }
    here.frame_sent();
    assert_eq!(here.poll_frame(), None);
    here.frame_sent();
}

#[test]
fn says_first_what_ends_and_then_what_begins_in_order() {
    let mut here = side(3);
    here.offer(shifty(5), "a").unwrap();
    let old = here.offer(shifty(5), "b").unwrap();
    while sent(&mut here).is_some() {}
    here.cancel(FileId(0)).unwrap();
    sent(&mut here).unwrap();
    for name in ["c", "d"] {
        here.offer(shifty(5), name).unwrap();
    }
    here.cancel(old).unwrap();
    let said: Vec<u8> = core::iter::from_fn(|| sent(&mut here))
        .map(|frame| frame[0])
        .collect();
    assert_eq!(said, [0xf7, 0xf0, 0xf0]);
}

#[test]
fn an_answer_that_is_given_up_before_it_goes_is_refused() {
    let (mut here, mut there) = (side(1), side(1));
    here.ask("a").unwrap();
    let [asked] = carry(&mut here, &mut there)[..] else {
        panic!("not asked")
    };
    there.answer(asked, shifty(5), "a").unwrap();
    there.cancel(asked).unwrap();
    assert_eq!(carry(&mut there, &mut here), []);
    assert_eq!(stopped(&mut here), Some((Reason::Cancelled, By::Peer)));
    assert!(here.has_room() && there.has_room());
}

#[test]
fn reads_again_from_what_was_confirmed_and_no_further_back() {
    let (mut here, mut there, source, _) = accepted(10_000);
    let mut resumed = 0;
    while let Some(content) = chunk(&mut here, 64) {
        take(&mut there, &content).unwrap();
        carry(&mut there, &mut here);
        if source.0.borrow().reads.len() % 50 == 0 {
            // Three chunks are lost with the transport.
            for _ in 0..3 {
                chunk(&mut here, 64);
            }
            here.handle_lost();
            there.handle_lost();
            assert_eq!(chunk(&mut here, 64), None);
            here.handle_resumed();
            there.handle_resumed();
            assert_eq!(chunk(&mut here, 64), None);
            carry(&mut there, &mut here);
            resumed += 1;
        }
    }
    finish(&mut here, &mut there);
    assert!(matches!(here.poll_event(), Some(Event::Sent { .. })));
    let read = source.0.borrow().reads.iter().sum::<usize>();
    assert!(resumed >= 5);
    // Three chunks and at most two windows for each.
    assert!(
        read <= 10_000 + resumed * (75 + 200),
        "{read} bytes read, resumed {resumed} times"
    );
}

#[test]
fn a_sender_that_starts_again_reads_from_the_start_one_slot_a_step() {
    let (mut here, mut there) = (side(1), side(1));
    let (source, sink) = (shifty(1000), Kept::default());
    sink.0.borrow_mut().there = Prefix {
        len: 900,
        crc: SmallCrc::extend(0, &[0; 900]),
    };
    let sending = here.offer(source.clone(), "a").unwrap();
    let file = carry(&mut here, &mut there)[0];
    there.accept(file, sink.clone()).unwrap();
    carry(&mut there, &mut here);
    let mut slot = [0; 64];
    for step in 1..=14 {
        assert_eq!(here.poll_chunk(&mut slot), Next::Again);
        let (offset, size) = (64 * step, 1000);
        assert_eq!(here.progress(sending), Some(Progress { offset, size }));
    }
    assert_eq!(here.wanted_from(sending), Some(900));
    assert_eq!(here.poll_chunk(&mut slot), Next::Again);
    assert!(matches!(here.poll_chunk(&mut slot), Next::Chunk(39)));
    assert!(source.0.borrow().reads.iter().all(|len| *len <= 64));
    // The transport is lost: what was read for its CRC is not read again.
    for side in [&mut here, &mut there] {
        side.handle_resumed();
    }
    carry(&mut there, &mut here);
    assert!(matches!(here.poll_chunk(&mut slot), Next::Chunk(39)));
    take(&mut there, content_of(&slot[..39])).unwrap();
    finish(&mut here, &mut there);
    assert!(sink.0.borrow().is_committed);
    assert_eq!(sink.0.borrow().bytes.len(), 100);
}

#[test]
fn done_may_come_before_chunks_that_are_sent_again() {
    let (mut here, mut there, _, sink) = accepted(60);
    let lost: Vec<_> = (0..).map_while(|_| chunk(&mut here, 64)).collect();
    take(&mut there, &lost[0]).unwrap();
    let done = sent(&mut here).unwrap();
    assert!(matches!(Frame::parse(&done), Ok(Frame::Done { .. })));
    for side in [&mut here, &mut there] {
        side.handle_lost();
        side.handle_resumed();
    }
    take(&mut there, &done).unwrap();
    assert_eq!(
        there.progress(FileId(0)),
        Some(Progress {
            offset: 25,
            size: 60
        })
    );
    carry(&mut there, &mut here);
    finish(&mut here, &mut there);
    assert!(sink.0.borrow().is_committed);
    assert!(matches!(here.poll_event(), Some(Event::Sent { .. })));
}

#[test]
fn a_done_that_was_not_queued_waits_for_chunks_that_are_sent_again() {
    let (mut here, mut there, _, sink) = accepted(60);
    while chunk(&mut here, 64).is_some() {}
    assert!(matches!(here.poll_frame(), Some(Frame::Done { .. })));
    here.handle_lost();
    assert_eq!(here.poll_frame(), None);
    here.handle_resumed();
    there.handle_resumed();
    carry(&mut there, &mut here);
    assert_eq!(here.poll_frame(), None);
    finish(&mut here, &mut there);
    assert!(sink.0.borrow().is_committed);
}

#[test]
fn a_credit_may_overtake_the_accept() {
    let (mut here, mut there) = (side(1), side(1));
    here.offer(shifty(60), "a").unwrap();
    let file = carry(&mut here, &mut there)[0];
    there.accept(file, Kept::default()).unwrap();
    let accept = sent(&mut there).unwrap();
    for side in [&mut here, &mut there] {
        side.handle_resumed();
    }
    carry(&mut there, &mut here);
    let first = chunk(&mut here, 64).unwrap();
    take(&mut here, &accept).unwrap();
    take(&mut there, &first).unwrap();
    finish(&mut here, &mut there);
    assert!(matches!(here.poll_event(), Some(Event::Sent { .. })));
}

#[test]
fn a_source_that_lies_is_found_out_and_the_partial_file_abandoned() {
    let (mut here, mut there, source, sink) = accepted(60);
    for _ in 0..2 {
        let content = chunk(&mut here, 64).unwrap();
        take(&mut there, &content).unwrap();
    }
    // Other bytes under the same tag, read again after a restart of the sender.
    source.0.borrow_mut().byte = 1;
    here = side(1);
    here.handle_fresh();
    there.handle_fresh();
    here.offer(source, "a").unwrap();
    carry(&mut here, &mut there);
    carry(&mut there, &mut here);
    finish(&mut here, &mut there);
    assert_eq!(sink.0.borrow().abandoned, Some(Reason::WrongCrc));
    assert_eq!(stopped(&mut there), Some((Reason::WrongCrc, By::Here)));
    assert_eq!(stopped(&mut here), Some((Reason::WrongCrc, By::Peer)));
    assert!(here.has_room() && there.table.iter().count() == 0);
}

#[test]
fn a_source_that_fails_or_changes_stops_the_transfer_on_both_sides() {
    type Happen = fn(&mut Shift);
    let cases: [(Happen, Reason); 3] = [
        (|shift| shift.fails = true, Reason::ReadFailed),
        (|shift| shift.tag = 9, Reason::Changed),
        (|shift| shift.size = 30, Reason::Changed),
    ];
    for (happen, reason) in cases {
        let (mut here, mut there, source, sink) = accepted(60);
        let content = chunk(&mut here, 64).unwrap();
        take(&mut there, &content).unwrap();
        happen(&mut source.0.borrow_mut());
        finish(&mut here, &mut there);
        assert_eq!(stopped(&mut here), Some((reason, By::Here)));
        assert_eq!(stopped(&mut there), Some((reason, By::Peer)));
        assert_eq!(sink.0.borrow().abandoned, Some(reason));
    }
}

#[test]
fn a_change_is_found_when_the_transfer_goes_on() {
    let (mut here, mut there, source, _) = accepted(600);
    chunk(&mut here, 64).unwrap();
    source.0.borrow_mut().tag = 9;
    for side in [&mut here, &mut there] {
        side.handle_resumed();
    }
    carry(&mut there, &mut here);
    assert_eq!(stopped(&mut here), Some((Reason::Changed, By::Here)));
    carry(&mut here, &mut there);
    assert_eq!(stopped(&mut there), Some((Reason::Changed, By::Peer)));
}

#[test]
fn a_sink_that_is_busy_is_asked_again() {
    let (mut here, mut there, _, sink) = accepted(60);
    sink.0.borrow_mut().errors = vec![WriteError::Busy; 2];
    sink.0.borrow_mut().commit_errors = vec![WriteError::Busy; 2];
    let content = chunk(&mut here, 64).unwrap();
    assert_eq!(take(&mut there, &content), Err(NotTaken::Later));
    assert_eq!(take(&mut there, &content), Err(NotTaken::Later));
    take(&mut there, &content).unwrap();
    finish(&mut here, &mut there);
    assert_eq!(there.malformed(), 0);
    assert_eq!(there.poll_event(), None);
    assert!(there.poll_frame().is_some());
    finish(&mut here, &mut there);
    assert!(matches!(there.poll_event(), Some(Event::Received { .. })));
    assert!(matches!(here.poll_event(), Some(Event::Sent { .. })));
}

#[test]
fn a_sink_that_fails_stops_the_transfer_on_both_sides() {
    for (error, reason) in [
        (WriteError::NoRoom, Reason::NoRoom),
        (WriteError::Failed, Reason::WriteFailed),
    ] {
        for at_commit in [false, true] {
            let (mut here, mut there, _, sink) = accepted(60);
            match at_commit {
                true => sink.0.borrow_mut().commit_errors.push(error),
                false => sink.0.borrow_mut().errors.push(error),
            }
            finish(&mut here, &mut there);
            assert_eq!(stopped(&mut there), Some((reason, By::Here)));
            assert_eq!(stopped(&mut here), Some((reason, By::Peer)));
            assert_eq!(sink.0.borrow().abandoned, Some(reason));
            assert!(here.has_room() && there.has_room());
        }
    }
}

#[test]
fn what_crosses_a_stop_is_dropped_without_a_word() {
    let (mut here, mut there, _, sink) = accepted(60);
    let content = chunk(&mut here, 64).unwrap();
    there.cancel(FileId(0)).unwrap();
    take(&mut there, &content).unwrap();
    let stop = sent(&mut there).unwrap();
    take(&mut there, &content).unwrap();
    assert_eq!(there.table.iter().count(), 0);
    here.cancel(FileId(0)).unwrap();
    carry(&mut here, &mut there);
    take(&mut here, &stop).unwrap();
    for late in [
        Frame::Credit {
            file: 1,
            offset: 25,
            limit: 60,
        },
        Frame::Accept {
            file: 1,
            offset: 0,
            limit: 60,
        },
        Frame::Verified { file: 1 },
    ] {
        assert_eq!(here.handle(late), Ok(None));
    }
    assert_eq!(there.handle(Frame::Done { file: 1, crc: 0 }), Ok(None));
    assert_eq!((here.malformed(), there.malformed()), (0, 0));
    assert_eq!((here.poll_event(), there.poll_event()), (None, None));
    assert_eq!(sink.0.borrow().abandoned, Some(Reason::Cancelled));
    assert_eq!(here.cancel(FileId(0)), Err(Gone));
}

#[test]
fn names_and_counts_the_rules_that_a_sender_breaks() {
    let (mut here, mut there, _, sink) = accepted(1000);
    let content = chunk(&mut here, 64).unwrap();
    take(&mut there, &content).unwrap();
    let bytes = &[0; 80][..];
    let chunk = |offset, bytes| Frame::Chunk {
        file: 1,
        offset,
        bytes,
    };
    let huge = &[0; 1000][..];
    let offer = |file, ask| Frame::Offer {
        file,
        ask,
        size: 1,
        tag: 0,
        name: "b",
    };
    let (file, expected) = (1, 25);
    for (frame, broken) in [
        (
            Frame::Chunk {
                file: 2,
                offset: 0,
                bytes,
            },
            Rule::UnknownFile { file: 2 },
        ),
        (
            Frame::Done { file: 0, crc: 0 },
            Rule::UnknownFile { file: 0 },
        ),
        (
            chunk(24, bytes),
            Rule::Offset {
                offset: 24,
                expected,
            },
        ),
        (
            chunk(u64::MAX, bytes),
            Rule::Offset {
                offset: u64::MAX,
                expected,
            },
        ),
        (
            chunk(25, bytes),
            Rule::BeyondCredit {
                end: 105,
                limit: 100,
            },
        ),
        (
            chunk(25, huge),
            Rule::BeyondSize {
                end: 1025,
                size: 1000,
            },
        ),
        (offer(1, 0), Rule::Order { id: 1, expected: 2 }),
        (offer(2, 7), Rule::UnknownAsk { ask: 7 }),
    ] {
        assert_eq!(
            there.handle(frame),
            Err(NotTaken::Rule(broken)),
            "{frame:?}"
        );
    }
    assert_eq!(there.malformed(), 8);
    assert_eq!(sink.0.borrow().bytes.len(), 25);
    there.handle(Frame::Done { file, crc: 0 }).unwrap();
    let again = there.handle(Frame::Done { file, crc: 0 }).map(drop);
    assert_eq!(rule(again), Rule::DoneTwice { file });
    assert!(there.handle(offer(2, 0)).unwrap().is_some());
    let early = there
        .handle(Frame::Chunk {
            file: 2,
            offset: 0,
            bytes,
        })
        .map(drop);
    assert_eq!(rule(early), Rule::NotAccepted { file: 2 });
}

#[test]
fn names_and_counts_the_rules_that_a_receiver_breaks() {
    let (mut here, _, _, _) = accepted(1000);
    chunk(&mut here, 64).unwrap();
    let credit = |offset, limit| Frame::Credit {
        file: 1,
        offset,
        limit,
    };
    let stop = Frame::Stop {
        id: 3,
        side: Side::Asked,
        reason: Reason::Busy,
    };
    for (frame, broken) in [
        (
            Frame::Accept {
                file: 1,
                offset: 0,
                limit: 9,
            },
            Rule::AcceptedTwice { file: 1 },
        ),
        (
            Frame::Accept {
                file: 2,
                offset: 0,
                limit: 9,
            },
            Rule::UnknownFile { file: 2 },
        ),
        (Frame::Verified { file: 1 }, Rule::NotDone { file: 1 }),
        (
            credit(26, 100),
            Rule::Unsent {
                offset: 26,
                sent: 25,
            },
        ),
        (
            credit(1001, 1001),
            Rule::BeyondSize {
                end: 1001,
                size: 1000,
            },
        ),
        (
            credit(20, 19),
            Rule::Limit {
                limit: 19,
                offset: 20,
            },
        ),
        (
            Frame::Ask { ask: 0, name: "a" },
            Rule::Order { id: 0, expected: 1 },
        ),
        (stop, Rule::UnknownAsk { ask: 3 }),
    ] {
        assert_eq!(here.handle(frame), Err(NotTaken::Rule(broken)), "{frame:?}");
    }
    assert_eq!(here.malformed(), 8);
    // A limit never goes back, and never beyond the size.
    here.handle(credit(0, 50)).unwrap();
    here.handle(credit(0, u64::MAX)).unwrap();
    let rest = (0..).map_while(|_| chunk(&mut here, 64)).count();
    assert_eq!(rest, 39);
}

#[test]
fn turns_away_what_there_is_no_slot_for() {
    let (mut here, mut there) = (side(5), side(1));
    for name in ["a", "b", "c", "d"] {
        here.offer(shifty(10), name).unwrap();
    }
    here.ask("e").unwrap();
    assert_eq!(carry(&mut here, &mut there).len(), 1);
    carry(&mut there, &mut here);
    for _ in 0..4 {
        assert_eq!(stopped(&mut here), Some((Reason::Busy, By::Peer)));
    }
    assert_eq!(here.poll_event(), None);
    there.accept(FileId(0), Kept::default()).unwrap();
    carry(&mut there, &mut here);
    finish(&mut here, &mut there);
    assert!(matches!(here.poll_event(), Some(Event::Sent { .. })));
    assert!(here.table.iter().count() == 0);
}

#[test]
fn refuses_names_that_lead_elsewhere() {
    let (mut here, mut there) = (side(2), side(2));
    let up = "../a";
    assert_eq!(
        here.offer(shifty(1), up),
        Err(StartError::Name(NameError::Parent))
    );
    assert_eq!(here.ask(up), Err(StartError::Name(NameError::Parent)));
    let offer = Frame::Offer {
        file: 1,
        ask: 0,
        size: 1,
        tag: 0,
        name: up,
    };
    assert_eq!(there.handle(offer), Ok(None));
    assert_eq!(there.handle(Frame::Ask { ask: 1, name: up }), Ok(None));
    let reason = Reason::NameNotAllowed;
    for side in [Side::Receiver, Side::Asked] {
        assert_eq!(
            there.poll_frame(),
            Some(Frame::Stop {
                id: 1,
                side,
                reason
            })
        );
        there.frame_sent();
    }
    assert_eq!(there.table.iter().count(), 0);
}

#[test]
fn what_is_asked_for_is_offered_under_the_same_id() {
    let (mut here, mut there) = (side(2), side(2));
    let (wanted, missing) = (here.ask("a").unwrap(), here.ask("b").unwrap());
    let [asked, other] = carry(&mut here, &mut there)[..] else {
        panic!("not asked")
    };
    assert_eq!(
        there.answer(FileId(9), shifty(1), "a"),
        Err(StartError::Gone)
    );
    there.answer(asked, shifty(60), "a").unwrap();
    there.refuse(other, Reason::UnknownName).unwrap();
    assert_eq!(carry(&mut there, &mut here), [wanted]);
    let event = here.poll_event();
    let (reason, by) = (Reason::UnknownName, By::Peer);
    assert_eq!(
        event,
        Some(Event::Stopped {
            file: missing,
            reason,
            by
        })
    );
    let sink = Kept::default();
    here.accept(wanted, sink.clone()).unwrap();
    carry(&mut here, &mut there);
    finish(&mut there, &mut here);
    assert_eq!(here.poll_event(), Some(Event::Received { file: wanted }));
    assert_eq!(there.poll_event(), Some(Event::Sent { file: asked }));
}

#[test]
fn an_answer_to_what_is_no_longer_wanted_is_refused() {
    let (mut here, mut there) = (side(1), side(1));
    let wanted = here.ask("a").unwrap();
    let asked = carry(&mut here, &mut there)[0];
    here.cancel(wanted).unwrap();
    assert_eq!(here.progress(wanted), None);
    there.answer(asked, shifty(60), "a").unwrap();
    assert!(carry(&mut there, &mut here).is_empty());
    carry(&mut here, &mut there);
    assert_eq!(stopped(&mut there), Some((Reason::Cancelled, By::Peer)));
    assert!(here.has_room() && there.has_room());
}

#[test]
fn asks_again_in_a_fresh_session_and_says_if_it_is_another_file_now() {
    for (tag, same) in [(0, true), (4, false)] {
        let (mut here, mut there) = (side(2), side(2));
        let wanted = here.ask("a").unwrap();
        let asked = carry(&mut here, &mut there)[0];
        there.answer(asked, shifty(60), "a").unwrap();
        carry(&mut there, &mut here);
        let sink = Kept::default();
        here.accept(wanted, sink.clone()).unwrap();
        carry(&mut here, &mut there);
        let content = chunk(&mut there, 64).unwrap();
        take(&mut here, &content).unwrap();
        here.handle_fresh();
        there.handle_fresh();
        assert_eq!(stopped(&mut there), Some((Reason::Cancelled, By::Fresh)));
        let asked = carry(&mut here, &mut there)[0];
        let source = shifty(60);
        source.0.borrow_mut().tag = tag;
        there.answer(asked, source, "a").unwrap();
        let offered = carry(&mut there, &mut here);
        if !same {
            assert_eq!(offered, [wanted]);
            assert_eq!(sink.0.borrow().abandoned, Some(Reason::Changed));
            here.accept(wanted, Kept::default()).unwrap();
        }
        assert_eq!(offered.is_empty(), same);
        carry(&mut here, &mut there);
        finish(&mut there, &mut here);
        assert_eq!(here.poll_event(), Some(Event::Received { file: wanted }));
        assert_eq!(sink.0.borrow().is_committed, same);
    }
}

#[test]
fn an_offer_of_another_version_ends_the_partial_file() {
    let (mut here, mut there, source, sink) = accepted(60);
    let content = chunk(&mut here, 64).unwrap();
    take(&mut there, &content).unwrap();
    source.0.borrow_mut().tag = 5;
    here.handle_fresh();
    there.handle_fresh();
    assert_eq!(stopped(&mut here), Some((Reason::Changed, By::Here)));
    here.offer(source, "a").unwrap();
    assert_eq!(carry(&mut here, &mut there).len(), 1);
    assert_eq!(stopped(&mut there), Some((Reason::Changed, By::Here)));
    assert_eq!(sink.0.borrow().abandoned, Some(Reason::Changed));
}

#[test]
fn an_undecided_offer_does_not_outlive_its_session() {
    let (mut here, mut there) = (side(1), side(1));
    here.offer(shifty(60), "a").unwrap();
    let file = carry(&mut here, &mut there)[0];
    here.handle_fresh();
    there.handle_fresh();
    assert_eq!(there.accept(file, Kept::default()), Err(Gone));
    assert_eq!(stopped(&mut there), Some((Reason::Cancelled, By::Fresh)));
    assert_eq!(carry(&mut here, &mut there).len(), 1);
}

#[test]
fn who_is_gone_for_good_leaves_no_transfer_and_no_id_behind() {
    let (mut here, mut there, _, sink) = accepted(60);
    let wanted = there.ask("b").unwrap();
    let ended = |reason| Some((reason, By::Fresh));
    there.handle_gone();
    assert_eq!(sink.0.borrow().abandoned, Some(Reason::Cancelled));
    assert_eq!(stopped(&mut there), ended(Reason::Cancelled));
    let last = Event::Stopped {
        file: wanted,
        reason: Reason::Cancelled,
        by: By::Fresh,
    };
    assert_eq!(there.poll_event(), Some(last));
    assert_eq!(there.poll_event(), None);
    here.handle_gone();
    assert_eq!(stopped(&mut here), ended(Reason::Cancelled));
    assert!(here.poll_frame().is_none() && there.poll_frame().is_none());
    let again = there.ask("b").unwrap();
    assert_ne!(again, wanted);
    assert_eq!(carry(&mut there, &mut here).len(), 1);
}

/// Five gigabytes that take no time to read.
struct Huge;

impl Source for Huge {
    fn size(&self) -> u64 {
        5_000_000_000
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadFailed> {
        let rest = usize::try_from(self.size() - offset).unwrap();
        Ok(rest.min(buffer.len()))
    }
}

/// The number of bytes instead of their CRC.
struct Count;

impl Checksum for Count {
    fn extend(crc: u32, bytes: &[u8]) -> u32 {
        crc.wrapping_add(u32::try_from(bytes.len()).unwrap())
    }
}

struct Large;

impl Store for Large {
    type Source = Huge;
    type Sink = Kept;
    type Name = &'static str;
    type Checksum = Count;
}

#[test]
#[cfg_attr(miri, ignore = "too much memory")]
fn files_may_be_larger_than_four_gigabytes() {
    let (mut here, mut there): (Table<Large>, Table<Large>) = (side_of(1), side_of(1));
    let sink = Kept::default();
    sink.0.borrow_mut().there = Prefix {
        len: 4_999_999_000,
        crc: (4_999_999_000_u64 % (1 << 32)).try_into().unwrap(),
    };
    here.offer(Huge, "a").unwrap();
    let file = carry(&mut here, &mut there)[0];
    there.accept(file, sink.clone()).unwrap();
    carry(&mut there, &mut here);
    let mut slot = vec![0; 1 << 26];
    while here.progress(FileId(0)).unwrap().offset < 4_999_999_000 {
        assert_eq!(here.poll_chunk(&mut slot), Next::Again);
    }
    finish(&mut here, &mut there);
    assert!(sink.0.borrow().is_committed);
    assert_eq!(sink.0.borrow().bytes.len(), 1000);
}

#[test]
fn a_slot_is_small() {
    struct Nothing;
    impl Store for Nothing {
        type Source = &'static [u8];
        type Sink = core::convert::Infallible;
        type Name = &'static str;
        type Checksum = SmallCrc;
    }
    let lent = size_of::<&[u8]>() + size_of::<&str>();
    let (slot, table) = (
        size_of::<Slot<Nothing>>(),
        size_of::<Transfers<Nothing, ()>>(),
    );
    std::println!(
        "slot {} beside {lent}, entry {}, table {table}",
        slot - lent,
        size_of::<Entry<Nothing>>()
    );
    assert!(slot - lent <= 120);
}
