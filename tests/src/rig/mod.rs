//! Two programs and the cable between them, in virtual time: what of a session survives what can go wrong.
//!
//! A [`World`] has two [ends](End), a dialler and a listener, which follow a [script](Script) of messages, calls and files over
//! one [`Cable`] after the other. A [`Fault`] pulls the cable, lets it stand still, lets only one side know that it is
//! gone, or starts a program anew. The [`Ledger`] sees every frame that is sent and every one that is taken, and stops
//! the test where one is lost, comes twice or out of order without having been in doubt.
//!
//! Nothing here sleeps, and chance comes from a seed: the same run comes again.

mod cable;
mod counts;
mod end;
mod fault;
mod files;
mod ledger;
mod random;
mod setup;
mod words;
mod world;

pub use cable::{Cable, Ending, Pipe};
pub use counts::Counts;
pub use end::End;
pub use fault::{Fault, PeerLearns, Planned, When};
pub use files::{Disk, Files};
pub use ledger::{Item, Ledger, Outcome};
pub use random::Random;
pub use setup::{FILE_ROOM, Script, Setup, Step, script, script_with_files};
pub use words::{Ask, Heard, Mark, Memory, Note, Talk, Told, Wish, Words, filler, hear};
pub use world::{MakeWire, World};
