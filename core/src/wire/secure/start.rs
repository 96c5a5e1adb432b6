use super::handshake::{Handshake, MESSAGE};
use super::key::{Keys, Secret};
use super::records::{self, Records};
use super::refusal::Refusal;
use super::{Secure, Side, State, opening, refusal};
use crate::buf::{Outbox, Storage};
use crate::wire::{Fault, SECURE};

/// The fewest bytes that a secure wire needs each way: those of the longest opening.
pub const LEAST_MEMORY: usize = opening::MAX_LEN + MESSAGE;

const NO_MEMORY: Fault = Fault::Memory {
    least: LEAST_MEMORY,
};

/// How a wire opens: on a new transport, and with what has been received there.
impl<K: Keys, I: Storage, O: Storage> Secure<K, I, O> {
    pub(super) fn start(&mut self, random: Secret) {
        let started = if self.input.limit().min(self.outbox.limit()) < LEAST_MEMORY {
            Err(NO_MEMORY)
        } else if self.side == Side::Listener {
            self.id = None;
            self.state = State::Listening(random);
            Ok(())
        } else {
            self.dial_now(random)
        };
        self.fault = started.err();
    }

    pub(super) fn go_on(&mut self) {
        let gone_on = match self.state {
            State::Listening(_) => self.read_opening(),
            State::Dialling(_) => self.read_answer(),
            State::Closed | State::Refusing | State::Open(_) => return,
        };
        let Err(fault) = gone_on else {
            return;
        };
        self.fault = Some(fault);
        self.state = State::Closed;
        if self.side == Side::Listener {
            let refused = append(&mut self.outbox, refusal::MAX_LEN, |slot| {
                refusal::emit(fault, slot)
            });
            if refused.is_ok() {
                self.state = State::Refusing;
            }
        }
    }

    fn dial_now(&mut self, random: Secret) -> Result<(), Fault> {
        let id = self.id.as_ref().ok_or(Fault::UnknownKey)?;
        let key = self.keys.key(id.as_bytes()).ok_or(Fault::UnknownKey)?;
        let stated = records::stated_limit(&self.input);
        let mut begun = None;
        append(&mut self.outbox, LEAST_MEMORY, |slot| {
            let len = opening::emit(id, slot)?;
            let (prologue, rest) = slot.split_at_mut_checked(len)?;
            let mut handshake = Handshake::new(prologue, key, random);
            *rest.first_chunk_mut()? = handshake.send_first(stated)?;
            begun = Some(handshake);
            Some(len + MESSAGE)
        })?;
        self.state = State::Dialling(begun.ok_or(NO_MEMORY)?);
        Ok(())
    }

    fn read_opening(&mut self) -> Result<(), Fault> {
        let State::Listening(random) = &self.state else {
            return Ok(());
        };
        let Some(opening) = opening::parse(self.input.as_slice())? else {
            return Ok(());
        };
        let id = opening.id;
        let key = self.keys.key(id.as_bytes()).ok_or(Fault::UnknownKey)?;
        let Some(first) = opening.rest.first_chunk() else {
            return Ok(());
        };
        let mut handshake = Handshake::new(opening.prologue, key, random.clone());
        let theirs = handshake.receive_first(first).ok_or(Fault::WrongKey)?;
        records::check_limit(theirs)?;
        let ours = records::stated_limit(&self.input);
        append(&mut self.outbox, 1 + MESSAGE, |slot| {
            let (byte, rest) = slot.split_first_mut()?;
            *byte = SECURE;
            *rest.first_chunk_mut()? = handshake.send_second(first, ours)?;
            Some(1 + MESSAGE)
        })?;
        let len = opening.prologue.len() + MESSAGE;
        let (dialler, listener) = handshake.split();
        self.state = State::Open(Records::new(listener, dialler, theirs, &self.outbox));
        self.id = Some(id);
        self.input.consume(len);
        Ok(())
    }

    fn read_answer(&mut self) -> Result<(), Fault> {
        let State::Dialling(handshake) = &mut self.state else {
            return Ok(());
        };
        let second = match self.input.as_slice() {
            [SECURE, rest @ ..] => rest.first_chunk(),
            other => match refusal::parse(other) {
                Refusal::More => None,
                Refusal::Bye(reason) => return Err(Fault::Refused { reason }),
                Refusal::Other => return Err(Fault::NotSecure),
            },
        };
        let Some(second) = second else {
            return Ok(());
        };
        let theirs = handshake.receive_second(second).ok_or(Fault::WrongAnswer)?;
        records::check_limit(theirs)?;
        let (dialler, listener) = handshake.split();
        self.state = State::Open(Records::new(dialler, listener, theirs, &self.outbox));
        self.input.consume(1 + MESSAGE);
        Ok(())
    }
}

/// Appends what `write` puts into `room` bytes, which the opening has for itself.
fn append(
    outbox: &mut Outbox<impl Storage>,
    room: usize,
    write: impl FnOnce(&mut [u8]) -> Option<usize>,
) -> Result<(), Fault> {
    match outbox.append(room, |slot| write(slot).ok_or(NO_MEMORY)) {
        Some(appended) => appended,
        None => Err(NO_MEMORY),
    }
}
