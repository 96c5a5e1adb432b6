use super::incoming::Progress;
use super::outgoing::Accepted;
use super::table::{Due, Entry, Outcome, Part, Space};
use super::{By, Event, Frame, NotTaken, Reason, Rule, Side, Sink, Slot, Store, Transfers};
use super::{Checksum, check_name};

/// What comes in.
impl<F: Store, S: AsRef<[Slot<F>]> + AsMut<[Slot<F>]>> Transfers<F, S> {
    /// Takes a file frame from the peer. What the application has to decide is returned; what has ended by it
    /// comes from [`poll_event`](Self::poll_event).
    ///
    /// Frames that have crossed the end of their transfer are dropped without a word.
    pub fn handle<'f>(&mut self, frame: Frame<'f>) -> Result<Option<Event<'f>>, NotTaken> {
        let taken = self.take(frame);
        if matches!(taken, Err(NotTaken::Rule(_))) {
            self.malformed = self.malformed.wrapping_add(1);
        }
        self.table.settle();
        self.grant();
        taken
    }

    fn take<'f>(&mut self, frame: Frame<'f>) -> Result<Option<Event<'f>>, NotTaken> {
        match frame {
            Frame::Offer {
                file,
                ask,
                size,
                tag,
                name,
            } => {
                self.peer_files.expect(file)?;
                let offer = Offer {
                    file,
                    size,
                    tag,
                    name,
                    name_crc: F::Checksum::extend(0, name.as_bytes()),
                };
                let event = match ask {
                    0 => self.take_offer(offer)?,
                    ask => self.take_answer(ask, offer)?,
                };
                self.peer_files.draw(file);
                return Ok(event);
            }
            Frame::Ask { ask, name } => {
                self.peer_asks.expect(ask)?;
                let event = self.take_ask(ask, name)?;
                self.peer_asks.draw(ask);
                return Ok(event);
            }
            Frame::Accept {
                file,
                offset,
                limit,
            } => self.take_accept(file, offset, limit)?,
            Frame::Credit {
                file,
                offset,
                limit,
            } => self.take_credit(file, offset, limit)?,
            Frame::Chunk {
                file,
                offset,
                bytes,
            } => self.take_chunk(file, offset, bytes)?,
            Frame::Done { file, crc } => self.take_done(file, crc)?,
            Frame::Verified { file } => self.take_verified(file)?,
            Frame::Stop { id, side, reason } => self.take_stop(id, side, reason)?,
        }
        Ok(None)
    }

    /// An offer that answers no request.
    fn take_offer<'f>(&mut self, offer: Offer<'f>) -> Result<Option<Event<'f>>, NotTaken> {
        if self.goes_on(&offer) {
            return Ok(None);
        }
        let part = Part::Offered {
            asked: None,
            name_crc: offer.name_crc,
        };
        let (part, due) = match check_name(offer.name) {
            Ok(()) => (part, Due::Nothing),
            Err(_) => (Part::Over(None), Due::Stop(Reason::NameNotAllowed)),
        };
        if !self.table.has_room() || !self.turned_files.is_empty() {
            return match self.turned_files.push(offer.file) {
                true => Ok(None),
                false => Err(NotTaken::Later),
            };
        }
        let file = self.draw_file();
        let mut entry = Entry::new(file, part, due).named(Space::PeerFile, offer.file);
        (entry.size, entry.tag) = (offer.size, offer.tag);
        self.table.insert(entry);
        Ok((due == Due::Nothing).then(|| offer.event(file)))
    }

    /// An offer that answers a request.
    fn take_answer<'f>(&mut self, ask: u32, offer: Offer<'f>) -> Result<Option<Event<'f>>, Rule> {
        let entry = self.table.find(Space::OwnAsk, ask);
        let entry = entry.ok_or(Rule::UnknownAsk { ask })?;
        (entry.space, entry.id) = (Space::PeerFile, offer.file);
        if matches!(entry.part, Part::Unwanted) {
            entry.part = Part::Over(None);
            entry.due = Due::Stop(Reason::Cancelled);
            return Ok(None);
        }
        if entry.offers_same(&offer) {
            entry.go_on(&offer);
            return Ok(None);
        }
        let asked = match core::mem::replace(&mut entry.part, Part::Unwanted) {
            Part::Asking(name) => Some(name),
            Part::Incoming(mut incoming) => {
                incoming.sink.abandon(Reason::Changed);
                incoming.name
            }
            _ => None,
        };
        if check_name(offer.name).is_err() {
            entry.stop(Reason::NameNotAllowed);
            return Ok(None);
        }
        let name_crc = offer.name_crc;
        entry.part = Part::Offered { asked, name_crc };
        (entry.size, entry.tag) = (offer.size, offer.tag);
        Ok(Some(offer.event(entry.file)))
    }

    fn take_ask<'f>(&mut self, ask: u32, name: &'f str) -> Result<Option<Event<'f>>, NotTaken> {
        if !self.table.has_room() || !self.turned_asks.is_empty() {
            return match self.turned_asks.push(ask) {
                true => Ok(None),
                false => Err(NotTaken::Later),
            };
        }
        let file = self.draw_file();
        let (part, due) = match check_name(name) {
            Ok(()) => (Part::Asked, Due::Nothing),
            Err(_) => (Part::Over(None), Due::Stop(Reason::NameNotAllowed)),
        };
        self.table
            .insert(Entry::new(file, part, due).named(Space::PeerAsk, ask));
        Ok((due == Due::Nothing).then_some(Event::Asked { file, name }))
    }

    fn take_accept(&mut self, file: u32, offset: u64, limit: u64) -> Result<(), Rule> {
        let Some(entry) = self.own_file(file)? else {
            return Ok(());
        };
        let Part::Outgoing(outgoing) = &mut entry.part else {
            return Ok(());
        };
        match outgoing.accepted {
            Accepted::Yes => Err(Rule::AcceptedTwice { file }),
            // A CREDIT of a newer transport has overtaken it and said more.
            Accepted::ByCredit => {
                outgoing.accepted = Accepted::Yes;
                Ok(())
            }
            Accepted::No => {
                check_statement(offset, limit, entry.size)?;
                outgoing.accepted = Accepted::Yes;
                entry.start_at(offset, limit);
                Ok(())
            }
        }
    }

    fn take_credit(&mut self, file: u32, offset: u64, limit: u64) -> Result<(), Rule> {
        let Some(entry) = self.own_file(file)? else {
            return Ok(());
        };
        let size = entry.size;
        let Part::Outgoing(outgoing) = &mut entry.part else {
            return Ok(());
        };
        check_statement(offset, limit, size)?;
        if outgoing.stated {
            let sent = outgoing.sent();
            if offset > sent {
                return Err(Rule::Unsent { offset, sent });
            }
            outgoing.confirm(offset, limit.min(size));
            return Ok(());
        }
        if outgoing.accepted == Accepted::No {
            outgoing.accepted = Accepted::ByCredit;
        }
        entry.start_at(offset, limit);
        Ok(())
    }

    fn take_chunk(&mut self, file: u32, offset: u64, bytes: &[u8]) -> Result<(), NotTaken> {
        let Some(entry) = self.peer_file(file)? else {
            return Ok(());
        };
        let size = entry.size;
        let incoming = match &mut entry.part {
            Part::Incoming(incoming) => incoming,
            Part::Over(_) => return Ok(()),
            _ => return Err(Rule::NotAccepted { file }.into()),
        };
        let progress = incoming.write(offset, bytes, size)?;
        if matches!(progress, Progress::Later) {
            return Err(NotTaken::Later);
        }
        entry.note(progress);
        Ok(())
    }

    fn take_done(&mut self, file: u32, crc: u32) -> Result<(), Rule> {
        let Some(entry) = self.peer_file(file)? else {
            return Ok(());
        };
        let incoming = match &mut entry.part {
            Part::Incoming(incoming) => incoming,
            Part::Over(_) => return Ok(()),
            _ => return Err(Rule::NotAccepted { file }),
        };
        if incoming.done.is_some() {
            return Err(Rule::DoneTwice { file });
        }
        // It may come before chunks that are sent again after a lost transport.
        incoming.done = Some(crc);
        let progress = incoming.end(entry.size);
        entry.note(progress);
        Ok(())
    }

    fn take_verified(&mut self, file: u32) -> Result<(), Rule> {
        let Some(entry) = self.own_file(file)? else {
            return Ok(());
        };
        let Part::Outgoing(outgoing) = &entry.part else {
            return Ok(());
        };
        if !outgoing.done {
            return Err(Rule::NotDone { file });
        }
        entry.end(Outcome::Sent);
        Ok(())
    }

    fn take_stop(&mut self, id: u32, side: Side, reason: Reason) -> Result<(), Rule> {
        let entry = match side {
            Side::Sender => self.peer_file(id)?,
            Side::Receiver => self.own_file(id)?,
            Side::Asked => {
                let entry = self.table.find(Space::OwnAsk, id);
                Some(entry.ok_or(Rule::UnknownAsk { ask: id })?)
            }
        };
        let Some(entry) = entry else {
            return Ok(());
        };
        match &mut entry.part {
            // Both have ended it at once.
            Part::Over(_) => return Ok(()),
            Part::Unwanted => {
                entry.part = Part::Over(None);
                return Ok(());
            }
            Part::Incoming(incoming) => incoming.sink.abandon(reason),
            _ => {}
        }
        entry.end(Outcome::Stopped(reason, By::Peer));
        Ok(())
    }

    /// A file that was offered here; `None` if it is over.
    fn own_file(&mut self, file: u32) -> Result<Option<&mut Entry<F>>, Rule> {
        let is_known = self.own_files.contains(file);
        match self.table.find(Space::OwnFile, file) {
            None if !is_known => Err(Rule::UnknownFile { file }),
            entry => Ok(entry),
        }
    }

    /// A file that the peer has offered; `None` if it is over.
    fn peer_file(&mut self, file: u32) -> Result<Option<&mut Entry<F>>, Rule> {
        let is_known = self.peer_files.contains(file);
        match self.table.find(Space::PeerFile, file) {
            None if !is_known => Err(Rule::UnknownFile { file }),
            entry => Ok(entry),
        }
    }

    /// Whether a file that was accepted in an older session goes on by this offer; others of its name end.
    fn goes_on(&mut self, offer: &Offer<'_>) -> bool {
        let mut has_gone_on = false;
        for entry in self.table.iter_mut() {
            let is_same = entry.offers_same(offer);
            let Some(sink) = entry.waiting_sink(offer.name_crc) else {
                continue;
            };
            if is_same && !has_gone_on {
                entry.go_on(offer);
                has_gone_on = true;
                continue;
            }
            let reason = match is_same {
                true => Reason::Cancelled,
                false => Reason::Changed,
            };
            sink.abandon(reason);
            entry.end(Outcome::Stopped(reason, By::Here));
        }
        has_gone_on
    }
}

