use super::session::Side;
use super::{Codes, Config, Native, Reason};
use crate::dialect::{Leave, Resumes};
use core::borrow::Borrow;

impl<C: Borrow<Config>, M: Codes> Resumes for Native<C, M> {
    const HAS_SESSIONS: bool = true;

    fn handle_connected(&mut self) {
        self.fault = None;
        self.codes.reset(false);
        self.session.restart();
    }

    fn enter_lobby(&mut self, seed: u64) -> bool {
        let listens = self.session.side != Side::Dialler;
        if listens {
            self.session.side = Side::Lobby;
            self.session.seed = seed;
        }
        listens
    }

    fn wanted(&self) -> Option<[u64; 2]> {
        let hello = self.claim()?;
        Some([hello.offered, hello.session])
    }

    fn sessions(&self) -> [u64; 2] {
        match self.session.side {
            Side::Dialler => [0; 2],
            Side::Listener | Side::Lobby => [self.session.id(), self.session.offered()],
        }
    }

    fn is_restart_at(&self, other: &Self) -> bool {
        let asks_for_none = other.wanted() == Some([0; 2]);
        let name = other.peer_name();
        asks_for_none
            && !name.is_empty()
            && name == self.peer_name()
            && self.session.is_of_another_start(other.peer().epoch)
    }

    fn take_over_from(&mut self, other: &Self) {
        if let Some(hello) = other.claim() {
            self.take_over(hello, other.peer_name());
        }
    }

    fn answer_wanted(&mut self) {
        self.answer();
    }

    fn is_resumable(&self) -> bool {
        match self.session.side {
            Side::Dialler => !self.session.is_final,
            Side::Listener | Side::Lobby => self.session.id() != 0 || self.session.offered() != 0,
        }
    }

    fn take_leave(&mut self, leave: Leave) {
        match leave {
            Leave::Done => self.close(Reason::Done),
            Leave::NoRoom => self.close(Reason::NoRoom),
            Leave::Superseded => self.abort(Reason::Superseded),
            Leave::ShuttingDown => self.close(Reason::ShuttingDown),
            Leave::Silent => self.close(Reason::Silent),
        }
    }
}
