use super::rig::{End, Number, Told, reconnect, settle};
use super::{Config, Native, Notice, Opening};
use crate::dialect::native::{Adapt, Cause, Policy, Reason};
use crate::dialect::{Leave, Resumes};
use crate::message::Entry;
use crate::{Event, Messenger};
use std::string::ToString;

/// How far the places of cuts lie apart.
const STEP: usize = if cfg!(miri) { 73 } else { 1 };

const FIRST: Told = Told::Opened(Opening::Fresh {
    cause: Cause::FirstContact,
    in_doubt: 0,
});

fn ends() -> (End, End) {
    let board = End::dialling(Config::new(1).name("board"));
    (board, End::listening(Config::new(2).name("hub")))
}

#[test]
fn both_ends_learn_who_is_there_and_begin() {
    let (mut board, mut hub) = ends();
    let [board_told, hub_told] = settle(&mut board, &mut hub);
    assert_eq!(board_told, [Told::Met("hub".into()), FIRST]);
    assert_eq!(hub_told, [Told::Met("board".into()), FIRST]);
    let session = board.messenger.dialect().session();
    assert!(session.is_some() && session == hub.messenger.dialect().session());
}

#[test]
fn a_session_goes_on_over_the_next_transport() {
    let (mut board, mut hub) = ends();
    settle(&mut board, &mut hub);
    for number in 0..3 {
        board.messenger.send(&Number(number)).unwrap();
    }
    board.write(&mut hub, usize::MAX);
    reconnect(&mut board, &mut hub);
    board.messenger.send(&Number(3)).unwrap();
    let [board_told, hub_told] = settle(&mut board, &mut hub);
    assert_eq!(board_told[1], Told::Opened(Opening::Resumed));
    let numbers = (0..4).map(Told::Number);
    assert!(hub_told[2..].iter().cloned().eq(numbers), "{hub_told:?}");
    assert_eq!(board.messenger.queued(), 0);
}

#[test]
fn a_restarted_listener_is_told_from_one_that_forgot() {
    for (epoch, cause) in [(2, Cause::PeerForgot), (3, Cause::PeerRestarted)] {
        let (mut board, mut hub) = ends();
        settle(&mut board, &mut hub);
        for number in 0..2 {
            board.messenger.send(&Number(number)).unwrap();
        }
        board.write(&mut hub, usize::MAX);
        let hub = Native::listening(Config::new(epoch)).seed(5);
        let mut hub = End::new(hub, 1024, 1024);
        board.messenger.handle_connected();
        board.messenger.send(&Number(7)).unwrap();
        let [board_told, hub_told] = settle(&mut board, &mut hub);
        let opening = Opening::Fresh { cause, in_doubt: 2 };
        assert_eq!(board_told[1], Told::Opened(opening));
        assert_eq!(hub_told[2..], [Told::Number(7)]);
        assert_eq!(board.messenger.queued(), 0);
    }
}

/// What was taken in the older session counts for nothing in the fresh one, whichever side has it.
#[test]
fn a_fresh_session_starts_from_nothing_taken() {
    for is_restarted in [[true, false], [false, true]] {
        let (mut board, mut hub) = ends();
        settle(&mut board, &mut hub);
        for end in [&mut board, &mut hub] {
            end.messenger.send(&Number(1)).unwrap();
        }
        board.write(&mut hub, usize::MAX);
        hub.write(&mut board, usize::MAX);
        for end in [&mut board, &mut hub] {
            end.read(usize::MAX);
            end.hear_all();
        }
        if is_restarted[0] {
            board = End::dialling(Config::new(3).name("board"));
        }
        if is_restarted[1] {
            hub = End::listening(Config::new(4).name("hub"));
        }
        reconnect(&mut board, &mut hub);
        // Whoever asks is answered even before the session has begun.
        board.write(&mut hub, usize::MAX);
        hub.read(usize::MAX);
        hub.hear_all();
        hub.write(&mut board, usize::MAX);
        hub.wire.extend([2, 0xE3]);
        hub.read(usize::MAX);
        hub.write(&mut board, usize::MAX);
        board.messenger.send(&Number(5)).unwrap();
        hub.messenger.send(&Number(6)).unwrap();
        let [board_told, hub_told] = settle(&mut board, &mut hub);
        assert_eq!(board_told.last(), Some(&Told::Number(6)), "{board_told:?}");
        assert_eq!(hub_told.last(), Some(&Told::Number(5)), "{hub_told:?}");
    }
}

