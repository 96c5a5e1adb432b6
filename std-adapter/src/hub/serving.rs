use super::connection::{Connection, NEVER, Stage};
use super::handle::Handle;
use super::listening::Listening;
use super::peers::{FIRST_LISTENER, FIRST_PEER, WOKEN};
use super::{News, PeerId, Peers, Reason};
use crate::peer::{Peer, Place};
use mio::Token;
use ropeway_core::Instant;
use ropeway_core::dialect::Dialect;
use std::io;
use std::time::Duration;

/// What the hub does with its peers.
impl<D: Dialect> Peers<D> {
    pub(super) fn handle(&self) -> Handle<D> {
        Handle {
            posts: self.posts.clone(),
        }
    }

    pub(super) fn tell(&mut self, news: News) {
        self.refusals.note(&news);
        self.news.push_back(news);
    }

    pub(super) fn has_news(&self) -> bool {
        !self.news.is_empty()
    }

    pub(super) fn take_news(&mut self) -> Option<News> {
        self.news.pop_front()
    }

    pub(super) fn take_stop(&self) -> bool {
        self.posts.take_stop()
    }

    pub(super) fn take_wake(&self) -> bool {
        self.posts.take_stop() | self.posts.take_wake()
    }

    /// Whoever asked to be noticed has been.
    pub(super) fn forget_wake(&self) {
        self.posts.take_wake();
    }

    pub(super) const fn burst(&self) -> usize {
        self.limits.burst
    }

    pub(super) fn active(&self) -> usize {
        self.active.len()
    }

    /// The next peer that has something to do; it counts as served until the look at it is finished.
    pub(super) fn next_active(&mut self) -> Option<PeerId> {
        while let Some(id) = self.active.pop_front() {
            if let Some(connection) = self.connection(id) {
                connection.flags.is_active = false;
                self.current = Some(id);
                return Some(id);
            }
        }
        None
    }

    /// Waits for something to happen, and notes for whom; says whether anything did.
    pub(super) fn wait(&mut self, timeout: Duration) -> io::Result<bool> {
        // Whose handler panicked still has the rest to do.
        if let Some(id) = self.current.take() {
            self.activate(id);
        }
        self.heard = 0;
        let is_busy = self.is_busy();
        let timeout = match is_busy {
            true => Duration::ZERO,
            false => timeout.min(self.next_timeout()),
        };
        let timeout = Some(timeout).filter(|timeout| *timeout < Duration::MAX);
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        let happened = !self.events.is_empty();
        self.note_events();
        self.accept();
        let now = self.clock.now();
        while let Some((at, id)) = self.timers.poll(now) {
            if let Some(connection) = self.connection(id)
                && connection.timer == at
            {
                connection.timer = NEVER;
                self.activate(id);
            }
        }
        self.release_memory(now);
        Ok(happened || is_busy)
    }

    /// How long nothing happens by time alone.
    pub(super) fn idle_for(&self) -> Duration {
        match self.is_busy() || self.has_news() {
            true => Duration::ZERO,
            false => self.next_timeout(),
        }
    }

    /// Whether there is something to do at once.
    fn is_busy(&self) -> bool {
        let mut listeners = self.listeners.iter();
        listeners.any(Listening::may_accept) || !self.active.is_empty() || self.posts.has_some()
    }

    fn next_timeout(&self) -> Duration {
        let again = self
            .listeners
            .iter()
            .filter_map(|listening| listening.again);
        let warm = self.warm.front().map(|(at, _)| *at);
        let next = again.chain(self.timers.next()).chain(warm).min();
        next.map_or(Duration::MAX, |next| next - self.clock.now())
    }

    fn note_events(&mut self) {
        for event in &self.events {
            let Token(token) = event.token();
            if token == WOKEN.0 {
                continue;
            }
            if token % 2 == FIRST_LISTENER % 2 {
                let mut listeners = self.listeners.iter_mut();
                let is_it = |listening: &&mut Listening| {
                    listening.id.0 as usize * 2 + FIRST_LISTENER == token
                };
                if let Some(listening) = listeners.find(is_it) {
                    listening.is_ready = true;
                }
                continue;
            }
            let at = token / 2 - FIRST_PEER / 2;
            let Some(slot) = self.slots.get_mut(at) else {
                continue;
            };
            if let Some(connection) = slot.connection.as_deref_mut() {
                connection.note(event);
                if !std::mem::replace(&mut connection.flags.is_active, true) {
                    self.active.push_back(connection.info.id);
                }
            }
        }
    }

    /// Does what other threads have asked for by now.
    pub(super) fn do_posts(&mut self) -> bool {
        let posts = self.posts.clone();
        let waiting = posts.len();
        for job in (0..waiting).map_while(|_| posts.take()) {
            job(self);
        }
        waiting > 0
    }

    /// Moves one peer's bytes, and ends its calls whose time has passed.
    pub(super) fn pump(&mut self, id: PeerId) {
        let now = self.clock.now();
        if let Some(connection) = self.connection(id) {
            connection.pump(now);
        }
        if D::HAS_SESSIONS {
            self.receive(id);
        }
        self.note_open(id);
        while let Some(connection) = self.connection(id) {
            let dialect = connection.mail.dialect_mut();
            let Some(desk) = &mut connection.desk else {
                break;
            };
            match desk.calls.poll_timeout(now, dialect) {
                Some(Some(waiter)) => waiter.run(&mut Peer::new(Place::Among(self, id))),
                Some(None) => {}
                None => break,
            }
        }
    }

