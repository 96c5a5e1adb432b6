//! Files in flash.

use core::cell::RefCell;
use core::ops::Range;
use embedded_storage::nor_flash::NorFlash;
use heapless::String;
use ropeway_core::file::{
    Prefix, ReadFailed, Reason, Sink, SmallCrc, Source, Store as Kinds, WriteError,
};
use ropeway_embassy::Shelf;

/// A few files in flash: as many as there are areas, each as long as an area at the most.
///
/// ```text
/// area    0         4         8          9                41        64
///         +---------+---------+----------+----------------+---------+-----------------+
///         | "ROPE"  | size    | name len | name           | erased  | content         |
///         +---------+---------+----------+----------------+---------+-----------------+
/// ```
///
/// The header is written last, so that a file is there whole or not at all, whenever the power goes. A file that comes again
/// takes another area, and the old one goes once the new one is there.
pub struct Store<F> {
    flash: F,
    start: u32,
    area: u32,
    areas: u32,
    /// The areas that are being written, a bit each.
    drafts: u32,
}

/// The shelf of one link: the store, and a log in memory that peers may read as `log.txt`.
pub struct Drawer<'s, F> {
    store: &'s RefCell<Store<F>>,
    log: &'s RefCell<Log>,
}

/// What the node has to tell, the latest lines of it.
pub type Log = String<512>;

/// A file that is sent. One that has been replaced meanwhile cannot be read any more.
#[expect(
    clippy::large_enum_variant,
    reason = "there is no heap, and there are few of them"
)]
pub enum Page<'s, F> {
    /// From flash.
    Stored {
        /// Where it is.
        store: &'s RefCell<Store<F>>,
        /// The area.
        area: u32,
        /// What it must still be called: another file may have taken its area.
        name: Name,
        /// Its bytes.
        size: u32,
    },
    /// The log as it was when it was asked for.
    Log(Log),
}

/// A file that is received.
pub struct Draft<'s, F> {
    store: &'s RefCell<Store<F>>,
    area: u32,
    name: Name,
    size: u32,
    /// What has not been written yet, less than a word.
    rest: [u8; WORD],
    written: u32,
}

type Name = String<MAX_NAME>;

impl<F: NorFlash> Store<F> {
    /// The files in `range` of `flash`, in so many areas of equal length.
    ///
    /// # Panics
    ///
    /// Where an area would not consist of whole erasable sectors, or there are more than 32.
    pub fn new(flash: F, range: Range<u32>, areas: u32) -> Self {
        let area = (range.end - range.start) / areas;
        let sector = F::ERASE_SIZE as u32;
        assert!(areas <= u32::BITS, "a bit for each area");
        assert!(
            area > 0 && area.is_multiple_of(sector),
            "areas of whole sectors"
        );
        const {
            assert!(
                WORD.is_multiple_of(F::WRITE_SIZE),
                "a word is what flash is written by"
            )
        };
        Self {
            flash,
            start: range.start,
            area,
            areas,
            drafts: 0,
        }
    }

    fn at(&self, area: u32) -> u32 {
        self.start + area * self.area
    }

    /// The name and the size of the file in an area.
    fn file(&mut self, area: u32) -> Option<(Name, u32)> {
        let mut header = [0; HEADER];
        self.flash.read(self.at(area), &mut header).ok()?;
        let [magic, size] = header.first_chunk::<8>()?.as_chunks::<4>().0 else {
            return None;
        };
        let (size, len) = (u32::from_le_bytes(*size), usize::from(header[8]));
        let name = core::str::from_utf8(header.get(9..9 + len.min(MAX_NAME))?).ok()?;
        let is_file = *magic == MAGIC && size <= self.area - HEADER as u32;
        is_file.then_some((Name::try_from(name).ok()?, size))
    }

    fn find(&mut self, name: &str) -> Option<(u32, u32)> {
        (0..self.areas).find_map(|area| {
            let (found, size) = self.file(area)?;
            (found == name).then_some((area, size))
        })
    }

    /// An area in which no file is or is being written, erased.
    fn make_room(&mut self) -> Option<u32> {
        let mut areas = 0..self.areas;
        let free = areas.find(|area| self.drafts & 1 << area == 0 && self.file(*area).is_none())?;
        self.erase(free).ok()?;
        self.drafts |= 1 << free;
        Some(free)
    }

    fn erase(&mut self, area: u32) -> Result<(), F::Error> {
        let at = self.at(area);
        self.flash.erase(at, at + self.area)
    }
}

impl<'s, F> Drawer<'s, F> {
    /// The shelf of these files and this log.
    pub fn new(store: &'s RefCell<Store<F>>, log: &'s RefCell<Log>) -> Self {
        Self { store, log }
    }
}

