//! clever-show's recorded bytes, both ways, and what is none of its messages.

use ropeway_core::dialect::clever_show::{CleverShow, Fault};
use ropeway_core::encoding;
use ropeway_core::{Malformed, Messenger, Rule};
use ropeway_std::Growable;
use ropeway_tests::cable_car::feed;
use ropeway_tests::clever_show::{Ear, Said, said, say};
use ropeway_tests::vectors::{self, malformed, vectors};

#[test]
fn decodes_every_vector_at_every_split() {
    let vectors = vectors(FILE);
    assert_eq!(vectors.len(), 77);
    for vector in vectors {
        let expected: Vec<Said> = vector.messages().iter().map(said).collect();
        let check = |parts: &mut dyn Iterator<Item = &[u8]>| {
            let heard = hear(MEMORY, parts);
            assert!(heard == expected, "{}: {heard:?}", vector.name);
        };
        check(&mut [&vector.bytes[..]].into_iter());
        for split in splits(vector.bytes.len()) {
            let (first, second) = vector.bytes.split_at(split);
            check(&mut [first, second].into_iter());
        }
        check(&mut vector.bytes.chunks(1));
    }
}

#[test]
fn writes_byte_for_byte_what_python_3_sends() {
    let mut vectors = vectors(FILE);
    vectors.retain(|vector| !vector.is_decode_only && is_of_python_3(vector));
    assert_eq!(vectors.len(), 52);
    for vector in vectors {
        let mut messenger = writer();
        for message in vector.messages() {
            say(&mut messenger, &said(message));
        }
        let same = messenger.poll_output() == vector.bytes;
        assert!(same, "{}", vector.name);
    }
}

#[test]
fn writes_what_python_2_says_in_another_order() {
    let mut vectors = vectors(FILE);
    vectors.retain(|vector| !vector.is_decode_only && !is_of_python_3(vector));
    assert_eq!(vectors.len(), 16);
    for vector in vectors {
        let expected: Vec<Said> = vector.messages().iter().map(said).collect();
        let mut messenger = writer();
        expected.iter().for_each(|said| say(&mut messenger, said));
        let bytes = messenger.poll_output();
        assert_eq!(bytes.len() + lost(&vector.name), vector.bytes.len());
        assert_eq!(hear(MEMORY, &mut [bytes].into_iter()), expected);
    }
}

#[test]
fn names_what_is_wrong_and_goes_on_where_it_can() {
    let entries = malformed(FILE);
    assert_eq!(entries.len(), 60);
    for entry in entries {
        for chunk in [entry.bytes.len().max(1), 1] {
            let mut messenger = messenger(MEMORY);
            let mut ear = Ear::default();
            let mut heard = Vec::new();
            for part in entry.bytes.chunks(chunk) {
                heard.extend(feed(&mut messenger, part, |m| ear.next(m)));
            }
            let kinds: Vec<&str> = heard.iter().map(kind).collect();
            let expected: &[&str] = match (&entry.name[..], &entry.expect[0][..]) {
                (_, "need-more") => &[],
                // The path is looked at by whoever writes the file.
                ("file-message-path-escape", _) => &["accept"],
                ("content-null-then-good", _) => &["bad-content", "accept"],
                // An action has an object, and this is none however deep it goes.
                ("deep-json", _) => &["bad-content"],
                (_, expected) => &[expected],
            };
            assert_eq!(kinds, expected, "{}: {heard:?}", entry.name);
            let fatal = heard.iter().any(is_fatal);
            assert_eq!(messenger.is_over().is_some(), fatal, "{}", entry.name);
        }
    }
}

#[test]
fn what_follows_a_bad_message_is_heard() {
    let good = bytes_of("action-kwargs");
    let mut entries = malformed(FILE);
    entries.retain(|entry| {
        let heard = hear(MEMORY, &mut [&entry.bytes[..]].into_iter());
        heard.iter().any(|said| matches!(said, Said::Malformed(_))) && !heard.iter().any(is_fatal)
    });
    // Behind this one stands the byte that its length leaves out.
    entries.retain(|entry| entry.name != "content-short");
    assert_eq!(entries.len(), 29);
    for entry in entries {
        let mut bytes = entry.bytes.clone();
        bytes.extend(vec![b' '; missing(&entry.bytes)]);
        bytes.extend(&good);
        let heard = hear(MEMORY, &mut [&bytes[..]].into_iter());
        assert_eq!(heard.last().map(kind), Some("accept"), "{}", entry.name);
    }
}

#[test]
fn answers_as_the_original_does() {
    let file: ropeway_std::value::Value = FILE.parse().unwrap();
    let entries = file["behaviour"].as_array().unwrap();
    assert_eq!(entries.len(), 10);
    for entry in entries {
        let bytes = vectors::hex(vectors::text(&entry["hex"]));
        let heard = hear(MEMORY, &mut [&bytes[..]].into_iter());
        let mut messenger = messenger(MEMORY);
        for answer in entry["answers"].as_array().unwrap() {
            let answer = said(answer);
            match (&heard[0], &answer) {
                (Said::Request(id, name, ..), Said::Answer(to, of, _))
                | (Said::Request(id, name, ..), Said::FileAnswer(to, of, _)) => {
                    assert_eq!((id, name), (to, of));
                }
                other => panic!("{other:?}"),
            }
            say(&mut messenger, &answer);
        }
        let written = messenger.poll_output();
        let expected = entry["answers"].as_array().unwrap().iter().map(said);
        let expected: Vec<Said> = expected.collect();
        assert_eq!(hear(MEMORY, &mut [written].into_iter()), expected);
    }
}

