use super::*;

fn written(write: impl Fn(&mut Writer<'_>) -> Result<(), EncodeError>) -> Vec<u8> {
    let mut out = vec![0xee; 1 << 17];
    let mut writer = Writer::new(&mut out);
    write(&mut writer).unwrap();
    let bytes = writer.as_bytes().to_vec();
    assert_eq!(writer.written(), bytes.len());
    let mut exact = vec![0xee; bytes.len()];
    write(&mut Writer::new(&mut exact)).unwrap();
    assert_eq!(exact, bytes);
    exact.pop();
    assert_eq!(write(&mut Writer::new(&mut exact)), Err(EncodeError::Full));
    bytes
}

#[test]
fn integers_take_the_shortest_form() {
    for (value, bytes) in UNSIGNED {
        assert_eq!(written(|writer| writer.u64(value)), bytes);
        assert_eq!(written(|writer| writer.u128(value.into())), bytes);
        assert_eq!(written(|writer| writer.i128(value.into())), bytes);
        if let Ok(value) = i64::try_from(value) {
            assert_eq!(written(|writer| writer.i64(value)), bytes);
        }
    }
    for (value, bytes) in SIGNED {
        assert_eq!(written(|writer| writer.i64(value)), bytes);
        assert_eq!(written(|writer| writer.i128(value.into())), bytes);
        let little = i128::from(value).to_le_bytes();
        assert_eq!(written(|writer| writer.integer_le(&little)), bytes);
    }
    assert_eq!(written(|writer| writer.integer_le(&[])), [0]);
}

#[test]
fn integers_beyond_64_bits_are_unencodable() {
    let mut out = [0; 32];
    let mut writer = Writer::new(&mut out);
    let no = Err(EncodeError::Unencodable);
    assert_eq!(writer.u128(1 << 64), no);
    assert_eq!(writer.i128(1 << 64), no);
    assert_eq!(writer.i128(i128::from(i64::MIN) - 1), no);
    assert_eq!(writer.integer_le(&[1; 17]), no);
    assert_eq!(writer.integer_le(&[1; 9]), no);
    assert_eq!(writer.written(), 0);
}

#[test]
fn floats_take_eight_bytes() {
    let bytes = [0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0];
    assert_eq!(written(|writer| writer.f64(1.5)), bytes);
    assert_eq!(written(|writer| writer.f32(1.5)), bytes);
}

#[test]
#[cfg_attr(miri, ignore = "minutes: lengths beyond two bytes")]
fn lengths_take_the_shortest_form() {
    let text = |len: usize| written(|writer| writer.text(&"x".repeat(len)));
    let bytes = |len: usize| written(|writer| writer.bytes(&vec![7; len]));
    let extension = |len: usize| written(|writer| writer.extension(-2, &vec![7; len]));
    let head = |bytes: Vec<u8>, len: usize| bytes[..bytes.len() - len].to_vec();
    for (len, start) in [
        (0, &[0xa0][..]),
        (31, &[0xbf]),
        (32, &[0xd9, 32]),
        (255, &[0xd9, 255]),
        (256, &[0xda, 1, 0]),
        (65535, &[0xda, 255, 255]),
        (65536, &[0xdb, 0, 1, 0, 0]),
    ] {
        assert_eq!(head(text(len), len), start);
        let units = written(|writer| writer.utf16(core::iter::repeat_n(0x78, len)));
        assert_eq!(units, text(len));
    }
    for (len, start) in [
        (0, &[0xc4, 0][..]),
        (255, &[0xc4, 255]),
        (256, &[0xc5, 1, 0]),
        (65536, &[0xc6, 0, 1, 0, 0]),
    ] {
        assert_eq!(head(bytes(len), len), start);
    }
    for (len, start) in [
        (0, &[0xc7, 0, 0xfe][..]),
        (1, &[0xd4, 0xfe]),
        (2, &[0xd5, 0xfe]),
        (3, &[0xc7, 3, 0xfe]),
        (4, &[0xd6, 0xfe]),
        (8, &[0xd7, 0xfe]),
        (16, &[0xd8, 0xfe]),
        (17, &[0xc7, 17, 0xfe]),
        (256, &[0xc8, 1, 0, 0xfe]),
        (65536, &[0xc9, 0, 1, 0, 0, 0xfe]),
    ] {
        assert_eq!(head(extension(len), len), start);
    }
    for (len, start) in [
        (0, &[0x90][..]),
        (15, &[0x9f]),
        (16, &[0xdc, 0, 16]),
        (65535, &[0xdc, 255, 255]),
        (65536, &[0xdd, 0, 1, 0, 0]),
    ] {
        assert_eq!(head(array_of(len), len), start);
    }
}

#[test]
fn counts_that_come_late_or_wrong_are_corrected() {
    for said in [None, Some(0), Some(3), Some(16), Some(20), Some(65536)] {
        for len in [0, 1, 15, 16, 17, 65535, 65536] {
            if cfg!(miri) && len > 17 {
                break;
            }
            let mut out = vec![0; 1 << 17];
            let mut writer = Writer::new(&mut out);
            let around = writer.begin_array(Some(2)).unwrap();
            let open = writer.begin_array(said).unwrap();
            for _ in 0..len {
                writer.null().unwrap();
            }
            writer.end_array(open, len).unwrap();
            writer.bool(true).unwrap();
            writer.end_array(around, 2).unwrap();
            let expected = [vec![0x92], array_of(len), vec![0xc3]].concat();
            assert!(writer.as_bytes() == expected, "{said:?} {len}");
        }
    }
    let sample = sample();
    let late = written(|writer| sample.write(writer, |_| None));
    assert_eq!(late, sample.encode());
    assert_eq!(written(|writer| sample.write(writer, Some)), late);
}

#[test]
fn utf16_becomes_text_unless_a_surrogate_is_alone() {
    let text = "Zürich \u{1f681}";
    let units: Vec<u16> = text.encode_utf16().collect();
    assert_eq!(
        written(|writer| writer.utf16(units.iter().copied())),
        written(|writer| writer.text(text))
    );
    assert_eq!(
        written(|writer| writer.key_utf16(units.iter().copied())),
        written(|writer| writer.key(text))
    );
    let mut out = [0; 32];
    let mut writer = Writer::new(&mut out);
    let alone = writer.utf16([0x78, 0xd83d].into_iter());
    assert_eq!(alone, Err(EncodeError::Unencodable));
    assert_eq!(writer.written(), 0);
}

#[test]
fn no_map_is_written_in_a_key() {
    let mut out = [0; 64];
    let mut writer = Writer::new(&mut out);
    let no = EncodeError::Unencodable;
    let map = writer.begin_map(None).unwrap();
    writer.key_value().unwrap();
    assert_eq!(writer.begin_map(None).unwrap_err(), no);
    let key = writer.begin_array(Some(1)).unwrap();
    assert_eq!(writer.begin_map(None).unwrap_err(), no);
    let inner = writer.begin_array(None).unwrap();
    assert_eq!(writer.begin_map(None).unwrap_err(), no);
    writer.end_array(inner, 0).unwrap();
    assert_eq!(writer.begin_map(None).unwrap_err(), no);
    writer.end_array(key, 1).unwrap();
    let value = writer.begin_map(None).unwrap();
    writer.end_map(value, 0).unwrap();
    writer.key_value().unwrap();
    writer.u64(7).unwrap();
    let value = writer.begin_map(Some(0)).unwrap();
    writer.end_map(value, 0).unwrap();
    writer.end_map(map, 2).unwrap();
    assert_eq!(writer.as_bytes(), [0x82, 0x91, 0x90, 0x80, 7, 0x80]);
}

#[test]
fn writes_nothing_that_a_reader_refuses() {
    let no = EncodeError::Unencodable;
    let mut out = [0; 512];
    let mut writer = Writer::new(&mut out);
    assert_eq!(writer.extension(-1, &[0; 5]), Err(no));
    for _ in 0..128 {
        writer.begin_array(Some(1)).unwrap();
    }
    assert_eq!(writer.begin_array(Some(1)).unwrap_err(), no);
    assert_eq!(writer.begin_map(Some(1)).unwrap_err(), no);
}
