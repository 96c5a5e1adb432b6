//! How a value becomes the body of a frame.

#[cfg(feature = "json")]
pub mod json;
