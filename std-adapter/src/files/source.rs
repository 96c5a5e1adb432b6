use super::fault::Fault;
use ropeway_core::file::{ReadFailed, Source};
use std::fs::{File, Metadata};
use std::hash::Hasher;
use std::io::{self, Read, Seek, SeekFrom};
use std::time::UNIX_EPOCH;

/// A file on its way out.
pub(super) struct FileSource {
    file: File,
    /// Where the next read starts of its own accord.
    at: u64,
    fault: Fault,
}

impl FileSource {
    pub(super) const fn new(file: File, fault: Fault) -> Self {
        Self { file, at: 0, fault }
    }

    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        if offset != self.at {
            self.at = self.file.seek(SeekFrom::Start(offset))?;
        }
        let len = loop {
            match self.file.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.at += len as u64;
        Ok(len)
    }
}

impl Source for FileSource {
    fn size(&self) -> u64 {
        self.file.metadata().map_or(0, |data| data.len())
    }

    fn tag(&self) -> u64 {
        self.file.metadata().map_or(0, |data| tag(&data))
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadFailed> {
        self.read(offset, buffer).map_err(|error| {
            self.fault.set(error);
            ReadFailed
        })
    }
}

/// Tells versions of a file apart: by its length, when it was changed, and which it is. Never 0.
///
/// It is the same whenever the same file is looked at, also in another run of the program.
fn tag(data: &Metadata) -> u64 {
    let mut hash = Fnv(0xCBF2_9CE4_8422_2325);
    hash.write(&data.len().to_le_bytes());
    let changed = data.modified().ok();
    let since = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    hash.write(&since.map_or(0, |since| since.as_nanos()).to_le_bytes());
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        hash.write(&data.ino().to_le_bytes());
    }
    hash.finish().max(1)
}

/// FNV-1a of 64 bits, which is the same everywhere and always.
struct Fnv(u64);

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
