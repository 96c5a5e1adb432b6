use super::speech::Reply;
use ropeway_core::dialect::tcptalks::CallId;
use std::collections::VecDeque;

/// The replies that nobody has asked for yet, the oldest first.
#[derive(Debug)]
pub(super) struct Kept {
    replies: VecDeque<(CallId, Reply)>,
    limit: usize,
}

impl Kept {
    pub(super) const fn new(limit: usize) -> Self {
        Self {
            replies: VecDeque::new(),
            limit,
        }
    }

    /// Keeps a reply; of those that are not `awaited`, the oldest goes when there are too many.
    pub(super) fn add(&mut self, id: CallId, reply: Reply, awaited: &[CallId]) {
        self.replies.push_back((id, reply));
        if self.replies.len() > self.limit + awaited.len() {
            let mut kept = self.replies.iter();
            if let Some(oldest) = kept.position(|(id, _)| !awaited.contains(id)) {
                self.replies.remove(oldest);
            }
        }
    }

    /// The oldest reply under `id`.
    pub(super) fn take(&mut self, id: CallId) -> Option<Reply> {
        let at = self.replies.iter().position(|(under, _)| *under == id)?;
        self.replies.remove(at).map(|(_, reply)| reply)
    }

    /// Drops all replies under `id`, and says how many there were.
    pub(super) fn drop_all(&mut self, id: CallId) -> usize {
        let before = self.replies.len();
        self.replies.retain(|(under, _)| *under != id);
        before - self.replies.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    #[test]
    fn drops_the_oldest_that_nobody_waits_for() {
        let mut kept = Kept::new(2);
        let ids = [1, 2, 3, 4].map(CallId::Number);
        for (number, id) in ids.into_iter().enumerate() {
            kept.add(id, Ok(Value::from(number as u64)), &ids[..1]);
        }
        assert!(kept.take(ids[0]).is_some());
        assert!(kept.take(ids[1]).is_none());
        assert!(kept.take(ids[2]).is_some());
        assert_eq!(kept.drop_all(ids[3]), 1);
        assert_eq!(kept.drop_all(ids[3]), 0);
    }
}
