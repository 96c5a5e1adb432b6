//! What runs on every board that has a network: applications, and what they see of their board.
//!
//! ```text
//!  a board's main.rs   its chips and pins, the stack of embassy-net on them, then one line: the application
//!  ────────────────────────────────────────────────────────────────────────────────────────────────────────
//!  echo                an application: async fn run(stack, board, settings) -> !
//!  board · settings    what it sees beside the network
//! ```
//!
//! Nothing here names a chip. An application says how many sockets it opens; the board adds one for DHCP.

#![no_std]

mod board;
pub mod echo;
mod memory;
mod settings;

pub use board::Board;
pub use memory::MemoryUse;
pub use settings::Settings;
