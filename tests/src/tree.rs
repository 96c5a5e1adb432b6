//! Values of every kind that any of the encodings has, to be compared.

use crate::vectors::{count, hex, text, utf16};
use ropeway_core::encoding::msgpack::Timestamp;
use ropeway_core::encoding::value::{Key, Kind, Number, Read, Write};
use ropeway_core::encoding::{DecodeError, EncodeError};
use ropeway_std::json::{self, Object, Value};

/// A value by what it holds: so 1 is not 1.0, NaN is itself, 0.0 is not -0.0, and the order of entries counts.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// An integer in two's complement, the least byte first, as short as can be.
    Integer(Vec<u8>),
    /// The bits of a float.
    Float(u64),
    /// Text.
    Text(String),
    /// Text with a lone surrogate.
    Utf16(Vec<u16>),
    /// Bytes that do not change.
    Bytes(Vec<u8>),
    /// Bytes that do.
    ByteArray(Vec<u8>),
    /// A list.
    Array(Vec<Self>),
    /// A list of fixed length.
    Tuple(Vec<Self>),
    /// A set, in the order of the bytes.
    Set(Vec<Self>),
    /// A set that does not change, in the order of the bytes.
    FrozenSet(Vec<Self>),
    /// A map, in the order of the bytes.
    Map(Vec<(Self, Self)>),
    /// An extension but for timestamps.
    Extension(i8, Vec<u8>),
    /// A point in time.
    Timestamp(Timestamp),
    /// An exception, as the file has it.
    Exception(Value),
}

/// As the files of vectors have it: JSON, and objects with one key that starts with `$` for what JSON has not.
impl From<&Value> for Tree {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Integer(value) => Self::integer(&value.to_string()),
            Value::Float(value) => Self::Float(value.to_bits()),
            Value::Text(text) => Self::Text(text.clone()),
            Value::Utf16(units) => Self::Utf16(units.clone()),
            Value::Array(elements) => Self::Array(elements.iter().map(Self::from).collect()),
            Value::Object(object) => Self::of_object(object),
        }
    }
}

impl Tree {
    fn of_object(object: &Object) -> Self {
        let mut entries = object.iter();
        if let (Some((json::Key::Text(tag), value)), None) = (entries.next(), entries.next())
            && tag.starts_with('$')
        {
            return Self::of_tag(tag, value);
        }
        let key = |key: &json::Key| match key {
            json::Key::Text(text) => Self::Text(text.clone()),
            json::Key::Utf16(units) => Self::Utf16(units.clone()),
        };
        let entries = object.iter().map(|(name, value)| (key(name), value.into()));
        Self::Map(entries.collect())
    }

    fn of_tag(tag: &str, value: &Value) -> Self {
        match tag {
            "$int" => Self::integer(text(value)),
            "$float" => Self::Float(text(value).parse::<f64>().expect("a float").to_bits()),
            "$bytes" => Self::Bytes(repeated_hex(value)),
            "$bytearray" => Self::ByteArray(repeated_hex(value)),
            "$utf16be" => Self::Utf16(utf16(text(value))),
            "$tuple" => Self::Tuple(list(value)),
            "$set" => Self::Set(list(value)),
            "$frozenset" => Self::FrozenSet(list(value)),
            "$map" => {
                let entries = value.as_array().expect("entries").iter();
                Self::Map(
                    entries
                        .map(|entry| ((&entry[0]).into(), (&entry[1]).into()))
                        .collect(),
                )
            }
            "$ext" => {
                let kind = value["type"].as_i64().expect("a type");
                let kind = kind.try_into().expect("a type of one byte");
                Self::Extension(kind, repeated_hex(&value["data"]))
            }
            "$timestamp" => Self::Timestamp(Timestamp {
                seconds: value["seconds"].as_i64().expect("seconds"),
                nanoseconds: value["nanoseconds"]
                    .as_u64()
                    .and_then(|nanoseconds| nanoseconds.try_into().ok())
                    .expect("nanoseconds"),
            }),
            "$repeat" => match &value[0] {
                Value::Text(unit) => Self::Text(unit.repeat(count(&value[1]))),
                unit => Self::Array(vec![list(unit); count(&value[1])].concat()),
            },
            "$exception" => Self::Exception(value.clone()),
            tag => panic!("tag {tag}"),
        }
    }

