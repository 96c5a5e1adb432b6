//! Three endpoints beside the messages.

use super::Node;
use crate::words::{Fixed, Measurement, Packed};
use ropeway_core::dialect::Kind;
use ropeway_core::dialect::cable_car::{Join, Retry};
use ropeway_core::dialect::native::{CallId, Config, Notice, Policy};
use ropeway_core::message::{Answer, FailureKind, Refusal};
use ropeway_core::wire::Wire;
use ropeway_core::{Event, SendError, messages};
use serde::{Deserialize, Serialize};

messages! {
    /// What the node is told and asked.
    pub enum Station {
        Fixed(Fixed),
        Packed(Packed),
        Join(Join),
        Sum(Sum) = 0x20 -> i64 where repeatable,
        Latest(Latest) = 0x21 -> Measurement where repeatable,
        Correct(Correct) = 0x22 -> bool,
    }
}

/// What do these make together?
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sum(pub i32, pub i32);

/// What was measured last?
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latest;

/// Takes this for what was measured, and says whether it is another than before.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Correct(pub Measurement);

/// Of a node that knows the whole [`Station`].
pub const fn config(epoch: u64) -> Config {
    Config::new(epoch)
        .name("board")
        .registry(Station::ENTRIES, Policy::Enforce)
}

/// Answers the next message or request, and has `notify` hear the next notice; `None` when there is nothing to be done.
pub fn answer<W: Wire>(
    node: &mut Node<W>,
    latest: &mut Measurement,
    notify: impl FnOnce(Notice<'_>),
) -> Option<Result<(), SendError>> {
    Some(match node.recv()? {
        Event::Message(Station::Fixed(Fixed(measurement))) => node.send(&Packed(measurement)),
        Event::Message(Station::Packed(Packed(measurement))) => node.send(&Fixed(measurement)),
        Event::Message(Station::Join(Join)) => node.send(&Join),
        Event::Request(id, Station::Sum(Sum(a, b))) => {
            let value = &(i64::from(a) + i64::from(b));
            node.send(&Answer::<_, Sum> { id, value })
        }
        Event::Request(id, Station::Latest(Latest)) => {
            let value = latest;
            node.send(&Answer::<_, Latest> { id, value })
        }
        Event::Request(id, Station::Correct(Correct(measurement))) => {
            let value = &(*latest != measurement);
            *latest = measurement;
            node.send(&Answer::<_, Correct> { id, value })
        }
        // It can be sent as a request too.
        Event::Request(id, Station::Fixed(_) | Station::Packed(_) | Station::Join(_)) => {
            node.send(&unhandled(id))
        }
        Event::Unknown(envelope) => match envelope.kind {
            Kind::Request(id) => node.send(&unhandled(id)),
            Kind::Message | Kind::Answer(_) => node.send(&Retry),
        },
        Event::Notice(notice) => {
            notify(notice);
            Ok(())
        }
        // A rule that is broken ends the session; nothing was asked, and who only told a request wants no answer.
        Event::Malformed(_) | Event::Answer(..) | Event::Message(_) => Ok(()),
    })
}

/// Nobody answers this here.
fn unhandled(id: CallId) -> Refusal<'static, CallId> {
    Refusal {
        kind: FailureKind::Unhandled,
        ..Refusal::new(id, "", "")
    }
}
