//! The calls that wait for their answers, so that answers can be named.

use super::frame::Key;
use std::collections::{HashMap, VecDeque};

/// The calls of one side by their ids: the latest, as many as [`MOST`].
#[derive(Debug, Default)]
pub(super) struct Calls {
    keys: HashMap<String, Key>,
    order: VecDeque<String>,
}

impl Calls {
    /// Notes a call.
    pub(super) fn insert(&mut self, id: &str, key: &Key) {
        // Ids that a peer draws without end and nobody answers.
        if id.len() > LONGEST || key.name.as_ref().is_some_and(|name| name.len() > LONGEST) {
            return;
        }
        if self.keys.insert(id.to_owned(), key.clone()).is_none() {
            self.order.push_back(id.to_owned());
        }
        while self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.keys.remove(&oldest);
        }
    }

    /// What the call of this id has asked for; it has its answer now.
    pub(super) fn take(&mut self, id: &str) -> Key {
        let Some(key) = self.keys.remove(id) else {
            return Key::NONE;
        };
        // Answers mostly come in the order of their calls.
        if let Some(place) = self.order.iter().position(|other| other == id) {
            self.order.remove(place);
        }
        key
    }
}

/// How many calls are remembered.
const MOST: usize = 1024;

/// The longest id or name that is remembered, in bytes.
const LONGEST: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_the_latest_calls_until_they_are_answered() {
        let mut calls = Calls::default();
        for id in 0..=MOST {
            calls.insert(&id.to_string(), &Key::code(7_u8, Some("x")));
        }
        assert!(calls.take("0").is_none(), "the oldest is forgotten");
        assert_eq!(calls.take("1"), Key::code(7_u8, Some("x")));
        assert!(calls.take("1").is_none(), "an answer comes once");
        assert_eq!((calls.keys.len(), calls.order.len()), (MOST - 1, MOST - 1));
        calls.insert(&"9".repeat(300), &Key::NONE);
        assert_eq!(calls.order.len(), MOST - 1);
    }
}
