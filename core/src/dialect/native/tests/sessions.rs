use super::rig::{Double, End, Long, Number, Random, Told, reconnect, settle};
use super::{Config, Opening};
use crate::SendError;
use crate::dialect::Dialect;
use crate::dialect::native::CallId;
use crate::dialect::native::Reason;
use crate::message::{Answer, Call, Refusal};
use std::vec::Vec;

fn open() -> (End, End) {
    let (mut a, mut b) = (
        End::dialling(Config::new(1)),
        End::listening(Config::new(2)),
    );
    settle(&mut a, &mut b);
    (a, b)
}

/// Numbers go both ways in order while the cable is pulled wherever chance says.
fn pulled(seed: u64) -> (usize, usize) {
    let mut random = Random(seed);
    let sizes = [(200, 150), (256, 256), (1024, 300), (4096, 1024)];
    let (input, outbox) = sizes[random.below(sizes.len())];
    let mut a = End::new(super::Native::dialling(Config::new(1)), input, outbox);
    let mut b = End::new(super::Native::listening(Config::new(2)), input, outbox);
    let (mut sent, mut heard) = ([0_u32; 2], [0_u32; 2]);
    let (mut cuts, mut steps) = (0, 0);
    const GOAL: u32 = if cfg!(miri) { 8 } else { 60 };
    while heard != [GOAL; 2] {
        steps += 1;
        assert!(steps < 200_000, "seed {seed}: stuck at {sent:?} {heard:?}");
        let side = random.below(2);
        let (here, there) = match side {
            0 => (&mut a, &mut b),
            _ => (&mut b, &mut a),
        };
        match random.below(12) {
            0..3 if sent[side] < GOAL => {
                let queued = match random.below(4) {
                    0 => here.messenger.send(&Long(
                        &std::vec![sent[side].to_le_bytes()[0]; random.below(60)],
                    )),
                    _ => here.messenger.send(&Number(sent[side])),
                };
                match queued {
                    Ok(()) => sent[side] += 1,
                    Err(error) => assert_eq!(error, SendError::Full, "seed {seed}"),
                }
            }
            0..6 => {
                here.write(there, 1 + random.below(80));
            }
            6..9 => {
                here.read(1 + random.below(80));
            }
            9 | 10 => match here.hear() {
                Some(Told::Number(number)) => {
                    assert_eq!(number, heard[side], "seed {seed} after {cuts} cuts");
                    heard[side] += 1;
                }
                Some(Told::Long(bytes)) => {
                    assert!(
                        bytes
                            .iter()
                            .all(|byte| *byte == heard[side].to_le_bytes()[0]),
                        "seed {seed}"
                    );
                    heard[side] += 1;
                }
                Some(Told::Opened(Opening::Fresh { in_doubt, cause })) => {
                    assert_eq!(
                        in_doubt, 0,
                        "seed {seed}, side {side}: {cause} after {cuts} cuts, {heard:?}"
                    );
                }
                Some(Told::Opened(_) | Told::Met(_)) | None => {}
                other => panic!("seed {seed}: {other:?}"),
            },
            _ if random.below(8) == 0 => {
                reconnect(&mut a, &mut b);
                cuts += 1;
            }
            _ => {}
        }
    }
    (cuts, steps)
}

#[test]
fn every_message_comes_once_and_in_order_however_often_the_cable_is_pulled() {
    let seeds = if cfg!(miri) { 1..3 } else { 1..400 };
    let (mut cuts, mut steps) = (0, 0);
    for seed in seeds.clone() {
        let (cut, stepped) = pulled(seed * 0x9E37_79B9);
        cuts += cut;
        steps += stepped;
    }
    std::println!("seeds {seeds:?}: {cuts} cuts in {steps} steps");
}

