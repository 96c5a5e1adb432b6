use crate::encoding::value::DEPTH_LIMIT;

/// The counts of the containers that are open around the innermost one.
///
/// MessagePack says at the start of a container how much it holds, so a reader must remember it for each that is
/// open. The memory is there for the deepest nesting, but no part of it is touched before values nest so deep.
#[derive(Debug)]
pub(super) struct Levels {
    parts: [Option<[u32; PART]>; PARTS],
}

impl Levels {
    pub(super) const fn new() -> Self {
        Self {
            parts: [const { None }; PARTS],
        }
    }

    /// Remembers `count` for the container at `level`.
    #[inline]
    pub(super) fn put(&mut self, level: u8, count: u32) {
        let level = usize::from(level);
        if let Some(part) = self.parts.get_mut(level / PART) {
            let part = part.get_or_insert([0; PART]);
            if let Some(slot) = part.get_mut(level % PART) {
                *slot = count;
            }
        }
    }

    /// What was last remembered for the container at `level`.
    #[inline]
    pub(super) fn get(&self, level: u8) -> u32 {
        let level = usize::from(level);
        match self.parts.get(level / PART) {
            Some(Some(part)) => part.get(level % PART).copied().unwrap_or(0),
            _ => 0,
        }
    }
}

const PART: usize = 16;
const PARTS: usize = (DEPTH_LIMIT as usize).div_ceil(PART);
