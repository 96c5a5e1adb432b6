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
