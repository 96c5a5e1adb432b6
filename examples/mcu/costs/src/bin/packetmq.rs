//! Two packetmq ends: they agree on the ids, talk, hear of a packet that one of them does not know, and take leave.
//!
//! There is no allocator: the memory is what [`main`] lends.
#![no_std]
#![no_main]

use ropeway_core::dialect::packetmq::{Notice, Packetmq, Packets, Policy, Side, Slots, State};
use ropeway_core::{Event, Messenger, Over, SendError, messages};
use ropeway_costs::board::timer;
use ropeway_costs::ends::{self, Checked, carry, is, put};
use ropeway_costs::words::Measurement;
use ropeway_costs::{cost, finish, say, stack};
use serde::{Deserialize, Serialize};

messages! {
    enum Words<'a> for Packetmq {
        Measured(Measurement),
        Order(Order<'a>) as "board:order" = 0x21,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Order<'a> {
    name: &'a str,
    every: Option<u16>,
}

type End = ends::End<Packetmq<Slots<4>>>;

const LENT: usize = 256;

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut MEMORY: [[u8; LENT]; 4] = [[0; LENT]; 4];
    stack::paint();
    timer::start();
    let [a, b, c, d] = MEMORY;
    let server = end(Policy::Static, [0x20, 0x21], a, b);
    let board = end(Policy::Adaptive, [0x21, 0x40], c, d);
    let result = server.and_then(|server| talk(server, board?));
    say::number("stack", stack::deepest());
    finish(result)
}

/// An end that has registered both packets under these ids.
fn end(
    policy: Policy,
    ids: [u16; 2],
    input: &'static mut [u8],
    outbox: &'static mut [u8],
) -> Result<End, &'static str> {
    let mut packets = Packets::new(Slots::default());
    for (entry, id) in Words::ENTRIES.iter().zip(ids) {
        packets.add(entry.name, id).map_err(|_| "not registered")?;
    }
    Ok(Messenger::new(
        Packetmq::new(policy, packets),
        input,
        outbox,
    ))
}

fn talk(mut server: End, mut board: End) -> Checked {
    say::number("lent", 2 * LENT);
    say::number("state", size_of::<End>() - 4 * size_of::<usize>());
    open(&mut server, &mut board)?;
    exchange(&mut server, &mut board)?;
    misunderstand(&mut server, &mut board)?;
    cost::both_ways(&mut board, &mut server, &Measurement::sample(1000), |end| {
        matches!(end.recv(), Some(Event::Message(Words::Measured(_))))
    });
    quit(&mut server, &mut board)
}

/// Both roles open, and the board takes over the server's ids.
fn open(server: &mut End, board: &mut End) -> Checked {
    is(
        server.send(&ORDER) == Err(SendError::NotOpen),
        "sent before the opening",
    )?;
    is(
        server.poll_output() == b"\0\0\0\x0c\0\0\x81\xa7version\x01",
        "opened differently",
    )?;
    for state in [State::IdCheck, State::Active] {
        carry(server, board);
        carry(board, server);
        for end in [&mut *server, &mut *board] {
            let said = matches!(end.recv::<Words<'_>>(), Some(Event::Notice(Notice::State(at))) if at == state);
            is(said, "a step of the opening is missing")?;
        }
    }
    carry(server, board);
    carry(board, server);
    for end in [server, board] {
        is(
            matches!(end.recv::<Words<'_>>(), Some(Event::Notice(Notice::Made))),
            "not made",
        )?;
        is(
            end.dialect().packets().id_of("board:order") == Some(0x21),
            "ids differ",
        )?;
    }
    Ok(())
}

/// A packet each way.
fn exchange(server: &mut End, board: &mut End) -> Checked {
    server.send(&ORDER).map_err(|_| "order not sent")?;
    carry(server, board);
    is(
        matches!(board.recv(), Some(Event::Message(Words::Order(ORDER)))),
        "order differs",
    )?;
    let measurement = Measurement::sample(7);
    board
        .send(&measurement)
        .map_err(|_| "measurement not sent")?;
    carry(board, server);
    let measured =
        matches!(server.recv(), Some(Event::Message(Words::Measured(it))) if it == measurement);
    is(measured, "measurement differs")
}

/// What the board cannot take leaves it in step.
fn misunderstand(server: &mut End, board: &mut End) -> Checked {
    put(board, b"\0\0\0\x03\0\x63\x07"); // of an id that is not registered
    put(board, b"\0\0\0\x03\0\x21\xc1"); // of a byte that MessagePack does not have
    let unknown = matches!(board.recv::<Words<'_>>(), Some(Event::Unknown(it)) if it.key.id == 0x63 && it.body == [7]);
    is(unknown, "unknown packet not reported")?;
    is(
        matches!(board.recv::<Words<'_>>(), Some(Event::Malformed(_))),
        "broken packet not reported",
    )?;
    exchange(server, board)
}

fn quit(server: &mut End, board: &mut End) -> Checked {
    let quit = server.dialect_mut().quit("board.enough");
    quit.map_err(|_| "cannot quit")?;
    carry(server, board);
    let reason = Some("board.enough");
    let farewell = Notice::Quit {
        by: Side::Peer,
        reason,
    };
    is(
        matches!(board.recv::<Words<'_>>(), Some(Event::Notice(it)) if it == farewell),
        "no farewell",
    )?;
    is(board.is_over() == Some(Over::Quit), "not over")?;
    is(
        board.send(&ORDER) == Err(SendError::NotOpen),
        "sent after the farewell",
    )
}

const ORDER: Order<'static> = Order {
    name: "measure",
    every: Some(500),
};
