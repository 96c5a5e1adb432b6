use super::*;
use ropeway_std::encoding::Rule;
use serde::Serialize;

const STATION: &str = r#"
[[struct]]
name = "Position"
fields = { x = "i16", y = "i16" }

[[message]]
name = "Reading"
code = 0x10
fields = { celsius = "f32", label = "string", at = "u64" }

[[message]]
name = "Everything"
code = 0x1_1
answer = { ok = "bool", why = "string?" }
repeatable = true
[message.fields]
flag = "bool"
tiny = "i8"
small = "u16"
signed = "i32"
wide = "i64"
real = "f64"
raw = "bytes"
places = "[Position]"
three = "[u32; 3]"
maybe = "Position ?"
never = "u8?"

[[message]]
name = "Limit"
answer = "bool"

[[message]]
name = "Motor"
code = 18
encoding = "little"
fields = { left = "i16", on = "bool", rest = "[u16]" }

[[message]]
name = "Net"
code = 0xFF
encoding = "big"
fields = { port = "u16", load = "f32", at = "Position", text = "string" }
"#;

fn station() -> Registry {
    Registry::parse(STATION, "station.toml").unwrap()
}

fn json(text: &str) -> Value {
    text.parse().unwrap()
}

#[derive(Serialize)]
struct Position {
    x: i16,
    y: i16,
}

#[derive(Serialize)]
struct Everything<'a> {
    flag: bool,
    tiny: i8,
    small: u16,
    signed: i32,
    wide: i64,
    real: f64,
    raw: &'a [u8],
    places: Vec<Position>,
    three: [u32; 3],
    maybe: Option<Position>,
    never: Option<u8>,
}

#[test]
fn finds_messages_by_code_and_name() {
    let registry = station();
    let reading = registry.by_code(0x10).unwrap();
    assert_eq!(
        (reading.name.as_str(), reading.code),
        ("Reading", Some(0x10))
    );
    assert_eq!(registry.by_code(0x11).unwrap().name, "Everything");
    assert!(registry.by_code(0x11).unwrap().is_repeatable);
    assert!(!reading.is_repeatable && !reading.has_answer());
    assert_eq!(registry.by_name("Limit").unwrap().code, None);
    assert!(registry.by_name("limit").is_none() && registry.by_code(0).is_none());
    assert_eq!(registry.messages().len(), 5);
    assert!(Registry::default().by_name("Reading").is_none());
    assert_eq!(
        registry.by_code(0x11).unwrap().fields(),
        "{ flag = \"bool\", tiny = \"i8\", small = \"u16\", signed = \"i32\", wide = \"i64\", real = \"f64\", \
         raw = \"bytes\", places = \"[Position]\", three = \"[u32; 3]\", maybe = \"Position?\", never = \"u8?\" }"
    );
}

#[test]
fn entries_are_made_once() {
    let registry = station();
    let entries = registry.entries();
    assert_eq!(entries.as_ptr(), registry.entries().as_ptr());
    assert_eq!((entries[0].name, entries[0].code), ("Reading", Some(0x10)));
    assert_eq!((entries[2].name, entries[2].code), ("Limit", None));
    assert!(Registry::default().entries().is_empty());
}

