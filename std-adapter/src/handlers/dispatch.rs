use super::{Aside, Handlers, Then};
use crate::call::{Caller, Refused, Waiter};
use crate::peer::Peer;
use ropeway_core::Event;
use ropeway_core::dialect::{Dialect, Kind, Refuses};
use ropeway_core::registry::Rejected;

/// What is to be done once the event has been let go of.
enum Next<D: Dialect> {
    Run(usize, Option<D::CallId>),
    Go(Option<Box<dyn Waiter<D>>>),
    Then(Vec<Box<Then<D>>>, Option<(D::CallId, Refused)>),
}

/// Hands the next thing that the peer said to whoever is to get it, and says whether there was one.
///
/// Nothing is taken while the peer is owed an answer that found no room.
pub(crate) fn dispatch<D: Refuses>(
    peer: &mut Peer<'_, D>,
    handlers: &mut Handlers<D>,
    caller: &mut dyn Caller<D>,
) -> bool {
    match read(peer, handlers, caller) {
        Some(Next::Run(at, id)) => {
            if let Some(handler) = handlers.handlers.get_mut(at) {
                handler.run(peer, id);
            }
        }
        Some(Next::Go(waiter)) => {
            if let Some(waiter) = waiter {
                waiter.run(peer);
            }
        }
        Some(Next::Then(then, refusal)) => {
            for then in then {
                then(peer);
            }
            if let Some((id, refused)) = refusal {
                let (mail, desk) = peer.parts();
                desk.refuse(mail, id, refused);
            }
        }
        None => return false,
    }
    true
}

/// Reads the next thing where it lies.
fn read<D: Refuses>(
    peer: &mut Peer<'_, D>,
    handlers: &mut Handlers<D>,
    caller: &mut dyn Caller<D>,
) -> Option<Next<D>> {
    let (mail, desk) = peer.parts();
    desk.settle(mail);
    if !desk.owes_nothing() {
        return None;
    }
    let mut asked = None;
    let mut misread = None;
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
    let (event, refused) = match event {
        Event::Message(at) => return Some(Next::Run(at, None)),
        Event::Request(id, at) => return Some(Next::Run(at, Some(id))),
        Event::Answer(id, answer) => {
            return Some(Next::Go(desk.calls.answer(id, answer, caller)));
        }
        Event::Notice(notice) => (Event::Notice(notice), None),
        Event::Unknown(envelope) => {
            let refused = Refused::new("KeyError", format!("no handler for {}", envelope.key));
            (Event::Unknown(envelope), Some(refused))
        }
        Event::Malformed(malformed) => {
            let text = match misread {
                Some(key) => format!("{key}: {}", malformed.rule),
                None => malformed.rule.to_string(),
            };
            let refused = Refused::new("TypeError", text);
            (Event::Malformed(malformed), Some(refused))
        }
    };
    let mut aside = Aside {
        id: desk.id,
        address: desk.address,
        then: Vec::new(),
        answers_later: false,
    };
    if let Some(otherwise) = &mut handlers.otherwise {
        otherwise(&mut aside, event);
    }
    let refusal = asked.zip(refused).filter(|_| !aside.answers_later);
    Some(Next::Then(aside.then, refusal))
}