/// Both ends send until nothing fits, and only then look at what the other says.
#[test]
fn two_blocked_senders_never_lock_each_other() {
    let (mut a, mut b) = open();
    let mut counts = [[0_u32; 2]; 2];
    const ROUNDS: u32 = if cfg!(miri) { 10 } else { 200 };
    for _ in 0..ROUNDS {
        for (end, [sent, _]) in [&mut a, &mut b].into_iter().zip(&mut counts) {
            while end.messenger.send(&Number(*sent)).is_ok() {
                *sent += 1;
            }
        }
        // Bytes move, and nobody takes anything, until all is stuck.
        while a.write(&mut b, usize::MAX) + b.write(&mut a, usize::MAX) + a.read(99) + b.read(99)
            > 0
        {}
        for (end, [_, heard]) in [&mut a, &mut b].into_iter().zip(&mut counts) {
            let Some(Told::Number(number)) = end.hear() else {
                panic!("nothing came through");
            };
            assert_eq!(number, *heard);
            *heard += 1;
        }
    }
    assert!(
        counts
            .iter()
            .all(|[sent, heard]| sent > heard && *heard == ROUNDS)
    );
}

/// All that a peer may send has room, wherever in its memory the rest lies: or an acknowledgement could wait for a
/// program that waits for it.
#[test]
fn what_may_be_sent_always_has_room() {
    let mut random = Random(7);
    const ROUNDS: u32 = if cfg!(miri) { 4 } else { 400 };
    for memory in [256, 300, 700] {
        let mut a = End::new(super::Native::dialling(Config::new(1)), memory, memory);
        let mut b = End::new(super::Native::listening(Config::new(2)), memory, memory);
        settle(&mut a, &mut b);
        for round in 0..ROUNDS {
            for end in [&mut a, &mut b] {
                let len = random.below(memory - 160);
                while end.messenger.send(&Long(&std::vec![7; len])).is_ok() {}
            }
            let mut moved = 1;
            while moved > 0 {
                moved =
                    a.write(&mut b, 1 + random.below(20)) + b.write(&mut a, 1 + random.below(20));
                moved += a.read(1 + random.below(20)) + b.read(1 + random.below(20));
            }
            assert!(
                a.wire.is_empty() && b.wire.is_empty(),
                "{memory}, round {round}"
            );
            let queued = [b.messenger.queued(), a.messenger.queued()];
            for (end, queued) in [&mut a, &mut b].into_iter().zip(queued) {
                let told = end.hear();
                assert!(
                    matches!(told, Some(Told::Long(_))) || queued == 0,
                    "{memory}, round {round}: {told:?} of {queued} bytes"
                );
            }
        }
    }
}

#[test]
fn small_frames_get_past_messages_that_nobody_takes() {
    let (mut a, mut b) = open();
    while a.messenger.send(&Number(1)).is_ok() {}
    a.write(&mut b, usize::MAX);
    b.read(usize::MAX);
    let full = a.messenger.queued();
    b.messenger.send(&Number(2)).unwrap();
    b.write(&mut a, usize::MAX);
    a.read(usize::MAX);
    assert_eq!(a.hear(), Some(Told::Number(2)));
    a.write(&mut b, usize::MAX);
    b.read(usize::MAX);
    b.messenger.poll_output();
    assert_eq!(b.messenger.queued(), 0, "acknowledged behind the rest");
    assert!(a.messenger.queued() >= full, "nothing of it was taken");
}

/// With a move of all that follows for each, this would take minutes.
#[test]
fn a_flood_of_small_frames_is_taken_in_at_one_go() {
    const LEN: usize = if cfg!(miri) { 1 << 10 } else { 1 << 22 };
    let mut a = End::dialling(Config::new(1));
    let mut b = End::new(super::Native::listening(Config::new(2)), LEN, 512);
    settle(&mut a, &mut b);
    b.wire.extend([3, 0x10, 1]);
    b.wire.extend([2, 0xE3].repeat(LEN / 2 - 8));
    b.wire
        .extend([3, 0x10, 2, 2, 0xE3, 3, 0x10, 3, 2, 0xE3, 3, 0x10]);
    b.read(usize::MAX);
    assert_eq!(b.messenger.poll_output(), [2, 0xE4]);
    b.wire.push_back(4);
    b.read(usize::MAX);
    assert_eq!(b.hear_all(), [1, 2, 3, 4].map(Told::Number));
}

