//! Byte buffers over memory that the caller lends.
//!
//! [`Input`] is linear, so that a frame is always one slice to borrow from; [`Outbox`] is a ring in which every
//! frame lies in one piece. Both are generic over their [`Storage`]: an array, a borrowed slice, or memory
//! that grows up to a limit (the std adapter has one).

mod input;
mod outbox;
mod storage;

pub use input::Input;
pub use outbox::Outbox;
pub use storage::Storage;
