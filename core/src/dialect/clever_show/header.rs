//! The header of a message: looked at without a change, since more of the message may have to come.

use super::call_id::CallId;
use super::charset::Encoding;
use super::{Field, Rule, usual};
use crate::encoding::DecodeError;
use crate::encoding::json::Reader;
use crate::encoding::value::{Kind, Number, Text};

/// What a header says, its texts by their places.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    /// Where the content starts, in bytes from the start of the message.
    pub(super) end: usize,
    /// `content-length`
    pub(super) len: u64,
    pub(super) kind: HeaderKind,
    /// How JSON content is encoded; none for binary content.
    pub(super) json: Option<Encoding>,
}

/// What kind of message follows, and what the header says of it.
#[derive(Clone, Copy, Debug)]
pub(super) enum HeaderKind {
    Action { name: Place },
    File { path: Place },
    Request,
    Answer { name: Place, id: CallId },
    Other,
}

/// Where a string stands, quotes included, in bytes from the start of the message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A header that breaks a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) rule: Rule,
    /// In bytes from the start of the message.
    pub(super) offset: usize,
    /// The length of the content, if it is known all the same.
    pub(super) len: Option<u64>,
}

impl Header {
    /// Bytes of a message before its header: the header's length.
    pub(super) const START: usize = 2;

    /// Reads the header in `text`, which stands behind its length.
    pub(super) fn read(text: &mut [u8]) -> Result<Self, Refused> {
        match usual::read(text) {
            Some(header) => Ok(header),
            None => Self::look(text),
        }
    }

    /// Reads it in whatever form it is.
    pub(super) fn look(text: &mut [u8]) -> Result<Self, Refused> {
        let end = Self::START + text.len();
        let fields = Fields::read(text).map_err(|error| Refused {
            rule: Rule::Header,
            offset: Self::START + error.offset,
            len: None,
        })?;
        let len = match fields.content_length {
            Given::Absent => Err((missing(Field::ContentLength), end)),
            Given::Wrong(at) => Err((Rule::ContentLength, at)),
            Given::Value(len) => Ok(len),
        };
        let len = len.map_err(|(rule, offset)| Refused {
            rule,
            offset,
            len: None,
        })?;
        let refused = |(rule, offset)| Refused {
            rule,
            offset,
            len: Some(len),
        };
        fields.check(end).map_err(refused)?;
        let kind = fields.kind(end).map_err(refused)?;
        let json = fields.is_json().then(|| fields.encoding());
        let json = json.transpose().map_err(refused)?;
        Ok(Self {
            end,
            len,
            kind,
            json,
        })
    }
}

type Broken = (Rule, usize);

const fn missing(field: Field) -> Rule {
    Rule::MissingHeader { field }
}

/// A field as the header gives it.
#[derive(Clone, Copy, Debug, Default)]
enum Given<T> {
    #[default]
    Absent,
    /// Of another type, which starts here.
    Wrong(usize),
    Value(T),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MessageType {
    Message,
    Request,
    Response,
    Other,
}

/// Text that stands in a header, and whether it is the name of files.
#[derive(Clone, Copy, Debug)]
struct Named {
    place: Place,
    is_file: bool,
}

/// The fields of a header; of those that occur twice the last counts, as it does for Python.
#[derive(Debug, Default)]
struct Fields {
    byte_order: bool,
    is_json: Given<bool>,
    encoding: Given<Encoding>,
    content_length: Given<u64>,
    message_type: Given<MessageType>,
    action: Given<Named>,
    file_path: Given<Named>,
    requested_value: Given<Named>,
    request_id: Given<Option<CallId>>,
}

impl Fields {
    fn read(text: &mut [u8]) -> Result<Self, DecodeError> {
        let mut fields = Self::default();
        let mut reader = Reader::new(text);
        reader.begin_map()?;
        while let Some(key) = reader.next_key()? {
            fields.take(&key, &mut reader)?;
        }
        reader.finish()?;
        Ok(fields)
    }

    fn take(&mut self, key: &Text<'_>, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        let is = |field: Field| key.eq_str(field.name());
        if is(Field::ContentType) {
            // Whatever is not JSON is bytes.
            self.is_json = text(reader, |text| text.eq_str("json"))?.or(false);
        } else if is(Field::ContentEncoding) {
            let encoding = text(reader, Encoding::named)?;
            self.encoding = encoding.or(Encoding::default());
        } else if is(Field::ContentLength) {
            self.content_length = whole(reader)?;
        } else if is(Field::MessageType) {
            self.message_type = text(reader, MessageType::named)?.or(MessageType::Other);
        } else if is(Field::Action) {
            self.action = named(reader)?;
        } else if is(Field::FilePath) {
            self.file_path = named(reader)?;
        } else if is(Field::RequestedValue) {
            self.requested_value = named(reader)?;
        } else if is(Field::RequestId) {
            self.request_id = id(reader)?;
        } else {
            self.byte_order |= is(Field::ByteOrder);
            reader.skip()?;
        }
        Ok(())
    }

    /// Whether what every header needs is there.
    fn check(&self, end: usize) -> Result<(), Broken> {
        let field = match self {
            Self {
                byte_order: false, ..
            } => Field::ByteOrder,
            Self {
                is_json: Given::Absent,
                ..
            } => Field::ContentType,
            Self {
                encoding: Given::Absent,
                ..
            } => Field::ContentEncoding,
            Self {
                message_type: Given::Absent,
                ..
            } => Field::MessageType,
            _ => return Ok(()),
        };
        Err((missing(field), end))
    }

