use super::admission::{interest, token};
use super::connection::{Connection, NEVER, Stage};
use super::peers::Slot;
use super::waiting::Waiting;
use super::{News, PeerId, Peers, Reason};
use crate::wire::{self, Guarded};
use ropeway_core::Instant;
use ropeway_core::dialect::Dialect;
use std::net::{IpAddr, TcpStream};

/// Sessions that outlive their connections: who comes back, who is away, who is dialled again.
///
/// A connection waits in the lobby until its peer has said which session it wants. Then it becomes that of the peer that
/// has the session, or a peer of its own.
impl<D: Dialect> Peers<D> {
    /// Puts a connection where it waits to say who it is; if too many do, the oldest of the address with most gives way.
    pub(super) fn enter_lobby(&mut self, id: PeerId) {
        while self.lobby.count() >= self.limits.openings.max(1) {
            let lobby = std::slice::from_ref(&self.lobby);
            let Some(oldest) = oldest_of_most(&self.slots, lobby, in_lobby(&self.slots)) else {
                break;
            };
            self.drop_peer(oldest, Reason::GaveWay);
        }
        if let Some(connection) = self.connection(id) {
            connection.flags.is_in_lobby = true;
            let (until, host) = (connection.until, connection.info.host());
            self.lobby.join(until, id, host, in_lobby(&self.slots));
        }
    }

    pub(super) fn leave_lobby(&mut self, id: PeerId) {
        if let Some(connection) = self.connection(id)
            && std::mem::take(&mut connection.flags.is_in_lobby)
        {
            let host = connection.info.host();
            self.lobby.leave(host);
        }
    }

    fn drop_peer(&mut self, id: PeerId, reason: Reason) {
        if let Some(connection) = self.connection(id) {
            connection.stage = Stage::Over(reason);
        }
        self.remove(id);
    }

    /// Looks for the session that a peer in the lobby wants, if it has said so.
    pub(super) fn receive(&mut self, id: PeerId) {
        let Some(connection) = self.connection(id) else {
            return;
        };
        if !connection.flags.is_in_lobby || !matches!(connection.stage, Stage::Going) {
            return;
        }
        connection.mail.has_event();
        let Some(wanted) = connection.mail.dialect().wanted() else {
            return;
        };
        let host = connection.info.host();
        let known = wanted.into_iter().filter(|session| *session != 0);
        let known = known.filter_map(|session| self.by_session.get(&session).copied());
        let may_have = |to: &PeerId| {
            let from = find(&self.slots, id);
            let to = find(&self.slots, *to).filter(|to| to.may_resume());
            to.zip(from)
                .is_some_and(|(to, from)| to.mail.wire().has_owner_of(from.mail.wire()))
        };
        let mut known = known.filter(may_have);
        let to = known.next().or_else(|| self.restarted(id));
        if let Some(reason) = self.lacks_room_for(to, host) {
            let by = self.clock.now() + self.limits.linger;
            if let Some(connection) = self.connection(id) {
                connection.end(reason, by);
            }
            return;
        }
        match to {
            Some(to) => self.hand_over(id, to),
            None => {
                self.leave_lobby(id);
                self.count_in(id);
                if let Some(connection) = self.connection(id) {
                    connection.mail.dialect_mut().answer_wanted();
                }
            }
        }
    }

    /// Why there may be no peer from `host` that has the session of `to`, or a fresh one, if there may not.
    fn lacks_room_for(&self, to: Option<PeerId>, host: IpAddr) -> Option<Reason> {
        let to = to.and_then(|to| find(&self.slots, to));
        match to.filter(|to| to.flags.is_counted) {
            Some(to) if to.info.host() == host => None,
            Some(_) => self.lacks_room_at(host),
            None => self.lacks_room(host),
        }
    }

    /// The peer that is away and that the one in the lobby seems to be, started anew.
    fn restarted(&self, id: PeerId) -> Option<PeerId> {
        let new = find(&self.slots, id)?;
        if new.mail.dialect().wanted() != Some([0; 2]) {
            return None;
        }
        let is_it = |there: &&Connection<D>| {
            matches!(there.stage, Stage::Away)
                && there.info.host() == new.info.host()
                && there.mail.wire().has_owner_of(new.mail.wire())
                && there.mail.dialect().is_restart_at(new.mail.dialect())
        };
        let [_, away] = &self.away;
        let mut away = away.iter().filter_map(|(_, id)| find(&self.slots, id));
        away.find(is_it).map(|there| there.info.id)
    }

