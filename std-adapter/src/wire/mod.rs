//! What lies between the frames of a link and its transport: nothing, or a cipher.

#[cfg(feature = "secure")]
mod key;
#[cfg(not(feature = "secure"))]
mod open;
#[cfg(feature = "secure")]
mod sealed;

#[cfg(not(feature = "secure"))]
pub(crate) use open::{AnyWire, Security};
#[cfg(feature = "secure")]
pub(crate) use sealed::{AnyWire, Security};

#[cfg(feature = "secure")]
pub use key::{Key, KeyError, Keyring};

use crate::desk::Mail;
use ropeway_core::dialect::Dialect;
use ropeway_core::wire::{Fault, Wire};

/// What the wire of a link is asked beside what the core asks.
pub(crate) trait Guarded: Wire {
    /// Random bytes for another transport; zeros where none are needed.
    fn random(&self) -> [u8; 32];

    /// What has ended the link below its frames, if that is so.
    fn fault(&mut self) -> Option<Fault>;

    /// Whether sessions of the other can go on here: they belong to the same key id.
    fn has_owner_of(&self, other: &Self) -> bool;
}

/// Which end of a link it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Dials,
    Listens,
    /// Whichever the program has keys for.
    Either,
}

/// The first transport of a link.
pub(crate) fn start<D: Dialect>(mail: &mut Mail<D>) {
    if !mail.wire().is_plain() {
        restart(mail);
    }
}

/// Another transport, to the same peer.
pub(crate) fn restart<D: Dialect>(mail: &mut Mail<D>) {
    let random = mail.wire().random();
    mail.handle_connected_with(random);
}