#[test]
fn messages_in_doubt_can_be_looked_at() {
    let mut board = End::dialling(Config::new(1).keep_in_doubt());
    let mut hub = End::listening(Config::new(2));
    settle(&mut board, &mut hub);
    for number in 5..7 {
        board.messenger.send(&Number(number)).unwrap();
    }
    board.write(&mut hub, usize::MAX);
    let mut hub = End::listening(Config::new(3));
    board.messenger.handle_connected();
    board.messenger.send(&Number(9)).unwrap();
    while !matches!(board.hear(), Some(Told::Opened(_))) {
        board.write(&mut hub, usize::MAX);
        hub.read(usize::MAX);
        hub.hear_all();
        hub.write(&mut board, usize::MAX);
        board.read(usize::MAX);
    }
    assert_eq!(board.messenger.poll_in_doubt(), Some(&[3, 0x10, 5][..]));
    assert_eq!(board.messenger.poll_in_doubt(), Some(&[3, 0x10, 6][..]));
    assert_eq!(board.messenger.poll_in_doubt(), None);
    let [_, hub_told] = settle(&mut board, &mut hub);
    assert_eq!(hub_told, [Told::Number(9)]);
}

/// Moves all bytes both ways, and one side takes nothing.
fn settle_deaf(board: &mut End, hub: &mut End) {
    loop {
        let moved = board.write(hub, usize::MAX) + hub.write(board, usize::MAX);
        if moved + board.read(usize::MAX) + hub.read(usize::MAX) + hub.hear_all().len() == 0 {
            return;
        }
        board.messenger.has_event();
    }
}

/// A program that does not look for a while misses no doubts, and a doubt is no message that can still come.
#[test]
fn doubts_are_told_however_late() {
    for keeps in [false, true] {
        let mut config = Config::new(1).name("board");
        if keeps {
            config = config.keep_in_doubt();
        }
        let mut board = End::dialling(config);
        let mut hub = End::listening(Config::new(2));
        settle(&mut board, &mut hub);
        for restarts in 1..=2 {
            board.messenger.send(&Number(restarts)).unwrap();
            board.write(&mut hub, usize::MAX);
            hub = End::listening(Config::new(2 + u64::from(restarts)));
            board.messenger.handle_connected();
            settle_deaf(&mut board, &mut hub);
        }
        // It goes on, which is no news beside that.
        reconnect(&mut board, &mut hub);
        settle_deaf(&mut board, &mut hub);
        board.messenger.send(&Number(7)).unwrap();
        board.write(&mut hub, usize::MAX);
        board.messenger.handle_connected();
        let told = board.hear();
        // What is kept to be looked at holds the rest back, which is then in no doubt.
        let in_doubt = if keeps { 1 } else { 2 };
        let opening = Opening::Fresh {
            cause: Cause::PeerRestarted,
            in_doubt,
        };
        assert_eq!(told, Some(Told::Opened(opening)), "keeps: {keeps}");
        let mut shown = 0;
        while let Some(frame) = board.messenger.poll_in_doubt() {
            shown += 1;
            assert_eq!(frame, [3, 0x10, shown]);
        }
        assert_eq!(shown, u8::from(keeps));
        reconnect(&mut board, &mut hub);
        let [_, hub_told] = settle(&mut board, &mut hub);
        assert_eq!(hub_told.last(), Some(&Told::Number(7)));
    }
}

#[test]
fn what_can_still_come_is_not_shown_as_a_doubt() {
    let mut board = End::dialling(Config::new(1).keep_in_doubt());
    let mut hub = End::listening(Config::new(2));
    board.messenger.send(&Number(7)).unwrap();
    settle_deaf(&mut board, &mut hub);
    board.messenger.send(&Number(8)).unwrap();
    board.write(&mut hub, usize::MAX);
    reconnect(&mut board, &mut hub);
    assert_eq!(board.hear_all(), [FIRST]);
    assert_eq!(board.messenger.poll_in_doubt(), None);
    let [_, hub_told] = settle(&mut board, &mut hub);
    assert_eq!(hub_told.last(), Some(&Told::Number(8)));
}

