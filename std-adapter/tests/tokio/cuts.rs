//! Streams that are cut after so many bytes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};

/// One end of a stream that carries only so many bytes, both ways together.
pub(crate) struct Cut {
    stream: DuplexStream,
    left: Arc<AtomicI64>,
}

pub(crate) fn pair(capacity: usize, bytes: i64) -> (Cut, Cut) {
    let left = Arc::new(AtomicI64::new(bytes));
    let (here, there) = duplex(capacity);
    let cut = |stream| Cut {
        stream,
        left: left.clone(),
    };
    (cut(here), cut(there))
}

impl Cut {
    fn check(&self) -> io::Result<usize> {
        match usize::try_from(self.left.load(Ordering::Relaxed)) {
            Ok(left) if left > 0 => Ok(left),
            _ => Err(io::ErrorKind::ConnectionReset.into()),
        }
    }
}

impl AsyncRead for Cut {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_read(context, room)
    }
}

impl AsyncWrite for Cut {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let len = self.check()?.min(bytes.len());
        let len = ready!(Pin::new(&mut self.stream).poll_write(context, &bytes[..len]))?;
        self.left
            .fetch_sub(i64::try_from(len).unwrap(), Ordering::Relaxed);
        Poll::Ready(Ok(len))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
