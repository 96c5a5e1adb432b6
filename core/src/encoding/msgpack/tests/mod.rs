//! MessagePack as it stands on the wire, both ways, and what must be refused.

mod keys;
mod peers;
mod reading;
mod typed;
mod writing;

use super::{Reader, Writer};
use crate::encoding::{
    DecodeError, EncodeError, Rule,
    value::{Key, Kind, Number, Read, Write},
};
use std::{
    boxed::Box,
    string::{String, ToString},
    vec,
    vec::Vec,
};

/// A value of any kind, by what it holds and not by its form.
#[derive(Debug, Clone, PartialEq)]
enum Tree {
    Nil,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(u64),
    Text(String),
    Bytes(Vec<u8>),
    Extension(i8, Vec<u8>),
    Array(Vec<Self>),
    Map(Vec<(Self, Self)>),
}

impl Tree {
    /// Reads one value from the whole of `body`.
    fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let tree = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(tree)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.peek()? {
            Kind::Null => {
                reader.null()?;
                Self::Nil
            }
            Kind::Bool => Self::Bool(reader.bool()?),
            Kind::Number => match reader.number()? {
                Number::Unsigned(value) => Self::Unsigned(value),
                Number::Signed(value) => Self::Signed(value),
                Number::Float(value) => Self::Float(value.to_bits()),
                other => unreachable!("{other}"),
            },
            Kind::Text => Self::Text(reader.text()?.to_string()),
            Kind::Bytes => Self::Bytes(reader.bytes()?.into()),
            Kind::Extension => {
                let (kind, bytes) = reader.extension()?;
                Self::Extension(kind, bytes.into())
            }
            Kind::Array => {
                let mut elements = vec![];
                reader.begin_array()?;
                while reader.next_element()? {
                    elements.push(Self::read(reader)?);
                }
                Self::Array(elements)
            }
            Kind::Map => {
                let mut entries = vec![];
                reader.begin_map()?;
                while let Some(key) = reader.next_key()? {
                    let key = match key {
                        Key::Text(text) => Self::Text(text.to_string()),
                        Key::Value => Self::read(reader)?,
                    };
                    entries.push((key, Self::read(reader)?));
                }
                Self::Map(entries)
            }
            other => unreachable!("{other}"),
        })
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = vec![0; 1 << 18];
        let mut writer = Writer::new(&mut out);
        self.write(&mut writer, Some).unwrap();
        writer.as_bytes().into()
    }

    /// Writes the value; `known` gives the length that is said beforehand.
    fn write(
        &self,
        writer: &mut Writer<'_>,
        known: fn(usize) -> Option<usize>,
    ) -> Result<(), EncodeError> {
        match self {
            Self::Nil => writer.null(),
            Self::Bool(value) => writer.bool(*value),
            Self::Unsigned(value) => writer.u64(*value),
            Self::Signed(value) => writer.i64(*value),
            Self::Float(bits) => writer.f64(f64::from_bits(*bits)),
            Self::Text(text) => writer.text(text),
            Self::Bytes(bytes) => writer.bytes(bytes),
            Self::Extension(kind, bytes) => writer.extension(*kind, bytes),
            Self::Array(elements) => {
                let open = writer.begin_array(known(elements.len()))?;
                for element in elements {
                    element.write(writer, known)?;
                }
                writer.end_array(open, elements.len())
            }
            Self::Map(entries) => {
                let open = writer.begin_map(known(entries.len()))?;
                for (key, value) in entries {
                    writer.key_value()?;
                    key.write(writer, known)?;
                    value.write(writer, known)?;
                }
                writer.end_map(open, entries.len())
            }
        }
    }
}

/// Values of every kind and form, some in others.
fn sample() -> Tree {
    let text = |len: usize| Tree::Text("é".repeat(len / 2) + &"x".repeat(len % 2));
    let bytes = |len| Tree::Bytes(vec![0xc1; len]);
    let mut elements = vec![
        Tree::Nil,
        Tree::Bool(true),
        Tree::Bool(false),
        Tree::Float(1.5_f64.to_bits()),
        Tree::Float(f64::NAN.to_bits()),
    ];
    elements.extend(UNSIGNED.map(|(value, _)| Tree::Unsigned(value)));
    elements.extend(SIGNED.map(|(value, _)| Tree::Signed(value)));
    elements.extend([0, 31, 32, 255, 256].map(text));
    elements.extend([0, 255, 256].map(bytes));
    elements.extend([0, 1, 2, 3, 4, 5, 8, 16, 17, 256].map(|len| Tree::Extension(7, vec![9; len])));
    elements.extend([4, 8, 12].map(|len| Tree::Extension(-1, vec![0; len])));
    elements.extend([0, 15, 16].map(|len| Tree::Array(vec![Tree::Nil; len])));
    for len in [0, 15, 16] {
        let entries = (0..len).map(|key| (Tree::Unsigned(key), Tree::Bool(true)));
        elements.push(Tree::Map(entries.collect()));
    }
    let keys = [
        Tree::Nil,
        Tree::Bool(true),
        Tree::Float(0.5_f64.to_bits()),
        Tree::Signed(-7),
        text(40),
        Tree::Bytes(vec![0xff]),
        Tree::Array(vec![Tree::Unsigned(1), Tree::Array(vec![]), text(3)]),
    ];
    let mut nested = Tree::Array(elements.clone());
    for key in keys {
        nested = Tree::Map(vec![(key, nested), (text(1), Tree::Nil)]);
    }
    elements.push(nested);
    Tree::Array(elements)
}

/// Integers at the edges of each form, and their bytes.
const UNSIGNED: [(u64, &[u8]); 10] = [
    (0, &[0]),
    (127, &[127]),
    (128, &[0xcc, 128]),
    (255, &[0xcc, 255]),
    (256, &[0xcd, 1, 0]),
    (0xffff, &[0xcd, 0xff, 0xff]),
    (0x10000, &[0xce, 0, 1, 0, 0]),
    (0xffff_ffff, &[0xce, 0xff, 0xff, 0xff, 0xff]),
    (0x1_0000_0000, &[0xcf, 0, 0, 0, 1, 0, 0, 0, 0]),
    (u64::MAX, &[0xcf, 255, 255, 255, 255, 255, 255, 255, 255]),
];

/// The same below zero.
const SIGNED: [(i64, &[u8]); 9] = [
    (-1, &[0xff]),
    (-32, &[0xe0]),
    (-33, &[0xd0, 0xdf]),
    (-128, &[0xd0, 0x80]),
    (-129, &[0xd1, 0xff, 0x7f]),
    (-32768, &[0xd1, 0x80, 0]),
    (-32769, &[0xd2, 0xff, 0xff, 0x7f, 0xff]),
    (i32::MIN as i64, &[0xd2, 0x80, 0, 0, 0]),
    (i64::MIN, &[0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0]),
];

fn array_of(count: usize) -> Vec<u8> {
    Tree::Array(vec![Tree::Nil; count]).encode()
}

fn refused(body: &[u8]) -> (Rule, usize) {
    let error = super::validate(body).unwrap_err();
    let read = Tree::decode(body).map(Box::new);
    if error.rule != Rule::DuplicateField {
        assert_eq!(read, Err(error), "{body:02x?}");
    }
    (error.rule, error.offset)
}