/// Whoever comes and goes before anything was said leaves the session as it was.
#[test]
fn a_half_finished_opening_never_corrupts_a_later_resume() {
    let (mut board, mut hub) = ends();
    settle(&mut board, &mut hub);
    board.messenger.send(&Number(1)).unwrap();
    hub.messenger.send(&Number(2)).unwrap();
    board.write(&mut hub, usize::MAX);
    hub.write(&mut board, usize::MAX);
    for stranger_bytes in (0..400).step_by(STEP) {
        let mut stranger = End::dialling(Config::new(9).name("stranger"));
        hub.wire.clear();
        hub.messenger.handle_connected();
        let mut left = stranger_bytes;
        for _ in 0..4 {
            left -= stranger.write(&mut hub, left);
            hub.read(usize::MAX);
            hub.hear_all();
            hub.write(&mut stranger, usize::MAX);
        }
    }
    reconnect(&mut board, &mut hub);
    let [board_told, hub_told] = settle(&mut board, &mut hub);
    assert_eq!(
        board_told[1..],
        [Told::Opened(Opening::Resumed), Told::Number(2)]
    );
    assert_eq!(
        hub_told[1..],
        [Told::Opened(Opening::Resumed), Told::Number(1)]
    );
}

/// Nor does whoever breaks a rule before a session of its own has begun.
#[test]
fn a_stranger_that_breaks_a_rule_ends_no_session_of_others() {
    let mut hello = End::dialling(Config::new(9).name("stranger"));
    let hello = hello.messenger.poll_output().to_vec();
    let with = |more: &[u8]| [&hello, more].concat();
    let mut old = hello.clone();
    old[2] = 0;
    let strangers = [
        b"GET / HTTP/1.1\r\n".to_vec(),
        std::vec![2, 0xE3],
        std::vec![0, 0xFF, 0xFF, 0xFF, 0xFF],
        old,
        with(&hello),
        with(&[2, 0xFF]),
        with(&[2, 0xE1]),
        with(&[10, 0xE5, 5, 0, 0, 0, 9, 0, 0, 0]),
        with(&[3, 0xE2, 0]),
    ];
    for stranger in strangers {
        let (mut board, mut hub) = ends();
        settle(&mut board, &mut hub);
        board.messenger.send(&Number(1)).unwrap();
        hub.messenger.send(&Number(2)).unwrap();
        hub.messenger.handle_connected();
        hub.wire.extend(&stranger);
        while hub.read(usize::MAX) + hub.hear_all().len() > 0 {}
        hub.messenger.poll_output();
        reconnect(&mut board, &mut hub);
        let [board_told, hub_told] = settle(&mut board, &mut hub);
        let resumed = Told::Opened(Opening::Resumed);
        assert_eq!(board_told[1..], [resumed.clone(), Told::Number(2)]);
        assert_eq!(hub_told[1..], [resumed, Told::Number(1)], "{stranger:x?}");
    }
}

/// The opening of a fresh session is cut at every byte, both ways, and tried again.
#[test]
fn an_opening_cut_anywhere_is_finished_by_the_next() {
    for cut in (0..300).step_by(STEP) {
        let (mut board, mut hub) = ends();
        settle(&mut board, &mut hub);
        let mut hub = End::listening(Config::new(3).name("hub"));
        hub.messenger.send(&Number(100)).unwrap();
        board.messenger.send(&Number(200)).unwrap();
        board.messenger.handle_connected();
        let mut left = cut;
        let (mut numbers, mut opened) = (std::vec![], 0);
        let mut note = |told: Told| match told {
            Told::Number(number) => numbers.push(number),
            Told::Opened(Opening::Fresh { in_doubt, .. }) => opened += in_doubt,
            _ => {}
        };
        while left > 0 {
            let mut moved = board.write(&mut hub, left);
            left -= moved;
            let written = hub.write(&mut board, left);
            left -= written;
            moved += written + board.read(usize::MAX) + hub.read(usize::MAX);
            hub.hear_all().into_iter().for_each(&mut note);
            board.hear_all().into_iter().for_each(&mut note);
            if moved == 0 {
                break;
            }
        }
        reconnect(&mut board, &mut hub);
        for told in settle(&mut board, &mut hub) {
            told.into_iter().for_each(&mut note);
        }
        numbers.sort_unstable();
        assert_eq!((numbers, opened), (std::vec![100, 200], 0), "cut at {cut}");
    }
}

#[test]
fn an_opening_in_the_long_form_is_none() {
    let (mut board, mut hub) = ends();
    let hello = board.messenger.poll_output();
    let [len, content @ ..] = hello else {
        panic!("no HELLO");
    };
    hub.wire.extend([0, len - 2, 0, 0, 0]);
    hub.wire.extend(content);
    hub.read(usize::MAX);
    assert!(
        matches!(&hub.hear_all()[..], [Told::Malformed(rule)] if rule.starts_with("not an opening"))
    );
}

