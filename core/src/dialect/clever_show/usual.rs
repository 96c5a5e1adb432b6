//! Headers in the form in which the original writes them: read without a look at each field.

use super::FILE;
use super::call_id::CallId;
use super::charset::Encoding;
use super::header::{Header, HeaderKind, Place};

/// Reads the header in `text`, if it is one of JSON in that form, with plain names.
///
/// Headers in all other forms, right or wrong, are left to those who look at each field.
pub(super) fn read(text: &[u8]) -> Option<Header> {
    let rest = text.strip_prefix(b"{\"byteorder\": \"")?;
    let little = rest.strip_prefix(b"little");
    let rest = little.or_else(|| rest.strip_prefix(b"big"))?;
    let rest =
        rest.strip_prefix(b"\", \"content-type\": \"json\", \"content-encoding\": \"utf-8\"")?;
    let (len, rest) = length(rest.strip_prefix(b", \"content-length\": ")?)?;
    let rest = rest.strip_prefix(b", \"message-type\": \"")?;
    let end = Header::START + text.len();
    let (kind, rest) = if let Some(rest) = rest.strip_prefix(b"message\", \"action\": ") {
        let (name, behind) = plain(rest)?;
        if name == FILE.as_bytes() {
            return None;
        }
        let name = place(end, rest, behind);
        (HeaderKind::Action { name }, behind)
    } else if let Some(rest) = rest.strip_prefix(b"response\", \"requested_value\": ") {
        let (_, behind) = plain(rest)?;
        let name = place(end, rest, behind);
        let rest = behind.strip_prefix(b", \"request_id\": ")?;
        let (_, behind) = plain(rest)?;
        let id = rest.get(..rest.len() - behind.len())?;
        let id = CallId::from_json(id)?;
        (HeaderKind::Answer { name, id }, behind)
    } else {
        (HeaderKind::Request, rest.strip_prefix(b"request\"")?)
    };
    (rest == b"}").then_some(Header {
        end,
        len,
        kind,
        json: Some(Encoding::Utf8),
    })
}

/// A length of not too many digits, and what follows it.
#[inline]
fn length(rest: &[u8]) -> Option<(u64, &[u8])> {
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = rest.split_at_checked(count)?;
    let is_plain = matches!(digits, [b'0'] | [b'1'..=b'9', ..]) && count <= MOST_DIGITS;
    let digits = digits.iter().map(|digit| u64::from(digit - b'0'));
    is_plain.then(|| (digits.fold(0, |len, digit| len * 10 + digit), rest))
}

/// A string of printable ASCII without escapes, and what follows its quotes.
#[inline]
fn plain(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = rest.strip_prefix(b"\"")?;
    let is_plain = |byte: &&u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    let (text, rest) = rest.split_at_checked(rest.iter().take_while(is_plain).count())?;
    Some((text, rest.strip_prefix(b"\"")?))
}

/// Where that stands which `rest` starts with and `behind` follows, in a message whose header ends at `end` with both.
#[inline]
const fn place(end: usize, rest: &[u8], behind: &[u8]) -> Place {
    Place {
        start: end - rest.len(),
        end: end - behind.len(),
    }
}

/// No length of so many digits is too long for its type.
const MOST_DIGITS: usize = 18;

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::vec::Vec;

    fn headers() -> Vec<Vec<u8>> {
        let of = |order, len, rest| {
            let start = format!("{{\"byteorder\": \"{order}\", \"content-type\": \"json\", ");
            let rest = format!("\"content-length\": {len}, \"message-type\": {rest}}}");
            (start + "\"content-encoding\": \"utf-8\", " + &rest).into_bytes()
        };
        Vec::from([
            of("little", "0", "\"message\", \"action\": \"land\""),
            of("big", "17", "\"request\""),
            of(
                "little",
                "4096",
                "\"response\", \"requested_value\": \"id\", \"request_id\": \"0007\"",
            ),
        ])
    }

    #[test]
    fn reads_what_the_original_writes() {
        for header in headers() {
            assert!(read(&header).is_some(), "{}", header.escape_ascii());
        }
    }

    #[test]
    fn leaves_files_long_lengths_and_escapes_to_others() {
        let [action, ..] = &headers()[..] else {
            panic!()
        };
        let action = str::from_utf8(action).unwrap();
        for (usual, other) in [
            ("land", FILE),
            ("land", "l\\u0061nd"),
            ("land", "l\u{e4}nd"),
            (": 0", ": 00"),
            (": 0", ": 1234567890123456789"),
            (": 0", ": -1"),
            ("}", "} "),
        ] {
            assert!(
                read(action.replace(usual, other).as_bytes()).is_none(),
                "{other}"
            );
        }
    }

    #[test]
    fn never_says_otherwise_than_those_who_look_at_each_field() {
        let (places, bytes) = if cfg!(miri) { (11, 51) } else { (1, 1) };
        for header in headers() {
            for at in (0..header.len()).step_by(places) {
                for byte in (0..=0xff).step_by(bytes) {
                    let mut changed = header.clone();
                    changed[at] = byte;
                    if let Some(shortly) = read(&changed) {
                        let slowly = Header::look(&mut changed).unwrap();
                        assert_eq!(format!("{shortly:?}"), format!("{slowly:?}"));
                    }
                }
            }
        }
    }
}
