use super::{super::validate, *};
use crate::encoding::msgpack::Timestamp;

#[test]
fn reads_every_form_of_an_integer() {
    for (value, bytes) in UNSIGNED {
        assert_eq!(Tree::decode(bytes), Ok(Tree::Unsigned(value)));
        assert_eq!(Reader::new(bytes).integer(), Ok(value));
        assert_eq!(Reader::new(bytes).integer(), Ok(i128::from(value)));
    }
    for (value, bytes) in SIGNED {
        assert_eq!(Tree::decode(bytes), Ok(Tree::Signed(value)));
        assert_eq!(Reader::new(bytes).integer(), Ok(value));
    }
    let five: [&[u8]; 9] = [
        &[5],
        &[0xcc, 5],
        &[0xcd, 0, 5],
        &[0xce, 0, 0, 0, 5],
        &[0xcf, 0, 0, 0, 0, 0, 0, 0, 5],
        &[0xd0, 5],
        &[0xd1, 0, 5],
        &[0xd2, 0, 0, 0, 5],
        &[0xd3, 0, 0, 0, 0, 0, 0, 0, 5],
    ];
    for bytes in five {
        assert_eq!(Tree::decode(bytes), Ok(Tree::Unsigned(5)));
        assert_eq!(Reader::new(bytes).integer(), Ok(5_u8));
        assert_eq!(Reader::new(bytes).f64(), Ok(5.0));
        assert_eq!(Reader::new(bytes).f32(), Ok(5.0));
    }
}

#[test]
fn refuses_integers_that_do_not_fit() {
    let out_of_range = DecodeError::at(0, Rule::OutOfRange);
    assert_eq!(
        Reader::new(&[0xcd, 1, 0]).integer::<u8>(),
        Err(out_of_range)
    );
    assert_eq!(Reader::new(&[0xff]).integer::<u64>(), Err(out_of_range));
    assert_eq!(Reader::new(&[0x80 - 1]).integer::<i8>(), Ok(127));
    assert_eq!(Reader::new(&[0xcc, 128]).integer::<i8>(), Err(out_of_range));
    let float = [0xca, 0x3f, 0x80, 0, 0];
    assert_eq!(
        Reader::new(&float).integer::<u8>().unwrap_err().rule,
        Rule::NotAnInteger
    );
}

#[test]
fn reads_floats_of_both_sizes() {
    let single = [0xca, 0x3f, 0xc0, 0, 0];
    let double = [0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0];
    for bytes in [&single[..], &double] {
        assert_eq!(Reader::new(bytes).f64(), Ok(1.5));
        assert_eq!(Reader::new(bytes).f32(), Ok(1.5));
        assert_eq!(Tree::decode(bytes), Ok(Tree::Float(1.5_f64.to_bits())));
    }
}

#[test]
fn reads_text_and_bytes_with_lengths_of_every_size() {
    for bytes in [
        b"\xa3abc".to_vec(),
        b"\xd9\x03abc".to_vec(),
        b"\xda\x00\x03abc".to_vec(),
        b"\xdb\x00\x00\x00\x03abc".to_vec(),
    ] {
        assert_eq!(Tree::decode(&bytes), Ok(Tree::Text("abc".into())));
        let mut reader = Reader::new(&bytes);
        let text = reader.text().unwrap();
        assert_eq!(text.offset(), bytes.len() - 3);
        assert_eq!(reader.offset(), bytes.len());
    }
    for bytes in [
        b"\xc4\x03abc".to_vec(),
        b"\xc5\x00\x03abc".to_vec(),
        b"\xc6\x00\x00\x00\x03abc".to_vec(),
    ] {
        assert_eq!(Reader::new(&bytes).bytes(), Ok(&b"abc"[..]));
    }
}

#[test]
fn reads_containers_with_counts_of_every_size() {
    let array = Tree::Array(vec![Tree::Nil]);
    let map = Tree::Map(vec![(Tree::Text("k".into()), Tree::Nil)]);
    for head in [&[0x91][..], &[0xdc, 0, 1], &[0xdd, 0, 0, 0, 1]] {
        assert_eq!(Tree::decode(&[head, b"\xc0"].concat()), Ok(array.clone()));
    }
    for head in [&[0x81][..], &[0xde, 0, 1], &[0xdf, 0, 0, 0, 1]] {
        assert_eq!(
            Tree::decode(&[head, b"\xa1k\xc0"].concat()),
            Ok(map.clone())
        );
    }
}

#[test]
fn keys_are_text_or_bytes_that_are() {
    let mut reader = Reader::new(b"\x84\xa1a\x01\xc4\x01b\x02\xc4\x01\xff\x03\x05\x04");
    reader.begin_map().unwrap();
    let keys = [Some("a"), Some("b"), None, None];
    for (key, value) in keys.into_iter().zip(1_u8..) {
        match (reader.next_key().unwrap(), key) {
            (Some(Key::Text(text)), Some(key)) => assert!(text.eq_str(key)),
            (Some(Key::Value), None) => reader.skip().unwrap(),
            other => panic!("{other:?}"),
        }
        assert_eq!(reader.integer(), Ok(value));
    }
    assert!(reader.next_key().unwrap().is_none());
    reader.finish().unwrap();
}

