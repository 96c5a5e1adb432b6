//! Where a peer says which session it wants, before it has a place.

use super::Door;
use crate::event::Recent;
use crate::files::Carry;
use crate::owner::Owned;
use crate::pump::now;
use crate::runner::seed;
use crate::slot::{Inner, Slot, State, unknown};
use crate::tcp::PARTING;
use core::net::IpAddr;
use embassy_futures::select::{Either, select};
use embassy_net::tcp::TcpSocket;
use embassy_time::{Instant, Timer, with_timeout};
use ropeway_core::Messenger;
use ropeway_core::dialect::{Dialect, Leave};
use ropeway_core::pump::{AsyncLink, CancelledWrite};

/// A messenger with room for an opening.
type Lobby<D, X> = Messenger<D, [u8; ROOM], [u8; ROOM], X>;

impl<'d, D, F, X, const N: usize, M, R> Door<'_, 'd, D, F, X, N, M, R>
where
    D: Dialect,
    F: Carry<D>,
    X: Owned,
    M: FnMut() -> (D, X),
    R: FnMut() -> [u8; 32],
{
    /// Hears who the peer is, and takes it to its place; `None` if it is none that is wanted, or there is no room.
    pub(super) async fn ask(
        &self,
        socket: &mut TcpSocket<'_>,
        host: IpAddr,
        open_by: Instant,
    ) -> Option<(&'d Slot<'d, D, F, X>, u32)> {
        let mail = self.open();
        let (reader, writer) = socket.split();
        let mut link = AsyncLink::new(mail, reader, writer, CancelledWrite::TookNothing);
        loop {
            link.handle_time(now());
            let has_event = link.has_event();
            if link.messenger().dialect().wanted().is_some() {
                break;
            }
            if has_event {
                // What breaks a rule here, and what is said of it.
                let _ = link.messenger().recv_with(unknown::<D>);
                continue;
            }
            let timer = link.next_timeout();
            let timer = timer.map_or(open_by, |at| {
                open_by.min(Instant::from_micros(at.as_micros()))
            });
            let moved = select(link.transfer(), Timer::at(timer)).await;
            let is_lost = matches!(moved, Either::First(Err(_)));
            if is_lost || Instant::now() >= open_by {
                // A last word, of a refusal for instance.
                let _ = with_timeout(PARTING, link.flush()).await;
                return None;
            }
        }
        let (mut mail, reader, writer) = link.into_parts();
        if let Some(placed) = self.place(&mut mail, host) {
            return Some(placed);
        }
        mail.dialect_mut().take_leave(Leave::NoRoom);
        let mut link = AsyncLink::new(mail, reader, writer, CancelledWrite::TookNothing);
        let _ = with_timeout(PARTING, link.flush()).await;
        None
    }

    fn open(&self) -> Lobby<D, X> {
        let (mut dialect, wire) = (self.make.borrow_mut())();
        let mut random = self.random.borrow_mut();
        dialect.enter_lobby(seed(random()));
        let mut mail = Messenger::new(dialect, [0; ROOM], [0; ROOM]).with_wire(wire);
        mail.handle_connected_with(random());
        mail
    }

    /// Takes the peer that waits in the lobby to the place of its session, or to a free one.
    fn place(&self, lobby: &mut Lobby<D, X>, host: IpAddr) -> Option<(&'d Slot<'d, D, F, X>, u32)> {
        let known = self.known(lobby, host);
        let slot = known.or_else(|| self.free())?;
        let random = (self.random.borrow_mut())();
        let fresh = known.is_none().then(|| (self.make.borrow_mut())());
        let mut inner = slot.lock();
        if inner.state == State::Up {
            inner.files.handle_lost();
        }
        match fresh {
            None => inner.mail.handle_connected_with(random),
            Some((mut dialect, _)) => {
                dialect.enter_lobby(seed(random));
                inner.files.prepare(&mut dialect);
                inner.handle_gone();
                inner.news = Recent::new();
                inner.start_over(dialect, random);
            }
        }
        core::mem::swap(inner.mail.wire_mut(), lobby.wire_mut());
        let dialect = inner.mail.dialect_mut();
        dialect.handle_heard();
        dialect.take_over_from(lobby.dialect());
        inner.host = Some(host);
        let transport = inner.handle_connected();
        inner.stir();
        drop(inner);
        Some((slot, transport))
    }

    /// The place of the session that the peer wants, or of the same program at the same host before it was started anew.
    fn known(&self, lobby: &Lobby<D, X>, host: IpAddr) -> Option<&'d Slot<'d, D, F, X>> {
        let wanted = lobby.dialect().wanted()?;
        let mut wanted = wanted.into_iter().filter(|session| *session != 0);
        let has = |session| {
            self.find(|inner| {
                inner.state != State::Blank
                    && inner.mail.dialect().sessions().contains(&session)
                    && inner.mail.wire().has_owner_of(lobby.wire())
            })
        };
        wanted.find_map(has).or_else(|| {
            self.find(|inner| {
                inner.state == State::Away
                    && inner.host == Some(host)
                    && inner.mail.dialect().is_restart_at(lobby.dialect())
                    && inner.mail.wire().has_owner_of(lobby.wire())
            })
        })
    }

    /// A place that nobody has, or that of who has been away for longest; who has never come in has least to lose.
    fn free(&self) -> Option<&'d Slot<'d, D, F, X>> {
        let blank = self.find(|inner| inner.state == State::Blank);
        let away = || {
            let away = self
                .slots
                .iter()
                .filter(|slot| slot.lock().state == State::Away);
            let loss = |slot: &&&Slot<'d, D, F, X>| {
                let inner = slot.lock();
                let [begun, _] = inner.mail.dialect().sessions();
                (begun != 0, inner.away_since)
            };
            away.min_by_key(loss).copied()
        };
        blank.or_else(away)
    }

    fn find(&self, is_it: impl Fn(&Inner<'d, D, F, X>) -> bool) -> Option<&'d Slot<'d, D, F, X>> {
        self.slots.iter().find(|slot| is_it(&slot.lock())).copied()
    }
}

/// As long as an opening can be, and a farewell.
const ROOM: usize = 256;
