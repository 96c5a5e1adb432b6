#![expect(
    clippy::cast_possible_truncation,
    reason = "small numbers, all of them"
)]

use super::*;
use crate::discovery::ConnectionId;
use crate::time::Duration;
use std::vec::Vec;

mod pair;

const HOST: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(10, 0, 0, 7));
const OTHER: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(10, 0, 0, 8));
const PORT: u16 = 8225;

type Here = Discovery<[Slot; 8]>;

fn at(millis: u64) -> Instant {
    Instant::from_micros(millis * 1000)
}

fn program(epoch: u64, port: u16) -> Program {
    Program {
        name: Name::new("rover"),
        port,
        epoch: Epoch(epoch),
        fingerprint: 5,
    }
}

/// Epoch 100, four programs a host, who has sent its first beacon.
fn here(dials: Dials) -> Here {
    let policy = Policy {
        per_host: 4,
        dials,
        ..Policy::default()
    };
    let mut here = Discovery::native([Slot::EMPTY; 8], policy, program(100, PORT), at(0));
    assert_eq!(here.poll(at(0)), Some(Action::Announce));
    here
}

fn hear(here: &mut Here, now: u64, host: IpAddr, program: Program) -> Hearing {
    let beacon = Beacon {
        is_answer: false,
        program,
    };
    let mut room = [0; Beacon::MAX_LEN];
    let datagram = beacon.emit(&mut room);
    here.handle_datagram(at(now), host, datagram).unwrap()
}

fn connection(id: u32, direction: Direction, since: u64) -> Connection {
    let (listens, dials) = ((HOST, PORT).into(), ([10, 0, 0, 1], 40_000).into());
    let (local, remote) = match direction {
        Direction::Dialled => (dials, listens),
        Direction::Accepted => (
            SocketAddr::from(([10, 0, 0, 1], PORT)),
            SocketAddr::new(HOST, 40_000),
        ),
    };
    Connection {
        id: ConnectionId(id),
        direction,
        local,
        remote,
        since: at(since),
    }
}

fn epochs(here: &Here) -> Vec<u64> {
    let mut epochs: Vec<u64> = here
        .peers()
        .filter_map(|peer| Some(peer.program()?.epoch.0))
        .collect();
    epochs.sort_unstable();
    epochs
}

#[test]
fn announces_itself_at_its_interval() {
    let mut here = here(Dials::Nobody);
    assert_eq!(here.announcement().program, program(100, PORT));
    assert_eq!(here.next_timeout(), at(1000));
    assert_eq!(here.poll(at(999)), None);
    assert_eq!(here.poll(at(1000)), Some(Action::Announce));
}

#[test]
fn lists_programs_and_hosts_in_one_table() {
    let mut here = here(Dials::Nobody);
    let News::Found(found) = hear(&mut here, 1, HOST, program(7, PORT)).news else {
        panic!();
    };
    assert_eq!(found.program(), Some(&program(7, PORT)));
    assert_eq!(found.address(), Some((HOST, PORT).into()));
    assert_eq!(found.heard, Some(at(1)));
    assert!(
        matches!(here.handle_host(at(2), HOST), News::Found(peer) if peer.speaks == Speaks::CableCar)
    );
    assert_eq!(here.handle_host(at(3), HOST), News::Known);
    assert_eq!(hear(&mut here, 3, HOST, program(7, PORT)).news, News::Known);
    assert_eq!(here.peers().count(), 2);
    // It does not speak cable_car, so it dials none of its hosts.
    assert_eq!(here.poll(at(3)), None);
}

#[test]
fn one_that_only_hears_wakes_when_a_peer_is_lost() {
    let mut hears: Here = Discovery::silent([Slot::EMPTY; 8], Policy::default());
    assert_eq!(hears.next_timeout(), Instant::from_micros(u64::MAX));
    assert_eq!(hear(&mut hears, 1, HOST, program(7, PORT)).answer, None);
    hears.handle_host(at(2), OTHER);
    assert_eq!(hears.poll(at(2)), None);
    assert_eq!(hears.next_timeout(), at(10_001));
    let lost = hears.poll_lost(at(10_001)).unwrap();
    assert_eq!(lost.host, HOST);
    assert_eq!(hears.next_timeout(), at(10_002));
    // Who does not ask who is lost is not woken for it for ever.
    assert_eq!(hears.poll(at(10_002)), None);
    assert_eq!(hears.peers().count(), 0);
}

