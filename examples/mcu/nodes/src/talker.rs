//! A node that speaks with programs of other protocols: one application, whatever the dialect.
//!
//! It gives back every [`Say`] and doubles what is asked by [`Double`]. With the setting `hub` it dials, otherwise it listens.

use crate::{Board, Settings, link};
use core::cell::RefCell;
use core::fmt::Debug;
use embassy_futures::join::{join, join3};
use embassy_net::Stack;
use ropeway_core::dialect::{Carries, Dialect, Kind, Refuses};
use ropeway_core::message::{Answer, Refusal};
use ropeway_core::registry::Registry;
use ropeway_core::{Event, messages};
use ropeway_embassy::{Error, Heard, Peer, Resources};
use serde::{Deserialize, Serialize};

messages! {
    /// What is said, in whatever protocol.
    #[derive(Debug)]
    pub enum Talk<'a> {
        Say(Say<'a>) as "board:say" = 0x20,
        Double(Double) as "board:double" = 0x21 -> i64,
    }
}

/// Some words, which come back.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Say<'a> {
    /// How many were said before.
    pub number: i64,
    /// What is said.
    pub text: &'a str,
}

/// "Twice this?"
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Double {
    /// This.
    pub number: i64,
}

/// The sockets that this opens.
pub const SOCKETS: usize = 2;

/// Talks for ever, in the dialect that `make` makes for each link, at its `port` unless the settings say where to dial.
///
/// `answer` says how a call is answered there, with a number or, where nobody knows what is asked, without one.
pub async fn run<D, A>(
    stack: Stack<'static>,
    board: impl Board,
    settings: &Settings<'_>,
    port: u16,
    mut make: impl FnMut() -> D,
    answer: A,
) -> !
where
    D: Dialect + for<'a> Carries<Say<'a>>,
    for<'a> Talk<'a>: Registry<'a, D>,
    A: AsyncFn(Peer<'_, D>, D::CallId, Option<i64>) -> Result<(), Error>,
{
    let board = RefCell::new(board);
    let say = |line: core::fmt::Arguments<'_>| board.borrow_mut().say(line);
    if let Some(hub) = link::hub(settings) {
        let mut resources = Resources::<D, 1>::new();
        let (peer, mut runner) = resources.peer(make());
        say(format_args!("ready"));
        let random = || link::random(&board);
        let dialling = runner.run_afresh(stack, Default::default(), async || hub, random, make);
        join(dialling, talk(peer, &answer, &board)).await;
    } else {
        let mut resources = Resources::<D, 2>::new();
        let (hub, mut listener) = resources.listener(&mut make);
        let [one, two] = *hub.peers();
        let make = || (make(), Default::default());
        let random = || link::random(&board);
        let listening = listener.run(stack, port, Default::default(), make, random);
        let talking = join(talk(one, &answer, &board), talk(two, &answer, &board));
        let ready = async { say(format_args!("ready")) };
        let (ended, ..) = join3(listening, talking, ready).await;
        say(format_args!("it listens no more: {ended:?}"));
    }
    panic!("it is never done")
}

/// Answers a call, in the dialects that can.
pub async fn answer<D>(peer: Peer<'_, D>, id: D::CallId, value: Option<i64>) -> Result<(), Error>
where
    D: Refuses + for<'x> Carries<Answer<'x, 'static, <D as Dialect>::CallId, Double>>,
{
    match value {
        Some(value) => peer.answer::<Double>(id, &value).await,
        None => {
            let refusal = Refusal::new(id, "KeyError", "nobody answers that");
            peer.refuse(&refusal).await
        }
    }
}

/// What a peer wants.
enum Wish<C> {
    Nothing,
    /// That its words come back; the call that they came by is done.
    Words(i64, Option<C>),
    /// That a call is answered, if anybody knows how.
    Answer(C, Option<i64>),
}

/// Talks with one peer after the other.
async fn talk<D, A>(peer: Peer<'_, D>, answer: &A, board: &RefCell<impl Board>)
where
    D: Dialect + for<'a> Carries<Say<'a>>,
    for<'a> Talk<'a>: Registry<'a, D>,
    A: AsyncFn(Peer<'_, D>, D::CallId, Option<i64>) -> Result<(), Error>,
{
    let text = RefCell::new(heapless::String::<256>::new());
    loop {
        let wish = peer.recv_with(|heard| {
            let said = match heard {
                Heard::Said(said) => said,
                other => {
                    report(board, &other);
                    return Wish::Nothing;
                }
            };
            let words = |say: Say<'_>, id| {
                let mut text = text.borrow_mut();
                text.clear();
                // Longer words come back cut.
                let len = say.text.floor_char_boundary(text.capacity());
                let _ = text.push_str(say.text.get(..len).unwrap_or_default());
                Wish::Words(say.number, id)
            };
            match said.read::<Talk<'_>>() {
                Some(Event::Message(Talk::Say(say))) => words(say, None),
                Some(Event::Request(id, Talk::Say(say))) => words(say, Some(id)),
                Some(Event::Request(id, Talk::Double(double))) => {
                    Wish::Answer(id, Some(double.number.wrapping_mul(2)))
                }
                Some(Event::Unknown(unknown)) => match unknown.kind {
                    Kind::Request(id) => Wish::Answer(id, None),
                    Kind::Message | Kind::Answer(_) => Wish::Nothing,
                },
                Some(Event::Malformed(malformed)) => {
                    report(board, &malformed);
                    Wish::Nothing
                }
                _ => Wish::Nothing,
            }
        });
        let done = match wish.await {
            Ok(Wish::Words(number, id)) => {
                let text = text.borrow().clone();
                let said = peer
                    .send(&Say {
                        number,
                        text: &text,
                    })
                    .await;
                match id {
                    Some(id) => peer.done(id).await.map(drop),
                    None => said,
                }
            }
            Ok(Wish::Answer(id, value)) => answer(peer, id, value).await,
            Ok(Wish::Nothing) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            report(board, &error);
        }
    }
}

fn report(board: &RefCell<impl Board>, what: &impl Debug) {
    board.borrow_mut().say(format_args!("{what:?}"));
}
