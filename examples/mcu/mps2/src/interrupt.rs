//! Which device calls whom.

use crate::{clock, ethernet};
use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::NVIC;
use cortex_m_rt::exception;

/// The devices that may interrupt. Source: Arm DAI 0385, interrupt assignments.
#[derive(Clone, Copy)]
#[repr(u16)]
pub(crate) enum Interrupt {
    Counter = 8,
    Alarm = 9,
    Ethernet = 13,
}

impl Interrupt {
    /// Lets the device interrupt from now on, not for what was before.
    pub(crate) fn enable(self) {
        NVIC::unpend(self);
        // SAFETY: masks no critical section: those turn all interrupts off.
        unsafe { NVIC::unmask(self) };
    }
}

// SAFETY: the numbers of the devices of this board.
unsafe impl InterruptNumber for Interrupt {
    fn number(self) -> u16 {
        self as u16
    }
}

/// Called for every interrupt, since no table of this board's devices says otherwise.
#[exception]
unsafe fn DefaultHandler(number: i16) {
    match number {
        n if n == Interrupt::Counter as i16 => clock::count(),
        n if n == Interrupt::Alarm as i16 => clock::ring(),
        n if n == Interrupt::Ethernet as i16 => ethernet::wake(),
        _ => panic!("interrupt {number} has no handler"),
    }
}
