use super::speech::{Arguments, Say, say_any, say_typed};
use crate::call::Refused;
use crate::value::Value;
use ropeway_core::dialect::tcptalks::{Body, Opcode};
use ropeway_core::encoding::DecodeError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;

/// What is bound to opcodes: a handler each.
///
/// `C` is what a handler gets to act on, `F` who calls.
pub(super) struct Bound<C, F: ?Sized>(Vec<Entry<C, F>>);

struct Entry<C, F: ?Sized> {
    opcode: Owned,
    /// None while it runs.
    handler: Option<Box<dyn Handler<C, F>>>,
}

/// An opcode that outlives its call.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Owned {
    Number(i64),
    Text(String),
}

/// A handler: it reads the arguments where they lie in the receive buffer, and runs when that has been let go of.
pub(super) trait Handler<C, F: ?Sized>: Send {
    fn read(&mut self, body: Body<'_>) -> Result<(), DecodeError>;

    fn run(&mut self, context: &mut C, from: &F) -> Result<Say, Refused>;
}

/// A handler with the arguments `M` and the result `R`.
struct Typed<M, H> {
    arguments: Option<M>,
    handler: H,
}

struct Any<H> {
    arguments: Option<Arguments>,
    handler: H,
}

impl<C, F: ?Sized> Bound<C, F> {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn bind<M, R>(
        &mut self,
        opcode: Opcode<'_>,
        handler: impl FnMut(&mut C, &F, M) -> Result<R, Refused> + Send + 'static,
    ) where
        M: DeserializeOwned + Send + 'static,
        R: Serialize + Send + 'static,
    {
        let arguments = None;
        self.add(opcode, Box::new(Typed { arguments, handler }));
    }

    pub(super) fn bind_any(
        &mut self,
        opcode: Opcode<'_>,
        handler: impl FnMut(&mut C, &F, Arguments) -> Result<Value, Refused> + Send + 'static,
    ) {
        let arguments = None;
        self.add(opcode, Box::new(Any { arguments, handler }));
    }

    /// Binds, in the place of what was bound before.
    fn add(&mut self, opcode: Opcode<'_>, handler: Box<dyn Handler<C, F>>) {
        let opcode = match opcode {
            Opcode::Number(number) => Owned::Number(number),
            Opcode::Text(text) => Owned::Text(text.into()),
            // No call comes under anything else that a program could name.
            _ => return,
        };
        self.0.retain(|entry| entry.opcode != opcode);
        let handler = Some(handler);
        self.0.push(Entry { opcode, handler });
    }

    pub(super) fn unbind(&mut self, opcode: Opcode<'_>) -> bool {
        let before = self.0.len();
        self.0.retain(|entry| !entry.opcode.is(opcode));
        self.0.len() < before
    }

    /// Has the handler of `opcode` read the arguments; none if nothing is bound, or if the handler runs.
    pub(super) fn read(&mut self, opcode: Opcode<'_>, body: Body<'_>) -> Found {
        let Some(entry) = self.0.iter_mut().find(|entry| entry.opcode.is(opcode)) else {
            return Found::Nothing;
        };
        match &mut entry.handler {
            None => Found::Running,
            Some(handler) => Found::Read(handler.read(body)),
        }
    }

    /// Takes the handler out to run it.
    pub(super) fn take(&mut self, opcode: &Named) -> Option<Box<dyn Handler<C, F>>> {
        let entry = self.0.iter_mut().find(|entry| entry.opcode == opcode.0)?;
        entry.handler.take()
    }

    /// Puts it back, unless another has been bound meanwhile or none is wanted any more.
    pub(super) fn put_back(&mut self, opcode: &Named, handler: Box<dyn Handler<C, F>>) {
        let entry = self.0.iter_mut().find(|entry| entry.opcode == opcode.0);
        if let Some(entry) = entry {
            entry.handler.get_or_insert(handler);
        }
    }
}

/// What is bound to an opcode.
pub(super) enum Found {
    Nothing,
    /// A handler that runs already: it has called back, and meanwhile it is called again.
    Running,
    Read(Result<(), DecodeError>),
}

/// An opcode that something is bound to.
pub(super) struct Named(Owned);

impl Named {
    pub(super) fn of(opcode: Opcode<'_>) -> Option<Self> {
        match opcode {
            Opcode::Number(number) => Some(Self(Owned::Number(number))),
            Opcode::Text(text) => Some(Self(Owned::Text(text.into()))),
            _ => None,
        }
    }

    pub(super) const fn number(opcode: i64) -> Self {
        Self(Owned::Number(opcode))
    }

    pub(super) fn opcode(&self) -> Opcode<'_> {
        match &self.0 {
            Owned::Number(number) => Opcode::Number(*number),
            Owned::Text(text) => Opcode::Text(text),
        }
    }
}

impl Owned {
    fn is(&self, opcode: Opcode<'_>) -> bool {
        match (self, opcode) {
            (Self::Number(ours), Opcode::Number(theirs)) => *ours == theirs,
            (Self::Text(ours), Opcode::Text(theirs)) => ours == theirs,
            _ => false,
        }
    }
}

impl<C, F, M, R, H> Handler<C, F> for Typed<M, H>
where
    F: ?Sized,
    M: DeserializeOwned + Send,
    R: Serialize + Send + 'static,
    H: FnMut(&mut C, &F, M) -> Result<R, Refused> + Send,
{
    fn read(&mut self, body: Body<'_>) -> Result<(), DecodeError> {
        self.arguments = Some(body.arguments()?);
        Ok(())
    }

    fn run(&mut self, context: &mut C, from: &F) -> Result<Say, Refused> {
        let arguments = self.arguments.take().ok_or_else(unread)?;
        (self.handler)(context, from, arguments).map(say_typed)
    }
}

impl<C, F, H> Handler<C, F> for Any<H>
where
    F: ?Sized,
    H: FnMut(&mut C, &F, Arguments) -> Result<Value, Refused> + Send,
{
    fn read(&mut self, body: Body<'_>) -> Result<(), DecodeError> {
        self.arguments = Some(Arguments::read(body)?);
        Ok(())
    }

    fn run(&mut self, context: &mut C, from: &F) -> Result<Say, Refused> {
        let arguments = self.arguments.take().ok_or_else(unread)?;
        (self.handler)(context, from, arguments).map(say_any)
    }
}

#[cold]
fn unread() -> Refused {
    Refused::new("RuntimeError", "the arguments were not read")
}

impl<C, F: ?Sized> fmt::Debug for Bound<C, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let opcodes = self.0.iter().map(|entry| &entry.opcode);
        f.debug_list().entries(opcodes).finish()
    }
}
