#![forbid(unsafe_code)]
//! What the tests share: the wire vectors, the messages in them, and real programs as peers.

pub mod cable_car;
pub mod clever_show;
#[cfg(all(feature = "firmware", target_os = "linux"))]
pub mod firmware;
pub mod packetmq;
pub mod proxy;
pub mod python;
pub mod rig;
pub mod source;
pub mod vectors;

/// The README's programs compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;

/// So do the guide's.
#[cfg(doctest)]
mod guide {
    #[doc = include_str!("../../examples/guide/src/first_message.md")]
    #[doc = include_str!("../../examples/guide/src/sessions.md")]
    #[doc = include_str!("../../examples/guide/src/calls.md")]
    #[doc = include_str!("../../examples/guide/src/files.md")]
    #[doc = include_str!("../../examples/guide/src/many_peers.md")]
    #[doc = include_str!("../../examples/guide/src/secure.md")]
    #[doc = include_str!("../../examples/guide/src/python.md")]
    #[doc = include_str!("../../examples/guide/src/python/cable_car.md")]
    #[doc = include_str!("../../examples/guide/src/python/packetmq.md")]
    #[doc = include_str!("../../examples/guide/src/python/clever_show.md")]
    #[doc = include_str!("../../examples/guide/src/python/tcptalks.md")]
    #[doc = include_str!("../../examples/guide/src/boards.md")]
    #[doc = include_str!("../../examples/guide/src/command.md")]
    #[doc = include_str!("../../examples/guide/src/wire.md")]
    #[doc = include_str!("../../examples/guide/src/limits.md")]
    #[doc = include_str!("../../examples/guide/src/versions.md")]
    pub struct Guide;
}
