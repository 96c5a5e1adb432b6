//! Two ends of a native session in one thread, over memory.

#![allow(dead_code, unreachable_pub, reason = "each test takes what it needs")]

use ropeway_std::memory::{End, ends};
use ropeway_std::native::{self, Config, Native, Policy};
use ropeway_std::{Handlers, Link, Node, Options, messages};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

pub const LONG: Duration = Duration::from_secs(20);
pub const SOON: Duration = Duration::from_millis(20);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Note(pub u32);

/// Changes nothing.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Sum(pub i32, pub i32);

/// Changes something.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Step(pub u32);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Unheard;

/// What a handler says of a sum that it does not like.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct TooLarge {
    pub limit: i32,
}

messages! {
    #[derive(Debug, PartialEq)]
    pub enum Words {
        Note(Note) = 0x10,
        Sum(Sum) = 0x11 -> i64 where repeatable,
        Step(Step) = 0x12 -> u32,
        Unheard(Unheard) = 0x13 -> (),
    }
}

pub type Pair = (Node<Native, End>, Node<Native, End>);

pub fn config(name: &str) -> Arc<Config> {
    Arc::new(
        native::config()
            .name(name)
            .registry(Words::ENTRIES, Policy::Enforce),
    )
}

/// A node that dials and one that listens, over a pipe.
pub fn pair(here: Handlers<Native>, there: Handlers<Native>) -> Pair {
    pair_of(&config("here"), here, &config("there"), there)
}

pub fn pair_of(
    here: &Arc<Config>,
    ours: Handlers<Native>,
    there: &Arc<Config>,
    theirs: Handlers<Native>,
) -> Pair {
    let (a, b) = ends(1 << 18);
    (
        node(native::dialling(here), a, ours),
        node(native::listening(there), b, theirs),
    )
}

pub fn node(native: Native, end: End, handlers: Handlers<Native>) -> Node<Native, End> {
    Node::new(
        Link::over(native, end, &Options::default()).unwrap(),
        handlers,
    )
}

/// Turns both until all has come that is on its way.
pub fn settle(pair: &mut Pair) {
    for _ in 0..10 {
        pair.0.turn(Duration::ZERO).unwrap();
        pair.1.turn(Duration::ZERO).unwrap();
    }
}

/// Pulls the cable and plugs another one in.
pub fn reconnect(pair: &mut Pair) {
    let (a, b) = ends(1 << 18);
    pair.0.reconnect(a).unwrap();
    pair.1.reconnect(b).unwrap();
}

/// Handlers that tell how the link stands, a word a change.
pub fn standing() -> (Handlers<Native>, Receiver<String>) {
    let (said, heard) = mpsc::channel();
    let mut handlers = Handlers::new();
    tell_standing(&mut handlers, said);
    (handlers, heard)
}

pub fn tell_standing(handlers: &mut Handlers<Native>, said: Sender<String>) {
    use native::Standing;
    handlers.standing(move |_, standing| {
        let text = match standing {
            Standing::Connected => "connected".into(),
            Standing::Resumed => "resumed".into(),
            Standing::Fresh { cause, in_doubt } => format!("fresh: {cause}, {in_doubt} in doubt"),
            Standing::Lost { why, .. } => format!("lost: {why}"),
            other => format!("{other:?}"),
        };
        said.send(text).unwrap_or_default();
    });
}

/// Handlers that put off what is to be answered, and tell its id.
pub fn putting_off() -> (Handlers<Native>, Receiver<(native::CallId, Step)>) {
    let (said, heard) = mpsc::channel();
    let mut handlers = Handlers::new();
    handlers.answer_later::<Step>(move |_, id, step| {
        said.send((id, step)).unwrap_or_default();
        Ok(())
    });
    (handlers, heard)
}