#[test]
fn a_peer_of_several_versions_is_answered_in_the_one_in_common() {
    let (mut board, mut hub) = ends();
    board.write(&mut hub, usize::MAX);
    assert_eq!(hub.wire.range(2..4).collect::<std::vec::Vec<_>>(), [&1, &1]);
    hub.wire[2] = 2;
    hub.read(usize::MAX);
    hub.hear_all();
    assert_eq!(hub.messenger.poll_output()[1..4], [0xE1, 1, 0]);
    let [board_told, hub_told] = settle(&mut board, &mut hub);
    assert_eq!(board_told[1..], [FIRST]);
    assert_eq!(hub_told, [FIRST]);
}

#[test]
fn a_dialler_takes_no_answer_in_another_version() {
    let (mut board, mut hub) = ends();
    board.write(&mut hub, usize::MAX);
    hub.read(usize::MAX);
    hub.hear_all();
    hub.write(&mut board, usize::MAX);
    board.wire[2] = 2;
    let [told, _] = settle(&mut board, &mut hub);
    let rule = "versions 2 to 2, none of which is spoken here";
    assert_eq!(told, [Told::Malformed(rule.into())]);
}

#[test]
fn who_is_superseded_is_told_so_and_loses_nothing() {
    let (mut board, mut hub) = ends();
    settle(&mut board, &mut hub);
    hub.messenger.send(&Number(7)).unwrap();
    hub.messenger.dialect_mut().take_leave(Leave::Superseded);
    let bye = [3, 0xE2, 3];
    assert_eq!(hub.messenger.poll_output(), bye);
    hub.write(&mut board, usize::MAX);
    board.read(usize::MAX);
    let told = Told::Bye("a newer opening of this session won: ".into());
    assert_eq!(board.hear_all(), [told]);
    assert!(board.messenger.dialect().is_resumable());
    reconnect(&mut board, &mut hub);
    let [told, _] = settle(&mut board, &mut hub);
    assert_eq!(told[1..], [Told::Opened(Opening::Resumed), Told::Number(7)]);
}

#[test]
fn a_peer_of_another_version_is_refused_on_both_sides() {
    let (mut board, mut hub) = ends();
    board.write(&mut hub, usize::MAX);
    hub.wire[2] = 9;
    hub.wire[3] = 8;
    let [board_told, hub_told] = settle(&mut board, &mut hub);
    assert_eq!(
        hub_told,
        [Told::Malformed(
            "versions 8 to 9, none of which is spoken here".into()
        )]
    );
    assert_eq!(
        board_told,
        [Told::Bye(
            "no version in common: no version in common".into()
        )]
    );
}

/// The link is lost after WELCOME has come, and before it is confirmed.
fn lose_confirmation(board: &mut End, hub: &mut End) {
    board.write(hub, usize::MAX);
    hub.read(usize::MAX);
    hub.hear_all();
    hub.write(board, usize::MAX);
    board.read(usize::MAX);
    board.hear_all();
    reconnect(board, hub);
}

/// The confirmation of a first session is lost, and the dialler has nothing to say.
#[test]
fn a_listener_may_speak_after_a_lost_confirmation() {
    let (mut board, mut hub) = ends();
    hub.messenger.send(&Number(7)).unwrap();
    lose_confirmation(&mut board, &mut hub);
    let [board_told, hub_told] = settle(&mut board, &mut hub);
    assert_eq!(board_told.last(), Some(&Told::Number(7)));
    assert_eq!(hub_told.last(), Some(&FIRST));
    assert_eq!(hub.messenger.queued(), 0);
}

/// An opening that is refused is told once: it has met nobody.
#[test]
fn an_opening_that_counts_what_was_never_sent_is_refused() {
    let never = "acknowledgement of what was never sent";
    let (mut board, mut hub) = ends();
    board.write(&mut hub, usize::MAX);
    hub.read(usize::MAX);
    hub.messenger.poll_output();
    hub.write(&mut board, usize::MAX);
    // WELCOME to a fresh session that begins with 5 bytes taken.
    board.wire[1 + 19] = 5;
    board.read(usize::MAX);
    let told: std::vec::Vec<Told> = (0..9).map_while(|_| board.hear()).collect();
    assert_eq!(told, [Told::Malformed(never.into())]);

    // HELLO for a session that was offered, of which nothing was sent.
    let (mut board, mut hub) = ends();
    lose_confirmation(&mut board, &mut hub);
    board.write(&mut hub, usize::MAX);
    hub.wire[1 + 19] = 5;
    hub.read(usize::MAX);
    let told: std::vec::Vec<Told> = (0..9).map_while(|_| hub.hear()).collect();
    assert_eq!(told, [Told::Malformed(never.into())]);
}

