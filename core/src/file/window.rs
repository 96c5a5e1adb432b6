use super::Store;
use super::incoming::Incoming;

/// How the files that come in share what may come ahead of what was written.
///
/// Each has the same share, as far as those that came earlier leave it; they give back what is more than theirs as their
/// bytes come.
#[derive(Clone, Copy)]
pub(super) struct Window {
    size: u32,
    files: u32,
    ahead: u64,
}

impl Window {
    pub(super) fn new<'f, F: Store + 'f>(
        size: u32,
        files: impl Iterator<Item = &'f Incoming<F>>,
    ) -> Self {
        let none = Self {
            size,
            files: 0,
            ahead: 0,
        };
        files.fold(none, |window, file| Self {
            files: window.files.saturating_add(1),
            ahead: window.ahead.saturating_add(file.ahead()),
            ..window
        })
    }

    /// What each file may have.
    pub(super) fn share(&self) -> u64 {
        (self.size / self.files.max(1)).max(1).into()
    }

    /// What may come ahead of `file`, one of those that were counted.
    pub(super) fn of<F: Store>(&self, file: &Incoming<F>) -> u64 {
        let others = self.ahead.saturating_sub(file.ahead());
        self.share()
            .min(u64::from(self.size).saturating_sub(others))
    }
}
