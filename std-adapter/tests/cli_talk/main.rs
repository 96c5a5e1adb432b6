//! `ropeway` listens, connects, sends, calls and copies files, in every protocol.

mod faults;
mod files;
mod program;
mod talk;

use program::Folder;

/// A registry of two messages, one of them a call.
fn words(folder: &Folder) -> String {
    let text = r#"
        [[message]]
        name = "Reading"
        code = 0x10
        fields = { celsius = "f32", label = "string" }

        [[message]]
        name = "Limit"
        code = 0x11
        fields = { celsius = "f32" }
        answer = "bool"
        repeatable = true
    "#;
    folder.write("words.toml", text)
}
