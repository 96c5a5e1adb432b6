//! The opcodes of pickle: one table, for reading and for writing.

/// What follows an opcode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operand {
    /// Nothing.
    None,
    /// So many bytes.
    Fixed(u8),
    /// A length in so many bytes, and as many bytes as it says.
    Counted(u8),
    /// So many lines, each up to a newline.
    Lines(u8),
    /// A line with a number, which is never long.
    Number,
    /// The opcode is refused wherever it stands.
    Forbidden,
    /// There is no such opcode.
    Unknown,
}

/// Declares each opcode as a constant, and `OPERANDS`, which tells for each byte what follows it:
///
/// ```text
/// pub(super) const PROTO: u8 = 0x80;
/// const OPERANDS: [Operand; 256] = [.., Operand::Fixed(1), ..];
/// ```
macro_rules! opcodes {
    ($($name:ident = $byte:literal $operand:expr;)*) => {
        $(pub(super) const $name: u8 = $byte;)*

        const OPERANDS: [Operand; 256] = {
            let mut table = [Operand::Unknown; 256];
            $(table[$byte] = $operand;)*
            table
        };
    };
}

use Operand::{Counted, Fixed, Forbidden, Lines};

opcodes! {
    // The pickle as a whole.
    PROTO = 0x80 Fixed(1);
    FRAME = 0x95 Fixed(8);
    STOP = 0x2e Operand::None;
    // Values that hold no others.
    NONE = 0x4e Operand::None;
    NEWTRUE = 0x88 Operand::None;
    NEWFALSE = 0x89 Operand::None;
    BININT1 = 0x4b Fixed(1);
    BININT2 = 0x4d Fixed(2);
    BININT = 0x4a Fixed(4);
    LONG1 = 0x8a Counted(1);
    LONG4 = 0x8b Counted(4);
    BINFLOAT = 0x47 Fixed(8);
    SHORT_BINUNICODE = 0x8c Counted(1);
    BINUNICODE = 0x58 Counted(4);
    BINUNICODE8 = 0x8d Counted(8);
    SHORT_BINBYTES = 0x43 Counted(1);
    BINBYTES = 0x42 Counted(4);
    BINBYTES8 = 0x8e Counted(8);
    BYTEARRAY8 = 0x96 Counted(8);
    // The same as lines, which protocol 0 writes.
    INT = 0x49 Operand::Number;
    LONG = 0x4c Operand::Number;
    UNICODE = 0x56 Lines(1);
    // Values that hold others.
    MARK = 0x28 Operand::None;
    EMPTY_TUPLE = 0x29 Operand::None;
    TUPLE1 = 0x85 Operand::None;
    TUPLE2 = 0x86 Operand::None;
    TUPLE3 = 0x87 Operand::None;
    TUPLE = 0x74 Operand::None;
    EMPTY_LIST = 0x5d Operand::None;
    LIST = 0x6c Operand::None;
    APPEND = 0x61 Operand::None;
    APPENDS = 0x65 Operand::None;
    EMPTY_DICT = 0x7d Operand::None;
    DICT = 0x64 Operand::None;
    SETITEM = 0x73 Operand::None;
    SETITEMS = 0x75 Operand::None;
    EMPTY_SET = 0x8f Operand::None;
    ADDITEMS = 0x90 Operand::None;
    FROZENSET = 0x91 Operand::None;
    // Values that occur again.
    MEMOIZE = 0x94 Operand::None;
    BINPUT = 0x71 Fixed(1);
    LONG_BINPUT = 0x72 Fixed(4);
    PUT = 0x70 Operand::Number;
    BINGET = 0x68 Fixed(1);
    LONG_BINGET = 0x6a Fixed(4);
    GET = 0x67 Operand::Number;
    // Names, and what is made of them: understood in a few shapes, refused in all others.
    GLOBAL = 0x63 Lines(2);
    STACK_GLOBAL = 0x93 Operand::None;
    REDUCE = 0x52 Operand::None;
    NEWOBJ = 0x81 Operand::None;
    BUILD = 0x62 Operand::None;
}

/// Opcodes that are refused wherever they stand: they look up, call, or belong to Python 2 or to values that contain
/// themselves. FLOAT, which protocol 0 alone has, is among them, since reading it back takes more code than all else.
const FORBIDDEN: [u8; 17] = [
    0x30, // POP
    0x31, // POP_MARK
    0x32, // DUP
    0x46, // FLOAT
    0x50, // PERSID
    0x51, // BINPERSID
    0x53, // STRING
    0x54, // BINSTRING
    0x55, // SHORT_BINSTRING
    0x69, // INST
    0x6f, // OBJ
    0x82, // EXT1
    0x83, // EXT2
    0x84, // EXT4
    0x92, // NEWOBJ_EX
    0x97, // NEXT_BUFFER
    0x98, // READONLY_BUFFER
];

const fn with_forbidden(mut table: [Operand; 256]) -> [Operand; 256] {
    let mut index = 0;
    while index < FORBIDDEN.len() {
        table[FORBIDDEN[index] as usize] = Forbidden;
        index += 1;
    }
    table
}

/// What follows `opcode`.
#[inline]
pub(super) fn operand(opcode: u8) -> Operand {
    static TABLE: [Operand; 256] = with_forbidden(OPERANDS);
    TABLE
        .get(usize::from(opcode))
        .copied()
        .unwrap_or(Operand::Unknown)
}

/// The bytes between an opcode of text, bytes or a long integer and its content.
#[inline]
pub(super) fn header(opcode: u8) -> usize {
    match operand(opcode) {
        Counted(width) => 1 + usize::from(width),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_has_at_most_one_meaning() {
        for byte in FORBIDDEN {
            assert_eq!(OPERANDS[usize::from(byte)], Operand::Unknown);
            assert_eq!(operand(byte), Forbidden);
        }
        let known = (0..=255).filter(|byte| operand(*byte) != Operand::Unknown);
        assert_eq!(known.count(), 51 + FORBIDDEN.len());
    }
}
