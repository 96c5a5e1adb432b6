//! The messages of the vectors as lines of JSON.

use super::{Decoded, Out, Wire};
use ropeway_core::dialect::cable_car::{CableCarJson, Identify, Join, Quit, Retry};
use ropeway_core::messages;
use ropeway_std::json::Dynamic;
use serde::{Deserialize, Serialize};

/// A numbered message, with a value of every kind.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Telemetry<'a> {
    /// The number.
    pub id: u32,
    /// Whether the number is even.
    pub ok: bool,
    /// Nothing.
    pub none: Option<u8>,
    /// A seventh of the number.
    pub ratio: f64,
    /// The number.
    pub whole: f64,
    /// Not a number.
    pub nan: f64,
    /// 10^30 more than the number.
    pub big: i128,
    /// Text with characters of every length.
    pub name: &'a str,
    /// Arrays in arrays.
    pub path: ((i64, i64), (f64, Point)),
}

/// An object in a [`Telemetry`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Nothing.
    pub z: Option<u8>,
}

messages! {
    /// The messages that know their attributes.
    #[derive(Debug)]
    pub enum Lines<'a> {
        Identify(Identify<'a>),
        Join(Join),
        Retry(Retry),
        Quit(Quit),
        Telemetry(Telemetry<'a>) as "Telemetry",
    }
}

impl Wire for CableCarJson {
    const TRANSPORT: &'static str = "json";

    type Any<'a> = Dynamic;
    type Typed<'a> = Lines<'a>;

    fn decoded(message: Dynamic) -> Decoded {
        Decoded {
            class: message.name,
            code: None,
            attributes: Some(message.attributes),
            payload: None,
        }
    }

    fn put(out: &mut impl Out<Self>, message: &Decoded) {
        let attributes = message.attributes.clone().expect("attributes");
        out.put(&Dynamic::new(message.class.as_str(), attributes));
    }

    fn put_numbered(out: &mut impl Out<Self>, number: u32) {
        out.put(&Telemetry::numbered(number));
    }

    fn number(message: &Lines<'_>) -> Option<u32> {
        match message {
            Lines::Telemetry(message) => {
                let expected = Telemetry::numbered(message.id);
                // Debug text, because NaN does not equal itself.
                assert_eq!(format!("{message:?}"), format!("{expected:?}"));
                Some(message.id)
            }
            _ => None,
        }
    }
}

impl Telemetry<'_> {
    /// What the Python programs say as their message of this number.
    pub fn numbered(number: u32) -> Self {
        Self {
            id: number,
            ok: number.is_multiple_of(2),
            none: None,
            ratio: f64::from(number) / 7.0,
            whole: f64::from(number),
            nan: f64::NAN,
            big: 10_i128.pow(30) + i128::from(number),
            name: "Zürich ドローン 🚁",
            path: (
                (number.into(), -i64::from(number)),
                (0.5, Point { z: None }),
            ),
        }
    }
}
