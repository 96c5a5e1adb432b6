//! Who may name whom.

use ropeway_tests::source::{code, files, named_from_root, names_crate};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

#[test]
fn imports_in_core_point_downwards() {
    let layers = layers();
    let roots = re_exports();
    let mut upwards = Vec::new();
    for file in files(&core()) {
        let code = read_code(&file);
        let module = module_of(&file);
        let Some(own) = module.first() else {
            continue;
        };
        let own_rank = rank(&layers, own);
        let module: Vec<&str> = module.iter().map(String::as_str).collect();
        for named in named_from_root(&code, &module) {
            let named = roots.get(&named).unwrap_or(&named);
            if rank(&layers, named) < own_rank {
                upwards.push(format!("{} names {named}", file.display()));
            }
        }
    }
    assert!(upwards.is_empty(), "{}", upwards.join("\n"));
}

#[test]
fn every_module_of_core_is_a_layer() {
    let lib = read_code(&core().join("lib.rs"));
    let layers = layers();
    let modules = lib.split(';').filter_map(|item| {
        let words: Vec<&str> = item.split_whitespace().rev().take(2).collect();
        matches!(words[..], [_, "mod"]).then(|| words[0])
    });
    let modules: Vec<&str> = modules.collect();
    assert!(modules.len() >= 9, "{modules:?}");
    for module in modules {
        rank(&layers, module);
    }
}

#[test]
fn only_the_pump_names_streams() {
    for file in files(&core()) {
        let is_pump = module_of(&file)
            .first()
            .is_some_and(|layer| layer == "pump");
        for stream in ["embedded_io", "embedded_io_async"] {
            let names = names_crate(&read_code(&file), stream);
            assert!(is_pump || !names, "{} names {stream}", file.display());
        }
    }
}

#[test]
fn core_does_without_std_and_alloc() {
    let lib = read_code(&core().join("lib.rs"));
    assert!(lib.contains("#![no_std]"));
    for file in files(&core()) {
        for library in ["std", "alloc"] {
            let names = names_crate(&read_code(&file), library);
            assert!(!names, "{} names {library}", file.display());
        }
    }
}

#[test]
fn no_package_has_unsafe_code() {
    for package in ["core", "std-adapter", "embassy-adapter"] {
        let lib = read_code(&workspace().join(package).join("src/lib.rs"));
        assert!(lib.contains("#![forbid(unsafe_code)]"), "{package}");
    }
}

/// The layers from the top down, as the map in `lib.md` lists them.
fn layers() -> Vec<String> {
    let map = std::fs::read_to_string(core().join("lib.md")).unwrap();
    let rows = map.split("```").nth(1).expect("a map of the layers");
    let names = rows.lines().filter_map(|row| {
        let name = row.split_whitespace().next()?;
        let is_name = name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        is_name.then(|| name.to_owned())
    });
    names
        .filter(|name| name != "text" && name != "application")
        .collect()
}

fn rank(layers: &[String], name: &str) -> usize {
    layers
        .iter()
        .position(|layer| layer == name)
        .unwrap_or_else(|| panic!("{name} is no layer in lib.md"))
}

/// What `lib.rs` hands out at the root, and the modules that it comes from.
fn re_exports() -> HashMap<String, String> {
    let lib = read_code(&core().join("lib.rs"));
    let mut roots = HashMap::from([("messages".to_owned(), "registry".to_owned())]);
    for item in lib.split(';') {
        let Some(path) = item.trim().strip_prefix("pub use ") else {
            continue;
        };
        let (module, names) = path.split_once("::").expect("a path");
        for name in names.trim_matches(['{', '}']).split(',') {
            roots.insert(name.trim().into(), module.into());
        }
    }
    roots
}

/// The path of a file's module from the root of core.
fn module_of(file: &Path) -> Vec<String> {
    let path = file.strip_prefix(core()).unwrap().with_extension("");
    let parts = path.iter().map(|part| part.to_str().unwrap().to_owned());
    parts
        .filter(|part| part != "mod" && part != "lib")
        .collect()
}

fn read_code(file: &Path) -> String {
    code(&std::fs::read_to_string(file).unwrap())
}

fn core() -> PathBuf {
    workspace().join("core/src")
}

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
