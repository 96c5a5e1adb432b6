//! What happens at the hub: as a line, as JSON, and on the page.

use super::content::Shown;
use crate::line::Line;
use crate::output::plain;
use crate::protocol::Protocol;
use std::fmt::Write as _;
use std::io::{self, ErrorKind, Write as _};
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// One thing that happened.
#[derive(Clone, Debug)]
pub(crate) struct Happening {
    /// Milliseconds since 1970.
    pub(crate) at: u64,
    pub(crate) event: Kind,
    pub(crate) whose: Whose,
    /// Why, or how far.
    pub(crate) text: Option<String>,
    pub(crate) direction: Option<Direction>,
    pub(crate) said: Option<Shown>,
}

/// Which peer it is about, or which address.
#[derive(Clone, Debug, Default)]
pub(crate) struct Whose {
    pub(crate) peer: Option<u64>,
    /// What the peer calls itself.
    pub(crate) who: Option<String>,
    pub(crate) protocol: Option<Protocol>,
    pub(crate) address: Option<SocketAddr>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Listening,
    Page,
    Joined,
    Away,
    Back,
    Left,
    TurnedAway,
    Message,
    Request,
    Answer,
    File,
    Found,
    Lost,
    /// Something that went wrong, and that the hub goes on after.
    Trouble,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    In,
    Out,
}

impl Happening {
    pub(crate) fn new(event: Kind, whose: Whose) -> Self {
        Self {
            at: now(),
            event,
            whose,
            text: None,
            direction: None,
            said: None,
        }
    }

    pub(crate) fn text(mut self, text: impl ToString) -> Self {
        self.text = Some(text.to_string());
        self
    }

    pub(crate) fn said(mut self, direction: Direction, said: Shown) -> Self {
        self.direction = Some(direction);
        self.said = Some(said);
        self
    }

    /// As JSON: a message has the fields with which the other verbs print it.
    pub(crate) fn fields(&self) -> Line {
        let Whose {
            peer,
            who,
            protocol,
            address,
        } = &self.whose;
        let direction = self.direction.map(|direction| match direction {
            Direction::In => "in",
            Direction::Out => "out",
        });
        let line = Line::default()
            .with("at", self.at)
            .with("event", self.event.name().replace(' ', "_"))
            .with_some("peer", *peer)
            .with_some("who", who.as_deref())
            .with_some("protocol", protocol.map(|protocol| protocol.to_string()))
            .with_some("address", address.map(|address| address.to_string()))
            .with_some("text", self.text.as_deref())
            .with_some("direction", direction);
        match &self.said {
            Some(said) => line.and(said.fields.clone()),
            None => line,
        }
    }

    /// The same for people: what peers have said cannot move the cursor.
    pub(crate) fn line(&self) -> String {
        let mut line = self.event.name().to_owned();
        let Whose {
            peer,
            who,
            protocol,
            address,
        } = &self.whose;
        // Writing to a text never fails.
        let mut add = |part: &dyn std::fmt::Display| _ = write!(line, " {part}");
        if let Some(peer) = peer {
            add(&format_args!("#{peer}"));
        }
        if let Some(who) = who {
            add(&plain(who));
        }
        if self.said.is_none() {
            if let Some(protocol) = protocol {
                add(protocol);
            }
            if let Some(address) = address.filter(|_| self.event != Kind::Page) {
                add(&address);
            }
        }
        match self.direction {
            Some(Direction::In) => add(&"<"),
            Some(Direction::Out) => add(&">"),
            None => {}
        }
        if let Some(said) = &self.said {
            add(&plain(&said.title));
            add(&plain(&said.says()));
        }
        if let Some(text) = &self.text {
            line.push_str(": ");
            line.push_str(&plain(text));
        }
        line
    }
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Listening => "listening",
            Self::Page => "page",
            Self::Joined => "joined",
            Self::Away => "away",
            Self::Back => "back",
            Self::Left => "left",
            Self::TurnedAway => "turned away",
            Self::Message => "message",
            Self::Request => "request",
            Self::Answer => "answer",
            Self::File => "file",
            Self::Found => "found",
            Self::Lost => "lost",
            Self::Trouble => "trouble",
        }
    }
}

/// Prints what happens, a line each.
pub(crate) struct Printer {
    json: bool,
    out: Mutex<io::Stdout>,
    is_unheard: AtomicBool,
    error: Mutex<Option<io::Error>>,
}

impl Printer {
    pub(crate) fn new(json: bool) -> Self {
        Self {
            json,
            out: Mutex::new(io::stdout()),
            is_unheard: AtomicBool::new(false),
            error: Mutex::default(),
        }
    }

    pub(crate) fn print(&self, happening: &Happening) {
        let line = match self.json {
            true => happening.fields().to_string(),
            false => happening.line(),
        };
        let mut out = super::state::lock(&self.out);
        if let Err(error) = writeln!(out, "{line}").and_then(|()| out.flush()) {
            self.is_unheard.store(true, Ordering::Relaxed);
            if error.kind() != ErrorKind::BrokenPipe {
                *super::state::lock(&self.error) = Some(error);
            }
        }
    }

    /// What went wrong, if it is not that who read has gone.
    pub(crate) fn error(&self) -> Option<io::Error> {
        super::state::lock(&self.error).take()
    }

    /// Whether who read what is printed has gone.
    pub(crate) fn is_unheard(&self) -> bool {
        self.is_unheard.load(Ordering::Relaxed)
    }
}

/// Milliseconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_peer_says_cannot_steer_the_terminal() {
        let whose = Whose {
            peer: Some(3),
            who: Some("ro\x1B[2Jver\u{202E}".into()),
            ..Whose::default()
        };
        let line = Happening::new(Kind::Left, whose)
            .text("bye\nleft #4")
            .line();
        assert_eq!(line, r"left #3 ro\u{1b}[2Jver\u{202e}: bye\nleft #4");
    }
}
