use std::{string::String, vec::Vec};

use crate::encoding::EncodeError;
use crate::encoding::json::{Reader, Style, Writer, measure, to_slice};
use crate::encoding::value::serialize_into;
use crate::framing::Full;

fn written(style: Style, write: impl Fn(&mut Writer<'_>) -> Result<(), Full>) -> String {
    let mut out = [0; 256];
    let mut writer = Writer::new(&mut out, style);
    write(&mut writer).unwrap();
    let len = writer.written();
    let text = String::from_utf8(writer.as_bytes().into()).unwrap();
    assert_eq!(text.len(), len);
    // It fits memory of just this size, and no smaller one.
    for size in 0..len {
        assert_eq!(
            write(&mut Writer::new(&mut out[..size], style)),
            Err(Full),
            "{size}"
        );
    }
    assert_eq!(write(&mut Writer::new(&mut out[..len], style)), Ok(()));
    text
}

fn nested(writer: &mut Writer<'_>) -> Result<(), Full> {
    writer.begin_array()?;
    writer.text("Telemetry")?;
    writer.begin_map()?;
    writer.key("größe")?;
    writer.begin_array()?;
    writer.begin_array()?;
    writer.end_array()?;
    writer.begin_map()?;
    writer.end_map()?;
    writer.i64(-1)?;
    writer.end_array()?;
    writer.key("")?;
    writer.f64(f64::NAN)?;
    writer.key("x")?;
    writer.null()?;
    writer.end_map()?;
    writer.bool(true)?;
    writer.end_array()
}

#[test]
fn separates_values_in_either_style() {
    assert_eq!(
        written(Style::Ascii, nested),
        r#"["Telemetry",{"gr\u00f6\u00dfe":[[],{},-1],"":NaN,"x":null},true]"#
    );
    assert_eq!(
        written(Style::Utf8, nested),
        r#"["Telemetry", {"größe": [[], {}, -1], "": NaN, "x": null}, true]"#
    );
}

#[test]
fn escapes_as_python_does() {
    let all: String = (0..0x80u8).map(char::from).collect();
    let controls = r"\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r\u000e\u000f";
    let more = r"\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b";
    let printable = " !\\\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\\\]^_`\
                     abcdefghijklmnopqrstuvwxyz{|}~";
    let expected = |end: &str| {
        [
            "\"",
            controls,
            more,
            r"\u001c\u001d\u001e\u001f",
            printable,
            end,
            "\"",
        ]
        .concat()
    };
    // Too long for `written`.
    let mut out = [0; 512];
    for (style, end) in [(Style::Ascii, r"\u007f"), (Style::Utf8, "\x7f")] {
        let mut writer = Writer::new(&mut out, style);
        writer.text(&all).unwrap();
        assert_eq!(writer.as_bytes(), expected(end).as_bytes());
    }
    let text = "Zürich ドローン 🚁 \u{2028}\u{85}";
    assert_eq!(
        written(Style::Ascii, |writer| writer.text(text)),
        r#""Z\u00fcrich \u30c9\u30ed\u30fc\u30f3 \ud83d\ude81 \u2028\u0085""#
    );
    assert_eq!(
        written(Style::Utf8, |writer| writer.text(text)),
        ["\"", text, "\""].concat()
    );
}

#[test]
fn writes_lone_surrogates() {
    for style in [Style::Ascii, Style::Utf8] {
        let text = written(style, |writer| writer.utf16([0xd83d, 0x61, 0xde81]));
        assert_eq!(text, r#""\ud83da\ude81""#);
    }
    let entry = written(Style::Ascii, |writer| {
        writer.begin_map()?;
        writer.key_utf16([0xd83d, 0x61])?;
        writer.null()?;
        writer.key_utf16([0x62])?;
        writer.null()?;
        writer.end_map()
    });
    assert_eq!(entry, r#"{"\ud83da":null,"b":null}"#);
    let pair = |writer: &mut Writer<'_>| writer.utf16([0xd83d, 0xde81, 0x22]);
    assert_eq!(written(Style::Ascii, pair), r#""\ud83d\ude81\"""#);
    assert_eq!(written(Style::Utf8, pair), r#""🚁\"""#);

    let mut text = *br#""\ud83d""#;
    let read = Reader::new(&mut text).text().unwrap();
    let again = written(Style::Ascii, |writer| writer.utf16(read.utf16()));
    assert_eq!(again, r#""\ud83d""#);
}

#[test]
fn writes_integers_of_every_length() {
    let mut value = 1u128;
    for digits in 0..39 {
        if cfg!(miri) && digits % 4 != 0 {
            value = value.wrapping_mul(10);
            continue;
        }
        for value in [value - 1, value, value.wrapping_mul(9)] {
            let text = std::format!("{value}");
            assert_eq!(written(Style::Ascii, |writer| writer.u128(value)), text);
            if let Ok(value) = u64::try_from(value) {
                assert_eq!(written(Style::Ascii, |writer| writer.u64(value)), text);
            }
            if let Ok(value) = i128::try_from(value) {
                let text = std::format!("{}", -value);
                assert_eq!(written(Style::Ascii, |writer| writer.i128(-value)), text);
            }
        }
        value = value.wrapping_mul(10);
    }
    for value in [i64::MIN, -1, 0, i64::MAX] {
        let text = std::format!("{value}");
        assert_eq!(written(Style::Ascii, |writer| writer.i64(value)), text);
    }
    let widest = written(Style::Ascii, |writer| writer.u128(u128::MAX));
    assert_eq!(widest, "340282366920938463463374607431768211455");
    let lowest = written(Style::Ascii, |writer| writer.i128(i128::MIN));
    assert_eq!(lowest, "-170141183460469231731687303715884105728");
}

#[test]
fn passes_big_integers_on_as_text() {
    let mut out = [0; 64];
    let big = "-10000000000000000000000000000000000000000";
    let mut writer = Writer::new(&mut out, Style::Ascii);
    assert_eq!(writer.integer_text(big), Ok(()));
    assert_eq!(writer.as_bytes(), big.as_bytes());
    for text in ["", "1.0", "01", "1 ", "1e5", "NaN", "x"] {
        assert_eq!(writer.integer_text(text), Err(EncodeError::Unencodable));
    }
    let mut writer = Writer::new(&mut out[..5], Style::Ascii);
    assert_eq!(writer.integer_text(big), Err(EncodeError::Full));
}

#[test]
fn writes_integers_of_any_size() {
    let written = |bytes: &[u8]| {
        let mut out = [0; 64];
        let mut writer = Writer::new(&mut out, Style::Ascii);
        writer.integer_le(bytes)?;
        Ok::<_, EncodeError>(String::from_utf8(writer.as_bytes().into()).unwrap())
    };
    for value in [
        0,
        1,
        -1,
        255,
        -256,
        999_999_999,
        1_000_000_000,
        i128::MAX,
        i128::MIN,
    ] {
        assert_eq!(written(&value.to_le_bytes()), Ok(std::format!("{value}")));
    }
    assert_eq!(written(&[]).as_deref(), Ok("0"));
    assert_eq!(written(&[0x80]).as_deref(), Ok("-128"));
    let mut power = [0; 21];
    power[20] = 1;
    assert_eq!(
        written(&power).as_deref(),
        Ok("1461501637330902918203684832716283019655932542976")
    );
    power[20] = 0xff;
    assert_eq!(
        written(&power).as_deref(),
        Ok("-1461501637330902918203684832716283019655932542976")
    );
}

#[test]
#[cfg_attr(miri, ignore = "minutes: the time grows with the square of the length")]
fn writes_integers_of_at_most_4300_digits() {
    let written = |bytes: &[u8]| {
        let mut out = [0; 4301];
        let mut writer = Writer::new(&mut out, Style::Ascii);
        writer.integer_le(bytes)?;
        Ok::<_, EncodeError>(writer.as_bytes().len())
    };
    assert_eq!(written(&[0x7f; 1785]), Ok(4299));
    assert_eq!(written(&[0x7f; 1786]), Err(EncodeError::Unencodable));
    assert_eq!(written(&[0x7f; 10_000]), Err(EncodeError::Unencodable));
}

#[test]
fn counts_without_memory() {
    for style in [Style::Ascii, Style::Utf8] {
        let text = written(style, nested);
        let measured = measure(style, |writer| Ok(nested(writer)?));
        assert_eq!(measured, Ok(text.len()));
    }
    let value = ("a\u{e9}\n", -1.5e300, u128::MAX, "x", [1u64 << 40]);
    let mut out = [0; 256];
    let len = to_slice(&value, Style::Utf8, &mut out);
    let measured = measure(Style::Utf8, |writer| serialize_into(writer, &value));
    assert_eq!(measured, len);
}

#[test]
fn displays_values_as_text() {
    let mut out = [0; 16];
    let mut writer = Writer::new(&mut out, Style::Ascii);
    writer.display(&format_args!("{}\"{}", 1, "ü")).unwrap();
    assert_eq!(writer.as_bytes(), br#""1\"\u00fc""#);
    let refused = Writer::new(&mut out, Style::Ascii).display(&"x".repeat(20));
    assert_eq!(refused, Err(EncodeError::Full));
}

#[test]
fn long_strings_survive_the_round_trip() {
    for (unit, times) in [
        ("0123456789abcdef", 4096),
        ("é", 4000),
        ("a\"🚁\u{1}", 1000),
    ] {
        let text = unit.repeat(if cfg!(miri) { 20 } else { times });
        for style in [Style::Ascii, Style::Utf8] {
            let mut out: Vec<u8> = std::vec![0; text.len() * 6 + 2];
            let mut writer = Writer::new(&mut out, style);
            writer.text(&text).unwrap();
            let len = writer.written();
            let mut reader = Reader::new(&mut out[..len]);
            assert_eq!(reader.text().unwrap().into_str().unwrap(), text);
            reader.finish().unwrap();
        }
    }
}
