/// The RAM that a program takes, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryUse {
    /// The most of the stack that was in use at once since the start.
    pub stack: usize,
    /// Statics, among them every task with all that it keeps across an await.
    pub statics: usize,
}

#[cfg(all(target_arch = "arm", target_os = "none"))]
mod cortex_m {
    use super::MemoryUse;
    use core::ops::Range;
    use cortex_m_rt::STACK_PAINT_VALUE;

    impl MemoryUse {
        /// Looks how far the paint is gone that cortex-m-rt puts on the stack before the program starts.
        ///
        /// Reads all of the free RAM, which takes milliseconds.
        pub fn measure() -> Self {
            let (stack, statics) = (stack(), statics());
            let deepest = stack
                .clone()
                .step_by(size_of::<u32>())
                // SAFETY: RAM that is there, aligned as the linker script says.
                .find(|&at| unsafe { (at as *const u32).read_volatile() } != STACK_PAINT_VALUE);
            Self {
                stack: stack.end - deepest.unwrap_or(stack.end),
                statics: statics.len(),
            }
        }
    }

    fn stack() -> Range<usize> {
        (&raw const _stack_end) as usize..(&raw const _stack_start) as usize
    }

    fn statics() -> Range<usize> {
        (&raw const __sdata) as usize..(&raw const __sheap) as usize
    }

    // From the linker script of cortex-m-rt.
    unsafe extern "C" {
        static __sdata: u32;
        static __sheap: u32;
        /// The top of the stack, which grows down.
        static _stack_start: u32;
        static _stack_end: u32;
    }
}
