use super::*;
use crate::encoding::EncodeError;
use crate::{Event, Messenger, SendError, framing, messages};
use serde::{Deserialize, Serialize};
use std::string::{String, ToString};
use std::vec::Vec;
use std::{format, vec};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Echo<'a> {
    text: &'a str,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Print(u32);

messages! {
    enum Words<'a> for Packetmq {
        Echo(Echo<'a>) as "app:echo" = 17,
        Print(Print) as "app:print" = 300,
    }
}

type End = Messenger<Packetmq<Slots<4>>, [u8; 512]>;

fn end_of(policy: Policy, packets: &[(&'static str, u16)]) -> End {
    let mut registry = Packets::new(Slots::default());
    for (name, id) in packets {
        registry.add(*name, *id).unwrap();
    }
    Messenger::new(Packetmq::new(policy, registry), [0; 512], [0; 512])
}

/// Moves what one end has to say to the other, and tells what that makes of it.
fn pass(from: &mut End, to: &mut End) -> Vec<String> {
    let bytes = from.poll_output().to_vec();
    from.handle_written(bytes.len());
    feed(to, &bytes)
}

fn feed(to: &mut End, bytes: &[u8]) -> Vec<String> {
    to.input_room()[..bytes.len()].copy_from_slice(bytes);
    to.handle_input(bytes.len());
    let mut said = Vec::new();
    while let Some(event) = to.recv::<Words<'_>>() {
        said.push(match event {
            Event::Message(Words::Echo(echo)) => format!("{echo:?}"),
            Event::Message(Words::Print(print)) => format!("{print:?}"),
            Event::Notice(notice) => format!("{notice:?}"),
            Event::Unknown(unknown) => format!("unknown {}: {:x?}", unknown.key, unknown.body),
            Event::Malformed(malformed) => malformed.to_string(),
        });
    }
    said
}

/// Two ends that have opened, and what they were told.
fn opened(mut here: End, mut there: End) -> (End, End, [Vec<String>; 2]) {
    let mut said = [vec![], vec![]];
    while here.has_output() || there.has_output() {
        said[1].extend(pass(&mut here, &mut there));
        said[0].extend(pass(&mut there, &mut here));
    }
    (here, there, said)
}

fn sent(end: &mut End) -> Vec<u8> {
    let bytes = end.poll_output().to_vec();
    end.handle_written(bytes.len());
    bytes
}

const OURS: &[(&str, u16)] = &[("app:echo", 17), ("app:print", 300)];
const OTHERS: &[(&str, u16)] = &[("app:print", 17), ("app:echo", 40)];

#[test]
fn both_ends_are_told_of_each_step_and_adapt_to_the_static_one() {
    let steps = ["State(IdCheck)", "State(Active)", "Made"];
    for policies in [
        [Policy::Static, Policy::Adaptive],
        [Policy::Adaptive, Policy::Static],
    ] {
        let [here, there] = policies;
        // The names in another order, and an id that stands for another name before.
        let (mut here, mut there, said) = opened(end_of(here, OURS), end_of(there, OTHERS));
        assert_eq!(said, [steps, steps]);
        assert!(here.dialect().is_made() && there.dialect().is_made());
        here.send(&Echo { text: "a" }).unwrap();
        there.send(&Print(7)).unwrap();
        assert_eq!(pass(&mut here, &mut there), ["Echo { text: \"a\" }"]);
        assert_eq!(pass(&mut there, &mut here), ["Print(7)"]);

        let ids = if policies[0] == Policy::Static {
            OURS
        } else {
            OTHERS
        };
        for end in [&here, &there] {
            for (name, id) in ids {
                assert_eq!(end.dialect().packets().id_of(name), Some(*id));
                assert_eq!(end.dialect().packets().name_of(*id), Some(*name));
            }
        }
    }
}

#[test]
fn the_next_link_starts_with_the_ids_that_were_registered() {
    let (_, there, _) = opened(
        end_of(Policy::Static, OURS),
        end_of(Policy::Adaptive, OTHERS),
    );
    assert_eq!(there.dialect().packets().id_of("app:print"), Some(300));
    let next = Packetmq::new(Policy::Adaptive, there.dialect().packets().clone());
    assert_eq!(next.packets().id_of("app:print"), Some(17));
}

#[test]
fn equal_policies_are_refused_on_both_sides() {
    for policy in [Policy::Static, Policy::Adaptive] {
        let (here, there, said) = opened(end_of(policy, OURS), end_of(policy, OURS));
        let refusal = "Quit { by: Us, reason: Some(\"reason.sameadaptivepolicy\") }";
        // Whose verdict arrives first is heard by the other, who may not have come to one.
        for said in &said {
            let last = said.last().unwrap();
            assert!(
                last == refusal || *last == refusal.replace("Us", "Peer"),
                "{last}"
            );
        }
        for mut end in [here, there] {
            assert!(end.is_over().is_some() && !end.dialect().is_made());
        }
    }
}

#[test]
fn unequal_packets_are_refused_whichever_end_lacks_one() {
    for (ours, others) in [(OURS, &OTHERS[..1]), (&OURS[..1], OTHERS)] {
        let (_, mut there, said) = opened(
            end_of(Policy::Static, ours),
            end_of(Policy::Adaptive, others),
        );
        assert_eq!(
            said[1].last().unwrap(),
            "Quit { by: Us, reason: Some(\"reason.nonequalpackets\") }"
        );
        assert_eq!(
            said[0].last().unwrap(),
            "Quit { by: Peer, reason: Some(\"reason.nonequalpackets\") }"
        );
        assert_eq!(there.send(&Print(1)), Err(SendError::NotOpen));
    }
}

#[test]
fn another_version_is_refused() {
    let mut end = end_of(Policy::Static, OURS);
    let said = feed(&mut end, b"\0\0\0\x0c\0\0\x81\xa7version\x02");
    let refusal = "Quit { by: Us, reason: Some(\"reason.versionmismatch\") }";
    assert_eq!(said, [refusal]);
    assert!(sent(&mut end).ends_with(b"\0\x01\x81\xa6reason\xb6reason.versionmismatch"));
    assert!(!end.has_output());
}

#[test]
fn consent_that_is_not_due_makes_nothing_active() {
    let mut end = end_of(Policy::Static, OURS);
    let ignored = "Ignored { packet: Key { id: 3, name: Some(\"packetmq:handshake_finish\") }, state: ConnMade }";
    assert_eq!(feed(&mut end, b"\0\0\0\x03\0\x03\xc0"), [ignored]);
    assert_eq!(end.dialect().state(), State::ConnMade);
}

#[test]
fn early_sends_and_packets_leave_the_opening_as_it_is() {
    let mut end = end_of(Policy::Adaptive, OURS);
    assert_eq!(end.send(&Print(1)), Err(SendError::NotOpen));
    let said = feed(&mut end, b"\0\0\0\x03\0\x11\xc0\0\0\0\x03\0\x11\xc1");
    assert_eq!(
        said,
        [
            "Ignored { packet: Key { id: 17, name: Some(\"app:echo\") }, state: ConnMade }",
            "unexpected byte (byte 6 of the frame at byte 7 of the stream)",
        ]
    );
    let (mut here, _, said) = opened(end, end_of(Policy::Static, OURS));
    assert_eq!(said[0].last().unwrap(), "Made");
    here.send(&Print(1)).unwrap();
}

#[test]
fn packets_come_and_go_on_an_active_link() {
    let (mut here, mut there, _) =
        opened(end_of(Policy::Static, OURS), end_of(Policy::Adaptive, OURS));
    assert!(here.dialect_mut().packets_mut().remove("app:print"));
    assert_eq!(here.send(&Print(1)), Err(SendError::Unregistered));
    there.send(&Print(1)).unwrap();
    there.send(&Echo { text: "b" }).unwrap();
    assert_eq!(
        pass(&mut there, &mut here),
        ["unknown packet 300: [1]", "Echo { text: \"b\" }"]
    );
    here.dialect_mut()
        .packets_mut()
        .add("app:print", 300)
        .unwrap();
    here.send(&Print(2)).unwrap();
    assert_eq!(pass(&mut here, &mut there), ["Print(2)"]);
    let sent = here.send(&Named {
        name: "app:nobody",
        value: &1,
    });
    assert_eq!(sent, Err(SendError::Unregistered));
    let sent = here.send(&Named {
        name: "packetmq:softquit",
        value: &1,
    });
    assert_eq!(sent, Err(SendError::Unregistered));
}

#[test]
fn a_farewell_goes_out_behind_what_was_sent_and_ends_both() {
    let (mut here, mut there, _) =
        opened(end_of(Policy::Static, OURS), end_of(Policy::Adaptive, OURS));
    here.send(&Print(1)).unwrap();
    here.dialect_mut().quit("chat.bye").unwrap();
    assert_eq!(here.dialect_mut().quit("again"), Err(EncodeError::NotOpen));
    assert_eq!(here.send(&Print(2)), Err(SendError::NotOpen));
    assert_eq!(
        pass(&mut here, &mut there),
        ["Print(1)", "Quit { by: Peer, reason: Some(\"chat.bye\") }"]
    );
    assert!(there.is_over().is_some() && here.is_over().is_some());
    assert!(!there.has_output());
}

#[test]
fn a_farewell_needs_no_reason_and_no_opening() {
    for (payload, reason) in [
        (&b"\xc0"[..], "None"),
        (b"\x80", "None"),
        (b"\x91\x01", "None"),
        (b"\x81\xa6reason\x05", "None"),
        (b"\x81\xc4\x06reason\xc4\x03bye", "Some(\"bye\")"),
        (b"\x82\x05\x06\xa6reason\xa3bye", "Some(\"bye\")"),
        (b"\x81\xa6reason", "None"),
    ] {
        let mut end = end_of(Policy::Static, OURS);
        let length = u8::try_from(payload.len() + 2).unwrap();
        let frame = [&[0, 0, 0, length, 0, 1], payload].concat();
        let wanted = format!("Quit {{ by: Peer, reason: {reason} }}");
        assert_eq!(feed(&mut end, &frame), [wanted]);
        assert!(!end.has_output(), "nothing is said to one who has left");
    }
}

#[test]
fn a_reason_has_a_limit() {
    let mut end = end_of(Policy::Static, OURS);
    let long = "x".repeat(reason::MAX_LEN + 1);
    let limit = reason::MAX_LEN;
    let quit = end.dialect_mut().quit(&long);
    assert_eq!(quit, Err(EncodeError::TooLong { limit }));
    assert_eq!(end.dialect().state(), State::ConnMade);
    end.dialect_mut().quit(&long[1..]).unwrap();
    assert!(sent(&mut end).ends_with(&long.as_bytes()[1..]));
}

#[test]
fn broken_openings_are_named_and_end_with_a_farewell() {
    let init = b"\0\0\0\x0c\0\0\x81\xa7version\x01";
    for (payload, rule) in [
        (&b"\x91\x01"[..], "opening: not an object (byte 6"),
        (b"\x80", "opening: missing field (byte 6"),
        (b"\x81\xa5adapt\xc2", "opening: missing field (byte 6"),
        (b"\x81\xa5adapt\xa1x", "opening: not a boolean (byte 13"),
        (
            b"\x82\xa5adapt\xc2\xa5idmap\x90",
            "opening: not an object (byte 20",
        ),
        (
            b"\x82\xa5adapt\xc2\xa5idmap\x81\xa8app:echo\xa217",
            "opening: not an integer (byte 30",
        ),
        (
            b"\x82\xa5adapt\xc2\xa5idmap\x81\xa8app:echo\xc3",
            "opening: not an integer (byte 30",
        ),
        (
            b"\x82\xa5adapt\xc2\xa5idmap\x81\xa8app:echo\xce\0\x01\0\0",
            "opening: number out of range (byte 30",
        ),
        (
            b"\x82\xa5adapt\xc2\xa5idmap\x81\xa8app:echo\x0f",
            "opening: packet with the reserved id 15 (byte 30",
        ),
        (
            b"\x82\xa5adapt\xc2\xa5idmap\x82\xa8app:echo\x11\xa9app:print\x11",
            "opening: two packets with the id 17 (byte 41",
        ),
        (
            b"\x82\xa5adapt\xc2\xa5adapt\xc2",
            "field or key that occurs twice",
        ),
        (b"\x82\xa5adapt", "body ends inside the value"),
    ] {
        let mut end = end_of(Policy::Adaptive, OURS);
        feed(&mut end, init);
        let length = u8::try_from(payload.len() + 2).unwrap();
        let said = feed(&mut end, &[&[0, 0, 0, length, 0, 2], payload].concat());
        assert!(
            said.len() == 1 && said[0].starts_with(rule),
            "{rule}: {said:?}"
        );
        assert!(sent(&mut end).ends_with(b"reason.unknown"), "{rule}");
        assert!(end.is_over().is_some());
    }
}

#[test]
fn only_an_adaptive_end_takes_nil_for_static() {
    let init = b"\0\0\0\x0c\0\0\x81\xa7version\x01";
    let pubids = b"\0\0\0\x2c\0\x02\x82\xa5adapt\xc0\xa5idmap\x82\xa8app:echo\x11\xa9app:print\x12";
    let mut pubids = pubids.to_vec();
    pubids[3] = u8::try_from(pubids.len() - 4).unwrap();
    let mut end = end_of(Policy::Adaptive, OURS);
    feed(&mut end, init);
    assert_eq!(feed(&mut end, &pubids), ["State(Active)"]);
    let mut end = end_of(Policy::Static, OURS);
    feed(&mut end, init);
    assert!(feed(&mut end, &pubids)[0].starts_with("opening: not a boolean"));
}

#[test]
fn short_frames_and_frames_beyond_the_memory_leave_the_link_in_step() {
    let (mut here, _, _) = opened(end_of(Policy::Static, OURS), end_of(Policy::Adaptive, OURS));
    let said = feed(&mut here, b"\0\0\0\0\0\0\0\x01\0\0\0\0\x04\x01\x2c\xcd\0");
    assert_eq!(said.len(), 3, "{said:?}");
    assert!(said[0].starts_with("frame of 0 bytes, a packet id has 2"));
    assert!(said[1].starts_with("frame of 1 bytes, a packet id has 2"));
    assert!(said[2].starts_with("body ends inside the value"));
    assert_eq!(
        feed(&mut here, b"\0\0\x02\x00"),
        [format!(
            "frame of 516 bytes, the limit is 512 (byte 0 of the frame at byte {} of the stream)",
            said[0].rsplit(' ').nth(3).unwrap().parse::<u64>().unwrap() + 17
        )]
    );
    assert!(feed(&mut here, &[0; 512]).is_empty());
    assert_eq!(feed(&mut here, b"\0\0\0\x03\x01\x2c\x07"), ["Print(7)"]);
}

#[test]
fn lengths_beyond_the_limit_end_the_link_at_once() {
    for (limit, length) in [(LENGTH_LIMIT, 100_000_u32), (200, 201), (200, u32::MAX)] {
        let dialect = Packetmq::new(Policy::Static, Packets::new(Slots::<4>::default()));
        let mut end = Messenger::new(dialect.with_length_limit(limit), [0; 512], [0; 512]);
        let length = length.to_be_bytes();
        assert!(feed(&mut end, &length[..3]).is_empty());
        end.input_room()[0] = length[3];
        end.handle_input(1);
        let Some(Event::Malformed(malformed)) = end.recv::<Words<'_>>() else {
            panic!("not refused")
        };
        assert!(malformed.is_fatal());
        let len = u32::from_be_bytes(length);
        let rule = framing::Rule::TooLong { len, limit };
        assert_eq!(malformed.rule, crate::Rule::Framing(rule));
        assert!(end.recv::<Words<'_>>().is_none());
    }
}

#[test]
fn what_is_sent_has_the_same_limit() {
    let dialect = Packetmq::new(Policy::Static, Packets::new(Slots::<4>::default()));
    let mut dialect = dialect.with_length_limit(128);
    dialect.packets_mut().add("app:echo", 17).unwrap();
    let mut end: End = Messenger::new(dialect, [0; 512], [0; 512]);
    feed(&mut end, b"\0\0\0\x0c\0\0\x81\xa7version\x01");
    feed(&mut end, b"\0\0\0\x0a\0\x02\x81\xa5adapt\xc3");
    while !sent(&mut end).is_empty() {}
    let text = "x".repeat(128);
    let long = end.send(&Echo { text: &text });
    assert_eq!(long, Err(SendError::TooLong { limit: 126 }));
    // Two bytes of id, one of map, five of key, two of the text's head.
    let exact = &text[..128 - 10];
    end.send(&Echo { text: exact }).unwrap();
    assert_eq!(sent(&mut end).len(), 132);
    let long = end.send(&Echo {
        text: &text[..128 - 9],
    });
    assert_eq!(long, Err(SendError::TooLong { limit: 126 }));
}

#[test]
fn packets_of_a_python_2_peer_are_read_like_any() {
    let (mut here, _, _) = opened(end_of(Policy::Static, OURS), end_of(Policy::Adaptive, OURS));
    let frame = b"\0\0\0\x0d\0\x11\x81\xc4\x04text\xc4\x02hi";
    assert_eq!(feed(&mut here, frame), ["Echo { text: \"hi\" }"]);
}

#[test]
fn the_registry_refuses_what_the_protocol_cannot_say() {
    let mut packets = Packets::new(Slots::<2>::default());
    for id in [0, 3, 4, 15] {
        let refused = packets.add("app:a", id);
        assert_eq!(refused, Err(RegisterError::ReservedId { id }));
    }
    for name in BUILT_IN {
        assert_eq!(packets.add(name, 16), Err(RegisterError::NameTaken));
        assert!(!packets.remove(name));
    }
    packets.add("app:a", 16).unwrap();
    assert_eq!(packets.add("app:a", 17), Err(RegisterError::NameTaken));
    assert_eq!(
        packets.add("app:b", 16),
        Err(RegisterError::IdTaken { id: 16 })
    );
    packets.add("app:b", u16::MAX).unwrap();
    assert_eq!(packets.add("app:c", 18), Err(RegisterError::Full));
    assert!(packets.remove("app:a") && !packets.remove("app:a"));
    assert_eq!(packets.id_of("app:a"), None);
    assert_eq!(packets.name_of(16), None);
    packets.add("app:c", 16).unwrap();
    let names: Vec<&str> = packets.iter().map(Packet::name).collect();
    assert_eq!(names, ["app:b", "app:c"]);
    let unnumbered = crate::message::Entry {
        name: "app:x",
        code: None,
        schema: 0,
    };
    let refused = Packets::<Slots<2>>::of(&[unnumbered]).unwrap_err();
    assert_eq!(
        std::format!("{refused}"),
        "`app:x` has no id: write one in its row, like `= 17`"
    );
}

#[test]
fn an_opening_that_finds_no_room_is_said_once_there_is() {
    let packets = Packets::<Slots<4>>::of(Words::ENTRIES).unwrap();
    let mut end = Messenger::new(Packetmq::new(Policy::Static, packets), [0; 64], [0; 15]);
    assert!(end.poll_output().is_empty() && end.has_output());
    assert_eq!(
        end.send(&Print(1)),
        Err(SendError::TooLong { limit: 15 }),
        "the opening itself cannot be said"
    );
}
