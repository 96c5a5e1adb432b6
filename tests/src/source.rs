//! Source text of Rust, without what is no code.
