//! Values into bodies.

use super::fault::Unfit;
use super::layout::Layout;
use super::shape::{Integer, Struct, Type};
use ropeway_std::value::Value;

/// Writes one value after the other.
pub(super) struct Writer {
    out: Vec<u8>,
    layout: Layout,
}

impl Writer {
    pub(super) const fn new(layout: Layout) -> Self {
        let out = Vec::new();
        Self { out, layout }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    pub(super) fn fields(&mut self, wanted: &Struct, value: &Value) -> Result<(), Unfit> {
        let map = match value {
            Value::Map(map) => map,
            Value::Null if wanted.fields.is_empty() => return Ok(()),
            other => return Err(Unfit::not_fields(wanted.to_string(), other)),
        };
        for (key, _) in map {
            if !wanted.fields.iter().any(|(name, _)| key == name.as_str()) {
                let known: Vec<_> = wanted
                    .fields
                    .iter()
                    .map(|(name, _)| name.as_str())
                    .collect();
                let key = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
                return Err(Unfit::unknown(known.join(", ")).within(&key));
            }
        }
        for (name, ty) in &wanted.fields {
            let written = match (map.get(name), ty) {
                (Some(value), _) => self.value(ty, value),
                (None, Type::Option(_)) => self.value(ty, &Value::Null),
                (None, _) => Err(Unfit::missing()),
            };
            written.map_err(|unfit| unfit.within(name))?;
        }
        Ok(())
    }

    pub(super) fn value(&mut self, ty: &Type, value: &Value) -> Result<(), Unfit> {
        let other = || Unfit::other(ty, value);
        match ty {
            Type::Bool => self.out.push(value.as_bool().ok_or_else(other)?.into()),
            Type::Integer(integer) => {
                let number = value.as_integer().ok_or_else(other)?.as_i128();
                let number = number.filter(|number| integer.has(*number));
                let number = number.ok_or_else(|| Unfit::out_of_range(ty, value))?;
                self.integer(*integer, number);
            }
            Type::F32 => {
                let wide = value.as_f64().ok_or_else(other)?;
                let number = narrow(wide).ok_or_else(|| Unfit::out_of_range(ty, value))?;
                self.ordered(number.to_le_bytes());
            }
            Type::F64 => self.ordered(value.as_f64().ok_or_else(other)?.to_le_bytes()),
            Type::Text => self.bytes(value.as_str().ok_or_else(other)?.as_bytes()),
            Type::Bytes => {
                let bytes = bytes(value).ok_or_else(other)?;
                self.bytes(&bytes.ok_or_else(|| Unfit::out_of_range(ty, value))?);
            }
            Type::List(element) => {
                let elements = value.as_array().ok_or_else(other)?;
                self.length(elements.len());
                self.elements(element, elements)?;
            }
            Type::Array(element, len) => {
                let elements = value.as_array().ok_or_else(other)?;
                if elements.len() != *len {
                    return Err(Unfit::length(*len, elements.len()));
                }
                self.elements(element, elements)?;
            }
            Type::Option(_) if value.is_null() => self.out.push(0),
            Type::Option(inner) => {
                self.out.push(1);
                self.value(inner, value)?;
            }
            Type::Struct(fields) => self.fields(fields, value)?,
        }
        Ok(())
    }

    fn elements(&mut self, ty: &Type, elements: &[Value]) -> Result<(), Unfit> {
        for (index, element) in elements.iter().enumerate() {
            self.value(ty, element).map_err(|unfit| unfit.at(index))?;
        }
        Ok(())
    }

    /// Writes a number that is one of these integers.
    fn integer(&mut self, Integer { bits, is_signed }: Integer, number: i128) {
        if self.layout == Layout::Postcard && bits > 8 {
            return self.varint(match is_signed {
                true => ((number << 1) ^ (number >> 127)).cast_unsigned(),
                false => number.cast_unsigned(),
            });
        }
        let bytes = number.to_le_bytes();
        let bytes = &bytes[..usize::from(bits / 8)];
        match self.layout {
            Layout::Big => self.out.extend(bytes.iter().rev()),
            _ => self.out.extend(bytes),
        }
    }

    fn varint(&mut self, mut number: u128) {
        while number >= 0x80 {
            self.out.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        self.out.push(number.to_le_bytes()[0]);
    }

    /// Writes bytes that stand with the least first.
    fn ordered<const N: usize>(&mut self, mut bytes: [u8; N]) {
        if self.layout == Layout::Big {
            bytes.reverse();
        }
        self.out.extend(bytes);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.out.extend(bytes);
    }

    /// Says how much follows, where that is said.
    fn length(&mut self, len: usize) {
        if self.layout == Layout::Postcard {
            self.varint(len as u128);
        }
    }
}

impl Integer {
    /// Whether it is one of these.
    const fn has(self, number: i128) -> bool {
        let Self { bits, is_signed } = self;
        match is_signed {
            true => -(1 << (bits - 1)) <= number && number < 1 << (bits - 1),
            false => 0 <= number && number < 1 << bits,
        }
    }
}

/// The bytes that a value says: bytes, text as it is typed at a prompt, numbers, or `{"hex": "0aff"}`, as they are printed.
/// Nothing of other kinds, and no bytes of what is of these kinds and says none.
fn bytes(value: &Value) -> Option<Option<Vec<u8>>> {
    let byte = |number: &Value| u8::try_from(number.as_u64()?).ok();
    match value {
        Value::Bytes(bytes) | Value::ByteArray(bytes) => Some(Some(bytes.clone())),
        Value::Text(text) => Some(Some(text.as_bytes().to_vec())),
        Value::Array(numbers) | Value::Tuple(numbers) => Some(numbers.iter().map(byte).collect()),
        Value::Map(map) if map.len() == 1 => map.get("hex")?.as_str().map(digits),
        _ => None,
    }
}

/// The bytes of pairs of hexadecimal digits.
fn digits(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    match digits?.as_chunks() {
        (pairs, []) => Some(pairs.iter().map(|[high, low]| high << 4 | low).collect()),
        _ => None,
    }
}

/// In 32 bits, unless it is too large for them.
fn narrow(number: f64) -> Option<f32> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the nearest is what is wanted"
    )]
    let near = number as f32;
    (near.is_finite() || !number.is_finite()).then_some(near)
}
