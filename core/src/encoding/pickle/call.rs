//! Names and calls: the few shapes in which they are data.
//!
//! - `set`, `frozenset` and `bytearray` of the built-ins, called with one argument or none;
//! - an exception, which is a class called with a tuple, and may get attributes: where the name of the class says
//!   that it is one, or in a failure;
//! - a failure, which is the tuple of a class, an exception of this class or a message, and frames: a list of
//!   tuples, or `traceback.StackSummary` of `traceback.FrameSummary`.
//!
//! Nothing is looked up. All else is refused.

use core::ops::Range;

use super::machine::{Halt, Machine, Ring, Until, Want};
use super::node::{FROZEN, HASHABLE, NIL, Node, Tag};
use super::opcode::{BUILD, NEWOBJ, REDUCE};
use crate::encoding::{DecodeError, Rule};

impl Machine<'_> {
    pub(super) fn global(&mut self, content: &Range<usize>, body: &[u8]) -> Result<(), Halt> {
        if let Err(error) = core::str::from_utf8(body) {
            let offset = content.start + error.valid_up_to();
            return Err(DecodeError::at(offset, Rule::InvalidUtf8).into());
        }
        let len = u32::try_from(body.len()).unwrap_or(u32::MAX);
        self.push(Node::leaf(Tag::Name, self.offset(), len, 1 + len / 64))?;
        Ok(())
    }

    pub(super) fn stack_global(&mut self) -> Result<(), Halt> {
        let index = self.allocate()?;
        let ring = self.take(Want::Plain, Until::Count(2))?;
        self.place(index, Tag::StackName, ring)?;
        if self.tree().names(index).is_none() {
            return Err(self.operands().into());
        }
        Ok(())
    }

    pub(super) fn reduce(&mut self) -> Result<(), Halt> {
        let index = self.allocate()?;
        let arguments = self.top()?;
        let class = self.below(arguments)?;
        let tag = self.call_tag(class, arguments)?;
        let ring = self.take(Want::Any, Until::Count(2))?;
        self.place(index, tag, ring)?;
        Ok(())
    }

    /// What a call makes, if it is one of those that are data.
    fn call_tag(&self, class: u32, arguments: u32) -> Result<Tag, DecodeError> {
        let tree = self.tree();
        let names = tree.names(class).ok_or(self.refuse(REDUCE))?;
        if tree.tag(arguments) != Tag::Tuple {
            return Err(self.operands());
        }
        let mut arguments = tree.children(tree.resolve(arguments));
        let argument = arguments.next().map(|argument| tree.resolve(argument));
        let argument = argument.map(|argument| tree.node(argument));
        let is_single = arguments.next().is_none();
        // In a failure the class stands before the exception of this class.
        let is_in_failure = || tree.names(tree.node(class).link()) == Some(names);
        match names {
            ("builtins" | "__builtin__", "set") => self.set_of(Tag::SetCall, argument, is_single),
            ("builtins" | "__builtin__", "frozenset") => {
                self.set_of(Tag::FrozenSetCall, argument, is_single)
            }
            ("builtins" | "__builtin__", "bytearray") => match argument {
                Some(bytes) if !is_single || bytes.tag() != Tag::Bytes => Err(self.refuse(REDUCE)),
                _ => Ok(Tag::ByteArrayCall),
            },
            ("traceback", "StackSummary" | "FrameSummary") => Err(self.refuse(REDUCE)),
            (_, name) if names_exception(name) || is_in_failure() => Ok(Tag::Exception),
            _ => Err(self.refuse(REDUCE)),
        }
    }

    /// A set is made of a list, or without argument.
    fn set_of(&self, tag: Tag, list: Option<Node>, is_single: bool) -> Result<Tag, DecodeError> {
        match list {
            None => Ok(tag),
            Some(list) if !is_single || list.tag() != Tag::List => Err(self.refuse(REDUCE)),
            Some(list) if list.has(HASHABLE) => Ok(tag),
            Some(_) => Err(self.operands()),
        }
    }

    /// Traceback and frame are made without arguments and filled afterwards.
    pub(super) fn new_object(&mut self) -> Result<(), Halt> {
        let index = self.allocate()?;
        let arguments = self.top()?;
        let class = self.below(arguments)?;
        let tree = self.tree();
        let tag = match tree.names(class) {
            Some(("traceback", "StackSummary")) => Tag::Frames,
            Some(("traceback", "FrameSummary")) => Tag::Frame,
            _ => return Err(self.refuse(NEWOBJ).into()),
        };
        let arguments = tree.node(tree.resolve(arguments));
        if arguments.tag() != Tag::Tuple || arguments.extent != NIL {
            return Err(self.refuse(NEWOBJ).into());
        }
        let ring = self.take(Want::Any, Until::Count(2))?;
        self.place(index, tag, ring)?;
        Ok(())
    }

    /// Gives an exception or a frame its attributes, once.
    pub(super) fn build(&mut self) -> Result<(), Halt> {
        let state = self.top()?;
        let object = self.below(state)?;
        let tree = self.tree();
        let node = tree.node(object);
        let is_fitting = match node.tag() {
            Tag::Exception => tree.tag(state) == Tag::Dict,
            Tag::Frame => {
                let mut pair = tree
                    .children(tree.resolve(state))
                    .map(|part| tree.tag(part));
                tree.tag(state) == Tag::Tuple
                    && pair.next() == Some(Tag::Null)
                    && pair.next() == Some(Tag::Dict)
                    && pair.next().is_none()
            }
            _ => false,
        };
        if !is_fitting || tree.children(object).count() > 2 {
            return Err(self.refuse(BUILD).into());
        }
        if node.has(FROZEN) {
            return Err(self.flaw(Rule::Recursive).into());
        }
        let ring = self.take(Want::Plain, Until::Count(1))?;
        self.extend(object, ring)?;
        Ok(())
    }

    /// What a tuple of these values is: a tuple, or a failure.
    #[inline]
    pub(super) fn tuple_tag(&self, ring: &Ring) -> Result<Tag, DecodeError> {
        match ring.special {
            None => Ok(Tag::Tuple),
            Some(_) => self.special_tuple(ring),
        }
    }

    fn special_tuple(&self, ring: &Ring) -> Result<Tag, DecodeError> {
        let tree = self.tree();
        if matches!(tree.tag(ring.first), Tag::Name | Tag::StackName) {
            let second = tree.node(ring.first).link();
            let third = tree.node(second).link();
            let is_of_class = match tree.tag(second) {
                Tag::Text | Tag::Surrogates | Tag::TextLine => true,
                Tag::Exception => {
                    let mut parts = tree.children(tree.resolve(second));
                    parts.next().and_then(|class| tree.names(class)) == tree.names(ring.first)
                }
                _ => false,
            };
            if ring.count == 3 && is_of_class && matches!(tree.tag(third), Tag::Frames | Tag::List)
            {
                return Ok(Tag::Failure);
            }
            return Err(self.forbidden(ring.first));
        }
        let mut at = ring.first;
        for _ in 0..ring.count {
            if matches!(
                tree.tag(at),
                Tag::Name | Tag::StackName | Tag::Frames | Tag::Frame
            ) {
                return Err(self.forbidden(at));
            }
            at = tree.node(at).link();
        }
        Ok(Tag::Tuple)
    }

    #[cold]
    const fn refuse(&self, opcode: u8) -> DecodeError {
        self.flaw(Rule::Forbidden { opcode })
    }
}

/// Whether a class is an exception, by its name.
fn names_exception(name: &str) -> bool {
    [
        "Error",
        "Exception",
        "Warning",
        "Interrupt",
        "Exit",
        "Iteration",
        "ExceptionGroup",
    ]
    .iter()
    .any(|suffix| name.ends_with(suffix))
}