#[test]
fn guesses_what_a_stranger_speaks() {
    let looks_like = |bytes: &[u8]| {
        let mut hub = End::listening(Config::new(2));
        hub.wire.extend(bytes);
        hub.read(usize::MAX);
        assert!(hub.messenger.has_event());
        match hub.hear() {
            Some(Told::Malformed(text)) => text,
            other => panic!("{other:?}"),
        }
    };
    for (bytes, name) in [
        (&b"\x02\x02"[..], "cable_car byte"),
        (b"[\"MsgJoin\", {}]\n", "cable_car JSON"),
        (b"\x00\x00\x00\x0c", "packetmq"),
        (b"\x00\x60{\"", "clever-show"),
        (b"\x80\x04K\xaa", "TCPTalks"),
        (b"\x01\x01", "the native protocol with encryption"),
        (b"GET / HTTP/1.1", "HTTP"),
    ] {
        assert_eq!(
            looks_like(bytes),
            std::format!("not an opening: this looks like {name}")
        );
    }
}

const fn row(name: &'static str, code: u16, schema: u64) -> Entry {
    Entry {
        name,
        code: Some(code),
        schema,
    }
}

#[test]
fn a_changed_schema_is_refused_by_name_on_both_sides() {
    const OURS: &[Entry] = &[row("Reading", 0x10, 1), row("Note", 0x11, 5)];
    const OTHERS: [(&[Entry], &str, &str); 3] = [
        (
            &[row("Note", 0x11, 6), row("Reading", 0x10, 1)],
            "message `Note` has another schema",
            "Note has another schema",
        ),
        (
            &[row("Note", 0x12, 5), row("Reading", 0x10, 1)],
            "message `Note` has another code",
            "Note has another code",
        ),
        (
            &[row("Reading", 0x10, 1)],
            "message 0x11 is not known to both sides",
            "Note is not known to both sides",
        ),
    ];
    for (theirs, rule, text) in OTHERS {
        let config = |epoch, entries| Config::new(epoch).registry(entries, Policy::Enforce);
        let mut board = End::dialling(config(1, OURS));
        let mut hub = End::listening(config(2, theirs));
        let [board_told, hub_told] = settle(&mut board, &mut hub);
        let told = std::format!("{board_told:?} {hub_told:?}");
        assert!(told.contains(rule), "{told}");
        let is_told = |told: &[Told]| {
            told.iter().any(|told| match told {
                // Who lacks a message does not know its name.
                Told::Malformed(said) => {
                    said == rule || said.ends_with("`Note` is not known to both sides")
                }
                Told::Bye(said) => said.ends_with(text),
                _ => false,
            })
        };
        assert!(is_told(&board_told) && is_told(&hub_told), "{told}");
        assert_eq!(board.messenger.dialect().session(), None);
    }
}

#[test]
fn who_enforces_refuses_a_peer_that_lacks_a_message_and_would_adapt() {
    const OURS: &[Entry] = &[row("Reading", 0x10, 1), row("Note", 0x11, 5)];
    const THEIRS: &[Entry] = &[row("Reading", 0x10, 1)];
    let mut board = End::dialling(Config::new(1).registry(THEIRS, Policy::Adapt));
    let mut hub = End::listening(Config::new(2).registry(OURS, Policy::Enforce));
    let [board_told, hub_told] = settle(&mut board, &mut hub);
    let text = "the registries differ: Note is not known to both sides";
    assert_eq!(board_told.last(), Some(&Told::Bye(text.into())));
    let rule = "message `Note` is not known to both sides";
    assert_eq!(hub_told.last(), Some(&Told::Malformed(rule.into())));
}

