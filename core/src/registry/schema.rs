use crate::message::Request;
use postcard_schema::Schema;
use postcard_schema::schema::{
    DataModelType, DataModelVariant, NamedType, NamedValue, NamedVariant,
};

/// What tells versions of the type `T` apart: of its shape, and of the names of its fields and variants; never 0.
///
/// The name of the type itself does not count, so that it can be renamed. FNV-1a (64 bits) over a walk of its
/// [`Schema`]: a byte for each part, names and lists with their lengths.
pub const fn schema<T: Schema + ?Sized>() -> u64 {
    finish(Walk(OFFSET).ty(T::SCHEMA))
}

/// The same for a request, whose answer counts too.
pub const fn request_schema<T>() -> u64
where
    T: Schema + Request,
    T::Answer<'static>: Schema,
{
    let walk = Walk(OFFSET).ty(<T as Schema>::SCHEMA).byte(ANSWER);
    finish(walk.ty(<T::Answer<'static> as Schema>::SCHEMA))
}

/// 0 means unchecked.
const fn finish(walk: Walk) -> u64 {
    match walk.0 {
        0 => 1,
        hash => hash,
    }
}

/// How far a schema has been walked, as its hash so far.
#[derive(Clone, Copy)]
struct Walk(u64);

impl Walk {
    const fn byte(self, byte: u8) -> Self {
        Self((self.0 ^ byte as u64).wrapping_mul(PRIME))
    }

    const fn len(self, len: usize) -> Self {
        let mut walk = self;
        let bytes = (len as u64).to_le_bytes();
        let mut at = 0;
        while at < bytes.len() {
            walk = walk.byte(bytes[at]);
            at += 1;
        }
        walk
    }

    const fn name(self, name: &str) -> Self {
        let mut walk = self.len(name.len());
        let bytes = name.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            walk = walk.byte(bytes[at]);
            at += 1;
        }
        walk
    }

    const fn ty(self, named: &NamedType) -> Self {
        match *named.ty {
            DataModelType::Bool => self.byte(0),
            DataModelType::I8 => self.byte(1),
            DataModelType::U8 => self.byte(2),
            DataModelType::I16 => self.byte(3),
            DataModelType::I32 => self.byte(4),
            DataModelType::I64 => self.byte(5),
            DataModelType::I128 => self.byte(6),
            DataModelType::U16 => self.byte(7),
            DataModelType::U32 => self.byte(8),
            DataModelType::U64 => self.byte(9),
            DataModelType::U128 => self.byte(10),
            DataModelType::Usize => self.byte(11),
            DataModelType::Isize => self.byte(12),
            DataModelType::F32 => self.byte(13),
            DataModelType::F64 => self.byte(14),
            DataModelType::Char => self.byte(15),
            DataModelType::String => self.byte(16),
            DataModelType::ByteArray => self.byte(17),
            DataModelType::Option(of) => self.byte(18).ty(of),
            DataModelType::Unit => self.byte(19),
            DataModelType::UnitStruct => self.byte(20),
            DataModelType::NewtypeStruct(of) => self.byte(21).ty(of),
            DataModelType::Seq(of) => self.byte(22).ty(of),
            DataModelType::Tuple(parts) => self.byte(23).types(parts),
            DataModelType::TupleStruct(parts) => self.byte(24).types(parts),
            DataModelType::Map { key, val } => self.byte(25).ty(key).ty(val),
            DataModelType::Struct(fields) => self.byte(26).fields(fields),
            DataModelType::Enum(variants) => self.byte(27).variants(variants),
            DataModelType::Schema => self.byte(28),
        }
    }

    const fn types(self, parts: &[&NamedType]) -> Self {
        let mut walk = self.len(parts.len());
        let mut at = 0;
        while at < parts.len() {
            walk = walk.ty(parts[at]);
            at += 1;
        }
        walk
    }

    const fn fields(self, fields: &[&NamedValue]) -> Self {
        let mut walk = self.len(fields.len());
        let mut at = 0;
        while at < fields.len() {
            walk = walk.name(fields[at].name).ty(fields[at].ty);
            at += 1;
        }
        walk
    }

    const fn variants(self, variants: &[&NamedVariant]) -> Self {
        let mut walk = self.len(variants.len());
        let mut at = 0;
        while at < variants.len() {
            walk = walk.name(variants[at].name);
            walk = match *variants[at].ty {
                DataModelVariant::UnitVariant => walk.byte(0),
                DataModelVariant::NewtypeVariant(of) => walk.byte(1).ty(of),
                DataModelVariant::TupleVariant(parts) => walk.byte(2).types(parts),
                DataModelVariant::StructVariant(fields) => walk.byte(3).fields(fields),
            };
            at += 1;
        }
        walk
    }
}

/// Stands between a request and its answer.
const ANSWER: u8 = 0xFF;

const OFFSET: u64 = 0xCBF2_9CE4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01B3;

#[cfg(test)]
mod tests {
    use super::*;
    use serde::{Deserialize, Serialize};
    use std::collections::HashSet;
    use std::vec::Vec;

    /// A type of the same name in a module of its own, as in another version of a program.
    macro_rules! versions {
        ($($version:ident: $item:item)*) => {
            $(mod $version {
                #[derive(postcard_schema::Schema)]
                #[allow(dead_code, reason = "only its shape is looked at")]
                $item
            })*
        };
    }

    versions! {
        one: pub(super) struct Reading { sensor: u8, celsius: f32 }
        renamed: pub(super) struct Measured { sensor: u8, celsius: f32 }
        other_field: pub(super) struct Reading { sensor: u8, kelvin: f32 }
        other_type: pub(super) struct Reading { sensor: u16, celsius: f32 }
        other_order: pub(super) struct Reading { celsius: f32, sensor: u8 }
        longer: pub(super) struct Reading { sensor: u8, celsius: f32, at: u64 }
        tuple: pub(super) struct Reading(u8, f32);
        choice: pub(super) enum Reading { Near, Far(u8) }
        other_variant: pub(super) enum Reading { Near, Wide(u8) }
        other_variant_type: pub(super) enum Reading { Near, Far { meters: u8 } }
    }

    #[test]
    fn every_difference_counts_but_the_name_of_the_type() {
        let schemas: Vec<u64> = [
            schema::<one::Reading>(),
            schema::<other_field::Reading>(),
            schema::<other_type::Reading>(),
            schema::<other_order::Reading>(),
            schema::<longer::Reading>(),
            schema::<tuple::Reading>(),
            schema::<choice::Reading>(),
            schema::<other_variant::Reading>(),
            schema::<other_variant_type::Reading>(),
            schema::<Option<one::Reading>>(),
            schema::<[one::Reading; 2]>(),
            schema::<&[one::Reading]>(),
            schema::<(u8, u16)>(),
            schema::<str>(),
            schema::<()>(),
        ]
        .into();
        let distinct: HashSet<u64> = schemas.iter().copied().collect();
        assert_eq!(distinct.len(), schemas.len());
        assert_eq!(schema::<one::Reading>(), schema::<renamed::Measured>());
    }

    #[test]
    fn does_not_change_from_release_to_release() {
        assert_eq!(schema::<one::Reading>(), 0xDC02_08E7_C810_361B);
        assert_eq!(schema::<choice::Reading>(), 0xD0D9_CB88_69D3_F5C1);
    }

    #[derive(Debug, Serialize, Deserialize, Schema)]
    struct Sum(i32, i32);

    #[derive(Debug, Serialize, Deserialize, Schema)]
    struct Note<'a> {
        text: &'a str,
    }

    #[derive(Debug, Serialize, Deserialize, Schema)]
    struct Name;

    #[derive(Debug, Serialize, Deserialize, Schema)]
    struct Bare;

    crate::messages! {
        #[derive(Debug)]
        #[allow(dead_code, reason = "only its rows are looked at")]
        enum Words<'a> checked {
            Sum(Sum) = 0x10 -> i64 where repeatable,
            Note(Note<'a>) as "MsgNote" = 0x11,
            Name(Name) as "Name" -> &'answer str,
            Bare(Bare) as "Bare",
        }
    }

    #[test]
    fn a_checked_table_has_the_schemas_of_its_types_and_answers() {
        let schemas: Vec<u64> = Words::ENTRIES.iter().map(|entry| entry.schema).collect();
        let [sum, note, name, bare] = schemas[..] else {
            panic!("{schemas:?}")
        };
        assert_eq!(note, schema::<Note<'_>>());
        assert_ne!(sum, schema::<Sum>());
        assert_ne!(name, bare);
        const { assert!(Sum::IS_REPEATABLE && !Name::IS_REPEATABLE) };
    }
}
