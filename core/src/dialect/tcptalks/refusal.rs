//! Exceptions to be sent: built-in ones only, since a reader that cannot import a class stops for good.

use super::Variant;
use crate::encoding::EncodeError;
use crate::encoding::pickle::Writer;
use crate::encoding::value::Write;

impl Variant {
    /// Writes the exception `class` with the message `text`; a class that is not built in goes into the text of a
    /// `RuntimeError`.
    pub(super) fn write_refusal(
        self,
        writer: &mut Writer<'_>,
        class: &str,
        text: &str,
    ) -> Result<(), EncodeError> {
        let is_known = BUILT_IN.binary_search(&class).is_ok();
        let name = if is_known { class } else { FALLBACK };
        match self {
            // Class, message, no frames.
            Self::Current => {
                let failure = writer.begin_tuple(3)?;
                writer.global(MODULE, name)?;
                write_text(writer, is_known, class, text)?;
                let frames = writer.begin_array(Some(0))?;
                writer.end_array(frames, 0)?;
                writer.end_tuple(failure, 3)
            }
            // The exception itself.
            Self::Old => {
                writer.global(MODULE, name)?;
                let args = writer.begin_tuple(1)?;
                write_text(writer, is_known, class, text)?;
                writer.end_tuple(args, 1)?;
                writer.reduce()
            }
        }
    }
}

fn write_text(
    writer: &mut Writer<'_>,
    is_known: bool,
    class: &str,
    text: &str,
) -> Result<(), EncodeError> {
    if is_known {
        return writer.text(text);
    }
    let parts = [class, ": ", text];
    writer.utf16(parts.into_iter().flat_map(str::encode_utf16))
}

const MODULE: &str = "builtins";

const FALLBACK: &str = "RuntimeError";

/// The exceptions that every Python 3 has, that are made of one text, and that end no program; sorted.
const BUILT_IN: [&str; 36] = [
    "ArithmeticError",
    "AssertionError",
    "AttributeError",
    "BlockingIOError",
    "BrokenPipeError",
    "BufferError",
    "ChildProcessError",
    "ConnectionAbortedError",
    "ConnectionError",
    "ConnectionRefusedError",
    "ConnectionResetError",
    "EOFError",
    "Exception",
    "FileExistsError",
    "FileNotFoundError",
    "FloatingPointError",
    "ImportError",
    "IndexError",
    "InterruptedError",
    "IsADirectoryError",
    "KeyError",
    "LookupError",
    "MemoryError",
    "NameError",
    "NotADirectoryError",
    "NotImplementedError",
    "OSError",
    "OverflowError",
    "PermissionError",
    "ProcessLookupError",
    "ReferenceError",
    "RuntimeError",
    "TimeoutError",
    "TypeError",
    "ValueError",
    "ZeroDivisionError",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_classes_are_found() {
        assert!(BUILT_IN.is_sorted());
        assert!(BUILT_IN.contains(&FALLBACK));
    }
}
