//! The file: TOML into messages.

use super::layout::Layout;
use super::shape::{Extent, Struct, Type};
use super::{MessageType, Registry};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

type Table<'t> = DeTable<'t>;
type Node<'t> = Spanned<DeValue<'t>>;

/// A rule that the file breaks, and where.
#[derive(Debug)]
struct Wrong {
    at: usize,
    rule: String,
}

impl Registry {
    /// Reads what a file says; a fault names the place in it and the rule that is broken.
    pub(crate) fn parse(text: &str, file: &str) -> Result<Self, String> {
        let place = |at| place(text, file, at);
        let named = |wrong: Wrong| format!("{}: {}", place(wrong.at), wrong.rule);
        let table = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let rule = error.message().trim_end().replace('\n', ", ");
            named(Wrong { at, rule })
        })?;
        registry(table.get_ref(), &place).map_err(named)
    }
}

fn registry(table: &Table<'_>, place: &dyn Fn(usize) -> String) -> Result<Registry, Wrong> {
    only(table, &["message", "struct"])?;
    let mut structs = Structs::default();
    for item in items(table, "struct")? {
        only(item, &["name", "fields"])?;
        let (name, at) = name(item, "struct")?;
        let fields = item
            .get("fields")
            .ok_or_else(|| wrong(at, format!("struct `{name}` has no fields")))?;
        if structs.declared.insert(name, (fields, at)).is_some() {
            return Err(wrong(at, format!("struct `{name}` comes twice")));
        }
    }
    // Those that no message has are looked at too, in their order.
    let mut all: Vec<_> = structs
        .declared
        .iter()
        .map(|(name, (_, at))| (*at, *name))
        .collect();
    all.sort_unstable();
    for (_, name) in all {
        structs.find(name)?;
    }
    let mut registry = Registry::default();
    for item in items(table, "message")? {
        registry.add(item, &mut structs, place)?;
    }
    Ok(registry)
}

impl Registry {
    fn add<'t>(
        &mut self,
        item: &'t Table<'t>,
        structs: &mut Structs<'t>,
        place: &dyn Fn(usize) -> String,
    ) -> Result<(), Wrong> {
        only(
            item,
            &["name", "code", "fields", "answer", "repeatable", "encoding"],
        )?;
        let (name, at) = name(item, "message")?;
        let (code, code_at) = match item.get("code") {
            Some(node) => (Some(code(node)?), start(node)),
            None => (None, at),
        };
        let layout = match item.get("encoding") {
            Some(node) => layout(node)?,
            None => Layout::default(),
        };
        let body = match item.get("fields") {
            Some(node) => structs.fields(None, node)?,
            None => Arc::new(Struct::new(None, vec![]).map_err(|rule| wrong(at, rule))?),
        };
        if layout != Layout::Postcard && body.extent() == Extent::Unknown {
            let at = item.get("fields").map_or(at, start);
            return Err(wrong(at, UNFIXED));
        }
        let answer = match item.get("answer") {
            Some(node) => Some(structs.answer(node)?),
            None => None,
        };
        if let (Some(answer), Some(node)) = (&answer, item.get("answer"))
            && layout != Layout::Postcard
            && answer.extent() == Extent::Unknown
        {
            return Err(wrong(start(node), UNFIXED));
        }
        let is_repeatable = match item.get("repeatable") {
            Some(node) => flag(node)?,
            None => false,
        };
        let index = self.messages.len();
        if self.by_name.insert(name.to_owned(), index).is_some() {
            return Err(wrong(at, format!("the name `{name}` is used twice")));
        }
        if let Some(code) = code
            && let Some(other) = self.by_code.insert(code, index)
        {
            let other = &self.messages[other].name;
            let rule = format!("code 0x{code:02X} is used twice: by `{other}` and by `{name}`");
            return Err(wrong(code_at, rule));
        }
        self.messages.push(MessageType {
            name: name.to_owned(),
            code,
            is_repeatable,
            body,
            answer,
            layout,
            place: place(code_at),
        });
        Ok(())
    }
}

/// The structs of a file, of which some are known by now.
#[derive(Default)]
struct Structs<'t> {
    declared: HashMap<&'t str, (&'t Node<'t>, usize)>,
    known: HashMap<&'t str, Arc<Struct>>,
    /// Those that are being looked at, the outermost first.
    open: Vec<&'t str>,
}

impl<'t> Structs<'t> {
    /// The struct of this name, if there is one.
    fn find(&mut self, name: &str) -> Result<Option<Arc<Struct>>, Wrong> {
        if let Some(known) = self.known.get(name) {
            return Ok(Some(known.clone()));
        }
        let Some((&name, &(node, at))) = self.declared.get_key_value(name) else {
            return Ok(None);
        };
        if self.open.contains(&name) {
            return Err(wrong(at, format!("struct `{name}` holds itself")));
        }
        if self.open.len() == CHAIN_LIMIT {
            return Err(wrong(
                at,
                format!("more than {CHAIN_LIMIT} structs are nested"),
            ));
        }
        self.open.push(name);
        let fields = self.fields(Some(name), node)?;
        self.open.pop();
        if fields.fields.is_empty() {
            return Err(wrong(start(node), format!("struct `{name}` has no fields")));
        }
        self.known.insert(name, fields.clone());
        Ok(Some(fields))
    }

