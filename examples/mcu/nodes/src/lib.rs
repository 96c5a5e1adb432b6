//! What runs on every board that has a network: applications, and what they see of their board.
//!
//! ```text
//!  a board's main.rs   its chips and pins, the stack of embassy-net on them, then one line: the application
//!  ────────────────────────────────────────────────────────────────────────────────────────────────────────
//!  echo                an application: async fn run(stack, board, settings) -> !
//!  board · memory      what it sees beside the network
//!  settings · network  what it was told: words, and among them the address of the node
//! ```
//!
//! Nothing here names a chip. An application says how many sockets it opens; the board adds one for DHCP.

#![no_std]

mod board;
pub mod echo;
mod memory;
mod network;
mod settings;

pub use board::Board;
pub use memory::MemoryUse;
pub use network::network;
pub use settings::Settings;
