//! `ropeway send` and `ropeway call`: one message, one answer.

use crate::fault::{Fault, Kind};
use crate::line::Line;
use crate::replies::Replies;
use crate::said::Said;
use crate::target::{Errand, Reached, Target, call_fault, send_fault};
use crate::words::Words;
use clap::Args;
use ropeway_std::Handlers;
use ropeway_std::any::{Anything, Question};
use ropeway_std::call::CallError;
use ropeway_std::transport::Wakeable;
use std::sync::mpsc::channel;
use std::time::Instant;

/// What is said, and to whom.
#[derive(Args)]
pub(crate) struct Saying {
    #[command(flatten)]
    target: Target,
    /// The message: its name, or its code as 16 or 0x10
    message: String,
    /// What it says, as JSON: {"celsius":21.5}, or arguments such as [1,2]
    body: Option<String>,
    /// The body is bytes, in hex
    #[arg(long)]
    hex: bool,
}

/// A message.
#[derive(Args)]
pub(crate) struct Send {
    #[command(flatten)]
    saying: Saying,
}

/// A call.
#[derive(Args)]
pub(crate) struct Call {
    #[command(flatten)]
    saying: Saying,
}

impl Saying {
    fn said(&self) -> Result<Said, Fault> {
        Said::new(&self.message, self.body.as_deref(), self.hex)
    }
}

impl Send {
    pub(crate) fn run(self) -> Result<(), Fault> {
        let said = self.saying.said()?;
        self.saying.target.speech.words()?.content(&said)?;
        self.saying.target.run(Sending(said))
    }
}

impl Call {
    pub(crate) fn run(self) -> Result<(), Fault> {
        let said = self.saying.said()?;
        self.saying.target.speech.words()?.content(&said)?;
        self.saying.target.run(Calling(said))
    }
}

struct Sending(Said);

impl Errand for Sending {
    fn handlers<D: Anything>(&self, _: &Words, _: &Replies<D>) -> Handlers<D> {
        Handlers::new()
    }

    fn names(&self) -> Vec<String> {
        vec![self.0.key.to_string()]
    }

    fn run<D: Anything, T: Wakeable>(
        self,
        peer: &mut Reached<D, T>,
        words: &Words,
    ) -> Result<(), Fault> {
        let content = words.content(&self.0)?;
        match peer.node.send(&content) {
            Ok(()) => Ok(()),
            Err(ropeway_std::Error::Send(error)) => Err(send_fault(error)),
            Err(error) => Err(Fault::failed(error)),
        }
    }
}

struct Calling(Said);

impl Errand for Calling {
    fn handlers<D: Anything>(&self, _: &Words, _: &Replies<D>) -> Handlers<D> {
        Handlers::new()
    }

    fn run<D: Anything, T: Wakeable>(
        self,
        peer: &mut Reached<D, T>,
        words: &Words,
    ) -> Result<(), Fault> {
        let request = words.content(&self.0)?;
        let key = request.key.clone();
        let mut question = Question::new(request, peer.timeout);
        if words.is_repeatable(&key) {
            question = question.repeatable();
        }
        let (told, outcome) = channel();
        let asked = Instant::now();
        let then =
            move |_: &mut ropeway_std::Peer<'_, D>, answer| told.send(answer).unwrap_or_default();
        peer.node
            .peer()
            .ask_any(&question, then)
            .map_err(|error| call_fault(&error))?;
        let answer = loop {
            if let Ok(answer) = outcome.try_recv() {
                break answer;
            }
            // A lost link is the outcome of the call, and says more.
            if let Err(fault) = peer.turn(peer.timeout) {
                break match outcome.try_recv() {
                    Ok(Err(CallError::LinkLost)) | Err(_) => return Err(fault),
                    Ok(answer) => answer,
                };
            }
        };
        let answer = answer.map_err(|error| call_fault(&error))?;
        let line: Line = words.show_answer(&key, &answer);
        line.with("seconds", asked.elapsed().as_secs_f64()).print();
        match words.misread_answer(&key, &answer) {
            None => Ok(()),
            Some(why) => {
                let text = format!("the answer is not what the registry says: {why}");
                Err(Fault::new(Kind::Protocol, text).hint("both ends must mean the same message"))
            }
        }
    }
}
