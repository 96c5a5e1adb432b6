use super::incoming::Progress;
use super::outgoing::Step;
use super::table::{Due, Entry, Outcome, Part, Space};
use super::window::Window;
use super::{Event, FileId, Frame, Next, Reason, Side, Slot, Store, Transfers};

/// The frame that was given out last and may or may not have been queued.
#[derive(Clone, Copy)]
pub(super) enum Polled {
    TurnedFile,
    TurnedAsk,
    Of {
        file: FileId,
        due: Due,
        /// The id under which the frame offers or asks.
        id: u32,
        /// The credit in the frame.
        limit: u64,
    },
}

/// What is to be sent, and to be known.
impl<F: Store, S: AsRef<[Slot<F>]> + AsMut<[Slot<F>]>> Transfers<F, S> {
    /// The next frame to queue, until there is none; never a chunk.
    ///
    /// The same frame, or what has become of it, is given out again until [`frame_sent`](Self::frame_sent): a full
    /// outbox loses nothing. Sequenced frames ([`Frame::is_sequenced`]) must be queued in the order they are given
    /// out. Sinks that were busy with a commit are asked again here.
    pub fn poll_frame(&mut self) -> Option<Frame<'_>> {
        self.commit_again();
        if let Some(frame) = self.poll_turned() {
            return Some(frame);
        }
        let at = self.next_due()?;
        let (window, ids) = (self.window(), (self.own_files.next(), self.own_asks.next()));
        let entry = self.table.peek(at)?;
        let (frame, id, limit) = frame_of(entry, ids, window)?;
        self.polled = Some(Polled::Of {
            file: entry.file,
            due: entry.due,
            id,
            limit,
        });
        Some(frame)
    }

    /// The frame that [`poll_frame`](Self::poll_frame) gave out last was queued. Call it straight after.
    pub fn frame_sent(&mut self) {
        match self.polled.take() {
            None => {}
            Some(Polled::TurnedFile) => self.turned_files.pop(),
            Some(Polled::TurnedAsk) => self.turned_asks.pop(),
            Some(Polled::Of {
                file,
                due,
                id,
                limit,
            }) => self.note_sent(file, due, id, limit),
        }
    }

    /// Writes the next chunk to the front of `slot` as a whole frame, read straight from its source.
    ///
    /// Transfers take turns, and each call reads one source once. A slot of 15 bytes is the smallest that holds
    /// anything; give one of [`Config::chunk`](super::Config::chunk) and 18 bytes where there is room.
    pub fn poll_chunk(&mut self, slot: &mut [u8]) -> Next {
        let len = self.table.len();
        for at in (self.turn..len).chain(0..self.turn.min(len)) {
            let most = u64::from(self.config.chunk);
            let next = self.table.at(at).map(|entry| step(entry, most, slot));
            if let Some(next @ (Next::Chunk(_) | Next::Again)) = next {
                self.turn = at.saturating_add(1);
                return next;
            }
        }
        Next::Idle
    }

    /// What has ended, until there is nothing: [`Event::Received`], [`Event::Sent`] and [`Event::Stopped`].
    pub fn poll_event(&mut self) -> Option<Event<'static>> {
        let event = self.table.iter_mut().find_map(|entry| {
            let file = entry.file;
            let Part::Over(outcome) = &mut entry.part else {
                return None;
            };
            Some(match outcome.take()? {
                Outcome::Received => Event::Received { file },
                Outcome::Sent => Event::Sent { file },
                Outcome::Stopped(reason, by) => Event::Stopped { file, reason, by },
            })
        });
        self.table.settle();
        event
    }

    /// The entry whose frame goes next: what ends or goes on before what begins, so that who gives a file up and
    /// offers it again says so in this order; then the oldest.
    fn next_due(&self) -> Option<usize> {
        let due = (0..self.table.len()).filter_map(|at| {
            let entry = self.table.peek(at)?;
            let begins = matches!(entry.due, Due::Offer | Due::Ask);
            let age = entry.file.0.wrapping_sub(self.next_file);
            (entry.due != Due::Nothing).then_some((begins, age, at))
        });
        due.min().map(|(_, _, at)| at)
    }

    fn poll_turned(&mut self) -> Option<Frame<'static>> {
        let reason = Reason::Busy;
        if let Some(id) = self.turned_files.peek() {
            self.polled = Some(Polled::TurnedFile);
            let side = Side::Receiver;
            return Some(Frame::Stop { id, side, reason });
        }
        let id = self.turned_asks.peek()?;
        self.polled = Some(Polled::TurnedAsk);
        let side = Side::Asked;
        Some(Frame::Stop { id, side, reason })
    }

    fn note_sent(&mut self, file: FileId, due: Due, id: u32, limit: u64) {
        // What was given out takes its id even if nobody here cares any more.
        match due {
            Due::Offer => self.own_files.draw(id),
            Due::Ask => self.own_asks.draw(id),
            _ => {}
        }
        let Some(entry) = self.table.file(file).filter(|entry| entry.due == due) else {
            return;
        };
        entry.due = Due::Nothing;
        match (due, &mut entry.part) {
            (Due::Offer, _) => (entry.space, entry.id) = (Space::OwnFile, id),
            (Due::Ask, _) => (entry.space, entry.id) = (Space::OwnAsk, id),
            (Due::Accept | Due::Credit, Part::Incoming(incoming)) => incoming.limit = limit,
            (Due::Done, Part::Outgoing(outgoing)) => outgoing.done = true,
            // What it gives up is for the others.
            (Due::Stop(_), _) => self.grant(),
            _ => {}
        }
        self.table.settle();
    }

    /// Has more credit given to those that want some.
    pub(super) fn grant(&mut self) {
        if self.is_lost {
            return;
        }
        let window = self.window();
        for entry in self.table.iter_mut() {
            if let Part::Incoming(incoming) = &entry.part
                && entry.space == Space::PeerFile
                && entry.due == Due::Nothing
                && incoming.wants_credit(&window, entry.size)
            {
                entry.due = Due::Credit;
            }
        }
    }

    fn window(&self) -> Window {
        let files = self.table.iter().filter_map(|entry| match &entry.part {
            Part::Incoming(incoming)
                if entry.space == Space::PeerFile && incoming.written.len < entry.size =>
            {
                Some(incoming)
            }
            _ => None,
        });
        Window::new(self.config.window, files)
    }

    fn commit_again(&mut self) {
        for entry in self.table.iter_mut() {
            if let Part::Incoming(incoming) = &mut entry.part {
                let progress = incoming.end(entry.size);
                entry.note(progress);
            }
        }
    }
}

