use super::Program;
use serde_json::Value;
use std::collections::BTreeMap;

/// The numbers heard on each connection, in the order they came.
///
/// A line of Ropeway's peer tells the connection. The original tells only addresses, but all that it hears in
/// these tests is Ropeway's peers, whose numbers tell the connection.
pub(crate) fn numbers(lines: &[Value]) -> BTreeMap<u64, Vec<u64>> {
    let mut heard: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for line in lines.iter().filter(|line| line["event"] == "message") {
        let number = line["number"].as_u64();
        if let Some(number) = number.or(line["attributes"]["id"].as_u64()) {
            let connection = line["connection"].as_u64();
            let connection = connection.unwrap_or(number / NUMBERS_OF_A_CONNECTION);
            heard.entry(connection).or_default().push(number);
        }
    }
    heard
}

/// Reads until ten more numbers have been heard on a connection.
#[track_caller]
pub(crate) fn hear_more(program: &mut Program, connection: u64) {
    let enough = count(program.lines(), connection) + 10;
    program.until(&format!("ten more numbers on {connection}"), |lines| {
        (count(lines, connection) >= enough).then_some(())
    });
}

/// Reads Ropeway's peer until its table holds so many connections that all of them last and are heard on.
#[track_caller]
pub(crate) fn settle(ours: &mut Program, wanted: usize) -> Vec<Value> {
    loop {
        ours.until(&format!("{wanted} connections"), |lines| {
            (standing(lines).len() >= wanted).then_some(())
        });
        let table = ours.table();
        let connections: Vec<u64> = table.iter().map(id).collect();
        let is_changed = |lines: &[Value]| standing(lines) != connections;
        for connection in &connections {
            let enough = count(ours.lines(), *connection) + 10;
            ours.until(&format!("ten more numbers on {connection}"), |lines| {
                (is_changed(lines) || count(lines, *connection) >= enough).then_some(())
            });
        }
        if connections.len() == wanted && !is_changed(ours.lines()) {
            return table;
        }
    }
}

/// Reads Ropeway's peer until every connection has ended.
#[track_caller]
pub(crate) fn lose_all(ours: &mut Program) {
    ours.until("the end of all connections", |lines| {
        let lost = lines.iter().filter(|line| line["event"] == "lost");
        (lost.count() == connections(lines).len()).then_some(())
    });
}

/// Each number came exactly once: those of every connection count up by one.
#[track_caller]
pub(crate) fn check_numbers(program: &Program) {
    let heard = numbers(program.lines());
    assert!(!heard.is_empty());
    for (connection, numbers) in heard {
        let in_steps = numbers.windows(2).all(|pair| pair[1] == pair[0] + 1);
        assert!(in_steps, "connection {connection}: {numbers:?}");
    }
}

/// All that one of Ropeway's peers has sent to the other has come, on every connection that both had.
#[track_caller]
pub(crate) fn check_nothing_lost(one: &Program, other: &Program) {
    for here in connections(one.lines()) {
        let same = |there: &&Value| is_same(&here, there);
        let Some(there) = connections(other.lines()).iter().find(same).cloned() else {
            continue;
        };
        let (here, there) = (end_of(one, &here), end_of(other, &there));
        assert_eq!(here["sent"], there["received"], "{here} {there}");
        assert_eq!(here["received"], there["sent"], "{here} {there}");
    }
}

/// Whether these are the two ends of one connection.
pub(crate) fn is_same(here: &Value, there: &Value) -> bool {
    here["local"] == there["remote"] && here["remote"] == there["local"]
}

/// The `connected` lines.
pub(crate) fn connections(lines: &[Value]) -> Vec<Value> {
    let connected = lines.iter().filter(|line| line["event"] == "connected");
    connected.cloned().collect()
}

/// The number of a connection that a line is about.
pub(crate) fn id(line: &Value) -> u64 {
    line["connection"]
        .as_u64()
        .expect("a line about a connection")
}

/// The connections of Ropeway's peer that were neither lost nor superseded, by number.
fn standing(lines: &[Value]) -> Vec<u64> {
    let is_over = |connection: u64| {
        let mut about = lines.iter().filter(|line| line["connection"] == connection);
        about.any(|line| line["event"] == "lost" || line["event"] == "superseded")
    };
    let connected = connections(lines);
    let connected = connected.iter().map(id);
    connected.filter(|one| !is_over(*one)).collect()
}

fn count(lines: &[Value], connection: u64) -> usize {
    numbers(lines).get(&connection).map_or(0, Vec::len)
}

#[track_caller]
fn end_of(program: &Program, connection: &Value) -> Value {
    let mut lost = program
        .lines()
        .iter()
        .filter(|line| line["event"] == "lost");
    let lost = lost.find(|lost| lost["connection"] == connection["connection"]);
    lost.expect("the end of every connection is told").clone()
}

/// As in discover.rs.
const NUMBERS_OF_A_CONNECTION: u64 = 10_000;