    /// Makes the connection of a peer in the lobby that of the peer whose session it wants.
    ///
    /// The older connection is closed, and what of it was not taken is dropped, before the count is stated.
    fn hand_over(&mut self, from: PeerId, to: PeerId) {
        let Some(connection) = self.take_out(from) else {
            return;
        };
        let Connection {
            info,
            mut mail,
            stream,
            beside,
            ..
        } = *connection;
        let registered = stream.and_then(|mut stream| {
            let registry = self.poll.registry();
            let registered = registry.register(&mut stream, token(to), interest());
            registered.ok().map(|()| stream)
        });
        let Some(stream) = registered else {
            return;
        };
        self.lose_link(to, Reason::Superseded);
        self.leave_away(to);
        self.count_out(to);
        let now = self.clock.now();
        let open_by = now + self.limits.opening;
        if let Some(there) = self.connection(to) {
            there.info.address = info.address;
            there.info.listener = info.listener;
            std::mem::swap(there.mail.wire_mut(), mail.wire_mut());
            if let Some(desk) = &mut there.desk {
                desk.address = Some(info.address);
            }
            let dialect = there.mail.dialect_mut();
            dialect.handle_heard();
            dialect.take_over_from(mail.dialect());
            there.attach(stream, Stage::Going, now, open_by);
            let opening = beside.as_ref().and_then(|beside| beside.tally.as_ref());
            if let Some((tally, opening)) = there.tally().zip(opening) {
                tally.add_opening(opening);
            }
        }
        self.count_in(to);
        self.activate(to);
    }

    /// A peer loses the link that it has, if any, and its session is ready for another.
    fn lose_link(&mut self, id: PeerId, reason: Reason) {
        let now = self.clock.now();
        let Some(connection) = self.connection(id) else {
            return;
        };
        let mut news = None;
        let was_going = matches!(connection.stage, Stage::Going);
        let reason = match std::mem::replace(&mut connection.stage, Stage::Away) {
            Stage::Ending(reason) | Stage::Finished(reason) | Stage::Over(reason) => reason,
            Stage::Going | Stage::Connecting | Stage::Away => reason,
        };
        if connection.stream.is_some() {
            if let Some(leave) = reason.leave().filter(|_| was_going) {
                connection.mail.dialect_mut().take_leave(leave);
                connection.write(now);
            }
            let is_told = match connection.redials() {
                Some(redials) => redials.is_new(),
                None => connection.flags.has_joined,
            };
            news = is_told.then_some(News::Away(connection.info, reason));
        }
        let stream = connection.stream.take();
        wire::restart(&mut connection.mail);
        if let Some(desk) = &mut connection.desk {
            desk.handle_lost();
            desk.parting = None;
        }
        connection.mail.handle_time(now);
        connection.mail.release_memory();
        connection.flags.is_opening = false;
        connection.until = NEVER;
        if let Some(mut stream) = stream {
            let _ = self.poll.registry().deregister(&mut stream);
        }
        if let Some(news) = news {
            self.tell(news);
        }
    }

    /// Keeps the session of a peer whose link is over.
    pub(super) fn detach(&mut self, id: PeerId) {
        self.lose_link(id, Reason::Closed);
        let now = self.clock.now();
        let random = self.random();
        let limits = self.limits;
        let Some(connection) = self.connection(id) else {
            return;
        };
        if let Some(wait) = connection.redials().map(|it| it.next(now, random)) {
            connection.until = now + wait;
            return;
        }
        let joined = connection.flags.has_joined;
        connection.flags.is_absent = true;
        // Who never joined has little to lose.
        let life = match joined {
            true => limits.session_life,
            false => limits.session_life.min(limits.opening),
        };
        connection.until = now + life;
        let (until, host) = (connection.until, connection.info.host());
        self.count_out(id);
        if let Some(away) = self.away.get_mut(usize::from(joined)) {
            away.join(until, id, host, is_away(&self.slots));
        }
        while let Some(oldest) = self.one_too_many(host) {
            self.drop_peer(oldest, Reason::GaveWay);
        }
    }

    /// Who is to give way of those who are away, if there are too many of them, or too many from `host`.
    fn one_too_many(&self, host: IpAddr) -> Option<PeerId> {
        let (slots, away) = (&self.slots, &self.away);
        if count_from(away, host) > self.limits.peers_per_address {
            oldest(slots, away, is_away(slots), |from| from == host)
        } else if away.iter().map(Waiting::count).sum::<usize>() > self.limits.sessions {
            oldest_of_most(slots, away, is_away(slots))
        } else {
            None
        }
    }

