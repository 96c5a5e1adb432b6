use super::beacon::{Epoch, Program};
use super::table::{Connection, ConnectionId, Dial, Direction, Peer, Slot, Speaks, Table};
use crate::Instant;
use crate::time::Duration;
use core::net::{IpAddr, SocketAddr};

/// Which entries may be taken for a program that is not in the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// The most programs of one host.
    pub(super) per_host: usize,
    /// Who has been silent for this long gives way.
    pub(super) silence: Duration,
}

/// The entry that a beacon belongs to.
pub(super) struct Entry<'a> {
    pub(super) peer: &'a mut Peer,
    /// The beacon is that of another run of the program than the one that was known.
    pub(super) is_restarted: bool,
}

/// A connection that was dialled at the same time as another was accepted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rival {
    pub(super) id: ConnectionId,
    pub(super) is_open: bool,
}

/// The native programs in the table.
impl<S: AsRef<[Slot]> + AsMut<[Slot]>> Table<S> {
    /// The entry of a program: that of the same run, or of another run that listens at the same port, or a new one.
    pub(super) fn hear(
        &mut self,
        now: Instant,
        host: IpAddr,
        program: Program,
        room: Room,
    ) -> Option<Entry<'_>> {
        let at = |is: &dyn Fn(&Program) -> bool| {
            self.position(|peer| peer.host == host && peer.program().is_some_and(is))
        };
        let same_run = at(&|known| known.epoch == program.epoch);
        let former_run = at(&|known| {
            known.epoch != program.epoch && known.port != 0 && known.port == program.port
        });
        let (at, is_restarted) = match (same_run, former_run) {
            // Its connection was there before its beacon, and has an entry of its own.
            (Some(at), Some(former)) => (at, self.clear_if_idle(former)),
            (Some(at), None) => (at, false),
            (None, Some(at)) => (at, true),
            (None, None) => (self.make_room(now, host, room)?, false),
        };
        Some(Entry {
            peer: self.entry(at, host, program)?,
            is_restarted,
        })
    }

    /// The entry of a run of a program whose connection is open, or a new one.
    pub(super) fn meet(
        &mut self,
        now: Instant,
        host: IpAddr,
        epoch: Epoch,
        room: Room,
    ) -> Option<&mut Peer> {
        let known = self.position(|peer| {
            peer.host == host && peer.program().is_some_and(|known| known.epoch == epoch)
        });
        let at = match known {
            Some(known) => known,
            None => self.make_room(now, host, room)?,
        };
        let program = Program {
            epoch,
            ..Program::default()
        };
        self.entry(at, host, program)
    }

    /// Takes out an entry that is idle and has not been heard for `expiry`.
    pub(super) fn expire(&mut self, now: Instant, expiry: Duration) -> Option<Peer> {
        let is_silent = |peer: &Peer| peer.heard.is_none_or(|heard| now - heard >= expiry);
        let at = self.position(|peer| peer.is_idle() && is_silent(peer))?;
        self.slots.as_mut().get_mut(at)?.0.take()
    }

    /// When the next idle entry is to be taken out.
    pub(super) fn next_expiry(&self, expiry: Duration) -> Option<Instant> {
        let idle = self.peers().filter(|peer| peer.is_idle());
        let heard = idle.filter_map(|peer| peer.heard).min()?;
        Some(heard + expiry)
    }

    /// The entry of a program that listens at this address.
    pub(super) fn listening_at(&mut self, address: SocketAddr) -> Option<&mut Peer> {
        self.find(|peer| peer.address() == Some(address))
    }

    /// The entry whose call under way goes to this address.
    pub(super) fn called_at(&mut self, address: SocketAddr) -> Option<&mut Peer> {
        self.find(|peer| {
            peer.program().is_some()
                && peer.dial == Dial::UnderWay
                && SocketAddr::new(peer.host, peer.native.called_port) == address
        })
    }

    /// The connection with the same run of a program that this program dialled and whose opening was in progress when
    /// `accepted` came.
    pub(super) fn rival_of_accepted(&self, accepted: &Connection, epoch: Epoch) -> Option<Rival> {
        let mut rivals = self.peers().filter_map(|peer| {
            let is_of_run = peer.program().is_some_and(|known| known.epoch == epoch);
            let ours = peer.connection.filter(|_| is_of_run)?;
            let opened = peer.native.opened;
            let is_at_once = opened.is_none_or(|opened| accepted.since <= opened);
            (ours.direction == Direction::Dialled && is_at_once).then_some(Rival {
                id: ours.id,
                is_open: opened.is_some(),
            })
        });
        rivals.next()
    }

    /// Takes out a connection that has given way, which is no failure of its program.
    pub(super) fn forget(&mut self, superseded: ConnectionId) {
        if let Some(peer) = self.find(|peer| peer.has(superseded)) {
            peer.connection = None;
            peer.native.opened = None;
        }
    }

    /// The connection with a run of a program, at whichever of its addresses.
    pub(super) fn connection_of(&self, epoch: Epoch) -> Option<Connection> {
        let of_run = |peer: &&Peer| peer.program().is_some_and(|known| known.epoch == epoch);
        self.peers().filter(of_run).find_map(|peer| peer.connection)
    }

    /// Whether a program waits to be called.
    pub(super) fn wants_call(&self) -> bool {
        self.peers().any(Peer::wants_call)
    }

    /// The next program to call; who has a connection by now is passed over.
    pub(super) fn begin_call(&mut self, now: Instant) -> Option<SocketAddr> {
        loop {
            let wanted = self.peers().find(|peer| peer.wants_call())?;
            let epoch = wanted.program()?.epoch;
            let is_connected = self.connection_of(epoch).is_some();
            let peer = self.find(Peer::wants_call)?;
            match peer.address() {
                Some(address) if !is_connected => {
                    peer.dial = Dial::UnderWay;
                    peer.native.call(now, address.port());
                    return Some(address);
                }
                _ => peer.dial = Dial::No,
            }
        }
    }

    /// A free slot, or that of an idle entry, of whatever protocol, heard longest ago.
    ///
    /// Where a host has as many entries as it may have, only one of its own gives way.
    fn make_room(&mut self, now: Instant, host: IpAddr, room: Room) -> Option<usize> {
        let is_of_host = |peer: &Peer| peer.host == host && peer.program().is_some();
        let is_crowded = self.peers().filter(|peer| is_of_host(peer)).count() >= room.per_host;
        let mut slots = self.slots.as_ref().iter();
        let free = slots.position(|slot| slot.0.is_none());
        if free.is_some() && !is_crowded {
            return free;
        }
        let may_give_way = |peer: &Peer| {
            peer.is_idle()
                && peer.heard.is_none_or(|heard| now - heard >= room.silence)
                && (is_of_host(peer) || !is_crowded)
        };
        let slots = self.slots.as_ref().iter().enumerate();
        let candidates = slots.filter_map(|(at, slot)| Some((at, slot.0.filter(&may_give_way)?)));
        let (oldest, _) = candidates.min_by_key(|(_, peer)| peer.heard)?;
        self.gave_way = self.slots.as_mut().get_mut(oldest)?.0.take();
        Some(oldest)
    }

    fn entry(&mut self, at: usize, host: IpAddr, program: Program) -> Option<&mut Peer> {
        let slot = self.slots.as_mut().get_mut(at)?;
        Some(
            slot.0
                .get_or_insert(Peer::new(host, Speaks::Native(program))),
        )
    }

    fn clear_if_idle(&mut self, at: usize) -> bool {
        let mut slots = self.slots.as_mut().iter_mut().skip(at);
        let idle = slots
            .next()
            .and_then(|slot| slot.0.take_if(|peer| peer.is_idle()));
        idle.is_some()
    }

    fn position(&self, is: impl Fn(&Peer) -> bool) -> Option<usize> {
        let mut slots = self.slots.as_ref().iter();
        slots.position(|slot| slot.0.as_ref().is_some_and(&is))
    }
}
