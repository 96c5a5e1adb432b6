//! Boards and this machine on one wire.

use crate::host::{Host, ON_WIRE};
use crate::talk::{call_both_ways, say_numbers};
use crate::{LONG, files};
use ropeway_std::discovery::{Epoch, Event, Native, Settings};
use ropeway_tests::firmware::Board;
use ropeway_tests::firmware::with_wire;
use std::time::{Duration, Instant};

#[test]
fn two_boards_and_a_machine_on_one_wire_find_each_other() {
    with_wire(2, None, |wire| {
        let mut host = Host::new(ON_WIRE);
        let hub = Native::named("hub").port(host.address.port());
        let hub = hub.epoch(Epoch(host.config.epoch()));
        let mut discovery = Settings::native(hub).start().expect("a discovery");
        let mut found = Vec::new();
        let start = |name, ip| Board::start("trial", wire.plug(), &[name, ip]);
        let mut one = start("name=spirit", "ip=10.0.0.2/24");
        let mut other = start("name=opportunity", "ip=10.0.0.3/24");
        let end = Instant::now() + LONG;
        while found.len() < 2 {
            assert!(Instant::now() < end, "only {found:?} are heard");
            host.settle();
            if let Some(Event::Found(peer)) =
                discovery.poll(Duration::from_millis(10)).expect("it hears")
                && let Some(program) = peer.program()
            {
                found.push((peer.host.to_string(), program.name.to_string()));
            }
        }
        found.sort();
        let of = |host: &str, name: &str| (host.to_owned(), name.to_owned());
        assert_eq!(
            found,
            [of("10.0.0.2", "spirit"), of("10.0.0.3", "opportunity")]
        );
        one.until("hears opportunity");
        other.until("hears spirit");
        for name in ["spirit", "opportunity"] {
            let board = host.board(name);
            say_numbers(&mut host, board, 0..500);
            call_both_ways(&mut host, board, 50);
        }
    });
}

#[test]
fn a_wire_that_loses_one_frame_in_twenty_loses_no_message() {
    with_wire(1, Some(20), |wire| {
        let mut host = Host::new(ON_WIRE);
        let hub = format!("hub={}", host.address);
        let _board = Board::start(
            "trial",
            wire.plug(),
            &["name=spirit", "ip=10.0.0.2/24", &hub],
        );
        let spirit = host.board("spirit");
        say_numbers(&mut host, spirit, 0..2_000);
        call_both_ways(&mut host, spirit, 50);
        assert!(wire.lost() > 10, "{}", wire.lost());
    });
}

#[test]
fn a_wire_that_loses_one_frame_in_twenty_loses_nothing_of_a_file() {
    with_wire(1, Some(20), |wire| {
        let mut host = Host::of_sensors(ON_WIRE);
        let hub = format!("hub={}", host.address);
        let settings = ["name=attic", "ip=10.0.0.2/24", &hub];
        let _board = Board::start("sensor", wire.plug(), &settings);
        let attic = host.board("attic");
        for seed in 0..5 {
            files::give_and_take_back(&mut host, attic, seed);
        }
        assert!(wire.lost() > 10, "{}", wire.lost());
    });
}
