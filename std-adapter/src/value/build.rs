//! Making values of Rust's own.

use super::{Integer, Map, Value};

impl<T: Into<Integer>> From<T> for Value {
    fn from(value: T) -> Self {
        Self::Integer(value.into())
    }
}

/// One variant from each type.
macro_rules! from {
    ($($ty:ty => $variant:ident),*) => {$(
        impl From<$ty> for Value {
            fn from(value: $ty) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

from!(bool => Bool, f32 => Float, f64 => Float, &str => Text, String => Text, Map => Map);

impl From<()> for Value {
    fn from((): ()) -> Self {
        Self::Null
    }
}

/// `null` for `None`.
impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<T: Into<Self>> From<Vec<T>> for Value {
    fn from(elements: Vec<T>) -> Self {
        elements.into_iter().collect()
    }
}

impl<T: Into<Self>, const N: usize> From<[T; N]> for Value {
    fn from(elements: [T; N]) -> Self {
        elements.into_iter().collect()
    }
}

/// An array.
impl<T: Into<Self>> FromIterator<T> for Value {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        Self::Array(elements.into_iter().map(Into::into).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_values_of_what_rust_has() {
        let value = Value::from(Map::from([
            ("none", Value::from(None::<u8>)),
            ("some", Some(1).into()),
            ("unit", ().into()),
            ("half", 0.5_f32.into()),
            ("big", u128::MAX.into()),
            ("text", "é".into()),
            ("list", vec![vec![true], vec![]].into()),
        ]));
        assert_eq!(
            value.to_string(),
            "{\"none\":null,\"some\":1,\"unit\":null,\"half\":0.5,\
             \"big\":340282366920938463463374607431768211455,\"text\":\"\\u00e9\",\"list\":[[true],[]]}"
        );
    }
}
