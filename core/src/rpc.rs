//! Calls under way: which answers are waited for, and until when.
//!
//! ```
//! use ropeway_core::Instant;
//! use ropeway_core::rpc::{Calls, Open};
//! use ropeway_core::time::Duration;
//!
//! let mut calls: Calls<u32, [Open<u32>; 4]> = Calls::new([Open::NONE; 4]);
//! let now = Instant::from_micros(0);
//! calls.open(7, "sum", now + Duration::from_secs(5))?;
//! assert_eq!(calls.close(8, "sum"), None); // stale: nobody waits for it
//! assert!(calls.close(7, "sum").is_some());
//! assert_eq!(calls.next_timeout(), None);
//! # Ok::<(), ropeway_core::rpc::TooMany>(())
//! ```

use crate::time::Instant;
use core::fmt;
use core::marker::PhantomData;

/// The calls that wait for their answers, in memory that the caller lends: one slot a call.
///
/// It sends and receives nothing. Who calls opens an entry and sends the request under its id; who receives an
/// answer closes it, and who has a clock takes out those whose time has passed. An answer that matches none is
/// stale and to be dropped.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Calls<C, S> {
    slots: S,
    ids: PhantomData<C>,
}

/// A call that waits for its answer, or room for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Open<C>(Option<Waiting<C>>);

/// A call that waits for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Waiting<C> {
    /// What the answer will come back with.
    pub id: C,
    /// The name of the request, which an answer that has one must have too.
    pub name: &'static str,
    /// When it is given up.
    pub deadline: Instant,
}

/// As many calls wait as there are slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TooMany;

impl<C> Open<C> {
    /// Room for a call.
    pub const NONE: Self = Self(None);
}

impl<C: Copy + Eq, S: AsRef<[Open<C>]> + AsMut<[Open<C>]>> Calls<C, S> {
    /// No calls, and room for as many as there are `slots`.
    pub const fn new(slots: S) -> Self {
        Self {
            slots,
            ids: PhantomData,
        }
    }

    /// Notes a call; its id must not be [open](Self::is_open).
    pub fn open(&mut self, id: C, name: &'static str, deadline: Instant) -> Result<(), TooMany> {
        let free = self.slots.as_mut().iter_mut().find(|slot| slot.0.is_none());
        free.ok_or(TooMany)?.0 = Some(Waiting { id, name, deadline });
        Ok(())
    }

    /// Whether a call waits under this id.
    pub fn is_open(&self, id: C) -> bool {
        self.iter().any(|call| call.id == id)
    }

    /// Takes out the call that an answer belongs to; `None` if it is stale or of another name.
    pub fn close(&mut self, id: C, name: &str) -> Option<Waiting<C>> {
        self.take(|call| call.id == id && call.name == name)
    }

    /// Takes out the call of this id, whatever its name: its answer names none, or nobody wants it any more.
    pub fn cancel(&mut self, id: C) -> Option<Waiting<C>> {
        self.take(|call| call.id == id)
    }

    /// Takes out a call whose time has passed; ask until there is none.
    pub fn poll_timeout(&mut self, now: Instant) -> Option<Waiting<C>> {
        self.take(|call| call.deadline <= now)
    }

    /// When the next call is given up.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.iter().map(|call| call.deadline).min()
    }

    /// The calls that wait, in no order.
    pub fn iter(&self) -> impl Iterator<Item = Waiting<C>> {
        self.slots.as_ref().iter().filter_map(|slot| slot.0)
    }

    fn take(&mut self, is_it: impl Fn(&Waiting<C>) -> bool) -> Option<Waiting<C>> {
        let mut slots = self.slots.as_mut().iter_mut();
        slots
            .find(|slot| slot.0.as_ref().is_some_and(&is_it))?
            .0
            .take()
    }
}

impl fmt::Display for TooMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("as many calls wait for answers as there is room for")
    }
}

impl core::error::Error for TooMany {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Duration;

    fn at(seconds: u64) -> Instant {
        Instant::from_micros(0) + Duration::from_secs(seconds)
    }

    #[test]
    fn closes_only_the_call_of_that_id_and_name() {
        let mut calls = Calls::new([Open::NONE; 2]);
        calls.open(1, "a", at(5)).unwrap();
        calls.open(2, "b", at(3)).unwrap();
        assert_eq!(calls.open(3, "c", at(1)), Err(TooMany));
        assert_eq!(calls.close(1, "b"), None);
        assert_eq!(calls.close(1, "a").unwrap().deadline, at(5));
        assert_eq!(calls.close(1, "a"), None);
        assert!(calls.is_open(2) && !calls.is_open(1));
        calls.open(3, "c", at(1)).unwrap();
    }

    #[test]
    fn gives_calls_up_in_time() {
        let mut calls = Calls::new([Open::NONE; 3]);
        for (id, deadline) in [(1, 5), (2, 3), (3, 9)] {
            calls.open(id, "a", at(deadline)).unwrap();
        }
        assert_eq!(calls.next_timeout(), Some(at(3)));
        assert_eq!(calls.poll_timeout(at(2)), None);
        let mut given_up = [
            calls.poll_timeout(at(5)).unwrap().id,
            calls.poll_timeout(at(5)).unwrap().id,
        ];
        given_up.sort_unstable();
        assert_eq!(given_up, [1, 2]);
        assert_eq!(calls.poll_timeout(at(5)), None);
        assert_eq!(calls.cancel(3).unwrap().deadline, at(9));
    }
}
