//! How a link stands, as its handlers hear it.

use crate::line::Line;
use crate::target::news;
use ropeway_std::any::Anything;
use ropeway_std::native;
use ropeway_std::{Error, Event, Handlers};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What has been heard of a link.
#[derive(Debug)]
pub(crate) struct Standing {
    tells: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    has_opened: bool,
    lost: Option<Lost>,
    said: Option<String>,
    malformed: u64,
    resumed: u64,
}

/// Why there is no link.
#[derive(Clone, Debug)]
pub(crate) struct Lost {
    kind: io::ErrorKind,
    text: String,
}

impl Standing {
    pub(crate) fn new(tells: bool) -> Self {
        let state = Mutex::default();
        Self { tells, state }
    }

    /// Has the handlers tell it.
    pub(crate) fn listen<D: Anything>(self: &Arc<Self>, handlers: &mut Handlers<D>) {
        let here = self.clone();
        handlers.standing(move |_, standing| here.note(standing));
        let here = self.clone();
        handlers.otherwise(move |_, event| match event {
            Event::Malformed(malformed) => {
                let text = malformed.to_string();
                if here.tells {
                    news(Line::default().with("malformed", text.as_str()));
                }
                let mut state = here.state();
                state.malformed += 1;
                state.said = Some(text);
            }
            Event::Notice(notice) => here.state().said = Some(format!("{notice:?}")),
            Event::Unknown(envelope) if here.tells => {
                news(Line::default().with("unknown", envelope.key.to_string()));
            }
            _ => {}
        });
    }

    fn note(&self, standing: &native::Standing<'_>) {
        let mut state = self.state();
        match standing {
            native::Standing::Fresh { cause, in_doubt } => {
                state.has_opened = true;
                if self.tells {
                    let line = Line::default().with("link", "open");
                    let cause =
                        (*cause != native::Cause::FirstContact).then(|| format!("{cause:?}"));
                    let in_doubt = (*in_doubt > 0).then_some(*in_doubt);
                    news(
                        line.with_some("cause", cause)
                            .with_some("in_doubt", in_doubt),
                    );
                }
            }
            native::Standing::Resumed => {
                state.has_opened = true;
                state.resumed += 1;
                if self.tells {
                    news(Line::default().with("link", "resumed"));
                }
            }
            native::Standing::Lost { why, retry_in } => {
                if self.tells && state.has_opened {
                    let line = Line::default()
                        .with("link", "lost")
                        .with("why", why.to_string());
                    news(line.with("retry_in", retry_in.as_secs_f64()));
                }
                state.lost = Some(Lost::of(why));
            }
            _ => {}
        }
    }

    /// Whether a session has begun.
    pub(crate) fn is_open(&self) -> bool {
        self.state().has_opened
    }

    /// Why the last attempt failed, if one has.
    pub(crate) fn lost(&self) -> Option<Lost> {
        self.state().lost.clone()
    }

    /// What the peer said last that was no message.
    pub(crate) fn said(&self) -> Option<String> {
        self.state().said.clone()
    }

    /// Whether something came that breaks a rule.
    pub(crate) fn has_malformed(&self) -> bool {
        self.state().malformed > 0
    }

    /// How often the session went on over another link.
    pub(crate) fn resumed(&self) -> u64 {
        self.state().resumed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lost {
    fn of(why: &Error) -> Self {
        let kind = match why {
            Error::Transport(error) => error.0.kind(),
            Error::Closed => io::ErrorKind::ConnectionReset,
            _ => io::ErrorKind::Other,
        };
        let text = match why {
            Error::Ended(why) => why.to_string(),
            other => other.to_string(),
        };
        Self { kind, text }
    }

    pub(crate) const fn kind(&self) -> io::ErrorKind {
        self.kind
    }
}

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}
