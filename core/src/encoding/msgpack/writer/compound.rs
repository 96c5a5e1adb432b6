//! Arrays and maps, which say at their start how much they hold.

use super::{super::marker::*, Writer};
use crate::{
    buf,
    encoding::{EncodeError, value::DEPTH_LIMIT},
    framing::Full,
};

/// An array or a map that is being written.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Open {
    start: usize,
    /// How many elements or entries its start says that there are.
    said: usize,
}

/// The markers of a container: with the count in the marker, behind it in two bytes and in four.
#[derive(Clone, Copy)]
pub(super) struct Markers(u8, u8, u8);

pub(super) const ARRAY: Markers = Markers(FIX_ARRAY, ARRAY_16, ARRAY_32);
pub(super) const MAP: Markers = Markers(FIX_MAP, MAP_16, MAP_32);

impl Writer<'_> {
    /// Opens a container; its count is written as 0 where it is not known.
    #[inline]
    pub(super) fn begin(
        &mut self,
        markers: Markers,
        len: Option<usize>,
    ) -> Result<Open, EncodeError> {
        if self.depth >= DEPTH_LIMIT {
            return Err(EncodeError::Unencodable);
        }
        self.depth += 1;
        let open = Open {
            start: self.len,
            said: len.unwrap_or(0),
        };
        match u8::try_from(open.said) {
            Ok(short) if open.said <= FIX_COUNT => self.push([markers.0 | short])?,
            _ => {
                let head = Head::new(markers, open.said)?;
                self.push_all(head.as_bytes())?;
            }
        }
        Ok(open)
    }

    /// Closes a container that holds `len` elements or entries.
    #[inline]
    pub(super) fn end(
        &mut self,
        markers: Markers,
        open: Open,
        len: usize,
    ) -> Result<(), EncodeError> {
        self.depth = self.depth.saturating_sub(1);
        if open.said == len {
            Ok(())
        } else {
            self.correct(markers, open, len)
        }
    }

    /// Says the right count, and moves the content if that takes more or less room.
    fn correct(&mut self, markers: Markers, open: Open, len: usize) -> Result<(), EncodeError> {
        let (said, head) = (Head::new(markers, open.said)?, Head::new(markers, len)?);
        let content = open.start + said.len..self.len;
        let moved = open.start + head.len;
        let end = moved + content.len();
        if end > self.out.len() {
            return Err(Full.into());
        }
        if moved != content.start {
            buf::move_within(self.out, content, moved);
        }
        let slots = self.out.get_mut(open.start..moved).unwrap_or_default();
        for (slot, byte) in slots.iter_mut().zip(head.as_bytes()) {
            *slot = *byte;
        }
        self.len = end;
        Ok(())
    }
}

/// What stands before the content of a container.
struct Head {
    bytes: [u8; 5],
    len: usize,
}

impl Head {
    /// The shortest that says `count`.
    fn new(markers: Markers, count: usize) -> Result<Self, EncodeError> {
        let Markers(fix, two, four) = markers;
        let mut bytes = [0; 5];
        let len = if let (Ok(count), true) = (u16::try_from(count), count > FIX_COUNT) {
            let [a, b] = count.to_be_bytes();
            bytes = [two, a, b, 0, 0];
            3
        } else if let Ok(count) = u8::try_from(count) {
            bytes[0] = fix | count;
            1
        } else {
            let count = u32::try_from(count).map_err(|_| EncodeError::Unencodable)?;
            let [a, b, c, d] = count.to_be_bytes();
            bytes = [four, a, b, c, d];
            5
        };
        Ok(Self { bytes, len })
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}
