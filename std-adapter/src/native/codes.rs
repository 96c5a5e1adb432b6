use super::{Config, Policy};
use ropeway_core::dialect::native::{Adapt, Codes};

/// What the peer's codes are here: the same, or mapped by name where the program adapts.
#[derive(Clone, Debug, Default)]
pub struct PeerCodes(Option<Box<Adapt>>);

impl PeerCodes {
    /// As the program's policy wants it.
    pub fn of(config: &Config) -> Self {
        match config.policy() {
            Policy::Adapt => Self(Some(Box::default())),
            Policy::Unchecked | Policy::Enforce => Self(None),
        }
    }
}

impl Codes for PeerCodes {
    #[inline]
    fn translate(&self, code: u8) -> u8 {
        match &self.0 {
            Some(map) => map.translate(code),
            None => code,
        }
    }

    fn reset(&mut self, to_nothing: bool) {
        if let Some(map) = &mut self.0 {
            map.reset(to_nothing);
        }
    }

    fn map(&mut self, code: u8, own: u8) {
        if let Some(map) = &mut self.0 {
            map.map(code, own);
        }
    }
}
