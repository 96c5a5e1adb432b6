//! A TCPTalks robot and its controller: the password, calls both ways, a result, an exception, and a pickle that would
//! swell to a billion values.
//!
//! There is no allocator: the memory is what [`main`] lends.
#![no_std]
#![no_main]

use ropeway_core::dialect::tcptalks::{Done, Notice, TcpTalks};
use ropeway_core::dialect::{Answers, Calling};
use ropeway_core::encoding;
use ropeway_core::encoding::pickle::{Node, RemoteError};
use ropeway_core::message::{Answer, Call, Refusal};
use ropeway_core::{Event, Messenger, Over, Rule, SendError, messages};
use ropeway_costs::board::timer;
use ropeway_costs::ends::{self, Checked, carry, is, put};
use ropeway_costs::words::Measurement;
use ropeway_costs::{cost, finish, say, stack};
use serde::{Deserialize, Serialize};

messages! {
    enum Words<'a> {
        Measured(Measurement),
        Move(Move<'a>) as "move" = 0x21 -> bool,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Move<'a> {
    gear: &'a str,
    distance: i32,
}

type Talks = TcpTalks<&'static mut [Node]>;
type End = ends::End<Talks>;

const LENT: usize = 256;
const NODES: usize = 32;

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut MEMORY: [[u8; LENT]; 4] = [[0; LENT]; 4];
    static mut VALUES: [[Node; NODES]; 2] = [[Node::EMPTY; NODES]; 2];
    stack::paint();
    timer::start();
    let ([a, b, c, d], [v, w]) = (MEMORY, VALUES);
    let controller = TcpTalks::dialling(&mut v[..], 1).password("secret");
    let robot = TcpTalks::listening(&mut w[..], 2).password("secret");
    let controller = Messenger::new(controller, &mut a[..], &mut b[..]);
    let robot = Messenger::new(robot, &mut c[..], &mut d[..]);
    let result = talk(controller, robot);
    say::number("stack", stack::deepest());
    finish(result)
}

fn talk(mut controller: End, mut robot: End) -> Checked {
    say::number("lent", 2 * LENT + NODES * size_of::<Node>());
    say::number("state", size_of::<End>() - 6 * size_of::<usize>());
    open(&mut controller, &mut robot)?;
    call(&mut controller, &mut robot)?;
    raise(&mut controller, &mut robot)?;
    cost::both_ways(
        &mut robot,
        &mut controller,
        &Measurement::sample(1000),
        |end| matches!(end.recv(), Some(Event::Request(_, Words::Measured(_)))),
    );
    bomb(&mut robot)
}

fn open(controller: &mut End, robot: &mut End) -> Checked {
    is(
        controller.send(&MOVE) == Err(SendError::NotOpen),
        "called before the password",
    )?;
    let password = b"\x80\x03C\x01Aq\0K\xaaX\x06\0\0\0secret\x85\x87.";
    is(controller.poll_output() == password, "opened differently")?;
    carry(controller, robot);
    is(
        matches!(
            robot.recv::<Words<'_>>(),
            Some(Event::Notice(Notice::Opened))
        ),
        "password not taken",
    )?;
    carry(robot, controller);
    is(
        matches!(
            controller.recv::<Words<'_>>(),
            Some(Event::Notice(Notice::Opened))
        ),
        "no verdict",
    )
}

/// A call with its result, then one in the other direction that has none.
fn call(controller: &mut End, robot: &mut End) -> Checked {
    let id = ask(controller, robot)?;
    robot
        .send(&Answer::<_, Move<'_>> { id, value: &true })
        .map_err(|_| "answer not sent")?;
    carry(robot, controller);
    is(matches!(answer(controller)?, Ok(true)), "answer differs")?;

    let measurement = Measurement::sample(7);
    robot
        .send(&measurement)
        .map_err(|_| "measurement not sent")?;
    carry(robot, controller);
    let Some(Event::Request(id, Words::Measured(measured))) = controller.recv() else {
        return Err("no measurement");
    };
    is(measured == measurement, "measurement differs")?;
    controller.send(&Done { id }).map_err(|_| "done not sent")?;
    carry(controller, robot);
    is(
        matches!(robot.recv::<Words<'_>>(), Some(Event::Answer(_, _))),
        "not done",
    )
}

/// A call whose answer is an exception, as one that Python raises.
fn raise(controller: &mut End, robot: &mut End) -> Checked {
    let id = ask(controller, robot)?;
    let (class, text) = ("ValueError", "too far");
    robot
        .send(&Refusal::new(id, class, text))
        .map_err(|_| "exception not sent")?;
    carry(robot, controller);
    let error = answer(controller)?.err().ok_or("no exception")?;
    is(
        error.name() == class && error.module() == "builtins",
        "exception differs",
    )
}

/// The controller's call, as it comes to the robot.
fn ask(
    controller: &mut End,
    robot: &mut End,
) -> Result<ropeway_core::dialect::tcptalks::CallId, &'static str> {
    let id = controller.dialect().call_id(7);
    controller
        .send(&Call { id, request: &MOVE })
        .map_err(|_| "call not sent")?;
    carry(controller, robot);
    match robot.recv() {
        Some(Event::Request(id, Words::Move(MOVE))) => Ok(id),
        _ => Err("call differs"),
    }
}

fn answer(controller: &mut End) -> Result<Result<bool, RemoteError<'_, '_>>, &'static str> {
    let Some(Event::Answer(_, envelope)) = controller.recv::<Words<'_>>() else {
        return Err("no answer");
    };
    let answer = <Talks as Answers<'_, Move<'_>>>::read_answer(envelope);
    answer.map_err(|_| "answer cannot be read")
}

/// Two of the value before, thirty times over.
fn bomb(robot: &mut End) -> Checked {
    put(robot, b"\x80\x04K\x01\x94");
    for memo in 0..30 {
        put(robot, &[b'h', memo, b'h', memo, 0x86, 0x94]);
    }
    put(robot, b".");
    let Some(Event::Malformed(refused)) = robot.recv::<Words<'_>>() else {
        return Err("bomb not refused");
    };
    let too_many = Rule::Pickle(encoding::Rule::TooManyValues {
        limit: NODES as u32,
    });
    is(
        refused.rule == too_many && refused.is_fatal(),
        "bomb: wrong rule",
    )?;
    is(robot.is_over() == Some(Over::OutOfStep), "bomb: goes on")
}

const MOVE: Move<'static> = Move {
    gear: "first",
    distance: -100,
};
