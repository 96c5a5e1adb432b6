//! cable_car's vectors, the messages in them by type, and both transports behind one trait.

mod byte;
mod json;
mod vectors;
mod wire;

pub use crate::vectors::Malformed;
pub use byte::{ByteBlob, BytePosition, ByteTop, ByteZero, Bytes};
pub use json::{Lines, Point, Telemetry};
pub use vectors::{Decoded, Vector, malformed, vectors};
pub use wire::{Out, Said, Wire, feed, receiver};
