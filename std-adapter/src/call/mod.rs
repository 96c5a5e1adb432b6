//! Calls: what they end with, and what answers them.
//!
//! A [`Node`](crate::Node) or a peer of a [`Hub`](crate::Hub) makes a call and gets its answer, or one [`CallError`];
//! handlers return an answer or [`Refused`].
//!
//! ```
//! use ropeway_std::call::Refused;
//!
//! fn halve(number: &str) -> Result<i64, Refused> {
//!     let number: i64 = number.parse()?; // what implements Error is a RuntimeError
//!     if number > 99 {
//!         return Err(Refused::text("too far")); // and so is a text
//!     }
//!     if number % 2 != 0 {
//!         return Err(Refused::new("ValueError", "odd"));
//!     }
//!     Ok(number / 2)
//! }
//!
//! assert_eq!(halve("8").unwrap(), 4);
//! assert_eq!(halve("7").unwrap_err().to_string(), "ValueError: odd");
//! assert_eq!(halve("100").unwrap_err().to_string(), "RuntimeError: too far");
//! assert_eq!(halve("x").unwrap_err().class, "RuntimeError");
//! ```

//!
//! Over the native protocol a handler's error can carry one of the program's own:
//!
//! ```
//! use ropeway_std::call::Refused;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize)]
//! struct TooHot { celsius: f32 }
//!
//! let refused = Refused::text("too hot").with_detail(&TooHot { celsius: 91.5 });
//! assert_eq!(refused.detail(), Some(TooHot { celsius: 91.5 }));
//! ```

mod error;
mod refused;
mod table;
mod ticket;
mod waiter;

pub use error::CallError;
pub use refused::{Failure, Refused};
pub(crate) use table::{Sort, Table};
pub(crate) use ticket::Stub;
pub use ticket::Ticket;
pub(crate) use waiter::{Caller, Then, Waiter, deliver};