/// Whatever is looked at first, the refusal is told, and ends no session of others.
#[test]
fn a_stranger_whose_registry_differs_is_told_and_ends_no_session() {
    const OURS: &[Entry] = &[row("Number", 0x10, 1)];
    const OTHERS: [&[Entry]; 3] = [
        &[row("Stranger", 0x20, 1)],
        &[row("Number", 0x20, 1)],
        &[row("Number", 0x10, 2)],
    ];
    for theirs in OTHERS {
        let config = |epoch, entries| Config::new(epoch).registry(entries, Policy::Enforce);
        let mut board = End::dialling(config(1, OURS));
        let mut hub = End::listening(config(2, OURS));
        settle(&mut board, &mut hub);
        board.messenger.send(&Number(1)).unwrap();
        let mut stranger = End::dialling(config(3, theirs));
        hub.messenger.handle_connected();
        for _ in 0..3 {
            stranger.write(&mut hub, usize::MAX);
            hub.read(usize::MAX);
            hub.messenger.poll_output();
            hub.write(&mut stranger, usize::MAX);
            stranger.read(usize::MAX);
            stranger.messenger.poll_output();
        }
        let [_, told] = settle(&mut stranger, &mut hub);
        let is_told =
            |told: &Told| matches!(told, Told::Malformed(rule) if rule.contains("message"));
        assert!(told.iter().any(is_told), "{told:?}");
        reconnect(&mut board, &mut hub);
        let [_, told] = settle(&mut board, &mut hub);
        let resumed = Told::Opened(Opening::Resumed);
        assert_eq!(told[1..], [resumed, Told::Number(1)]);
    }
}

#[test]
fn equal_registries_are_not_named() {
    const OURS: &[Entry] = &[row("Reading", 0x10, 1), row("Note", 0x11, 5)];
    const THEIRS: &[Entry] = &[row("Note", 0x11, 5), row("Reading", 0x10, 1)];
    let mut board = End::dialling(Config::new(1).registry(OURS, Policy::Enforce));
    let mut hub = End::listening(Config::new(2).registry(THEIRS, Policy::Enforce));
    assert_eq!(settle(&mut board, &mut hub)[0][1], FIRST);
}

type Adapting = Messenger<Native<Config, Adapt>, [u8; 512]>;

fn adapting(entries: &'static [Entry]) -> Adapting {
    let config = Config::new(2).registry(entries, Policy::Adapt);
    let native = Native::listening(config).with_codes(Adapt::default());
    Messenger::new(native, [0; 512], [0; 512])
}

/// Sends messages of these codes, each with a 7, and says what the hub makes of them.
fn adapted(board: &mut End, hub: &mut Adapting, codes: [u8; 2]) -> std::string::String {
    for code in codes {
        let raw = crate::dialect::cable_car::Raw {
            code: crate::dialect::cable_car::Code(code),
            body: &[7],
        };
        board.messenger.send(&raw).unwrap();
    }
    let mut told = std::string::String::new();
    for _ in 0..12 {
        let bytes = board.messenger.poll_output().to_vec();
        hub.input_room()[..bytes.len()].copy_from_slice(&bytes);
        hub.handle_input(bytes.len());
        board.messenger.handle_written(bytes.len());
        let bytes = hub.poll_output().to_vec();
        board.wire.extend(&bytes);
        hub.handle_written(bytes.len());
        board.read(usize::MAX);
        board.hear_all();
        while let Some(event) = hub.recv::<super::rig::Words<'_>>() {
            match event {
                Event::Notice(Notice::Met(_) | Notice::Opened(_)) => {}
                Event::Message(message) => told += &std::format!("{message:?} "),
                Event::Unknown(unknown) => told += &unknown.key.to_string(),
                other => panic!("{other:?}"),
            }
        }
    }
    told
}

#[test]
fn a_link_that_adapts_maps_codes_by_name() {
    const THEIRS: &[Entry] = &[row("Number", 0x20, 0), row("Unheard", 0x10, 0)];
    const OURS: &[Entry] = &[row("Number", 0x10, 0)];
    let mut board = End::dialling(Config::new(1).registry(THEIRS, Policy::Adapt));
    let mut hub = adapting(OURS);
    let told = adapted(&mut board, &mut hub, [0x20, 0x10]);
    assert_eq!(told, "Number(Number(7)) 0x00");
}

#[test]
fn codes_of_an_earlier_peer_mean_nothing_to_the_next() {
    const THEIRS: &[Entry] = &[row("Number", 0x20, 0), row("Unheard", 0x10, 0)];
    const OURS: &[Entry] = &[row("Number", 0x10, 0)];
    let mut hub = adapting(OURS);
    for (epoch, entries, told) in [
        (1, THEIRS, "Number(Number(7)) 0x00"),
        (3, OURS, "0x20Number(Number(7)) "),
    ] {
        let mut board = End::dialling(Config::new(epoch).registry(entries, Policy::Adapt));
        hub.handle_connected();
        assert_eq!(adapted(&mut board, &mut hub, [0x20, 0x10]), told);
    }
}

