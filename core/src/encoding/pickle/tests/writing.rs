use crate::encoding::EncodeError;
use crate::encoding::pickle::{Node, Place, Progress, Table, Writer};
use crate::encoding::value::{Kind, Write};
use std::{format, string::ToString, vec, vec::Vec};

use super::LIMIT;

fn written(write: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>) -> Vec<u8> {
    let mut slot = [0; 300];
    let mut writer = Writer::new(&mut slot).unwrap();
    write(&mut writer).unwrap();
    let len = writer.finish().unwrap();
    slot[2..len - 1].into()
}

#[test]
fn writes_the_shortest_forms() {
    assert_eq!(written(|w| w.i64(255)), b"K\xff");
    assert_eq!(written(|w| w.i64(256)), b"M\x00\x01");
    assert_eq!(written(|w| w.i64(65536)), b"J\x00\x00\x01\x00");
    assert_eq!(written(|w| w.i64(-1)), b"J\xff\xff\xff\xff");
    assert_eq!(written(|w| w.i64(1 << 31)), b"\x8a\x05\x00\x00\x00\x80\x00");
    assert_eq!(
        written(|w| w.u64(u64::MAX)),
        b"\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\x00"
    );
    assert_eq!(
        written(|w| w.i128(-(1 << 39))),
        b"\x8a\x05\x00\x00\x00\x00\x80"
    );
    assert_eq!(written(|w| w.u128(u128::MAX)).len(), 2 + 17);
    assert_eq!(
        written(|w| w.integer_le(&[0xff, 0xff])),
        b"J\xff\xff\xff\xff"
    );
    assert_eq!(written(|w| w.integer_le(&[1; 260])).len(), 5 + 260);
    assert_eq!(written(|w| w.integer_le(&[])), b"K\x00");
    assert_eq!(
        written(|w| w.f32(1.5)),
        b"G\x3f\xf8\x00\x00\x00\x00\x00\x00"
    );
    let units = [0x61, 0xd83d, 0xd83d, 0xde81];
    assert_eq!(
        written(|w| w.utf16(units.into_iter())),
        b"X\x08\x00\x00\x00a\xed\xa0\xbd\xf0\x9f\x9a\x81"
    );
    let list = |len| {
        written(|w| {
            let list = w.begin_array(len)?;
            w.end_array(list, 0)
        })
    };
    assert_eq!(list(Some(0)), b"]");
    assert_eq!(list(None), b"](e");
}

#[test]
fn a_slot_of_any_size_is_enough_or_full() {
    let write = |slot: &mut [u8]| {
        let mut writer = Writer::new(slot)?;
        let frames = [Place {
            file: "main.rs",
            line: 7,
            function: "drive",
            source: "step()",
        }];
        writer.failure("RuntimeError", "stuck", frames)?;
        writer.finish()
    };
    let mut slot = [0; 300];
    let len = write(&mut slot).unwrap();
    for short in 0..len {
        assert_eq!(write(&mut slot[..short]), Err(EncodeError::Full));
    }
    let mut exact = vec![0; len];
    assert_eq!(write(&mut exact), Ok(len));
    assert_eq!(
        Writer::new(&mut slot).unwrap().global("os\nsystem", "x"),
        Err(EncodeError::Unencodable)
    );
}

#[test]
fn describes_the_exception_it_would_send() {
    let mut slot = [0; 300];
    let mut writer = Writer::new(&mut slot).unwrap();
    let place = Place {
        file: "main.rs",
        line: 7,
        function: "drive",
        source: "step()",
    };
    writer.failure("RuntimeError", "stuck", [place]).unwrap();
    let len = writer.finish().unwrap();
    let mut table = Table::new([Node::EMPTY; 32]);
    assert_eq!(table.scan(&slot, LIMIT), Ok(Progress::Done { len }));
    let root = table.root(&slot).unwrap();
    assert_eq!(root.kind(), Kind::Exception);
    let error = root.exception().unwrap();
    assert_eq!(error.to_string(), "RuntimeError: stuck");
    assert_eq!(
        format!("{error:?}"),
        "RemoteError(builtins.RuntimeError: stuck)"
    );
    assert!(error.args().is_none());
    let frame = error.frames().next().unwrap();
    assert_eq!(frame.file.unwrap().into_str(), Ok("main.rs"));
    assert_eq!(frame.line, Some(7));
    assert_eq!(frame.source.unwrap().into_str(), Ok("step()"));
    assert_eq!(error.frames().count(), 1);
}

#[test]
fn sets_and_byte_arrays_are_written_by_name() {
    let set = written(|w| {
        let set = w.begin_set(Kind::FrozenSet, 1)?;
        w.null()?;
        w.end_set(Kind::FrozenSet, set, 1)
    });
    assert_eq!(set, b"cbuiltins\nfrozenset\n](Ne\x85R");
    let empty = written(|w| {
        let set = w.begin_set(Kind::Set, 0)?;
        w.end_set(Kind::Set, set, 0)
    });
    assert_eq!(empty, b"cbuiltins\nset\n]\x85R");
    let bytes = written(|w| w.byte_array(b"a"));
    assert_eq!(bytes, b"cbuiltins\nbytearray\nC\x01a\x85R");
}

#[test]
fn what_a_value_displays_has_its_length_behind_it() {
    assert_eq!(written(|w| w.display(&12.5)), b"X\x04\x00\x00\x0012.5");
    let long = written(|w| w.display(&"x".repeat(270)));
    assert_eq!(long.len(), 5 + 270);
    let mut slot = [0; 8];
    let full = Writer::new(&mut slot).unwrap().display(&12.5);
    assert_eq!(full, Err(EncodeError::Full));
}