#[test]
fn no_map_is_a_key_nor_in_one() {
    let found = Rule::UnexpectedType { found: Kind::Map };
    assert_eq!(refused(b"\x81\x80\xc0"), (found, 1));
    assert_eq!(refused(b"\x81\x92\x01\x80\xc0"), (found, 3));
    assert_eq!(refused(b"\x81\x91\x91\x80\xc0"), (found, 3));
    assert!(Tree::decode(b"\x81\x91\x91\x90\x81\x91\x01\x80").is_ok());
    assert!(validate(b"\x92\x81\x91\x91\x90\x81\x91\x01\x80\x80").is_ok());
    assert!(validate(b"\x81\x90\x80").is_ok());
}

#[test]
#[cfg_attr(miri, ignore = "minutes: thousands of truncations of a long body")]
fn every_truncation_is_an_unexpected_end() {
    let body = sample().encode();
    assert_eq!(Tree::decode(&body), Ok(sample()));
    assert_eq!(validate(&body), Ok(body.len()));
    for len in 0..body.len() {
        assert_eq!(refused(&body[..len]), (Rule::UnexpectedEnd, len));
    }
}

#[test]
fn lengths_beyond_the_end_come_first() {
    for body in [
        &b"\xdd\xff\xff\xff\xff\xc0"[..],
        b"\xdf\xff\xff\xff\xff\xc0",
        b"\xdf\x00\x00\x00\x02\xc1\xc1\xc1",
        b"\x92\xc1",
        b"\xc6\xff\xff\xff\xffabc",
        b"\xdb\xff\xff\xff\xff\xff\xff",
        b"\xc9\xff\xff\xff\xff\xffabc",
        b"\xc7\x05\xff\x01",
    ] {
        assert_eq!(refused(body), (Rule::UnexpectedEnd, body.len()));
    }
}

#[test]
fn names_the_rule_and_the_place() {
    assert_eq!(refused(b"\xc1"), (Rule::UnexpectedByte, 0));
    assert_eq!(refused(b"\x92\x01\xc1"), (Rule::UnexpectedByte, 2));
    assert_eq!(refused(b"\xa2\xff\xfe"), (Rule::InvalidUtf8, 1));
    assert_eq!(refused(b"\xd9\x03ab\xff"), (Rule::InvalidUtf8, 4));
    assert_eq!(refused(b"\x81\xa1\xff\x00"), (Rule::InvalidUtf8, 2));
    for len in [0, 1, 2, 3, 5, 7, 9, 11, 13, 16] {
        let body = [&[0xc7, len, 0xff][..], &vec![0; len.into()]].concat();
        assert_eq!(refused(&body), (Rule::InvalidLength, 0));
    }
    let mut reader = Reader::new(b"\x01\xc0");
    reader.skip().unwrap();
    assert_eq!(
        reader.finish(),
        Err(DecodeError::at(1, Rule::TrailingBytes))
    );
    assert_eq!(validate(b"\x01\xc1"), Ok(1));
}

#[test]
fn another_kind_is_refused_and_stays() {
    fn kinds<'a>(reader: &mut Reader<'a>) -> [Result<(), DecodeError>; 8] {
        [
            reader.begin_array(),
            reader.begin_map(),
            reader.null(),
            reader.bool().map(drop),
            reader.number().map(drop),
            reader.text().map(drop),
            reader.bytes().map(drop),
            reader.extension().map(drop),
        ]
    }
    for body in [
        &b"\xc0"[..],
        b"\xc3",
        b"\x05",
        b"\xa1a",
        b"\xc4\x01a",
        b"\xd4\x01a",
    ] {
        let mut reader = Reader::new(body);
        let kind = reader.peek().unwrap();
        let taken = kinds(&mut reader);
        assert_eq!(taken.iter().filter(|taken| taken.is_ok()).count(), 1);
        assert_eq!(reader.offset(), body.len());
        let wrong = taken.iter().find_map(|taken| taken.err());
        assert_eq!(wrong.map(|error| error.offset), Some(0), "{kind}");
        assert!(matches!(wrong.unwrap().rule, Rule::WrongType { .. }));
    }
}