#[test]
fn nothing_goes_in_crumbs_while_the_window_is_nearly_full() {
    let (mut a, mut b) = (
        End::dialling(Config::new(1)),
        End::listening(Config::new(2).window(100)),
    );
    settle(&mut a, &mut b);
    let mut sent = 0;
    while a.messenger.send(&Number(sent)).is_ok() {
        sent += 1;
    }
    let written = a.write(&mut b, usize::MAX);
    assert!((90..=100).contains(&written), "{written}");
    b.read(usize::MAX);
    // A little has been taken: too little for a write.
    assert!(b.hear().is_some());
    b.write(&mut a, usize::MAX);
    a.read(usize::MAX);
    assert_eq!(a.hear(), None);
    assert_eq!(a.write(&mut b, usize::MAX), 0);
    assert!(a.messenger.on_their_way() > 50 && !a.messenger.has_output());
    let [_, told] = settle(&mut a, &mut b);
    assert_eq!(told.len() + 1, sent as usize, "all the same, all arrives");
    assert_eq!((a.messenger.on_their_way(), a.messenger.queued()), (0, 0));
}

#[test]
fn a_message_larger_than_the_window_goes_alone() {
    let config = |epoch| Config::new(epoch).window(100);
    let mut a = End::new(super::Native::dialling(config(1)), 2048, 2048);
    let mut b = End::new(super::Native::listening(config(2)), 2048, 2048);
    settle(&mut a, &mut b);
    a.messenger.send(&Number(1)).unwrap();
    a.messenger.send(&Long(&[5; 700])).unwrap();
    a.messenger.send(&Number(2)).unwrap();
    assert_eq!(a.write(&mut b, usize::MAX), 3);
    let [_, told] = settle(&mut a, &mut b);
    assert_eq!(
        told,
        [
            Told::Number(1),
            Told::Long(std::vec![5; 700]),
            Told::Number(2)
        ]
    );
    let refused = a.messenger.send(&Long(&[5; 1950]));
    assert_eq!(refused, Err(SendError::TooLong { limit: 1792 }));
}

#[test]
fn calls_go_both_ways_and_end_in_their_answer_or_failure() {
    let (mut a, mut b) = open();
    for (id, number) in [(7, 21), (8, 0)] {
        let (id, request) = (CallId(id), &Double(number));
        a.messenger.send(&Call { id, request }).unwrap();
    }
    let [_, told] = settle(&mut a, &mut b);
    assert_eq!(told, [Told::Request(7, 21), Told::Request(8, 0)]);
    let answer: Answer<'_, '_, _, Double> = Answer {
        id: CallId(7),
        value: &42,
    };
    b.messenger.send(&answer).unwrap();
    let refusal = Refusal::new(CallId(8), "ValueError", "nothing to double");
    b.messenger.send(&refusal).unwrap();
    reconnect(&mut a, &mut b);
    let [told, _] = settle(&mut a, &mut b);
    assert_eq!(told[2], Told::Answer(7, Ok(42)));
    let refused = "ValueError: nothing to double";
    assert_eq!(told[3], Told::Answer(8, Err(refused.into())));
    a.messenger.cancel(CallId(9)).unwrap();
    let [_, told] = settle(&mut a, &mut b);
    assert_eq!(told, [Told::Other("Notice(Cancelled(CallId(9)))".into())]);
}

#[test]
fn a_promise_of_silence_is_kept_and_checked() {
    use crate::time::Duration;
    let config = |epoch| Config::new(epoch).silence(Duration::from_secs(1));
    let mut a = End::dialling(config(1));
    let mut b = End::listening(config(2));
    settle(&mut a, &mut b);
    const END: u64 = if cfg!(miri) { 10_000 } else { 60_000 };
    for millis in (0..END).step_by(250) {
        a.at(millis);
        b.at(millis);
        assert_eq!(settle(&mut a, &mut b), [[], []], "at {millis} ms");
    }
    // What came since the last look at the clock counts as of the next.
    for millis in [END + 250, END + 750] {
        b.at(millis);
        assert_eq!(b.hear(), None);
    }
    b.at(END + 751);
    assert!(matches!(b.hear(), Some(Told::Broken(_))));
    assert!(b.messenger.is_over().is_some());
    assert!(
        b.messenger.dialect().session().is_some(),
        "it can be resumed"
    );
}

