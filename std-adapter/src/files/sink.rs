use super::checksum::FastCrc;
use super::fault::Fault;
use super::root::sync_parent;
use ropeway_core::file::{Checksum, Prefix, Reason, Sink, WriteError};
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

/// What has come of a file, beside the place where it will be.
///
/// Its name tells the tag and the size, so that it is gone on with only if the same content is offered again. Whoever
/// opens it anew takes it from who had it open: a peer that comes back before its old link is known to be dead.
pub(super) struct Part {
    file: File,
    path: PathBuf,
    /// Whether somebody else has taken it.
    taken: Arc<AtomicBool>,
}

/// A part whose content is being looked at.
pub(super) struct Checking {
    part: Part,
    prefix: Prefix,
    len: u64,
    buffer: Vec<u8>,
}

/// A file on its way in.
pub(super) struct FileSink {
    part: Part,
    target: PathBuf,
    there: Prefix,
    /// Where the next write goes of its own accord.
    at: Option<u64>,
    /// How much was written since it was last put on the disk.
    unsynced: u64,
    fault: Fault,
}

impl Part {
    pub(super) fn open(target: &Path, size: u64, tag: u64) -> io::Result<Self> {
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{tag:016x}.{size:x}{SUFFIX}"));
        let path = target.with_file_name(name);
        let file = open(&path)?;
        // Nothing tells whether what is there is of the same content.
        if tag == 0 {
            file.set_len(0)?;
        }
        let taken = Arc::new(AtomicBool::new(false));
        if let Some(older) = parts().insert(path.clone(), taken.clone()) {
            older.store(true, Ordering::Relaxed);
        }
        Ok(Self { file, path, taken })
    }

    fn is_taken(&self) -> bool {
        self.taken.load(Ordering::Relaxed)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let mut parts = parts();
        if parts
            .get(&self.path)
            .is_some_and(|taken| Arc::ptr_eq(taken, &self.taken))
        {
            parts.remove(&self.path);
        }
    }
}

impl Checking {
    pub(super) fn new(part: Part, size: u64) -> io::Result<Self> {
        let len = part.file.metadata()?.len();
        Ok(Self {
            part,
            prefix: Prefix::EMPTY,
            len: if len <= size { len } else { 0 },
            buffer: Vec::new(),
        })
    }

    /// Looks at some more, and says whether all has been looked at.
    pub(super) fn step(&mut self) -> io::Result<bool> {
        if self.prefix.len < self.len {
            self.buffer.resize(BUFFER, 0);
        }
        for _ in 0..BUFFERS {
            if self.prefix.len >= self.len {
                break;
            }
            match self.part.file.read(&mut self.buffer) {
                // It has become shorter.
                Ok(0) => self.len = self.prefix.len,
                Ok(len) => {
                    let bytes = self.buffer.get(..len).unwrap_or_default();
                    self.prefix.crc = FastCrc::extend(self.prefix.crc, bytes);
                    self.prefix.len += len as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.prefix.len >= self.len)
    }

    /// How much is there.
    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    /// Goes on behind what is there.
    pub(super) fn into_sink(self, target: PathBuf, fault: Fault) -> io::Result<FileSink> {
        self.part.file.set_len(self.prefix.len)?;
        Ok(FileSink {
            part: self.part,
            target,
            there: self.prefix,
            at: None,
            unsynced: 0,
            fault,
        })
    }
}

impl FileSink {
    fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if self.part.is_taken() {
            return Err(io::Error::other("the file comes in by another transfer"));
        }
        if self.at != Some(offset) {
            self.at = None;
            self.part.file.seek(SeekFrom::Start(offset))?;
        }
        self.part.file.write_all(bytes)?;
        self.at = Some(offset + bytes.len() as u64);
        self.unsynced += bytes.len() as u64;
        if self.unsynced >= SYNCED {
            self.part.file.sync_data()?;
            self.unsynced = 0;
        }
        Ok(())
    }

    /// The content is on the disk before it has its name, and the name before the sender is told.
    fn finish(&mut self) -> io::Result<()> {
        if self.part.is_taken() {
            return Err(io::Error::other("the file comes in by another transfer"));
        }
        self.part.file.sync_all()?;
        fs::rename(&self.part.path, &self.target)?;
        sync_parent(&self.target);
        Ok(())
    }

    fn note(&self, error: io::Error) -> WriteError {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        let kind = error.kind();
        self.fault.set(error);
        match kind {
            StorageFull | QuotaExceeded | FileTooLarge => WriteError::NoRoom,
            _ => WriteError::Failed,
        }
    }
}

impl Sink for FileSink {
    fn resume(&mut self) -> Prefix {
        self.there
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), WriteError> {
        let written = self.write(offset, bytes);
        written.map_err(|error| self.note(error))
    }

    fn commit(&mut self) -> Result<(), WriteError> {
        let finished = self.finish();
        finished.map_err(|error| self.note(error))
    }

