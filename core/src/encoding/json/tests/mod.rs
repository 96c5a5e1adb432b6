//! JSON as it stands on the wires, both ways, and what must be refused.

mod reading;
mod typed;
mod writing;

use std::string::ToString;

use super::Reader;
use crate::encoding::value::Kind;
use crate::encoding::{DecodeError, Rule};

/// Reads one text of any shape to its end, and lets each string and number be converted.
fn read_all(text: &mut [u8]) -> Result<(), DecodeError> {
    fn value(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        match reader.peek()? {
            Kind::Null => reader.null(),
            Kind::Bool => reader.bool().map(|_| ()),
            Kind::Number => {
                let number = reader.number()?;
                number.to_f64();
                let _ = (number.to_integer::<i64>(), number.to_u128());
                Ok(())
            }
            Kind::Text => {
                let text = reader.text()?;
                let units = text.utf16().count();
                assert!(units <= text.raw().len());
                let _ = text.into_str();
                Ok(())
            }
            Kind::Array => {
                reader.begin_array()?;
                while reader.next_element()? {
                    value(reader)?;
                }
                Ok(())
            }
            Kind::Map => {
                reader.begin_map()?;
                while let Some(key) = reader.next_key()? {
                    // Only a lone surrogate is displayed as something else.
                    assert!(key.eq_str(&key.to_string()) || key.into_str().is_err());
                    value(reader)?;
                }
                Ok(())
            }
            other => panic!("{other}"),
        }
    }
    let mut reader = Reader::new(text);
    value(&mut reader)?;
    reader.finish()
}

/// As [`read_all`], by skipping.
fn skip_all(text: &mut [u8]) -> Result<(), DecodeError> {
    let mut reader = Reader::new(text);
    reader.skip()?;
    reader.finish()
}

/// The rule that `text` breaks and where, which must be the same in reading and in skipping.
fn broken(text: &[u8]) -> Option<(Rule, usize)> {
    let read = read_all(&mut text.to_vec()).err();
    assert_eq!(read, skip_all(&mut text.to_vec()).err());
    read.map(|error| (error.rule, error.offset))
}