#[test]
fn what_was_not_told_of_an_older_link_is_not_told_of_the_next() {
    let (mut board, mut hub) = ends();
    settle(&mut board, &mut hub);
    hub.messenger.handle_connected();
    let mut stranger = End::dialling(Config::new(9).name("stranger"));
    stranger.write(&mut hub, usize::MAX);
    // Nothing was sent that it could have taken.
    hub.wire.extend([10, 0xE5, 9, 0, 0, 0, 0, 0, 0, 0]);
    hub.read(usize::MAX);
    hub.messenger.poll_output();
    reconnect(&mut board, &mut hub);
    let [_, told] = settle(&mut board, &mut hub);
    let resumed = Told::Opened(Opening::Resumed);
    assert_eq!(told, [Told::Met("board".into()), resumed]);

    board.wire.extend([10, 0xE5, 9, 0, 0, 0, 0, 0, 0, 0]);
    board.read(usize::MAX);
    board.messenger.poll_output();
    reconnect(&mut board, &mut hub);
    let [told, _] = settle(&mut board, &mut hub);
    assert!(
        !told.iter().any(|told| matches!(told, Told::Broken(_))),
        "{told:?}"
    );
}

#[test]
fn a_farewell_comes_after_all_that_was_sent() {
    let (mut board, mut hub) = ends();
    settle(&mut board, &mut hub);
    board.messenger.send(&Number(1)).unwrap();
    board.messenger.dialect_mut().close(Reason::Done);
    let [_, hub_told] = settle(&mut board, &mut hub);
    assert_eq!(
        hub_told,
        [Told::Number(1), Told::Bye("the program is done: ".into())]
    );
    assert!(board.messenger.is_over().is_some() && hub.messenger.is_over().is_some());
    assert_eq!(hub.messenger.dialect().session(), None);
}

#[test]
fn a_farewell_before_the_opening_comes_after_all_that_was_sent() {
    const THEIRS: &[Entry] = &[row("Number", 0x10, 0), row("Note", 0x11, 0)];
    const OURS: &[Entry] = &[row("Number", 0x10, 0)];
    let config = |epoch, entries| Config::new(epoch).registry(entries, Policy::Adapt);
    for (theirs, had_session) in [(OURS, false), (THEIRS, false), (OURS, true)] {
        for turns in 0..4 {
            for closes in 0..2 {
                let mut hub = End::listening(config(1, OURS));
                if had_session {
                    settle(&mut End::dialling(config(2, OURS)), &mut hub);
                    hub.messenger.handle_connected();
                }
                let mut ends = [End::dialling(config(3, theirs)), hub];
                for end in &mut ends {
                    end.messenger.send(&Number(7)).unwrap();
                }
                for turn in 0..turns {
                    let [a, b] = &mut ends;
                    let (from, to) = if turn % 2 == 0 { (a, b) } else { (b, a) };
                    from.write(to, usize::MAX);
                    to.read(usize::MAX);
                    to.messenger.has_event();
                }
                // A listener whom nobody has called has nobody to take leave of.
                if (closes, turns) == (1, 0) {
                    continue;
                }
                let native = ends[closes].messenger.dialect_mut();
                native.close(Reason::Done);
                let [board, hub] = &mut ends;
                let told = settle(board, hub);
                let told = &told[1 - closes];
                let bye = Told::Bye("the program is done: ".into());
                assert!(
                    told.ends_with(&[Told::Number(7), bye]),
                    "{had_session}, {turns}, {closes}: {told:?}"
                );
            }
        }
    }
}

#[test]
fn who_aborts_before_the_opening_says_nothing() {
    let (mut board, mut hub) = ends();
    board.messenger.dialect_mut().abort(Reason::Done);
    assert_eq!(settle(&mut board, &mut hub), [[], []]);
    assert!(board.messenger.is_over().is_some());
}

fn at_the_door(seed: u64) -> End {
    let mut native = Native::listening(Config::new(2).name("hub"));
    assert!(native.enter_lobby(seed));
    End::new(native, 1024, 1024)
}

/// A peer has shown itself at the door, and waits.
fn knock(board: &mut End, door: &mut End) {
    board.write(door, usize::MAX);
    door.read(usize::MAX);
    assert!(door.messenger.has_event());
    assert!(
        door.messenger.poll_output().is_empty(),
        "answered too early"
    );
}

