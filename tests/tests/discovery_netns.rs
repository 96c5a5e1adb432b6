//! Programs on hosts of their own that find each other by broadcast: Ropeway and the original, and Ropeway alone.
//!
//! Each test has a network of its own. They need root, iproute2 and a Python that has cable_car, and say what to
//! type when one of them is missing.

mod netns;

use netns::{
    Network, Program, check_nothing_lost, check_numbers, connections, find_built, hear_more, id,
    is_same, lose_all, settle,
};
use serde_json::Value;

#[test]
fn finds_an_original_that_was_there_first() {
    for transport in ["--transport byte", "--transport json"] {
        let network = Network::new(2);
        let mut original = Program::original(&network, 2, transport);
        original.until_listening();
        let mut ours = Program::ours(&network, 1, transport);
        meet(&mut ours, &mut original);
        part(&mut ours, &mut original);
    }
}

#[test]
fn is_found_by_an_original_that_comes_later() {
    for transport in ["--transport byte", "--transport json"] {
        let network = Network::new(2);
        let mut ours = Program::ours(&network, 1, transport);
        ours.until_event("started");
        let mut original = Program::original(&network, 2, transport);
        meet(&mut ours, &mut original);
        part(&mut ours, &mut original);
    }
}

#[test]
fn keeps_one_of_two_connections_when_an_original_dials_at_once() {
    // The one dialled from the smaller address stays, so Ropeway is on either side.
    for (us, them, kept) in [(1, 2, "dialled"), (2, 1, "accepted")].repeat(2) {
        let network = Network::new(2);
        network.hold_calls();
        let mut original = Program::original(&network, them, "--transport json");
        let mut ours = Program::ours(&network, us, "--transport json");
        original.until_dialling();
        ours.until_dialling();
        network.let_calls_through();
        let superseded = ours.until_event("superseded");
        let stays = meet(&mut ours, &mut original);
        assert_eq!(stays["direction"], kept);
        // The original cannot know, and goes on talking on both.
        hear_more(&mut ours, id(&superseded));
        assert_eq!(connections(original.lines()).len(), 2);
        part(&mut ours, &mut original);
    }
}

#[test]
fn finds_an_original_again_that_was_started_anew() {
    let network = Network::new(2);
    let mut ours = Program::ours(&network, 1, "--transport json");
    for _ in 0..3 {
        let mut original = Program::original(&network, 2, "--transport json");
        meet(&mut ours, &mut original);
        part_from(&mut original);
        lose_all(&mut ours);
    }
    part_from(&mut ours);
}

#[test]
fn finds_an_original_again_that_never_forgets() {
    let network = Network::new(2);
    let mut original = Program::original(&network, 2, "--transport json");
    for start in [0, 100, 200] {
        let options = format!("--transport json --numbers-from {}", start * 10_000);
        let mut ours = Program::ours(&network, 1, &options);
        let [connection] = settle(&mut ours, 1).try_into().unwrap();
        hear_more(&mut original, start + id(&connection));
        part_from(&mut ours);
    }
    part_from(&mut original);
}

#[test]
fn two_that_dial_each_other_at_once_keep_the_same_connection() {
    let network = Network::new(2);
    for _ in 0..20 {
        network.hold_calls();
        let mut pair = [1, 2].map(|host| Program::ours(&network, host, "--transport byte"));
        pair.iter_mut().for_each(Program::until_dialling);
        network.let_calls_through();
        for program in &mut pair {
            program.until_event("superseded");
        }
        let [mut small, mut large] = pair;
        let stays = share_one_connection(&mut small, &mut large);
        assert_eq!(stays["direction"], "dialled", "from the smaller address");
        for program in [&mut small, &mut large] {
            assert_eq!(connections(program.lines()).len(), 2);
            program.until_event("lost");
        }
        part_from_each_other(&mut small, &mut large);
    }
}

#[test]
fn two_that_start_at_once_share_one_connection() {
    let network = Network::new(2);
    for _ in 0..20 {
        let [mut small, mut large] =
            [1, 2].map(|host| Program::ours(&network, host, "--transport json"));
        share_one_connection(&mut small, &mut large);
        part_from_each_other(&mut small, &mut large);
    }
}