#[test]
fn speaks_both_protocols_where_it_is_to() {
    let own = program(100, PORT);
    let both = Discovery::native([Slot::EMPTY; 8], Policy::default(), own, at(0));
    let mut both: Here = both.with_cable_car(at(0));
    assert_eq!(both.poll(at(0)), Some(Action::Beacon));
    assert_eq!(both.poll(at(0)), Some(Action::Announce));
    assert_eq!(both.poll(at(0)), None);
    hear(&mut both, 1, HOST, program(7, PORT));
    both.handle_beacon(at(1), HOST);
    assert_eq!(both.poll(at(1)), Some(Action::Dial(HOST)));
    assert_eq!(both.poll(at(1)), Some(Action::Call((HOST, PORT).into())));
    assert_eq!(both.poll(at(1)), None);
}

#[test]
fn a_silent_peer_is_lost_and_a_connected_one_is_not() {
    let mut here = here(Dials::Nobody);
    hear(&mut here, 1, HOST, program(7, PORT));
    here.handle_host(at(1), OTHER);
    let accepted = connection(1, Direction::Accepted, 2);
    assert_eq!(here.handle_opened(at(2), accepted, Epoch(7)), Outcome::New);
    assert_eq!(here.poll_lost(at(10_000)), None);
    assert_eq!(
        here.poll_lost(at(10_001)).map(|peer| peer.host),
        Some(OTHER)
    );
    assert_eq!(here.poll_lost(at(60_000)), None);
    here.handle_closed(ConnectionId(1));
    assert_eq!(here.poll_lost(at(60_000)).map(|peer| peer.host), Some(HOST));
    assert_eq!(here.poll_lost(at(60_000)), None);
    assert!(matches!(
        hear(&mut here, 60_001, HOST, program(7, PORT)).news,
        News::Found(_)
    ));
}

#[test]
fn answers_a_broadcast_beacon_and_never_an_answer() {
    let mut here = here(Dials::Nobody);
    let answer = Beacon {
        is_answer: true,
        program: program(100, PORT),
    };
    assert_eq!(
        hear(&mut here, 1, HOST, program(7, PORT)).answer,
        Some(answer)
    );
    let other = Beacon {
        is_answer: true,
        program: program(8, PORT),
    };
    let mut room = [0; Beacon::MAX_LEN];
    let heard = here.handle_datagram(at(2), OTHER, other.emit(&mut room));
    assert_eq!(heard.unwrap().answer, None);
    assert_eq!(here.peers().count(), 2);
}

#[test]
fn answers_each_run_of_a_program_every_three_seconds() {
    let mut here = here(Dials::Nobody);
    let answered =
        |here: &mut Here, now, epoch| hear(here, now, HOST, program(epoch, PORT)).answer.is_some();
    assert!(answered(&mut here, 1, 7));
    assert!(!answered(&mut here, 2, 7));
    assert!(!answered(&mut here, 3000, 7));
    assert!(answered(&mut here, 3001, 7));
    assert!(answered(&mut here, 3002, 8), "it has been started anew");
    assert!(!answered(&mut here, 3003, 8));
}

#[test]
fn answers_no_source_that_means_many_hosts() {
    let mut here = here(Dials::Nobody);
    for (epoch, source) in [[255; 4], [224, 0, 0, 1], [0; 4]].into_iter().enumerate() {
        let heard = hear(&mut here, 1, source.into(), program(epoch as u64, 1));
        assert_eq!(heard.answer, None);
    }
}

#[test]
fn passes_over_its_own_beacons() {
    let mut here = here(Dials::Everyone);
    let heard = hear(&mut here, 1, HOST, program(100, 9));
    assert_eq!((heard.news, heard.answer), (News::Own, None));
    assert_eq!(here.peers().count(), 0);
    assert_eq!(here.counts().heard, 0);
}

