use super::{Open, Writer};
use crate::encoding::EncodeError;
use crate::encoding::pickle::opcode::{
    APPENDS, BINBYTES, BINFLOAT, BININT, BININT1, BININT2, BINUNICODE, EMPTY_DICT, EMPTY_LIST,
    EMPTY_TUPLE, LONG1, LONG4, MARK, NEWFALSE, NEWTRUE, NONE, REDUCE, SETITEMS, SHORT_BINBYTES,
    TUPLE, TUPLE1, TUPLE2, TUPLE3,
};
use crate::encoding::value::{Kind, Write};
use core::fmt::{self, Write as _};

impl Write for Writer<'_> {
    type Open = Open;

    #[inline]
    fn written(&self) -> usize {
        self.len
    }

    fn null(&mut self) -> Result<(), EncodeError> {
        self.put(&[NONE])
    }

    fn bool(&mut self, value: bool) -> Result<(), EncodeError> {
        self.put(&[if value { NEWTRUE } else { NEWFALSE }])
    }

    fn i64(&mut self, value: i64) -> Result<(), EncodeError> {
        if let Ok(byte) = u8::try_from(value) {
            return self.put(&[BININT1, byte]);
        }
        if let Ok(short) = u16::try_from(value) {
            let [low, high] = short.to_le_bytes();
            return self.put(&[BININT2, low, high]);
        }
        match i32::try_from(value) {
            Ok(value) => {
                let [a, b, c, d] = value.to_le_bytes();
                self.put(&[BININT, a, b, c, d])
            }
            Err(_) => self.long(&value.to_le_bytes()),
        }
    }

    fn u64(&mut self, value: u64) -> Result<(), EncodeError> {
        match i64::try_from(value) {
            Ok(value) => self.i64(value),
            Err(_) => self.long(&i128::from(value).to_le_bytes()),
        }
    }

    fn i128(&mut self, value: i128) -> Result<(), EncodeError> {
        match i64::try_from(value) {
            Ok(value) => self.i64(value),
            Err(_) => self.long(&value.to_le_bytes()),
        }
    }

    fn u128(&mut self, value: u128) -> Result<(), EncodeError> {
        if let Ok(value) = i128::try_from(value) {
            return self.i128(value);
        }
        let mut bytes = [0; 17];
        for (slot, byte) in bytes.iter_mut().zip(value.to_le_bytes()) {
            *slot = byte;
        }
        self.long(&bytes)
    }

    fn integer_le(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        let bytes = shortest(bytes);
        if bytes.len() > 8 {
            return self.long(bytes);
        }
        let is_negative = bytes.last().is_some_and(|last| last & 0x80 != 0);
        let mut value = [if is_negative { 0xff } else { 0 }; 8];
        for (slot, byte) in value.iter_mut().zip(bytes) {
            *slot = *byte;
        }
        self.i64(i64::from_le_bytes(value))
    }

    fn f64(&mut self, value: f64) -> Result<(), EncodeError> {
        self.put_both(&[BINFLOAT], &value.to_be_bytes())
    }

    fn f32(&mut self, value: f32) -> Result<(), EncodeError> {
        self.f64(f64::from(value))
    }

    fn text(&mut self, text: &str) -> Result<(), EncodeError> {
        self.counted(BINUNICODE, text.as_bytes())
    }

    fn display(&mut self, value: &(impl fmt::Display + ?Sized)) -> Result<(), EncodeError> {
        self.put(&[BINUNICODE])?;
        let place = self.len;
        self.put(&[0; 4])?;
        let start = self.len;
        write!(Displayed(self), "{value}").map_err(|fmt::Error| EncodeError::Full)?;
        let len = u32::try_from(self.len - start).map_err(|_| EncodeError::Unencodable)?;
        if let Some(slot) = self.slot.get_mut(place..start) {
            slot.copy_from_slice(&len.to_le_bytes());
        }
        Ok(())
    }

    fn utf16(&mut self, units: impl Iterator<Item = u16> + Clone) -> Result<(), EncodeError> {
        let mut len = 0;
        wtf8(units.clone(), |bytes| {
            len += bytes.len();
            Ok(())
        })?;
        let len = u32::try_from(len).map_err(|_| EncodeError::Unencodable)?;
        self.put(&[BINUNICODE])?;
        self.put(&len.to_le_bytes())?;
        wtf8(units, |bytes| self.put(bytes))
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        match u8::try_from(bytes.len()) {
            Ok(len) => self.put_both(&[SHORT_BINBYTES, len], bytes),
            Err(_) => self.counted(BINBYTES, bytes),
        }
    }

    fn byte_array(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.global("builtins", "bytearray")?;
        self.bytes(bytes)?;
        self.put(&[TUPLE1, REDUCE])
    }

    fn extension(&mut self, _kind: i8, _bytes: &[u8]) -> Result<(), EncodeError> {
        let kind = Kind::Extension;
        Err(EncodeError::Unsupported { kind })
    }

    fn begin_array(&mut self, len: Option<usize>) -> Result<Open, EncodeError> {
        self.put(&[EMPTY_LIST])?;
        self.mark(len != Some(0))
    }

    fn end_array(&mut self, open: Open, len: usize) -> Result<(), EncodeError> {
        self.end(open, len, APPENDS)
    }

    fn begin_tuple(&mut self, len: usize) -> Result<Open, EncodeError> {
        self.mark(len > 3)
    }

    fn end_tuple(&mut self, open: Open, len: usize) -> Result<(), EncodeError> {
        self.put(&[match (open.is_marked, len) {
            (true, _) => TUPLE,
            (false, 0) => EMPTY_TUPLE,
            (false, 1) => TUPLE1,
            (false, 2) => TUPLE2,
            (false, 3) => TUPLE3,
            // More elements than were announced.
            (false, _) => return Err(EncodeError::Unencodable),
        }])
    }

    fn begin_set(&mut self, kind: Kind, len: usize) -> Result<Open, EncodeError> {
        let name = match kind {
            Kind::FrozenSet => "frozenset",
            _ => "set",
        };
        self.global("builtins", name)?;
        self.begin_array(Some(len))
    }

    fn end_set(&mut self, _kind: Kind, open: Open, len: usize) -> Result<(), EncodeError> {
        self.end_array(open, len)?;
        self.put(&[TUPLE1, REDUCE])
    }

    fn begin_map(&mut self, len: Option<usize>) -> Result<Open, EncodeError> {
        self.put(&[EMPTY_DICT])?;
        self.mark(len != Some(0))
    }

    fn key(&mut self, key: &str) -> Result<(), EncodeError> {
        self.text(key)
    }

    fn key_utf16(&mut self, units: impl Iterator<Item = u16> + Clone) -> Result<(), EncodeError> {
        self.utf16(units)
    }

    fn key_value(&mut self) -> Result<(), EncodeError> {
        Ok(())
    }

    fn end_map(&mut self, open: Open, len: usize) -> Result<(), EncodeError> {
        self.end(open, len, SETITEMS)
    }
}

