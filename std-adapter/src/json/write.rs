//! Values into text.

use super::{Key, Object, Value};
use ropeway_core::encoding::EncodeError;
use ropeway_core::encoding::json::{Style, Writer};
use ropeway_core::framing::Full;
use std::fmt;

impl Value {
    /// Writes it as the next value of a text.
    pub fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        match self {
            Self::Null => writer.null()?,
            Self::Bool(value) => writer.bool(*value)?,
            Self::Integer(value) => match (value.as_i64(), value.as_u64()) {
                (Some(value), _) => writer.i64(value)?,
                (_, Some(value)) => writer.u64(value)?,
                _ => writer.integer_text(&value.to_string())?,
            },
            Self::Float(value) => writer.f64(*value)?,
            Self::Text(text) => writer.text(text)?,
            Self::Utf16(units) => writer.utf16(units.iter().copied())?,
            Self::Array(elements) => {
                writer.begin_array()?;
                for element in elements {
                    element.write(writer)?;
                }
                writer.end_array()?;
            }
            Self::Object(entries) => entries.write(writer)?,
        }
        Ok(())
    }

    /// The text of the value, as Python would write it in this style.
    pub fn to_text(&self, style: Style) -> String {
        let mut memory = vec![0; 64];
        loop {
            let mut writer = Writer::new(&mut memory, style);
            match self.write(&mut writer) {
                Ok(()) => {
                    let len = writer.written();
                    memory.truncate(len);
                    return String::from_utf8(memory).expect("JSON is text");
                }
                // Nothing but room can be missing: integers are checked when they are made.
                Err(_) => memory.resize(memory.len() * 2, 0),
            }
        }
    }
}

impl Object {
    /// Writes it as the next value of a text.
    pub fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.begin_map()?;
        for (key, value) in self {
            key.write(writer)?;
            value.write(writer)?;
        }
        Ok(writer.end_map()?)
    }
}

impl Key {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), Full> {
        match self {
            Self::Text(text) => writer.key(text),
            Self::Utf16(units) => writer.key_utf16(units.iter().copied()),
        }
    }
}

/// [`Style::Ascii`], as cable_car sends it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text(Style::Ascii))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_in_both_styles() {
        let value = Value::from(Object::from([("ü", Value::from([0.5, 1e16, -0.0]))]));
        assert_eq!(
            value.to_text(Style::Ascii),
            r#"{"\u00fc":[0.5,1e+16,-0.0]}"#
        );
        assert_eq!(value.to_text(Style::Utf8), "{\"ü\": [0.5, 1e+16, -0.0]}");
    }

    #[test]
    fn says_when_the_memory_is_too_small() {
        let value: Value = r#"{"a":[null,"x",{"\ud83d":100000000000000000000}]}"#
            .parse()
            .unwrap();
        let text = value.to_string();
        for len in 0..text.len() {
            let mut memory = vec![0; len];
            let written = value.write(&mut Writer::new(&mut memory, Style::Ascii));
            assert_eq!(written, Err(EncodeError::Full));
        }
    }
}