/// To write nothing keeps no promise, and to read nothing is none kept.
#[test]
fn nothing_said_is_silence() {
    use crate::time::Duration;
    let config = |epoch| Config::new(epoch).silence(Duration::from_secs(1));
    let mut a = End::dialling(config(1));
    let mut b = End::listening(config(2));
    settle(&mut a, &mut b);
    for millis in [400, 500, 900, 1_401] {
        a.at(millis);
        a.messenger.handle_written(0);
        b.at(millis);
        b.messenger.handle_input(0);
    }
    assert!(a.messenger.has_output());
    assert!(matches!(b.hear(), Some(Told::Broken(_))));
}

#[test]
fn nobody_is_woken_to_speak_in_the_middle_of_a_frame() {
    use crate::time::Duration;
    let promising = Config::new(1).silence(Duration::from_secs(1));
    let mut a = End::dialling(promising);
    let mut b = End::listening(Config::new(2));
    settle(&mut a, &mut b);
    let due = Some(crate::Instant::from_micros(500_000));
    assert_eq!(a.messenger.next_timeout(), due);
    a.messenger.send(&Number(1)).unwrap();
    a.write(&mut b, 1);
    a.at(600);
    assert_eq!(a.messenger.next_timeout(), None, "the peer does not read");
    a.write(&mut b, usize::MAX);
    let due = Some(crate::Instant::from_micros(1_100_000));
    assert_eq!(a.messenger.next_timeout(), due);
}

#[test]
fn what_was_never_sent_cannot_be_acknowledged() {
    for taken in [1_u32, 2, 4, 1_000, u32::MAX] {
        let (mut a, mut b) = open();
        a.messenger.send(&Number(1)).unwrap();
        a.messenger.send(&Number(1)).unwrap();
        a.write(&mut b, usize::MAX);
        let mut ack = std::vec![10, 0xE5];
        ack.extend(taken.to_le_bytes());
        ack.extend([0; 4]);
        a.wire.extend(&ack);
        a.read(usize::MAX);
        let rule = "acknowledgement of what was never sent";
        assert_eq!(a.hear(), Some(Told::Broken(rule.into())), "{taken}");
        b.wire.clear();
        a.write(&mut b, usize::MAX);
        b.read(usize::MAX);
        assert_eq!(
            b.hear(),
            Some(Told::Bye(std::format!("a rule is broken: {rule}")))
        );
    }
}

#[test]
fn what_is_sent_beyond_the_window_breaks_a_rule() {
    let hub = || End::listening(Config::new(2).window(20));
    for (frames, is_allowed) in [
        (std::vec![10, 10], true),
        (std::vec![10, 11], false),
        (std::vec![90], true),
        (std::vec![90, 3], false),
        (std::vec![3, 90], false),
    ] {
        let (mut a, mut b) = (End::dialling(Config::new(1)), hub());
        settle(&mut a, &mut b);
        for len in &frames {
            b.wire.push_back(*len);
            b.wire.push_back(0x20);
            b.wire.extend(std::iter::repeat_n(7, usize::from(*len) - 2));
        }
        b.read(usize::MAX);
        b.messenger.poll_output();
        let told = b.hear_all();
        let broken = Told::Broken("beyond the window".into());
        assert_eq!(!told.contains(&broken), is_allowed, "{frames:?}: {told:?}");
        // Once it is taken there is room again.
        if is_allowed {
            b.wire.extend([3, 0x20, 1]);
            b.read(usize::MAX);
            b.messenger.poll_output();
            assert!(!b.hear_all().contains(&broken));
        }
    }
}

#[test]
fn a_frame_without_a_code_ends_the_session_aloud() {
    let (mut a, mut b) = open();
    a.wire.extend([1, 0x10]);
    a.read(usize::MAX);
    let length = "length byte 1, the smallest is 2";
    assert_eq!(a.hear_all(), [Told::Malformed(length.into())]);
    a.write(&mut b, usize::MAX);
    b.read(usize::MAX);
    let bye = "a rule is broken: short frame";
    assert_eq!(b.hear_all(), [Told::Bye(bye.into())]);
    assert_eq!(a.messenger.dialect().session(), None);
}

