//! Moves bytes between a peer's messenger and a stream.

use crate::event::Lost;
use crate::files::Carry;
use crate::slot::{Inner, Slot};
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::{Context, Poll};
use embassy_time::{Duration, Instant, Timer};
use embedded_io_async::{Read, Write};
use ropeway_core::Over;
use ropeway_core::dialect::Dialect;
use ropeway_core::wire::Wire;

/// Whether a stream passes on what was written without being asked to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passing {
    /// As a socket does.
    OfItself,
    /// As a line that collects bytes does.
    WhenFlushed,
}

/// Serves a transport until it is lost, or another takes its place, and says why it ended and whether its link was open.
///
/// A future that is dropped has lost it.
///
/// Bytes go straight between the stream and the messenger, which is held only while they do: reads and writes are begun
/// anew with every poll, and dropped when they are not done at once. So a stream must lose nothing by that, and go on to
/// wake who waits.
pub(crate) async fn serve<D: Dialect, F: Carry<D>, X: Wire>(
    slot: &Slot<'_, D, F, X>,
    transport: u32,
    mut reader: impl Read,
    mut writer: impl Write,
    passing: Passing,
    open_by: Instant,
) -> (Lost, bool) {
    let attached = Attached { slot, transport };
    let (mut ending, mut last_word_by) = (None, None);
    let (mut is_flushed, mut was_open) = (true, false);
    let lost = poll_fn(|context| {
        let mut inner = slot.lock();
        if inner.transport != transport {
            return Poll::Ready(Lost::Superseded);
        }
        inner.mail.handle_time(now());
        let mut has_changed = inner.settle();
        was_open |= inner.mail.dialect().is_open();
        for turn in 0.. {
            if ending.is_some() {
                break;
            }
            if turn == TURNS {
                // Others have their turn.
                context.waker().wake_by_ref();
                break;
            }
            let received = receive(&mut inner, &mut reader, context);
            let settled = inner.settle();
            let written = write(&mut inner, &mut writer, context);
            is_flushed &= !written.is_moved();
            let moved = received.is_moved() || written.is_moved() || settled;
            ending = received.ending().or(written.ending());
            has_changed |= moved;
            if !moved {
                break;
            }
        }
        if passing == Passing::WhenFlushed && !is_flushed {
            is_flushed = pin!(writer.flush()).poll(context).is_ready();
        }
        if let Some(ending) = &mut ending {
            has_changed |= let_go(&mut inner, &mut writer, ending, context);
        }
        let lost = over(&mut inner, ending, open_by, &mut last_word_by);
        if has_changed || lost.is_some() {
            inner.settle();
            inner.wake_tasks();
        }
        if let Some(lost) = lost {
            return Poll::Ready(lost);
        }
        inner.register_runner(context);
        wake_at(timeout(&inner, last_word_by.unwrap_or(open_by)), context);
        Poll::Pending
    })
    .await;
    attached.slot.lose(transport, lost);
    (lost, was_open)
}

/// A transport that is served.
struct Attached<'s, 'd, D: Dialect, F: Carry<D>, X: Wire> {
    slot: &'s Slot<'d, D, F, X>,
    transport: u32,
}

impl<D: Dialect, F: Carry<D>, X: Wire> Drop for Attached<'_, '_, D, F, X> {
    fn drop(&mut self) {
        self.slot.lose(self.transport, Lost::Broken);
    }
}

/// What a read or a write has come to.
enum Moved {
    Some,
    None,
    Ended(Lost),
}

impl Moved {
    const fn is_moved(&self) -> bool {
        matches!(self, Self::Some)
    }

    const fn ending(self) -> Option<Lost> {
        match self {
            Self::Ended(lost) => Some(lost),
            Self::Some | Self::None => None,
        }
    }
}

fn receive<D: Dialect, F: Carry<D>, X: Wire>(
    inner: &mut Inner<'_, D, F, X>,
    reader: &mut impl Read,
    context: &mut Context<'_>,
) -> Moved {
    let room = inner.mail.input_room();
    if room.is_empty() {
        return Moved::None;
    }
    let read = pin!(reader.read(room)).poll(context);
    match read {
        Poll::Pending => Moved::None,
        Poll::Ready(Ok(0)) => Moved::Ended(Lost::Closed),
        Poll::Ready(Ok(len)) => {
            inner.mail.handle_input(len);
            Moved::Some
        }
        Poll::Ready(Err(_)) => Moved::Ended(Lost::Broken),
    }
}