#[test]
fn a_new_epoch_at_the_same_port_is_the_program_started_anew() {
    let mut here = here(Dials::Nobody);
    hear(&mut here, 1, HOST, program(7, PORT));
    let News::Restarted(peer) = hear(&mut here, 2, HOST, program(3, PORT)).news else {
        panic!();
    };
    assert_eq!(peer.program().unwrap().epoch, Epoch(3));
    assert_eq!(epochs(&here), [3]);
    // Another port, another host, or no port to know it by: another program.
    for (host, other) in [
        (HOST, program(4, 9)),
        (OTHER, program(5, PORT)),
        (HOST, program(6, 0)),
        (HOST, program(8, 0)),
    ] {
        assert!(matches!(
            hear(&mut here, 3, host, other).news,
            News::Found(_)
        ));
    }
    assert_eq!(epochs(&here), [3, 4, 5, 6, 8]);
}

#[test]
fn a_restart_does_not_end_a_connection_nor_call_beside_it() {
    let mut here = here(Dials::Everyone);
    hear(&mut here, 1, HOST, program(7, PORT));
    assert_eq!(here.poll(at(1)), Some(Action::Call((HOST, PORT).into())));
    let ours = connection(1, Direction::Dialled, 2);
    assert_eq!(here.handle_opening(ours), Outcome::New);
    assert_eq!(here.handle_opened(at(3), ours, Epoch(7)), Outcome::New);
    assert!(matches!(
        hear(&mut here, 900, HOST, program(8, PORT)).news,
        News::Restarted(_)
    ));
    assert_eq!(here.poll(at(900)), None);
    // The new run calls, and its connection is the one that counts.
    let theirs = connection(2, Direction::Accepted, 901);
    assert_eq!(here.handle_opened(at(902), theirs, Epoch(8)), Outcome::New);
    here.handle_closed(ConnectionId(1));
    let connections = here.peers().filter_map(|peer| peer.connection);
    assert!(connections.eq([theirs]));
}

#[test]
fn a_new_run_that_called_before_its_beacon_has_one_entry() {
    let mut here = here(Dials::Nobody);
    hear(&mut here, 1, HOST, program(7, PORT));
    let theirs = connection(1, Direction::Accepted, 2);
    here.handle_opened(at(2), theirs, Epoch(8));
    assert_eq!(epochs(&here), [7, 8]);
    assert!(matches!(
        hear(&mut here, 3, HOST, program(8, PORT)).news,
        News::Restarted(_)
    ));
    assert_eq!(hear(&mut here, 4, HOST, program(8, PORT)).news, News::Known);
    assert_eq!(epochs(&here), [8]);
    assert_eq!(here.peers().next().unwrap().connection, Some(theirs));
}

#[test]
fn calls_everyone_those_asked_for_or_nobody() {
    let address = (HOST, PORT).into();
    for (dials, before, after) in [
        (Dials::Everyone, Some(Action::Call(address)), None),
        (Dials::Asked, None, Some(Action::Call(address))),
        (Dials::Nobody, None, None),
    ] {
        let mut here = here(dials);
        assert!(!here.want(at(1), address), "nobody was heard there");
        hear(&mut here, 1, HOST, program(7, PORT));
        hear(&mut here, 1, OTHER, program(8, 0));
        assert_eq!(here.poll(at(1)), before);
        assert_eq!(here.want(at(2), address), dials != Dials::Nobody);
        assert_eq!(here.poll(at(2)), after);
        assert_eq!(here.poll(at(2)), None);
    }
}

#[test]
fn calls_again_after_pauses_that_double() {
    let mut here = here(Dials::Everyone);
    let address = SocketAddr::from((HOST, PORT));
    let mut calls = Vec::new();
    // Miri is slow: it looks once a second.
    let step = if cfg!(miri) { 10 } else { 1 };
    for tenths in (0..700).step_by(step) {
        let now = tenths * 100;
        hear(&mut here, now, HOST, program(7, PORT));
        while let Some(action) = here.poll(at(now)) {
            if action == Action::Call(address) {
                calls.push(now / 1000);
                here.handle_call_failed(address);
            }
        }
    }
    assert_eq!(calls, [0, 2, 6, 14, 30, 62]);
}

