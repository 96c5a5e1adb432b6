//! Finds the end of a pickle, opcode by opcode, however its bytes arrive.

use core::ops::Range;

use super::LONG_LIMIT;
use super::machine::{Halt, Machine, State};
use super::node::Node;
use super::opcode::{self, LONG1, LONG4, Operand, STOP};
use crate::encoding::{DecodeError, Rule};

/// How far a pickle has been scanned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scan {
    pub(super) state: State,
    /// Where the opcode that comes next stands.
    at: usize,
    /// How many bytes of its lines have been looked at, and how many lines there were.
    searched: usize,
    lines: u8,
    /// The pickle ends before the next opcode.
    pub(super) is_done: bool,
}

/// Where an opcode's content stands, and where the next opcode does.
pub(super) struct Extent {
    pub(super) content: Range<usize>,
    pub(super) end: usize,
}

impl Scan {
    pub(super) const NEW: Self = Self {
        state: State::NEW,
        at: 0,
        searched: 0,
        lines: 0,
        is_done: false,
    };

    /// How many bytes have been scanned.
    pub(super) const fn position(&self) -> usize {
        self.at
    }

    /// Executes as many opcodes as there are, at most `limit` bytes.
    pub(super) fn run(
        &mut self,
        nodes: &mut [Node],
        input: &[u8],
        limit: usize,
        budget: u32,
    ) -> Result<(), Halt> {
        while !self.is_done {
            let at = self.at;
            if at >= limit {
                return Err(DecodeError::at(at, too_long(limit)).into());
            }
            let Some(&opcode) = input.get(at) else {
                return Ok(());
            };
            let Some(extent) = self.extent(opcode, input, limit)? else {
                return Ok(());
            };
            let end = extent.end;
            let mut machine = Machine {
                state: &mut self.state,
                nodes,
                input,
                at,
                budget,
            };
            machine.execute(opcode, extent, limit)?;
            self.is_done = opcode == STOP;
            self.at = end;
            self.searched = 0;
            self.lines = 0;
        }
        Ok(())
    }

    /// Finds what belongs to the opcode; `None` while not all of it has arrived.
    #[inline]
    fn extent(
        &mut self,
        opcode: u8,
        input: &[u8],
        limit: usize,
    ) -> Result<Option<Extent>, DecodeError> {
        let at = self.at;
        let start = at + 1;
        let (start, end) = match opcode::operand(opcode) {
            Operand::None => (start, start),
            Operand::Fixed(width) => (start, start + usize::from(width)),
            Operand::Counted(width) => {
                let start = start + usize::from(width);
                if start > limit {
                    return Err(DecodeError::at(at, too_long(limit)));
                }
                let Some(header) = input.get(at + 1..start) else {
                    return Ok(None);
                };
                let len = little(header);
                if matches!(opcode, LONG1 | LONG4) && len > LONG_LIMIT as u64 {
                    return Err(DecodeError::at(at, Rule::TooManyDigits { limit: 4300 }));
                }
                let end = usize::try_from(len)
                    .ok()
                    .and_then(|len| start.checked_add(len));
                (start, end.unwrap_or(usize::MAX))
            }
            Operand::Lines(count) => return self.lines(input, count, limit),
            Operand::Number => return self.number(input, limit),
            Operand::Forbidden => return Err(DecodeError::at(at, Rule::Forbidden { opcode })),
            Operand::Unknown => return Err(DecodeError::at(at, Rule::UnknownOpcode { opcode })),
        };
        if end > limit {
            return Err(DecodeError::at(at, too_long(limit)));
        }
        let content = start..end;
        Ok((end <= input.len()).then_some(Extent { content, end }))
    }

    /// Finds the end of so many lines; no byte is looked at twice.
    fn lines(
        &mut self,
        input: &[u8],
        count: u8,
        limit: usize,
    ) -> Result<Option<Extent>, DecodeError> {
        let start = self.at + 1;
        let seen = limit.min(input.len());
        let mut from = start.max(self.searched);
        let mut lines = self.lines;
        while let Some(len) = input
            .get(from..seen)
            .and_then(|ahead| memchr::memchr(b'\n', ahead))
        {
            from += len + 1;
            lines += 1;
            if lines == count {
                // Nothing is noted: the opcode may come here again, once there are more nodes.
                let content = start..from - 1;
                return Ok(Some(Extent { content, end: from }));
            }
        }
        self.lines = lines;
        self.searched = seen.max(from);
        if seen == limit {
            return Err(DecodeError::at(self.at, too_long(limit)));
        }
        Ok(None)
    }

    /// Finds the end of a line with a number.
    fn number(&self, input: &[u8], limit: usize) -> Result<Option<Extent>, DecodeError> {
        let start = self.at + 1;
        let furthest = limit.min(start + NUMBER_LIMIT);
        let seen = furthest.min(input.len());
        let ahead = input.get(start..seen).unwrap_or_default();
        if let Some(len) = memchr::memchr(b'\n', ahead) {
            let content = start..start + len;
            let end = content.end + 1;
            return Ok(Some(Extent { content, end }));
        }
        if seen < furthest {
            return Ok(None);
        }
        Err(DecodeError::at(
            self.at,
            if furthest == limit {
                too_long(limit)
            } else {
                Rule::InvalidNumber
            },
        ))
    }
}

/// The pickle is longer than `limit`.
#[cold]
pub(super) fn too_long(limit: usize) -> Rule {
    let limit = u32::try_from(limit).unwrap_or(u32::MAX);
    Rule::TooLong { limit }
}

/// An unsigned integer of up to eight bytes, the least byte first.
#[inline]
pub(super) fn little(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// The most bytes that a line with a number may have.
const NUMBER_LIMIT: usize = 64;