#[test]
fn finds_one_of_its_own_again_that_was_killed_and_started_anew() {
    for (host_that_stays, host_of_killed) in [(1, 2), (2, 1)] {
        let network = Network::new(2);
        let mut stays = Program::ours(&network, host_that_stays, "");
        for _ in 0..5 {
            // So soon that its calls may come before the one that stays knows of the end of the last one.
            let mut killed = Program::ours(&network, host_of_killed, "");
            killed.until_event("connected");
            drop(killed);
        }
        let mut last = Program::ours(&network, host_of_killed, "");
        share_one_connection(&mut stays, &mut last);
        part_from_each_other(&mut stays, &mut last);
    }
}

#[test]
fn goes_on_when_the_network_comes_back() {
    let network = Network::new(2);
    let mut stays = Program::ours(&network, 1, "");
    let mut leaves = Program::ours(&network, 2, "");
    share_one_connection(&mut stays, &mut leaves);
    network.unplug(1);
    stays.until_event("beacon failed");
    leaves.stop();
    let mut comes = Program::ours(&network, 2, "");
    network.plug_in(1);
    share_one_connection(&mut stays, &mut comes);
    part_from_each_other(&mut stays, &mut comes);
}

#[test]
fn three_hosts_are_all_connected() {
    let network = Network::new(3);
    let mut original = Program::original(&network, 3, "--transport byte");
    let mut first = Program::ours(&network, 1, "--transport byte");
    let mut second = Program::ours(&network, 2, "--transport byte --numbers-from 1000000");
    for (program, start) in [(&mut first, 0), (&mut second, 100)] {
        let table = settle(program, 2);
        let to_original = table
            .iter()
            .find(|one| host_of(&one["remote"]) == "10.77.0.3");
        hear_more(&mut original, start + id(to_original.unwrap()));
    }
    let (of_first, of_second) = (first.table(), second.table());
    let shared = of_first
        .iter()
        .find(|one| host_of(&one["remote"]) == "10.77.0.2");
    assert!(of_second.iter().any(|one| is_same(shared.unwrap(), one)));
    part_from(&mut original);
    part_from_each_other(&mut first, &mut second);
}

#[test]
fn two_programs_of_one_host_are_both_peers() {
    for (host_of_two, host_of_one) in [(1, 2), (2, 1)] {
        let network = Network::new(2);
        let mut copies = [0, 0].map(|_| {
            let mut copy = Program::ours(&network, host_of_two, "--transport json");
            let started = copy.until_event("started");
            (copy, started["listening"] == true)
        });
        assert_eq!(copies.each_ref().map(|copy| copy.1), [true, false]);
        let mut lone = Program::ours(&network, host_of_one, "--transport json");
        let table = settle(&mut lone, 2);
        for (copy, _) in &mut copies {
            let [connection] = settle(copy, 1).try_into().unwrap();
            assert!(table.iter().any(|one| is_same(&connection, one)));
        }
        for (copy, _) in &mut copies {
            part_from(copy);
        }
        lose_all(&mut lone);
        part_from(&mut lone);
        copies
            .iter()
            .for_each(|copy| check_nothing_lost(&lone, &copy.0));
    }
}

#[test]
fn two_programs_of_one_host_find_each_other_and_an_original() {
    let network = Network::new(2);
    let mut original = Program::original(&network, 2, "--transport json");
    let mut listening = Program::ours(&network, 1, "--transport json --loopback");
    listening.until_event("started");
    let options = "--transport json --loopback --numbers-from 1000000";
    let mut calling = Program::ours(&network, 1, options);
    for (program, start) in [(&mut listening, 0), (&mut calling, 100)] {
        let table = settle(program, 2);
        let to_original = table
            .iter()
            .find(|one| host_of(&one["remote"]) == "10.77.0.2");
        hear_more(&mut original, start + id(to_original.unwrap()));
    }
    part_from(&mut original);
    part_from_each_other(&mut listening, &mut calling);
}

#[test]
fn trades_figures_with_the_originals_monitor() {
    let network = Network::new(2);
    let mut monitor = Program::monitor(&network, 2, "--host original --interval 0.5");
    let mut command = network.command(1, &cpu_mon());
    command.arg("--json");
    let mut ours = Program::start("cpu_mon", command, "");
    let stats = monitor.until("the figures of Ropeway's", |lines| lines.first().cloned());
    assert_ne!(stats["host"], "original");
    check_stats(&stats);
    let stats = ours.until("the figures of the original", |lines| {
        let mut stats = lines.iter().map(|line| &line["stats"]);
        stats.find(|stats| stats["host"] == "original").cloned()
    });
    check_stats(&stats);
}

