use super::{End, Guarded, Key, Keyring};
use crate::storage::Growable;
use ropeway_core::Instant;
use ropeway_core::wire::secure::{self, KeyId, Keys, Secure};
use ropeway_core::wire::{Fault, Wire};
use std::io;
use std::sync::{Arc, OnceLock};

/// The wire of a link: none, or a cipher.
#[derive(Debug)]
pub(crate) enum AnyWire {
    Plain,
    Sealed(Box<Sealed>),
}

/// A secure wire, and whose it is.
#[derive(Debug)]
pub(crate) struct Sealed {
    wire: Secure<Admitted, Growable>,
    owner: Owner,
}

/// The key id under which the link's session began; set once the peer has shown that it has the key.
type Owner = Arc<OnceLock<KeyId>>;

/// The keys that are as good as there are, once an owner is known: only its own.
#[derive(Debug)]
struct Admitted {
    keys: Keyring,
    owner: Owner,
}

/// The keys of a program: the one that it dials with, and those that it listens for.
#[derive(Clone, Debug)]
pub(crate) struct Security {
    pub(crate) dials: Option<Key>,
    pub(crate) listens: Option<Keyring>,
}

impl Security {
    pub(crate) const NONE: Self = Self {
        dials: None,
        listens: None,
    };

    /// These keys, and those of `other` where there are none.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            dials: self.dials.or(other.dials),
            listens: self.listens.or(other.listens),
        }
    }

    /// The wire of a link at its `end`.
    ///
    /// A program that has keys for the other end alone gets an error: it must not speak in plain by mistake.
    pub(crate) fn wire(&self, end: End) -> io::Result<AnyWire> {
        match (end, &self.dials, &self.listens) {
            (_, None, None) => Ok(AnyWire::Plain),
            (End::Dials | End::Either, Some(key), None) | (End::Dials, Some(key), Some(_)) => {
                Ok(AnyWire::sealed(Some(*key.id()), key.clone().into()))
            }
            (End::Listens | End::Either, None, Some(keys))
            | (End::Listens, Some(_), Some(keys)) => Ok(AnyWire::sealed(None, keys.clone())),
            (End::Dials, None, Some(_)) => Err(no_key("no key to dial with, only keys to listen")),
            (End::Listens, Some(_), None) => {
                Err(no_key("no keys to listen, only one to dial with"))
            }
            (End::Either, Some(_), Some(_)) => Err(no_key("keys to dial with and to listen")),
        }
    }
}

fn no_key(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

impl AnyWire {
    fn sealed(dials: Option<KeyId>, keys: Keyring) -> Self {
        let owner = Owner::default();
        let keys = Admitted {
            keys,
            owner: owner.clone(),
        };
        let memory = || Growable::new(BUFFER, BUFFER);
        let wire = match dials {
            Some(id) => Secure::dial(id, keys, memory(), memory()),
            None => Secure::listen(keys, memory(), memory()),
        };
        Self::Sealed(Box::new(Sealed { wire, owner }))
    }

    /// The key id that the peer has shown to have the key of.
    pub(crate) fn owner(&self) -> Option<KeyId> {
        match self {
            Self::Plain => None,
            Self::Sealed(sealed) => sealed.owner.get().copied(),
        }
    }
}

impl Guarded for AnyWire {
    fn random(&self) -> [u8; 32] {
        let mut random = [0; 32];
        if let Self::Sealed(_) = self {
            getrandom::fill(&mut random).expect("the system has random numbers");
        }
        random
    }

    fn fault(&mut self) -> Option<Fault> {
        self.poll_stream().err()
    }

    fn has_owner_of(&self, other: &Self) -> bool {
        self.is_plain() == other.is_plain() && self.owner() == other.owner()
    }
}

impl Keys for Admitted {
    fn key(&self, id: &[u8]) -> Option<&secure::Key> {
        let is_owners = |owner: &KeyId| owner.as_bytes() == id;
        match self.owner.get().is_none_or(is_owners) {
            true => self.keys.key(id),
            false => None,
        }
    }
}

impl Wire for AnyWire {
    #[inline]
    fn is_plain(&self) -> bool {
        matches!(self, Self::Plain)
    }

    fn handle_connected(&mut self, random: [u8; 32]) {
        if let Self::Sealed(sealed) = self {
            sealed.wire.handle_connected(random);
        }
    }

    fn input_room(&mut self) -> &mut [u8] {
        match self {
            Self::Plain => &mut [],
            Self::Sealed(sealed) => sealed.wire.input_room(),
        }
    }

    fn handle_input(&mut self, len: usize) {
        if let Self::Sealed(sealed) = self {
            sealed.wire.handle_input(len);
        }
    }

    fn poll_stream(&mut self) -> Result<&[u8], Fault> {
        let Self::Sealed(sealed) = self else {
            return Ok(&[]);
        };
        let Sealed { wire, owner } = &mut **sealed;
        // The first plain bytes show that the peer is here: an opening could be one that was recorded.
        if owner.get().is_none()
            && let Some(id) = wire.key_id()
            && !wire.poll_stream()?.is_empty()
        {
            owner.get_or_init(|| id);
        }
        wire.poll_stream()
    }

    fn take_stream(&mut self, len: usize) {
        if let Self::Sealed(sealed) = self {
            sealed.wire.take_stream(len);
        }
    }

    fn send_stream(&mut self, bytes: &[u8]) -> usize {
        match self {
            Self::Plain => 0,
            Self::Sealed(sealed) => sealed.wire.send_stream(bytes),
        }
    }

    fn poll_output(&mut self) -> &[u8] {
        match self {
            Self::Plain => &[],
            Self::Sealed(sealed) => sealed.wire.poll_output(),
        }
    }

    fn both_ways(&mut self) -> (&mut [u8], &[u8]) {
        match self {
            Self::Plain => (&mut [], &[]),
            Self::Sealed(sealed) => sealed.wire.both_ways(),
        }
    }

    fn has_output(&self) -> bool {
        match self {
            Self::Plain => false,
            Self::Sealed(sealed) => sealed.wire.has_output(),
        }
    }

    fn handle_written(&mut self, len: usize) {
        if let Self::Sealed(sealed) = self {
            sealed.wire.handle_written(len);
        }
    }

    fn is_open(&self) -> bool {
        match self {
            Self::Plain => true,
            Self::Sealed(sealed) => sealed.wire.is_open(),
        }
    }

    fn handle_time(&mut self, _: Instant) {}

    fn next_timeout(&self) -> Option<Instant> {
        None
    }
}

/// Room for many records in one read or write. What no bytes have gone through costs no memory.
const BUFFER: usize = 64 << 10;
