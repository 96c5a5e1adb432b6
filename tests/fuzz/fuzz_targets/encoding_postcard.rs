#![no_main]

use core::fmt::Debug;
use libfuzzer_sys::fuzz_target;
use ropeway_core::encoding::{EncodeError, postcard};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Numbers {
    byte: u8,
    small: i16,
    word: u32,
    large: i64,
    huge: u128,
    single: f32,
    double: f64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Shape<'a> {
    Unit,
    Newtype(Option<bool>),
    Tuple(char, u16),
    Named { text: &'a str, bytes: &'a [u8] },
    Nested(Numbers),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Lists<'a> {
    triple: [u8; 3],
    words: Vec<u16>,
    #[serde(borrow)]
    texts: Vec<&'a str>,
    tree: Option<Box<Lists<'a>>>,
}

fuzz_target!(|input: (u8, &[u8])| {
    let (kind, body) = input;
    let out = &mut vec![0xee; body.len() + 1][..];
    match kind % 5 {
        0 => check::<Numbers>(body, out),
        1 => check::<Shape<'_>>(body, out),
        2 => check::<(Shape<'_>, Shape<'_>)>(body, out),
        3 => check::<Lists<'_>>(body, out),
        _ => check::<&str>(body, out),
    }
});

/// What decodes is encoded again, never in more bytes, and decodes to the same; what does not names a place in the
/// body.
fn check<'a, T: Serialize + Deserialize<'a> + Debug>(body: &'a [u8], out: &'a mut [u8]) {
    let value: T = match postcard::decode(body) {
        Ok(value) => value,
        Err(error) => {
            assert!(
                error.offset <= body.len(),
                "{error:?} in {} bytes",
                body.len()
            );
            return;
        }
    };
    let len = postcard::encode(&value, out).expect("the canonical form is the shortest");
    assert!(len <= body.len());
    encodes_into_just(len, &value);
    let canonical = &out[..len];
    let again: T = postcard::decode(canonical).expect("what was encoded decodes");
    // By text, for which NaN equals NaN; by bytes, which tell one NaN from the other.
    assert_eq!(format!("{value:?}"), format!("{again:?}"));
    let mut bytes = vec![0; len];
    assert_eq!(postcard::encode(&again, &mut bytes), Ok(len));
    assert_eq!(bytes, canonical);
}

fn encodes_into_just<T: Serialize>(len: usize, value: &T) {
    assert_eq!(postcard::encode(value, &mut vec![0; len]), Ok(len));
    if let Some(less) = len.checked_sub(1) {
        assert_eq!(
            postcard::encode(value, &mut vec![0; less]),
            Err(EncodeError::Full)
        );
    }
}
