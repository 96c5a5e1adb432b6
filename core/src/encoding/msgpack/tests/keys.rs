use super::{super::validate, *};

/// Where the first key is that the same map has before it.
fn repeated(keys: &[&[u8]]) -> Option<usize> {
    let mut body = vec![0xdf];
    body.extend(u32::try_from(keys.len()).unwrap().to_be_bytes());
    for key in keys {
        body.extend_from_slice(key);
        body.push(0xc0);
    }
    match validate(&body) {
        Ok(len) => {
            assert_eq!(len, body.len());
            None
        }
        Err(error) => {
            assert_eq!(error.rule, Rule::DuplicateField);
            Some(error.offset)
        }
    }
}

#[test]
fn keys_are_the_same_in_whatever_form() {
    let same: [(&[u8], &[u8]); 13] = [
        (b"\xa1a", b"\xa1a"),
        (b"\xa1a", b"\xd9\x01a"),
        (b"\xa1a", b"\xc4\x01a"),
        (b"\x01", b"\xd3\x00\x00\x00\x00\x00\x00\x00\x01"),
        (b"\x01", b"\xc3"),
        (b"\x00", b"\xc2"),
        (b"\x01", b"\xca\x3f\x80\x00\x00"),
        (b"\xff", b"\xcb\xbf\xf0\x00\x00\x00\x00\x00\x00"),
        (b"\x00", b"\xca\x80\x00\x00\x00"),
        (b"\xc0", b"\xc0"),
        (b"\xd4\x05a", b"\xc7\x01\x05a"),
        (b"\x90", b"\xdc\x00\x00"),
        (b"\x92\x01\x91\xa1a", b"\x92\xc3\x91\xc4\x01a"),
    ];
    for (one, other) in same {
        assert_eq!(repeated(&[one, other]), Some(6 + one.len()));
        assert_eq!(repeated(&[other, one]), Some(6 + other.len()));
    }
}

#[test]
fn other_keys_are_not() {
    let other: [&[u8]; 19] = [
        b"\xa1a",
        b"\xa1b",
        b"\xa2aa",
        b"\xa0",
        b"\x00",
        b"\x01",
        b"\xff",
        b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xcb\x43\xf0\x00\x00\x00\x00\x00\x00",
        b"\xcb\x3f\xe0\x00\x00\x00\x00\x00\x00",
        b"\xcb\xbf\xe0\x00\x00\x00\x00\x00\x00",
        b"\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00",
        b"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00",
        b"\xc0",
        b"\xd4\x05a",
        b"\xd4\x06a",
        b"\x91\x01",
        b"\x91\x02",
        b"\x92\x01\x01",
    ];
    assert_eq!(repeated(&other), None);
    // 2^53 + 1 is no float, and 2^53 is.
    let odd: [&[u8]; 2] = [
        b"\xcf\x00\x20\x00\x00\x00\x00\x00\x01",
        b"\xcb\x43\x40\x00\x00\x00\x00\x00\x00",
    ];
    assert_eq!(repeated(&odd), None);
}

#[test]
fn every_map_is_looked_at() {
    assert!(validate(b"\x82\xa1a\x01\xa1b\x81\xa1a\x02").is_ok());
    assert_eq!(
        refused(b"\x92\x80\x82\xa1a\x82\xa1b\x01\xa1b\x02\xa1c\x03"),
        (Rule::DuplicateField, 9)
    );
    assert_eq!(
        refused(b"\x82\xa1a\x82\xa1b\x01\xa1c\x02\xa1a\x03"),
        (Rule::DuplicateField, 10)
    );
}

#[test]
fn keys_beyond_the_window_are_looked_at() {
    let number = |key: u32| [&[0xce][..], &key.to_be_bytes()].concat();
    let (counts, step) = match cfg!(miri) {
        true => (&[2, 65][..], 16),
        false => (&[2, 63, 64, 65, 128, 129, 300][..], 1),
    };
    for &count in counts {
        let keys: Vec<_> = (0..count).map(|key| number(key * 7919 % count)).collect();
        let keys: Vec<_> = keys.iter().map(|key| &key[..]).collect();
        assert_eq!(repeated(&keys), None);
        for first in (0..keys.len() - 1).step_by(step) {
            let mut keys = keys.clone();
            *keys.last_mut().unwrap() = keys[first];
            assert_eq!(repeated(&keys), Some(5 + 6 * (keys.len() - 1)));
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "minutes: it is about what takes long")]
fn time_is_bounded_by_the_length() {
    let map = |count: u16| {
        let mut body = vec![0xde];
        body.extend(count.to_be_bytes());
        for key in 0..count {
            body.push(0xcd);
            body.extend(key.to_be_bytes());
            body.push(0xc0);
        }
        body
    };
    let small = map(4096);
    assert_eq!(validate(&small), Ok(small.len()));
    let limit = Rule::TooManyValues { limit: 4096 };
    assert_eq!(validate(&map(25_000)), Err(DecodeError::at(0, limit)));
    // Many maps of as many keys each are no matter.
    let maps = [vec![0xdc, 0, 8], small.repeat(8)].concat();
    assert_eq!(validate(&maps), Ok(maps.len()));
}
