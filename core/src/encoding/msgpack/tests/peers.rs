//! The same bytes and values as another implementation.

#![allow(clippy::cast_possible_truncation, reason = "random numbers")]

use super::{super::from_slice, super::to_slice, super::validate, *};
use rmpv::Value;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, println};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Document {
    small: (u8, i8),
    large: (u64, i64),
    float: f64,
    text: String,
    shapes: Vec<Shape>,
    table: BTreeMap<i32, Option<bool>>,
    inner: Option<Box<Self>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Unit,
    Newtype(u32),
    Tuple(char, i16),
    Struct { text: String, nothing: () },
}

/// Numbers without a pattern, the same for the same seed.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        println!("seed {seed}");
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        // SplitMix64 <https://prng.di.unimi.it/splitmix64.c>.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> usize {
        usize::try_from(self.next() % end).unwrap()
    }

    /// An integer of any number of bits.
    fn integer(&mut self) -> u64 {
        self.next() >> self.below(64)
    }

    fn signed(&mut self) -> i64 {
        self.next().cast_signed() >> self.below(64)
    }

    fn text(&mut self) -> String {
        let len = self.len();
        (0..len)
            .map(|_| char::from_u32(self.integer() as u32 & 0x1_ffff).unwrap_or('a'))
            .collect()
    }

    fn bytes(&mut self) -> Vec<u8> {
        let len = self.len();
        (0..len).map(|_| self.next() as u8).collect()
    }

    /// Mostly a small length.
    fn len(&mut self) -> usize {
        match self.below(20) {
            0 => self.below(300),
            1 => self.below(40),
            _ => self.below(6),
        }
    }

    fn document(&mut self, depth: usize) -> Document {
        let shape = |random: &mut Self| match random.below(4) {
            0 => Shape::Unit,
            1 => Shape::Newtype(random.integer() as u32),
            2 => Shape::Tuple('é', random.signed() as i16),
            _ => Shape::Struct {
                text: random.text(),
                nothing: (),
            },
        };
        Document {
            small: (self.next() as u8, self.next() as i8),
            large: (self.integer(), self.signed()),
            float: self.signed() as f64 / 1024.0,
            text: self.text(),
            shapes: (0..self.len()).map(|_| shape(self)).collect(),
            table: (0..self.len())
                .map(|_| {
                    (
                        self.signed() as i32,
                        Some(true).filter(|_| self.below(2) == 0),
                    )
                })
                .collect(),
            inner: (depth > 0).then(|| Box::new(self.document(depth - 1))),
        }
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.below(if depth == 0 { 8 } else { 10 }) {
            0 => Value::Nil,
            1 => Value::Boolean(self.below(2) == 0),
            2 => self.integer().into(),
            3 => self.signed().into(),
            4 => Value::F64(self.signed() as f64 / 3.0),
            5 => self.text().into(),
            6 => self.bytes().into(),
            7 => Value::Ext(self.below(128) as i8, self.bytes()),
            8 => Value::Array((0..self.len()).map(|_| self.value(depth - 1)).collect()),
            _ => {
                let len = self.len();
                let entry = |key| (Value::from(key), self.value(depth - 1));
                Value::Map((0..len).map(entry).collect())
            }
        }
    }
}

impl From<&Value> for Tree {
    fn from(value: &Value) -> Self {
        match value {
            Value::Nil => Self::Nil,
            Value::Boolean(value) => Self::Bool(*value),
            Value::Integer(value) => match value.as_u64() {
                Some(value) => Self::Unsigned(value),
                None => Self::Signed(value.as_i64().unwrap()),
            },
            Value::F32(value) => Self::Float(f64::from(*value).to_bits()),
            Value::F64(value) => Self::Float(value.to_bits()),
            Value::String(text) => Self::Text(text.as_str().unwrap().into()),
            Value::Binary(bytes) => Self::Bytes(bytes.clone()),
            Value::Array(elements) => Self::Array(elements.iter().map(Self::from).collect()),
            Value::Map(entries) => {
                let entries = entries.iter();
                Self::Map(
                    entries
                        .map(|(key, value)| (key.into(), value.into()))
                        .collect(),
                )
            }
            Value::Ext(kind, bytes) => Self::Extension(*kind, bytes.clone()),
        }
    }
}

#[test]
fn documents_are_the_same_for_rmp_serde() {
    let mut random = Random::new(20);
    let mut out = vec![0; 1 << 20];
    for _ in 0..500 / SLOWNESS {
        let document = random.document(3);
        let theirs = rmp_serde::to_vec_named(&document).unwrap();
        let len = to_slice(&document, &mut out).unwrap();
        assert!(out[..len] == theirs, "{document:?}");
        assert!(from_slice(&theirs) == Ok(document.clone()), "{document:?}");
        assert!(
            rmp_serde::from_slice::<Document>(&out[..len]).unwrap() == document,
            "{document:?}"
        );
    }
}

#[test]
fn values_are_the_same_for_rmpv() {
    let mut random = Random::new(21);
    for _ in 0..2000 / SLOWNESS {
        let value = random.value(5);
        let mut theirs = Vec::new();
        rmpv::encode::write_value(&mut theirs, &value).unwrap();
        assert_eq!(validate(&theirs), Ok(theirs.len()), "{value}");
        let tree = Tree::decode(&theirs).unwrap();
        assert!(tree == Tree::from(&value), "{value}");
        let mut out = vec![0; theirs.len()];
        let mut writer = Writer::new(&mut out);
        tree.write(&mut writer, |_| None).unwrap();
        assert!(writer.as_bytes() == theirs, "{value}");
    }
}

#[test]
fn damaged_bytes_never_do_harm() {
    let mut random = Random::new(22);
    for _ in 0..300 / SLOWNESS {
        let mut body = Vec::new();
        rmpv::encode::write_value(&mut body, &random.value(4)).unwrap();
        for _ in 0..20 {
            let mut damaged = body.clone();
            let place = random.below(damaged.len() as u64);
            damaged[place] = random.next() as u8;
            let read = Tree::read(&mut Reader::new(&damaged));
            match (validate(&damaged), read) {
                (Ok(len), Ok(tree)) => assert_eq!(Tree::decode(&damaged[..len]), Ok(tree)),
                (Err(one), Err(other)) => assert_eq!(one, other),
                (one, other) => {
                    let rule = one.unwrap_err().rule;
                    assert_eq!(rule, Rule::DuplicateField, "{other:?}");
                }
            }
        }
    }
}

/// How many times fewer rounds an interpreter does.
const SLOWNESS: u32 = if cfg!(miri) { 250 } else { 1 };