    /// What has come stays for another attempt where that can end better, and does not fill a disk that is full.
    fn abandon(&mut self, reason: Reason) {
        let stays = matches!(
            reason,
            Reason::WriteFailed | Reason::ReadFailed | Reason::Busy
        );
        if !stays && !self.fault.keeps_part() && !self.part.is_taken() {
            // What cannot be removed stays as what its name says.
            let _ = fs::remove_file(&self.part.path);
        }
    }
}

/// Opens a part, or makes one, but follows no link: that could lead anywhere.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    match options.clone().create_new(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => return made,
    }
    let there = fs::symlink_metadata(path)?;
    // A device could block.
    if !there.is_file() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let file = options.open(path)?;
    match is_same(&file.metadata()?, &there) {
        true => Ok(file),
        false => Err(io::ErrorKind::AlreadyExists.into()),
    }
}

/// Whether both are of one file: a link may have come into its place meanwhile.
#[cfg(unix)]
fn is_same(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_same(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    one.file_type() == other.file_type()
}

/// The parts that this program has open.
fn parts() -> MutexGuard<'static, HashMap<PathBuf, Arc<AtomicBool>>> {
    static PARTS: LazyLock<Mutex<HashMap<PathBuf, Arc<AtomicBool>>>> =
        LazyLock::new(Mutex::default);
    PARTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the names of parts end with.
const SUFFIX: &str = ".part";

/// Whether a part could have this name, on disks that do not tell cases apart too.
pub(super) fn is_of_part(name: &str) -> bool {
    let end = name.len().checked_sub(SUFFIX.len());
    let end = end.and_then(|at| name.get(at..));
    end.is_some_and(|end| end.eq_ignore_ascii_case(SUFFIX))
}

/// One read of a part, and the most of them in a step: that a large part is looked at keeps nobody waiting for long.
const BUFFER: usize = 64 << 10;
const BUFFERS: usize = 4;

/// So much is put on the disk at once, so that the end of a large file keeps nobody waiting for long.
const SYNCED: u64 = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let name = format!("ropeway-sink-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn sink(target: &Path, size: u64, tag: u64) -> FileSink {
        let mut checking = Checking::new(Part::open(target, size, tag).unwrap(), size).unwrap();
        while !checking.step().unwrap() {}
        let target = target.to_owned();
        checking.into_sink(target, Fault::default()).unwrap()
    }

    #[test]
    fn goes_on_with_the_same_content_only() {
        let folder = Folder::new("same");
        let target = folder.0.join("a");
        let mut first = sink(&target, 9, 1);
        first.write_at(0, b"1234").unwrap();
        drop(first);
        assert_eq!(sink(&target, 9, 2).resume(), Prefix::EMPTY);
        assert_eq!(sink(&target, 8, 1).resume(), Prefix::EMPTY);
        let mut again = sink(&target, 9, 1);
        let crc = FastCrc::extend(0, b"1234");
        assert_eq!(again.resume(), Prefix { len: 4, crc });
        again.write_at(4, b"56789").unwrap();
        again.commit().unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"123456789");
    }

    #[test]
    fn content_without_a_tag_begins_anew() {
        let folder = Folder::new("untagged");
        let target = folder.0.join("a");
        let mut first = sink(&target, 9, 0);
        first.write_at(0, b"1234").unwrap();
        drop(first);
        assert_eq!(sink(&target, 9, 0).resume(), Prefix::EMPTY);
    }

    #[test]
    fn who_opens_a_part_anew_takes_it_over() {
        let folder = Folder::new("taken");
        let target = folder.0.join("a");
        let mut older = sink(&target, 4, 1);
        older.write_at(0, b"12").unwrap();
        let mut newer = sink(&target, 4, 1);
        assert_eq!(newer.resume().len, 2);
        assert_eq!(older.write_at(2, b"xx"), Err(WriteError::Failed));
        assert_eq!(older.commit(), Err(WriteError::Failed));
        older.abandon(Reason::Cancelled);
        drop(older);
        newer.write_at(2, b"34").unwrap();
        newer.commit().unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"1234");
    }

    #[test]
    fn a_full_disk_is_told_from_one_that_fails() {
        let folder = Folder::new("full");
        let sink = sink(&folder.0.join("a"), 4, 1);
        let full = io::Error::from(io::ErrorKind::StorageFull);
        assert_eq!(sink.note(full), WriteError::NoRoom);
        let other = io::Error::from(io::ErrorKind::PermissionDenied);
        assert_eq!(sink.note(other), WriteError::Failed);
        assert_eq!(sink.fault.get().unwrap().kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn only_what_is_worth_another_attempt_stays() {
        let folder = Folder::new("stays");
        for (reason, stays) in [
            (Reason::WriteFailed, true),
            (Reason::ReadFailed, true),
            (Reason::Busy, true),
            (Reason::NoRoom, false),
            (Reason::Cancelled, false),
            (Reason::Changed, false),
            (Reason::WrongCrc, false),
        ] {
            let mut sink = sink(&folder.0.join("a"), 4, 1);
            let path = sink.part.path.clone();
            sink.abandon(reason);
            assert_eq!(path.exists(), stays, "{reason}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_the_place_of_a_part_is_not_followed() {
        let folder = Folder::new("link");
        let target = folder.0.join("a");
        let part = Part::open(&target, 4, 1).unwrap().path.clone();
        fs::remove_file(&part).unwrap();
        std::os::unix::fs::symlink(folder.0.join("elsewhere"), &part).unwrap();
        let refused = Part::open(&target, 4, 1).map(drop);
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    }
}