    /// The integer with these digits: decimal, or hexadecimal behind `0x`.
    fn integer(digits: &str) -> Self {
        let (magnitude, is_negative) = match digits.strip_prefix('-') {
            Some(magnitude) => (magnitude, true),
            None => (digits, false),
        };
        let (magnitude, base) = match magnitude.strip_prefix("0x") {
            Some(magnitude) => (magnitude, 16),
            None => (magnitude, 10),
        };
        let mut bytes = Vec::new();
        for digit in magnitude.chars() {
            let mut carry = digit.to_digit(base).expect("a digit");
            for byte in &mut bytes {
                carry += u32::from(*byte) * base;
                *byte = carry.to_le_bytes()[0];
                carry >>= 8;
            }
            if carry > 0 {
                bytes.push(carry.to_le_bytes()[0]);
            }
        }
        bytes.push(0);
        if is_negative {
            let mut carry = true;
            for byte in &mut bytes {
                (*byte, carry) = (!*byte).overflowing_add(carry.into());
            }
        }
        Self::little(bytes)
    }

    /// The integer with these bytes, which may be more than needed.
    fn little(mut bytes: Vec<u8>) -> Self {
        while let [.., last] = bytes[..] {
            let sign = match bytes.iter().rev().nth(1) {
                Some(before) if before & 0x80 != 0 => 0xff,
                _ => 0,
            };
            if last != sign {
                break;
            }
            bytes.pop();
        }
        Self::Integer(bytes)
    }

