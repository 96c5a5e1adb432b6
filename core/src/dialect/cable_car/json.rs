use crate::Malformed;
use crate::dialect::{self, Carries, Delivers, Dialect, Envelope, Keeps, Never, Opened, Resumes};
use crate::encoding::json::{Reader, Style, Writer};
use crate::encoding::value::{self, Kind};
use crate::encoding::{DecodeError, EncodeError, Rule};
use crate::framing::{self, Framing, Line, Parsed, Skipped};
use crate::message::{Message, Refusal};
use core::fmt;
use core::ops::RangeInclusive;
use serde::{Deserialize, Serialize};

/// cable_car's JSON transport: a line a message, `["ClassName",{"attribute":…}]`.
///
/// Messages travel by their name, their attributes as serde gives them: a struct with named fields, a map, or a
/// unit struct for none. Lines are written as Python's `json` writes them, in ASCII and without spaces; all that
/// it reads is read: raw UTF-8, white space, NaN and infinities, array elements behind the attributes.
///
/// A line that is no JSON, an empty one included, or not of this shape is [`Malformed`], and the next line is read as ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CableCarJson;

/// The class name of a message, as its line names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Name<'a> {
    /// The name.
    pub text: &'a str,
    /// Where the rest of the line starts, for the place of errors.
    body: usize,
}

/// A message whose name is known only when it is sent: for gateways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Named<'a, T: ?Sized> {
    /// The class name.
    pub name: &'a str,
    /// What becomes an object: a struct, a map, or `()` for none.
    pub attributes: &'a T,
}

impl CableCarJson {
    /// Writes the line of a message of class `name` to the front of `slot` and returns its length; `attributes`
    /// writes what must be one object.
    pub fn emit_line(
        name: &str,
        slot: &mut [u8],
        attributes: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>,
    ) -> Result<usize, EncodeError> {
        Line::emit(slot, |content| {
            let mut line = Writer::new(content, Style::Ascii);
            line.begin_array()?;
            line.text(name)?;
            attributes(&mut line)?;
            line.end_array()?;
            Ok(line.written())
        })
    }

    /// Reads the rest of a line behind the class name; `attributes` reads what must be one object.
    pub fn read_line<'a, T>(
        envelope: Envelope<'a, Self>,
        attributes: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>,
    ) -> Result<T, Malformed> {
        let mut rest = Reader::new(envelope.body);
        let read = || {
            if rest.peek()? != Kind::Map {
                let expected = Kind::Map;
                return Err(DecodeError::at(rest.offset(), Rule::WrongType { expected }));
            }
            let attributes = attributes(&mut rest)?;
            while rest.next_element()? {
                rest.skip()?;
            }
            rest.finish()?;
            Ok(attributes)
        };
        read().map_err(|error| Malformed::from(error).within(0, envelope.key.body))
    }
}

impl Dialect for CableCarJson {
    type Key<'a> = Name<'a>;

    type Body<'a> = &'a mut [u8];

    type CallId = Never;

    type Notice<'a> = Never;

    const RESERVED: &'static [RangeInclusive<u16>] = &[];

    #[inline]
    fn find(
        &mut self,
        input: &mut [u8],
        scanned: usize,
        limit: usize,
    ) -> Result<Parsed, framing::Malformed> {
        Line::parse(input, scanned, limit)
    }

    fn skip(&self, input: &[u8]) -> Skipped {
        Line::skip(input)
    }

    #[inline]
    fn open<'a>(&'a mut self, content: &'a mut [u8]) -> Result<Opened<'a, Self>, Malformed> {
        let mut line = Reader::new(content);
        line.begin_array()?;
        let name = match line.next_element()? {
            true => line.text()?.into_str()?,
            false => return Err(too_short(&line)),
        };
        if !line.next_element()? {
            line.finish()?;
            return Err(too_short(&line));
        }
        let key = Name {
            text: name,
            body: line.offset(),
        };
        Ok(Opened::Envelope(Envelope {
            kind: dialect::Kind::Message,
            key,
            body: line.into_rest(),
        }))
    }

    fn settle(envelope: Envelope<'_, Self>) -> Result<Envelope<'_, Self>, Malformed> {
        let (kind, key) = (envelope.kind, envelope.key);
        let body = Self::read_line(envelope, Reader::raw_value)?;
        Ok(Envelope { kind, key, body })
    }
}

impl Keeps for CableCarJson {}

impl Resumes for CableCarJson {}

impl<M: Message + Serialize> Carries<M> for CableCarJson {
    #[inline]
    fn emit(&mut self, message: &M, slot: &mut [u8]) -> Result<usize, EncodeError> {
        Self::emit_line(M::NAME, slot, |line| {
            value::serialize_attributes(line, message)
        })
    }
}

impl<'a, M: Message + Deserialize<'a>> Delivers<'a, M> for CableCarJson {
    #[inline]
    fn names(key: &Name<'_>) -> bool {
        key.text == M::NAME
    }

    #[inline]
    fn read(envelope: Envelope<'a, Self>) -> Result<M, Malformed> {
        Self::read_line(envelope, value::deserialize_attributes)
    }
}

