use ropeway_core::dialect::native;
use ropeway_core::encoding::{EncodeError, postcard};
use ropeway_core::message::FailureKind;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::convert::Infallible;
use std::fmt;

/// What takes the place of an answer: said by a handler that fails, heard by the caller.
///
/// Any type that implements [`Error`](std::error::Error) becomes one of class `RuntimeError`, so that `?` works in
/// handlers. A `Box<dyn Error>` or a text does not: [`Refused::text`] makes one of them,
/// `.map_err(|error| Refused::text(error.to_string()))?`. It is no `Error` itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// What sort of failure it is: in Python's protocols the name of an exception, such as `ValueError`.
    pub class: String,
    /// What went wrong, for people.
    pub text: String,
    /// Where it went wrong at the peer, a line a place, as far as the peer tells; never sent.
    pub trace: Vec<String>,
    /// Whose fault it is, where the protocol tells that.
    pub kind: FailureKind,
    /// More of it for programs, in the protocol's encoding, where that carries it: see [`with_detail`](Self::with_detail).
    pub detail: Vec<u8>,
}

/// What a dialect gives in the place of an answer, as a program keeps it.
pub trait Failure {
    /// The same, owned.
    fn keep(self) -> Refused;
}

impl Refused {
    /// A failure of sort `class`.
    pub fn new(class: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            class: class.into(),
            text: text.into(),
            trace: Vec::new(),
            kind: FailureKind::Refused,
            detail: Vec::new(),
        }
    }

    /// A failure of no particular sort: class `RuntimeError`.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new("RuntimeError", text)
    }

    /// The same, of another sort: `.map_err(|error| Refused::from(error).with_class("ValueError"))`.
    #[must_use]
    pub fn with_class(mut self, class: impl Into<String>) -> Self {
        self.class = class.into();
        self
    }

    /// The same, by another fault than the handler's.
    #[must_use]
    pub(crate) const fn with_kind(mut self, kind: FailureKind) -> Self {
        self.kind = kind;
        self
    }

    /// The same, with an error of the program's own for the caller's [`detail`](Self::detail), where the protocol carries
    /// that: the native one does, in postcard. A value that postcard has no form for is left out.
    #[must_use]
    pub fn with_detail(mut self, detail: &impl Serialize) -> Self {
        self.detail = encoded(detail);
        self
    }

    /// The handler's own error, if it gave one and it is a `T`.
    pub fn detail<T: DeserializeOwned>(&self) -> Option<T> {
        match self.detail.is_empty() {
            true => None,
            false => postcard::decode(&self.detail).ok(),
        }
    }

    /// The same, with where it went wrong.
    #[must_use]
    pub fn with_trace(mut self, trace: Vec<String>) -> Self {
        self.trace = trace;
        self
    }
}

impl<E: std::error::Error> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::text(error.to_string())
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class, self.text)
    }
}

impl Failure for Refused {
    fn keep(self) -> Refused {
        self
    }
}

impl Failure for Infallible {
    fn keep(self) -> Refused {
        match self {}
    }
}

impl Failure for native::Failure<'_> {
    fn keep(self) -> Refused {
        let mut refused = Refused::new(self.class, self.text).with_kind(self.kind);
        refused.detail = self.detail.into();
        refused
    }
}

fn encoded(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = vec![0; 64];
    loop {
        match postcard::encode(value, &mut bytes) {
            Ok(len) => {
                bytes.truncate(len);
                return bytes;
            }
            Err(EncodeError::Full) => bytes.resize(bytes.len() * 2, 0),
            Err(_) => return Vec::new(),
        }
    }
}
