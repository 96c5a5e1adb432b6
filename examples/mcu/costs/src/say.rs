//! What a program tells the host: text and numbers, without the text formatting that would cost more than some programs.

use cortex_m_semihosting::hio;

/// Prints a line of a name and a number.
pub fn number(name: &str, value: usize) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    let mut rest = value;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        start -= 1;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    let digits = digits.get(start..).unwrap_or_default();
    print(&[name.as_bytes(), b" ", digits, b"\n"]);
}

/// Prints a line of a name and bytes in hexadecimal digits.
pub fn bytes(name: &str, bytes: &[u8]) {
    print(&[name.as_bytes(), b" "]);
    for byte in bytes {
        let digit = |of: u8| b"0123456789abcdef"[usize::from(of & 0xF)];
        print(&[&[digit(byte >> 4), digit(*byte)]]);
    }
    print(&[b"\n"]);
}

/// Prints what has gone wrong.
pub fn failure(why: &str) {
    print(&[b"failed: ", why.as_bytes(), b"\n"]);
}

fn print(parts: &[&[u8]]) {
    if let Ok(mut host) = hio::hstdout() {
        for part in parts {
            // A host that does not listen misses nothing but words.
            let _ = host.write_all(part);
        }
    }
}
