//! What serde asks of every serializer, written once.

/// Refuses, with one error, what neither is nor becomes a map or a sequence: scalars and variants of enums.
///
/// `refuse! { EncodeError::NotAMap }` becomes `fn serialize_i8(self, _: i8) -> Result<(), EncodeError> {
/// Err(EncodeError::NotAMap) }`, and so on for each of them.
macro_rules! refuse {
    ($error:expr) => {
        refuse! { $error; ():
            serialize_bool(bool)
            serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64) serialize_i128(i128)
            serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64) serialize_u128(u128)
            serialize_f32(f32) serialize_f64(f64)
            serialize_char(char) serialize_str(&str) serialize_bytes(&[u8])
            serialize_none()
            serialize_unit_variant(&'static str, u32, &'static str)
        }
        refuse! { $error; Self::SerializeTupleVariant:
            serialize_tuple_variant(&'static str, u32, &'static str, usize)
        }
        refuse! { $error; Self::SerializeStructVariant:
            serialize_struct_variant(&'static str, u32, &'static str, usize)
        }

        fn serialize_newtype_variant<T: serde::Serialize + ?Sized>(
            self, _: &'static str, _: u32, _: &'static str, _: &T,
        ) -> Result<(), EncodeError> {
            Err($error)
        }

        fn collect_str<T: core::fmt::Display + ?Sized>(self, _: &T) -> Result<(), EncodeError> {
            Err($error)
        }
    };
    ($error:expr; $ok:ty: $($method:ident($($value:ty),*))*) => {$(
        fn $method(self, $(_: $value),*) -> Result<$ok, EncodeError> {
            Err($error)
        }
    )*};
}

/// Implements serde's compounds by methods of one type, which has `element`, `field` and `finish`.
///
/// `compound! { Compound: SerializeSeq serialize_element() => element }` becomes `impl<W: Write> ser::SerializeSeq for
/// Compound<'_, W>`, with `fn serialize_element(&mut self, value: &T) -> .. { self.element(value) }` and
/// `fn end(self) -> .. { self.finish() }`.
macro_rules! compound {
    ($type:ident: $($compound:ident $method:ident($($key:ident)?) => $inner:ident)*) => {$(
        impl<W: Write> serde::ser::$compound for $type<'_, W> {
            type Ok = ();
            type Error = EncodeError;

            #[inline]
            fn $method<T: Serialize + ?Sized>(
                &mut self,
                $($key: &'static str,)?
                value: &T,
            ) -> Result<(), EncodeError> {
                self.$inner($($key,)? value)
            }

            fn end(self) -> Result<(), EncodeError> {
                self.finish()
            }
        }
    )*};
}

pub(super) use {compound, refuse};