#[test]
fn reads_and_writes_what_postcard_does() {
    let registry = station();
    let everything = registry.by_name("Everything").unwrap();
    let place = |x, y| Position { x, y };
    let cases = [
        (
            Everything {
                flag: true,
                tiny: -7,
                small: 300,
                signed: i32::MIN,
                wide: i64::MAX,
                real: 0.1,
                raw: &[0, 255],
                places: vec![place(-1, 1), place(i16::MIN, i16::MAX)],
                three: [0, 127, u32::MAX],
                maybe: Some(place(63, -64)),
                never: None,
            },
            r#"{"flag":true,"tiny":-7,"small":300,"signed":-2147483648,"wide":9223372036854775807,"real":0.1,"raw":[0,255],"places":[{"x":-1,"y":1},{"x":-32768,"y":32767}],"three":[0,127,4294967295],"maybe":{"x":63,"y":-64},"never":null}"#,
        ),
        (
            Everything {
                flag: false,
                tiny: 127,
                small: u16::MAX,
                signed: -1,
                wide: i64::MIN,
                real: -0.0,
                raw: &[],
                places: vec![],
                three: [1, 2, 3],
                maybe: None,
                never: Some(9),
            },
            r#"{"flag":false,"tiny":127,"small":65535,"signed":-1,"wide":-9223372036854775808,"real":-0.0,"raw":[],"places":[],"three":[1,2,3],"maybe":null,"never":9}"#,
        ),
    ];
    for (rust, text) in cases {
        let body = postcard::to_allocvec(&rust).unwrap();
        assert_eq!(everything.encode(&json(text)).unwrap(), body, "{text}");
        assert_eq!(everything.decode(&body).unwrap().to_string(), text);
    }
    let reading = registry.by_name("Reading").unwrap();
    let body = postcard::to_allocvec(&(21.1_f32, "Küche", u64::MAX)).unwrap();
    let text = r#"{"celsius":21.1,"label":"K\u00fcche","at":18446744073709551615}"#;
    assert_eq!(reading.decode(&body).unwrap().to_string(), text);
    assert_eq!(reading.encode(&json(text)).unwrap(), body);
}