    /// Takes the next value from `reader`.
    pub fn read<'de>(reader: &mut impl Read<'de>) -> Result<Self, DecodeError> {
        Ok(match reader.peek()? {
            Kind::Null => {
                reader.null()?;
                Self::Null
            }
            Kind::Bool => Self::Bool(reader.bool()?),
            Kind::Number => match reader.number()? {
                Number::Unsigned(value) => Self::little(i128::from(value).to_le_bytes().into()),
                Number::Signed(value) => Self::little(value.to_le_bytes().into()),
                Number::Little(bytes) => Self::little(bytes.into()),
                Number::Float(value) => Self::Float(value.to_bits()),
                Number::Decimal(number) if number.is_integer() => Self::integer(number.as_str()),
                number => Self::Float(number.to_f64().to_bits()),
            },
            Kind::Text => Self::of_text(&reader.text()?),
            Kind::Bytes => Self::Bytes(reader.bytes()?.into()),
            Kind::ByteArray => Self::ByteArray(reader.bytes()?.into()),
            Kind::Array => Self::Array(Self::elements(reader)?),
            Kind::Tuple => Self::Tuple(Self::elements(reader)?),
            Kind::Set => Self::Set(Self::elements(reader)?),
            Kind::FrozenSet => Self::FrozenSet(Self::elements(reader)?),
            Kind::Map => {
                let mut entries = Vec::new();
                reader.begin_map()?;
                while let Some(key) = reader.next_key()? {
                    let key = match key {
                        Key::Text(text) => Self::of_text(&text),
                        Key::Value => Self::read(reader)?,
                    };
                    entries.push((key, Self::read(reader)?));
                }
                Self::Map(entries)
            }
            Kind::Extension => {
                let (kind, bytes) = reader.extension()?;
                match Timestamp::from_extension(kind, bytes) {
                    Ok(time) => Self::Timestamp(time),
                    Err(_) => Self::Extension(kind, bytes.into()),
                }
            }
            kind => panic!("{kind}"),
        })
    }

    fn elements<'de>(reader: &mut impl Read<'de>) -> Result<Vec<Self>, DecodeError> {
        let mut elements = Vec::new();
        reader.begin_array()?;
        while reader.next_element()? {
            elements.push(Self::read(reader)?);
        }
        Ok(elements)
    }

    fn of_text(text: &ropeway_core::encoding::value::Text<'_>) -> Self {
        let units: Vec<u16> = text.utf16().collect();
        match String::from_utf16(&units) {
            Ok(text) => Self::Text(text),
            Err(_) => Self::Utf16(units),
        }
    }

    /// Writes the value, with each length said beforehand.
    ///
    /// Kinds that no writer has a verb for are written as the nearest that it has: sets as arrays.
    pub fn write(&self, writer: &mut impl Write) -> Result<(), EncodeError> {
        match self {
            Self::Null => writer.null(),
            Self::Bool(value) => writer.bool(*value),
            Self::Integer(bytes) => writer.integer_le(bytes),
            Self::Float(bits) => writer.f64(f64::from_bits(*bits)),
            Self::Text(text) => writer.text(text),
            Self::Utf16(units) => writer.utf16(units.iter().copied()),
            Self::Bytes(bytes) | Self::ByteArray(bytes) => writer.bytes(bytes),
            Self::Array(elements) | Self::Set(elements) | Self::FrozenSet(elements) => {
                let open = writer.begin_array(Some(elements.len()))?;
                for element in elements {
                    element.write(writer)?;
                }
                writer.end_array(open, elements.len())
            }
            Self::Tuple(elements) => {
                let open = writer.begin_tuple(elements.len())?;
                for element in elements {
                    element.write(writer)?;
                }
                writer.end_tuple(open, elements.len())
            }
            Self::Map(entries) => {
                let open = writer.begin_map(Some(entries.len()))?;
                for (key, value) in entries {
                    match key {
                        Self::Text(key) => writer.key(key)?,
                        Self::Utf16(key) => writer.key_utf16(key.iter().copied())?,
                        key => {
                            writer.key_value()?;
                            key.write(writer)?;
                        }
                    }
                    value.write(writer)?;
                }
                writer.end_map(open, entries.len())
            }
            Self::Extension(kind, bytes) => writer.extension(*kind, bytes),
            Self::Timestamp(time) => {
                let bytes = &mut [0; 12];
                writer.extension(Timestamp::EXTENSION, time.to_extension(bytes)?)
            }
            Self::Exception(_) => Err(EncodeError::Unencodable),
        }
    }

    /// The same with `change` made to each key, and then to each value, from the inside out.
    #[must_use]
    pub fn map(self, change: &impl Fn(Self, Place) -> Self) -> Self {
        self.map_at(Place::Value, change)
    }

    fn map_at(self, place: Place, change: &impl Fn(Self, Place) -> Self) -> Self {
        let all = |elements: Vec<Self>| {
            let elements = elements.into_iter();
            elements.map(|element| element.map(change)).collect()
        };
        let changed = match self {
            Self::Array(elements) => Self::Array(all(elements)),
            Self::Tuple(elements) => Self::Tuple(all(elements)),
            Self::Set(elements) => Self::Set(all(elements)),
            Self::FrozenSet(elements) => Self::FrozenSet(all(elements)),
            Self::Map(entries) => {
                let entries = entries.into_iter().map(|(key, value)| {
                    let key = key.map_at(Place::Key, change);
                    (key, value.map(change))
                });
                Self::Map(entries.collect())
            }
            single => single,
        };
        change(changed, place)
    }
}

/// Where a value stands in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It is the key of an entry.
    Key,
    /// It is anything else.
    Value,
}

fn list(value: &Value) -> Vec<Tree> {
    match Tree::from(value) {
        Tree::Array(elements) => elements,
        other => panic!("{other:?} is no list"),
    }
}

/// Bytes in hexadecimal, or such bytes repeated.
fn repeated_hex(value: &Value) -> Vec<u8> {
    match &value["$repeat"] {
        Value::Null => hex(text(value)),
        repeat => hex(text(&repeat[0])).repeat(count(&repeat[1])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_as_short_as_can_be() {
        for (digits, bytes) in [
            ("0", &[][..]),
            ("1", &[1]),
            ("127", &[127]),
            ("128", &[128, 0]),
            ("-128", &[128]),
            ("-1", &[255]),
            ("-129", &[127, 255]),
            ("-256", &[0, 255]),
            ("0x1234", &[0x34, 0x12]),
            ("18446744073709551616", &[0, 0, 0, 0, 0, 0, 0, 0, 1]),
        ] {
            assert_eq!(
                Tree::integer(digits),
                Tree::Integer(bytes.into()),
                "{digits}"
            );
        }
    }
}
