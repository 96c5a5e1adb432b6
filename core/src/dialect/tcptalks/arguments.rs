//! The arguments of a call as the fields of a message.

use super::Body;
use crate::encoding::pickle::Writer;
use crate::encoding::value::{self, Write};
use crate::encoding::{DecodeError, EncodeError};
use serde::{Deserialize, Serialize};

pub(super) fn read<'a, T: Deserialize<'a>>(body: Body<'a>) -> Result<T, DecodeError> {
    match body.kwargs {
        Some(kwargs) if body.args.elements().next().is_none() => {
            value::deserialize_attributes(&mut kwargs.reader())
        }
        _ => value::deserialize_from(&mut body.args.reader()),
    }
}

pub(super) fn write<T: Serialize + ?Sized>(
    writer: &mut Writer<'_>,
    message: &T,
) -> Result<(), EncodeError> {
    let args = writer.begin_tuple(0)?;
    writer.end_tuple(args, 0)?;
    value::serialize_attributes(writer, message)
}
