//! What the packages promise: every public name as recorded in `api/`, and an example on every public module.
//!
//! `ROPEWAY_API` names the folder of rustdoc's findings as JSON, `ROPEWAY_RECORD=1` records what is found.

use public_api::Builder;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::{env, fs};

const PACKAGES: [&str; 3] = ["ropeway_core", "ropeway_std", "ropeway_embassy"];

#[test]
fn public_names_are_as_recorded() {
    let differing: Vec<_> = PACKAGES
        .into_iter()
        .filter(|package| !is_as_recorded(package))
        .collect();
    assert!(
        differing.is_empty(),
        "{differing:?} differ. If that is meant, write it into CHANGELOG.md, change the version as the guide's page on \
         versions says, and record it: tests/api/run --record"
    );
}

#[test]
fn every_public_module_has_an_example() {
    let mut modules = 0;
    let mut without = Vec::new();
    for package in PACKAGES {
        let found: Value = serde_json::from_str(&read(&json(package))).expect("rustdoc's JSON");
        for (path, docs) in public_modules(&found) {
            modules += 1;
            if !has_example(docs) {
                without.push(path);
            }
        }
    }
    assert!(modules > 20, "only {modules} modules found");
    assert!(without.is_empty(), "no example in {}", without.join(", "));
}

#[test]
fn text_and_skipped_code_are_no_examples() {
    assert!(has_example("says\n\n```\nlet a = 1;\n```\n"));
    assert!(has_example("```rust,no_run\nlet a = 1;\n```"));
    assert!(!has_example("```text\na picture\n```\n"));
    assert!(!has_example("```ignore\nlet a = 1;\n```\n"));
    assert!(!has_example("```toml\na = 1\n```\nand words"));
}

/// Compares, and prints what differs; records instead when it is told to.
fn is_as_recorded(package: &str) -> bool {
    let names = Builder::from_rustdoc_json(json(package))
        .omit_blanket_impls(true)
        .build()
        .expect("rustdoc's JSON, of the toolchain that public-api is made for");
    let found = without_repetition(&names.to_string());
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("api")
        .join(format!("{}.txt", package.replace('_', "-")));
    if env::var_os("ROPEWAY_RECORD").is_some() {
        fs::write(&path, found).expect("a file in the tree");
        return true;
    }
    let recorded = read(&path);
    let only = |these: &str, those: &str, sign: char| {
        let those: std::collections::HashSet<&str> = those.lines().collect();
        these
            .lines()
            .filter(|line| !those.contains(line))
            .for_each(|line| println!("{sign} {line}"));
    };
    only(&recorded, &found, '-');
    only(&found, &recorded, '+');
    recorded == found
}

/// Leaves out what a type has because it has a trait, and the traits that the compiler adds where it can; that it could not
/// add `Send` or `Sync` is kept.
fn without_repetition(names: &str) -> String {
    let mut kept = String::new();
    let mut implemented_for = None;
    for line in names.lines() {
        if line.starts_with("impl") {
            let ty = line.rsplit_once(" for ").map(|(_, ty)| ty);
            implemented_for = ty.map(|ty| ty.split('<').next().unwrap_or(ty));
        }
        let item = ["pub fn ", "pub async fn ", "pub const "]
            .iter()
            .find_map(|kind| line.strip_prefix(kind));
        let is_the_traits = item
            .zip(implemented_for)
            .and_then(|(item, ty)| item.strip_prefix(ty))
            .is_some_and(|rest| rest.starts_with(['<', ':']));
        let is_added = ADDED
            .iter()
            .any(|name| line.contains(&format!("{name} for ")))
            && !line.contains("!core::marker::S");
        if !is_the_traits && !is_added {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// What the compiler adds.
const ADDED: [&str; 8] = [
    "core::marker::Send",
    "core::marker::Sync",
    "core::marker::Unpin",
    "core::marker::UnsafeUnpin",
    "core::marker::Freeze",
    "core::marker::StructuralPartialEq",
    "core::panic::unwind_safe::UnwindSafe",
    "core::panic::unwind_safe::RefUnwindSafe",
];

/// The paths of all modules that others can name, with their documentation.
fn public_modules(found: &Value) -> Vec<(String, &str)> {
    let mut modules = Vec::new();
    let mut to_see = vec![(String::new(), &found["root"])];
    while let Some((above, id)) = to_see.pop() {
        let item = &found["index"][id.to_string()];
        let Some(module) = item["inner"].get("module") else {
            continue;
        };
        if item["visibility"] != "public" {
            continue;
        }
        let name = item["name"].as_str().expect("modules have names");
        let path = match above.as_str() {
            "" => name.to_owned(),
            above => format!("{above}::{name}"),
        };
        modules.push((path.clone(), item["docs"].as_str().unwrap_or_default()));
        let items = module["items"].as_array().expect("a list");
        to_see.extend(items.iter().map(|item| (path.clone(), item)));
    }
    modules
}

/// Whether there is a block of Rust that is at least compiled.
fn has_example(docs: &str) -> bool {
    let fences = docs
        .lines()
        .filter_map(|line| line.trim().strip_prefix("```"));
    let mut openings = fences.step_by(2);
    openings.any(|language| {
        let mut words = language.split(',').map(str::trim);
        words.all(|word| ["", "rust", "no_run", "should_panic"].contains(&word))
    })
}

fn json(package: &str) -> PathBuf {
    let folder =
        env::var_os("ROPEWAY_API").expect("ROPEWAY_API names the folder of rustdoc's JSON");
    Path::new(&folder).join(format!("{package}.json"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
