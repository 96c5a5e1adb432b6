//! The protocol of the Python library packetmq 0.1.5: named packets, whose ids the two ends agree on.
//!
//! A frame is a length of four bytes, an id of two and one value in MessagePack. Ends open with three packets of the
//! protocol's own: the version, the table of names and ids, the consent. One end is [static](Policy::Static) and the
//! other [adaptive](Policy::Adaptive), which takes over the ids of the first; who is who has nothing to do with who
//! dials, though servers are usually static. [`Packetmq`] sees to all of that and tells by [`Notice`]s how it goes.
//!
//! ```
//! use ropeway_core::dialect::packetmq::{Notice, Packetmq, Packets, Policy, Slots};
//! use ropeway_core::{Event, Messenger, messages};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize)]
//! struct Reading { celsius: f32 }
//!
//! messages! { #[derive(Debug)] enum Words { Reading(Reading) as "weather:reading" = 17 } }
//!
//! let packets = Packets::<Slots<4>>::of(Words::ENTRIES)?;
//! let mut ends = [Policy::Static, Policy::Adaptive]
//!     .map(|policy| Messenger::new(Packetmq::new(policy, packets.clone()), [0; 256], [0; 256]));
//!
//! let mut made = 0;
//! while made < 2 {
//!     ends.reverse();
//!     let [here, there] = &mut ends;
//!     let bytes = here.poll_output();
//!     let len = bytes.len();
//!     there.input_room()[..len].copy_from_slice(bytes);
//!     there.handle_input(len);
//!     here.handle_written(len);
//!     while let Some(event) = there.recv::<Words>() {
//!         made += usize::from(matches!(event, Event::Notice(Notice::Made)));
//!     }
//! }
//! ends[0].send(&Reading { celsius: 21.5 })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Where the original has bugs, this end does not share them: it compares names without regard to their order, takes
//! over ids whatever they were before, for one link at a time, accepts consent only when it is due, and sends nothing
//! more after a farewell.

mod handshake;
mod link;
mod opening;
mod packets;
mod state;
#[cfg(test)]
mod tests;

pub use crate::error::packetmq::Rule;
pub use link::{Key, Named, Packetmq};
pub use packets::{BUILT_IN, Packet, Packets, RegisterError, Rows, Slots};
pub use state::{Notice, Policy, Side, State};

/// The longest length that a frame says: the id and the payload, in bytes.
pub const LENGTH_LIMIT: u32 = 99_999;

/// The version of the protocol.
pub const VERSION: u8 = 1;

/// The reasons that the library itself gives when it takes its leave; programs have their own.
///
/// ```
/// use ropeway_core::dialect::packetmq::reason;
///
/// fn is_ours_to_mend(given: &str) -> bool {
///     [reason::NONEQUAL_PACKETS, reason::SAME_ADAPTIVE_POLICY].contains(&given)
/// }
///
/// assert!(is_ours_to_mend("reason.nonequalpackets"));
/// assert!(!is_ours_to_mend("the match is over"));
/// ```
pub mod reason {
    /// Nothing else fits: the library's own default.
    pub const UNKNOWN: &str = "reason.unknown";
    /// The peer speaks another version of the protocol.
    pub const VERSION_MISMATCH: &str = "reason.versionmismatch";
    /// Both ends are static, or both adaptive.
    pub const SAME_ADAPTIVE_POLICY: &str = "reason.sameadaptivepolicy";
    /// The ends have not registered packets of the same names.
    pub const NONEQUAL_PACKETS: &str = "reason.nonequalpackets";
    /// A peer in the same process is disconnected.
    pub const GENERIC: &str = "reason.generic";

    /// The longest reason that can be given, in bytes.
    pub const MAX_LEN: usize = 64;
}