#[test]
fn an_opening_that_is_refused_counts_as_a_failure() {
    let mut here = here(Dials::Everyone);
    hear(&mut here, 0, HOST, program(7, PORT));
    assert!(here.poll(at(0)).is_some());
    let ours = connection(1, Direction::Dialled, 1);
    here.handle_opening(ours);
    here.handle_closed(ConnectionId(1));
    hear(&mut here, 1500, HOST, program(7, PORT));
    assert_eq!(here.poll(at(1500)), Some(Action::Announce));
    assert_eq!(here.poll(at(1500)), None);
    hear(&mut here, 2000, HOST, program(7, PORT));
    assert!(matches!(here.poll(at(2000)), Some(Action::Call(_))));
}

#[test]
fn a_program_with_two_addresses_is_connected_once() {
    let mut here = here(Dials::Everyone);
    for host in [HOST, OTHER] {
        hear(&mut here, 1, host, program(7, PORT));
    }
    assert!(here.poll(at(1)).is_some());
    assert!(here.poll(at(1)).is_some());
    let first = connection(1, Direction::Dialled, 2);
    assert_eq!(here.handle_opening(first), Outcome::New);
    let second = Connection {
        id: ConnectionId(2),
        remote: (OTHER, PORT).into(),
        ..first
    };
    assert_eq!(here.handle_opening(second), Outcome::SupersededBy(first.id));
    hear(&mut here, 2500, OTHER, program(7, PORT));
    assert_eq!(here.poll(at(2500)), Some(Action::Announce));
    assert_eq!(here.poll(at(2500)), None);
}

#[test]
fn a_port_that_changes_while_it_is_called_leaves_no_call_behind() {
    let mut here = here(Dials::Everyone);
    hear(&mut here, 1, HOST, program(7, PORT));
    assert!(here.poll(at(1)).is_some());
    hear(&mut here, 2, HOST, program(7, 9));
    here.handle_call_failed((HOST, PORT).into());
    hear(&mut here, 5000, HOST, program(7, 9));
    assert_eq!(here.poll(at(5000)), Some(Action::Announce));
    assert_eq!(here.poll(at(5000)), Some(Action::Call((HOST, 9).into())));
}

#[test]
fn the_opening_dialled_by_the_smaller_epoch_stays() {
    for (theirs, outcome) in [
        (7, Outcome::Supersedes(ConnectionId(1))),
        (700, Outcome::SupersededBy(ConnectionId(1))),
    ] {
        let mut here = here(Dials::Everyone);
        hear(&mut here, 1, HOST, program(theirs, PORT));
        here.poll(at(1));
        let dialled = connection(1, Direction::Dialled, 2);
        assert_eq!(here.handle_opening(dialled), Outcome::New);
        let accepted = connection(2, Direction::Accepted, 2);
        assert_eq!(here.handle_opened(at(3), accepted, Epoch(theirs)), outcome);
        let stays = if theirs == 7 { accepted } else { dialled };
        let connections = here.peers().filter_map(|peer| peer.connection);
        assert!(connections.eq([stays]));
    }
}

#[test]
fn an_open_connection_is_never_superseded() {
    for theirs in [7, 700] {
        let mut here = here(Dials::Everyone);
        hear(&mut here, 1, HOST, program(theirs, PORT));
        here.poll(at(1));
        let dialled = connection(1, Direction::Dialled, 2);
        here.handle_opening(dialled);
        here.handle_opened(at(4), dialled, Epoch(theirs));
        // Another one comes once it is open: the peer has lost the first.
        let later = connection(2, Direction::Accepted, 5);
        assert_eq!(
            here.handle_opened(at(6), later, Epoch(theirs)),
            Outcome::New
        );
    }
}

#[test]
fn what_came_while_the_other_was_opening_still_gives_way() {
    let mut here = here(Dials::Everyone);
    hear(&mut here, 1, HOST, program(700, PORT));
    here.poll(at(1));
    let dialled = connection(1, Direction::Dialled, 2);
    here.handle_opening(dialled);
    let accepted = connection(2, Direction::Accepted, 3);
    here.handle_opened(at(4), dialled, Epoch(700));
    let outcome = here.handle_opened(at(5), accepted, Epoch(700));
    assert_eq!(outcome, Outcome::SupersededBy(dialled.id));
}

