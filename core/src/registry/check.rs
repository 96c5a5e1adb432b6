use crate::message::Entry;
use core::ops::RangeInclusive;

/// The codes that Ropeway keeps for itself unless a table is declared for a dialect with rules of its own:
/// the standard messages below `0x10` and the session's frames from `0xE0`.
pub const RESERVED: &[RangeInclusive<u16>] = crate::dialect::native::RESERVED;

/// Refuses, at compile time, a table in which a name or code is used twice or a code is `reserved`.
///
/// The standard messages of cable_car may stand under their own reserved codes.
pub const fn check(entries: &[Entry], reserved: &[RangeInclusive<u16>]) {
    let mut i = 0;
    while i < entries.len() {
        let entry = entries[i];
        if let Some(code) = entry.code
            && is_reserved(code, reserved)
            && !is_standard(entry.name, code)
        {
            Report::new()
                .text("code ")
                .code(code)
                .text(" of ")
                .name(entry.name)
                .text(" is reserved: use 0x10..=0xDF, or declare the table `for` one dialect")
                .fail();
        }
        let mut j = 0;
        while j < i {
            refuse_same(entries[j], entry);
            j += 1;
        }
        i += 1;
    }
}

const fn refuse_same(first: Entry, second: Entry) {
    if equal(first.name, second.name) {
        Report::new()
            .text("the name ")
            .name(first.name)
            .text(" is used twice")
            .fail();
    }
    if let (Some(code), Some(other)) = (first.code, second.code)
        && code == other
    {
        let report = Report::new()
            .text("code ")
            .code(code)
            .text(" is used twice: by ");
        report
            .name(first.name)
            .text(" and by ")
            .name(second.name)
            .fail();
    }
}

const fn is_reserved(code: u16, reserved: &[RangeInclusive<u16>]) -> bool {
    let mut i = 0;
    while i < reserved.len() {
        if *reserved[i].start() <= code && code <= *reserved[i].end() {
            return true;
        }
        i += 1;
    }
    false
}

const fn is_standard(name: &str, code: u16) -> bool {
    use crate::dialect::cable_car::STANDARD;
    let mut i = 0;
    while i < STANDARD.len() {
        if let Some(own) = STANDARD[i].code
            && own == code
            && equal(STANDARD[i].name, name)
        {
            return true;
        }
        i += 1;
    }
    false
}

const fn equal(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// A compile error put together from parts: constant evaluation has no formatting.
struct Report {
    text: [u8; 256],
    len: usize,
}

impl Report {
    const fn new() -> Self {
        Self {
            text: [0; 256],
            len: 0,
        }
    }

    const fn text(mut self, part: &str) -> Self {
        let mut i = 0;
        while i < part.len() && self.len < self.text.len() {
            self.text[self.len] = part.as_bytes()[i];
            self.len += 1;
            i += 1;
        }
        self
    }

    const fn name(self, name: &str) -> Self {
        self.text("`").text(name).text("`")
    }

    const fn code(self, code: u16) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        let digits = [
            DIGITS[(code >> 12) as usize],
            DIGITS[(code >> 8 & 15) as usize],
            DIGITS[(code >> 4 & 15) as usize],
            DIGITS[(code & 15) as usize],
        ];
        let (_, short) = digits.split_at(if code > 0xFF { 0 } else { 2 });
        match core::str::from_utf8(short) {
            Ok(digits) => self.text("0x").text(digits),
            Err(_) => self,
        }
    }

    const fn fail(self) -> ! {
        let (text, _) = self.text.split_at(self.len);
        match core::str::from_utf8(text) {
            Ok(text) => panic!("{}", text),
            Err(_) => panic!("a name or code is used twice or reserved"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    fn refusal(
        entries: &'static [Entry],
        reserved: &'static [RangeInclusive<u16>],
    ) -> Option<String> {
        let refused = std::panic::catch_unwind(|| check(entries, reserved)).err()?;
        refused.downcast::<String>().ok().map(|text| *text)
    }

    const fn row(name: &'static str, code: Option<u16>) -> Entry {
        Entry {
            name,
            code,
            schema: 0,
        }
    }

    #[test]
    fn accepts_distinct_codes_and_rows_without() {
        const ROWS: &[Entry] = &[
            row("A", Some(0x10)),
            row("B", None),
            row("C", None),
            row("MsgIdentify", Some(1)),
        ];
        assert_eq!(refusal(ROWS, RESERVED), None);
    }

    #[test]
    fn names_both_types_of_a_code_used_twice() {
        const ROWS: &[Entry] = &[
            row("A", Some(0x1A)),
            row("B", Some(2)),
            row("C", Some(0x1A)),
        ];
        assert_eq!(
            refusal(ROWS, &[]).unwrap(),
            "code 0x1A is used twice: by `A` and by `C`"
        );
        const NAMES: &[Entry] = &[row("A", Some(1)), row("A", Some(2))];
        assert_eq!(refusal(NAMES, &[]).unwrap(), "the name `A` is used twice");
    }

    #[test]
    fn refuses_reserved_codes_to_all_but_their_owners() {
        const ROWS: &[Entry] = &[row("MsgJoin", Some(2)), row("A", Some(0xE0))];
        assert_eq!(
            refusal(ROWS, RESERVED).unwrap(),
            "code 0xE0 of `A` is reserved: use 0x10..=0xDF, or declare the table `for` one dialect"
        );
        const OTHER: &[Entry] = &[row("MsgJoin", Some(3))];
        assert_eq!(
            refusal(OTHER, RESERVED).unwrap(),
            "code 0x03 of `MsgJoin` is reserved: use 0x10..=0xDF, or declare the table `for` one dialect"
        );
    }
}
