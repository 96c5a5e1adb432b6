//! Two threads with a core each, and a connection between them.

use crate::Outcome;
use core_affinity::CoreId;
use std::net::{TcpListener, TcpStream};
use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

/// After which a message that has not come is lost.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Both ends of a connection on the loopback.
pub(crate) fn connection() -> Outcome<(TcpStream, TcpStream)> {
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

/// Runs `peer` on the second core and `main` on the first, at the same time.
pub(crate) fn side_by_side<A, B: Send>(
    main: impl FnOnce() -> Outcome<A>,
    peer: impl FnOnce() -> Outcome<B> + Send,
) -> Outcome<(A, B)> {
    thread::scope(|scope| {
        let peer = scope.spawn(|| {
            pin(1);
            peer()
        });
        pin(0);
        let main = main();
        let peer = peer.join().map_err(|_| "the peer panicked")?;
        Ok((main?, peer?))
    })
}

/// The processor time that this thread has used, in nanoseconds, where the system tells (Linux).
pub(crate) fn processor_time() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    stat.split_whitespace().next()?.parse().ok()
}

/// Whether there are two cores to use.
pub(crate) fn has_two_cores() -> bool {
    CORES.len() >= 2
}

/// The cores that the program may use, as long as no thread is pinned to one of them.
static CORES: LazyLock<Vec<CoreId>> =
    LazyLock::new(|| core_affinity::get_core_ids().unwrap_or_default());

fn pin(nth: usize) {
    if has_two_cores() {
        core_affinity::set_for_current(CORES[nth]);
    }
}
