//! Counts what each thread allocates.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, which counts the calls that hand out memory.
struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
    /// Bytes that this thread has asked for and not given back; below zero where others asked for them.
    static HELD: Cell<i64> = const { Cell::new(0) };
    static PEAK: Cell<i64> = const { Cell::new(0) };
    static FLOOR: Cell<i64> = const { Cell::new(0) };
}

/// How many times this thread has asked for memory.
pub(crate) fn count() -> u64 {
    COUNT.get()
}

/// The bytes that this thread holds; below zero where others asked for what it gave back.
pub(crate) fn held() -> i64 {
    HELD.get()
}

/// The most bytes that this thread has held at a time since [`forget_peak`], beyond what it held then.
pub(crate) fn peak() -> u64 {
    u64::try_from(PEAK.get() - FLOOR.get()).unwrap_or(0)
}

pub(crate) fn forget_peak() {
    FLOOR.set(HELD.get());
    PEAK.set(HELD.get());
}

fn note(taken: usize, given_back: usize) {
    if taken > 0 {
        COUNT.set(COUNT.get() + 1);
    }
    let held = HELD.get() + signed(taken) - signed(given_back);
    HELD.set(held);
    PEAK.set(PEAK.get().max(held));
}

fn signed(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}

// SAFETY: every call goes to `System` unchanged; the counter is a constant-initialised cell, which allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size(), 0);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        note(0, layout.size());
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size(), 0);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, len: usize) -> *mut u8 {
        note(len, layout.size());
        unsafe { System.realloc(memory, layout, len) }
    }
}