impl Writer<'_> {
    /// Writes an integer of 128 bits and more, in two's complement, as briefly as it goes.
    fn long(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        let bytes = shortest(bytes);
        match u8::try_from(bytes.len()) {
            Ok(len) => self.put_both(&[LONG1, len], bytes),
            Err(_) => self.counted(LONG4, bytes),
        }
    }

    fn mark(&mut self, is_marked: bool) -> Result<Open, EncodeError> {
        if is_marked {
            self.put(&[MARK])?;
        }
        Ok(Open { is_marked })
    }

    fn end(&mut self, open: Open, len: usize, opcode: u8) -> Result<(), EncodeError> {
        match (open.is_marked, len) {
            (true, _) => self.put(&[opcode]),
            (false, 0) => Ok(()),
            (false, _) => Err(EncodeError::Unencodable),
        }
    }
}

/// Writes what a value displays behind what has been written.
struct Displayed<'w, 'a>(&'w mut Writer<'a>);

impl fmt::Write for Displayed<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.put(text.as_bytes()).map_err(|_| fmt::Error)
    }
}

/// Leaves out the bytes of an integer that only repeat its sign.
fn shortest(mut bytes: &[u8]) -> &[u8] {
    while let [.., below, top @ (0 | 0xff)] = bytes {
        if (below ^ top) & 0x80 != 0 {
            break;
        }
        bytes = bytes.split_last().map_or(bytes, |(_, rest)| rest);
    }
    bytes
}

/// Gives text as UTF-8, lone surrogates as three bytes.
fn wtf8(
    units: impl Iterator<Item = u16>,
    mut put: impl FnMut(&[u8]) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    for unit in char::decode_utf16(units) {
        match unit {
            Ok(decoded) => put(decoded.encode_utf8(&mut [0; 4]).as_bytes())?,
            Err(lone) => {
                let [low, high] = lone.unpaired_surrogate().to_le_bytes();
                let middle = 0x80 | (high & 0x0f) << 2 | low >> 6;
                put(&[0xe0 | high >> 4, middle, 0x80 | low & 0x3f])?;
            }
        }
    }
    Ok(())
}