#[test]
fn half_a_frame_that_came_is_nothing_to_write() {
    let (mut a, _) = open();
    a.wire.extend([3, 0x10]);
    a.read(usize::MAX);
    assert!(!a.messenger.has_output());
    a.wire.extend([1, 2]);
    a.read(usize::MAX);
    a.messenger.poll_output();
    assert!(!a.messenger.has_output());
    a.wire.extend([0xE3]);
    a.read(usize::MAX);
    assert!(a.messenger.has_output(), "a PONG");
}

#[test]
fn unknown_control_codes_are_refused_by_name() {
    for code in [0xE7, 0xEC, 0xF8, 0xFE, 0xFF] {
        let (mut a, _) = open();
        a.wire.extend([2, code]);
        a.read(usize::MAX);
        let rule = std::format!("unknown control code 0x{code:02X}");
        assert_eq!(a.hear(), Some(Told::Malformed(rule)));
    }
}

#[test]
fn an_answer_finds_room_where_messages_do_not() {
    let (mut a, mut b) = open();
    let (id, request) = (CallId(1), &Double(2));
    a.messenger.send(&Call { id, request }).unwrap();
    settle(&mut a, &mut b);
    while b.messenger.send(&Number(1)).is_ok() {}
    let value = &4;
    let answer: Answer<'_, '_, _, Double> = Answer { id, value };
    b.messenger.send(&answer).unwrap();
    let [told, _] = settle(&mut a, &mut b);
    assert_eq!(told.last(), Some(&Told::Answer(1, Ok(4))));
}

/// The first `len` bytes of a message of 10 kB.
fn start_of_long(len: usize) -> Vec<u8> {
    let mut frame = std::vec![0, 0x10, 0x27, 0, 0, 0x11];
    frame.resize(len, 7);
    frame
}

#[test]
fn a_frame_that_is_passed_over_counts_once_it_is_past() {
    let (mut a, mut b) = open();
    b.wire.extend(start_of_long(500));
    b.read(usize::MAX);
    let rule = "frame of 10006 bytes, the limit is 1024";
    assert_eq!(b.hear_all(), [Told::Malformed(rule.into())]);
    assert_eq!(b.write(&mut a, usize::MAX), 0, "acknowledged too early");
    b.wire.extend([7; 10_006 - 500]);
    while b.read(usize::MAX) > 0 {}
    assert_eq!(b.write(&mut a, usize::MAX), 10);
    assert_eq!(
        a.wire.range(2..4).copied().collect::<Vec<u8>>(),
        [0x16, 0x27]
    );
}

#[test]
fn a_frame_whose_rest_is_lost_with_its_transport_counts_for_nothing() {
    let (mut a, mut b) = open();
    b.wire.extend(start_of_long(500));
    b.read(usize::MAX);
    assert_eq!(b.hear_all().len(), 1);
    reconnect(&mut a, &mut b);
    a.messenger.send(&Number(1)).unwrap();
    let [_, told] = settle(&mut a, &mut b);
    let resumed = Told::Opened(Opening::Resumed);
    assert_eq!(told[1..], [resumed, Told::Number(1)]);
}

#[test]
fn a_long_frame_that_is_not_sequenced_counts_for_nothing() {
    let (mut a, mut b) = open();
    let mut chunk = start_of_long(10_006);
    chunk[5] = 0xF4;
    b.wire.extend(chunk);
    while b.read(usize::MAX) > 0 {
        b.hear_all();
    }
    assert_eq!(b.write(&mut a, usize::MAX), 0);
}

