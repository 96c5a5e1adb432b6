//! Two programs and the cable between them, in virtual time: what of a session survives what can go wrong.
//!
//! A [`World`] has two [ends](End), a dialler and a listener, which follow a [script](Script) of messages and calls over
//! one [`Cable`] after the other. A [`Fault`] pulls the cable, lets it stand still, lets only one side know that it is
//! gone, or starts a program anew. The [`Ledger`] sees every frame that is sent and every one that is taken, and stops
//! the test where one is lost, comes twice or out of order without having been in doubt.
//!
//! Nothing here sleeps, and chance comes from a seed: the same run comes again. One more activity has its steps in
//! [`Step`], its frames in [`Item`], and the same four hooks in [`End`] as calls have: what it says
//! ([`say`](End::say)), takes ([`take_one`](End::take_one)), waits for ([`next_timeout`](End::next_timeout)) and when it
//! is over ([`is_done`](End::is_done)).

mod cable;
mod counts;
mod end;
mod fault;
mod ledger;
mod random;
mod setup;
mod words;
mod world;

pub use cable::{Cable, Ending, Pipe};
pub use counts::Counts;
pub use end::End;
pub use fault::{Fault, PeerLearns, Planned, When};
pub use ledger::{Item, Ledger, Outcome};
pub use random::Random;
pub use setup::{Script, Setup, Step, script};
pub use words::{Ask, Heard, Mark, Memory, Note, Talk, Told, Wish, Words, filler, hear};
pub use world::{MakeWire, World};
