//! `ropeway connect`: a conversation with one peer, a line a message.

use crate::fault::Fault;
use crate::hearing::{Manner, hearing};
use crate::input::Input;
use crate::interrupt::Interrupt;
use crate::line::Line;
use crate::replies::Replies;
use crate::said::{Said, Spoken};
use crate::span::span;
use crate::target::{Errand, Reached, Target, call_fault, news, send_fault};
use crate::words::Words;
use clap::Args;
use ropeway_std::any::{Anything, Question};
use ropeway_std::transport::Wakeable;
use ropeway_std::{Handlers, SendError};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Says what comes on standard input, and prints what the peer says.
#[derive(Args)]
pub(crate) struct Connect {
    #[command(flatten)]
    target: Target,
    /// How long to go on listening once the input has ended, in seconds
    #[arg(long, short, default_value = "0", value_parser = span)]
    wait: Duration,
    #[command(flatten)]
    manner: Manner,
}

impl Connect {
    pub(crate) fn run(self) -> Result<(), Fault> {
        let Self {
            target,
            wait,
            manner,
        } = self;
        let interrupt = Interrupt::listen()?;
        target.run(Conversation {
            wait,
            manner,
            interrupt,
        })
    }
}

struct Conversation {
    wait: Duration,
    manner: Manner,
    interrupt: Interrupt,
}

impl Errand for Conversation {
    fn handlers<D: Anything>(&self, words: &Words, replies: &Replies<D>) -> Handlers<D> {
        hearing(words.clone(), self.manner, replies.clone(), |_, line| line)
    }

    fn tells_news(&self) -> bool {
        true
    }

    fn run<D: Anything, T: Wakeable>(
        self,
        peer: &mut Reached<D, T>,
        words: &Words,
    ) -> Result<(), Fault> {
        let handle = peer.node.handle(64);
        let waking = handle.clone();
        self.interrupt
            .wakes(move || waking.post(|_| ()).unwrap_or_default());
        // A wake-up that finds no room has others before it.
        let mut input = Input::begin(move || handle.post(|_| ()).unwrap_or_default());
        let under_way = Arc::new(AtomicUsize::new(0));
        let mut was_wrong = false;
        let mut end = None;
        while !self.interrupt.has_come() {
            while let Some(line) = input.peek() {
                let text = line.text().map_err(Unsaid::Wrong);
                match text.and_then(|text| speak(peer, words, text, &under_way)) {
                    Ok(()) => {}
                    Err(Unsaid::Full) => break,
                    Err(Unsaid::Wrong(fault)) => {
                        let error = Line::default().with("error", fault.to_string());
                        news(error.with("line", line.shown()));
                        was_wrong = true;
                    }
                }
                input.take();
            }
            let is_quiet = input.has_ended() && under_way.load(Ordering::Relaxed) == 0;
            if is_quiet {
                let end = *end.get_or_insert_with(|| Instant::now() + self.wait);
                if end <= Instant::now() {
                    break;
                }
            }
            let left = end.map_or(Duration::MAX, |end| {
                end.saturating_duration_since(Instant::now())
            });
            peer.turn(left)?;
        }
        match was_wrong {
            true => Err(Fault::input("not every line of the input was said")),
            false => Ok(()),
        }
    }
}

/// Why a line was not said.
enum Unsaid {
    /// There is no room now.
    Full,
    Wrong(Fault),
}

fn speak<D: Anything, T: Wakeable>(
    peer: &mut Reached<D, T>,
    words: &Words,
    line: &str,
    under_way: &Arc<AtomicUsize>,
) -> Result<(), Unsaid> {
    match Spoken::read(line).map_err(Unsaid::Wrong)? {
        Spoken::Said(said) => say(peer, words, &said, under_way),
        Spoken::Reply(number, given) => {
            let call = peer.replies.take(number).map_err(Unsaid::Wrong)?;
            match words.answer(&call.key, &given) {
                Ok(body) => {
                    peer.node.peer().answer_any_soon(call.id, call.key, body);
                    Ok(())
                }
                Err(fault) => {
                    peer.replies.put_back(number, call);
                    Err(Unsaid::Wrong(fault))
                }
            }
        }
    }
}

fn say<D: Anything, T: Wakeable>(
    peer: &mut Reached<D, T>,
    words: &Words,
    said: &Said,
    under_way: &Arc<AtomicUsize>,
) -> Result<(), Unsaid> {
    let content = words.content(said).map_err(Unsaid::Wrong)?;
    let unsent = |error| match error {
        SendError::Full => Unsaid::Full,
        error => Unsaid::Wrong(send_fault(error)),
    };
    if !said.is_call {
        return peer.node.peer().send(&content).map_err(unsent);
    }
    let (words, key) = (words.clone(), content.key.clone());
    let waiting = under_way.clone();
    let question = Question::new(content, peer.timeout);
    let asked = peer.node.peer().ask_any(&question, move |_, answer| {
        waiting.fetch_sub(1, Ordering::Relaxed);
        let line = Line::default().with("answer_to", key.to_string());
        match answer {
            Ok(answer) => line.and(words.show_answer(&key, &answer)).print(),
            Err(error) => line.with("error", error.to_string()).print(),
        }
    });
    match asked {
        Ok(_) => {
            under_way.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
        Err(
            ropeway_std::call::CallError::Send(SendError::Full)
            | ropeway_std::call::CallError::TooMany,
        ) => Err(Unsaid::Full),
        Err(error) => Err(Unsaid::Wrong(call_fault(&error))),
    }
}
