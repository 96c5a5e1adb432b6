//! Files that were dropped on peers, until these have them.

use super::state::lock;
use ropeway_std::hub::PeerId;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// A folder of this program's alone, made when it is needed.
#[derive(Default)]
pub(crate) struct Uploads(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    folder: Option<PathBuf>,
    made: u64,
    /// For which peer of which line each file is.
    files: HashMap<PathBuf, (usize, PeerId)>,
}

impl Uploads {
    /// A place for a file for a peer, where there is none yet.
    pub(crate) fn place(&self, line: usize, peer: PeerId) -> io::Result<PathBuf> {
        let mut inner = lock(&self.0);
        let folder = match &inner.folder {
            Some(folder) => folder.clone(),
            None => make_folder()?,
        };
        inner.folder = Some(folder.clone());
        inner.made += 1;
        let path = folder.join(inner.made.to_string());
        inner.files.insert(path.clone(), (line, peer));
        Ok(path)
    }

    /// Nobody needs the file at `path` any more, if it is one of these.
    pub(crate) fn done_with(&self, path: &Path) {
        if lock(&self.0).files.remove(path).is_some() {
            remove(path);
        }
    }

    /// The program ends.
    pub(crate) fn clear(&self) {
        if let Some(folder) = lock(&self.0).folder.take() {
            // It lies in the system's folder for what is temporary: what cannot be removed goes with that.
            let _ = std::fs::remove_dir_all(folder);
        }
    }

    /// A peer has left for good.
    pub(crate) fn left(&self, line: usize, peer: PeerId) {
        lock(&self.0).files.retain(|path, whose| {
            let stays = *whose != (line, peer);
            if !stays {
                remove(path);
            }
            stays
        });
    }
}

fn remove(path: &Path) {
    // It may not have been written yet.
    let _ = std::fs::remove_file(path);
}

/// A folder under a name that nobody can guess, for its owner alone.
fn make_folder() -> io::Result<PathBuf> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| io::Error::other(error.to_string()))?;
    let name = format!("ropeway-{}", crate::line::hex(&random));
    let folder = std::env::temp_dir().join(name);
    let mut builder = std::fs::DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(&folder)?;
    Ok(folder)
}
