use super::*;
use std::string::String;
use std::vec::Vec;

/// The rows of the tables in the section "Discovery" of the vectors, each as its cells.
fn rows(columns: usize) -> Vec<Vec<&'static str>> {
    let spec = include_str!("../../../SPEC.md");
    let (_, vectors) = spec.split_once("\n## Vectors\n").unwrap();
    let (_, section) = vectors.split_once("\n### Discovery\n").unwrap();
    let section = section.split("\n### ").next().unwrap();
    let rows = section.lines().filter_map(|line| {
        let line = line.trim().strip_prefix('|')?.strip_suffix('|')?;
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        (cells.len() == columns && cells.last()?.starts_with('`')).then_some(cells)
    });
    rows.collect()
}

fn code(cell: &str) -> &str {
    cell.trim_matches('`')
}

fn bytes(cell: &str) -> Vec<u8> {
    let bytes = code(cell).split_whitespace();
    bytes
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect()
}

fn number(cell: &str) -> u64 {
    u64::from_str_radix(cell.trim_start_matches("0x"), 16).unwrap()
}

#[test]
fn the_beacons_of_the_specification_are_read_and_written() {
    let rows = rows(6);
    assert!(rows.len() >= 4, "{rows:?}");
    for row in rows {
        let &[flags, port, epoch, fingerprint, name, datagram] = row.as_slice() else {
            panic!("{row:?}");
        };
        let beacon = Beacon {
            is_answer: flags == "1",
            program: Program {
                name: Name::new(code(name)),
                port: port.parse().unwrap(),
                epoch: Epoch(number(epoch)),
                fingerprint: number(fingerprint),
            },
        };
        let datagram = bytes(datagram);
        assert_eq!(Beacon::parse(&datagram), Ok(beacon));
        assert_eq!(beacon.emit(&mut [0; Beacon::MAX_LEN]), datagram);
    }
}

#[test]
fn the_datagrams_that_the_specification_refuses_are_refused_by_that_rule() {
    let rows = rows(2);
    assert!(rows.len() >= 9, "{rows:?}");
    for row in rows {
        let &[rule, datagram] = row.as_slice() else {
            panic!("{row:?}");
        };
        let refused = Beacon::parse(&bytes(datagram)).unwrap_err();
        let said: String = std::format!("{refused}");
        assert_eq!(said, rule);
    }
}

#[test]
fn every_truncation_is_short() {
    let program = Program {
        name: Name::new("rover"),
        ..Program::default()
    };
    let beacon = Beacon {
        is_answer: false,
        program,
    };
    let mut room = [0; Beacon::MAX_LEN];
    let datagram = beacon.emit(&mut room);
    for len in 0..datagram.len() {
        let refused = Beacon::parse(&datagram[..len]);
        assert_eq!(refused, Err(Refused::Short { len }));
    }
}

#[test]
fn flags_without_a_meaning_are_passed_over() {
    let mut room = [0; Beacon::MAX_LEN];
    let beacon = Beacon {
        is_answer: true,
        program: Program::default(),
    };
    let len = beacon.emit(&mut room).len();
    room[3] = 0xff;
    assert_eq!(Beacon::parse(&room[..len]), Ok(beacon));
}

#[test]
fn a_long_name_is_cut_between_characters() {
    let text = "an uncommonly long name, 31 byte\u{fc}";
    assert_eq!(Name::new(text).as_str().len(), 32);
    let text = "an uncommonly long name, 30 byt\u{fc}";
    assert_eq!(Name::new(text).as_str().len(), 31);
    assert_eq!(Name::new("").as_str(), "");
}

#[test]
fn no_datagram_makes_it_panic() {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    std::println!("seed {seed:#x}");
    let mut datagram = [0; 80];
    for round in 0..if cfg!(miri) { 200 } else { 20_000 } {
        for byte in &mut datagram {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            [*byte, ..] = seed.to_le_bytes();
        }
        datagram[1] = CODE;
        datagram[2] = VERSION;
        let len = round % datagram.len();
        if let Ok(beacon) = Beacon::parse(&datagram[..len]) {
            assert_eq!(beacon.emit(&mut [0; Beacon::MAX_LEN]).len(), len);
        }
    }
}
