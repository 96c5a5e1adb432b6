//! Arguments, written.

use super::ARGS;
use crate::encoding::EncodeError;
use crate::encoding::value::{
    Write,
    key_writer::KeyWriter,
    ser::ValueWriter,
    serializers::{compound, refuse},
};
use serde::ser::{self, Impossible, Serialize, Serializer};

/// What positional arguments are written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Sequence {
    /// An array.
    Array,
    /// A tuple, where the encoding has them; of a sequence that does not know its length it is an array.
    Tuple,
}

/// Writes the positional arguments of `value` as the next value of a body.
///
/// Fails with [`EncodeError::Unencodable`] at what is no arguments, as a number alone.
pub fn write_args<W: Write, T: Serialize + ?Sized>(
    writer: &mut W,
    sequence: Sequence,
    value: &T,
) -> Result<(), EncodeError> {
    value.serialize(ArgumentsWriter {
        writer,
        part: Part::Args(sequence),
        is_alone: false,
    })
}

/// Writes the arguments of `value` by name as the next value of a body: a map.
///
/// Fails with [`EncodeError::Unencodable`] at what is no arguments, as a number alone.
pub fn write_kwargs<W: Write, T: Serialize + ?Sized>(
    writer: &mut W,
    value: &T,
) -> Result<(), EncodeError> {
    value.serialize(ArgumentsWriter {
        writer,
        part: Part::Kwargs,
        is_alone: false,
    })
}

/// Which arguments are written.
#[derive(Clone, Copy)]
enum Part {
    Args(Sequence),
    Kwargs,
}

impl Part {
    /// The field of [`Args`](super::Args) that holds them.
    const fn field(self) -> &'static str {
        match self {
            Self::Args(_) => "args",
            Self::Kwargs => "kwargs",
        }
    }
}

/// Writes one part of a value's arguments.
struct ArgumentsWriter<'w, W> {
    writer: &'w mut W,
    part: Part,
    /// Whether the value has no other part, where it would be lost.
    is_alone: bool,
}

impl<'w, W: Write> ArgumentsWriter<'w, W> {
    /// Writes that there are none.
    fn empty(&mut self) -> Result<(), EncodeError> {
        match self.part {
            Part::Args(Sequence::Array) => {
                let open = self.writer.begin_array(Some(0))?;
                self.writer.end_array(open, 0)
            }
            Part::Args(Sequence::Tuple) => {
                let open = self.writer.begin_tuple(0)?;
                self.writer.end_tuple(open, 0)
            }
            Part::Kwargs => {
                let open = self.writer.begin_map(Some(0))?;
                self.writer.end_map(open, 0)
            }
        }
    }

    /// Writes that there are none, since what follows is of the other part.
    fn pass(mut self) -> Result<Entries<'w, W>, EncodeError> {
        if self.is_alone {
            return Err(EncodeError::Unencodable);
        }
        self.empty()?;
        Ok(self.entries(Shape::Passed))
    }

    const fn entries(self, shape: Shape<W::Open>) -> Entries<'w, W> {
        let writer = self.writer;
        let len = 0;
        Entries { writer, shape, len }
    }

    fn positional(self, len: Option<usize>) -> Result<Entries<'w, W>, EncodeError> {
        let shape = match (self.part, len) {
            (Part::Kwargs, _) => return self.pass(),
            (Part::Args(Sequence::Tuple), Some(len)) => Shape::Tuple(self.writer.begin_tuple(len)?),
            (Part::Args(_), len) => Shape::Array(self.writer.begin_array(len)?),
        };
        Ok(self.entries(shape))
    }

    fn named(self, len: Option<usize>) -> Result<Entries<'w, W>, EncodeError> {
        match self.part {
            Part::Args(_) => self.pass(),
            Part::Kwargs => {
                let open = self.writer.begin_map(len)?;
                Ok(self.entries(Shape::Map(open)))
            }
        }
    }
}

impl<'w, W: Write> Serializer for ArgumentsWriter<'w, W> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Entries<'w, W>;
    type SerializeTuple = Entries<'w, W>;
    type SerializeTupleStruct = Entries<'w, W>;
    type SerializeTupleVariant = Impossible<(), EncodeError>;
    type SerializeMap = Entries<'w, W>;
    type SerializeStruct = Entries<'w, W>;
    type SerializeStructVariant = Impossible<(), EncodeError>;

    refuse! { EncodeError::Unencodable }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    fn serialize_unit(mut self) -> Result<(), EncodeError> {
        self.empty()
    }

    fn serialize_unit_struct(mut self, _: &'static str) -> Result<(), EncodeError> {
        self.empty()
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        let mut entries = self.positional(Some(1))?;
        entries.element(value)?;
        entries.finish()
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Entries<'w, W>, EncodeError> {
        self.positional(len)
    }

    fn serialize_tuple(self, len: usize) -> Result<Entries<'w, W>, EncodeError> {
        self.positional(Some(len))
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        len: usize,
    ) -> Result<Entries<'w, W>, EncodeError> {
        self.positional(Some(len))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Entries<'w, W>, EncodeError> {
        self.named(len)
    }

    fn serialize_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Entries<'w, W>, EncodeError> {
        if name != ARGS {
            return self.named(Some(len));
        }
        if self.is_alone {
            return Err(EncodeError::Unencodable);
        }
        let part = self.part;
        Ok(self.entries(Shape::Both(part)))
    }
}

/// The fields or elements of a value, of which one part is written.
struct Entries<'w, W: Write> {
    writer: &'w mut W,
    shape: Shape<W::Open>,
    /// How many have been written.
    len: usize,
}

/// What has been opened.
enum Shape<O> {
    Array(O),
    Tuple(O),
    Map(O),
    /// [`Args`](super::Args), one field of which writes it all.
    Both(Part),
    /// Nothing: all of it is of the other part.
    Passed,
}

impl<W: Write> Entries<'_, W> {
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        if let Shape::Passed = self.shape {
            return Ok(());
        }
        self.len += 1;
        value.serialize(ValueWriter::new(self.writer))
    }

    fn field<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), EncodeError> {
        match self.shape {
            Shape::Passed => Ok(()),
            Shape::Both(part) if key == part.field() => value.serialize(ArgumentsWriter {
                writer: self.writer,
                part,
                is_alone: true,
            }),
            Shape::Both(_) => Ok(()),
            _ => {
                self.len += 1;
                self.writer.key(key)?;
                value.serialize(ValueWriter::new(self.writer))
            }
        }
    }

    fn finish(self) -> Result<(), EncodeError> {
        match self.shape {
            Shape::Array(open) => self.writer.end_array(open, self.len),
            Shape::Tuple(open) => self.writer.end_tuple(open, self.len),
            Shape::Map(open) => self.writer.end_map(open, self.len),
            Shape::Both(_) | Shape::Passed => Ok(()),
        }
    }
}

compound! { Entries:
    SerializeSeq serialize_element() => element
    SerializeTuple serialize_element() => element
    SerializeTupleStruct serialize_field() => element
    SerializeStruct serialize_field(key) => field
}

impl<W: Write> ser::SerializeMap for Entries<'_, W> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), EncodeError> {
        if let Shape::Passed = self.shape {
            return Ok(());
        }
        self.len += 1;
        key.serialize(KeyWriter::new(self.writer))
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        if let Shape::Passed = self.shape {
            return Ok(());
        }
        value.serialize(ValueWriter::new(self.writer))
    }

    fn end(self) -> Result<(), EncodeError> {
        self.finish()
    }
}
