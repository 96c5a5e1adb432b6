//! What the program and who started the emulator tell each other, by semihosting.

use core::panic::PanicInfo;
use cortex_m_semihosting::{debug, nr, syscall1};
use static_cell::ConstStaticCell;

/// The words behind `-kernel`'s program, as QEMU has them from `-semihosting-config arg=…`, with spaces between.
///
/// Call it once.
pub(crate) fn command_line() -> &'static str {
    static TEXT: ConstStaticCell<[u8; 512]> = ConstStaticCell::new([0; 512]);
    let text = TEXT.take();
    let mut block = [text.as_mut_ptr() as usize, text.len()];
    // SAFETY: the host writes at most as many bytes as there are, and how many into the block.
    let failed = unsafe { syscall1(nr::GET_CMDLINE, block.as_mut_ptr() as usize) };
    assert!(
        failed == 0,
        "the command line is longer than {} bytes",
        text.len()
    );
    let text = text.get(..block[1]).unwrap_or_default();
    let text = core::str::from_utf8(text).expect("a command line in UTF-8");
    text.trim_end_matches('\0') // hosts differ in whether the length counts the end
}

/// Says a line.
#[cfg(not(feature = "log"))]
pub(crate) fn say(line: core::fmt::Arguments<'_>) {
    cortex_m_semihosting::hprintln!("{}", line);
}

/// Says a line.
#[cfg(feature = "log")]
pub(crate) fn say(line: core::fmt::Arguments<'_>) {
    defmt::println!("{}", defmt::Display2Format(&line));
}

/// Ends the emulator with exit code 0.
pub(crate) fn exit() -> ! {
    end(debug::EXIT_SUCCESS)
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    say(format_args!("{info}"));
    end(debug::EXIT_FAILURE)
}

fn end(status: debug::ExitStatus) -> ! {
    debug::exit(status);
    loop {
        cortex_m::asm::bkpt();
    }
}

#[cfg(feature = "log")]
use defmt_semihosting as _;
