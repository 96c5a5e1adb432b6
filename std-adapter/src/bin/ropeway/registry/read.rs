//! Bodies into values.

use super::fault::Misread;
use super::layout::{Layout, varint};
use super::shape::{Integer, Struct, Type};
use ropeway_std::encoding::Rule;
use ropeway_std::value::{Map, Value};

/// Reads one value after the other. Each takes a byte at least, so that a body yields no more values than it has bytes.
pub(super) struct Reader<'a> {
    body: &'a [u8],
    at: usize,
    layout: Layout,
}

/// Reads what must be the whole of `body`.
pub(super) fn whole<T>(
    body: &[u8],
    layout: Layout,
    read: impl FnOnce(&mut Reader<'_>) -> Result<T, Misread>,
) -> Result<T, Misread> {
    let at = 0;
    let mut reader = Reader { body, at, layout };
    let value = read(&mut reader)?;
    match reader.rest() {
        [] => Ok(value),
        _ => Err(reader.wrong(Rule::TrailingBytes)),
    }
}

impl<'a> Reader<'a> {
    pub(super) fn fields(&mut self, fields: &Struct) -> Result<Value, Misread> {
        let mut values = Vec::with_capacity(fields.fields.len());
        for (name, ty) in &fields.fields {
            values.push((name.as_str(), self.value(ty)?));
        }
        Ok(values.into_iter().collect::<Map>().into())
    }

    pub(super) fn value(&mut self, ty: &Type) -> Result<Value, Misread> {
        Ok(match ty {
            Type::Bool => self.mark()?.into(),
            Type::Integer(integer) => self.integer(*integer)?,
            Type::F32 => nearest(f32::from_bits(
                self.float(u32::from_le_bytes, u32::from_be_bytes)?,
            ))
            .into(),
            Type::F64 => f64::from_bits(self.float(u64::from_le_bytes, u64::from_be_bytes)?).into(),
            Type::Text => self.text()?.into(),
            Type::Bytes => {
                let len = self.length()?;
                Value::Bytes(self.take(len)?.to_vec())
            }
            Type::List(element) => self.list(element)?,
            Type::Array(element, len) => {
                let mut elements = Vec::new();
                for _ in 0..*len {
                    elements.push(self.value(element)?);
                }
                Value::Array(elements)
            }
            Type::Option(inner) => match self.mark()? {
                true => self.value(inner)?,
                false => Value::Null,
            },
            Type::Struct(fields) => self.fields(fields)?,
        })
    }

    /// A byte that is 0 or 1; Python's `struct` takes any other for true, too.
    fn mark(&mut self) -> Result<bool, Misread> {
        let [byte] = self.chunk()?;
        match (byte, self.layout) {
            (0 | 1, _) | (_, Layout::Little | Layout::Big) => Ok(byte != 0),
            (_, Layout::Postcard) => {
                self.at -= 1;
                Err(self.wrong(Rule::InvalidValue))
            }
        }
    }

    fn integer(&mut self, Integer { bits, is_signed }: Integer) -> Result<Value, Misread> {
        if self.layout == Layout::Postcard && bits > 8 {
            let number = self.varint(bits)?;
            return Ok(match is_signed {
                true => ((number >> 1).cast_signed() ^ -(number & 1).cast_signed()).into(),
                false => number.into(),
            });
        }
        let bytes = self.take(usize::from(bits / 8))?;
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        let number = match self.layout {
            Layout::Big => bytes.iter().fold(0, add),
            _ => bytes.iter().rev().fold(0, add),
        };
        let spare = 64 - u32::from(bits);
        Ok(match is_signed {
            true => ((number << spare).cast_signed() >> spare).into(),
            false => number.into(),
        })
    }

    fn varint(&mut self, bits: u8) -> Result<u64, Misread> {
        let (most, last) = varint(bits);
        let mut number = 0;
        for index in 0..most {
            let [byte] = self.chunk()?;
            number |= u64::from(byte & 0x7F) << (7 * index);
            if byte & 0x80 == 0 {
                if index + 1 == most && byte > last {
                    break;
                }
                return Ok(number);
            }
        }
        self.at -= 1;
        Err(self.wrong(Rule::InvalidValue))
    }

    fn float<const N: usize, T>(
        &mut self,
        little: fn([u8; N]) -> T,
        big: fn([u8; N]) -> T,
    ) -> Result<T, Misread> {
        let bytes = self.chunk()?;
        Ok(match self.layout {
            Layout::Big => big(bytes),
            Layout::Little | Layout::Postcard => little(bytes),
        })
    }

    fn text(&mut self) -> Result<&'a str, Misread> {
        let len = self.length()?;
        let start = self.at;
        let bytes = self.take(len)?;
        std::str::from_utf8(bytes).map_err(|error| Misread {
            offset: start + error.valid_up_to(),
            rule: Rule::InvalidUtf8,
        })
    }

    fn list(&mut self, element: &Type) -> Result<Value, Misread> {
        let mut elements = Vec::new();
        if self.layout == Layout::Postcard {
            for _ in 0..self.varint(64)? {
                elements.push(self.value(element)?);
            }
            return Ok(Value::Array(elements));
        }
        while !self.rest().is_empty() {
            elements.push(self.value(element)?);
        }
        Ok(Value::Array(elements))
    }

    /// How many bytes follow: what is said, or all that are left.
    fn length(&mut self) -> Result<usize, Misread> {
        match self.layout {
            Layout::Postcard => Ok(usize::try_from(self.varint(64)?).unwrap_or(usize::MAX)),
            Layout::Little | Layout::Big => Ok(self.rest().len()),
        }
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], Misread> {
        match self.rest().split_at_checked(len) {
            Some((taken, _)) => {
                self.at += len;
                Ok(taken)
            }
            None => Err(Misread {
                offset: self.body.len(),
                rule: Rule::UnexpectedEnd,
            }),
        }
    }

    fn chunk<const N: usize>(&mut self) -> Result<[u8; N], Misread> {
        let bytes = self.take(N)?;
        Ok(bytes.try_into().expect("as many as were asked for"))
    }

    fn rest(&self) -> &'a [u8] {
        self.body.get(self.at..).unwrap_or_default()
    }

    const fn wrong(&self, rule: Rule) -> Misread {
        let offset = self.at;
        Misread { offset, rule }
    }
}

/// The shortest number that is this one in 32 bits: 0.1, not 0.10000000149011612.
fn nearest(number: f32) -> f64 {
    number.to_string().parse().unwrap_or(f64::from(number))
}
