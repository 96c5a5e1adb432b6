use core::fmt;

use super::execute;
use super::node::{Node, Tag};
use super::reader::Reader;
use super::remote_error::RemoteError;
use super::tree::{Children, Tree};
use crate::encoding::value::{Kind, Number, Text};

/// One value of a scanned pickle: what it is, and the values in it.
///
/// It is a few words that say where to look, and cheap to copy. [`Reader`] reads the value as other encodings are
/// read; this is for looking around beforehand.
#[derive(Clone, Copy)]
pub struct Value<'n, 'a> {
    tree: Tree<'n, 'a>,
    index: u32,
}

impl<'n, 'a> Value<'n, 'a> {
    pub(super) const fn new(nodes: &'n [Node], input: &'a [u8], index: u32) -> Self {
        Self::at(Tree { nodes, input }, index)
    }

    pub(super) const fn at(tree: Tree<'n, 'a>, index: u32) -> Self {
        Self { tree, index }
    }

    /// What it is.
    pub fn kind(self) -> Kind {
        self.tree.kind(self.index)
    }

    /// Where it stands, in bytes from the start of the pickle; a value that is repeated, where it is repeated.
    pub fn offset(self) -> usize {
        self.tree.node(self.index).offset as usize
    }

    /// The boolean, if it is one.
    pub fn bool(self) -> Option<bool> {
        match self.tree.tag(self.index) {
            Tag::True => Some(true),
            Tag::False => Some(false),
            _ => None,
        }
    }

    /// The number, if it is one.
    pub fn number(self) -> Option<Number<'a>> {
        self.tree.number(self.index)
    }

    /// The text, if it is text.
    pub fn text(self) -> Option<Text<'a>> {
        self.tree.text(self.index)
    }

    /// The bytes, if they are bytes or a byte array.
    pub fn bytes(self) -> Option<&'a [u8]> {
        self.tree.bytes(self.index)
    }

    /// Whether it is one of these texts; `None` if it is no text.
    #[inline]
    pub(crate) fn is_one_of(self, texts: &[&str]) -> Option<bool> {
        self.tree.is_one_of(self.index, texts)
    }

    pub(super) const fn index(self) -> u32 {
        self.index
    }

    /// The elements of a list, a tuple or a set; the keys and values of a map in turn; nothing of all else.
    pub fn elements(self) -> Elements<'n, 'a> {
        let container = self.tree.container(self.index);
        Elements(container.map(|container| self.tree.children(container)))
    }

    /// The exception, if it is one.
    pub fn exception(self) -> Option<RemoteError<'n, 'a>> {
        RemoteError::new(self.tree, self.tree.resolve(self.index))
    }

    /// A reader of this value and the values in it.
    pub const fn reader(self) -> Reader<'n, 'a> {
        Reader::new(self.tree, self.index)
    }
}

impl fmt::Debug for Value<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({} at {})", self.kind(), self.offset())
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Value<'_, '_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Value({} at {})", self.kind(), self.offset());
    }
}

/// The values that a value holds.
#[derive(Clone)]
pub struct Elements<'n, 'a>(Option<Children<'n, 'a>>);

impl<'n, 'a> Iterator for Elements<'n, 'a> {
    type Item = Value<'n, 'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let children = self.0.as_mut()?;
        let tree = children.tree();
        children.next().map(|index| Value::at(tree, index))
    }
}

impl fmt::Debug for Elements<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Elements")
    }
}

