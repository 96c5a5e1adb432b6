//! What the emulator was told to tell the program.

use cortex_m_semihosting::syscall1;

/// The command line in `memory`; nothing if it has no room for it.
pub fn command_line(memory: &mut [u8]) -> &str {
    let mut block = [memory.as_mut_ptr() as usize, memory.len()];
    // SAFETY: the host writes at most as many bytes as it is told there are, and their number.
    let failed = unsafe { syscall1!(GET_CMDLINE, &raw mut block) } != 0;
    let len = if failed { 0 } else { block[1] };
    let line = memory.get(..len).unwrap_or_default();
    core::str::from_utf8(line)
        .unwrap_or_default()
        .trim_end_matches('\0')
}
