//! What was said, as far as it is shown: in the words of the other verbs, and for people.

use crate::line::{Line, bytes};
use crate::output::json;
use crate::words::Words;
use ropeway_std::any::{Body, Content, Key};
use ropeway_std::value::{Map, Value};

/// What was said.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    /// What the message is called.
    pub(crate) title: String,
    /// As the other verbs print it: at most [`SHOWN`] bytes a field.
    pub(crate) fields: Line,
}

impl Shown {
    pub(crate) fn message(content: &Content, words: &Words) -> Self {
        Self::new(&content.key, words.show(content), words)
    }

    /// A message that wants an answer.
    pub(crate) fn request(content: &Content, words: &Words) -> Self {
        let line = Line::default().with("call", true);
        Self::new(&content.key, line.and(words.show(content)), words)
    }

    pub(crate) fn answer(key: &Key, answer: Result<&Body, String>, words: &Words) -> Self {
        let line = Line::default().with("answer_to", key.to_string());
        let line = match answer {
            Ok(body) => line.and(words.show_answer(key, body)),
            Err(error) => line.with("error", error),
        };
        Self::new(key, line, words)
    }

    fn new(key: &Key, line: Line, words: &Words) -> Self {
        let mut title = words.title(key);
        cut(&mut title, TITLE_SHOWN);
        let fields = brief(line);
        Self { title, fields }
    }

    /// What it says, for people: at most [`SHOWN`] bytes.
    pub(crate) fn says(&self) -> String {
        let Line(fields) = &self.fields;
        let is_cut = fields.get("cut").is_some();
        let value = |value: &Value| match value {
            Value::Text(text) if is_cut => text.clone(),
            Value::Bytes(bytes) => shown_bytes(bytes),
            value => json(value),
        };
        let said = fields.get("body").or_else(|| fields.get("answer"));
        let mut says = match (said, fields.get("hex").and_then(Value::as_str)) {
            (Some(said), _) => value(said),
            (None, Some(hex)) => match bytes(hex) {
                Ok(bytes) => shown_bytes(&bytes),
                // Half of a byte is left where it was cut.
                Err(_) => hex.to_owned(),
            },
            (None, None) => shown_arguments(fields),
        };
        if let Some(error) = fields.get("error").and_then(Value::as_str) {
            says = [says.as_str(), error]
                .into_iter()
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>()
                .join(": ");
        }
        cut(&mut says, SHOWN);
        says
    }
}

/// The same with at most [`SHOWN`] bytes a field: what is longer is the beginning of its text, and `cut` says so. What
/// names the message is shorter.
fn brief(Line(fields): Line) -> Line {
    let mut is_cut = false;
    let fields = fields.into_iter().map(|(name, value)| {
        let mut text = match &value {
            Value::Text(text) => text.clone(),
            other => json(other),
        };
        let most = match name.as_str() {
            Some("name" | "answer_to") => TITLE_SHOWN,
            _ => SHOWN,
        };
        match cut(&mut text, most) {
            true => {
                is_cut = true;
                (name, text.into())
            }
            false => (name, value),
        }
    });
    let line = Line(fields.collect());
    line.with_some("cut", is_cut.then_some(true))
}

/// Cuts a text that is longer than `most` bytes, between two characters, and says whether it was.
pub(crate) fn cut(text: &mut String, most: usize) -> bool {
    let is_long = text.len() > most;
    if is_long {
        text.truncate(text.floor_char_boundary(most));
        text.push('…');
    }
    is_long
}

/// Hex, and text where it is some.
fn shown_bytes(bytes: &[u8]) -> String {
    let hex = crate::line::hex(bytes);
    let text = std::str::from_utf8(bytes).ok();
    match text.filter(|text| text.len() > 2 && !text.chars().any(char::is_control)) {
        Some(text) => format!("{hex} {text:?}"),
        None => hex,
    }
}

fn shown_arguments(fields: &Map) -> String {
    let args = match fields.get("args") {
        Some(Value::Array(args)) => args.iter().map(json).collect(),
        Some(cut) => vec![json(cut)],
        None => Vec::new(),
    };
    let kwargs = match fields.get("kwargs") {
        Some(Value::Map(kwargs)) => kwargs
            .iter()
            .map(|(name, value)| match name.as_str() {
                Some(name) => format!("{name}={}", json(value)),
                None => format!("{}={}", json(name), json(value)),
            })
            .collect(),
        Some(cut) => vec![json(cut)],
        None => Vec::new(),
    };
    let all: Vec<_> = args.into_iter().chain(kwargs).collect();
    match all.is_empty() && fields.get("error").is_some() {
        true => String::new(),
        false => format!("({})", all.join(", ")),
    }
}

/// As much as is shown of a message.
pub(crate) const SHOWN: usize = 1024;

/// As much as is shown of what names it.
const TITLE_SHOWN: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Protocol;
    use crate::registry::Registry;
    use crate::said::Said;
    use ropeway_std::any::Arguments;
    use std::sync::Arc;

    fn words(protocol: Protocol) -> Words {
        let registry = Arc::new(Registry::default());
        Words { protocol, registry }
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let words = words(Protocol::Packetmq);
        let content = Content::new("é".repeat(100_000), Value::from("é".repeat(SHOWN)));
        let shown = Shown::message(&content, &words);
        assert!(shown.title.len() <= TITLE_SHOWN + 3);
        assert!(shown.says().ends_with('…') && shown.says().len() <= SHOWN + 3);
        // Characters beyond ASCII take more in JSON.
        assert!(shown.fields.to_string().len() < 4 * SHOWN);
        let again = Said::read(&shown.fields.to_string()).unwrap_err();
        assert!(again.to_string().contains("`cut`"), "{again}");
    }

    #[test]
    fn bytes_are_shown_as_text_where_they_are_some() {
        let words = words(Protocol::Native);
        let says = |body: Vec<u8>| Shown::message(&Content::new(16, body), &words).says();
        assert_eq!(says(b"hello".to_vec()), r#"68656c6c6f "hello""#);
        assert_eq!(says(vec![0, 255]), "00ff");
        assert!(says(vec![0xAB; 2000]).ends_with("ab…"));
        let answer = Shown::answer(&Key::Code(16), Ok(&b"yes".to_vec().into()), &words);
        assert_eq!(
            (answer.title.as_str(), answer.says().as_str()),
            ("0x10", r#"796573 "yes""#)
        );
        let late = Shown::answer(&Key::Code(16), Err("no answer in time".into()), &words);
        assert_eq!(late.says(), "no answer in time");
    }

    #[test]
    fn what_is_shown_can_be_said_again() {
        let words = words(Protocol::TcpTalks);
        let content = Content::new("drive", Arguments::new([1, 2]).with("fast", true));
        let shown = Shown::request(&content, &words);
        assert_eq!(shown.says(), "(1, 2, fast=true)");
        let said = Said::read(&shown.fields.to_string()).unwrap();
        assert!(said.is_call);
        assert_eq!(words.content(&said).unwrap(), content);
    }
}
