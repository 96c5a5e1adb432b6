//! Sequences and maps while serde writes their entries.

use serde::ser::{self, Serialize};

use super::{Write, key_writer::KeyWriter, ser::ValueWriter, serializers::compound};
use crate::encoding::EncodeError;

/// A sequence or map whose entries serde is writing.
pub(super) struct Compound<'w, W: Write> {
    writer: &'w mut W,
    shape: Shape<W::Open>,
    open: W::Open,
    /// How many elements or entries have been written.
    len: usize,
}

/// What is to be closed; a variant with its name stands in a map of its own.
pub(super) enum Shape<O> {
    Array,
    Tuple,
    Map,
    VariantTuple(O),
    VariantMap(O),
}

impl<'w, W: Write> Compound<'w, W> {
    #[inline]
    pub(super) const fn new(writer: &'w mut W, shape: Shape<W::Open>, open: W::Open) -> Self {
        Self {
            writer,
            shape,
            open,
            len: 0,
        }
    }

    #[inline]
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.len += 1;
        value.serialize(ValueWriter::new(self.writer))
    }

    #[inline]
    fn field<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), EncodeError> {
        self.len += 1;
        self.writer.key(key)?;
        value.serialize(ValueWriter::new(self.writer))
    }

    fn finish(self) -> Result<(), EncodeError> {
        let Self {
            writer, open, len, ..
        } = self;
        match self.shape {
            Shape::Array => writer.end_array(open, len),
            Shape::Tuple => writer.end_tuple(open, len),
            Shape::Map => writer.end_map(open, len),
            Shape::VariantTuple(variant) => {
                writer.end_tuple(open, len)?;
                writer.end_map(variant, 1)
            }
            Shape::VariantMap(variant) => {
                writer.end_map(open, len)?;
                writer.end_map(variant, 1)
            }
        }
    }
}

compound! { Compound:
    SerializeSeq serialize_element() => element
    SerializeTuple serialize_element() => element
    SerializeTupleStruct serialize_field() => element
    SerializeTupleVariant serialize_field() => element
    SerializeStruct serialize_field(key) => field
    SerializeStructVariant serialize_field(key) => field
}

impl<W: Write> ser::SerializeMap for Compound<'_, W> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), EncodeError> {
        self.len += 1;
        key.serialize(KeyWriter::new(self.writer))
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        value.serialize(ValueWriter::new(self.writer))
    }

    fn end(self) -> Result<(), EncodeError> {
        self.finish()
    }
}
