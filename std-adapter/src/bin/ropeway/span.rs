//! Spans of time and amounts, as they are typed.

use std::str::FromStr;
use std::time::Duration;

/// How much has to pass before something happens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Amount {
    Bytes(u64),
    Frames(u64),
    Time(Duration),
}

/// `50ms`, `2.5s`, `3m`; a bare number is seconds.
pub(crate) fn span(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no span of time, such as 50ms, 2.5s or 3m");
    let (number, unit) = split(text);
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let seconds = match unit {
        "ms" => number / 1000.0,
        "s" | "" => number,
        "m" => number * 60.0,
        _ => return Err(wrong()),
    };
    let span = Duration::try_from_secs_f64(seconds).map_err(|_| wrong())?;
    match span <= LONGEST {
        true => Ok(span),
        false => Err(format!("{text:?} is longer than any clock here runs")),
    }
}

/// `4096B`, `10f`, or a span of time with its unit.
impl FromStr for Amount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("{text:?} is none of bytes, frames and seconds, such as 4096B, 10f or 2.5s");
        let (number, unit) = split(text);
        match unit {
            "B" | "f" => {
                let number: u64 = number.parse().map_err(|_| wrong())?;
                match unit {
                    "B" => Ok(Self::Bytes(number)),
                    _ if number == 0 => Err(wrong()),
                    _ => Ok(Self::Frames(number)),
                }
            }
            "s" | "ms" | "m" => span(text).map(Self::Time).map_err(|_| wrong()),
            _ => Err(wrong()),
        }
    }
}

/// A span that can be added to any time: more than a century.
const LONGEST: Duration = Duration::from_secs(u32::MAX as u64);

/// The number, and the unit behind it.
fn split(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.'));
    text.split_at(end.unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_units() {
        assert_eq!(span("50ms"), Ok(Duration::from_millis(50)));
        assert_eq!(span("2.5s"), Ok(Duration::from_millis(2500)));
        assert_eq!(span("3"), Ok(Duration::from_secs(3)));
        assert_eq!(span("2m"), Ok(Duration::from_secs(120)));
        for wrong in [
            "",
            "s",
            "-1s",
            "1h",
            "1e400s",
            "1..2",
            "∞",
            "18000000000000000000",
        ] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn amounts_say_what_they_count() {
        assert_eq!("4096B".parse(), Ok(Amount::Bytes(4096)));
        assert_eq!("10f".parse(), Ok(Amount::Frames(10)));
        assert_eq!(
            "2.5s".parse(),
            Ok(Amount::Time(Duration::from_millis(2500)))
        );
        for wrong in ["", "10", "1.5B", "0f", "10x", "B", "99999999999999999999B"] {
            let told = wrong.parse::<Amount>().unwrap_err();
            assert!(told.ends_with("such as 4096B, 10f or 2.5s"), "{told}");
        }
    }
}
