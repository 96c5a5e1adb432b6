use super::Rule;

/// The ids of one counting in one session: each is the one before plus one, without 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ids {
    first: u32,
    /// The one to be drawn next.
    next: u32,
    /// Whether any was drawn.
    started: bool,
}

/// Ids in a row that are refused because there is no room, until the refusals are queued.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turned {
    first: u32,
    count: u32,
}

impl Ids {
    pub(super) const fn new() -> Self {
        Self {
            first: FIRST,
            next: FIRST,
            started: false,
        }
    }

    /// The next id to draw.
    pub(super) const fn next(&self) -> u32 {
        self.next
    }

    /// Draws it.
    pub(super) const fn draw(&mut self, id: u32) {
        if !self.started {
            self.first = id;
            self.started = true;
        }
        self.next = successor(id);
    }

    /// Whether the peer may draw this id now; its first of a session is any but 0.
    pub(super) const fn expect(&self, id: u32) -> Result<(), Rule> {
        if id == 0 || (self.started && id != self.next) {
            let expected = self.next;
            return Err(Rule::Order { id, expected });
        }
        Ok(())
    }

    /// Whether the id was drawn in this session; what is said of it is at worst out of date.
    pub(super) const fn contains(&self, id: u32) -> bool {
        self.started && id != 0 && id.wrapping_sub(self.first) < self.next.wrapping_sub(self.first)
    }

    /// The ids of a new session go on from those of the old, so that no frame of the old one fits any.
    pub(super) const fn go_on(&mut self) {
        self.first = self.next;
        self.started = false;
    }
}

impl Turned {
    pub(super) const NONE: Self = Self { first: 0, count: 0 };

    pub(super) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The oldest refusal.
    pub(super) const fn peek(&self) -> Option<u32> {
        match self.count {
            0 => None,
            _ => Some(self.first),
        }
    }

    /// Notes one more, if it follows the last.
    pub(super) fn push(&mut self, id: u32) -> bool {
        if self.is_empty() {
            *self = Self {
                first: id,
                count: 1,
            };
            return true;
        }
        let follows = id.wrapping_sub(self.first) == self.count && id != 0;
        let count = self.count.checked_add(1).filter(|_| follows);
        self.count = count.unwrap_or(self.count);
        count.is_some()
    }

    pub(super) const fn pop(&mut self) {
        self.first = successor(self.first);
        self.count = self.count.saturating_sub(1);
    }
}

const fn successor(id: u32) -> u32 {
    match id {
        u32::MAX => FIRST,
        id => id + 1,
    }
}

const FIRST: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_was_drawn() {
        let mut ids = Ids::new();
        assert!(!ids.contains(1));
        for id in 1..4 {
            assert_eq!(ids.next(), id);
            ids.draw(id);
        }
        assert!(ids.contains(1) && ids.contains(3) && !ids.contains(4) && !ids.contains(0));
        ids.go_on();
        assert!(!ids.contains(3) && !ids.contains(4));
        assert_eq!(ids.next(), 4);
    }

    #[test]
    fn holds_the_peer_to_its_counting_from_its_first_on() {
        let mut ids = Ids::new();
        assert_eq!(ids.expect(u32::MAX), Ok(()));
        ids.draw(u32::MAX);
        let order = |id| Err(Rule::Order { id, expected: 1 });
        assert_eq!(ids.expect(0), order(0));
        assert_eq!(ids.expect(u32::MAX), order(u32::MAX));
        assert_eq!(ids.expect(1), Ok(()));
        ids.draw(1);
        assert!(ids.contains(u32::MAX) && ids.contains(1) && !ids.contains(2));
    }

    #[test]
    fn refusals_wait_in_a_row() {
        let mut turned = Turned::NONE;
        assert!(turned.push(7) && turned.push(8) && !turned.push(10));
        assert_eq!(turned.peek(), Some(7));
        turned.pop();
        assert!(turned.push(9));
        turned.pop();
        turned.pop();
        assert_eq!(turned.peek(), None);
        assert!(turned.push(20));
    }
}
