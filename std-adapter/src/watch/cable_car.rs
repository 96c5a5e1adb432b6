//! cable_car's two transports.

use super::Link;
use super::frame::{Body, Direction, Key};
use super::read::{Read, Said};
use crate::value::{Map, Value};
use ropeway_core::Malformed;
use ropeway_core::dialect::cable_car::{CableCarByte, CableCarJson, STANDARD};
use ropeway_core::dialect::{Dialect, Envelope, Opened};
use ropeway_core::framing::{self, Parsed, Skipped};

/// Frames of a length, a code and a body of the program's own.
#[derive(Debug)]
pub(super) struct Byte;

/// Lines of a class name and attributes.
#[derive(Debug)]
pub(super) struct Json;

impl Read for Byte {
    fn find(
        &mut self,
        input: &mut [u8],
        scanned: usize,
        limit: usize,
        _: &mut Link,
    ) -> Result<Parsed, framing::Malformed> {
        CableCarByte.find(input, scanned, limit)
    }

    fn open(
        &mut self,
        _: Direction,
        content: &mut [u8],
        _: &mut Link,
    ) -> Result<Option<Said>, Malformed> {
        let mut dialect = CableCarByte;
        let Opened::Envelope(Envelope { key, body, .. }) = dialect.open(content)?;
        let mut standard = STANDARD.iter();
        let standard = standard.find(|entry| entry.code == Some(key.0.into()));
        let key = Key::code(key.0, standard.map(|entry| entry.name));
        Ok(Some(Said::message(key, Body::of(body))))
    }
}

impl Read for Json {
    fn find(
        &mut self,
        input: &mut [u8],
        scanned: usize,
        limit: usize,
        _: &mut Link,
    ) -> Result<Parsed, framing::Malformed> {
        CableCarJson.find(input, scanned, limit)
    }

    fn skip(&self, input: &[u8]) -> Skipped {
        CableCarJson.skip(input)
    }

    fn open(
        &mut self,
        _: Direction,
        content: &mut [u8],
        _: &mut Link,
    ) -> Result<Option<Said>, Malformed> {
        let mut dialect = CableCarJson;
        let Opened::Envelope(envelope) = dialect.open(content)?;
        let key = Key::name(envelope.key.text);
        let attributes = CableCarJson::read_line(envelope, Map::read)?;
        let body = Body::Value(Value::Map(attributes));
        Ok(Some(Said::message(key, body)))
    }
}