/// What is queued before the peer has said how long its frames may be can be longer.
#[test]
fn a_frame_longer_than_the_peer_takes_does_not_go_and_is_told() {
    let mut a = End::new(super::Native::dialling(Config::new(1)), 2048, 4096);
    let mut b = End::new(super::Native::listening(Config::new(2)), 512, 512);
    for number in 0..3 {
        a.messenger.send(&Number(number)).unwrap();
        a.messenger.send(&Long(&[5; 900])).unwrap();
    }
    let [told_a, told_b] = settle(&mut a, &mut b);
    assert_eq!(told_a[2..], [Told::TooLong(3)]);
    assert_eq!(told_b[2..], [0, 1, 2].map(Told::Number));
    assert_eq!(a.messenger.queued(), 0);
    assert_eq!(
        a.messenger.send(&Long(&[5; 900])),
        Err(SendError::TooLong { limit: 384 })
    );
}

/// It was on its way when the link was lost, and the peer comes again with less memory for it.
#[test]
fn a_frame_that_has_become_too_long_does_not_go_again() {
    let long = &Long(&[5; 500]);
    for is_restarted in [false, true] {
        let mut a = End::new(super::Native::dialling(Config::new(1)), 1024, 4096);
        let mut b = End::listening(Config::new(2));
        settle(&mut a, &mut b);
        a.messenger.send(long).unwrap();
        a.write(&mut b, usize::MAX);
        reconnect(&mut a, &mut b);
        a.messenger.send(long).unwrap();
        a.messenger.send(&Number(7)).unwrap();
        if is_restarted {
            b = End::listening(Config::new(3).largest(200));
        } else {
            a.write(&mut b, usize::MAX);
            b.read(usize::MAX);
            b.write(&mut a, usize::MAX);
            // Its WELCOME says how long a frame may be.
            let largest = [200, 0, 0, 0];
            (28..).zip(largest).for_each(|(at, byte)| a.wire[at] = byte);
        }
        let [told_a, told_b] = settle(&mut a, &mut b);
        // What is in doubt already is not told twice.
        assert_eq!(told_a[2], Told::TooLong(if is_restarted { 1 } else { 2 }));
        assert_eq!(told_b.last(), Some(&Told::Number(7)), "{told_b:?}");
        assert_eq!(a.messenger.queued(), 0);
    }
}

#[test]
fn what_is_sent_again_is_no_longer_than_the_peer_takes() {
    let (mut a, mut b) = open();
    reconnect(&mut a, &mut b);
    let frame = start_of_long(10_006);
    let mut a = End::new(super::Native::dialling(Config::new(1)), 2048, 20_000);
    a.messenger.send_again(&frame).unwrap();
    assert_eq!(settle(&mut a, &mut b)[0][2..], [Told::TooLong(1)]);
    assert_eq!(
        a.messenger.send_again(&frame),
        Err(SendError::TooLong { limit: 896 })
    );
}

#[test]
fn memory_that_grows_is_no_room_for_many_messages() {
    use crate::buf::tests::Growing;
    let memory = || Growing::new(512, 9_000);
    let mut a = crate::Messenger::new(super::Native::dialling(Config::new(1)), memory(), memory());
    let mut b = End::listening(Config::new(2));
    let hello = a.poll_output();
    b.wire.extend(hello);
    b.read(usize::MAX);
    b.hear();
    let hello = b.messenger.dialect().peer();
    assert_eq!((hello.window, hello.largest), (512 - 128, 9_000 - 128));
}

#[test]
fn there_is_room_again_before_the_opening_is_told() {
    use crate::buf::tests::Growing;
    let memory = || Growing::new(512, 9_000);
    let mut a = End::dialling(Config::new(1));
    let hub = super::Native::listening(Config::new(2));
    let mut hub = crate::Messenger::new(hub, memory(), memory());
    let hello = a.messenger.poll_output();
    let (room, _) = hub.input_room().split_at_mut(hello.len());
    room.copy_from_slice(hello);
    hub.handle_input(hello.len());
    assert!(hub.has_event());
    hub.release_memory();
    assert_eq!(hub.input_room().len(), 512);
}

