//! The float that is nearest to a decimal: by the standard library, or where flash counts, in little code.

/// The nearest `f64`, if `text` is a number as `str::parse` takes it.
#[cfg(not(target_os = "none"))]
pub(in crate::encoding) fn f64(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// The nearest `f32`, likewise.
#[cfg(not(target_os = "none"))]
pub(in crate::encoding) fn f32(text: &str) -> Option<f32> {
    text.parse().ok()
}

/// The nearest `f64`, if `text` is a number as `str::parse` takes it.
#[cfg(target_os = "none")]
pub(in crate::encoding) fn f64(text: &str) -> Option<f64> {
    use super::exact::{DOUBLE, parse};
    parse(text.as_bytes(), &DOUBLE).map(f64::from_bits)
}

/// The nearest `f32`, likewise.
#[cfg(target_os = "none")]
pub(in crate::encoding) fn f32(text: &str) -> Option<f32> {
    use super::exact::{SINGLE, parse};
    let bits = parse(text.as_bytes(), &SINGLE)?;
    Some(f32::from_bits(u32::try_from(bits).ok()?))
}