impl<T: Serialize + ?Sized> Carries<Named<'_, T>> for CableCarJson {
    fn emit(&mut self, named: &Named<'_, T>, slot: &mut [u8]) -> Result<usize, EncodeError> {
        Self::emit_line(named.name, slot, |line| {
            value::serialize_attributes(line, named.attributes)
        })
    }
}

/// There are no requests to refuse.
impl Carries<Refusal<'_, Never>> for CableCarJson {
    fn emit(&mut self, refusal: &Refusal<'_, Never>, _: &mut [u8]) -> Result<usize, EncodeError> {
        match refusal.id {}
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

/// The line's array has fewer than two elements.
#[cold]
fn too_short(line: &Reader<'_>) -> Malformed {
    DecodeError::at(line.offset(), Rule::InvalidLength).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::cable_car::{Identify, Join};
    use crate::{Event, Messenger, messages};
    use std::string::{String, ToString};
    use std::vec::Vec;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Stats<'a> {
        host: &'a str,
        load: [f64; 3],
    }

    messages! {
        #[derive(Debug, PartialEq)]
        enum Words<'a> {
            Identify(Identify<'a>),
            Join(Join),
            Stats(Stats<'a>) as "MsgStats",
        }
    }

    fn sent<M>(message: &M) -> String
    where
        CableCarJson: Carries<M>,
    {
        let mut messenger = Messenger::new(CableCarJson, [0; 0], [0; 256]);
        messenger.send(message).unwrap();
        String::from_utf8(messenger.poll_output().to_vec()).unwrap()
    }

    fn events(lines: &[u8]) -> Vec<String> {
        let mut messenger = Messenger::new(CableCarJson, [0; 256], [0; 0]);
        messenger.input_room()[..lines.len()].copy_from_slice(lines);
        messenger.handle_input(lines.len());
        let mut events = Vec::new();
        while let Some(event) = messenger.recv::<Words<'_>>() {
            events.push(match event {
                Event::Message(words) => std::format!("{words:?}"),
                Event::Unknown(unknown) => {
                    std::format!("{} {}", unknown.key, str::from_utf8(unknown.body).unwrap())
                }
                Event::Malformed(malformed) => malformed.to_string(),
            });
        }
        events
    }

    #[test]
    fn writes_what_python_writes() {
        assert_eq!(sent(&Join), "[\"MsgJoin\",{}]\n");
        let identify = "[\"MsgIdentify\",{\"username\":\"pilot\",\"hostname\":\"raspberrypi\"}]\n";
        assert_eq!(sent(&Identify::new("pilot", "raspberrypi")), identify);
        let stats = Stats {
            host: "Zürich",
            load: [0.5, 1e-5, f64::INFINITY],
        };
        let line = "[\"MsgStats\",{\"host\":\"Z\\u00fcrich\",\"load\":[0.5,1e-05,Infinity]}]\n";
        assert_eq!(sent(&stats), line);
        assert_eq!(
            sent(&Named {
                name: "Blob",
                attributes: &()
            }),
            "[\"Blob\",{}]\n"
        );
    }

    #[test]
    fn refuses_attributes_that_are_no_object() {
        let mut messenger = Messenger::new(CableCarJson, [0; 0], [0; 64]);
        let sent = messenger.send(&Named {
            name: "Blob",
            attributes: &7,
        });
        assert_eq!(sent, Err(crate::SendError::Unencodable));
        assert!(messenger.poll_output().is_empty());
    }

    #[test]
    fn reads_what_python_reads() {
        let said = events(b" [ \"MsgJoin\" , {\"room\":\"A\"} , 3, [] ]\r\n[\"MsgStats\",{\"load\":[1,2,3],\"host\":\"\\u00fc\"}]\n");
        assert_eq!(
            said,
            [
                "Join(Join)",
                "Stats(Stats { host: \"ü\", load: [1.0, 2.0, 3.0] })"
            ]
        );
    }

    #[test]
    fn stays_in_step_behind_every_bad_line() {
        let lines = b"\n{}\n[\"MsgJoin\"]\n[1,{}]\n[\"MsgJoin\",null]\n[\"MsgJoin\",{}] x\n[\"Nope\",{\"a\": [1]},2]\n[\"MsgStats\",{\"load\":1}]\n[\"MsgJoin\",{}]\n";
        assert_eq!(
            events(lines),
            [
                "body ends inside the value (byte 0 of the frame at byte 0 of the stream)",
                "not an array (byte 0 of the frame at byte 1 of the stream)",
                "too few or too many entries (byte 11 of the frame at byte 4 of the stream)",
                "not a string (byte 1 of the frame at byte 16 of the stream)",
                "not an object (byte 11 of the frame at byte 23 of the stream)",
                "body goes on behind the value (byte 15 of the frame at byte 40 of the stream)",
                "Nope {\"a\": [1]}",
                "not an array (byte 20 of the frame at byte 79 of the stream)",
                "Join(Join)",
            ]
        );
    }
}