impl<'a> Tree<'_, 'a> {
    pub(super) fn kind(self, index: u32) -> Kind {
        match self.tag(index) {
            Tag::True | Tag::False => Kind::Bool,
            Tag::Int | Tag::Long | Tag::IntLine | Tag::Float => Kind::Number,
            Tag::Text | Tag::Surrogates | Tag::TextLine => Kind::Text,
            Tag::Bytes => Kind::Bytes,
            Tag::ByteArray | Tag::ByteArrayCall => Kind::ByteArray,
            Tag::Tuple => Kind::Tuple,
            Tag::List => Kind::Array,
            Tag::Set | Tag::SetCall => Kind::Set,
            Tag::FrozenSet | Tag::FrozenSetCall => Kind::FrozenSet,
            Tag::Dict => Kind::Map,
            Tag::Null | Tag::Free | Tag::Ref | Tag::Mark => Kind::Null,
            Tag::Exception
            | Tag::Failure
            | Tag::Name
            | Tag::StackName
            | Tag::Frames
            | Tag::Frame => Kind::Exception,
        }
    }

    #[inline]
    pub(super) fn number(self, index: u32) -> Option<Number<'a>> {
        let node = self.node(self.resolve(index));
        Some(match node.tag() {
            Tag::Int => signed(i64::from(node.extent.cast_signed())),
            Tag::Long => long(self.content(node)),
            Tag::Float => {
                let bytes = self.content(node).first_chunk().copied();
                Number::Float(f64::from_be_bytes(bytes.unwrap_or_default()))
            }
            Tag::IntLine => {
                let value = execute::integer(self.content(node)).unwrap_or_default();
                match u64::try_from(value) {
                    Ok(value) => Number::Unsigned(value),
                    Err(_) => signed(i64::try_from(value).unwrap_or_default()),
                }
            }
            _ => return None,
        })
    }

    #[inline]
    pub(super) fn text(self, index: u32) -> Option<Text<'a>> {
        let node = self.node(self.resolve(index));
        let offset = node.offset as usize;
        match node.tag() {
            Tag::Text | Tag::TextLine => {
                // It was checked when it was scanned.
                let text = core::str::from_utf8(self.content(node)).unwrap_or_default();
                Some(Text::plain(text, offset))
            }
            Tag::Surrogates => Text::wtf8(self.content(node), offset).ok(),
            _ => None,
        }
    }

    #[inline]
    pub(super) fn is_one_of(self, index: u32, texts: &[&str]) -> Option<bool> {
        let node = self.node(self.resolve(index));
        match node.tag() {
            Tag::Text | Tag::TextLine | Tag::Surrogates => {
                let len = node.extent as usize;
                let is_it =
                    |text: &&str| text.len() == len && text.as_bytes() == self.content(node);
                Some(texts.iter().any(is_it))
            }
            _ => None,
        }
    }

    pub(super) fn bytes(self, index: u32) -> Option<&'a [u8]> {
        let index = self.resolve(index);
        let node = self.node(index);
        match node.tag() {
            Tag::Bytes | Tag::ByteArray => Some(self.content(node)),
            Tag::ByteArrayCall => Some(
                self.argument(index)
                    .map_or(&[], |argument| self.content(self.node(argument))),
            ),
            _ => None,
        }
    }

    /// The node whose children are the elements of a value; `None` where there can be none.
    #[inline]
    pub(super) fn container(self, index: u32) -> Option<u32> {
        let index = self.resolve(index);
        match self.node(index).tag() {
            Tag::Tuple | Tag::List | Tag::Set | Tag::FrozenSet | Tag::Dict => Some(index),
            Tag::SetCall | Tag::FrozenSetCall => self.argument(index),
            _ => None,
        }
    }

    /// The argument of a call that has one at most, references followed.
    fn argument(self, call: u32) -> Option<u32> {
        let arguments = self.children(call).nth(1)?;
        let argument = self.children(self.resolve(arguments)).next()?;
        Some(self.resolve(argument))
    }
}

#[inline]
fn signed(value: i64) -> Number<'static> {
    match u64::try_from(value) {
        Ok(value) => Number::Unsigned(value),
        Err(_) => Number::Signed(value),
    }
}

/// An integer in two's complement: 64 bits where they suffice.
#[inline]
fn long(bytes: &[u8]) -> Number<'_> {
    let sign = match bytes.last() {
        Some(last) if last & 0x80 != 0 => 0xff,
        _ => 0,
    };
    let (low, high) = bytes.split_at(bytes.len().min(8));
    let mut value = [sign; 8];
    for (slot, byte) in value.iter_mut().zip(low) {
        *slot = *byte;
    }
    if high.iter().any(|byte| *byte != sign) {
        return Number::Little(bytes);
    }
    if sign == 0 {
        return Number::Unsigned(u64::from_le_bytes(value));
    }
    match i64::from_le_bytes(value) {
        value if value < 0 => Number::Signed(value),
        _ => Number::Little(bytes),
    }
}
