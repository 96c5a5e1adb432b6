//! `memcpy`, `memmove` and `memset` in a few bytes each, in place of the compiler's 3 KB of fast ones.
//!
//! Worth it where flash is short and messages are small. Source: Run-time ABI for the Arm Architecture, 4.3.4.

/// Copies `len` bytes between memories that do not overlap.
///
/// # Safety
///
/// Both must be valid for `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __aeabi_memcpy(to: *mut u8, from: *const u8, len: usize) {
    for at in 0..len {
        // SAFETY: the caller's promise.
        unsafe { copy_byte(to, from, at) };
    }
}

/// Copies `len` bytes between memories that may overlap.
///
/// # Safety
///
/// Both must be valid for `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __aeabi_memmove(to: *mut u8, from: *const u8, len: usize) {
    if to.cast_const() <= from {
        // SAFETY: the caller's promise; from the front, no byte is overwritten before it is read.
        return unsafe { __aeabi_memcpy(to, from, len) };
    }
    for at in (0..len).rev() {
        // SAFETY: likewise, from the back.
        unsafe { copy_byte(to, from, at) };
    }
}

/// Sets `len` bytes.
///
/// # Safety
///
/// The memory must be valid for `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __aeabi_memset(to: *mut u8, len: usize, byte: i32) {
    for at in 0..len {
        // SAFETY: the caller's promise.
        unsafe { to.add(at).write_volatile(byte as u8) };
    }
}

/// The same under the names that promise an alignment, or zeros.
macro_rules! aliases {
    ($($alias:ident($($argument:ident: $type:ty),*) => $function:ident($($passed:expr),*);)*) => {$(
        /// See what it calls.
        ///
        /// # Safety
        ///
        /// As there.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $alias($($argument: $type),*) {
            // SAFETY: the caller's promise.
            unsafe { $function($($passed),*) }
        }
    )*};
}

aliases! {
    __aeabi_memcpy4(to: *mut u8, from: *const u8, len: usize) => __aeabi_memcpy(to, from, len);
    __aeabi_memcpy8(to: *mut u8, from: *const u8, len: usize) => __aeabi_memcpy(to, from, len);
    __aeabi_memclr(to: *mut u8, len: usize) => __aeabi_memset(to, len, 0);
    __aeabi_memclr4(to: *mut u8, len: usize) => __aeabi_memset(to, len, 0);
    __aeabi_memclr8(to: *mut u8, len: usize) => __aeabi_memset(to, len, 0);
}

/// Volatile, because a plain loop of copies would become a call of what it implements.
#[inline(always)]
unsafe fn copy_byte(to: *mut u8, from: *const u8, at: usize) {
    // SAFETY: the caller's promise.
    unsafe { to.add(at).write_volatile(from.add(at).read_volatile()) };
}