#[test]
fn an_acknowledgement_that_is_lost_with_its_transport_does_not_stay_queued() {
    for also_sends in [false, true] {
        let (mut a, mut b) = open();
        a.messenger.send(&Number(1)).unwrap();
        a.write(&mut b, usize::MAX);
        b.read(usize::MAX);
        assert_eq!(b.hear(), Some(Told::Number(1)));
        if also_sends {
            b.messenger.send(&Number(2)).unwrap();
        }
        // It is taken up to be written, and never is.
        assert!(!b.messenger.poll_output().is_empty());
        reconnect(&mut a, &mut b);
        let mut heard = Vec::new();
        for turn in 0..40 {
            let (here, there) = match turn % 2 {
                0 => (&mut a, &mut b),
                _ => (&mut b, &mut a),
            };
            // As pumps do it: what is not to be written says nothing of what was.
            if here.messenger.has_output() && !here.messenger.poll_output().is_empty() {
                here.write(there, usize::MAX);
            }
            there.read(usize::MAX);
            heard.extend(there.hear_all());
            if turn == 20 {
                b.messenger.dialect_mut().close(Reason::Done);
            }
        }
        assert_eq!(heard.contains(&Told::Number(2)), also_sends);
        assert!(heard.iter().any(|told| matches!(told, Told::Bye(_))));
        assert_eq!((a.messenger.queued(), b.messenger.queued()), (0, 0));
    }
}

/// What goes out on one transport and never again, such as an acknowledgement, is not waited for.
#[test]
fn what_an_older_transport_did_not_take_does_not_stay_queued() {
    for written in 0..10 {
        for is_behind_another in [false, true] {
            let (mut a, mut b) = open();
            b.messenger.send(&Number(1)).unwrap();
            b.write(&mut a, usize::MAX);
            a.read(usize::MAX);
            assert_eq!(a.hear(), Some(Told::Number(1)));
            if is_behind_another {
                a.messenger.send(&Number(2)).unwrap();
                a.write(&mut b, 3);
            }
            // The acknowledgement waits in the outbox.
            assert_eq!(a.messenger.poll_output().len(), 10);
            a.write(&mut b, written);
            b.read(usize::MAX);
            b.hear();
            reconnect(&mut a, &mut b);
            a.write(&mut b, usize::MAX);
            b.read(usize::MAX);
            b.hear_all();
            b.write(&mut a, usize::MAX);
            a.read(usize::MAX);
            a.hear_all();
            assert!(a.messenger.poll_output().is_empty());
            assert_eq!(
                a.messenger.queued(),
                0,
                "{written} bytes were written, behind another: {is_behind_another}"
            );
        }
    }
}

#[test]
fn a_ping_is_answered_once_for_whoever_asked() {
    let (mut a, mut b) = open();
    assert!(!a.messenger.dialect_mut().take_pong());
    assert!(a.messenger.dialect_mut().ping());
    assert!(!a.messenger.dialect_mut().ping(), "one at a time");
    settle(&mut a, &mut b);
    assert!(a.messenger.dialect_mut().take_pong());
    assert!(!a.messenger.dialect_mut().take_pong());
    assert!(!b.messenger.dialect_mut().take_pong(), "it asked nobody");
    assert!(a.messenger.dialect_mut().ping());
}

#[test]
fn a_ping_is_not_answered_on_another_transport() {
    let (mut a, mut b) = open();
    assert!(a.messenger.dialect_mut().ping());
    reconnect(&mut a, &mut b);
    assert!(!a.messenger.dialect_mut().ping(), "not open yet");
    settle(&mut a, &mut b);
    assert!(!a.messenger.dialect_mut().take_pong());
    assert!(a.messenger.dialect_mut().ping());
}

#[test]
fn an_answer_to_what_keeps_a_promise_is_none_to_a_ping() {
    let config = Config::new(1).silence(crate::time::Duration::from_millis(100));
    let (mut a, mut b) = (End::dialling(config), End::listening(Config::new(2)));
    settle(&mut a, &mut b);
    a.messenger.handle_time(crate::Instant::from_micros(60_000));
    a.write(&mut b, usize::MAX);
    assert!(
        !a.messenger.dialect_mut().ping(),
        "another waits for its answer"
    );
    settle(&mut a, &mut b);
    assert!(!a.messenger.dialect_mut().take_pong());
    assert!(a.messenger.dialect_mut().ping());
}
