#![no_std]
#![forbid(unsafe_code)]
#![doc = include_str!("lib.md")]

mod error;
mod tcp;

pub use error::{AcceptError, CloseError, ConnectError};
pub use tcp::{Link, Timeouts, accept, close, connect};
