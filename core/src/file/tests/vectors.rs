use crate::file::{Frame, Rule};
use crate::framing::Full;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

const SPEC: &str = include_str!("../../../SPEC.md");

/// The rows of the table in the specification: frame, meaning, bytes.
fn rows() -> Vec<(String, String, Vec<u8>)> {
    let (_, vectors) = SPEC
        .split_once("\n## Vectors")
        .expect("a section of vectors");
    let (_, files) = vectors
        .split_once("\n### Files")
        .expect("a section of files");
    let files = files.split("\n#").next().unwrap();
    let rows = files.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [frame, says, bytes] = cells[..] else {
            panic!("{row}")
        };
        let bytes = bytes
            .split(' ')
            .map(|byte| u8::from_str_radix(byte, 16).unwrap());
        (frame.to_string(), says.to_string(), bytes.collect())
    })
    .collect()
}

/// A frame in the words of the specification.
fn words(frame: &Frame<'_>) -> (&'static str, String) {
    match frame {
        Frame::Offer {
            file,
            ask,
            size,
            tag,
            name,
        } => (
            "OFFER",
            format!("file {file}, ask {ask}, size {size}, tag {tag:#x}, name {name}"),
        ),
        Frame::Ask { ask, name } => ("ASK", format!("ask {ask}, name {name}")),
        Frame::Accept {
            file,
            offset,
            limit,
        } => (
            "ACCEPT",
            format!("file {file}, offset {offset}, limit {limit}"),
        ),
        Frame::Credit {
            file,
            offset,
            limit,
        } => (
            "CREDIT",
            format!("file {file}, offset {offset}, limit {limit}"),
        ),
        Frame::Chunk {
            file,
            offset,
            bytes,
        } => {
            let bytes: String = bytes.iter().map(|byte| format!(" {byte:02x}")).collect();
            (
                "CHUNK",
                format!("file {file}, offset {offset}, bytes{bytes}"),
            )
        }
        Frame::Done { file, crc } => ("DONE", format!("file {file}, crc {crc:#x}")),
        Frame::Verified { file } => ("VERIFIED", format!("file {file}")),
        Frame::Stop { id, side, reason } => {
            let (side, reason) = (*side as u8, reason.to_wire());
            ("STOP", format!("file {id}, side {side}, reason {reason}"))
        }
    }
}

#[test]
fn every_row_of_the_specification_is_read_and_written() {
    let rows = rows();
    for (name, says, bytes) in &rows {
        let frame = Frame::parse(bytes).unwrap();
        assert_eq!(words(&frame), (name.as_str(), says.clone()));
        let mut slot = [0xee; 64];
        assert_eq!(frame.emit(&mut slot), Ok(bytes.len()));
        assert_eq!(&slot[..bytes.len()], &bytes[..]);
        for short in 0..bytes.len() {
            assert_eq!(frame.emit(&mut slot[..short]), Err(Full));
        }
        assert!(bytes.len() <= Frame::MAX_CONTROL);
    }
    let codes: Vec<u8> = rows.iter().map(|(_, _, bytes)| bytes[0]).collect();
    assert!(
        (0xf0..=0xf7).all(|code| codes.contains(&code)),
        "{codes:x?}"
    );
}

#[test]
fn a_frame_cut_short_or_with_more_behind_it_is_refused() {
    for (name, _, bytes) in rows() {
        let text = matches!(&*name, "OFFER" | "ASK" | "CHUNK");
        for len in 0..bytes.len() {
            let parsed = Frame::parse(&bytes[..len]);
            match parsed {
                // What stands last may be shorter.
                Ok(frame) => assert!(text, "{frame:?}"),
                Err(rule) => assert!(
                    matches!(
                        rule,
                        Rule::Length { .. } | Rule::EmptyChunk | Rule::NameNotUtf8
                    ),
                    "{rule}"
                ),
            }
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(Frame::parse(&longer).is_ok(), text, "{name}");
    }
}

#[test]
fn names_the_rule_that_a_frame_breaks() {
    assert_eq!(Frame::parse(&[0xf8, 1]), Err(Rule::Code { code: 0xf8 }));
    assert_eq!(Frame::parse(&[0x10]), Err(Rule::Code { code: 0x10 }));
    assert_eq!(Frame::parse(&[]), Err(Rule::Length { code: 0, len: 0 }));
    let side = [0xf7, 1, 0, 0, 0, 3, 0];
    assert_eq!(Frame::parse(&side), Err(Rule::Side { side: 3 }));
    let ask = |name: &[u8]| [&[0xf1, 1, 0, 0, 0], name].concat();
    let long = ask(&[b'n'; 201]);
    assert_eq!(Frame::parse(&long), Err(Rule::NameTooLong { len: 201 }));
    assert_eq!(Frame::parse(&ask(&[0xff])), Err(Rule::NameNotUtf8));
    assert!(Frame::parse(&ask(&[b'n'; 200])).is_ok());
    let empty = [&[0xf4][..], &[0; 12]].concat();
    assert_eq!(Frame::parse(&empty), Err(Rule::EmptyChunk));
}
