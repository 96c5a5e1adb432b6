use super::{Aside, Handlers, Then};
use crate::call::{Caller, Refused, Waiter};
use crate::native::{Parting, Standing};
use crate::peer::Peer;
use ropeway_core::dialect::native::{Notice, Opening};
use ropeway_core::dialect::{Dialect, Kind, Refuses};
use ropeway_core::message::FailureKind;
use ropeway_core::registry::Rejected;
use ropeway_core::{Event, Malformed, Rule, file};

/// What is to be done once the event has been let go of.
enum Next<D: Dialect> {
    Run(usize, Option<D::CallId>),
    Go(Option<Box<dyn Waiter<D>>>),
    Then(Vec<Box<Then<D>>>, Option<(D::CallId, Refused)>),
    /// Nobody waits for the answers to these requests any more.
    Cancelled(Vec<Box<Then<D>>>, Vec<D::CallId>),
    Opened(Vec<Box<Then<D>>>, Opening),
    /// A frame of a file was taken, or breaks this rule.
    File(Option<file::Rule>),
}

/// Hands the next thing that the peer said to whoever is to get it, and says whether there was one.
///
/// Nothing is taken while the peer is owed an answer that found no room, but for what has become of the session: there may
/// be none before that is heard.
pub(crate) fn dispatch<D: Refuses>(
    peer: &mut Peer<'_, D>,
    handlers: &mut Handlers<D>,
    caller: &mut dyn Caller<D>,
) -> bool {
    match read(peer, handlers, caller) {
        Some(Next::Run(at, id)) => run(peer, handlers, at, id),
        Some(Next::Go(waiter)) => {
            if let Some(waiter) = waiter {
                waiter.run(peer);
            }
        }
        Some(Next::Then(then, refusal)) => {
            go_on(peer, then);
            if let Some((id, refused)) = refusal {
                let (mail, desk) = peer.parts();
                desk.refuse(mail, id, refused);
            }
        }
        Some(Next::Cancelled(then, cancelled)) => {
            go_on(peer, then);
            cancel(peer, handlers, cancelled);
        }
        Some(Next::Opened(then, opening)) => {
            go_on(peer, then);
            let lost = match opening {
                Opening::Fresh { .. } => {
                    let (mail, desk) = peer.parts();
                    let cancelled = desk.cancel_all();
                    let lost = desk.calls.begin_anew(mail, caller);
                    cancel(peer, handlers, cancelled);
                    lost
                }
                Opening::Resumed => Vec::new(),
            };
            handlers.tell_standing(peer, &Standing::of(opening));
            for waiter in lost {
                waiter.run(peer);
            }
        }
        Some(Next::File(None)) => {}
        Some(Next::File(Some(rule))) => {
            let rule = Rule::File(rule);
            let malformed = Malformed {
                rule,
                frame: 0,
                offset: 0,
            };
            let mut aside = Aside::of(peer);
            if let Some(otherwise) = &mut handlers.otherwise {
                otherwise(&mut aside, Event::Malformed(malformed));
            }
            go_on(peer, aside.then);
        }
        None => return false,
    }
    true
}

fn run<D: Refuses>(
    peer: &mut Peer<'_, D>,
    handlers: &mut Handlers<D>,
    at: usize,
    id: Option<D::CallId>,
) {
    let Some(handler) = handlers.handlers.get_mut(at) else {
        return;
    };
    if let Some(id) = id.filter(|_| handler.answers_later()) {
        let (mail, desk) = peer.parts();
        if !desk.admit(id) {
            handler.skip();
            return desk.refuse(mail, id, busy());
        }
    }
    handler.run(peer, id);
}

fn go_on<D: Dialect>(peer: &mut Peer<'_, D>, then: Vec<Box<Then<D>>>) {
    for then in then {
        then(peer);
    }
}