/// An OFFER, and the CRC of its name.
struct Offer<'a> {
    file: u32,
    size: u64,
    tag: u64,
    name: &'a str,
    name_crc: u32,
}

impl<'a> Offer<'a> {
    const fn event(&self, file: super::FileId) -> Event<'a> {
        Event::Offered {
            file,
            name: self.name,
            size: self.size,
            tag: self.tag,
        }
    }
}

impl<F: Store> Entry<F> {
    /// Whether it is under way here and the offer is of the same version.
    fn offers_same(&self, offer: &Offer<'_>) -> bool {
        match &self.part {
            Part::Incoming(incoming) => {
                (incoming.name_crc, self.size, self.tag) == (offer.name_crc, offer.size, offer.tag)
            }
            _ => false,
        }
    }

    /// The sink of a file of this name that was accepted in an older session and not offered in this one.
    fn waiting_sink(&mut self, name_crc: u32) -> Option<&mut F::Sink> {
        let is_free = self.space == Space::None && self.due == Due::Nothing;
        match &mut self.part {
            Part::Incoming(incoming) if is_free && incoming.name_crc == name_crc => {
                Some(&mut incoming.sink)
            }
            _ => None,
        }
    }

    /// Accepts the offer on the strength of an older one.
    const fn go_on(&mut self, offer: &Offer<'_>) {
        self.space = Space::PeerFile;
        self.id = offer.file;
        self.due = Due::Accept;
    }

    /// The receiver has stated where to start, the first time on this transport.
    fn start_at(&mut self, offset: u64, limit: u64) {
        let Part::Outgoing(outgoing) = &mut self.part else {
            return;
        };
        if outgoing.has_changed(self.size, self.tag) {
            self.stop(Reason::Changed);
            return;
        }
        outgoing.start_at(offset, limit.min(self.size));
        self.note_end();
    }
}

/// An offset lies within the content, and the limit not before it.
const fn check_statement(offset: u64, limit: u64, size: u64) -> Result<(), Rule> {
    if offset > size {
        return Err(Rule::BeyondSize { end: offset, size });
    }
    if limit < offset {
        return Err(Rule::Limit { limit, offset });
    }
    Ok(())
}
