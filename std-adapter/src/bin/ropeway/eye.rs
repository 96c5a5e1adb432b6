//! Watches a link by the protocol that is named, or that it looks like.

use ropeway_std::watch::{Direction, Guess, Protocol, Seen, Watcher, guess};

/// What an eye tells.
pub(crate) enum Told {
    /// The link looks like this, and is watched by it from here on, if it can be.
    Guessed(Guess),
    /// It looks like nothing known: what follows is not looked at.
    Unknown,
    /// Bytes that say something.
    Seen(Seen),
}

/// Watches one link.
pub(crate) struct Eye {
    state: State,
    /// What to take it for if it looks like nothing.
    usual: Option<Protocol>,
    pub(crate) frames: u64,
    pub(crate) malformed: u64,
    /// Directions that ended within a frame.
    pub(crate) cut_off: u64,
}

enum State {
    /// What has come, until it looks like something.
    Guessing(Vec<(Direction, Vec<u8>)>),
    Watching(Box<Watcher>),
    Blind,
}

impl Eye {
    /// An eye for a link of this protocol, or of one that it looks like, or else of the `usual` one.
    pub(crate) fn new(protocol: Option<Protocol>, usual: Option<Protocol>) -> Self {
        let state = match protocol {
            Some(protocol) => State::Watching(Box::new(Watcher::new(protocol))),
            None => State::Guessing(Vec::new()),
        };
        Self {
            state,
            usual,
            frames: 0,
            malformed: 0,
            cut_off: 0,
        }
    }

    /// Looks at the next bytes of a direction.
    pub(crate) fn see(&mut self, direction: Direction, bytes: &[u8], told: &mut dyn FnMut(Told)) {
        match &mut self.state {
            State::Watching(_) => self.watch(direction, bytes, told),
            State::Blind => {}
            State::Guessing(kept) => {
                match kept.last_mut() {
                    Some((last, said)) if *last == direction => said.extend(bytes),
                    _ => kept.push((direction, bytes.to_vec())),
                }
                self.guess(false, told);
            }
        }
    }

    /// A direction has ended.
    pub(crate) fn end(&mut self, direction: Direction, told: &mut dyn FnMut(Told)) {
        self.guess(true, told);
        if let State::Watching(watcher) = &mut self.state {
            watcher.end(direction, &mut |seen| {
                self.cut_off += 1;
                told(Told::Seen(seen));
            });
        }
    }

    /// Tells what the link looks like, once it does or cannot any more.
    fn guess(&mut self, is_all: bool, told: &mut dyn FnMut(Told)) {
        let State::Guessing(kept) = &mut self.state else {
            return;
        };
        let Some((_, first)) = kept.first() else {
            return;
        };
        let is_enough = is_all || kept.iter().map(|(_, said)| said.len()).sum::<usize>() >= ENOUGH;
        // The answer may look like something where the question does not.
        let guessed = kept.iter().find_map(|(_, said)| guess(said));
        let usual = self.usual.map(Guess::Protocol);
        let guessed = match guessed {
            // Little of it may look like anything.
            Some(guessed) if is_all || first.len() >= FEW || kept.len() > 1 => Some(guessed),
            _ if is_enough => guessed.or(usual),
            _ => return,
        };
        let kept = std::mem::take(kept);
        let Some(guessed) = guessed else {
            self.state = State::Blind;
            return told(Told::Unknown);
        };
        told(Told::Guessed(guessed));
        match guessed.protocol() {
            Some(protocol) => self.state = State::Watching(Box::new(Watcher::new(protocol))),
            None => self.state = State::Blind,
        }
        for (direction, said) in kept {
            self.watch(direction, &said, told);
        }
    }

    fn watch(&mut self, direction: Direction, bytes: &[u8], told: &mut dyn FnMut(Told)) {
        let State::Watching(watcher) = &mut self.state else {
            return;
        };
        watcher.see(direction, bytes, &mut |seen| {
            match seen {
                Seen::Frame(_) => self.frames += 1,
                Seen::Malformed(_) => self.malformed += 1,
            }
            told(Told::Seen(seen));
        });
    }
}

/// How many bytes are enough to say that they look like nothing.
const ENOUGH: usize = 4096;

/// Less than this is waited for more, unless the other side has said something too.
const FEW: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn told(eye: &mut Eye, bytes: &[u8]) -> String {
        let mut words = String::new();
        eye.see(Direction::Forth, bytes, &mut |told| word(&told, &mut words));
        words
    }

    fn word(told: &Told, words: &mut String) {
        *words += &match told {
            Told::Guessed(guess) => format!("{guess};"),
            Told::Unknown => "unknown;".to_owned(),
            Told::Seen(Seen::Frame(frame)) => format!("{};", frame.title),
            Told::Seen(Seen::Malformed(malformed)) => format!("{malformed};"),
        };
    }

    #[test]
    fn takes_a_link_for_what_it_looks_like() {
        let mut eye = Eye::new(None, None);
        assert_eq!(told(&mut eye, b"[\"Msg"), "");
        assert_eq!(told(&mut eye, b"Join\",{}]\n"), "cable_car JSON;message;");
        assert_eq!((eye.frames, eye.malformed), (1, 0));
    }

    #[test]
    fn takes_what_looks_like_nothing_for_the_usual() {
        let mut eye = Eye::new(None, Some(Protocol::Native));
        assert_eq!(told(&mut eye, &[4, 0x10, 1]), "");
        let mut words = String::new();
        eye.end(Direction::Forth, &mut |told| word(&told, &mut words));
        assert!(
            words.starts_with("the native protocol;stream ends"),
            "{words}"
        );
        let mut eye = Eye::new(None, None);
        assert_eq!(told(&mut eye, &[0; 4095]), "");
        assert_eq!(told(&mut eye, &[0; 1]), "unknown;");
        assert_eq!(told(&mut eye, b"[\"MsgJoin\",{}]\n"), "");
    }

    #[test]
    fn foreign_protocols_are_named_and_not_watched() {
        let mut eye = Eye::new(None, Some(Protocol::Native));
        assert_eq!(told(&mut eye, b"GET / HTTP/1.1\r\n\r\n"), "HTTP;");
        assert_eq!(told(&mut eye, b"GET / HTTP/1.1\r\n\r\n"), "");
    }
}
