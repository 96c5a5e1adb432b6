//! Arguments, read.

use super::ARGS;
use crate::encoding::value::{Key, Kind, Read, de::ValueReader, key_reader::KeyReader};
use crate::encoding::{DecodeError, Rule};
use core::slice;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor,
    value::BorrowedStrDeserializer,
};
use serde::forward_to_deserialize_any;

/// Reads the arguments of a call, each part from a reader whose next value it is; absent and null say that there
/// are none.
///
/// Too many positional arguments fail with [`Rule::InvalidLength`], arguments by name where there are none with
/// [`Rule::UnknownField`], and an argument that is given both ways with [`Rule::DuplicateField`]. Names that a struct
/// does not know are passed over, unless it denies them. A part that is no sequence or no map with text keys fails
/// with [`Rule::WrongType`].
pub fn read_arguments<'de, T, A, K>(
    mut args: Option<A>,
    mut kwargs: Option<K>,
) -> Result<T, DecodeError>
where
    T: Deserialize<'de>,
    A: Read<'de>,
    K: Read<'de>,
{
    let mut start = 0;
    let args = enter(&mut args, &mut start, A::begin_array)?;
    let kwargs = enter(&mut kwargs, &mut start, K::begin_map)?;
    T::deserialize(ArgumentsReader { args, kwargs })
        .map_err(|error: DecodeError| error.or_at(start))
}

/// Goes into the next value, if there is one.
fn enter<'r, 'de, R: Read<'de>>(
    reader: &'r mut Option<R>,
    start: &mut usize,
    begin: fn(&mut R) -> Result<(), DecodeError>,
) -> Result<Option<&'r mut R>, DecodeError> {
    let Some(reader) = reader else {
        return Ok(None);
    };
    let kind = reader.peek()?;
    *start = reader.offset();
    if kind == Kind::Null {
        reader.null()?;
        return Ok(None);
    }
    begin(reader)?;
    Ok(Some(reader))
}

/// The arguments of a call: a sequence and a map that have been entered.
///
/// Readers can be large, so they stay where they are.
struct ArgumentsReader<'r, A, K> {
    args: Option<&'r mut A>,
    kwargs: Option<&'r mut K>,
}

impl<'de, A: Read<'de>, K: Read<'de>> ArgumentsReader<'_, A, K> {
    /// Gives positional arguments the names of `fields`, and hands on what has names.
    fn bind<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let mut bound = Bound {
            arguments: self,
            fields: fields.iter(),
        };
        let value = visitor.visit_map(&mut bound)?;
        bound.arguments.no_args()?;
        if let Some(at) = bound.arguments.next_name()? {
            return Err(DecodeError::at(at, Rule::InvalidLength));
        }
        Ok(value)
    }

    /// Sees to it that there are no more positional arguments.
    fn no_args(&mut self) -> Result<(), DecodeError> {
        let Some(args) = self.args.as_deref_mut() else {
            return Ok(());
        };
        if args.next_element()? {
            args.peek()?;
            return Err(DecodeError::at(args.offset(), Rule::InvalidLength));
        }
        self.args = None;
        Ok(())
    }

    /// Sees to it that there are no more arguments by name.
    fn no_kwargs(&mut self) -> Result<(), DecodeError> {
        match self.next_name()? {
            Some(at) => Err(DecodeError::at(at, Rule::UnknownField)),
            None => Ok(()),
        }
    }

    /// Where the next name is, if there is one.
    fn next_name(&mut self) -> Result<Option<usize>, DecodeError> {
        let Some(kwargs) = self.kwargs.as_deref_mut() else {
            return Ok(None);
        };
        Ok(match kwargs.next_key()? {
            Some(Key::Text(name)) => Some(name.offset()),
            Some(Key::Value) => Some(kwargs.next_offset()),
            None => {
                self.kwargs = None;
                None
            }
        })
    }
}

