//! A clever-show server and its drone: an action with arguments by name, a request and its answer, a file that is larger
//! than all of the board's memory, and a header that is none.
//!
//! There is no allocator: the memory is what [`main`] lends.
#![no_std]
#![no_main]

use ropeway_core::dialect::clever_show::{CleverShow, File, FileMessage, Notice, Part};
use ropeway_core::dialect::{Answers, Calling};
use ropeway_core::message::{Answer, Call};
use ropeway_core::{Event, Messenger, Over, SendError, messages};
use ropeway_costs::board::timer;
use ropeway_costs::ends::{self, Checked, carry, is, put};
use ropeway_costs::words::Measurement;
use ropeway_costs::{cost, finish, say, stack};
use serde::{Deserialize, Serialize};

messages! {
    enum Words<'a> for CleverShow {
        Measured(Measurement),
        Led(Led<'a>) as "led",
        Voltage(Voltage) as "voltage" -> f32,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Led<'a> {
    color: &'a str,
    seconds: f32,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Voltage {
    cell: u8,
}

type End = ends::End<CleverShow>;

const LENT: usize = 512;
const FILE: u32 = 64 * 1024;

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut MEMORY: [[u8; LENT]; 4] = [[0; LENT]; 4];
    stack::paint();
    timer::start();
    let [a, b, c, d] = MEMORY;
    let server = Messenger::new(CleverShow::new(), &mut a[..], &mut b[..]);
    let drone = Messenger::new(CleverShow::new(), &mut c[..], &mut d[..]);
    let result = talk(server, drone);
    say::number("stack", stack::deepest());
    finish(result)
}

fn talk(mut server: End, mut drone: End) -> Checked {
    say::number("lent", 2 * LENT);
    say::number("state", size_of::<End>() - 4 * size_of::<usize>());
    act(&mut server, &mut drone)?;
    ask(&mut server, &mut drone)?;
    send_file(&mut server, &mut drone)?;
    act(&mut server, &mut drone)?;
    cost::both_ways(&mut drone, &mut server, &Measurement::sample(1000), |end| {
        matches!(end.recv(), Some(Event::Message(Words::Measured(_))))
    });
    break_header(&mut drone)
}

/// An action, written as the original does, and read as it is or as another program may write it.
fn act(server: &mut End, drone: &mut End) -> Checked {
    server.send(&LED).map_err(|_| "action not sent")?;
    is(
        server.poll_output().ends_with(ACTION),
        "action written differently",
    )?;
    carry(server, drone);
    is(
        matches!(drone.recv(), Some(Event::Message(Words::Led(LED)))),
        "action differs",
    )?;
    LOOSE.iter().for_each(|part| put(drone, part));
    is(
        matches!(drone.recv(), Some(Event::Message(Words::Led(LED)))),
        "loose action differs",
    )?;
    UNKNOWN.iter().for_each(|part| put(drone, part));
    is(
        matches!(drone.recv::<Words<'_>>(), Some(Event::Unknown(it)) if it.key == "dance"),
        "unknown action",
    )
}

/// A request and its answer, which is no number.
fn ask(server: &mut End, drone: &mut End) -> Checked {
    let id = server.dialect().call_id(7);
    let request = &Voltage { cell: 3 };
    server
        .send(&Call { id, request })
        .map_err(|_| "request not sent")?;
    carry(server, drone);
    let Some(Event::Request(asked, Words::Voltage(Voltage { cell: 3 }))) = drone.recv() else {
        return Err("request differs");
    };
    let answer = Answer::<_, Voltage> {
        id: asked,
        value: &f32::NAN,
    };
    drone.send(&answer).map_err(|_| "answer not sent")?;
    is(
        drone.poll_output().ends_with(b"{\"value\": NaN}"),
        "answer written differently",
    )?;
    carry(drone, server);
    let Some(Event::Answer(answered, envelope)) = server.recv::<Words<'_>>() else {
        return Err("no answer");
    };
    let value = <CleverShow as Answers<'_, Voltage>>::read_answer(envelope);
    is(
        answered == id && matches!(value, Ok(Ok(value)) if value.is_nan()),
        "answer differs",
    )
}

/// A file in parts of a size that has nothing to do with that of the memory.
fn send_file(server: &mut End, drone: &mut End) -> Checked {
    let (path, len) = ("animation.csv", FILE.into());
    server
        .send(&FileMessage { path, len })
        .map_err(|_| "file not sent")?;
    carry(server, drone);
    let file = File::Message { path };
    let begun = matches!(drone.recv::<Words<'_>>(), Some(Event::Notice(Notice::Begin { file: it, len: FILE_LEN })) if it == file);
    is(begun, "file does not begin")?;
    let (mut sent, mut received, mut is_complete) = (0, 0, false);
    while !is_complete {
        let part: [u8; 100] = core::array::from_fn(|at| byte(sent + at as u32));
        let len = (FILE - sent).min(100);
        match server.send(&Part(part.get(..len as usize).unwrap_or_default())) {
            Ok(()) => sent += len,
            Err(SendError::Full) => {}
            Err(_) => return Err("part not sent"),
        }
        carry(server, drone);
        while let Some(event) = drone.recv::<Words<'_>>() {
            match event {
                Event::Notice(Notice::Part(bytes)) => {
                    for &it in bytes {
                        is(it == byte(received), "file differs")?;
                        received += 1;
                    }
                }
                Event::Notice(Notice::End) => is_complete = true,
                _ => return Err("something else inside a file"),
            }
        }
    }
    is(received == FILE, "file of another length")
}

/// A header that cannot be read hides where the next one is.
fn break_header(drone: &mut End) -> Checked {
    put(drone, b"\0\x03{]}");
    let fatal = matches!(drone.recv::<Words<'_>>(), Some(Event::Malformed(it)) if it.is_fatal());
    is(fatal, "broken header not reported")?;
    is(
        drone.is_over() == Some(Over::OutOfStep),
        "goes on behind a broken header",
    )
}

/// What stands in the file.
const fn byte(at: u32) -> u8 {
    (at ^ at >> 8) as u8
}

const FILE_LEN: u64 = FILE as u64;
const LED: Led<'static> = Led {
    color: "#ff8000",
    seconds: 0.1,
};
const ACTION: &[u8] = br##"{"args": [], "kwargs": {"color": "#ff8000", "seconds": 0.1}}"##;

/// The same as another program may write it, and another action.
const LOOSE: [&[u8]; 3] = [
    b"\0\x85",
    br#"{"content-type":"json","action":"l\u0065d","message-type":"message","byteorder":"big","content-encoding":"utf-8","content-length":63}"#,
    br##"{"kwargs":{"seconds":1e-1,"color":"#\u0066f8000"},"args":[]}   "##,
];
const UNKNOWN: [&[u8]; 3] = [
    b"\0\x82",
    br#"{"content-type":"json","action":"dance","message-type":"message","byteorder":"big","content-encoding":"utf-8","content-length":23}"#,
    br#"{"kwargs":{},"args":[]}"#,
];
