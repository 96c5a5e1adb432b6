//! The folders of a run: for each side one that it serves files from, and one that it takes them into.

use super::words::Mark;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

#[derive(Debug)]
pub(super) struct Folders(PathBuf);

impl Folders {
    pub(super) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let name = format!("ropeway-fault-proxy-{}-{number}", std::process::id());
        let folders = Self(std::env::temp_dir().join(name));
        for side in [0, 1] {
            for folder in [folders.out(side), folders.inbox(side)] {
                fs::create_dir_all(folder).expect("a temporary folder");
            }
        }
        folders
    }

    /// Where a side has what it offers, or is asked for.
    pub(super) fn out(&self, side: usize) -> PathBuf {
        self.0.join(format!("{side}-out"))
    }

    /// Where a side takes what comes.
    pub(super) fn inbox(&self, side: usize) -> PathBuf {
        self.0.join(format!("{side}-in"))
    }

    /// Makes a file that a side has.
    pub(super) fn make(&self, side: usize, mark: Mark, len: usize) -> PathBuf {
        let path = self.out(side).join(name(mark));
        fs::write(&path, content(mark, len)).expect("a temporary file");
        path
    }
}

impl Drop for Folders {
    fn drop(&mut self) {
        // What cannot be removed is temporary all the same.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What the file of this mark is called.
pub(super) fn name(mark: Mark) -> String {
    format!("{}-{}", mark.stream, mark.index)
}

/// Whether what is at `path` is the file of this mark.
pub(super) fn is_whole(path: &Path, mark: Mark, len: usize) -> bool {
    fs::read(path).is_ok_and(|bytes| bytes == content(mark, len))
}

fn content(mark: Mark, len: usize) -> Vec<u8> {
    let seed = u64::from(mark.stream) << 32 | u64::from(mark.index);
    let mut random = ropeway_tests::rig::Random::new(seed);
    (0..len).map(|_| random.next().to_le_bytes()[0]).collect()
}
