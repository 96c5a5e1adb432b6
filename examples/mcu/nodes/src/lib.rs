//! What runs on every board that has a network: applications, and what they see of their board.
//!
//! ```text
//!  a board's main.rs   its chips and pins, the stack of embassy-net on them, then one line: the application
//!  ────────────────────────────────────────────────────────────────────────────────────────────────────────
//!  sensor · trial      applications: async fn run(stack, board, …, settings) -> !
//!  echo · talker · cable_car
//!  ────────────────────────────────────────────────────────────────────────────────────────────────────────
//!  link · store        how they reach their hub; files in flash
//!  flash               memory that is written as flash is, for boards without any
//!  board · memory      what it sees beside the network
//!  settings · network  what it was told: words, and among them the address of the node
//! ```
//!
//! Nothing here names a chip. An application says how many sockets it opens; the board adds one for DHCP.

#![no_std]

mod board;
pub mod cable_car;
pub mod echo;
mod flash;
mod link;
mod memory;
mod network;
pub mod sensor;
mod settings;
pub mod store;
pub mod talker;
pub mod trial;

pub use board::Board;
pub use flash::Flash;
pub use memory::MemoryUse;
pub use network::network;
pub use settings::Settings;