#[test]
fn bytes_are_written_in_every_form_that_people_have() {
    let text = "[[message]]\nname = \"Raw\"\nfields = { raw = \"bytes\" }";
    let registry = Registry::parse(text, "").unwrap();
    let raw = registry.by_name("Raw").unwrap();
    let body = [2, 0x68, 0x69];
    for same in [r#""hi""#, "[104,105]", r#"{"hex":"6869"}"#] {
        let value = json(&format!("{{\"raw\":{same}}}"));
        assert_eq!(raw.encode(&value).unwrap(), body, "{same}");
    }
    assert_eq!(raw.encode(&raw.decode(&body).unwrap()).unwrap(), body);
    for (wrong, told) in [
        ("[256]", "[256] does not fit bytes"),
        (r#"{"hex":"686"}"#, r#"{"hex":"686"} does not fit bytes"#),
        (r#"{"hex":"6g"}"#, r#"{"hex":"6g"} does not fit bytes"#),
        (r#"{"hax":"68"}"#, "bytes is wanted, not an object"),
        ("7", "bytes is wanted, not a number"),
    ] {
        let value = json(&format!("{{\"raw\":{wrong}}}"));
        let unfit = raw.encode(&value).unwrap_err().to_string();
        assert_eq!(unfit, format!("field `raw`: {told}"));
    }
}

#[test]
fn reads_and_writes_answers() {
    let registry = station();
    let limit = registry.by_name("Limit").unwrap();
    assert_eq!(limit.encode(&Value::Null).unwrap(), b"");
    assert_eq!(limit.encode(&json("{}")).unwrap(), b"");
    assert_eq!(limit.decode(&[]).unwrap().to_string(), "{}");
    assert_eq!(limit.decode_answer(&[1]).unwrap(), Value::Bool(true));
    assert_eq!(limit.encode_answer(&false.into()).unwrap(), [0]);
    let everything = registry.by_name("Everything").unwrap();
    let body = postcard::to_allocvec(&(true, Some("cold"))).unwrap();
    let answer = everything.decode_answer(&body).unwrap();
    assert_eq!(answer.to_string(), r#"{"ok":true,"why":"cold"}"#);
    assert_eq!(everything.encode_answer(&answer).unwrap(), body);
    assert_eq!(
        everything.encode_answer(&json(r#"{"ok":true}"#)).unwrap(),
        [1, 0]
    );
    let reading = registry.by_name("Reading").unwrap();
    assert_eq!(reading.decode_answer(&[]).unwrap(), Value::Null);
    assert_eq!(reading.encode_answer(&Value::Null).unwrap(), b"");
    assert_eq!(
        reading.encode_answer(&1.into()).unwrap_err().to_string(),
        "the registry says of no answer to this message"
    );
}

#[test]
fn fixed_layouts_are_those_of_pythons_struct() {
    let registry = station();
    // struct.pack("<h?2H", -2, True, 1, 65535)
    let motor = registry.by_name("Motor").unwrap();
    let body = [0xFE, 0xFF, 1, 1, 0, 0xFF, 0xFF];
    let text = r#"{"left":-2,"on":true,"rest":[1,65535]}"#;
    assert_eq!(motor.decode(&body).unwrap().to_string(), text);
    assert_eq!(motor.encode(&json(text)).unwrap(), body);
    // struct.pack(">Hfhh2s", 8223, 0.5, -1, 258, b"hi")
    let net = registry.by_name("Net").unwrap();
    let body = [0x20, 0x1F, 0x3F, 0, 0, 0, 0xFF, 0xFF, 1, 2, b'h', b'i'];
    let text = r#"{"port":8223,"load":0.5,"at":{"x":-1,"y":258},"text":"hi"}"#;
    assert_eq!(net.decode(&body).unwrap().to_string(), text);
    assert_eq!(net.encode(&json(text)).unwrap(), body);
    assert_eq!(
        motor.decode(&body[..4]).unwrap_err().rule,
        Rule::UnexpectedEnd
    );
}

#[test]
fn names_where_a_body_is_wrong() {
    let registry = station();
    let fails = |name: &str, body: &[u8]| {
        let misread = registry.by_name(name).unwrap().decode(body).unwrap_err();
        (misread.offset, misread.rule)
    };
    assert_eq!(fails("Reading", &[]), (0, Rule::UnexpectedEnd));
    assert_eq!(
        fails("Reading", &[0, 0, 0, 0, 2, 0xFF, 0xFF, 0]),
        (5, Rule::InvalidUtf8)
    );
    assert_eq!(
        fails("Reading", &[0, 0, 0, 0, 0, 7, 8]),
        (6, Rule::TrailingBytes)
    );
    assert_eq!(fails("Everything", &[2]), (0, Rule::InvalidValue));
    // 65536 does not fit u16, and eleven bytes no integer.
    assert_eq!(
        fails("Everything", &[1, 0, 0x80, 0x80, 4]),
        (4, Rule::InvalidValue)
    );
    assert_eq!(
        fails("Reading", &[&[0, 0, 0, 0, 0][..], &[0xFF; 11]].concat()),
        (14, Rule::InvalidValue)
    );
    assert_eq!(
        Misread {
            offset: 3,
            rule: Rule::UnexpectedEnd
        }
        .to_string(),
        "body ends inside the value (byte 3 of the body)"
    );
}

#[test]
fn huge_lengths_take_no_memory() {
    let registry = Registry::parse(
        "[[message]]\nname = \"Lists\"\nfields = { a = \"[[[u8]; 65536]]\" }\n[[message]]\nname = \"Text\"\nfields = { a = \"bytes\" }",
        "",
    );
    let registry = registry.unwrap();
    let huge = [
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 0, 0, 0,
    ];
    for name in ["Lists", "Text"] {
        let misread = registry.by_name(name).unwrap().decode(&huge).unwrap_err();
        assert_eq!(
            (misread.offset, misread.rule),
            (huge.len(), Rule::UnexpectedEnd)
        );
    }
}

#[test]
fn bytes_without_end_do_no_harm() {
    let registry = station();
    let mut seed = 7_u32;
    for round in 0..2000 {
        let body: Vec<u8> = (0..round % 64)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                // Small numbers are lengths and marks that lead somewhere.
                if seed >> 30 == 0 {
                    seed.to_be_bytes()[0]
                } else {
                    seed.to_be_bytes()[0] & 3
                }
            })
            .collect();
        for message in registry.messages() {
            if let Ok(value) = message.decode(&body) {
                let again = message.encode(&value).unwrap();
                assert_eq!(
                    message.decode(&again).unwrap().to_string(),
                    value.to_string()
                );
            }
            let _ = message.decode_answer(&body);
        }
    }
}

#[test]
fn names_the_field_that_does_not_fit() {
    let registry = station();
    let fails = |name: &str, text: &str| {
        let message = registry.by_name(name).unwrap();
        message.encode(&json(text)).unwrap_err().to_string()
    };
    assert_eq!(
        fails("Reading", r#"{"label":"x","at":1}"#),
        "field `celsius` is missing"
    );
    assert_eq!(
        fails("Reading", r#"{"celsius":1,"label":"x","at":1,"hot":true}"#),
        "there is no field `hot`, but celsius, label, at"
    );
    assert_eq!(
        fails("Reading", r#"{"celsius":1,"label":"x","at":-1}"#),
        "field `at`: -1 does not fit u64"
    );
    assert_eq!(
        fails("Reading", r#"{"celsius":1e39,"label":"x","at":1}"#),
        "field `celsius`: 1e+39 does not fit f32"
    );
    assert_eq!(
        fails("Reading", r#"{"celsius":"hot","label":"x","at":1}"#),
        "field `celsius`: f32 is wanted, not a string"
    );
    assert_eq!(
        fails("Reading", "[1,2,3]"),
        "{ celsius = \"f32\", label = \"string\", at = \"u64\" } is wanted, not a list"
    );
    assert_eq!(
        fails("Limit", r#"{"a":1}"#),
        "there is no field `a`, nor any other"
    );
    let all = r#"{"flag":true,"tiny":0,"small":0,"signed":0,"wide":0,"real":0,"raw":"x","places":[{"x":0,"y":0},{"x":0,"y":40000}],"three":[1,2,3]}"#;
    assert_eq!(
        fails("Everything", all),
        "field `places[1].y`: 40000 does not fit i16"
    );
    let short = all.replace("40000", "4").replace("[1,2,3]", "[1]");
    assert_eq!(
        fails("Everything", &short),
        "field `three`: 3 elements are wanted, not 1"
    );
    let float = all
        .replace("40000", "4")
        .replace("\"small\":0", "\"small\":0.5");
    assert_eq!(
        fails("Everything", &float),
        "field `small`: u16 is wanted, not a number"
    );
}

/// What a file that breaks a rule is told.
fn refused(text: &str) -> String {
    Registry::parse(text, "f.toml").unwrap_err()
}

#[test]
fn a_bad_file_is_told_line_column_and_rule() {
    let one = |rest: &str| refused(&format!("[[message]]\nname = \"A\"\n{rest}"));
    assert_eq!(
        one("fields = { a = \"u8\", b = \"u128\" }"),
        "f.toml:3:26: unknown type `u128`: there are bool, u8, u16, u32, u64, i8, i16, i32, i64, f32, f64, string, bytes, \
         [T], [T; 3], T? and the names of structs"
    );
    assert_eq!(
        one("code = 16\n[[message]]\nname = \"B\"\ncode = 0x10"),
        "f.toml:6:8: code 0x10 is used twice: by `A` and by `B`"
    );
    assert_eq!(
        one("[[message]]\nname = \"A\""),
        "f.toml:4:8: the name `A` is used twice"
    );
    assert_eq!(
        one("feilds = {}"),
        "f.toml:3:1: unknown key `feilds`: there are name, code, fields, answer, repeatable, encoding"
    );
    assert_eq!(
        refused("[[mesage]]"),
        "f.toml:1:3: unknown key `mesage`: there are message, struct"
    );
    assert_eq!(
        refused("[message]\nname = \"A\""),
        "f.toml:1:1: one begins with [[message]], in two brackets"
    );
    assert_eq!(
        refused("[[message]]\ncode = 1"),
        "f.toml:2:1: a message without a name"
    );
    assert_eq!(
        one("code = 65536"),
        "f.toml:3:8: a code is a number from 0 to 0xFFFF"
    );
    assert_eq!(
        one("code = -1"),
        "f.toml:3:8: a code is a number from 0 to 0xFFFF"
    );
    assert_eq!(
        one("repeatable = 1"),
        "f.toml:3:14: true or false is wanted, not integer"
    );
    assert_eq!(
        one("encoding = \"xml\""),
        "f.toml:3:12: encodings are \"postcard\", \"little\" and \"big\""
    );
    assert_eq!(
        one("fields = { a = 7 }"),
        "f.toml:3:16: a type is a string, not integer"
    );
    assert_eq!(
        one("fields = \"u8\""),
        "f.toml:3:10: fields are a table: { celsius = \"f32\" }"
    );
    assert_eq!(
        one("answer = \"\""),
        "f.toml:3:10: a type is wanted, not ``"
    );
    assert_eq!(
        one("answer = \"[u8\""),
        "f.toml:3:10: `[u8]` without its `]`"
    );
    assert_eq!(
        one("answer = \"u8 u8\""),
        "f.toml:3:10: ` u8` behind the type `u8`".replace("` u8`", "`u8`")
    );
    assert_eq!(
        one("answer = \"u8??\""),
        "f.toml:3:10: `u8??`: an option of an option"
    );
    assert_eq!(
        one("answer = \"[u8; 0]\""),
        "f.toml:3:10: an array has 1 to 65536 elements, not `0`"
    );
    assert_eq!(
        one("encoding = \"big\"\nfields = { a = \"string\", b = \"u8\" }"),
        format!(
            "f.toml:4:10: {}",
            "in a fixed layout there are no options, and text, bytes or a list stands only in the last place, since nothing says how long it is"
        )
    );
}

#[test]
fn toml_that_is_none_is_told_with_its_place() {
    let told = refused("[[message]]\nname = \"A\"\ncode = \n");
    assert!(told.starts_with("f.toml:3:"), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
    let twice = refused("[[message]]\nname = \"A\"\nname = \"B\"\n");
    assert!(
        twice.starts_with("f.toml:3:1: ") && twice.contains("duplicate"),
        "{twice}"
    );
    // Columns are characters.
    let column = refused("[[message]]\nname = \"Ä\"\nfields = { \"ä\" = \"u8\", b = 1 }");
    assert!(column.starts_with("f.toml:3:28: "), "{column}");
}

#[test]
fn structs_hold_each_other_but_not_themselves() {
    let chain = "[[struct]]\nname = \"A\"\nfields = { b = \"B?\" }\n[[struct]]\nname = \"B\"\nfields = { a = \"[A]\" }";
    assert_eq!(refused(chain), "f.toml:2:8: struct `A` holds itself");
    assert_eq!(
        refused("[[struct]]\nname = \"A\"\nfields = {}"),
        "f.toml:3:10: struct `A` has no fields"
    );
    assert_eq!(
        refused("[[struct]]\nname = \"A\""),
        "f.toml:2:8: struct `A` has no fields"
    );
    let twice = "[[struct]]\nname = \"A\"\nfields = { a = \"u8\" }\n";
    assert_eq!(
        refused(&twice.repeat(2)),
        "f.toml:5:8: struct `A` comes twice"
    );
    // The fault is told where it is, not where the struct is used.
    let inner = "[[message]]\nname = \"M\"\nfields = { a = \"A\" }\n[[struct]]\nname = \"A\"\nfields = { x = \"y\" }";
    assert!(
        refused(inner).starts_with("f.toml:6:16: unknown type `y`"),
        "{}",
        refused(inner)
    );
}

#[test]
fn depth_is_bounded_and_width_costs_nothing() {
    let deep = format!(
        "[[message]]\nname = \"A\"\nanswer = \"{}u8{}\"",
        "[".repeat(5000),
        "]".repeat(5000)
    );
    assert_eq!(
        refused(&deep),
        "f.toml:3:10: types are nested more than 32 deep"
    );
    // Each struct holds the one before twice: 2 to the power of so many fields, of which none is ever listed.
    let doubled = |levels: usize| -> String {
        let mut text = String::from("[[struct]]\nname = \"S0\"\nfields = { a = \"u8\" }\n");
        for level in 1..levels {
            let inner = level - 1;
            text += &format!(
                "[[struct]]\nname = \"S{level}\"\nfields = {{ a = \"S{inner}\", b = \"S{inner}\" }}\n"
            );
        }
        text
    };
    let wide =
        doubled(32) + "[[message]]\nname = \"M\"\nencoding = \"big\"\nfields = { s = \"S30\" }";
    let registry = Registry::parse(&wide, "").unwrap();
    let misread = registry.by_name("M").unwrap().decode(&[0; 64]).unwrap_err();
    assert_eq!(misread.rule, Rule::UnexpectedEnd);
    assert!(
        refused(&doubled(40)).ends_with("types are nested more than 32 deep"),
        "{}",
        refused(&doubled(40))
    );
    // Without the message that names them first, a long chain is looked at from its far end.
    let mut chain = doubled(40).replace("[[struct]]\nname = \"S0\"", "[[struct]]\nname = \"T\"");
    chain.insert_str(0, "[[struct]]\nname = \"Z\"\nfields = { a = \"S39\" }\n");
    assert!(refused(&chain).contains("nested"), "{}", refused(&chain));
}

#[test]
fn codes_are_checked_for_the_protocol_that_is_spoken() {
    let registry = |code: &str| {
        Registry::parse(
            &format!("[[message]]\nname = \"A\"\ncode = {code}"),
            "f.toml",
        )
        .unwrap()
    };
    let told = |code: &str, protocol| {
        registry(code)
            .check(protocol)
            .map_err(|fault| fault.to_string())
    };
    assert_eq!(
        told("0xE3", Protocol::Native).unwrap_err(),
        "f.toml:3:8: code 0xE3 of `A` is reserved by native; it keeps 0x00 to 0x0F and 0xE0 to 0xFF"
    );
    assert_eq!(
        told("0x100", Protocol::CableCarByte).unwrap_err(),
        "f.toml:3:8: code 0x100 of `A` is more than cable-car-byte has room for; take one up to 0xFF"
    );
    assert_eq!(
        told("15", Protocol::Packetmq).unwrap_err(),
        "f.toml:3:8: code 0x0F of `A` is reserved by packetmq; it keeps 0x00 to 0x0F"
    );
    assert_eq!(
        told("0xAA", Protocol::TcpTalks).unwrap_err(),
        "f.toml:3:8: code 0xAA of `A` is reserved by tcptalks; it keeps 0xAA and 0xBB and 0xFF"
    );
    for protocol in [
        Protocol::CableCarByte,
        Protocol::CableCarJson,
        Protocol::CleverShow,
    ] {
        assert_eq!(told("0xE3", protocol), Ok(()));
    }
    let standard = Registry::parse("[[message]]\nname = \"MsgJoin\"\ncode = 2", "").unwrap();
    assert!(standard.check(Protocol::Native).is_ok());
    assert_eq!(
        registry("0xE3").check(Protocol::Native).unwrap_err().kind,
        crate::fault::Kind::Input
    );
}

#[test]
fn a_file_that_is_not_there_is_an_input_fault() {
    let fault = Registry::read(Path::new("/nowhere/registry.toml")).unwrap_err();
    assert_eq!(fault.kind, crate::fault::Kind::Input);
    assert!(
        fault.to_string().starts_with("/nowhere/registry.toml: "),
        "{fault}"
    );
}
