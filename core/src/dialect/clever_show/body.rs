//! JSON content: the arguments of an action or a request, the value of an answer.

use super::call_id::CallId;
use super::charset::{self, Encoding, Failure};
use super::header::{Header, HeaderKind, Place};
use super::{CleverShow, Notice};
use super::{Field, Rule};
use crate::Malformed;
use crate::buf;
use crate::dialect::{Envelope, Kind, Opened};
use crate::encoding::DecodeError;
use crate::encoding::json::Reader;
use crate::encoding::value::{self, deserialize_from, read_arguments};
use core::fmt;
use serde::Deserialize;

/// The content of a message, still JSON.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Body<'a> {
    /// Of an action or a request.
    Arguments(Arguments<'a>),
    /// Of an answer: its value.
    Value(Json<'a>),
}

/// The arguments of an action or a request.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Arguments<'a> {
    /// The positional ones: an array.
    pub args: Json<'a>,
    /// The named ones: an object.
    pub kwargs: Json<'a>,
}

/// One value of JSON in the receive buffer, whose grammar has been checked.
pub struct Json<'a> {
    text: &'a mut [u8],
    /// Where it stands, in bytes from the start of the message.
    offset: usize,
}

impl<'a> Arguments<'a> {
    /// Reads them as a value of type `T`, whose [shape](crate::encoding::value::arguments) says which go where; it may
    /// borrow from the receive buffer.
    pub fn read<T: Deserialize<'a>>(self) -> Result<T, Malformed> {
        let at = self.args.offset.min(self.kwargs.offset);
        let (args, kwargs) = (self.args.into_reader(), self.kwargs.into_reader());
        read_arguments(Some(args), Some(kwargs))
            .map_err(|error| Malformed::from(error).within(0, at))
    }

    /// They are no answer.
    pub(super) const fn no_answer(&self) -> Malformed {
        let field = Field::Value;
        Malformed::at(
            self.args.offset,
            crate::Rule::CleverShow(Rule::MissingContent { field }),
        )
    }
}

impl<'a> Json<'a> {
    /// The text.
    pub const fn as_bytes(&self) -> &[u8] {
        self.text
    }

    /// A reader at its start, whose offsets count from there.
    pub const fn into_reader(self) -> Reader<'a> {
        Reader::new(self.text)
    }

    /// Reads it as a value of type `T`, which may borrow from the receive buffer.
    pub fn read<T: Deserialize<'a>>(self) -> Result<T, Malformed> {
        self.read_with(|reader| deserialize_from(reader))
    }

    /// Reads it as `read` does; errors get their place in the message.
    pub fn read_with<T>(
        self,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>,
    ) -> Result<T, Malformed> {
        let mut reader = Reader::new(self.text);
        read(&mut reader).map_err(|error| Malformed::from(error).within(0, self.offset))
    }

    /// It is the value of an answer.
    pub(super) const fn no_arguments(&self) -> Malformed {
        mistyped(Field::Args, self.offset)
    }

    fn first(&self) -> Option<u8> {
        self.text.first().copied()
    }
}

/// Reads the JSON behind a header.
pub(super) fn open<'a>(
    header: &Header,
    frame: &'a mut [u8],
) -> Result<Opened<'a, CleverShow>, Malformed> {
    if let HeaderKind::Other = header.kind {
        return Ok(Opened::Notice(Notice::Ignored));
    }
    let (head, content, name) = split(header, frame)?;
    let fields = Fields::read(content, header.end)?;
    let envelope = match header.kind {
        HeaderKind::Action { .. } => Envelope {
            kind: Kind::Message,
            key: text(head, name)?,
            body: fields.arguments()?,
        },
        HeaderKind::Answer { id, .. } => Envelope {
            kind: Kind::Answer(id),
            key: text(head, name)?,
            body: Body::Value(fields.value.ok_or(fields.end.without(Field::Value))?),
        },
        _ => fields.request()?,
    };
    Ok(Opened::Envelope(envelope))
}

/// The text that stands at `place` of a header.
pub(super) fn text(head: &mut [u8], place: Place) -> Result<&str, Malformed> {
    let text = head.get_mut(place.start..place.end).unwrap_or_default();
    let mut reader = Reader::new(text);
    reader
        .text()
        .and_then(value::Text::into_str)
        .map_err(|error| Malformed::from(error).within(0, place.start))
}

