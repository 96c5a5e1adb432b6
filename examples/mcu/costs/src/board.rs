//! The two devices of the board MPS2 AN385 that the programs use.
//!
//! Source: Arm DUI 0479, CMSDK APB timer and APB UART.

/// The 25 MHz timer, free running.
///
/// With `-icount shift=6` an instruction takes 64 ns and a tick 40 ns, so that ticks tell instructions.
pub mod timer {
    const BASE: usize = 0x4000_0000;
    const CONTROL: *mut u32 = BASE as *mut u32;
    const VALUE: *mut u32 = (BASE + 4) as *mut u32;
    const RELOAD: *mut u32 = (BASE + 8) as *mut u32;
    const ENABLE: u32 = 1;

    /// Starts to count down from the largest value.
    pub fn start() {
        // SAFETY: the registers of a device that nothing else uses.
        unsafe {
            RELOAD.write_volatile(u32::MAX);
            VALUE.write_volatile(u32::MAX);
            CONTROL.write_volatile(ENABLE);
        }
    }

    /// Ticks since the start, for 171 seconds.
    #[inline(never)]
    pub fn ticks() -> u32 {
        // SAFETY: as above.
        u32::MAX - unsafe { VALUE.read_volatile() }
    }
}

/// The first serial line, a byte at a time.
pub mod uart {
    const BASE: usize = 0x4000_4000;
    const DATA: *mut u32 = BASE as *mut u32;
    const STATE: *mut u32 = (BASE + 4) as *mut u32;
    const CONTROL: *mut u32 = (BASE + 8) as *mut u32;
    const DIVIDER: *mut u32 = (BASE + 0x10) as *mut u32;
    const TX_FULL: u32 = 1;
    const RX_FULL: u32 = 2;
    const TX_AND_RX_ENABLE: u32 = 3;

    /// Turns the line on, both ways.
    pub fn start() {
        // SAFETY: the registers of a device that nothing else uses.
        unsafe {
            DIVIDER.write_volatile(16);
            CONTROL.write_volatile(TX_AND_RX_ENABLE);
        }
    }

    /// Waits for a byte.
    pub fn read() -> u8 {
        // SAFETY: as above.
        unsafe {
            while STATE.read_volatile() & RX_FULL == 0 {}
            let byte = DATA.read_volatile() as u8;
            assert!(cfg!(not(feature = "one-panic")) || byte != 0xFF);
            byte
        }
    }

    /// Sends a byte once there is room.
    pub fn write(byte: u8) {
        // SAFETY: as above.
        unsafe {
            while STATE.read_volatile() & TX_FULL != 0 {}
            DATA.write_volatile(byte.into());
        }
    }
}
