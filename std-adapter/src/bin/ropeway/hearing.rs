//! What becomes of what peers say: a line each, and an echo.

use crate::line::Line;
use crate::target::news;
use crate::words::{Words, unhandled};
use ropeway_std::any::{Anything, Content};
use ropeway_std::{Handlers, Peer};

/// How it is taken.
#[derive(Clone, Copy)]
pub(crate) struct Manner {
    /// Calls are answered with what they say, messages said again.
    pub(crate) echo: bool,
    /// Nothing is printed.
    pub(crate) quiet: bool,
}

/// Handlers that print all that comes, each line begun by `sign`.
pub(crate) fn hearing<D: Anything>(
    words: Words,
    manner: Manner,
    sign: impl Fn(&mut Peer<'_, D>, Line) -> Line + Send + 'static,
) -> Handlers<D> {
    let mut handlers = Handlers::new();
    handlers.on_table::<Content>(move |peer, id, content| {
        let line = sign(peer, Line::default());
        if !manner.quiet {
            let line = line.with_some("call", id.is_some().then_some(true));
            line.and(words.show(&content)).print();
        }
        let done = match id {
            Some(id) if manner.echo => {
                peer.answer_any_soon(id, content.key.clone(), words.echo(&content));
                Ok(())
            }
            Some(id) => peer.refuse(id, &unhandled(&content.key)),
            None if manner.echo => peer.send(&content),
            None => Ok(()),
        };
        if let Err(error) = done {
            let key = content.key.to_string();
            news(
                Line::default()
                    .with("unsaid", key)
                    .with("error", error.to_string()),
            );
        }
    });
    handlers
}
