//! The payloads of the protocol's own packets, read and written.
//!
//! Keys and texts are read as text or as bytes, since a Python 2 peer sends its native strings as bytes, and written
//! as text, which both Pythons take.

use super::{BUILT_IN, Packets, Policy, Rows, VERSION};
use crate::encoding::msgpack::{Reader, Writer};
use crate::encoding::value::{Key, Kind, Number, Read, Write};
use crate::encoding::{DecodeError, EncodeError, Rule};

/// What a peer says of its table.
pub(super) struct PubIds<'a> {
    /// Whether it adapts; `None` is nil, which an adaptive end takes for no.
    pub(super) adapts: Option<bool>,
    /// Its table, a map of its own, and where it starts.
    pub(super) ids: Option<(&'a [u8], usize)>,
}

/// Whether the peer speaks this version: numbers count by their value, and true is 1.
pub(super) fn parse_init(payload: &[u8]) -> Result<bool, DecodeError> {
    let mut is_ours = None;
    fields(payload, &mut |name, reader| {
        match name {
            "version" => is_ours = Some(is_number(reader, VERSION)?),
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    is_ours.ok_or(MISSING)
}

pub(super) fn emit_init(writer: &mut Writer<'_>) -> Result<(), EncodeError> {
    let map = writer.begin_map(Some(1))?;
    writer.key("version")?;
    writer.u64(VERSION.into())?;
    writer.end_map(map, 1)
}

pub(super) fn parse_pubids(payload: &[u8]) -> Result<PubIds<'_>, DecodeError> {
    let mut adapts = None;
    let mut ids = None;
    fields(payload, &mut |name, reader| {
        match name {
            "adapt" => adapts = Some(adaptation(reader)?),
            "idmap" => {
                let start = reader.offset();
                ids = Some((reader.raw_value()?, start));
            }
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    let adapts = adapts.ok_or(MISSING)?;
    Ok(PubIds { adapts, ids })
}

pub(super) fn emit_pubids<R: Rows>(
    writer: &mut Writer<'_>,
    policy: Policy,
    packets: &Packets<R>,
) -> Result<(), EncodeError> {
    let map = writer.begin_map(Some(2))?;
    writer.key("adapt")?;
    writer.bool(policy.adapts())?;
    writer.key("idmap")?;
    let len = BUILT_IN.len() + packets.iter().len();
    let ids = writer.begin_map(Some(len))?;
    for (name, id) in BUILT_IN.iter().zip(0..) {
        writer.key(name)?;
        writer.u64(id)?;
    }
    for packet in packets {
        writer.key(packet.name())?;
        writer.u64(packet.registered_id().into())?;
    }
    writer.end_map(ids, len)?;
    writer.end_map(map, 2)
}

/// Hands out the names of a table with the ids that they have, and where these stand.
pub(super) fn parse_ids(
    table: &[u8],
    mut each: impl FnMut(&str, Result<u16, DecodeError>, usize) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    fields(table, &mut |name, reader| {
        let start = reader.offset();
        let id = match reader.peek()? {
            Kind::Number => integer(reader.number()?),
            _ => reader.skip().map(|()| Err(Rule::NotAnInteger))?,
        };
        each(name, id.map_err(|rule| DecodeError::at(start, rule)), start)
    })
}

pub(super) fn emit_finish(writer: &mut Writer<'_>) -> Result<(), EncodeError> {
    writer.null()
}

/// The reason that a peer gives, if it gives one: it takes its leave in any case.
pub(super) fn parse_softquit(payload: &[u8]) -> Option<&str> {
    let mut reader = Reader::new(payload);
    reader.begin_map().ok()?;
    let mut reason = None;
    while let Some(key) = reader.next_key().ok()? {
        match key {
            Key::Text(name) if name.eq_str("reason") => reason = text(&mut reader),
            Key::Text(_) => reader.skip().ok()?,
            Key::Value => {
                reader.skip().ok()?;
                reader.skip().ok()?;
            }
        }
        if reason.is_some() {
            break;
        }
    }
    reason
}

pub(super) fn emit_softquit(writer: &mut Writer<'_>, reason: &str) -> Result<(), EncodeError> {
    let map = writer.begin_map(Some(1))?;
    writer.key("reason")?;
    writer.text(reason)?;
    writer.end_map(map, 1)
}

/// Goes through a map: `field` reads the value of each key that is text.
fn fields<'a>(
    payload: &'a [u8],
    field: &mut dyn FnMut(&str, &mut Reader<'a>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let mut reader = Reader::new(payload);
    reader.begin_map()?;
    while let Some(key) = reader.next_key()? {
        match key {
            Key::Text(name) => field(name.into_str()?, &mut reader)?,
            Key::Value => {
                reader.skip()?;
                reader.skip()?;
            }
        }
    }
    Ok(())
}

fn text<'a>(reader: &mut Reader<'a>) -> Option<&'a str> {
    match reader.peek().ok()? {
        Kind::Text => reader.text().ok()?.into_str().ok(),
        Kind::Bytes => str::from_utf8(reader.bytes().ok()?).ok(),
        _ => None,
    }
}

/// Takes a value, and says whether Python takes it for this number.
fn is_number(reader: &mut Reader<'_>, wanted: u8) -> Result<bool, DecodeError> {
    match reader.peek()? {
        Kind::Bool => Ok(u8::from(reader.bool()?) == wanted),
        Kind::Number => Ok(is_equal(reader.number()?, wanted)),
        _ => reader.skip().map(|()| false),
    }
}

fn adaptation(reader: &mut Reader<'_>) -> Result<Option<bool>, DecodeError> {
    let start = reader.offset();
    let expected = Kind::Bool;
    match reader.peek()? {
        Kind::Null => reader.null().map(|()| None),
        Kind::Number => match reader.number()? {
            number if is_equal(number, 0) => Ok(Some(false)),
            number if is_equal(number, 1) => Ok(Some(true)),
            _ => Err(DecodeError::at(start, Rule::WrongType { expected })),
        },
        _ => reader.bool().map(Some),
    }
}

fn is_equal(number: Number<'_>, wanted: u8) -> bool {
    match number {
        Number::Float(value) => value == f64::from(wanted),
        _ => integer(number) == Ok(wanted.into()),
    }
}

/// What [`Number::to_integer`] says of a number in MessagePack, which is never in decimal: so no code for that comes
/// into a small program.
fn integer(number: Number<'_>) -> Result<u16, Rule> {
    let fits = match number {
        Number::Unsigned(value) => value.try_into().ok(),
        Number::Signed(value) => value.try_into().ok(),
        _ => return Err(Rule::NotAnInteger),
    };
    fits.ok_or(Rule::OutOfRange)
}

/// A field is missing: known only at the end, and shown at the start.
const MISSING: DecodeError = DecodeError::at(0, Rule::MissingField);
