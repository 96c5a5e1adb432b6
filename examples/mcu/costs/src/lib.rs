//! What the programs share: the board, its messages, and how a program ends.
//!
//! `./run` builds the programs, runs them in QEMU and prints what they cost.

#![no_std]

pub mod arguments;
pub mod board;
#[cfg(feature = "small-copies")]
pub mod copies;
pub mod cost;
pub mod ends;
pub mod native;
pub mod painted;
pub mod report;
pub mod say;
pub mod stack;
pub mod words;

use core::panic::PanicInfo;
use cortex_m_semihosting::debug;

/// Ends the emulator: its exit code is 0, or 1 behind a message that says why.
pub fn finish(result: Result<(), &str>) -> ! {
    if let Err(why) = result {
        say::failure(why);
    }
    exit(result.is_ok())
}

/// Ends the emulator with 0 or 1 and brings no text formatting into the program.
pub fn exit(success: bool) -> ! {
    debug::exit(if success {
        debug::EXIT_SUCCESS
    } else {
        debug::EXIT_FAILURE
    });
    loop {
        cortex_m::asm::bkpt();
    }
}

/// Says nothing: text would cost more flash than all the rest of a small program.
#[cfg(not(feature = "no-panic"))]
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    exit(false)
}

/// Calls what does not exist, so that a program links only if the compiler has ruled out every panic.
#[cfg(feature = "no-panic")]
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    unsafe extern "C" {
        fn a_panic_can_be_reached() -> !;
    }
    // SAFETY: a program in which this can be called does not link.
    unsafe { a_panic_can_be_reached() }
}
