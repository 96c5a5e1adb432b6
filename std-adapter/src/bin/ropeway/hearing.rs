//! What becomes of what peers say: a line each, and an answer.

use crate::line::Line;
use crate::replies::{Replies, Waiting};
use crate::target::news;
use crate::words::{Words, busy, unhandled};
use clap::Args;
use ropeway_std::any::{Anything, Content};
use ropeway_std::{Handlers, Peer};

/// How it is taken.
#[derive(Args, Clone, Copy)]
pub(crate) struct Manner {
    /// Answer calls with what they say, and say each message again
    #[arg(long, conflicts_with = "reply")]
    echo: bool,
    /// Leave calls to the input: the one printed with "call":7 is answered by {"reply":7,"body":…}
    #[arg(long)]
    reply: bool,
    /// Print nothing of what peers say
    #[arg(long, short)]
    quiet: bool,
}

/// Handlers that print all that comes, each line begun by `sign`.
pub(crate) fn hearing<D: Anything>(
    words: Words,
    manner: Manner,
    replies: Replies<D>,
    sign: impl Fn(&mut Peer<'_, D>, Line) -> Line + Send + 'static,
) -> Handlers<D> {
    let mut handlers = Handlers::new();
    handlers.on_table::<Content>(move |peer, id, content| {
        let line = sign(peer, Line::default());
        let waiting = |id| {
            let (peer, key) = (peer.id(), content.key.clone());
            replies.open(Waiting { peer, id, key })
        };
        let number = id.filter(|_| manner.reply).map(waiting);
        if !manner.quiet {
            let line = match number {
                Some(number) => line.with_some("call", number),
                None => line.with_some("call", id.is_some().then_some(true)),
            };
            line.and(words.show(&content)).print();
        }
        let done = match (id, number) {
            (Some(_), Some(Some(_))) => Ok(()),
            (Some(id), Some(None)) => peer.refuse(id, &busy()),
            (Some(id), None) if manner.echo => {
                peer.answer_any_soon(id, content.key.clone(), words.echo(&content));
                Ok(())
            }
            (Some(id), None) => peer.refuse(id, &unhandled(&content.key)),
            (None, _) if manner.echo => peer.send(&content),
            (None, _) => Ok(()),
        };
        if let Err(error) = done {
            let key = words.title(&content.key);
            news(
                Line::default()
                    .with("unsaid", key)
                    .with("error", error.to_string()),
            );
        }
    });
    handlers
}
