//! Integers in their shortest form.

use super::{super::marker::*, Writer};
use crate::encoding::EncodeError;

impl Writer<'_> {
    #[inline]
    pub(super) fn unsigned(&mut self, value: u64) -> Result<(), EncodeError> {
        if let Ok(value) = u8::try_from(value) {
            if value < FIX_MAP {
                self.push([value])
            } else {
                self.number(UINT_8, value.to_be_bytes())
            }
        } else if let Ok(value) = u16::try_from(value) {
            self.number(UINT_16, value.to_be_bytes())
        } else if let Ok(value) = u32::try_from(value) {
            self.number(UINT_32, value.to_be_bytes())
        } else {
            self.number(UINT_64, value.to_be_bytes())
        }
    }

    #[inline]
    pub(super) fn signed(&mut self, value: i64) -> Result<(), EncodeError> {
        if let Ok(value) = u64::try_from(value) {
            self.unsigned(value)
        } else if let Ok(value) = i8::try_from(value) {
            if value >= LEAST_SHORT {
                self.push(value.to_be_bytes())
            } else {
                self.number(INT_8, value.to_be_bytes())
            }
        } else if let Ok(value) = i16::try_from(value) {
            self.number(INT_16, value.to_be_bytes())
        } else if let Ok(value) = i32::try_from(value) {
            self.number(INT_32, value.to_be_bytes())
        } else {
            self.number(INT_64, value.to_be_bytes())
        }
    }
}

/// The least integer that is its own marker.
const LEAST_SHORT: i8 = -32;
