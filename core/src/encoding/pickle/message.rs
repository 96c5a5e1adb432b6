use core::fmt;

use super::remote_error::RemoteError;
use super::repr;
use super::value::Value;
use crate::encoding::value::Number;

/// What an exception says.
///
/// Nothing without arguments, its only argument, or all of them as a tuple; of a `KeyError` as Python shows values,
/// and of an `OSError` or `UnicodeDecodeError` its own form.
#[derive(Clone, Copy)]
pub struct Message<'n, 'a>(RemoteError<'n, 'a>);

impl<'n, 'a> Message<'n, 'a> {
    pub(super) const fn new(error: RemoteError<'n, 'a>) -> Self {
        Self(error)
    }
}

impl fmt::Display for Message<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(error) = *self;
        let Some(args) = error.args() else {
            return error.text().map_or(Ok(()), |text| text.fmt(f));
        };
        let mut elements = args.elements();
        let parts = [
            elements.next(),
            elements.next(),
            elements.next(),
            elements.next(),
            elements.next(),
        ];
        let is_more = elements.next().is_some();
        match (error.name(), parts) {
            (_, [None, ..]) => Ok(()),
            ("KeyError", [Some(key), None, ..]) => repr::write(key, f),
            (_, [Some(only), None, ..]) => repr::write_plain(only, f),
            (name, [Some(number), Some(text), file, _, other])
                if !is_more && is_system(name) && number.number().is_some() =>
            {
                write!(f, "[Errno ")?;
                repr::write(number, f)?;
                write!(f, "] ")?;
                repr::write_plain(text, f)?;
                if let Some(file) = file {
                    write!(f, ": ")?;
                    repr::write(file, f)?;
                }
                if let Some(other) = other {
                    write!(f, " -> ")?;
                    repr::write(other, f)?;
                }
                Ok(())
            }
            (
                "UnicodeDecodeError",
                [
                    Some(codec),
                    Some(bytes),
                    Some(start),
                    Some(end),
                    Some(reason),
                ],
            ) if !is_more && bytes.bytes().is_some() => decode_error(
                f,
                bytes.bytes().unwrap_or_default(),
                [codec, start, end, reason],
            ),
            _ => repr::write(args, f),
        }
    }
}

impl fmt::Debug for Message<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({self})")
    }
}

fn decode_error(
    f: &mut fmt::Formatter<'_>,
    bytes: &[u8],
    [codec, start, end, reason]: [Value<'_, '_>; 4],
) -> fmt::Result {
    let place = |value: Value<'_, '_>| match value.number().map(Number::to_integer::<i64>) {
        Some(Ok(place)) => place,
        _ => 0,
    };
    let (first, behind) = (place(start), place(end));
    let byte = usize::try_from(first)
        .ok()
        .and_then(|first| bytes.get(first));
    write!(f, "'")?;
    repr::write_plain(codec, f)?;
    match byte {
        Some(byte) if behind == first.saturating_add(1) => {
            write!(
                f,
                "' codec can't decode byte 0x{byte:02x} in position {first}: "
            )?;
        }
        _ => {
            let last = behind.saturating_sub(1);
            write!(f, "' codec can't decode bytes in position {first}-{last}: ")?;
        }
    }
    repr::write_plain(reason, f)
}

/// Whether a class is one of `OSError` and its kin.
fn is_system(name: &str) -> bool {
    matches!(
        name,
        "OSError"
            | "IOError"
            | "BlockingIOError"
            | "ChildProcessError"
            | "ConnectionError"
            | "BrokenPipeError"
            | "ConnectionAbortedError"
            | "ConnectionRefusedError"
            | "ConnectionResetError"
            | "FileExistsError"
            | "FileNotFoundError"
            | "InterruptedError"
            | "IsADirectoryError"
            | "NotADirectoryError"
            | "PermissionError"
            | "ProcessLookupError"
            | "TimeoutError"
    )
}
