mod error;
mod number;
mod reader;
mod scan;
mod text;
pub use error::{Error, Fault, Kind, Rule};
pub use number::Number;
pub use reader::{DEPTH_LIMIT, Reader};
pub use text::{Text, Utf16};
