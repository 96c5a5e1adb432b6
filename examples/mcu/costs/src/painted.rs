//! What a node says of its memory, with the feature `painted`: how deep its stack was. Without it, nothing, since the program is
//! one whose size counts.

use ropeway_core::dialect::native::Notice;

/// Paints the stack.
#[inline(always)]
pub fn start() {
    if cfg!(feature = "painted") {
        crate::stack::paint();
    }
}

/// Says how deep the stack was since it was painted, and how many bytes the program has lent.
#[inline(always)]
pub fn end(lent: usize) {
    deepest("stack");
    number("lent", lent);
}

/// The same of the opening, and starts over, once there is a session.
#[inline(always)]
pub fn opened(notice: &Notice<'_>) {
    if matches!(notice, Notice::Opened(_)) {
        deepest("opening");
        start();
    }
}

#[inline(always)]
fn deepest(name: &str) {
    number(
        name,
        if cfg!(feature = "painted") {
            crate::stack::deepest()
        } else {
            0
        },
    );
}

#[inline(always)]
fn number(name: &str, value: usize) {
    if cfg!(feature = "painted") {
        crate::say::number(name, value);
    }
}
