use super::{Event, PeerId, Peers};
use crate::desk::Desk;
use crate::native::Parting;
use crate::peer::{Peer, Place};
use ropeway_core::dialect::Dialect;
use ropeway_core::dialect::native::{Notice, Opening};
use ropeway_core::registry::Registry;
use ropeway_core::{Event as Said, Malformed, Rule, file};

/// How peers speak, when the program asks one by one.
impl<D: Dialect> Peers<D> {
    pub(super) fn next_speaker(&mut self) -> Option<PeerId> {
        while let Some(id) = self.speakers.pop_front() {
            if let Some(connection) = self.connection(id) {
                connection.flags.is_speaker = false;
                if connection.may_speak() || connection.has_file_news() {
                    self.heard += 1;
                    return Some(id);
                }
                self.activate(id);
            }
        }
        None
    }

    /// Whether so much has been heard since the hub looked at its links that it is to look again first.
    pub(super) const fn has_heard_enough(&self) -> bool {
        self.heard >= self.limits.burst
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
        let desk = connection.desk.as_mut()?;
        if let Some(news) = desk.take_file_news() {
            return Some(Event::File(id, news));
        }
        let said = connection.mail.recv()?;
        if let Said::Message(_) | Said::Request(..) | Said::Answer(..) | Said::Unknown(_) = said {
            desk.count_taken();
        }
        if let Said::Answer(call, answer) = said {
            self.answered = desk.calls.answer(call, answer, &mut ());
            return Some(Event::Answered(id));
        }
        if let Said::Notice(notice) = &said
            && let Some(request) = D::cancelled(notice)
        {
            desk.cancelled(request);
        }
        if let Said::Notice(notice) = &said
            && let Some(notice) = D::as_native(notice)
        {
            desk.note_parting(Parting::of(notice));
            match *notice {
                Notice::File(frame) if let Some(files) = desk.files() => {
                    let taken = files.handle(&frame);
                    return Some(file_event(id, taken, desk));
                }
                Notice::Opened(opening) => {
                    desk.handle_opened(opening);
                    self.begins_anew = matches!(opening, Opening::Fresh { .. });
                }
                _ => {}
            }
        }
        match &said {
            Said::Unknown(_) => desk.refusals.unknown += 1,
            Said::Malformed(malformed) => {
                desk.refusals.malformed += 1;
                desk.note_parting(Parting::of_malformed(malformed));
            }
            _ => {}
        }
        Some(Event::Said(id, said))
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
            desk.cancel_all();
            for waiter in desk.calls.begin_anew(mail, &mut ()) {
                waiter.run(&mut Peer::new(Place::Among(self, id)));
            }
        }
        self.note_open(id);
        self.finish_look(id, true);
    }
}

/// What is told of a frame of a file.
fn file_event<'a, D: Dialect, R>(
    id: PeerId,
    taken: Result<(), file::Rule>,
    desk: &mut Desk<D>,
) -> Event<'a, D, R> {
    match (taken, desk.take_file_news()) {
        (Err(rule), _) => Event::Said(
            id,
            Said::Malformed(Malformed {
                rule: Rule::File(rule),
                frame: 0,
                offset: 0,
            }),
        ),
        (Ok(()), Some(news)) => Event::File(id, news),
        (Ok(()), None) => Event::Filed(id),
    }
}