#[test]
fn values_nest_as_deep_as_the_limit() {
    let nested = |depth: usize| [vec![0x91; depth], vec![0xc0]].concat();
    assert_eq!(validate(&nested(128)), Ok(129));
    assert!(Tree::decode(&nested(128)).is_ok());
    assert_eq!(refused(&nested(129)), (Rule::TooDeep { limit: 128 }, 128));
    assert_eq!(refused(&nested(90_000)).0, Rule::TooDeep { limit: 128 });
    let maps = [b"\x81\xa1k".repeat(129), vec![0xc0]].concat();
    assert_eq!(refused(&maps), (Rule::TooDeep { limit: 128 }, 384));
    let body = nested(3);
    assert_eq!(Reader::new(&body).with_depth_limit(3).skip(), Ok(()));
    let error = Reader::new(&body).with_depth_limit(2).skip().unwrap_err();
    assert_eq!(error, DecodeError::at(2, Rule::TooDeep { limit: 2 }));
}

#[test]
fn counts_survive_what_they_hold() {
    // Each level holds one array more behind the deeper one.
    let mut body = vec![0xc0];
    let mut tree = Tree::Nil;
    let levels = if cfg!(miri) { 12 } else { 128 };
    for level in 0..levels {
        if level % 3 == 0 {
            body = [b"\x82\xa1a".to_vec(), body, b"\xa1b\x90".to_vec()].concat();
            let (a, b) = (Tree::Text("a".into()), Tree::Text("b".into()));
            tree = Tree::Map(vec![(a, tree), (b, Tree::Array(vec![]))]);
        } else {
            body = [vec![0x93], body, b"\x07\x91\x08".to_vec()].concat();
            let eight = Tree::Array(vec![Tree::Unsigned(8)]);
            tree = Tree::Array(vec![tree, Tree::Unsigned(7), eight]);
        }
        if level < 127 {
            assert_eq!(Tree::decode(&body), Ok(tree.clone()));
            assert_eq!(validate(&body), Ok(body.len()));
        }
    }
}

#[test]
fn raw_values_are_lent_whole() {
    let mut reader = Reader::new(b"\x93\x82\xa1a\x91\x05\xa1b\xc0\xa1x\x01");
    reader.begin_array().unwrap();
    assert!(reader.next_element().unwrap());
    assert_eq!(reader.raw_value(), Ok(&b"\x82\xa1a\x91\x05\xa1b\xc0"[..]));
    assert!(reader.next_element().unwrap());
    assert_eq!(reader.raw_value(), Ok(&b"\xa1x"[..]));
    assert!(reader.next_element().unwrap());
    assert_eq!(reader.raw_value(), Ok(&b"\x01"[..]));
    assert!(!reader.next_element().unwrap());
    reader.finish().unwrap();
}

#[test]
fn timestamps_have_three_forms_both_ways() {
    let times: [(i64, u32, &[u8]); 9] = [
        (0, 0, &[0xd6, 0xff, 0, 0, 0, 0]),
        (0xffff_ffff, 0, &[0xd6, 0xff, 0xff, 0xff, 0xff, 0xff]),
        (1 << 32, 0, &[0xd7, 0xff, 0, 0, 0, 1, 0, 0, 0, 0]),
        (
            1_456_000_000,
            123_456_000,
            &[0xd7, 0xff, 0x1d, 0x6f, 0x28, 0, 0x56, 0xc8, 0xcc, 0],
        ),
        (
            (1 << 34) - 1,
            999_999_999,
            &[0xd7, 0xff, 0xee, 0x6b, 0x27, 0xff, 255, 255, 255, 255],
        ),
        (
            1 << 34,
            0,
            &[0xc7, 12, 0xff, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0],
        ),
        (
            -1,
            500_000_000,
            &[
                0xc7, 12, 0xff, 0x1d, 0xcd, 0x65, 0, 255, 255, 255, 255, 255, 255, 255, 255,
            ],
        ),
        (
            i64::MIN,
            0,
            &[0xc7, 12, 0xff, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0],
        ),
        (
            i64::MAX,
            1,
            &[
                0xc7, 12, 0xff, 0, 0, 0, 1, 0x7f, 255, 255, 255, 255, 255, 255, 255,
            ],
        ),
    ];
    for (seconds, nanoseconds, bytes) in times {
        let time = Timestamp {
            seconds,
            nanoseconds,
        };
        assert_eq!(Timestamp::read(&mut Reader::new(bytes)), Ok(time));
        let mut out = [0; 15];
        let mut writer = Writer::new(&mut out);
        time.write(&mut writer).unwrap();
        assert_eq!(writer.as_bytes(), bytes);
        for len in 0..bytes.len() {
            let small = time.write(&mut Writer::new(&mut vec![0; len]));
            assert_eq!(small, Err(EncodeError::Full));
        }
    }
    let second = [0xc7, 12, 0xff, 0x3b, 0x9a, 0xca, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let error = Timestamp::read(&mut Reader::new(&second)).unwrap_err();
    assert_eq!(error, DecodeError::at(0, Rule::InvalidValue));
    let late = Timestamp {
        seconds: 0,
        nanoseconds: 1_000_000_000,
    };
    let mut out = [0; 15];
    assert_eq!(
        late.write(&mut Writer::new(&mut out)),
        Err(EncodeError::Unencodable)
    );
}
