use super::Value;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::{slice, vec};

/// Entries in their order, each key once.
///
/// Keys are text nearly always, and that is how they are looked up; JSON has no others, MessagePack and pickle have
/// keys of any kind. A key that comes again keeps its first place and takes the last value, as in Python. Entries are
/// looked up one after the other: maps in messages are small. Reading or collecting a large one takes linear time.
///
/// ```
/// use ropeway_std::value::{Map, Value};
///
/// let mut stats = Map::new();
/// stats.insert("host", "raspberrypi");
/// stats.insert("load", [0.5, 0.25]);
/// assert_eq!(Value::from(stats).to_string(), r#"{"host":"raspberrypi","load":[0.5,0.25]}"#);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map {
    entries: Vec<(Value, Value)>,
}

impl Map {
    /// A map without entries.
    pub const fn new() -> Self {
        Self {
            entries: Vec::new(),
        }
    }

    /// The number of entries.
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many entries there is memory for.
    #[cfg(test)]
    pub(super) const fn capacity(&self) -> usize {
        self.entries.capacity()
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

    /// The value of a key of any kind, if it has one.
    pub fn find(&self, key: &Value) -> Option<&Value> {
        let entry = self
            .entries
            .iter()
            .find(|(name, _)| Same(name) == Same(key))?;
        Some(&entry.1)
    }

    /// The value of `key`, if it has one, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        let entry = self.entries.iter_mut().find(|(name, _)| name == key)?;
        Some(&mut entry.1)
    }

    /// Gives `key` a value, at the end if it is new, and returns the one that it had.
    pub fn insert(&mut self, key: impl Into<Value>, value: impl Into<Value>) -> Option<Value> {
        let (key, value) = (key.into(), value.into());
        match self
            .entries
            .iter_mut()
            .find(|(name, _)| Same(name) == Same(&key))
        {
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
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Value, &Value)> + DoubleEndedIterator {
        self.entries.iter().map(entry)
    }
}

fn entry((key, value): &(Value, Value)) -> (&Value, &Value) {
    (key, value)
}

impl<K: Into<Value>, V: Into<Value>> FromIterator<(K, V)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let entries = entries.into_iter();
        let mut entries: Vec<(Value, Value)> = entries.map(|(k, v)| (k.into(), v.into())).collect();
        keep_last_values(&mut entries);
        Self { entries }
    }
}

impl From<()> for Map {
    fn from((): ()) -> Self {
        Self::new()
    }
}

impl<K: Into<Value>, V: Into<Value>, const N: usize> From<[(K, V); N]> for Map {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<'a> IntoIterator for &'a Map {
    type Item = (&'a Value, &'a Value);
    type IntoIter = std::iter::Map<
        slice::Iter<'a, (Value, Value)>,
        fn(&'a (Value, Value)) -> (&'a Value, &'a Value),
    >;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.iter().map(entry)
    }
}

impl IntoIterator for Map {
    type Item = (Value, Value);
    type IntoIter = vec::IntoIter<(Value, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

/// Leaves each key once, in its first place, with its last value.
fn keep_last_values(entries: &mut Vec<(Value, Value)>) {
    if entries.len() < 2 {
        return;
    }
    let mut first = HashMap::with_capacity(entries.len());
    let repeated: Vec<Option<usize>> = entries
        .iter()
        .enumerate()
        .map(|(place, (key, _))| {
            let earlier = *first.entry(Same(key)).or_insert(place);
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

/// A key: the same as another if all its bits are, so that NaN is one key and not many.
#[derive(Clone, Copy)]
struct Same<'v>(&'v Value);

impl PartialEq for Same<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self.0, other.0) {
            (Value::Float(a), Value::Float(b)) => a.to_bits() == b.to_bits(),
            (Value::Array(a), Value::Array(b))
            | (Value::Tuple(a), Value::Tuple(b))
            | (Value::Set(a), Value::Set(b))
            | (Value::FrozenSet(a), Value::FrozenSet(b)) => {
                a.iter().map(Same).eq(b.iter().map(Same))
            }
            (Value::Map(a), Value::Map(b)) => {
                a.len() == b.len()
                    && a.entries
                        .iter()
                        .zip(&b.entries)
                        .all(|(a, b)| Same(&a.0) == Same(&b.0) && Same(&a.1) == Same(&b.1))
            }
            (a, b) => a == b,
        }
    }
}

impl Eq for Same<'_> {}

impl Hash for Same<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.kind().hash(state);
        match self.0 {
            Value::Null => {}
            Value::Bool(value) => value.hash(state),
            Value::Integer(value) => value.hash(state),
            Value::Float(value) => value.to_bits().hash(state),
            Value::Text(text) => text.hash(state),
            Value::Utf16(units) => units.hash(state),
            Value::Bytes(bytes) | Value::ByteArray(bytes) => bytes.hash(state),
            Value::Extension { kind, bytes } => (kind, bytes).hash(state),
            Value::Array(elements)
            | Value::Tuple(elements)
            | Value::Set(elements)
            | Value::FrozenSet(elements) => {
                elements.len().hash(state);
                elements
                    .iter()
                    .for_each(|element| Same(element).hash(state));
            }
            Value::Map(map) => {
                map.len().hash(state);
                for (key, value) in map {
                    Same(key).hash(state);
                    Same(value).hash(state);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_key_keeps_its_place_and_takes_the_last_value() {
        let map = Map::from([("a", 1), ("b", 2), ("a", 3), ("c", 4), ("a", 5)]);
        let entries: Vec<_> = map
            .iter()
            .map(|(key, value)| format!("{}{value}", key.as_str().unwrap()))
            .collect();
        assert_eq!(entries, ["a5", "b2", "c4"]);
    }

    #[test]
    fn inserting_and_removing_keep_the_order() {
        let mut map = Map::from([("a", 1), ("b", 2), ("c", 3)]);
        assert_eq!(map.insert("b", true), Some(Value::from(2)));
        assert_eq!(map.remove("a"), Some(Value::from(1)));
        assert_eq!(map.insert("a", Value::Null), None);
        *map.get_mut("c").unwrap() = Value::from("x");
        assert_eq!(
            Value::from(map).to_string(),
            r#"{"b":true,"c":"x","a":null}"#
        );
    }

    #[test]
    fn keys_are_of_any_kind() {
        let nan = Value::Float(f64::NAN);
        let pair = Value::Tuple(vec![1.into(), nan.clone()]);
        let map = Map::from([
            (Value::from(1), "integer"),
            (1.0.into(), "float"),
            (true.into(), "boolean"),
            ("1".into(), "text"),
            (nan.clone(), "first"),
            (nan.clone(), "last"),
            (pair.clone(), "pair"),
        ]);
        assert_eq!(map.len(), 6);
        assert_eq!(map.get("1"), Some(&"text".into()));
        assert_eq!(map.find(&1.into()), Some(&"integer".into()));
        assert_eq!(map.find(&nan), Some(&"last".into()));
        assert_eq!(map.find(&pair), Some(&"pair".into()));
        assert_eq!(map.find(&2.into()), None);
    }

    #[test]
    fn many_keys_take_linear_time() {
        let map: Map = (0..200_000)
            .map(|i| (format!("{}", i % 100_000), i))
            .collect();
        assert_eq!(map.len(), 100_000);
        assert_eq!(map.get("0"), Some(&Value::from(100_000)));
        let map: Map = (0..200_000).map(|i| (i % 100_000, i)).collect();
        assert_eq!(map.find(&0.into()), Some(&Value::from(100_000)));
    }
}
