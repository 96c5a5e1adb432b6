//! Types, as the file names them.

use std::fmt;
use std::sync::Arc;

/// What a field holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Type {
    Bool,
    Integer(Integer),
    F32,
    F64,
    Text,
    Bytes,
    List(Box<Self>),
    Array(Box<Self>, usize),
    Option(Box<Self>),
    Struct(Arc<Struct>),
}

/// An integer of so many bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Integer {
    pub(super) bits: u8,
    pub(super) is_signed: bool,
}

/// Fields in the order in which they are on the wire.
#[derive(Debug, PartialEq)]
pub(super) struct Struct {
    /// Its own, unless it is a message or an answer.
    name: Option<String>,
    pub(super) fields: Vec<(String, Type)>,
    /// How deep its types are nested.
    depth: usize,
    extent: Extent,
}

/// What is known of how many bytes a type takes in a fixed layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// Always the same.
    Fixed,
    /// All that is left.
    Rest,
    /// It cannot be told.
    Unknown,
}

/// Why a text is no type: the reason, for people.
pub(super) type Reason = String;

/// Finds the struct of a name, if there is one.
pub(super) type Find<'f> = &'f mut dyn FnMut(&str) -> Result<Option<Arc<Struct>>, Reason>;

impl Type {
    /// Reads the name of a type; `find` knows the structs.
    pub(super) fn parse(text: &str, find: Find<'_>) -> Result<Self, Reason> {
        let mut rest = text;
        let ty = parse(&mut rest, DEPTH_LIMIT, find)?;
        match rest.trim_start() {
            "" if ty.depth() > DEPTH_LIMIT => Err(too_deep()),
            "" => Ok(ty),
            rest => Err(format!("`{rest}` behind the type `{ty}`")),
        }
    }

    fn depth(&self) -> usize {
        match self {
            Self::List(inner) | Self::Array(inner, _) | Self::Option(inner) => inner.depth() + 1,
            Self::Struct(inner) => inner.depth,
            _ => 0,
        }
    }

    pub(super) fn extent(&self) -> Extent {
        match self {
            Self::Option(_) => Extent::Unknown,
            Self::Text | Self::Bytes => Extent::Rest,
            Self::List(inner) => match inner.extent() {
                Extent::Fixed => Extent::Rest,
                _ => Extent::Unknown,
            },
            Self::Array(inner, _) => match inner.extent() {
                Extent::Fixed => Extent::Fixed,
                _ => Extent::Unknown,
            },
            Self::Struct(inner) => inner.extent,
            _ => Extent::Fixed,
        }
    }
}

impl Struct {
    pub(super) fn new(name: Option<String>, fields: Vec<(String, Type)>) -> Result<Self, Reason> {
        let depth = fields.iter().map(|(_, ty)| ty.depth() + 1).max();
        let depth = depth.unwrap_or_default();
        if depth > DEPTH_LIMIT {
            return Err(too_deep());
        }
        let extent = match fields.split_last() {
            None => Extent::Fixed,
            Some(((_, last), others)) => {
                match others.iter().all(|(_, ty)| ty.extent() == Extent::Fixed) {
                    true => last.extent(),
                    false => Extent::Unknown,
                }
            }
        };
        Ok(Self {
            name,
            fields,
            depth,
            extent,
        })
    }

    pub(super) const fn extent(&self) -> Extent {
        self.extent
    }
}

fn parse(rest: &mut &str, depth: usize, find: Find<'_>) -> Result<Type, Reason> {
    let depth = depth.checked_sub(1).ok_or_else(too_deep)?;
    let mut ty = match take(rest, "[") {
        true => {
            let element = Box::new(parse(rest, depth, find)?);
            let ty = match take(rest, ";") {
                true => Type::Array(element, length(rest)?),
                false => Type::List(element),
            };
            if !take(rest, "]") {
                return Err(format!("`{ty}` without its `]`"));
            }
            ty
        }
        false => named(rest, find)?,
    };
    if take(rest, "?") {
        ty = Type::Option(Box::new(ty));
    }
    match take(rest, "?") {
        true => Err(format!("`{ty}?`: an option of an option")),
        false => Ok(ty),
    }
}

