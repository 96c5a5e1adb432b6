//! Two threads with a core each, and a connection between them.

use crate::Outcome;
use core_affinity::CoreId;
use std::net::{TcpListener, TcpStream};
use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

/// After which a message that has not come is lost.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Both ends of a connection on the loopback.
pub fn connection() -> Outcome<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let here = TcpStream::connect(listener.local_addr()?)?;
    let (there, _) = listener.accept()?;
    for end in [&here, &there] {
        end.set_nodelay(true)?;
        end.set_read_timeout(Some(PATIENCE))?;
        end.set_write_timeout(Some(PATIENCE))?;
    }
    Ok((here, there))
}

/// Runs each side on a core of its own, at the same time.
pub fn side_by_side<A: Send, B: Send>(
    one: impl FnOnce() -> Outcome<A> + Send,
    other: impl FnOnce() -> Outcome<B> + Send,
) -> Outcome<(A, B)> {
    thread::scope(|scope| {
        let one = scope.spawn(|| {
            pin(0);
            one()
        });
        let other = scope.spawn(|| {
            pin(1);
            other()
        });
        let one = one.join().map_err(|_| "one side panicked")?;
        let other = other.join().map_err(|_| "the other side panicked")?;
        Ok((one?, other?))
    })
}

/// The cores that the program may use.
static CORES: LazyLock<Vec<CoreId>> =
    LazyLock::new(|| core_affinity::get_core_ids().unwrap_or_default());

fn pin(nth: usize) {
    if CORES.len() >= 2 {
        core_affinity::set_for_current(CORES[nth]);
    }
}