/// Header and content apart, the content in UTF-8, and where the header's name is now.
fn split<'a>(
    header: &Header,
    frame: &'a mut [u8],
) -> Result<(&'a mut [u8], &'a mut [u8], Place), Malformed> {
    let name = match header.kind {
        HeaderKind::Action { name } | HeaderKind::Answer { name, .. } => name,
        _ => Place { start: 0, end: 0 },
    };
    let encoding = header.json.unwrap_or_default();
    if encoding == Encoding::Utf8 {
        let (head, content) = frame.split_at_mut_checked(header.end).unwrap_or_default();
        return Ok((head, content, name));
    }
    // Other encodings may need more room than they came in: the header lends its own, up to its name.
    let len = name.end.saturating_sub(name.start);
    buf::move_within(frame, name.start..name.end, 0);
    let end = charset::to_utf8(frame, header.end, len, encoding).map_err(|failure| {
        let (rule, at) = match failure {
            Failure::Expands => (Rule::Expands, 0),
            Failure::Invalid { at } => (Rule::Encoding, at),
        };
        Malformed::at(header.end + at, crate::Rule::CleverShow(rule))
    })?;
    let (head, content) = frame.split_at_mut_checked(len).unwrap_or_default();
    let content = content
        .get_mut(..end.saturating_sub(len))
        .unwrap_or_default();
    Ok((head, content, Place { start: 0, end: len }))
}

/// The fields of a content; of those that occur twice the last counts, as it does for Python.
#[derive(Default)]
struct Fields<'a> {
    args: Option<Json<'a>>,
    kwargs: Option<Json<'a>>,
    value: Option<Json<'a>>,
    requested_value: Option<Json<'a>>,
    request_id: Option<Json<'a>>,
    end: End,
}

/// Where a content ends, which is where what it lacks is missing.
#[derive(Clone, Copy, Default)]
struct End(usize);

impl End {
    const fn without(self, field: Field) -> Malformed {
        Malformed::at(
            self.0,
            crate::Rule::CleverShow(Rule::MissingContent { field }),
        )
    }
}

impl<'a> Fields<'a> {
    fn read(content: &'a mut [u8], start: usize) -> Result<Self, Malformed> {
        let end = End(start + content.len());
        let mut fields = Self {
            end,
            ..Self::default()
        };
        let mut reader = Reader::new(content);
        let misread = |error| Malformed::from(error).within(0, start);
        fields.take(&mut reader, start).map_err(misread)?;
        Ok(fields)
    }

    fn take(&mut self, reader: &mut Reader<'a>, start: usize) -> Result<(), DecodeError> {
        reader.begin_map()?;
        while let Some(key) = reader.next_key()? {
            let is = |field: Field| key.eq_str(field.name());
            let slot = if is(Field::Args) {
                &mut self.args
            } else if is(Field::Kwargs) {
                &mut self.kwargs
            } else if is(Field::Value) {
                &mut self.value
            } else if is(Field::RequestedValue) {
                &mut self.requested_value
            } else if is(Field::RequestId) {
                &mut self.request_id
            } else {
                reader.skip()?;
                continue;
            };
            reader.peek()?;
            let offset = start + reader.offset();
            let text = reader.raw_value()?;
            *slot = Some(Json { text, offset });
        }
        reader.finish()
    }

    fn arguments(self) -> Result<Body<'a>, Malformed> {
        let end = self.end;
        let arguments = Arguments {
            args: compound(self.args, Field::Args, b"[]  ", end)?,
            kwargs: compound(self.kwargs, Field::Kwargs, b"{}  ", end)?,
        };
        Ok(Body::Arguments(arguments))
    }

    fn request(mut self) -> Result<Envelope<'a, CleverShow>, Malformed> {
        let end = self.end;
        let name = self.requested_value.take();
        let name = name.ok_or(end.without(Field::RequestedValue))?;
        if name.first() != Some(b'"') {
            return Err(mistyped(Field::RequestedValue, name.offset));
        }
        let key = name.read_with(|reader| reader.text()?.into_str())?;
        let id = self
            .request_id
            .take()
            .ok_or(end.without(Field::RequestId))?;
        Ok(Envelope {
            kind: Kind::Request(call_id(id)?),
            key,
            body: self.arguments()?,
        })
    }
}

fn call_id(json: Json<'_>) -> Result<CallId, Malformed> {
    let offset = json.offset;
    let id = match json.first() {
        Some(b'"') => json.read_with(|reader| Ok(CallId::from_text(&reader.text()?)))?,
        _ => CallId::from_json(json.as_bytes()),
    };
    let limit = CallId::MAX;
    id.ok_or(Malformed::at(
        offset,
        crate::Rule::CleverShow(Rule::IdTooLong { limit }),
    ))
}

/// A value that must be an array or an object, as `empty` is; `null` is read as that.
fn compound<'a>(
    json: Option<Json<'a>>,
    field: Field,
    empty: &[u8; 4],
    end: End,
) -> Result<Json<'a>, Malformed> {
    let json = json.ok_or(end.without(field))?;
    if json.text == b"null" {
        json.text.copy_from_slice(empty);
    } else if json.first() != empty.first().copied() {
        return Err(mistyped(field, json.offset));
    }
    Ok(json)
}

const fn mistyped(field: Field, offset: usize) -> Malformed {
    Malformed::at(offset, crate::Rule::CleverShow(Rule::ContentType { field }))
}

impl fmt::Debug for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(core::str::from_utf8(self.text).unwrap_or_default())
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Json<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        let text = core::str::from_utf8(self.text).unwrap_or_default();
        defmt::write!(f, "{=str}", text);
    }
}