    const fn is_json(&self) -> bool {
        matches!(self.is_json, Given::Value(true))
    }

    const fn encoding(&self) -> Result<Encoding, Broken> {
        match self.encoding {
            Given::Value(Encoding::Unknown { at }) => Err((Rule::Encoding, at)),
            Given::Value(encoding) => Ok(encoding),
            Given::Absent | Given::Wrong(_) => Ok(Encoding::Utf8),
        }
    }

    fn kind(&self, end: usize) -> Result<HeaderKind, Broken> {
        let Given::Value(message_type) = self.message_type else {
            return Ok(HeaderKind::Other);
        };
        match message_type {
            MessageType::Message => self.message(end),
            MessageType::Request if self.is_json() => Ok(HeaderKind::Request),
            MessageType::Request => Err((Rule::NotJson, end)),
            MessageType::Response => {
                let name = self.requested_value.of(Field::RequestedValue, end)?.place;
                match self.request_id.of(Field::RequestId, end)? {
                    Some(id) => Ok(HeaderKind::Answer { name, id }),
                    None => Err((Rule::IdTooLong { limit: CallId::MAX }, end)),
                }
            }
            MessageType::Other => Ok(HeaderKind::Other),
        }
    }

    fn message(&self, end: usize) -> Result<HeaderKind, Broken> {
        let action = self.action.of(Field::Action, end)?;
        match (action.is_file, self.is_json()) {
            (false, true) => Ok(HeaderKind::Action { name: action.place }),
            (false, false) => Err((Rule::NotJson, end)),
            (true, true) => Err((Rule::NotBinary, end)),
            (true, false) => {
                let path = self.file_path.of(Field::FilePath, end)?.place;
                Ok(HeaderKind::File { path })
            }
        }
    }
}

impl<T> Given<T> {
    /// `value` in the place of one of another type.
    fn or(self, value: T) -> Self {
        match self {
            Self::Wrong(_) => Self::Value(value),
            given => given,
        }
    }
}

impl<T: Copy> Given<T> {
    /// The value of a field that must be there.
    fn of(self, field: Field, end: usize) -> Result<T, Broken> {
        match self {
            Self::Absent => Err((missing(field), end)),
            Self::Wrong(at) => Err((Rule::HeaderType { field }, at)),
            Self::Value(value) => Ok(value),
        }
    }
}

impl MessageType {
    fn named(text: &Text<'_>) -> Self {
        if text.eq_str("message") {
            Self::Message
        } else if text.eq_str("request") {
            Self::Request
        } else if text.eq_str("response") {
            Self::Response
        } else {
            Self::Other
        }
    }
}

impl Named {
    fn new(text: &Text<'_>) -> Self {
        let start = Header::START + text.offset();
        let end = start + text.raw().len();
        // With its quotes, one byte each.
        let place = Place {
            start: start - 1,
            end: end + 1,
        };
        Self {
            place,
            is_file: text.eq_str(super::FILE),
        }
    }
}

/// What `of` makes of the next value, if that is text.
fn text<T>(
    reader: &mut Reader<'_>,
    of: impl FnOnce(&Text<'_>) -> T,
) -> Result<Given<T>, DecodeError> {
    match reader.peek()? {
        Kind::Text => Ok(Given::Value(of(&reader.text()?))),
        _ => wrong(reader),
    }
}

/// The next value, if it is text that a `str` can hold.
fn named(reader: &mut Reader<'_>) -> Result<Given<Named>, DecodeError> {
    let at = Header::START + reader.offset();
    let named = text(reader, |text| {
        let is_str = !text.is_escaped() || text.chars().all(|decoded| decoded.is_ok());
        is_str.then(|| Named::new(text))
    })?;
    Ok(match named {
        Given::Value(Some(named)) => Given::Value(named),
        Given::Value(None) => Given::Wrong(at),
        Given::Wrong(at) => Given::Wrong(at),
        Given::Absent => Given::Absent,
    })
}

/// The next value, if it is a whole number.
fn whole(reader: &mut Reader<'_>) -> Result<Given<u64>, DecodeError> {
    if reader.peek()? != Kind::Number {
        return wrong(reader);
    }
    let at = Header::START + reader.offset();
    let number = reader.number()?;
    Ok(match (number.to_integer(), number) {
        (Ok(value), _) => Given::Value(value),
        (Err(_), Number::Decimal(large))
            if large.is_integer() && !large.as_str().starts_with('-') =>
        {
            Given::Value(u64::MAX)
        }
        (Err(_), _) => Given::Wrong(at),
    })
}

/// The next value as an id, which must be no array and no object; none if it is too long.
fn id(reader: &mut Reader<'_>) -> Result<Given<Option<CallId>>, DecodeError> {
    Ok(match reader.peek()? {
        Kind::Text => Given::Value(CallId::from_text(&reader.text()?)),
        Kind::Array | Kind::Map => return wrong(reader),
        _ => Given::Value(CallId::from_json(reader.raw_value()?)),
    })
}

/// Passes over a value of another type.
fn wrong<T>(reader: &mut Reader<'_>) -> Result<Given<T>, DecodeError> {
    let at = Header::START + reader.offset();
    reader.skip()?;
    Ok(Given::Wrong(at))
}