fn write<D: Dialect, F: Carry<D>, X: Wire>(
    inner: &mut Inner<'_, D, F, X>,
    writer: &mut impl Write,
    context: &mut Context<'_>,
) -> Moved {
    let mut moved = Moved::None;
    while inner.mail.has_output() {
        let waiting = inner.mail.poll_output();
        if waiting.is_empty() {
            break;
        }
        let written = pin!(writer.write(waiting)).poll(context);
        match written {
            Poll::Pending => break,
            Poll::Ready(Ok(len)) if len > 0 => {
                inner.mail.handle_written(len);
                moved = Moved::Some;
            }
            Poll::Ready(_) => return Moved::Ended(Lost::Broken),
        }
    }
    moved
}

/// Lets go of what is said after the peer's end, so that nobody waits for room: to the peer, which may have ended no more
/// than its own half, or to nowhere; says whether there was any.
fn let_go<D: Dialect, F: Carry<D>, X: Wire>(
    inner: &mut Inner<'_, D, F, X>,
    writer: &mut impl Write,
    ending: &mut Lost,
    context: &mut Context<'_>,
) -> bool {
    if D::HAS_SESSIONS {
        return false;
    }
    if *ending == Lost::Closed {
        match write(inner, writer, context) {
            Moved::Ended(lost) => *ending = lost,
            moved => return moved.is_moved(),
        }
    }
    let mut has_let_go = false;
    while let len @ 1.. = inner.mail.poll_output().len() {
        inner.mail.handle_written(len);
        has_let_go = true;
    }
    has_let_go
}

/// Why the link is over, if it is.
fn over<D: Dialect, F: Carry<D>, X: Wire>(
    inner: &mut Inner<'_, D, F, X>,
    ending: Option<Lost>,
    open_by: Instant,
    last_word_by: &mut Option<Instant>,
) -> Option<Lost> {
    if let Some(lost) = ending {
        if D::HAS_SESSIONS {
            return Some(lost);
        }
        // What came before is delivered first.
        inner.mail.handle_end();
        return inner.mail.is_over().map(|_| lost);
    }
    let now = Instant::now();
    let Some(over) = inner.mail.is_over() else {
        let is_late = !inner.mail.dialect().is_open() && now >= open_by;
        return is_late.then_some(Lost::Opening);
    };
    // The last word goes out first.
    if inner.mail.has_output() && now < *last_word_by.get_or_insert_with(|| deadline(LAST_WORD)) {
        return None;
    }
    Some(match over {
        Over::OutOfStep => Lost::OutOfStep,
        Over::Ended | Over::Quit => Lost::Ended,
    })
}

fn timeout<D: Dialect, F: Carry<D>, X: Wire>(
    inner: &Inner<'_, D, F, X>,
    open_by: Instant,
) -> Option<Instant> {
    let opening = (!inner.mail.dialect().is_open()).then_some(open_by);
    let next = inner.mail.next_timeout();
    let next = next.map(|at| Instant::from_micros(at.as_micros()));
    let again = inner.is_held.then(|| Instant::now() + AGAIN);
    opening.into_iter().chain(next).chain(again).min()
}

/// How long what is said of the end of a link may take.
const LAST_WORD: Duration = Duration::from_secs(1);

/// How often bytes are moved both ways before other tasks have their turn.
const TURNS: u32 = 8;

/// When a sink that was busy is asked again.
const AGAIN: Duration = Duration::from_millis(5);

/// Has the task polled then. A timer that is dropped wakes all the same.
fn wake_at(at: Option<Instant>, context: &mut Context<'_>) {
    if let Some(at) = at
        && pin!(Timer::at(at)).poll(context).is_ready()
    {
        context.waker().wake_by_ref();
    }
}

/// The time, as the core counts it.
pub(crate) fn now() -> ropeway_core::Instant {
    ropeway_core::Instant::from_micros(Instant::now().as_micros())
}

/// When so much time from now on will be over.
pub(crate) fn deadline(limit: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(limit).unwrap_or(Instant::MAX)
}
