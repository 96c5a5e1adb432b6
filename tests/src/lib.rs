//! Placeholder of the package's root, filled with its first module.
