//! Source text of Rust: what is code in it, and which modules it names.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The files of Rust below `folder`, without those that hold only tests.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    for entry in entries {
        let path = entry.expect("a readable folder").path();
        if path.file_stem().is_some_and(|name| name == "tests") {
            continue;
        }
        if path.is_dir() {
            files.extend(self::files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The code of a file: comments, the content of strings, and what is compiled for tests and docs only are blank.
pub fn code(text: &str) -> String {
    without_test_items(&without_text(text))
}

/// The modules right below the crate's root that the code of `module` names by a path.
///
/// `module` is the path of the module from the root, such as `["dialect", "cable_car"]`.
pub fn named_from_root(code: &str, module: &[&str]) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        if !code[..at].ends_with(is_word) {
            named.extend(first_names(&code[at + "crate::".len()..]));
        }
    }
    let to_root = "super::".repeat(module.len());
    for (at, _) in code.match_indices(&to_root) {
        let rest = &code[at + to_root.len()..];
        if !to_root.is_empty() && !code[..at].ends_with(is_word) && !rest.starts_with("super") {
            named.extend(first_names(rest));
        }
    }
    named
}

/// Whether the code names a crate or module as the start of a path, or takes it in whole.
pub fn names_crate(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let (before, after) = (&code[..at], &code[at + name.len()..]);
        let is_start = !before.ends_with(is_word) && !before.trim_end().ends_with("::");
        let is_path = after.trim_start().starts_with("::");
        let words: Vec<&str> = before.split_whitespace().rev().take(2).collect();
        let is_taken = matches!(words[..], ["use", ..] | ["crate", "extern"]);
        is_start && !after.starts_with(is_word) && (is_path || is_taken)
    })
}

/// The names that a path goes on with: one, or those between braces.
fn first_names(rest: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        text.trim_start()
            .chars()
            .take_while(|c| is_word(*c))
            .collect()
    };
    let Some(group) = rest.trim_start().strip_prefix('{') else {
        return vec![name(rest)];
    };
    let mut depth = 0;
    let mut names = vec![name(group)];
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(name(&group[at + 1..])),
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// Blanks comments and the content of strings and characters.
fn without_text(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let len = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(hashes) = raw_string(rest).filter(|_| may_start(&code)) {
            let end = format!("\"{}", "#".repeat(hashes));
            let start = hashes + 2;
            rest[start..]
                .find(&end)
                .map_or(rest.len(), |at| start + at + end.len())
        } else if first == '"' {
            quoted(rest, '"')
        } else if first == '\'' && is_character(rest) {
            quoted(rest, '\'')
        } else {
            code.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        code.push(' ');
        rest = &rest[len..];
    }
    code
}

/// The number of hashes, if `rest` starts a raw string.
fn raw_string(rest: &str) -> Option<usize> {
    let rest = rest.strip_prefix('r')?;
    let hashes = rest.len() - rest.trim_start_matches('#').len();
    rest[hashes..].starts_with('"').then_some(hashes)
}

/// Whether the `r` of a raw string may follow: behind no word, but for the `b` of bytes.
fn may_start(code: &str) -> bool {
    !code.strip_suffix('b').unwrap_or(code).ends_with(is_word)
}

/// Tells `'a'` and `'\n'` from the lifetime `'a`.
fn is_character(rest: &str) -> bool {
    let mut chars = rest.chars().skip(1);
    match chars.next() {
        Some('\\') => true,
        Some(_) => chars.next() == Some('\''),
        None => false,
    }
}

fn quoted(rest: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

/// Takes out the items behind `#[cfg(test)]`, `#[cfg(all(test, ..))]` and `#[cfg(doc)]`.
fn without_test_items(code: &str) -> String {
    let mut kept = String::new();
    let mut rest = code;
    while let Some(at) = ["#[cfg(test)]", "#[cfg(all(test, ", "#[cfg(doc)]"]
        .iter()
        .filter_map(|attribute| rest.find(attribute))
        .min()
    {
        kept.push_str(&rest[..at]);
        rest = &rest[at..];
        rest = &rest[end_of_item(rest)..];
    }
    kept + rest
}

/// Behind the first semicolon or the first block, whichever comes first.
fn end_of_item(rest: &str) -> usize {
    let mut depth = 0;
    for (at, c) in rest.char_indices() {
        match c {
            ';' if depth == 0 => return at + 1,
            '{' => depth += 1,
            '}' if depth == 1 => return at + 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    rest.len()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_code_and_nothing_else() {
        let text = "use a; // std::x\n/// [`crate::b`]\nlet c = \"std::{\"; let d = br#\"\"std::\"#; \
                    let e: &'a str = f('\"', '\\'', b'{');\n#[cfg(test)]\nextern crate std;\nfn g() {}\n\
                    #[cfg(test)]\nmod tests { use std::h; fn i() { \"}\" } }\n#[cfg(doc)]\nuse crate::j;\nfn k() {}";
        let words: Vec<String> = code(text).split_whitespace().map(Into::into).collect();
        let words = words.join(" ");
        assert_eq!(
            words,
            "use a; let c = ; let d = b ; let e: &'a str = f( , , b ); fn g() {} fn k() {}"
        );
    }

    #[test]
    fn finds_the_modules_that_paths_name() {
        let named = |code: &str, module: &[&str]| {
            let names: Vec<_> = named_from_root(code, module).into_iter().collect();
            names.join(" ")
        };
        assert_eq!(
            named("use crate::buf::Input; $crate::pump::x()", &[]),
            "buf pump"
        );
        assert_eq!(
            named(
                "use crate::{Rule, dialect::{Carries, Dialect}, framing};",
                &[]
            ),
            "Rule dialect framing"
        );
        assert_eq!(
            named("use super::super::{error::Error, pump};", &["a", "b"]),
            "error pump"
        );
        assert_eq!(named("use super::Byte;", &["a", "b"]), "");
        assert_eq!(named("use super::pump;", &["a"]), "pump");
    }

    #[test]
    fn finds_crates() {
        assert!(names_crate("use std::vec;", "std"));
        assert!(names_crate("fn a() -> std::vec::Vec<u8>", "std"));
        assert!(names_crate("extern crate alloc;", "alloc"));
        assert!(names_crate("let a = embedded_io::Error;", "embedded_io"));
        assert!(!names_crate("use core::std_like::x; fn std() {}", "std"));
        assert!(!names_crate("embedded_io_async::Read", "embedded_io"));
    }
}
