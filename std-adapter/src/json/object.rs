use super::{Key, Value};
use std::collections::HashMap;
use std::{slice, vec};

/// Entries in their order, each key once.
///
/// A key that comes again keeps its first place and takes the last value, as in Python. Entries are looked up
/// one after the other: objects in messages are small. Reading or collecting a large one takes linear time.
///
/// ```
/// use ropeway_std::json::{Object, Value};
///
/// let mut stats = Object::new();
/// stats.insert("host", "raspberrypi");
/// stats.insert("load", [0.5, 0.25]);
/// assert_eq!(Value::from(stats).to_string(), r#"{"host":"raspberrypi","load":[0.5,0.25]}"#);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object {
    entries: Vec<(Key, Value)>,
}

impl Object {
    /// An object without entries.
    pub const fn new() -> Self {
        Self {
            entries: Vec::new(),
        }
    }

    /// The number of entries.
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value of `key`, if it has one.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let entry = self.entries.iter().find(|(name, _)| name == key)?;
        Some(&entry.1)
    }

    /// The value of `key`, if it has one, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        let entry = self.entries.iter_mut().find(|(name, _)| name == key)?;
        Some(&mut entry.1)
    }

    /// Gives `key` a value, at the end if it is new, and returns the one that it had.
    pub fn insert(&mut self, key: impl Into<Key>, value: impl Into<Value>) -> Option<Value> {
        let (key, value) = (key.into(), value.into());
        match self.entries.iter_mut().find(|(name, _)| *name == key) {
            Some((_, old)) => Some(std::mem::replace(old, value)),
            None => {
                self.entries.push((key, value));
                None
            }
        }
    }

    /// Takes `key` out, and keeps the order of the others.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let place = self.entries.iter().position(|(name, _)| name == key)?;
        Some(self.entries.remove(place).1)
    }

    /// The entries in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Key, &Value)> + DoubleEndedIterator {
        self.entries.iter().map(entry)
    }
}

fn entry((key, value): &(Key, Value)) -> (&Key, &Value) {
    (key, value)
}

impl<K: Into<Key>, V: Into<Value>> FromIterator<(K, V)> for Object {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let entries = entries.into_iter();
        let mut entries: Vec<(Key, Value)> = entries.map(|(k, v)| (k.into(), v.into())).collect();
        keep_last_values(&mut entries);
        Self { entries }
    }
}

impl From<()> for Object {
    fn from((): ()) -> Self {
        Self::new()
    }
}

impl<K: Into<Key>, V: Into<Value>, const N: usize> From<[(K, V); N]> for Object {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<'a> IntoIterator for &'a Object {
    type Item = (&'a Key, &'a Value);
    type IntoIter =
        std::iter::Map<slice::Iter<'a, (Key, Value)>, fn(&'a (Key, Value)) -> (&'a Key, &'a Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.iter().map(entry)
    }
}

impl IntoIterator for Object {
    type Item = (Key, Value);
    type IntoIter = vec::IntoIter<(Key, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

/// Leaves each key once, in its first place, with its last value.
fn keep_last_values(entries: &mut Vec<(Key, Value)>) {
    let mut first = HashMap::with_capacity(entries.len());
    let repeated: Vec<Option<usize>> = entries
        .iter()
        .enumerate()
        .map(|(place, (key, _))| {
            let earlier = *first.entry(key).or_insert(place);
            (earlier < place).then_some(earlier)
        })
        .collect();
    for (place, earlier) in repeated.iter().enumerate() {
        if let Some(earlier) = earlier {
            entries[*earlier].1 = std::mem::take(&mut entries[place].1);
        }
    }
    let mut repeated = repeated.into_iter();
    entries.retain(|_| repeated.next() == Some(None));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_key_keeps_its_place_and_takes_the_last_value() {
        let object = Object::from([("a", 1), ("b", 2), ("a", 3), ("c", 4), ("a", 5)]);
        let entries: Vec<_> = object
            .iter()
            .map(|(key, value)| format!("{key}{value}"))
            .collect();
        assert_eq!(entries, ["a5", "b2", "c4"]);
    }

    #[test]
    fn inserting_and_removing_keep_the_order() {
        let mut object = Object::from([("a", 1), ("b", 2), ("c", 3)]);
        assert_eq!(object.insert("b", true), Some(Value::from(2)));
        assert_eq!(object.remove("a"), Some(Value::from(1)));
        assert_eq!(object.insert("a", Value::Null), None);
        *object.get_mut("c").unwrap() = Value::from("x");
        assert_eq!(
            Value::from(object).to_string(),
            r#"{"b":true,"c":"x","a":null}"#
        );
    }

    #[test]
    fn many_keys_take_linear_time() {
        let object: Object = (0..200_000)
            .map(|i| (format!("{}", i % 100_000), i))
            .collect();
        assert_eq!(object.len(), 100_000);
        assert_eq!(object.get("0"), Some(&Value::from(100_000)));
    }
}
