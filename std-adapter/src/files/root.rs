use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Component, Path, PathBuf};
use std::{fmt, io};

/// The folder under which the files that peers name may lie.
///
/// A peer says paths relative to it. Absolute ones, ones with `..` and ones that a link leads out of it are
/// [refused](PathError), unless the program says [`anywhere`](Self::anywhere).
///
/// ```
/// use ropeway_std::files::{PathError, Root};
///
/// let root = Root::new(std::env::temp_dir());
/// assert!(root.resolve("animation.csv").is_ok());
/// assert!(matches!(root.resolve("../animation.csv"), Err(PathError::Parent)));
/// assert!(matches!(root.resolve("/etc/passwd"), Err(PathError::Absolute)));
/// ```
#[derive(Clone, Debug)]
pub struct Root {
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    Under(PathBuf),
    Anywhere,
}

/// Why a path that a peer names is refused.
#[derive(Debug)]
#[non_exhaustive]
pub enum PathError {
    /// It names no file.
    Empty,
    /// It is absolute.
    Absolute,
    /// It goes up, by `..`.
    Parent,
    /// A link in it leads out of the root.
    Outside,
    /// It names something that is no file: a folder, a device.
    NotAFile,
    /// There is no such folder or file, or it may not be looked at.
    Io(io::Error),
}

impl Root {
    /// Only what lies under `folder`.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            place: Place::Under(folder.into()),
        }
    }

    /// Wherever the peer says, relative to the working directory or absolute, as clever-show does it.
    ///
    /// Whoever can connect can then overwrite every file that this program may write.
    pub const fn anywhere() -> Self {
        Self {
            place: Place::Anywhere,
        }
    }

    /// Where the file that a peer calls `path` is to be written. Its folder must be there.
    pub fn resolve(&self, path: &str) -> Result<PathBuf, PathError> {
        let path = Path::new(path);
        let name = path.file_name().ok_or(PathError::Empty)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let folder = match &self.place {
            Place::Anywhere if folder.as_os_str().is_empty() => PathBuf::from("."),
            Place::Anywhere => folder.to_owned(),
            Place::Under(root) => {
                check(path)?;
                under(root, folder)?
            }
        };
        let target = folder.join(name);
        match fs::metadata(&folder) {
            Ok(folder) if folder.is_dir() => {}
            Ok(_) => return Err(PathError::Io(io::ErrorKind::NotADirectory.into())),
            Err(error) => return Err(PathError::Io(error)),
        }
        match fs::symlink_metadata(&target) {
            Ok(there) if there.is_dir() => Err(PathError::NotAFile),
            _ => Ok(target),
        }
    }

    /// The same, with the folders in `path` made that are not there.
    pub fn make_way(&self, path: &str) -> Result<PathBuf, PathError> {
        if let Place::Under(root) = &self.place {
            let path = Path::new(path);
            check(path)?;
            let mut way = PathBuf::new();
            for part in path.parent().into_iter().flat_map(Path::components) {
                way.push(part);
                // What is there already must not lead out of the root before more is made behind it.
                match under(root, &way) {
                    Err(PathError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                        let folder = root.join(&way);
                        fs::create_dir(&folder)?;
                        sync_parent(&folder);
                    }
                    found => drop(found?),
                }
            }
        }
        self.resolve(path)
    }

    /// Opens the file that a peer calls `path` for reading, and tells its length.
    pub fn open(&self, path: &str) -> Result<(File, u64), PathError> {
        let path = Path::new(path);
        let path = match &self.place {
            Place::Anywhere => path.to_owned(),
            Place::Under(root) => {
                check(path)?;
                under(root, path)?
            }
        };
        open_file(&path)
    }
}

/// Opens a file, not a folder or a device, which could block.
pub(crate) fn open_file(path: &Path) -> Result<(File, u64), PathError> {
    if !fs::metadata(path)?.is_file() {
        return Err(PathError::NotAFile);
    }
    let file = File::open(path)?;
    let len = file.metadata()?.len();
    Ok((file, len))
}

/// Has the name of a file or folder written to the disk, where that can be had.
pub(super) fn sync_parent(path: &Path) {
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        let here = Path::new(".");
        let folder = Some(folder).filter(|folder| !folder.as_os_str().is_empty());
        // Not every file system can; the name is there all the same.
        let _ = File::open(folder.unwrap_or(here)).and_then(|folder| folder.sync_all());
    }
    #[cfg(not(unix))]
    let _ = path;
}

/// Goes down only.
fn check(path: &Path) -> Result<(), PathError> {
    for component in path.components() {
        match component {
            Component::Normal(name) if cfg!(windows) && has_colon(name) => {
                return Err(PathError::Absolute);
            }
            Component::Normal(_) | Component::CurDir => {}
            Component::ParentDir => return Err(PathError::Parent),
            Component::RootDir | Component::Prefix(_) => return Err(PathError::Absolute),
        }
    }
    Ok(())
}

/// On Windows the name of a drive or a stream.
fn has_colon(name: &OsStr) -> bool {
    name.as_encoded_bytes().contains(&b':')
}

/// Where `path` really lies, if that is under `root`.
fn under(root: &Path, path: &Path) -> Result<PathBuf, PathError> {
    let root = root.canonicalize()?;
    let place = root.join(path).canonicalize()?;
    match place.starts_with(&root) {
        true => Ok(place),
        false => Err(PathError::Outside),
    }
}

impl From<io::Error> for PathError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("no path of a file"),
            Self::Absolute => f.write_str("absolute path"),
            Self::Parent => f.write_str("path that goes up by `..`"),
            Self::Outside => f.write_str("path that leads out of the root"),
            Self::NotAFile => f.write_str("not a file"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for PathError {}