impl<'de, A: Read<'de>, K: Read<'de>> Deserializer<'de> for ArgumentsReader<'_, A, K> {
    type Error = DecodeError;

    /// What no argument has a place in is told what it has found: a sequence, or a map if there are names alone.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        if self.args.is_some() {
            return self.deserialize_seq(visitor);
        }
        match self.kwargs {
            Some(_) => self.bind(&[], visitor),
            None => self.deserialize_unit(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_some(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, DecodeError> {
        self.no_args()?;
        self.no_kwargs()?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        mut self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.no_kwargs()?;
        let too_few = |at| DecodeError::at(at, Rule::InvalidLength);
        let args = self.args.as_deref_mut().ok_or(too_few(0))?;
        if !args.next_element()? {
            return Err(too_few(args.offset()));
        }
        let start = args.next_offset();
        let value = visitor.visit_newtype_struct(ValueReader::new(args));
        let value = value.map_err(|error: DecodeError| error.or_at(start))?;
        self.no_args()?;
        Ok(value)
    }

    fn deserialize_seq<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, DecodeError> {
        self.no_kwargs()?;
        let value = visitor.visit_seq(Elements(&mut self.args))?;
        self.no_args()?;
        Ok(value)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.bind(&[], visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        if name == ARGS {
            visitor.visit_map(Both {
                arguments: self,
                fields: fields.iter(),
                is_args: true,
            })
        } else {
            self.bind(fields, visitor)
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(
        mut self,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        while let Some(args) = self.args.as_deref_mut() {
            if args.next_element()? {
                args.skip()?;
            } else {
                self.args = None;
            }
        }
        while self.next_name()?.is_some() {
            if let Some(kwargs) = self.kwargs.as_deref_mut() {
                kwargs.skip()?;
            }
        }
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf enum identifier
    }
}

/// Positional arguments, for a tuple or a sequence.
struct Elements<'e, 'r, A>(&'e mut Option<&'r mut A>);

impl<'de, A: Read<'de>> SeqAccess<'de> for Elements<'_, '_, A> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        if let Some(args) = self.0.as_deref_mut() {
            if args.next_element()? {
                return seed.deserialize(ValueReader::new(args)).map(Some);
            }
            *self.0 = None;
        }
        Ok(None)
    }
}

/// Arguments with names: first those by position, as long as there are any, with the names of fields.
struct Bound<'r, A, K> {
    arguments: ArgumentsReader<'r, A, K>,
    fields: slice::Iter<'static, &'static str>,
}

impl<'de, A: Read<'de>, K: Read<'de>> MapAccess<'de> for &mut Bound<'_, A, K> {
    type Error = DecodeError;

    fn next_key_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        if let Some(args) = self.arguments.args.as_deref_mut() {
            if args.next_element()? {
                let start = args.next_offset();
                let name = self.fields.next();
                let name = name.ok_or(DecodeError::at(start, Rule::InvalidLength))?;
                return seed
                    .deserialize(BorrowedStrDeserializer::new(name))
                    .map_err(|error: DecodeError| error.or_at(start))
                    .map(Some);
            }
            self.arguments.args = None;
        }
        let Some(kwargs) = self.arguments.kwargs.as_deref_mut() else {
            return Ok(None);
        };
        match kwargs.next_key()? {
            Some(Key::Text(name)) => seed.deserialize(KeyReader::new(name)).map(Some),
            Some(Key::Value) => {
                let expected = Kind::Text;
                let rule = Rule::WrongType { expected };
                Err(DecodeError::at(kwargs.next_offset(), rule))
            }
            None => {
                self.arguments.kwargs = None;
                Ok(None)
            }
        }
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<T::Value, DecodeError> {
        match (
            self.arguments.args.as_deref_mut(),
            self.arguments.kwargs.as_deref_mut(),
        ) {
            (Some(args), _) => seed.deserialize(ValueReader::new(args)),
            (None, Some(kwargs)) => seed.deserialize(ValueReader::new(kwargs)),
            // No key has been given.
            (None, None) => Err(DecodeError::at(0, Rule::InvalidLength)),
        }
    }
}

/// The fields of [`Args`](super::Args): each is one part of the arguments.
struct Both<'r, A, K> {
    arguments: ArgumentsReader<'r, A, K>,
    fields: slice::Iter<'static, &'static str>,
    is_args: bool,
}

impl<'de, A: Read<'de>, K: Read<'de>> MapAccess<'de> for Both<'_, A, K> {
    type Error = DecodeError;

    fn next_key_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        let name = self.fields.next();
        name.map(|name| seed.deserialize(BorrowedStrDeserializer::new(name)))
            .transpose()
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<T::Value, DecodeError> {
        let is_args = core::mem::replace(&mut self.is_args, false);
        seed.deserialize(ArgumentsReader {
            args: self.arguments.args.take_if(|_| is_args),
            kwargs: self.arguments.kwargs.take_if(|_| !is_args),
        })
    }
}