impl<F: Store> Entry<F> {
    /// Draws the consequences of what the sink has done.
    pub(super) fn note(&mut self, progress: Progress) {
        match progress {
            Progress::More | Progress::Later => {}
            Progress::Whole => {
                self.part = Part::Over(Some(Outcome::Received));
                self.due = Due::Verified;
            }
            Progress::Failed(reason) => self.stop(reason),
        }
    }

    /// Says DONE if it is time to; stops if the content is not what was offered.
    pub(super) fn note_end(&mut self) {
        let Part::Outgoing(outgoing) = &self.part else {
            return;
        };
        if !outgoing.is_at_end(self.size) {
            return;
        }
        if outgoing.has_changed(self.size, self.tag) {
            self.stop(Reason::Changed);
        } else {
            self.due = Due::Done;
        }
    }
}

fn step<F: Store>(entry: &mut Entry<F>, most: u64, slot: &mut [u8]) -> Next {
    let Part::Outgoing(outgoing) = &mut entry.part else {
        return Next::Idle;
    };
    let step = outgoing.step(entry.id, most, slot);
    let next = match step {
        Ok(Step::Idle) => return Next::Idle,
        Ok(Step::Chunk(len)) => Next::Chunk(len),
        Ok(Step::Read) => Next::Again,
        Err(reason) => {
            entry.stop(reason);
            return Next::Again;
        }
    };
    entry.note_end();
    next
}

/// The frame that is due, the id it is given under if it is a new one, and the credit in it.
fn frame_of<F: Store>(
    entry: &Entry<F>,
    (next_file, next_ask): (u32, u32),
    window: Window,
) -> Option<(Frame<'_>, u32, u64)> {
    let (id, size, tag) = (entry.id, entry.size, entry.tag);
    Some(match (entry.due, &entry.part) {
        (Due::Offer, Part::Outgoing(outgoing)) => {
            let offer = Frame::Offer {
                file: next_file,
                ask: outgoing.ask,
                size,
                tag,
                name: outgoing.name.as_ref(),
            };
            (offer, next_file, 0)
        }
        (Due::Ask, part) => {
            let name = match part {
                Part::Asking(name) => name,
                Part::Incoming(incoming) => incoming.name.as_ref()?,
                _ => return None,
            };
            let (ask, name) = (next_ask, name.as_ref());
            (Frame::Ask { ask, name }, next_ask, 0)
        }
        (Due::Accept, Part::Incoming(incoming)) => {
            let (offset, limit) = (
                incoming.written.len,
                incoming.next_limit(window.of(incoming), size),
            );
            let accept = Frame::Accept {
                file: id,
                offset,
                limit,
            };
            (accept, id, limit)
        }
        (Due::Credit, Part::Incoming(incoming)) => {
            let (offset, limit) = (
                incoming.written.len,
                incoming.next_limit(window.of(incoming), size),
            );
            let credit = Frame::Credit {
                file: id,
                offset,
                limit,
            };
            (credit, id, limit)
        }
        (Due::Done, Part::Outgoing(outgoing)) => {
            let crc = outgoing.read.crc;
            (Frame::Done { file: id, crc }, id, 0)
        }
        (Due::Verified, _) => (Frame::Verified { file: id }, id, 0),
        (Due::Stop(reason), _) => {
            let side = match entry.space {
                Space::PeerFile => Side::Receiver,
                Space::PeerAsk => Side::Asked,
                Space::OwnFile | Space::OwnAsk | Space::None => Side::Sender,
            };
            (Frame::Stop { id, side, reason }, id, 0)
        }
        _ => return None,
    })
}
