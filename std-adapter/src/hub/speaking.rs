use super::{Event, PeerId, Peers};
use crate::peer::{Peer, Place};
use ropeway_core::Event as Said;
use ropeway_core::dialect::Dialect;
use ropeway_core::dialect::native::{Notice, Opening};
use ropeway_core::registry::Registry;

/// How peers speak, when the program asks one by one.
impl<D: Dialect> Peers<D> {
    pub(super) fn next_speaker(&mut self) -> Option<PeerId> {
        while let Some(id) = self.speakers.pop_front() {
            if let Some(connection) = self.connection(id) {
                connection.flags.is_speaker = false;
                if connection.may_speak() {
                    return Some(id);
                }
                self.activate(id);
            }
        }
        None
    }

    /// Has those who wait to speak served by handlers instead.
    pub(super) fn wake_speakers(&mut self) {
        self.after_speech();
        while let Some(id) = self.speakers.pop_front() {
            if let Some(connection) = self.connection(id) {
                connection.flags.is_speaker = false;
            }
            self.activate(id);
        }
    }

    /// What a peer has to say, as an event.
    pub(super) fn listen_to<'a, R: Registry<'a, D>>(
        &'a mut self,
        id: PeerId,
    ) -> Option<Event<'a, D, R>> {
        self.current = Some(id);
        self.parts(id)?;
        let slot = self.slots.get_mut(id.slot as usize)?;
        let connection = slot.connection.as_deref_mut()?;
        match connection.mail.recv()? {
            ropeway_core::Event::Answer(call, answer) => {
                let desk = connection.desk.as_mut()?;
                self.answered = desk.calls.answer(call, answer, &mut ());
                Some(Event::Answered(id))
            }
            said => {
                if let Said::Notice(notice) = &said
                    && let Some(Notice::Opened(Opening::Fresh { .. })) = D::as_native(notice)
                {
                    self.begins_anew = true;
                }
                Some(Event::Said(id, said))
            }
        }
    }

    /// Goes on with the peer whose event has been let go of.
    pub(super) fn after_speech(&mut self) {
        let answered = self.answered.take();
        let Some(id) = self.current.take() else {
            return;
        };
        if let Some(waiter) = answered
            && self.connection(id).is_some()
        {
            waiter.run(&mut Peer::new(Place::Among(self, id)));
        }
        if std::mem::take(&mut self.begins_anew)
            && let Some((mail, desk)) = self.parts(id)
        {
            for waiter in desk.calls.begin_anew(mail, &mut ()) {
                waiter.run(&mut Peer::new(Place::Among(self, id)));
            }
        }
        self.note_open(id);
        self.finish_look(id, true);
    }
}
