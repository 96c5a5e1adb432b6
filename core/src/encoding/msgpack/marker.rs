//! The bytes that start values, as the specification names them.

pub(super) const FIX_MAP: u8 = 0x80;
pub(super) const FIX_ARRAY: u8 = 0x90;
pub(super) const FIX_TEXT: u8 = 0xa0;
pub(super) const NIL: u8 = 0xc0;
pub(super) const FALSE: u8 = 0xc2;
pub(super) const TRUE: u8 = 0xc3;
pub(super) const BIN_8: u8 = 0xc4;
pub(super) const BIN_16: u8 = 0xc5;
pub(super) const BIN_32: u8 = 0xc6;
pub(super) const EXT_8: u8 = 0xc7;
pub(super) const EXT_16: u8 = 0xc8;
pub(super) const EXT_32: u8 = 0xc9;
pub(super) const FLOAT_32: u8 = 0xca;
pub(super) const FLOAT_64: u8 = 0xcb;
pub(super) const UINT_8: u8 = 0xcc;
pub(super) const UINT_16: u8 = 0xcd;
pub(super) const UINT_32: u8 = 0xce;
pub(super) const UINT_64: u8 = 0xcf;
pub(super) const INT_8: u8 = 0xd0;
pub(super) const INT_16: u8 = 0xd1;
pub(super) const INT_32: u8 = 0xd2;
pub(super) const INT_64: u8 = 0xd3;
pub(super) const FIX_EXT_1: u8 = 0xd4;
pub(super) const FIX_EXT_2: u8 = 0xd5;
pub(super) const FIX_EXT_4: u8 = 0xd6;
pub(super) const FIX_EXT_8: u8 = 0xd7;
pub(super) const FIX_EXT_16: u8 = 0xd8;
pub(super) const TEXT_8: u8 = 0xd9;
pub(super) const TEXT_16: u8 = 0xda;
pub(super) const TEXT_32: u8 = 0xdb;
pub(super) const ARRAY_16: u8 = 0xdc;
pub(super) const ARRAY_32: u8 = 0xdd;
pub(super) const MAP_16: u8 = 0xde;
pub(super) const MAP_32: u8 = 0xdf;

/// The most entries of a map or an array whose count is in its first byte.
pub(super) const FIX_COUNT: usize = 15;
/// The most bytes of a text whose length is in its first byte.
pub(super) const FIX_LENGTH: usize = 31;
