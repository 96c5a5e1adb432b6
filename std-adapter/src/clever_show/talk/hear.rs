//! What the peer says.

use super::Talk;
use crate::clever_show::calls::{FileThen, Pending, Then};
use crate::clever_show::files::Receiving;
use crate::clever_show::handlers::Handler;
use crate::clever_show::queue::{Outgoing, Source};
use crate::clever_show::{Event, FileError, Handlers, What};
use crate::waits::Deadline;
use ropeway_core::dialect::clever_show::{Body, CallId, FILE, File, Notice};
use ropeway_core::dialect::{Envelope, Kind};
use ropeway_core::registry::Rejected;

/// What is to be done once the receive buffer has been let go of.
enum Next<'h> {
    Nothing,
    Run(&'h mut Box<dyn Handler>, String, Option<CallId>),
    Answered(Pending),
    File(FileThen, Result<u64, FileError>),
    Tell(What),
}

impl Talk {
    /// Takes the next thing that the peer said, and says whether there was one.
    pub(super) fn step(&mut self, handlers: &mut Handlers) -> bool {
        match self.look(handlers) {
            None => return false,
            Some(Next::Nothing) => {}
            Some(Next::Run(handler, name, id)) => {
                if let Err(refused) = handler.run(self, id) {
                    self.tell(What::Refused { name, refused });
                }
            }
            Some(Next::Answered(pending)) => match pending.then {
                Then::Value(waiter) => waiter.run(self),
                Then::File { then, .. } => then(self, Err(FileError::NotAFile)),
            },
            Some(Next::File(then, outcome)) => then(self, outcome),
            Some(Next::Tell(what)) => self.tell(what),
        }
        true
    }

    fn look<'h>(&mut self, handlers: &'h mut Handlers) -> Option<Next<'h>> {
        use ropeway_core::Event as Said;
        let Self {
            link,
            calls,
            queue,
            receiving,
            settings,
            events,
            peer,
            ..
        } = self;
        let mut found = None;
        let mut wanted = None;
        let event = link.as_mut()?.messenger.recv_with(|envelope| {
            let Some(handler) = handlers.find(envelope.kind, envelope.key) else {
                return match (envelope.kind, envelope.key, envelope.body, &settings.serve) {
                    (Kind::Request(_), FILE, Body::Arguments(arguments), Some(root)) => {
                        let Wanted { filepath } = arguments.read().map_err(Rejected::Malformed)?;
                        wanted = Some((root.clone(), filepath));
                        Ok(())
                    }
                    (kind, key, body, _) => Err(Rejected::Unknown(Envelope { kind, key, body })),
                };
            };
            let name = envelope.key.to_owned();
            match envelope.body {
                Body::Arguments(arguments) => {
                    handler.read(arguments).map_err(Rejected::Malformed)?;
                    found = Some((handler, name));
                    Ok(())
                }
                Body::Value(_) => Err(Rejected::Unknown(envelope)),
            }
        })?;
        Some(match event {
            Said::Message(()) => run(found, None),
            Said::Request(id, ()) => match wanted {
                Some((root, filepath)) => {
                    queue.push_file(Outgoing::new(Source::Served { root, id }, filepath));
                    Next::Nothing
                }
                None => run(found, Some(id)),
            },
            Said::Answer(id, envelope) => match calls.answered(id, envelope.key) {
                Some(mut pending) => {
                    if let (Then::Value(waiter), Body::Value(value)) =
                        (&mut pending.then, envelope.body)
                    {
                        waiter.take(Ok(value));
                    }
                    Next::Answered(pending)
                }
                // Nobody waits for it any more.
                None => Next::Nothing,
            },
            Said::Unknown(envelope) => {
                let name = envelope.key.to_owned();
                let id = match envelope.kind {
                    Kind::Request(id) => Some(id),
                    _ => None,
                };
                Next::Tell(What::Unknown { name, id })
            }
            Said::Malformed(malformed) => Next::Tell(What::Malformed(malformed)),
            Said::Notice(Notice::Begin { file, len }) => {
                let begun = match file {
                    File::Message { path } => Receiving::message(settings, path, len),
                    File::Answer { id, name } => match calls.get(id) {
                        Some(pending) if pending.name == name => {
                            Receiving::answer(id, pending, len)
                        }
                        _ => None,
                    },
                    File::Unknown => None,
                };
                let Some(mut file) = begun else {
                    return Some(Next::Nothing);
                };
                let event = file.event();
                *receiving = Some(file);
                Next::Tell(What::File(event))
            }
            Said::Notice(Notice::Part(part)) => match receiving {
                Some(file) => {
                    if let Some(pending) = file.call().and_then(|id| calls.get(id)) {
                        pending.deadline = Deadline::after(pending.timeout);
                    }
                    match file.write(part) {
                        true => Next::Tell(What::File(file.event())),
                        false => Next::Nothing,
                    }
                }
                None => Next::Nothing,
            },
            Said::Notice(Notice::End) => match receiving.take() {
                Some(file) => {
                    let call = file.call();
                    let (event, outcome) = file.finish();
                    events.extend(event.map(|event| Event {
                        peer: *peer,
                        what: What::File(event),
                    }));
                    match call.and_then(|id| calls.remove(id)).map(|call| call.then) {
                        Some(Then::File { then, .. }) => Next::File(then, outcome),
                        _ => Next::Nothing,
                    }
                }
                None => Next::Nothing,
            },
            Said::Notice(Notice::Ignored) => Next::Nothing,
        })
    }
}

fn run<'h>(found: Option<(&'h mut Box<dyn Handler>, String)>, id: Option<CallId>) -> Next<'h> {
    match found {
        Some((handler, name)) => Next::Run(handler, name, id),
        None => Next::Nothing,
    }
}

/// The arguments of a request for a file.
#[derive(serde::Deserialize)]
struct Wanted {
    filepath: String,
}
