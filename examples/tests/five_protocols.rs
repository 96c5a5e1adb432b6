//! `five_protocols` as people start it, and a program of each protocol.

use ropeway_std::dialect::cable_car::{CableCarByte, CableCarJson};
use ropeway_std::dialect::clever_show::CleverShow;
use ropeway_std::dialect::tcptalks::TcpTalks;
use ropeway_std::dialect::{Carries, Delivers, Dialect};
use ropeway_std::encoding::pickle::Node;
use ropeway_std::packetmq::{Packetmq, Packets, Policy};
use ropeway_std::{Connect, Event, Link, Options, messages, native};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Reading {
    sensor: String,
    celsius: f32,
}

messages! { enum Words { Reading(Reading) = 0x10 } }

const LONG: Duration = Duration::from_secs(20);

/// Ended when the test is.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program of any protocol.
trait Program {
    fn step(&mut self, heard: &mut Vec<Reading>) -> bool;

    fn say(&mut self, reading: &Reading);
}

impl<D> Program for Link<D>
where
    D: Dialect + Carries<Reading> + for<'a> Delivers<'a, Reading>,
{
    /// Says whether messages can be sent.
    fn step(&mut self, heard: &mut Vec<Reading>) -> bool {
        match self.recv::<Words>(Duration::from_millis(5)).unwrap() {
            Some(
                Event::Message(Words::Reading(reading))
                | Event::Request(_, Words::Reading(reading)),
            ) => {
                heard.push(reading);
            }
            Some(Event::Malformed(malformed)) => panic!("{malformed}"),
            _ => {}
        }
        self.flush().unwrap();
        self.dialect().is_open()
    }

    fn say(&mut self, reading: &Reading) {
        self.send(reading).unwrap();
    }
}

#[test]
fn what_one_says_all_others_hear() {
    let command = Command::new(env!("CARGO_BIN_EXE_five_protocols"))
        .arg("--free")
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut running = Running(command);
    let mut lines = BufReader::new(running.0.stdout.take().unwrap()).lines();
    let mut line = || lines.next().expect("it ended early").unwrap();
    let addresses: BTreeMap<String, String> = (0..6)
        .map(|_| {
            let line = line();
            let (protocol, address) = line.rsplit_once(' ').unwrap();
            (protocol.into(), address.into())
        })
        .collect();
    fn link<D: Dialect + 'static>(address: &str, dialect: D) -> Box<Link<D>> {
        Box::new(
            Connect::new(address)
                .link(dialect, &Options::default())
                .unwrap(),
        )
    }
    let mut packets = Packets::default();
    packets.add("Reading", 0x10).unwrap();
    let config = native::config().registry(Words::ENTRIES, native::Policy::Enforce);
    let talks = TcpTalks::dialling([Node::EMPTY; 64], 0).password("secret");
    let mut programs: Vec<(&str, Box<dyn Program>)> = vec![
        (
            "native",
            link(&addresses["native"], native::dialling(&Arc::new(config))),
        ),
        ("cable_car", link(&addresses["cable_car"], CableCarByte)),
        (
            "cable_car JSON",
            link(&addresses["cable_car JSON"], CableCarJson),
        ),
        (
            "packetmq",
            link(
                &addresses["packetmq"],
                Packetmq::new(Policy::Adaptive, packets),
            ),
        ),
        (
            "clever-show",
            link(&addresses["clever-show"], CleverShow::new()),
        ),
        ("TCPTalks", link(&addresses["TCPTalks"], talks)),
    ];
    let start = Instant::now();
    let mut open = 0;
    while open < programs.len() {
        let opened = programs
            .iter_mut()
            .map(|(_, program)| program.step(&mut Vec::new()));
        open = opened.filter(|is_open| *is_open).count();
        assert!(start.elapsed() < LONG, "{open} are open");
    }
    // The hubs may know of it a moment later.
    for (_, program) in &mut programs {
        program.step(&mut Vec::new());
    }
    for speaker in 0..programs.len() {
        let (protocol, program) = &mut programs[speaker];
        let reading = Reading {
            sensor: (*protocol).into(),
            celsius: 21.5,
        };
        program.say(&reading);
        assert_eq!(line(), format!("{protocol}: {protocol} 21.5"));
        let mut waiting: Vec<usize> = (0..programs.len()).filter(|n| *n != speaker).collect();
        while !waiting.is_empty() {
            for (n, (_, program)) in programs.iter_mut().enumerate() {
                let mut heard = Vec::new();
                program.step(&mut heard);
                for heard in heard {
                    assert_eq!(heard, reading);
                    waiting.retain(|waiting| *waiting != n);
                }
            }
            assert!(
                start.elapsed() < LONG,
                "{waiting:?} have not heard {reading:?}"
            );
        }
    }
}
