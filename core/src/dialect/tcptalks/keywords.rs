use super::message::PARAMETERS;
use crate::encoding::EncodeError;
use crate::encoding::pickle::{Open, Writer};
use crate::encoding::value::{Kind, Write};
use core::fmt;

/// Writes keyword arguments, and refuses those that would stop the peer from reading: under a reserved name, or
/// under none.
#[derive(Debug)]
pub struct Keywords<'w, 'a> {
    writer: &'w mut Writer<'a>,
    /// How many containers are open.
    depth: usize,
}

impl<'w, 'a> Keywords<'w, 'a> {
    pub(super) const fn new(writer: &'w mut Writer<'a>) -> Self {
        Self { writer, depth: 0 }
    }

    fn begin(
        &mut self,
        open: impl FnOnce(&mut Self) -> Result<Open, EncodeError>,
    ) -> Result<Open, EncodeError> {
        let opened = open(self)?;
        self.depth += 1;
        Ok(opened)
    }
}

/// Hands verbs on: `fn null();` becomes `fn null(&mut self) -> Result<(), EncodeError> { self.writer.null() }`, and
/// what ends a container closes a level too.
macro_rules! hand_on {
    (value: $(fn $verb:ident($($name:ident: $ty:ty),*);)*) => {$(
        fn $verb(&mut self, $($name: $ty),*) -> Result<(), EncodeError> {
            self.writer.$verb($($name),*)
        }
    )*};
    (begin: $(fn $verb:ident($($name:ident: $ty:ty),*);)*) => {$(
        fn $verb(&mut self, $($name: $ty),*) -> Result<Open, EncodeError> {
            self.begin(|this| this.writer.$verb($($name),*))
        }
    )*};
    (end: $(fn $verb:ident($($name:ident: $ty:ty),*);)*) => {$(
        fn $verb(&mut self, $($name: $ty),*) -> Result<(), EncodeError> {
            self.depth = self.depth.saturating_sub(1);
            self.writer.$verb($($name),*)
        }
    )*};
}

impl Write for Keywords<'_, '_> {
    type Open = Open;

    fn written(&self) -> usize {
        self.writer.written()
    }

    fn key(&mut self, key: &str) -> Result<(), EncodeError> {
        if self.depth == 1 && PARAMETERS.contains(&key) {
            return Err(EncodeError::Unencodable);
        }
        self.writer.key(key)
    }

    fn key_value(&mut self) -> Result<(), EncodeError> {
        if self.depth == 1 {
            return Err(EncodeError::KeyNotText);
        }
        self.writer.key_value()
    }

    hand_on! { value:
        fn null();
        fn bool(value: bool);
        fn i64(value: i64);
        fn u64(value: u64);
        fn i128(value: i128);
        fn u128(value: u128);
        fn integer_le(bytes: &[u8]);
        fn f64(value: f64);
        fn f32(value: f32);
        fn text(text: &str);
        fn display(value: &(impl fmt::Display + ?Sized));
        fn utf16(units: impl Iterator<Item = u16> + Clone);
        fn bytes(bytes: &[u8]);
        fn byte_array(bytes: &[u8]);
        fn extension(kind: i8, bytes: &[u8]);
        fn key_utf16(units: impl Iterator<Item = u16> + Clone);
    }

    hand_on! { begin:
        fn begin_array(len: Option<usize>);
        fn begin_tuple(len: usize);
        fn begin_set(kind: Kind, len: usize);
        fn begin_map(len: Option<usize>);
    }

    hand_on! { end:
        fn end_array(open: Open, len: usize);
        fn end_tuple(open: Open, len: usize);
        fn end_set(kind: Kind, open: Open, len: usize);
        fn end_map(open: Open, len: usize);
    }
}