#[test]
fn the_monitor_says_whether_anyone_is_there() {
    let network = Network::new(2);
    let once = |seconds: &str| {
        let mut command = network.command(1, &cpu_mon());
        command.args(["--once", "--timeout", seconds]);
        Program::start("cpu_mon", command, "").end().code()
    };
    assert_eq!(once("2"), Some(1));
    let _monitor = Program::monitor(&network, 2, "--interval 0.5");
    assert_eq!(once("20"), Some(0));
}

#[test]
fn native_programs_find_each_other_and_who_speaks_cable_car() {
    let network = Network::new(3);
    let _cable_car = Program::ours(&network, 3, "");
    let line_to_type = "cargo build -p ropeway-examples --bin who_is_there";
    let path = find_built("ROPEWAY_WHO_IS_THERE", "who_is_there", line_to_type);
    let start = |host: usize, name: &str| {
        let command = network.command(host, path.to_str().unwrap());
        Program::start("who_is_there", command, &format!("--name {name}"))
    };
    let says = |program: &mut Program, line: &str| {
        program.until(line, |lines| {
            lines.iter().find(|said| *said == line).cloned()
        });
    };
    let mut pilot = start(1, "pilot");
    let mut rover = start(2, "rover");
    says(&mut pilot, "found \"rover\" on 10.77.0.2");
    says(&mut rover, "found \"pilot\" on 10.77.0.1");
    for program in [&mut pilot, &mut rover] {
        says(program, "found a host that speaks cable_car, 10.77.0.3");
    }
    network.unplug(2);
    says(&mut pilot, "lost \"rover\" on 10.77.0.2");
    network.plug_in(2);
    let again = |lines: &[Value]| {
        let found = lines
            .iter()
            .filter(|said| *said == "found \"rover\" on 10.77.0.2");
        (found.count() == 2).then_some(())
    };
    pilot.until("the rover again", again);
}

/// Waits until Ropeway's peer and the original have one connection that lasts and both are heard on it.
#[track_caller]
fn meet(ours: &mut Program, original: &mut Program) -> Value {
    let [connection] = settle(ours, 1).try_into().unwrap();
    hear_more(original, id(&connection));
    connection
}

/// Waits until two of Ropeway's peers have one connection that lasts, the same in both tables.
#[track_caller]
fn share_one_connection(one: &mut Program, other: &mut Program) -> Value {
    let [here] = settle(one, 1).try_into().unwrap();
    let [there] = settle(other, 1).try_into().unwrap();
    assert!(is_same(&here, &there), "{here} {there}");
    here
}

#[track_caller]
fn part(ours: &mut Program, original: &mut Program) {
    part_from(original);
    lose_all(ours);
    part_from(ours);
}

#[track_caller]
fn part_from_each_other(one: &mut Program, other: &mut Program) {
    part_from(one);
    lose_all(other);
    part_from(other);
    check_nothing_lost(one, other);
}

#[track_caller]
fn part_from(program: &mut Program) {
    assert!(program.stop().success());
    check_numbers(program);
}

fn host_of(address: &Value) -> &str {
    address
        .as_str()
        .and_then(|address| address.split(':').next())
        .unwrap()
}

#[track_caller]
fn check_stats(stats: &Value) {
    let numbers = [
        "cpu_percent",
        "memory_percent",
        "memory_total",
        "swap_percent",
        "swap_total",
    ];
    for name in numbers {
        assert!(stats[name].is_number(), "{name}: {stats}");
    }
    let load = stats["load_avg"].as_array();
    assert!(
        load.is_some_and(|load| load.len() == 3 && load.iter().all(Value::is_number)),
        "{stats}"
    );
}

fn cpu_mon() -> String {
    let line_to_type = "cargo build -p ropeway-examples --bin cpu_mon";
    let path = find_built("ROPEWAY_CPU_MON", "cpu_mon", line_to_type);
    path.into_os_string().into_string().unwrap()
}