#[test]
fn a_call_that_nobody_has_heard_of_gives_way_to_one_that_came() {
    for theirs in [7, 700] {
        let mut here = here(Dials::Everyone);
        hear(&mut here, 1, HOST, program(theirs, PORT));
        assert!(here.poll(at(1)).is_some());
        let accepted = connection(2, Direction::Accepted, 2);
        assert_eq!(
            here.handle_opened(at(3), accepted, Epoch(theirs)),
            Outcome::New
        );
        let dialled = connection(1, Direction::Dialled, 4);
        assert_eq!(
            here.handle_opening(dialled),
            Outcome::SupersededBy(accepted.id)
        );
    }
}

#[test]
fn a_connection_with_itself_is_told() {
    let mut here = here(Dials::Everyone);
    let own = connection(1, Direction::Accepted, 1);
    let outcome = here.handle_opened(at(1), own, Epoch(100));
    assert_eq!(outcome, Outcome::Own(ConnectionId(1)));
    assert_eq!(here.peers().count(), 0);
}

#[test]
fn counts_refusals_by_rule() {
    let mut here = here(Dials::Nobody);
    let refused =
        |here: &mut Here, datagram: &[u8]| here.handle_datagram(at(1), HOST, datagram).unwrap_err();
    assert_eq!(refused(&mut here, b""), Refused::Short { len: 0 });
    assert_eq!(refused(&mut here, b"abc"), Refused::Short { len: 3 });
    assert_eq!(
        refused(&mut here, b"BROADCAST"),
        Refused::Code { code: b'R' }
    );
    assert_eq!(here.counts().refused(Refused::Short { len: 0 }), 2);
    assert_eq!(here.counts().refused(Refused::Utf8), 0);
    assert_eq!(here.counts().all_refused(), 3);
    assert_eq!(here.counts().heard, 0);
    assert_eq!(here.peers().count(), 0);
}

#[test]
#[cfg_attr(miri, ignore = "Miri takes minutes for so many slots")]
fn thousands_of_names_from_one_host_take_its_own_share_only() {
    let mut here = here(Dials::Everyone);
    hear(&mut here, 1, OTHER, program(7, PORT));
    here.handle_host(at(1), OTHER);
    let (mut answers, mut calls, mut news) = (0, 0, 0);
    for n in 0..10_000_u64 {
        let now = 2 + n / 2;
        let flood = Program {
            name: Name::new(&std::format!("name {n}")),
            ..program(1000 + n, (n % 60_000 + 1) as u16)
        };
        if now % 1000 == 0 {
            hear(&mut here, now, OTHER, program(7, PORT));
            here.handle_host(at(now), OTHER);
        }
        let heard = hear(&mut here, now, HOST, flood);
        answers += u32::from(heard.answer.is_some());
        news += u32::from(heard.news != News::TableFull);
        while let Some(action) = here.poll(at(now)) {
            calls += u32::from(matches!(action, Action::Call(_)));
            if let Action::Call(address) = action {
                here.handle_call_failed(address);
            }
        }
        while let Some(lost) = here.poll_lost(at(now)) {
            assert_eq!(lost.host, HOST);
        }
        let of_host = here.peers().filter(|peer| peer.host == HOST).count();
        assert!(of_host <= 4);
        assert_eq!(here.peers().count() - of_host, 2);
    }
    // In five seconds: four entries at once, and four more every two seconds.
    assert_eq!(news, 12);
    assert!(answers <= 12, "{answers}");
    assert!(calls <= 16, "{calls}");
    assert_eq!(here.counts().turned_away, 10_000 - 12);
}

