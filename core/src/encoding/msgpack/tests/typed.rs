use super::{super::from_slice, super::to_slice, *};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt::Debug};

fn encoded(value: &(impl Serialize + ?Sized)) -> Vec<u8> {
    let mut out = vec![0; 4096];
    let len = to_slice(value, &mut out).unwrap();
    for less in 0..len {
        assert_eq!(to_slice(value, &mut vec![0; less]), Err(EncodeError::Full));
    }
    out.truncate(len);
    out
}

fn both_ways<T: Serialize + for<'de> Deserialize<'de> + Debug + PartialEq>(value: T, bytes: &[u8]) {
    assert_eq!(encoded(&value), bytes, "{value:?}");
    assert_eq!(from_slice::<T>(bytes).unwrap(), value);
    for len in 0..bytes.len() {
        let end = DecodeError::at(len, Rule::UnexpectedEnd);
        assert_eq!(from_slice::<T>(&bytes[..len]), Err(end), "{value:?}");
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Named {
    a: u8,
    b: Option<i16>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Unit,
    Newtype(u8),
    Tuple(u8, bool),
    Struct { a: u8 },
}

#[test]
fn serde_types_have_these_bytes() {
    both_ways((), b"\xc0");
    both_ways(Some(true), b"\xc3");
    both_ways(None::<bool>, b"\xc0");
    both_ways('ü', b"\xa2\xc3\xbc");
    both_ways(1.5_f32, b"\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00");
    both_ways((1_u8, -1_i64, u128::from(u64::MAX)), {
        b"\x93\x01\xff\xcf\xff\xff\xff\xff\xff\xff\xff\xff"
    });
    both_ways(vec![0_u16; 16], &[&[0xdc, 0, 16][..], &[0; 16]].concat());
    both_ways(Named { a: 1, b: None }, b"\x82\xa1a\x01\xa1b\xc0");
    both_ways(Shape::Unit, b"\xa4Unit");
    both_ways(Shape::Newtype(7), b"\x81\xa7Newtype\x07");
    both_ways(Shape::Tuple(7, true), b"\x81\xa5Tuple\x92\x07\xc3");
    both_ways(Shape::Struct { a: 7 }, b"\x81\xa6Struct\x81\xa1a\x07");
    both_ways(
        BTreeMap::from([(-1_i8, "x".to_string()), (127, String::new())]),
        b"\x82\xff\xa1x\x7f\xa0",
    );
    both_ways(
        BTreeMap::from([((1_u8, true), 2_u8)]),
        b"\x81\x92\x01\xc3\x02",
    );
    both_ways(BTreeMap::from([(Some('k'), ())]), b"\x81\xa1k\xc0");
}

#[test]
fn text_and_bytes_are_borrowed() {
    let body = b"\x92\xa3abc\xc4\x03\x00\xff\x10";
    let (text, bytes): (&str, &[u8]) = from_slice(body).unwrap();
    assert_eq!((text, bytes), ("abc", &[0, 255, 16][..]));
    assert!(body.as_ptr_range().contains(&text.as_ptr()));
    assert!(body.as_ptr_range().contains(&bytes.as_ptr()));
}

#[test]
fn python_2_may_send_its_native_strings() {
    let named = from_slice::<Named>(b"\x82\xc4\x01a\x01\xc4\x01b\x02");
    assert_eq!(named, Ok(Named { a: 1, b: Some(2) }));
    assert_eq!(from_slice(b"\xc4\x02ab"), Ok("ab"));
    assert_eq!(from_slice(b"\xc4\x04Unit"), Ok(Shape::Unit));
    let shape = from_slice(b"\x81\xc4\x07Newtype\x07");
    assert_eq!(shape, Ok(Shape::Newtype(7)));
}

#[test]
fn what_does_not_fit_is_refused() {
    let refused = |body: &[u8]| {
        let error = from_slice::<Named>(body).unwrap_err();
        (error.rule, error.offset)
    };
    let a_twice = b"\x82\xa1a\x01\xa1a\x02";
    assert_eq!(refused(a_twice).0, Rule::DuplicateField);
    assert_eq!(refused(b"\x81\xa1b\x01").0, Rule::MissingField);
    assert_eq!(refused(b"\x81\xa1a\xcd\x01\x00"), (Rule::OutOfRange, 3));
    assert_eq!(refused(b"\x81\xa1a\x01\xc0"), (Rule::TrailingBytes, 4));
    assert_eq!(refused(b"\x81\xa1z\x91\xc1"), (Rule::UnexpectedByte, 4));
    let expected = Kind::Map;
    assert_eq!(refused(b"\x92\x01\x02"), (Rule::WrongType { expected }, 0));
    let extra = from_slice::<Named>(b"\x83\xa1z\x81\x01\x02\xa1a\x01\xc0\xc0");
    assert_eq!(extra, Ok(Named { a: 1, b: None }));
    let error = from_slice::<Shape>(b"\xa4Othe").unwrap_err();
    assert_eq!(error.rule, Rule::UnknownVariant);
    let large = to_slice(&(1_u128 << 64), &mut [0; 32]);
    assert_eq!(large, Err(EncodeError::Unencodable));
}
