//! A side that lives in tasks of tokio, all of them on the core of its thread.

use crate::{Outcome, PATIENCE};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::runtime::Builder;

/// Runs one side to its end.
pub fn block_on<T>(side: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(side)
}

/// One end of a [connection](crate::connection), in the runtime that it is called in.
pub fn adopt(stream: std::net::TcpStream) -> Outcome<TcpStream> {
    stream.set_nonblocking(true)?;
    Ok(TcpStream::from_std(stream)?)
}

/// Makes `count` round trips, each by one call of `trip`, and says how long they took.
pub async fn timed(
    count: u32,
    mut trip: impl AsyncFnMut(u32) -> Outcome<()>,
) -> Outcome<Vec<Duration>> {
    let mut times = Vec::with_capacity(count as usize);
    for id in 0..count {
        let start = Instant::now();
        trip(id).await?;
        times.push(start.elapsed());
    }
    Ok(times)
}

/// What `side` results in, or an error when it takes longer than any should.
pub async fn patiently<T>(side: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    tokio::time::timeout(6 * PATIENCE, side).await?
}