    /// Tells that a peer has joined or is back, if its link has just become open.
    pub(super) fn note_open(&mut self, id: PeerId) -> bool {
        let clock = self.clock;
        let Some(connection) = self.connection(id) else {
            return false;
        };
        let opens = connection.flags.is_opening
            && matches!(connection.stage, Stage::Going)
            && connection.mail.dialect().is_open();
        if opens {
            connection.flags.is_opening = false;
            connection.until = NEVER;
            if let Some(redials) = connection.redials() {
                redials.handle_opened(clock.now());
            }
            let info = connection.info;
            let is_back = std::mem::replace(&mut connection.flags.has_joined, true);
            match connection.tally() {
                Some(tally) if is_back => tally.resumed += 1,
                Some(tally) => tally.joined = clock.now(),
                None => {}
            }
            self.tell(match is_back {
                true => News::Back(info),
                false => News::Joined(info),
            });
        }
        opens
    }

    /// Writes what handlers have said, if there may be no room for more of it.
    pub(super) fn make_room(&mut self, id: PeerId) {
        let (clock, plenty) = (self.clock, self.limits.queue / 2);
        if let Some(connection) = self.connection(id)
            && connection.mail.queued() >= plenty
        {
            connection.write(clock.now());
        }
    }

    pub(super) fn may_speak(&mut self, id: PeerId) -> bool {
        self.connection(id).is_some_and(Connection::may_speak)
    }

    /// Ends the look at a peer: lets out what is queued, ends the link if that has come, and notes when to look
    /// again. Its messages wait to be asked for if `by_next`.
    pub(super) fn finish_look(&mut self, id: PeerId, by_next: bool) {
        self.current = None;
        let (now, limits) = (self.clock.now(), self.limits);
        let Some(connection) = self.connection(id) else {
            return;
        };
        let refusals = connection.take_refusals();
        connection.settle();
        if connection.mail.has_output() || connection.may_move_files() {
            connection.pump(now);
        }
        connection.advance(now, &limits);
        self.refusals.add(refusals);
        if self.note_open(id) {
            return self.activate(id);
        }
        let Some(connection) = self.connection(id) else {
            return;
        };
        match connection.stage {
            Stage::Over(_) if connection.may_resume() => self.detach(id),
            Stage::Over(_) => return self.remove(id),
            Stage::Away if connection.until <= now => self.end_absence(id),
            _ => {}
        }
        if D::HAS_SESSIONS {
            self.note_sessions(id);
        }
        let Some(connection) = self.connection(id) else {
            return;
        };
        let speaks = by_next && (connection.may_speak() || connection.has_file_news());
        let to_speak = speaks && !std::mem::replace(&mut connection.flags.is_speaker, true);
        let has_work = connection.has_work() && !speaks;
        connection.tally_look(now);
        let next = connection.next_timeout(now, &limits);
        let is_earlier = next < connection.timer;
        if is_earlier {
            connection.timer = next;
        }
        let cools = !has_work && !std::mem::replace(&mut connection.flags.is_warm, true);
        if !has_work {
            // The next peer finds it where the processor has it at hand.
            connection.mail.release_usual_memory();
        }
        if to_speak {
            self.speakers.push_back(id);
        }
        if is_earlier {
            self.timers.set(next, id);
        }
        if cools {
            self.warm.push_back((now + WARM, id));
        }
        if has_work {
            self.activate(id);
        }
    }

    /// Gives back the memory of those who have been silent for a while.
    fn release_memory(&mut self, now: Instant) {
        while let Some((_, id)) = self.warm.pop_front_if(|(at, _)| *at <= now) {
            if let Some(connection) = self.connection(id) {
                let again = connection.heard + WARM;
                if again > now {
                    self.warm.push_back((again, id));
                    continue;
                }
                connection.flags.is_warm = false;
                connection.mail.release_memory();
                let desk = connection.desk.take_if(|desk| desk.is_blank());
                if self.desks.len() < DESKS {
                    self.desks.extend(desk);
                }
            }
        }
    }

    pub(super) fn stop_listening(&mut self) {
        self.listeners.clear();
    }

    /// Ends every link once all that is queued has been written, and says for how many peers without one something was.
    pub(super) fn close_all(&mut self) -> usize {
        self.after_speech();
        // Who shuts down has a deadline of its own.
        let by = self.clock.now() + Duration::MAX;
        let ids: Vec<PeerId> = self.connections().map(|there| there.info.id).collect();
        let mut cut_off = 0;
        for id in ids {
            if let Some(connection) = self.connection(id) {
                match connection.stage {
                    Stage::Connecting | Stage::Away => {
                        cut_off += usize::from(connection.mail.queued() > 0);
                        connection.stage = Stage::Over(Reason::Shutdown);
                    }
                    _ => connection.end(Reason::Shutdown, by),
                }
            }
            self.activate(id);
        }
        cut_off
    }

    /// Ends every link that is left, and says on how many something was still queued.
    pub(super) fn cut_off_all(&mut self) -> usize {
        let ids: Vec<PeerId> = self.connections().map(|there| there.info.id).collect();
        let mut cut_off = 0;
        for id in ids {
            if let Some(connection) = self.connection(id) {
                let mail = &connection.mail;
                cut_off += usize::from(mail.has_output() || mail.queued() > 0);
                connection.stage = Stage::Over(Reason::Shutdown);
            }
            self.remove(id);
        }
        cut_off
    }
}

/// How many desks are kept for peers that have something to say.
const DESKS: usize = 64;

/// How long a peer is silent before all its memory is given back, so that one that talks keeps what is dear to get.
const WARM: Duration = Duration::from_millis(50);
