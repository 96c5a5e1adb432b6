//! UTF-8 in which surrogates stand alone, three bytes each: what Python calls `surrogatepass`.

/// Whether there are surrogates in bytes that are UTF-8 otherwise; an error is the offset of the byte that is not.
#[inline]
pub(in crate::encoding) fn surrogates(bytes: &[u8]) -> Result<bool, usize> {
    match core::str::from_utf8(bytes) {
        Ok(_) => Ok(false),
        Err(error) => after(bytes, error.valid_up_to()).map(|()| true),
    }
}

/// Checks what follows the first `at` bytes, which are UTF-8.
fn after(bytes: &[u8], mut at: usize) -> Result<(), usize> {
    loop {
        match bytes.get(at..) {
            None | Some([]) => return Ok(()),
            Some([0xed, 0xa0..0xc0, 0x80..0xc0, rest @ ..]) => {
                at += 3;
                at += match core::str::from_utf8(rest) {
                    Ok(plain) => plain.len(),
                    Err(error) => error.valid_up_to(),
                };
            }
            Some(_) => return Err(at),
        }
    }
}

/// Takes one code point, which may be a surrogate, from the front of checked bytes.
pub(super) fn next(bytes: &mut &[u8]) -> Option<u32> {
    let lead = *bytes.first()?;
    let (len, first) = match lead {
        0..0x80 => (1, lead),
        0x80..0xe0 => (2, lead & 0x1f),
        0xe0..0xf0 => (3, lead & 0x0f),
        _ => (4, lead & 0x07),
    };
    let (taken, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    let point = taken.iter().skip(1).fold(u32::from(first), |point, byte| {
        point << 6 | u32::from(byte & 0x3f)
    });
    Some(point)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surrogates_are_the_only_addition_to_utf_8() {
        assert_eq!(surrogates("Zürich 🚁".as_bytes()), Ok(false));
        assert_eq!(surrogates(b"a\xed\xa0\xbdb"), Ok(true));
        assert_eq!(surrogates(b"\xed\xa0\xbd\xed\xbf\xbf"), Ok(true));
        assert_eq!(surrogates(b"ab\xed\xa0"), Err(2));
        assert_eq!(surrogates(b"\xed\xa0\xbd\xff"), Err(3));
        assert_eq!(surrogates(b"\xc0\x80"), Err(0));
        assert_eq!(surrogates(b"\xf5\x80\x80\x80"), Err(0));
    }

    #[test]
    fn takes_each_code_point() {
        let mut bytes: &[u8] = b"a\xc3\xbc\xed\xa0\xbd\xf0\x9f\x9a\x81";
        let points = core::iter::from_fn(|| next(&mut bytes));
        assert!(points.eq([0x61, 0xfc, 0xd83d, 0x1f681]));
    }
}
