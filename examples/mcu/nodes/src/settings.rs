/// What a node is told when it starts: in the emulator by the command line, elsewhere by its program.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// What this node is called.
    pub name: &'a str,
    /// Words `key=value` with spaces between them.
    pub arguments: &'a str,
}

impl<'a> Settings<'a> {
    /// The value of the first word that has this key.
    pub fn get(&self, key: &str) -> Option<&'a str> {
        self.arguments
            .split_ascii_whitespace()
            .filter_map(|word| word.split_once('='))
            .find_map(|(name, value)| (name == key).then_some(value))
    }

    /// The 32 bytes that 64 hexadecimal digits behind this key say.
    ///
    /// # Panics
    ///
    /// Where they are something else.
    pub fn bytes(&self, key: &str) -> Option<[u8; 32]> {
        let value = self.get(key)?;
        let Some(bytes) = bytes(value) else {
            panic!("{key}=… of 64 hexadecimal digits, from `openssl rand -hex 32`");
        };
        Some(bytes)
    }
}

fn bytes(digits: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if digits.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().as_chunks::<2>().0) {
        for &digit in pair {
            let digit = char::from(digit).to_digit(16)?;
            *byte = *byte << 4 | u8::try_from(digit).ok()?;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::{Settings, bytes};

    #[test]
    fn reads_64_hexadecimal_digits_and_nothing_else() {
        let digits = "0123456789abcdefABCDEF00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00";
        let read = bytes(digits).expect("32 bytes");
        assert_eq!(&read[..4], [0x01, 0x23, 0x45, 0x67]);
        assert_eq!(&read[30..], [0xFF, 0x00]);
        assert_eq!(bytes(&digits[1..]), None);
        assert_eq!(bytes(&digits.replace("ff", "+f")), None);
        assert_eq!(bytes(""), None);
    }

    fn settings(arguments: &str) -> Settings<'_> {
        Settings {
            name: "attic",
            arguments,
        }
    }

    #[test]
    fn finds_a_value_by_its_whole_key() {
        let settings = settings("program shop=1  hop=2 ip=10.0.0.2/24");
        assert_eq!(settings.get("hop"), Some("2"));
        assert_eq!(settings.get("ip"), Some("10.0.0.2/24"));
    }

    #[test]
    fn takes_all_behind_the_first_equals_sign() {
        assert_eq!(settings("key=a=b").get("key"), Some("a=b"));
        assert_eq!(settings("key=").get("key"), Some(""));
    }

    #[test]
    fn has_no_value_for_a_word_without_one() {
        assert_eq!(settings("program key").get("key"), None);
        assert_eq!(settings("").get("key"), None);
    }
}
