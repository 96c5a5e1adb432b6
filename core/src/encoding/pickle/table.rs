use super::machine::Halt;
use super::node::{NODE_LIMIT, Node};
use super::scan::Scan;
use super::value::Value;
use crate::encoding::{DecodeError, Rule};

/// Memory that the values of a pickle are listed in.
///
/// Fixed memory needs no more than `impl Nodes for T {}`; memory that can be enlarged says so by
/// [`limit`](Self::limit) and [`grow`](Self::grow). The length of `as_ref()` must not change otherwise.
pub trait Nodes: AsRef<[Node]> + AsMut<[Node]> {
    /// The most nodes this memory can ever have.
    fn limit(&self) -> usize {
        self.as_ref().len()
    }

    /// Enlarges the memory to `len` nodes or more, its content kept, and says whether it has as many now.
    fn grow(&mut self, len: usize) -> bool {
        self.as_ref().len() >= len
    }
}

impl Nodes for &mut [Node] {}

impl<const N: usize> Nodes for [Node; N] {}

/// Scans one pickle after the other, and lists the values of the last.
///
/// Stack, memo and values share the lent memory, and its size is the limit. Each value takes one node of 16 bytes,
/// keys and repeated values among them, and each place in the memo, where Python puts all but numbers, a quarter of
/// one; sets and byte arrays take four. A call of tcptalks with three numbers needs 12, an exception with its
/// traceback some 30, and 22 more for each frame.
///
/// What a pickle repeats by reference may come to as many values as there are nodes, where 64 bytes of a text count
/// as one. With more memory than 2²⁴ nodes the rest is left unused.
#[derive(Debug)]
pub struct Table<S> {
    nodes: S,
    scan: Scan,
    /// The rule that the pickle breaks: what is in the nodes then is of no use.
    flaw: Option<DecodeError>,
}

/// What a scan found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Progress {
    /// The pickle is not complete.
    More,
    /// The pickle is complete, and plain data.
    Done {
        /// The length of the pickle, STOP included.
        len: usize,
    },
}

impl<S: Nodes> Table<S> {
    /// A table in lent memory.
    pub const fn new(nodes: S) -> Self {
        Self {
            nodes,
            scan: Scan::NEW,
            flaw: None,
        }
    }

    /// Forgets the pickle, complete or not; the next scan is at the start of another.
    pub const fn clear(&mut self) {
        self.scan = Scan::NEW;
        self.flaw = None;
    }

    /// Scans the pickle at the front of `input`, which is what the last scan saw and more.
    ///
    /// No byte is looked at twice. What breaks a rule is refused as soon as that is known, a pickle of more than
    /// `limit` bytes among it, and stays refused; then, as after [`Progress::Done`], the table is to be
    /// [cleared](Self::clear).
    pub fn scan(&mut self, input: &[u8], limit: usize) -> Result<Progress, DecodeError> {
        if let Some(flaw) = self.flaw {
            return Err(flaw);
        }
        let progress = self.run(input, limit);
        self.flaw = progress.err();
        progress
    }

    fn run(&mut self, input: &[u8], limit: usize) -> Result<Progress, DecodeError> {
        let limit = limit.min(u32::MAX as usize);
        let most = self.nodes.limit().min(NODE_LIMIT);
        let budget = u32::try_from(most).unwrap_or(u32::MAX);
        loop {
            let nodes = self.nodes.as_mut();
            let len = nodes.len().min(NODE_LIMIT);
            let nodes = nodes.get_mut(..len).unwrap_or_default();
            match self.scan.run(nodes, input, limit, budget) {
                Ok(()) if self.scan.is_done => {
                    let len = self.scan.position();
                    return Ok(Progress::Done { len });
                }
                Ok(()) => return Ok(Progress::More),
                Err(Halt::Flaw(flaw)) => return Err(flaw),
                Err(Halt::Full { needed }) => {
                    if !self.grow(needed, most) {
                        let rule = Rule::TooManyValues { limit: budget };
                        return Err(DecodeError::at(self.scan.position(), rule));
                    }
                }
            }
        }
    }

    /// Enlarges the memory and moves the memo to its new end.
    fn grow(&mut self, needed: usize, limit: usize) -> bool {
        let old = self.nodes.as_ref().len().min(NODE_LIMIT);
        if needed > limit {
            return false;
        }
        let wanted = needed.max(old.saturating_mul(2)).min(limit);
        if !self.nodes.grow(wanted) {
            return false;
        }
        let slots = self.scan.state.slots as usize;
        let nodes = self.nodes.as_mut();
        let new = nodes.len().min(NODE_LIMIT);
        if new < needed || new < old {
            return false;
        }
        if old >= slots {
            nodes.copy_within(old - slots..old, new - slots);
        }
        true
    }

    /// The value that the pickle of `content` is, once its scan is done.
    pub fn root<'n, 'a>(&'n self, content: &'a [u8]) -> Option<Value<'n, 'a>> {
        let nodes = self.nodes.as_ref();
        let nodes = nodes.get(..NODE_LIMIT).unwrap_or(nodes);
        self.scan
            .is_done
            .then(|| Value::new(nodes, content, self.scan.state.top))
    }
}
