#![no_main]

use core::fmt::Debug;
use libfuzzer_sys::fuzz_target;
use ropeway_core::encoding::json::{Style, from_slice, measure, to_slice};
use ropeway_core::encoding::value::serialize_into;
use ropeway_core::encoding::{EncodeError, Rule};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Debug, Serialize, Deserialize)]
struct Document<'a> {
    text: &'a str,
    float: f64,
    integer: i128,
    flags: Vec<Option<bool>>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Shape<'a> {
    Unit,
    Newtype(Option<i16>),
    Tuple(char, u8),
    Named { text: &'a str },
}

fuzz_target!(|input: (u8, &[u8])| {
    let (kind, text) = input;
    agrees_with_serde_json(text);
    let style = if kind & 0x80 == 0 {
        Style::Ascii
    } else {
        Style::Utf8
    };
    let (first, out) = (
        &mut text.to_vec()[..],
        &mut vec![0; 64 * text.len() + 256][..],
    );
    match kind % 5 {
        0 => check::<Document<'_>>(first, style, out),
        1 => check::<BTreeMap<String, Shape<'_>>>(first, style, out),
        2 => check::<Vec<f64>>(first, style, out),
        3 => check::<Vec<f32>>(first, style, out),
        _ => check::<Vec<&str>>(first, style, out),
    }
});

/// What is read is written, read again as the same value, and written again as the same text; what is not names a
/// place in the text.
fn check<'a, T: Serialize + Deserialize<'a> + Debug>(
    text: &'a mut [u8],
    style: Style,
    out: &'a mut [u8],
) {
    let text_len = text.len();
    let value: T = match from_slice(text) {
        Ok(value) => value,
        Err(error) => {
            assert!(error.offset <= text_len, "{error:?} in {text_len} bytes");
            return;
        }
    };
    let len = to_slice(&value, style, out).expect("room enough");
    let written = out[..len].to_vec();
    assert!(style != Style::Ascii || written.is_ascii());
    let small = to_slice(&value, style, &mut vec![0; len - 1]);
    assert_eq!(small, Err(EncodeError::Full));
    let measured = measure(style, |text| serialize_into(text, &value));
    assert_eq!(measured, Ok(len));
    let again: T = from_slice(&mut out[..len]).expect("what was written is read");
    assert_eq!(format!("{value:?}"), format!("{again:?}"));
    let mut twice = vec![0; len];
    assert_eq!(to_slice(&again, style, &mut twice), Ok(len));
    assert_eq!(twice, written);
}

/// The same texts are JSON, but for what Python has and serde_json has not, and the limits of both; and the same
/// numbers are meant.
fn agrees_with_serde_json(text: &[u8]) {
    let Ok(utf8) = str::from_utf8(text) else {
        let refused = from_slice::<IgnoredAny>(&mut text.to_vec());
        assert!(refused.is_err(), "text that is not UTF-8");
        return;
    };
    let ours = from_slice::<IgnoredAny>(&mut text.to_vec());
    let theirs = serde_json::from_str::<IgnoredAny>(utf8);
    match (&ours, &theirs) {
        (Err(error), Ok(_)) => {
            let is_limit = matches!(
                error.rule,
                Rule::TooDeep { .. } | Rule::TooManyDigits { .. }
            );
            assert!(is_limit, "{error:?} in {utf8:?}");
        }
        (Ok(_), Err(error)) => {
            let is_python = utf8.contains("NaN") || utf8.contains("Infinity");
            let is_limit = error.to_string().contains("recursion limit");
            assert!(is_python || is_limit, "{error} in {utf8:?}");
        }
        _ => {}
    }
    if let Ok(theirs) = serde_json::from_str::<Vec<f64>>(utf8) {
        match from_slice::<Vec<f64>>(&mut text.to_vec()) {
            Ok(ours) => assert_eq!(ours, theirs, "{utf8:?}"),
            Err(error) => assert!(
                matches!(error.rule, Rule::TooManyDigits { .. }),
                "{error:?}"
            ),
        }
    }
}
