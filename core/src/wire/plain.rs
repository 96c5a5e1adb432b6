use super::{Fault, Wire};
use crate::Instant;

/// Nothing between the frames and the transport.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Plain;

/// Its verbs are not called: bytes go past it.
impl Wire for Plain {
    #[inline]
    fn is_plain(&self) -> bool {
        true
    }

    fn handle_connected(&mut self, _: [u8; 32]) {}

    fn input_room(&mut self) -> &mut [u8] {
        &mut []
    }

    fn handle_input(&mut self, _: usize) {}

    fn poll_stream(&mut self) -> Result<&[u8], Fault> {
        Ok(&[])
    }

    fn take_stream(&mut self, _: usize) {}

    fn send_stream(&mut self, _: &[u8]) -> usize {
        0
    }

    fn poll_output(&mut self) -> &[u8] {
        &[]
    }

    fn both_ways(&mut self) -> (&mut [u8], &[u8]) {
        (&mut [], &[])
    }

    fn has_output(&self) -> bool {
        false
    }

    fn handle_written(&mut self, _: usize) {}

    fn is_open(&self) -> bool {
        true
    }

    fn handle_time(&mut self, _: Instant) {}

    fn next_timeout(&self) -> Option<Instant> {
        None
    }
}
