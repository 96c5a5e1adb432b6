//! Frames by their vectors, each rule by a transfer that breaks it, and whole exchanges over a link that is cut.

mod exchanges;
mod hostile;
mod rig;
mod steps;
mod vectors;
