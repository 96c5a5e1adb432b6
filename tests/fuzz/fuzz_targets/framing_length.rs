#![no_main]

use libfuzzer_sys::fuzz_target;
use ropeway_core::framing::Length;
use ropeway_fuzz::{Limit, Pieces, walk};

fuzz_target!(|input: (Limit, Pieces, &[u8])| {
    let (Limit(limit), pieces, bytes) = input;
    walk::<Length>(bytes, &pieces, limit);
});
