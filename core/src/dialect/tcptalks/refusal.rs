//! Exceptions to be sent: built-in ones only, since a reader that cannot import a class stops for good.

use super::Variant;
use crate::encoding::EncodeError;
use crate::encoding::pickle::Writer;
use crate::encoding::value::Write;
use core::fmt;

impl Variant {
    /// Writes the exception `class` with the message `text`; a class that is not built in goes into the text of a
    /// `RuntimeError`.
    pub(super) fn write_refusal(
        self,
        writer: &mut Writer<'_>,
        class: &str,
        text: &str,
    ) -> Result<(), EncodeError> {
        if BUILT_IN.binary_search(&class).is_ok() {
            self.write_exception(writer, class, text)
        } else {
            self.write_exception(writer, FALLBACK, &format_args!("{class}: {text}"))
        }
    }

    fn write_exception(
        self,
        writer: &mut Writer<'_>,
        class: &str,
        text: &(impl fmt::Display + ?Sized),
    ) -> Result<(), EncodeError> {
        if self == Self::Old {
            return writer.exception(class, text);
        }
        // Class, message, no frames.
        let failure = writer.begin_tuple(3)?;
        writer.global("builtins", class)?;
        writer.display(text)?;
        let frames = writer.begin_array(Some(0))?;
        writer.end_array(frames, 0)?;
        writer.end_tuple(failure, 3)
    }
}

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