#[test]
fn a_session_moves_to_the_end_that_has_it() {
    let (mut board, mut hub) = (End::dialling(Config::new(1).name("board")), at_the_door(7));
    knock(&mut board, &mut hub);
    assert_eq!(hub.messenger.dialect().wanted(), Some([0, 0]));
    hub.messenger.dialect_mut().answer_wanted();
    settle(&mut board, &mut hub);
    let [session, 0] = hub.messenger.dialect().sessions() else {
        panic!("it has begun");
    };
    hub.messenger.send(&Number(1)).unwrap();
    board.messenger.handle_connected();
    let mut door = at_the_door(8);
    knock(&mut board, &mut door);
    assert_eq!(door.messenger.dialect().wanted(), Some([0, session]));
    hub.messenger.handle_connected();
    let waiting = door.messenger.dialect();
    hub.messenger.dialect_mut().take_over_from(waiting);
    let [told, _] = settle(&mut board, &mut hub);
    assert_eq!(told[1..], [Told::Opened(Opening::Resumed), Told::Number(1)]);
    assert!(hub.messenger.dialect().is_resumable());
}

#[test]
fn a_restarted_peer_is_known_by_its_name() {
    let (mut board, mut hub) = (End::dialling(Config::new(1).name("board")), at_the_door(7));
    knock(&mut board, &mut hub);
    hub.messenger.dialect_mut().answer_wanted();
    settle(&mut board, &mut hub);
    hub.messenger.handle_connected();
    for (epoch, name, is_it) in [(3, "board", true), (1, "board", false), (3, "bored", false)] {
        let (mut again, mut door) = (End::dialling(Config::new(epoch).name(name)), at_the_door(8));
        knock(&mut again, &mut door);
        let (known, waiting) = (hub.messenger.dialect(), door.messenger.dialect());
        assert_eq!(known.is_restart_at(waiting), is_it, "{epoch} {name}");
    }
}

#[test]
fn who_waits_is_told_that_there_is_no_room() {
    let (mut board, mut door) = (End::dialling(Config::new(1)), at_the_door(7));
    knock(&mut board, &mut door);
    door.messenger.dialect_mut().take_leave(Leave::NoRoom);
    let [told, _] = settle(&mut board, &mut door);
    assert_eq!(told, [Told::Bye("no room for another peer: ".into())]);
    assert!(board.messenger.dialect().is_resumable(), "it may try again");
    assert!(!door.messenger.dialect().is_resumable());
}

#[test]
fn who_is_done_does_not_come_again() {
    let (mut board, mut hub) = ends();
    settle(&mut board, &mut hub);
    hub.messenger.dialect_mut().take_leave(Leave::Done);
    settle(&mut board, &mut hub);
    let ends = [board, hub];
    assert!(
        ends.iter()
            .all(|end| !end.messenger.dialect().is_resumable())
    );
}

#[test]
fn what_was_taken_in_an_older_session_is_not_acknowledged_in_a_fresh_one() {
    let (mut board, mut hub) = ends();
    settle(&mut board, &mut hub);
    for end in [&mut board, &mut hub] {
        end.messenger.send(&Number(1)).unwrap();
    }
    settle(&mut board, &mut hub);
    let hub = Native::listening(Config::new(3));
    let mut hub = End::new(hub, 1024, 1024);
    board.messenger.handle_connected();
    let [board_told, hub_told] = settle(&mut board, &mut hub);
    let cause = Cause::PeerRestarted;
    let fresh = Opening::Fresh { cause, in_doubt: 0 };
    assert_eq!(board_told[1..], [Told::Opened(fresh)]);
    assert_eq!(hub_told[1..], [FIRST]);
}

#[test]
fn a_restarted_dialler_is_not_told_what_was_taken_before() {
    let (mut board, mut hub) = ends();
    settle(&mut board, &mut hub);
    board.messenger.send(&Number(1)).unwrap();
    board.write(&mut hub, usize::MAX);
    hub.read(usize::MAX);
    // Taken, and not acknowledged.
    assert_eq!(hub.hear(), Some(Told::Number(1)));
    let mut board = End::dialling(Config::new(3).name("board"));
    hub.messenger.handle_connected();
    let [board_told, hub_told] = settle(&mut board, &mut hub);
    let cause = Cause::PeerRestarted;
    assert_eq!(board_told[1..], [FIRST]);
    let fresh = Opening::Fresh { cause, in_doubt: 0 };
    assert_eq!(hub_told[1..], [Told::Opened(fresh)]);
}
