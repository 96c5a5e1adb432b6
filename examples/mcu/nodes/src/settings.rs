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
}

#[cfg(test)]
mod tests {
    use super::Settings;

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
