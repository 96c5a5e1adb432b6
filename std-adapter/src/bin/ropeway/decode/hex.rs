//! Bytes as people copy them: from xxd, hexdump, tcpdump, or just digits.

use crate::fault::Fault;

/// Reads hexadecimal digits. Offsets in front of lines and the column of characters behind them are passed over, and so are
/// white space, commas, colons and `0x`.
pub(super) fn parse(text: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut digits = Vec::new();
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let wrong = |at: usize| {
            let line_text = String::from_utf8_lossy(line);
            let c = line_text
                .get(at..)
                .and_then(|rest| rest.chars().next())
                .unwrap_or('?');
            let text = format!(
                "line {}, column {}: {c:?} is no hexadecimal digit",
                index + 1,
                at + 1
            );
            Fault::input(text).hint("leave out --hex for raw bytes and captures")
        };
        let (start, end) = columns(line);
        let mut at = start;
        while at < end {
            match line[at] {
                b'0' if matches!(line[at..end], [_, b'x' | b'X', ..]) => at += 1,
                byte if byte.is_ascii_whitespace() || matches!(byte, b',' | b':') => {}
                byte => match char::from(byte).to_digit(16) {
                    Some(digit) => digits.push(u8::try_from(digit).unwrap_or_default()),
                    None => return Err(wrong(at)),
                },
            }
            at += 1;
        }
    }
    match digits.as_chunks() {
        ([], []) => Err(Fault::input("no hexadecimal digits")),
        (pairs, []) => Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect()),
        (pairs, _) => Err(Fault::input(format!(
            "an odd number of hexadecimal digits: {}",
            2 * pairs.len() + 1
        ))),
    }
}

/// Where the digits of a line start and end.
fn columns(line: &[u8]) -> (usize, usize) {
    let text = line.trim_ascii_start();
    let indent = line.len() - text.len();
    let bare = text.strip_prefix(b"0x").unwrap_or(text);
    let digits = bare
        .iter()
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count();
    let prefix = text.len() - bare.len() + digits;
    let behind = &text[prefix..];
    // hexdump -C: eight digits, two blanks, and characters between bars.
    if digits >= 7 && behind.starts_with(b"  ") && line.ends_with(b"|") {
        let bar = line.iter().position(|byte| *byte == b'|');
        return (indent + prefix, bar.unwrap_or(line.len()));
    }
    // xxd and tcpdump: an offset with a colon, and characters behind two blanks.
    match behind {
        [b':', blank, ..] if digits >= 4 && blank.is_ascii_whitespace() => {
            let rest = &behind[1..];
            let gap = rest.len() - rest.trim_ascii_start().len();
            let start = indent + prefix + 1 + gap;
            let blanks = line[start..].windows(2).position(|pair| pair == b"  ");
            (start, blanks.map_or(line.len(), |len| start + len))
        }
        _ => (0, line.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        parse(text.as_bytes()).unwrap()
    }

    fn refused(text: &str) -> String {
        parse(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn reads_what_tools_print() {
        let wanted = [2, 0xE3, 4, 0x10, 0x61, 0x62, 2, 0xE4, 2];
        let xxd = "00000000: 02e3 0410 6162 02e4                      ....ab..\n00000008: 02                                       .\n";
        assert_eq!(bytes(xxd), wanted);
        let tcpdump = "\t0x0000:  02e3 0410 6162 02e4  ....ab..\r\n\t0x0008:  02\r\n";
        assert_eq!(bytes(tcpdump), wanted);
        let hexdump =
            "00000000  02 e3 04 10 61 62 02 e4  02                       |....ab...|\n00000009\n";
        assert_eq!(bytes(&hexdump.replace("00000009\n", "")), wanted);
        assert_eq!(bytes("02e3 0410\n6162 02\te402"), wanted);
        assert_eq!(
            bytes("0x02, 0xE3, 0x04,0x10, 0x61 0X62 0x02 0xe4 02"),
            wanted
        );
        assert_eq!(bytes("02:e3:04:10:61:62:02:e4:02"), wanted);
        // Characters that are digits too.
        assert_eq!(
            bytes("00000000: 6162 6364                                abcd"),
            b"abcd"
        );
        // Plain digits may be as many as an offset has.
        assert_eq!(bytes("02e30410\n616202e4\n02"), wanted);
    }

    #[test]
    fn says_what_is_no_digit_and_where() {
        assert_eq!(
            refused("02e3\n04 1g"),
            "line 2, column 5: 'g' is no hexadecimal digit; leave out --hex for raw bytes and captures"
        );
        assert_eq!(refused("02 e"), "an odd number of hexadecimal digits: 3");
        assert_eq!(refused(" \n"), "no hexadecimal digits");
        assert!(refused("\u{fc}").starts_with("line 1, column 1: 'ü'"));
        assert!(refused("12:00:01.5 IP a.1 > b.2").starts_with("line 1, column 9"));
    }
}
