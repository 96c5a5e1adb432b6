//! What must not compile, and the words that say why.
//!
//! Each file of `compile_fail` is a program. One with a `.stderr` beside it must be refused, with an error that
//! holds every line of it: only our own words, so that no release of the compiler changes the result. One
//! without must compile.

use ropeway_std::value::Value;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn what_cannot_work_is_refused_in_plain_words() {
    let programs = programs();
    assert!(programs.len() >= 7, "{programs:?}");
    let errors = build(&programs);
    for (name, path) in &programs {
        let said = errors.get(name).map_or("", String::as_str);
        match fs::read_to_string(path.with_extension("stderr")) {
            Ok(wanted) => {
                assert!(!said.is_empty(), "{name} compiles");
                for line in wanted.lines() {
                    assert!(said.contains(line), "{name}: wanted\n{line}\ngot\n{said}");
                }
            }
            Err(_) => assert!(said.is_empty(), "{name} is refused:\n{said}"),
        }
    }
}

/// The programs by name.
fn programs() -> BTreeMap<String, PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compile_fail");
    let paths = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path))
        .collect()
}

/// The errors of each program that has any.
///
/// Builds, because some errors come only with the code; all at once, in the target folder of this test.
fn build(programs: &BTreeMap<String, PathBuf>) -> BTreeMap<String, String> {
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compile_fail");
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    fs::create_dir_all(&package).unwrap();
    fs::copy(workspace.join("Cargo.lock"), package.join("Cargo.lock")).unwrap();
    fs::write(package.join("Cargo.toml"), manifest(workspace, programs)).unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let output = Command::new(env!("CARGO"))
        .args([
            "build",
            "--offline",
            "--keep-going",
            "--message-format=json",
        ])
        .arg("--target-dir")
        .arg(target)
        .current_dir(&package)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let mut errors = BTreeMap::<String, String>::new();
    let mut finished = false;
    for line in said.lines() {
        let message: Value = line.parse().unwrap();
        finished |= message["reason"].as_str() == Some("build-finished");
        if message["message"]["level"].as_str() == Some("error") {
            let program = message["target"]["name"].as_str().unwrap_or_default();
            let text = message["message"]["rendered"].as_str().unwrap_or_default();
            errors.entry(program.into()).or_default().push_str(text);
        }
    }
    assert!(finished, "{}", String::from_utf8_lossy(&output.stderr));
    let others: Vec<_> = errors
        .keys()
        .filter(|name| !programs.contains_key(*name))
        .collect();
    assert!(others.is_empty(), "{others:?}: {errors:?}");
    errors
}

/// A package outside the workspace with the programs in it.
fn manifest(workspace: &Path, programs: &BTreeMap<String, PathBuf>) -> String {
    let mut manifest = format!(
        "[package]\nname = \"compile-fail\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n\
         ropeway-core = {{ path = {:?}, features = [\"json\"] }}\n\
         serde = {{ version = \"1\", features = [\"derive\"] }}\n",
        workspace.join("core")
    );
    for (name, path) in programs {
        write!(manifest, "[[bin]]\nname = {name:?}\npath = {path:?}\n").unwrap();
    }
    manifest
}
