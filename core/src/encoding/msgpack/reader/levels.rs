use crate::encoding::value::DEPTH_LIMIT;

/// The counts of the containers that are open around the innermost one.
///
/// MessagePack says at the start of a container how much it holds, so a reader must remember it for each that is
/// open. The memory is there for the deepest nesting, but is not touched before values nest.
#[derive(Debug)]
pub(super) struct Levels(Option<[u32; DEPTH_LIMIT as usize]>);

impl Levels {
    #[inline]
    pub(super) const fn new() -> Self {
        Self(None)
    }

    /// Remembers `count` for the container at `level`.
    #[inline]
    pub(super) fn put(&mut self, level: u8, count: u32) {
        let counts = self.0.get_or_insert([0; DEPTH_LIMIT as usize]);
        if let Some(slot) = counts.get_mut(usize::from(level)) {
            *slot = count;
        }
    }

    /// What was last remembered for the container at `level`.
    #[inline]
    pub(super) fn get(&self, level: u8) -> u32 {
        let counts = self.0.as_ref();
        let count = counts.and_then(|counts| counts.get(usize::from(level)));
        count.copied().unwrap_or(0)
    }
}
