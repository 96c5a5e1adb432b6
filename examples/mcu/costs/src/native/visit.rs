//! The side that dials, and looks at everything that a node does.

use super::calls::{Correct, Latest, Station, Sum};
use super::files::{self, Files, LOG, LOGGED, Memory, PACE};
use super::{Node, line};
use crate::ends::{Checked, is};
use crate::words::{Fixed, Measurement, Packed};
use ropeway_core::Event;
use ropeway_core::dialect::Answers;
use ropeway_core::dialect::cable_car::{Code, Join, Raw, Retry};
use ropeway_core::dialect::native::{CallId, Config, Native, Notice, Reason};
use ropeway_core::file::{self, Slot};
use ropeway_core::message::{Call, Encode, FailureKind, Message, Request};
use ropeway_core::wire::Wire;

type Dialect = Native<&'static Config>;
type Heard<'a> = Event<'a, Dialect, Station>;

/// Three hundred messages, and one that the node does not know.
pub fn say<W: Wire>(node: &mut Node<W>) -> Checked {
    for n in 0..100 {
        let measurement = Measurement::sample(n);
        node.send(&Fixed(measurement))
            .map_err(|_| "fixed not sent")?;
        node.send(&Packed(measurement))
            .map_err(|_| "packed not sent")?;
        node.send(&Join).map_err(|_| "join not sent")?;
        hear(
            node,
            "fixed comes back differently",
            |event| matches!(event, Event::Message(Station::Packed(Packed(m))) if m == measurement),
        )?;
        hear(
            node,
            "packed comes back differently",
            |event| matches!(event, Event::Message(Station::Fixed(Fixed(m))) if m == measurement),
        )?;
        hear(node, "join comes back differently", |event| {
            matches!(event, Event::Message(Station::Join(Join)))
        })?;
    }
    let (code, body) = (Code(0x70), &b"unknown"[..]);
    node.send(&Raw { code, body })
        .map_err(|_| "unknown not sent")?;
    hear(
        node,
        "unknown is not refused",
        |event| matches!(event, Event::Unknown(envelope) if Some(envelope.key.0.into()) == Retry::CODE),
    )
}

/// A call of each endpoint, two of one that corrects, and one of what nobody answers.
pub fn ask<W: Wire>(node: &mut Node<W>) -> Checked {
    let measurement = Measurement::sample(7);
    call(node, 1, &Sum(i32::MAX, 1), |sum| sum == Ok(1 << 31))?;
    call(node, 2, &Correct(measurement), |is_new| is_new == Ok(true))?;
    call(node, 3, &Correct(measurement), |is_new| is_new == Ok(false))?;
    call(node, 4, &Latest, |latest| latest == Ok(measurement))?;
    let (id, request) = (CallId(5), &Fixed(measurement));
    node.send(&Call { id, request })
        .map_err(|_| "request not sent")?;
    hear(node, "nobody's request is not refused", |event| {
        refusal(event, id) == Some(FailureKind::Unhandled)
    })
}

/// A file from the node, one that it has not, and one to it.
pub fn exchange<W: Wire>(node: &mut Node<W>, memory: Memory) -> Checked {
    let mut files = Files::new([Slot::EMPTY; 2], PACE);
    files.handle_fresh();
    let asked = files.ask(LOG).map_err(|_| "log not asked for")?;
    let ended = carry(node, &mut files, memory)?;
    is(
        ended == file::Event::Received { file: asked },
        "log not received",
    )?;
    let received = memory.0.iter().map(core::cell::Cell::get);
    is(received.take(LOGGED.len()).eq(LOGGED), "log differs")?;

    files.ask("nothing").map_err(|_| "nothing not asked for")?;
    let ended = carry(node, &mut files, memory)?;
    let is_refused = matches!(
        ended,
        file::Event::Stopped {
            reason: file::Reason::UnknownName,
            ..
        }
    );
    is(is_refused, "what is not there is not refused")?;

    let offered = files
        .offer(&LOGGED[..], "copy")
        .map_err(|_| "copy not offered")?;
    let ended = carry(node, &mut files, memory)?;
    is(
        ended == file::Event::Sent { file: offered },
        "copy not sent",
    )
}

/// Takes leave.
pub fn leave<W: Wire>(node: &mut Node<W>) -> Checked {
    node.dialect_mut().close(Reason::Done);
    while node.is_over().is_none() {
        line::write(node);
        while let Some(event) = node.recv::<Station>() {
            is(
                matches!(event, Event::Notice(_)),
                "something comes at the end",
            )?;
        }
        if node.is_over().is_none() {
            line::read(node);
        }
    }
    line::write(node);
    Ok(())
}

/// Waits for what is no news of the session, which `is_it` must know.
fn hear<W: Wire>(
    node: &mut Node<W>,
    otherwise: &'static str,
    is_it: impl Fn(Heard<'_>) -> bool,
) -> Checked {
    loop {
        line::write(node);
        match node.recv() {
            Some(Event::Notice(Notice::Met(_) | Notice::Opened(_))) => {}
            Some(event) => return is(is_it(event), otherwise),
            None => line::read(node),
        }
    }
}

fn call<W: Wire, M>(
    node: &mut Node<W>,
    id: u32,
    request: &M,
    is_right: impl Fn(Result<M::Answer<'_>, ()>) -> bool,
) -> Checked
where
    Dialect: for<'a> Answers<'a, M>,
    M: Request + Encode,
{
    let id = CallId(id);
    node.send(&Call { id, request })
        .map_err(|_| "request not sent")?;
    hear(node, "answer differs", |event| match event {
        Event::Answer(answered, envelope) if answered == id => {
            let answer = <Dialect as Answers<'_, M>>::read_answer(envelope);
            answer.is_ok_and(|answer| is_right(answer.map_err(|_| ())))
        }
        _ => false,
    })
}

/// Why the request of this id has no answer.
fn refusal(event: Heard<'_>, id: CallId) -> Option<FailureKind> {
    match event {
        Event::Answer(answered, envelope) if answered == id => {
            let answer = <Dialect as Answers<'_, Sum>>::read_answer(envelope);
            answer.ok()?.err().map(|failure| failure.kind)
        }
        _ => None,
    }
}

/// Carries files until one is over.
fn carry<W: Wire>(
    node: &mut Node<W>,
    files: &mut Files,
    memory: Memory,
) -> Result<file::Event<'static>, &'static str> {
    loop {
        while let Some(event) = node.recv::<Station>() {
            let Event::Notice(notice) = event else {
                return Err("a message among files");
            };
            files::hear(files, memory, notice);
        }
        if let Some(event) = files.poll_event() {
            return Ok(event);
        }
        if !files::say(node, files) {
            line::write(node);
            line::read(node);
        }
    }
}