    /// A table of fields, in the order in which they stand in the file.
    fn fields(&mut self, name: Option<&str>, node: &'t Node<'t>) -> Result<Arc<Struct>, Wrong> {
        let table = node.get_ref().as_table();
        let table =
            table.ok_or_else(|| wrong(start(node), "fields are a table: { celsius = \"f32\" }"))?;
        let mut nodes: Vec<_> = table.iter().collect();
        nodes.sort_by_key(|(key, _)| key.span().start);
        let mut fields = Vec::with_capacity(nodes.len());
        for (key, node) in nodes {
            fields.push((key.get_ref().to_string(), self.ty(node)?));
        }
        let fields = Struct::new(name.map(str::to_owned), fields);
        fields
            .map(Arc::new)
            .map_err(|rule| wrong(start(node), rule))
    }

    fn answer(&mut self, node: &'t Node<'t>) -> Result<Type, Wrong> {
        match node.get_ref() {
            DeValue::Table(_) => self.fields(None, node).map(Type::Struct),
            _ => self.ty(node),
        }
    }

    fn ty(&mut self, node: &'t Node<'t>) -> Result<Type, Wrong> {
        let text = text(node, "a type")?;
        // What is wrong in the struct that a type names has a place of its own.
        let mut inner = None;
        let ty = Type::parse(text, &mut |name| {
            self.find(name).map_err(|wrong| {
                inner = Some(wrong);
                String::new()
            })
        });
        ty.map_err(|rule| inner.unwrap_or(wrong(start(node), rule)))
    }
}

/// The tables of an array of them: `[[message]]`.
fn items<'t>(table: &'t Table<'t>, key: &str) -> Result<Vec<&'t Table<'t>>, Wrong> {
    let Some(node) = table.get(key) else {
        return Ok(vec![]);
    };
    let elements = node.get_ref().as_array();
    let elements = elements.ok_or_else(|| {
        wrong(
            start(node),
            format!("one begins with [[{key}]], in two brackets"),
        )
    })?;
    let table = |node: &'t Node<'t>| {
        let table = node.get_ref().as_table();
        table.ok_or_else(|| {
            wrong(
                start(node),
                format!("one begins with [[{key}]], and is a table"),
            )
        })
    };
    elements.iter().map(table).collect()
}

/// Refuses keys that mean nothing.
fn only(table: &Table<'_>, known: &[&str]) -> Result<(), Wrong> {
    let mut unknown: Vec<_> = table
        .keys()
        .filter(|key| !known.contains(&key.get_ref().as_ref()))
        .collect();
    unknown.sort_by_key(|key| key.span().start);
    match unknown.first() {
        None => Ok(()),
        Some(key) => {
            let rule = format!(
                "unknown key `{}`: there are {}",
                key.get_ref(),
                known.join(", ")
            );
            Err(wrong(key.span().start, rule))
        }
    }
}

fn name<'t>(item: &'t Table<'t>, what: &str) -> Result<(&'t str, usize), Wrong> {
    let Some(node) = item.get("name") else {
        let first = item.iter().map(|(key, _)| key.span().start).min();
        return Err(wrong(
            first.unwrap_or_default(),
            format!("a {what} without a name"),
        ));
    };
    match text(node, "a name")? {
        "" => Err(wrong(start(node), "an empty name")),
        name => Ok((name, start(node))),
    }
}

fn text<'t>(node: &'t Node<'t>, what: &str) -> Result<&'t str, Wrong> {
    let text = node.get_ref().as_str();
    text.ok_or_else(|| {
        wrong(
            start(node),
            format!("{what} is a string, not {}", kind(node)),
        )
    })
}

fn code(node: &Node<'_>) -> Result<u16, Wrong> {
    let number = node
        .get_ref()
        .as_integer()
        .and_then(|number| u16::from_str_radix(number.as_str(), number.radix()).ok());
    number.ok_or_else(|| wrong(start(node), "a code is a number from 0 to 0xFFFF"))
}

fn flag(node: &Node<'_>) -> Result<bool, Wrong> {
    let flag = node.get_ref().as_bool();
    flag.ok_or_else(|| {
        wrong(
            start(node),
            format!("true or false is wanted, not {}", kind(node)),
        )
    })
}

fn layout(node: &Node<'_>) -> Result<Layout, Wrong> {
    let layout = Layout::named(text(node, "an encoding")?);
    layout.ok_or_else(|| {
        wrong(
            start(node),
            "encodings are \"postcard\", \"little\" and \"big\"",
        )
    })
}

fn kind(node: &Node<'_>) -> &'static str {
    node.get_ref().type_str()
}

fn start(node: &Node<'_>) -> usize {
    let Range { start, .. } = node.span();
    start
}

fn wrong(at: usize, rule: impl Into<String>) -> Wrong {
    let rule = rule.into();
    Wrong { at, rule }
}

/// `file:line:column` of the byte at `at`, both counted from 1, columns in characters.
fn place(text: &str, file: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before[start..].chars().count() + 1;
    format!("{file}:{line}:{column}")
}

/// How many structs may stand within each other.
const CHAIN_LIMIT: usize = 32;

const UNFIXED: &str = "in a fixed layout there are no options, and text, bytes or a list stands only in the last place, since nothing says how long it is";
