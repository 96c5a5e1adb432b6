use super::{Codes, Config, Native, Rule, code};
use crate::buf::{Measure, NeverSent};
use crate::dialect::{Keeping, Keeps, Settlement};
use crate::encoding::EncodeError;
use crate::framing::Extended;
use core::borrow::Borrow;

impl<C: Borrow<Config>, M: Codes> Keeps for Native<C, M> {
    #[inline]
    fn keeping(&self) -> Option<&Keeping> {
        Some(&self.session.keeping)
    }

    #[inline]
    fn keeping_mut(&mut self) -> Option<&mut Keeping> {
        Some(&mut self.session.keeping)
    }

    #[inline]
    fn measure(front: &[u8]) -> Measure {
        code::measure(front)
    }

    #[inline]
    fn window(&self) -> Option<usize> {
        self.session.window()
    }

    fn largest(&self) -> usize {
        self.session.largest()
    }

    #[inline]
    fn may_follow(&self) -> bool {
        self.session.may_follow()
    }

    fn emit_aside(
        &mut self,
        room: (usize, usize),
        is_idle: bool,
        slot: &mut [u8],
    ) -> Result<usize, EncodeError> {
        let (room, largest) = self.room(room);
        let config = self.config.borrow();
        Ok(self.session.emit(config, room, largest, is_idle, slot)?)
    }

    #[inline]
    fn is_steady(&self) -> bool {
        self.session.is_steady
    }

    #[inline]
    fn is_small(first: u8) -> bool {
        code::is_small(first)
    }

    fn take_small(&mut self, content: &[u8]) -> bool {
        match content.first() {
            Some(code) if code::is_small(*code) => self.take_in(*code, content).is_ok(),
            Some(code) => {
                self.session.foresee(*code);
                false
            }
            None => false,
        }
    }

    fn handle_ahead(&mut self, first: u8, len: usize) {
        if code::is_sequenced(first) {
            self.session
                .on_ahead(u32::try_from(len).unwrap_or(u32::MAX));
        }
    }

    #[inline]
    fn take_settlement(&mut self) -> Option<Settlement> {
        self.session.take_settlement(self.config.borrow())
    }

    fn handle_settled(&mut self, settled: Result<usize, NeverSent>) {
        match settled {
            Ok(in_doubt) => self.session.handle_in_doubt(in_doubt),
            Err(NeverSent) => self.session.break_off_aloud(Rule::NeverSent),
        }
    }

    /// An eighth of it, at most 256 bytes.
    #[inline]
    fn room_for_answers(limit: usize) -> usize {
        (limit / 8).min(256)
    }

    /// Once it is past, it counts as taken: the peer must not send it again.
    fn handle_refused(&mut self, front: &[u8], len: usize) {
        if let Some(code) = code::of(front).filter(|code| code::is_sequenced(*code)) {
            let len = u32::try_from(len).unwrap_or(u32::MAX);
            self.session.on_refused(code, len);
        }
    }

    fn handle_passed_over(&mut self) {
        self.session.count_refused();
    }

    fn handle_too_long(&mut self, count: usize) {
        self.session.too_long = self.session.too_long.saturating_add(count);
    }

    /// Frames of files: their transfers say everything again.
    fn is_of_session(front: &[u8]) -> bool {
        matches!(code::of(front), Some(code::OFFER..=code::STOP))
    }

    fn strike(front: &mut [u8]) {
        let place = Extended::measure(front).map(|frame| frame.start);
        if let Some(code) = place.and_then(|at| front.get_mut(at)) {
            *code = code::CHUNK;
        }
    }

    fn holds_in_doubt(&self) -> bool {
        self.session.holds_in_doubt()
    }

    fn forget_in_doubt(&mut self) -> bool {
        let held = self.holds_in_doubt();
        if held {
            self.session.forget_in_doubt();
        }
        held
    }
}