#[test]
fn arguments_are_refused_when_they_are_too_deep() {
    let content = format!(
        "{{\"args\": [{}{}], \"kwargs\": {{}}}}",
        "[".repeat(127),
        "]".repeat(127)
    );
    let header = format!(
        "{{\"byteorder\": \"big\", \"content-type\": \"json\", \"content-encoding\": \"utf-8\", \"content-length\": {}, \"message-type\": \"message\", \"action\": \"test\"}}",
        content.len()
    );
    let length = u16::try_from(header.len()).unwrap().to_be_bytes();
    let bytes = [&length[..], header.as_bytes(), content.as_bytes()].concat();
    let heard = hear(MEMORY, &mut [&bytes[..]].into_iter());
    assert_eq!(heard.iter().map(kind).collect::<Vec<_>>(), ["refused"]);
}

#[test]
fn a_file_passes_through_less_memory_than_it_has() {
    let bytes = bytes_of("file-message-big.bin");
    let mut messenger = messenger(512);
    let mut ear = Ear::default();
    let heard = feed(&mut messenger, &bytes, |m| ear.next(m));
    match &heard[..] {
        [Said::File(path, content)] => {
            assert_eq!((&path[..], content.len()), ("big.bin", 102_400));
        }
        other => panic!("{other:?}"),
    }
    assert!(ear.parts >= 102_400 / 512, "{} parts", ear.parts);
}

fn hear(memory: usize, parts: &mut dyn Iterator<Item = &[u8]>) -> Vec<Said> {
    let mut messenger = messenger(memory);
    let mut ear = Ear::default();
    let mut heard = Vec::new();
    for part in parts {
        heard.extend(feed(&mut messenger, part, |m| ear.next(m)));
    }
    heard
}

fn messenger(memory: usize) -> Messenger<CleverShow, Growable> {
    let memory = || Growable::new(memory.min(1 << 12), memory);
    Messenger::new(CleverShow::new(), memory(), memory())
}

/// A messenger that has room for all that is sent.
fn writer() -> Messenger<CleverShow, Growable> {
    let memory = || Growable::new(MEMORY, MEMORY);
    Messenger::new(CleverShow::new(), memory(), memory())
}

/// What the file of vectors calls it.
fn kind(said: &Said) -> &'static str {
    let Said::Malformed(Malformed { rule, .. }) = said else {
        return "accept";
    };
    match rule {
        Rule::CleverShow(rule) => match rule.fault() {
            Fault::BadHeader => "bad-header",
            Fault::MissingHeader => "missing-header",
            Fault::BadContent => "bad-content",
            Fault::Limit => "refused",
        },
        Rule::Body(encoding::Rule::TooDeep { .. }) => "refused",
        Rule::Body(_) => "bad-content",
        other => panic!("{other}"),
    }
}

fn is_fatal(said: &Said) -> bool {
    matches!(said, Said::Malformed(malformed) if malformed.is_fatal())
}

/// How many bytes a message lacks by its header, if its content was left out.
fn missing(bytes: &[u8]) -> usize {
    let (header, content) = bytes[2..].split_at(usize::from(bytes[0]) << 8 | usize::from(bytes[1]));
    let header: ropeway_std::value::Value = str::from_utf8(header).unwrap().parse().unwrap();
    let length = header["content-length"].as_u64().unwrap();
    usize::try_from(length)
        .unwrap()
        .saturating_sub(content.len())
}

/// Python 2 writes its fields in another order.
fn is_of_python_3(vector: &vectors::Vector) -> bool {
    let first = vector.messages()[0]["header"]
        .as_map()
        .and_then(|header| header.iter().next());
    let starts_so = first.is_some_and(|(key, _)| key.as_str() == Some("byteorder"));
    starts_so && lost(&vector.name) == 0
}

/// How many bytes of arguments the original lost when it sent a request again.
fn lost(name: &str) -> usize {
    if name.starts_with("resend-after") {
        "null".len() - "[]".len()
    } else {
        0
    }
}

fn bytes_of(name: &str) -> Vec<u8> {
    let vector = vectors(FILE).into_iter().find(|vector| vector.name == name);
    vector.unwrap_or_else(|| panic!("no vector {name}")).bytes
}

/// Every place to split `len` bytes; of many a sample, dense at both ends.
fn splits(len: usize) -> Vec<usize> {
    if len < 10_000 {
        return (0..=len).collect();
    }
    let sampled = (1..40).map(|i| i * len / 40 + i);
    (0..300).chain(sampled).chain(len - 4..=len).collect()
}

/// Holds the longest message that is no file, and little more.
const MEMORY: usize = 128 << 10;
const FILE: &str = include_str!("../vectors/clever_show.json");