    /// The peer is not away any more.
    pub(super) fn leave_away(&mut self, id: PeerId) {
        if let Some(connection) = self.connection(id)
            && std::mem::take(&mut connection.flags.is_absent)
        {
            let (joined, host) = (connection.flags.has_joined, connection.info.host());
            if let Some(away) = self.away.get_mut(usize::from(joined)) {
                away.leave(host);
            }
        }
    }

    /// Dials a peer again whose wait is over, or gives up one that has been away for too long.
    pub(super) fn end_absence(&mut self, id: PeerId) {
        let Some(connection) = self.connection(id) else {
            return;
        };
        if !connection.is_redialled() {
            return self.drop_peer(id, Reason::Expired);
        }
        let address = connection.info.address;
        let stream = mio::net::TcpStream::connect(address);
        let stream = stream.and_then(|stream| self.register(TcpStream::from(stream), id));
        let (now, opening) = (self.clock.now(), self.limits.opening);
        let random = self.random();
        let Some(connection) = self.connection(id) else {
            return;
        };
        match stream {
            Ok(stream) => {
                wire::restart(&mut connection.mail);
                connection.attach(stream, Stage::Connecting, now, now + opening);
            }
            Err(_) => {
                let wait = connection
                    .redials()
                    .map(|redials| redials.next(now, random));
                connection.until = now + wait.unwrap_or_default();
            }
        }
        self.activate(id);
    }

    /// Keeps in mind by which sessions a peer is found.
    pub(super) fn note_sessions(&mut self, id: PeerId) {
        let Some(connection) = self.connection(id) else {
            return;
        };
        let new = match connection.flags.is_in_lobby {
            true => [0; 2],
            false => connection.mail.dialect().sessions(),
        };
        let old = std::mem::replace(&mut connection.sessions, new);
        if old == new {
            return;
        }
        for session in old.into_iter().filter(|session| !new.contains(session)) {
            if self.by_session.get(&session) == Some(&id) {
                self.by_session.remove(&session);
            }
        }
        for session in new.into_iter().filter(|session| *session != 0) {
            self.by_session.insert(session, id);
        }
    }

    pub(super) fn forget_sessions(&mut self, id: PeerId) {
        let sessions = match self.connection(id) {
            Some(connection) => std::mem::take(&mut connection.sessions),
            None => return,
        };
        for session in sessions.into_iter().filter(|session| *session != 0) {
            if self.by_session.get(&session) == Some(&id) {
                self.by_session.remove(&session);
            }
        }
    }
}

fn in_lobby<D: Dialect>(slots: &[Slot<D>]) -> impl Fn(Instant, PeerId) -> bool {
    |_, id| find(slots, id).is_some_and(|there| there.flags.is_in_lobby)
}

/// Whether a peer is away, and since the time when it was to be waited for until then.
fn is_away<D: Dialect>(slots: &[Slot<D>]) -> impl Fn(Instant, PeerId) -> bool {
    |until, id| find(slots, id).is_some_and(|there| there.flags.is_absent && there.until == until)
}

/// Who has waited for longest of those from the address from which most wait.
fn oldest_of_most<D: Dialect>(
    slots: &[Slot<D>],
    waiting: &[Waiting],
    still: impl Fn(Instant, PeerId) -> bool,
) -> Option<PeerId> {
    let hosts = waiting.iter().flat_map(Waiting::hosts);
    let most = hosts.map(|host| count_from(waiting, host)).max()?;
    oldest(slots, waiting, still, |host| {
        count_from(waiting, host) == most
    })
}

/// Who has waited for longest of those from some addresses.
fn oldest<D: Dialect>(
    slots: &[Slot<D>],
    waiting: &[Waiting],
    still: impl Fn(Instant, PeerId) -> bool,
    is_from: impl Fn(IpAddr) -> bool,
) -> Option<PeerId> {
    let waits = waiting.iter().flat_map(Waiting::iter);
    let mut waits = waits.filter(|(until, id)| still(*until, *id));
    let found =
        waits.find(|(_, id)| find(slots, *id).is_some_and(|there| is_from(there.info.host())));
    found.map(|(_, id)| id)
}

fn count_from(waiting: &[Waiting], host: IpAddr) -> usize {
    waiting.iter().map(|waiting| waiting.count_from(host)).sum()
}

fn find<D: Dialect>(slots: &[Slot<D>], id: PeerId) -> Option<&Connection<D>> {
    let slot = slots.get(id.slot as usize)?;
    let is_it = slot.generation == id.generation;
    slot.connection.as_deref().filter(|_| is_it)
}