#[test]
#[cfg_attr(miri, ignore = "Miri takes minutes for so many slots")]
fn thousands_of_hosts_are_answered_and_called_no_faster_than_the_limits() {
    let mut here: Discovery<Vec<Slot>> = Discovery::native(
        std::vec![Slot::EMPTY; 5000],
        Policy::default(),
        program(100, PORT),
        at(0),
    );
    here.poll(at(0));
    let (mut answers, mut calls) = (0, 0);
    for n in 0..4000_u64 {
        let now = at(n / 4);
        let host = IpAddr::from([10, 1, (n >> 8) as u8, n as u8]);
        let beacon = Beacon {
            is_answer: false,
            program: program(1000 + n, 9),
        };
        let heard = here.handle_datagram(now, host, beacon.emit(&mut [0; Beacon::MAX_LEN]));
        answers += u32::from(heard.unwrap().answer.is_some());
        while let Some(action) = here.poll(now) {
            calls += u32::from(matches!(action, Action::Call(_)));
        }
    }
    assert!(
        (16..=2 * ANSWERS_PER_SECOND).contains(&answers),
        "{answers}"
    );
    assert!((16..=2 * CALLS_PER_SECOND).contains(&calls), "{calls}");
    assert_eq!(here.counts().answered + here.counts().unanswered, 4000);
    assert!(
        here.next_timeout() < at(1000 + 100),
        "there are calls to make"
    );
}

#[test]
fn entries_heard_longest_ago_give_way_and_connected_ones_never() {
    let mut here = here(Dials::Nobody);
    for n in 0..8_u8 {
        let host = IpAddr::from([10, 0, 1, n]);
        hear(&mut here, u64::from(n) + 1, host, program(n.into(), PORT));
    }
    let connected = Connection {
        remote: ([10, 0, 1, 0], 40_000).into(),
        ..connection(1, Direction::Accepted, 9)
    };
    here.handle_opened(at(9), connected, Epoch(0));
    // As long as all are heard, a newcomer is turned away, so that entries do not come and go.
    assert_eq!(
        hear(&mut here, 2000, HOST, program(50, PORT)).news,
        News::TableFull
    );
    assert_eq!(here.counts().turned_away, 1);
    for (newcomer, gives_way) in [(50, 1), (51, 2), (52, 3)] {
        let heard = hear(&mut here, 2004, HOST, program(newcomer, newcomer as u16));
        assert!(matches!(heard.news, News::Found(_)));
        let lost = here.poll_lost(at(2004)).unwrap();
        assert_eq!(lost.program().unwrap().epoch, Epoch(gives_way));
        assert_eq!(here.poll_lost(at(2004)), None);
    }
    // The next one has not been silent for two intervals.
    assert_eq!(
        hear(&mut here, 2004, HOST, program(53, 53)).news,
        News::TableFull
    );
    assert_eq!(epochs(&here), [0, 4, 5, 6, 7, 50, 51, 52]);
}

#[test]
fn one_host_cannot_take_every_slot_by_connections() {
    let mut here = here(Dials::Nobody);
    for n in 0..6 {
        let accepted = connection(n, Direction::Accepted, 1);
        let outcome = here.handle_opened(at(1), accepted, Epoch(n.into()));
        let is_room = if n < 4 {
            Outcome::New
        } else {
            Outcome::TableFull
        };
        assert_eq!(outcome, is_room);
    }
    assert!(matches!(
        hear(&mut here, 2, OTHER, program(50, PORT)).news,
        News::Found(_)
    ));
    assert_eq!(
        hear(&mut here, 2, HOST, program(51, PORT)).news,
        News::TableFull
    );
}

#[test]
fn a_longer_interval_keeps_entries_longer() {
    let policy = Policy {
        interval: Duration::MAX,
        ..Policy::default()
    };
    let mut here = Discovery::native([Slot::EMPTY; 1], policy, program(100, 0), at(0));
    here.poll(at(0));
    let mut room = [0; Beacon::MAX_LEN];
    let beacon = |epoch| Beacon {
        is_answer: false,
        program: program(epoch, 1),
    };
    let first = here.handle_datagram(at(1), HOST, beacon(1).emit(&mut room));
    assert!(matches!(first.unwrap().news, News::Found(_)));
    let second = here.handle_datagram(at(1 << 40), OTHER, beacon(2).emit(&mut room));
    assert_eq!(second.unwrap().news, News::TableFull);
}