fn named(rest: &mut &str, find: Find<'_>) -> Result<Type, Reason> {
    let text = rest.trim_start();
    let end = text.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | ':' | '.')));
    let (name, behind) = text.split_at(end.unwrap_or(text.len()));
    *rest = behind;
    let scalar = SCALARS.iter().find(|(known, _)| *known == name);
    if let Some((_, ty)) = scalar {
        return Ok(ty.clone());
    }
    match find(name)? {
        Some(fields) => Ok(Type::Struct(fields)),
        None if name.is_empty() => Err(format!("a type is wanted, not `{text}`")),
        None => {
            let known: Vec<_> = SCALARS.iter().map(|(name, _)| *name).collect();
            Err(format!(
                "unknown type `{name}`: there are {}, [T], [T; 3], T? and the names of structs",
                known.join(", ")
            ))
        }
    }
}

/// The number of elements of an array.
fn length(rest: &mut &str) -> Result<usize, Reason> {
    let text = rest.trim_start();
    let end = text.find(|c: char| !c.is_ascii_digit());
    let (digits, behind) = text.split_at(end.unwrap_or(text.len()));
    *rest = behind;
    match digits.parse() {
        Ok(len @ 1..=LENGTH_LIMIT) => Ok(len),
        _ => Err(format!(
            "an array has 1 to {LENGTH_LIMIT} elements, not `{digits}`"
        )),
    }
}

/// Takes `token` from the front, if it is there.
fn take(rest: &mut &str, token: &str) -> bool {
    let behind = rest.trim_start().strip_prefix(token);
    *rest = behind.unwrap_or(rest);
    behind.is_some()
}

fn too_deep() -> Reason {
    format!("types are nested more than {DEPTH_LIMIT} deep")
}

/// As the file has it.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::List(element) => write!(f, "[{element}]"),
            Self::Array(element, len) => write!(f, "[{element}; {len}]"),
            Self::Option(inner) => write!(f, "{inner}?"),
            Self::Struct(inner) => match &inner.name {
                Some(name) => f.write_str(name),
                None => inner.fmt(f),
            },
            scalar => {
                let mut known = SCALARS.iter();
                let known = known.find(|(_, ty)| ty == scalar);
                f.write_str(known.map_or("", |(name, _)| name))
            }
        }
    }
}

/// As the file has it.
impl fmt::Display for Struct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{ ")?;
        for (index, (name, ty)) in self.fields.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{name} = \"{ty}\"")?;
        }
        f.write_str(if self.fields.is_empty() { "}" } else { " }" })
    }
}

/// The types that hold no others.
const SCALARS: &[(&str, Type)] = &[
    ("bool", Type::Bool),
    ("u8", unsigned(8)),
    ("u16", unsigned(16)),
    ("u32", unsigned(32)),
    ("u64", unsigned(64)),
    ("i8", signed(8)),
    ("i16", signed(16)),
    ("i32", signed(32)),
    ("i64", signed(64)),
    ("f32", Type::F32),
    ("f64", Type::F64),
    ("string", Type::Text),
    ("bytes", Type::Bytes),
];

const fn unsigned(bits: u8) -> Type {
    let is_signed = false;
    Type::Integer(Integer { bits, is_signed })
}

const fn signed(bits: u8) -> Type {
    let is_signed = true;
    Type::Integer(Integer { bits, is_signed })
}

/// How deep types may be nested: less than JSON may be.
const DEPTH_LIMIT: usize = 32;

/// The most elements of an array: what a file says by mistake must not take all memory.
const LENGTH_LIMIT: usize = 65_536;
