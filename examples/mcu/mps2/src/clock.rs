//! Time: microseconds since the start, and who is to be woken when.
//!
//! One timer counts for ever, the other is set to the next alarm. Source: Arm DDI 0479, CMSDK APB timer.

use crate::interrupt::Interrupt;
use crate::register::Register;
use core::cell::{Cell, RefCell};
use core::task::Waker;
use critical_section::{CriticalSection, Mutex};
use embassy_time_driver::{Driver, time_driver_impl};
use embassy_time_queue_utils::Queue;

time_driver_impl!(static CLOCK: Clock = Clock::new());

/// Starts at 0. Until then, time stands still and nobody is woken.
pub(crate) fn start() {
    COUNTER.repeat(PERIOD * CYCLES);
    Interrupt::Counter.enable();
    Interrupt::Alarm.enable();
}

/// The counter has come to the end of a period.
pub(crate) fn count() {
    critical_section::with(|cs| {
        COUNTER.clear();
        let periods = CLOCK.periods.borrow(cs);
        periods.set(periods.get() + 1);
    });
}

/// The time of the alarm has come.
pub(crate) fn ring() {
    critical_section::with(|cs| {
        ALARM.clear();
        CLOCK.wake_due(cs, &mut CLOCK.queue.borrow_ref_mut(cs));
    });
}

struct Clock {
    periods: Mutex<Cell<u64>>,
    queue: Mutex<RefCell<Queue>>,
}

impl Driver for Clock {
    fn now(&self) -> u64 {
        critical_section::with(|cs| self.micros(cs))
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|cs| {
            let mut queue = self.queue.borrow_ref_mut(cs);
            if queue.schedule_wake(at, waker) {
                self.wake_due(cs, &mut queue);
            }
        });
    }
}

impl Clock {
    const fn new() -> Self {
        Self {
            periods: Mutex::new(Cell::new(0)),
            queue: Mutex::new(RefCell::new(Queue::new())),
        }
    }

    fn micros(&self, cs: CriticalSection<'_>) -> u64 {
        let mut left = COUNTER.left();
        let mut periods = self.periods.borrow(cs).get();
        if COUNTER.has_ended() {
            // The period ended behind the start of this critical section: `left` may be of either.
            left = COUNTER.left();
            periods += 1;
        }
        periods * u64::from(PERIOD) + u64::from(PERIOD - left.div_ceil(CYCLES))
    }

    /// Wakes whose time has come, and sets the alarm for who is next.
    fn wake_due(&self, cs: CriticalSection<'_>, queue: &mut Queue) {
        loop {
            let now = self.micros(cs);
            let next = queue.next_expiration(now);
            if next > now {
                // An alarm that is farther away than a timer can count rings too early, and is set again.
                let wait = (next - now).min(u64::from(PERIOD));
                return ALARM.once(wait as u32 * CYCLES);
            }
        }
    }
}

const COUNTER: Timer = Timer::new(0x4000_0000);
const ALARM: Timer = Timer::new(0x4000_1000);

/// Microseconds that the counter counts before it starts anew: a round number near the most that 32 bits hold.
const PERIOD: u32 = 150_000_000;
/// Cycles of the 25 MHz clock in a microsecond.
const CYCLES: u32 = 25;

/// A timer that counts down to 0.
struct Timer {
    control: Register,
    value: Register,
    reload: Register,
    interrupt: Register,
}

impl Timer {
    const fn new(device: usize) -> Self {
        Self {
            control: Register::new(device, 0x0),
            value: Register::new(device, 0x4),
            reload: Register::new(device, 0x8),
            interrupt: Register::new(device, 0xC),
        }
    }

    fn repeat(&self, cycles: u32) {
        self.run(cycles, cycles - 1);
    }

    fn once(&self, cycles: u32) {
        self.run(cycles, 0);
    }

    fn run(&self, cycles: u32, again: u32) {
        self.control.write(0);
        self.reload.write(again);
        self.value.write(cycles);
        self.clear();
        self.control.write(ENABLE | INTERRUPT);
    }

    fn left(&self) -> u32 {
        self.value.read()
    }

    fn has_ended(&self) -> bool {
        self.interrupt.read() != 0
    }

    fn clear(&self) {
        self.interrupt.write(1);
    }
}

const ENABLE: u32 = 1;
const INTERRUPT: u32 = 1 << 3;
