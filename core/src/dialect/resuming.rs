/// What a dialect does whose sessions outlive their transports; the others leave all of it as it is.
///
/// Who holds one end tells of [another transport](Self::handle_connected). Who holds many ends of sessions lets peers wait
/// in a [lobby](Self::enter_lobby) until it is clear whose they are.
pub trait Resumes {
    /// Whether what both sides have said outlives the transport, as a session with an id. Where it does not, nothing of
    /// what is said here about sessions is asked.
    const HAS_SESSIONS: bool = false;

    /// Another transport to the same peer: the opening starts over, and what was kept is said again.
    fn handle_connected(&mut self) {}

    /// Leaves it to the holder of many ends to find the session that a peer asks for, and says whether it does: an end
    /// that dials does not. Ids of fresh sessions are drawn from `seed`, which nobody must be able to guess.
    fn enter_lobby(&mut self, seed: u64) -> bool {
        let _ = seed;
        false
    }

    /// The sessions that a peer which waits here asks for, the likelier first and 0 for none; `None` while no peer waits.
    ///
    /// The holder has the end that has one of them [take over](Self::take_over_from), or lets this one
    /// [answer](Self::answer_wanted) or [take leave](Self::take_leave).
    fn wanted(&self) -> Option<[u64; 2]> {
        None
    }

    /// The sessions that peers may ask this end for: the one that has begun, and one that is offered; 0 for none.
    fn sessions(&self) -> [u64; 2] {
        [0; 2]
    }

    /// Whether the peer that waits at `other` seems to be the one of this end, started anew.
    fn is_restart_at(&self, other: &Self) -> bool {
        let _ = other;
        false
    }

    /// Takes over the opening of the peer that waits at `other`, as if it had come here: after
    /// [`handle_connected`](crate::Messenger::handle_connected), for the transport that it came by.
    fn take_over_from(&mut self, other: &Self) {
        let _ = other;
    }

    /// Answers the peer that waits here: nobody has a session that it asks for.
    fn answer_wanted(&mut self) {}

    /// Whether it can go on over another transport, whatever became of this one.
    fn is_resumable(&self) -> bool {
        false
    }

    /// Takes leave, once the peer has taken all that was sent; a peer that waits, or is superseded, is told at once.
    fn take_leave(&mut self, leave: Leave) {
        let _ = leave;
    }
}

/// Why a link is left, where the protocol has words for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Leave {
    /// The program is done with this peer; the session ends.
    Done,
    /// There are as many peers as there may be.
    NoRoom,
    /// The peer has come again, over another transport.
    Superseded,
    /// The program shuts down.
    ShuttingDown,
    /// The peer was silent for longer than allowed.
    Silent,
}
