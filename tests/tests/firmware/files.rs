use crate::host::Host;
use ropeway_std::hub::PeerId;
use ropeway_tests::rig::Random;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder that is there for as long as its test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static FOLDERS: AtomicU32 = AtomicU32::new(0);
        let folder = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let name = format!("ropeway-firmware-{}-{folder}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Takes the file of a mebibyte that a board makes up.
#[track_caller]
pub(crate) fn take(host: &mut Host, board: PeerId) {
    let folder = Folder::new();
    let path = folder.0.join(NAME);
    host.carry(board, |peer| peer.ask_for(NAME, &path));
    let content = fs::read(&path).expect("the file has come");
    assert_eq!(content.len(), pattern().len());
    assert_eq!(crc32fast::hash(&content), crc32fast::hash(&pattern()));
}

/// Gives a board the same file. It looks at every byte, and at the checksum, before it says that it has it.
#[track_caller]
pub(crate) fn give(host: &mut Host, board: PeerId) {
    let folder = Folder::new();
    let path = folder.0.join("sent");
    fs::write(&path, pattern()).expect("a file");
    host.carry(board, |peer| peer.offer(&path, NAME));
}

/// Gives a sensor a file that chance makes, about as large as it has room for, and takes it back.
#[track_caller]
pub(crate) fn give_and_take_back(host: &mut Host, board: PeerId, seed: u64) {
    let folder = Folder::new();
    let (sent, back) = (folder.0.join("sent"), folder.0.join("back"));
    let mut random = Random::new(seed);
    let content: Vec<u8> = (0..SMALL).map(|_| random.next().to_le_bytes()[0]).collect();
    fs::write(&sent, &content).expect("a file");
    host.carry(board, |peer| peer.offer(&sent, "some.bin"));
    host.carry(board, |peer| peer.ask_for("some.bin", &back));
    let content = crc32fast::hash(&content);
    assert_eq!(
        crc32fast::hash(&fs::read(&back).expect("it has come")),
        content
    );
}

fn pattern() -> Vec<u8> {
    let byte = |at: u32| at.wrapping_mul(31).wrapping_add(at >> 8).to_le_bytes()[0];
    (0..1 << 20).map(byte).collect()
}

const NAME: &str = "pattern.bin";
const SMALL: usize = 12_000;
