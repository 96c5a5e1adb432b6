use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// A file on its way in: written beside its place, and put there when it is complete.
#[derive(Debug)]
pub(super) struct Incoming {
    file: File,
    part: PathBuf,
    target: PathBuf,
    is_finished: bool,
}

impl Incoming {
    pub(super) fn new(target: &Path) -> io::Result<Self> {
        let name = target.file_name().unwrap_or_default();
        for number in 1..=MOST_PARTS {
            let part = target.with_file_name(part_name(name, number));
            match OpenOptions::new().write(true).create_new(true).open(&part) {
                Ok(file) => {
                    return Ok(Self {
                        file,
                        part,
                        target: target.to_owned(),
                        is_finished: false,
                    });
                }
                // Another one on its way to the same place, or the rest of one.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        io::Write::write_all(&mut self.file, bytes)
    }

    /// Puts the file in its place.
    pub(super) fn finish(mut self) -> io::Result<()> {
        fs::rename(&self.part, &self.target)?;
        self.is_finished = true;
        Ok(())
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.is_finished {
            // What cannot be removed stays as what its name says.
            let _ = fs::remove_file(&self.part);
        }
    }
}

fn part_name(name: &OsStr, number: u32) -> OsString {
    let mut part = name.to_owned();
    match number {
        1 => part.push(".part"),
        _ => part.push(format!(".{number}.part")),
    }
    part
}

/// How many files may be on their way to one place.
const MOST_PARTS: u32 = 100;