impl<'s, F: NorFlash> Kinds for Drawer<'s, F> {
    type Source = Page<'s, F>;
    type Sink = Draft<'s, F>;
    type Name = Name;
    type Checksum = SmallCrc;
}

impl<'s, F: NorFlash> Shelf for Drawer<'s, F> {
    fn take(&mut self, name: &str, size: u64, _: u64) -> Result<Draft<'s, F>, Reason> {
        let mut store = self.store.borrow_mut();
        let name = Name::try_from(name).map_err(|_| Reason::NameNotAllowed)?;
        let most = store.area - HEADER as u32;
        let size = u32::try_from(size).ok().filter(|size| *size <= most);
        Ok(Draft {
            store: self.store,
            size: size.ok_or(Reason::TooLarge)?,
            area: store.make_room().ok_or(Reason::NoRoom)?,
            name,
            rest: [ERASED; WORD],
            written: 0,
        })
    }

    fn give(&mut self, name: &str) -> Result<(Page<'s, F>, Name), Reason> {
        let page = match name {
            "log.txt" => Page::Log(self.log.borrow().clone()),
            _ => {
                let mut store = self.store.borrow_mut();
                let (area, size) = store.find(name).ok_or(Reason::UnknownName)?;
                Page::Stored {
                    area,
                    name: Name::try_from(name).map_err(|_| Reason::NameNotAllowed)?,
                    store: self.store,
                    size,
                }
            }
        };
        Ok((
            page,
            Name::try_from(name).map_err(|_| Reason::NameNotAllowed)?,
        ))
    }
}

impl<F: NorFlash> Source for Page<'_, F> {
    fn size(&self) -> u64 {
        match self {
            Self::Stored { size, .. } => u64::from(*size),
            Self::Log(log) => log.as_bytes().size(),
        }
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadFailed> {
        match self {
            Self::Log(log) => log.as_bytes().read_at(offset, buffer),
            Self::Stored {
                store,
                area,
                name,
                size,
            } => {
                let mut store = store.borrow_mut();
                let (still, still_size) = store.file(*area).ok_or(ReadFailed)?;
                if (&still, still_size) != (name, *size) {
                    return Err(ReadFailed);
                }
                let offset = u32::try_from(offset).map_err(|_| ReadFailed)?;
                let left = size.checked_sub(offset).ok_or(ReadFailed)? as usize;
                let len = buffer.len().min(left);
                let at = store.at(*area) + HEADER as u32 + offset;
                let read = store.flash.read(at, &mut buffer[..len]);
                read.map(|()| len).map_err(|_| ReadFailed)
            }
        }
    }
}

impl<F: NorFlash> Draft<'_, F> {
    /// Writes the word that has been collected behind those before.
    fn write_word(&mut self) -> Result<(), WriteError> {
        let mut store = self.store.borrow_mut();
        let word = (self.written.max(1) - 1) / WORD as u32;
        let at = store.at(self.area) + (HEADER + word as usize * WORD) as u32;
        let written = store.flash.write(at, &self.rest);
        self.rest = [ERASED; WORD];
        written.map_err(|_| WriteError::Failed)
    }
}

impl<F: NorFlash> Sink for Draft<'_, F> {
    fn resume(&mut self) -> Prefix {
        Prefix::EMPTY
    }

    fn write_at(&mut self, _: u64, bytes: &[u8]) -> Result<(), WriteError> {
        for byte in bytes {
            self.rest[self.written as usize % WORD] = *byte;
            self.written += 1;
            if (self.written as usize).is_multiple_of(WORD) {
                self.write_word()?;
            }
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), WriteError> {
        if !(self.written as usize).is_multiple_of(WORD) {
            self.write_word()?;
        }
        let mut store = self.store.borrow_mut();
        let old = store.find(&self.name);
        let mut header = [ERASED; HEADER];
        header[..4].copy_from_slice(&MAGIC);
        header[4..8].copy_from_slice(&self.size.to_le_bytes());
        header[8] = self.name.len() as u8;
        header[9..9 + self.name.len()].copy_from_slice(self.name.as_bytes());
        let at = store.at(self.area);
        let written = store.flash.write(at, &header);
        written.map_err(|_| WriteError::Failed)?;
        store.drafts &= !(1 << self.area);
        if let Some((old, _)) = old {
            store.erase(old).map_err(|_| WriteError::Failed)?;
        }
        Ok(())
    }

    fn abandon(&mut self, _: Reason) {
        self.store.borrow_mut().drafts &= !(1 << self.area);
    }
}