fn cancel<D: Dialect>(
    peer: &mut Peer<'_, D>,
    handlers: &mut Handlers<D>,
    cancelled: Vec<D::CallId>,
) {
    if let Some(handler) = &mut handlers.cancelled {
        for id in cancelled {
            handler(peer, id);
        }
    }
}

fn busy() -> Refused {
    let text = "as many requests are being answered as there may be";
    Refused::text(text).with_kind(FailureKind::Busy)
}

/// Reads the next thing where it lies.
fn read<D: Refuses>(
    peer: &mut Peer<'_, D>,
    handlers: &mut Handlers<D>,
    caller: &mut dyn Caller<D>,
) -> Option<Next<D>> {
    let (mail, desk) = peer.parts();
    desk.settle(mail);
    if !desk.owes_nothing() && !mail.dialect().has_notice() {
        return None;
    }
    let mut asked = None;
    let mut misread = None;
    let (mut opening, mut cancelled) = (None, None);
    let known = &mut handlers.handlers;
    let event = mail.recv_with(|mut envelope| {
        if let Kind::Request(id) = envelope.kind {
            asked = Some(id);
        }
        for (at, handler) in known.iter_mut().enumerate() {
            if handler.names(&envelope.key) {
                let key = envelope.key;
                match handler.read(envelope) {
                    Ok(()) => return Ok(at),
                    Err(Rejected::Unknown(unknown)) => envelope = unknown,
                    Err(malformed) => {
                        misread = asked.map(|_| key.to_string());
                        return Err(malformed);
                    }
                }
            }
        }
        Err(Rejected::Unknown(envelope))
    })?;
    if let Event::Message(_) | Event::Request(..) | Event::Answer(..) | Event::Unknown(_) = event {
        desk.count_taken();
    }
    let (event, refused) = match event {
        Event::Message(at) => return Some(Next::Run(at, None)),
        Event::Request(id, at) => return Some(Next::Run(at, Some(id))),
        Event::Answer(id, answer) => {
            return Some(Next::Go(desk.calls.answer(id, answer, caller)));
        }
        Event::Notice(notice) => {
            if let Some(notice) = D::as_native(&notice) {
                match *notice {
                    Notice::File(frame) if let Some(files) = desk.files() => {
                        return Some(Next::File(files.handle(&frame).err()));
                    }
                    Notice::Opened(opened) => {
                        desk.handle_opened(opened);
                        opening = Some(opened);
                    }
                    _ => {}
                }
                desk.note_parting(Parting::of(notice));
            }
            cancelled = D::cancelled(&notice);
            (Event::Notice(notice), None)
        }
        Event::Unknown(envelope) => {
            desk.refusals.unknown += 1;
            let refused = Refused::new("KeyError", format!("no handler for {}", envelope.key));
            let refused = refused.with_kind(FailureKind::Unhandled);
            (Event::Unknown(envelope), Some(refused))
        }
        Event::Malformed(malformed) => {
            desk.refusals.malformed += 1;
            let text = match misread {
                Some(key) => format!("{key}: {}", malformed.rule),
                None => malformed.rule.to_string(),
            };
            let refused = Refused::new("TypeError", text).with_kind(FailureKind::Malformed);
            desk.note_parting(Parting::of_malformed(&malformed));
            (Event::Malformed(malformed), Some(refused))
        }
    };
    let mut aside = Aside::new(desk.id, desk.address);
    if let Some(otherwise) = &mut handlers.otherwise {
        otherwise(&mut aside, event);
    }
    let Aside {
        then,
        answers_later,
        ..
    } = aside;
    if let Some(opening) = opening {
        return Some(Next::Opened(then, opening));
    }
    if let Some(id) = cancelled {
        let was_open = desk.cancelled(id);
        let cancelled = was_open.then_some(id).into_iter().collect();
        return Some(Next::Cancelled(then, cancelled));
    }
    let refusal = match asked {
        Some(id) if answers_later && desk.admit(id) => None,
        Some(id) if answers_later => Some((id, busy())),
        _ => asked.zip(refused),
    };
    Some(Next::Then(then, refusal))
}