const MAGIC: [u8; 4] = *b"ROPE";
const HEADER: usize = 64;
const MAX_NAME: usize = 32;
/// What content is collected to before it is written.
const WORD: usize = 32;
const ERASED: u8 = 0xFF;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Flash;

    const AREA: u32 = 1024;
    const MOST: usize = AREA as usize - HEADER;

    /// Runs `test` with a drawer of two areas.
    fn with_drawer(test: impl FnOnce(&mut Drawer<'_, &mut Flash<2048>>)) {
        let mut flash = Flash::<2048>::new();
        let store = RefCell::new(Store::new(&mut flash, 0..2 * AREA, 2));
        let mut log = Log::new();
        log.push_str("2 s: ready\n").expect("room");
        test(&mut Drawer::new(&store, &RefCell::new(log)));
    }

    fn put<F: NorFlash>(drawer: &mut Drawer<'_, F>, name: &str, content: &[u8]) {
        let mut draft = drawer.take(name, content.len() as u64, 0).expect("room");
        let mut at = 0;
        for part in content.chunks(37) {
            draft.write_at(at, part).expect("flash that works");
            at += part.len() as u64;
        }
        draft.commit().expect("flash that works");
    }

    fn read<F: NorFlash>(drawer: &mut Drawer<'_, F>, name: &str) -> Option<([u8; MOST], usize)> {
        let (mut page, called) = drawer.give(name).ok()?;
        assert_eq!(called, name);
        let mut content = [0; MOST];
        let len = page.read_at(0, &mut content).expect("flash that works");
        assert_eq!(len as u64, page.size());
        Some((content, len))
    }

    #[test]
    fn a_file_of_any_length_comes_back_as_it_was() {
        let content: [u8; MOST] = core::array::from_fn(|at| (at * 7) as u8);
        for len in [0, 1, WORD - 1, WORD, WORD + 1, 100, MOST] {
            with_drawer(|drawer| {
                put(drawer, "map.bin", &content[..len]);
                let (read, read_len) = read(drawer, "map.bin").expect("it is there");
                assert_eq!(&read[..read_len], &content[..len]);
            });
        }
    }

    #[test]
    fn a_file_that_was_not_finished_is_not_there_and_takes_no_room() {
        with_drawer(|drawer| {
            put(drawer, "a", b"first");
            let mut draft = drawer.take("a", 200, 0).expect("room");
            draft.write_at(0, &[7; 100]).expect("flash that works");
            draft.abandon(Reason::Cancelled);
            let (content, len) = read(drawer, "a").expect("the old one");
            assert_eq!(&content[..len], b"first");
            put(drawer, "b", b"another");
            assert!(read(drawer, "b").is_some());
        });
    }

    #[test]
    fn two_files_that_come_at_once_have_places_of_their_own() {
        with_drawer(|drawer| {
            let mut one = drawer.take("a", 40, 0).expect("room");
            let mut other = drawer.take("b", 40, 0).expect("room");
            assert_eq!(drawer.take("c", 40, 0).err(), Some(Reason::NoRoom));
            for (draft, byte) in [(&mut one, 1), (&mut other, 2)] {
                draft.write_at(0, &[byte; 40]).expect("flash that works");
                draft.commit().expect("flash that works");
            }
            for (name, byte) in [("a", 1), ("b", 2)] {
                let (content, len) = read(drawer, name).expect("it is there");
                assert_eq!(&content[..len], [byte; 40]);
            }
        });
    }

    #[test]
    fn a_file_that_comes_again_takes_the_place_of_the_old_one() {
        with_drawer(|drawer| {
            for content in [&b"one"[..], b"two", b"three"] {
                put(drawer, "a", content);
                let (read, len) = read(drawer, "a").expect("it is there");
                assert_eq!(&read[..len], content);
            }
            let (mut old, _) = drawer.give("a").expect("it is there");
            put(drawer, "a", b"fourth");
            assert_eq!(old.read_at(0, &mut [0; 5]), Err(ReadFailed));
        });
    }

    #[test]
    fn what_finds_no_room_is_refused_and_what_is_unknown() {
        with_drawer(|drawer| {
            let refused = drawer.take("a", MOST as u64 + 1, 0).err();
            assert_eq!(refused, Some(Reason::TooLarge));
            put(drawer, "a", b"1");
            put(drawer, "b", b"2");
            assert_eq!(drawer.take("c", 1, 0).err(), Some(Reason::NoRoom));
            assert_eq!(drawer.give("c").err(), Some(Reason::UnknownName));
            let (log, len) = read(drawer, "log.txt").expect("the log");
            assert_eq!(&log[..len], b"2 s: ready\n");
        });
    }
}
