use crate::Options;
use crate::transport::TransportError;
use ::tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use ::tokio::net::TcpStream;
use socket2::SockRef;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

/// A stream of bytes both ways, for a [`Link`](super::Link): TCP, or whatever tokio reads and writes.
///
/// Reading and writing must be cancel-safe, as they are for tokio's own streams: what a dropped read or write has taken, it
/// has taken.
pub struct Stream {
    pub(super) reader: Reader,
    pub(super) writer: Writer,
    pub(super) address: Option<SocketAddr>,
}

/// The reading half. embedded-io-adapters has one as well, with another type of errors than all links here.
pub(super) struct Reader(Box<dyn AsyncRead + Send + Unpin>);

/// The writing half, which flushes what it has written as soon as the stream can.
pub(super) struct Writer {
    stream: Box<dyn AsyncWrite + Send + Unpin>,
    /// Something may have been kept back by the stream.
    is_dirty: bool,
}

impl Stream {
    /// A connected socket, set up as the options say.
    pub fn tcp(stream: TcpStream, options: &Options) -> io::Result<Self> {
        options.apply_to(&SockRef::from(&stream))?;
        let address = stream.peer_addr().ok();
        let (reader, writer) = stream.into_split();
        let halves = Self::halves(reader, writer);
        Ok(Self { address, ..halves })
    }

    /// Any stream, in one piece: of TLS, or in memory.
    pub fn new(stream: impl AsyncRead + AsyncWrite + Send + 'static) -> Self {
        let (reader, writer) = split(stream);
        Self::halves(reader, writer)
    }

    /// Both halves of any stream.
    pub fn halves(
        reader: impl AsyncRead + Send + Unpin + 'static,
        writer: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Self {
        Self {
            reader: Reader(Box::new(reader)),
            writer: Writer {
                stream: Box::new(writer),
                is_dirty: false,
            },
            address: None,
        }
    }

    /// A stream that leads nowhere, for a link that has none.
    pub(super) fn none() -> Self {
        Self::halves(::tokio::io::empty(), ::tokio::io::sink())
    }
}

impl Writer {
    /// Tells the peer that nothing more will come.
    pub(super) async fn shutdown(&mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }

    /// Has the stream write what it has kept back, if it has.
    pub(super) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_dirty {
            ready!(Pin::new(&mut self.stream).poll_flush(context))?;
            self.is_dirty = false;
        }
        Poll::Ready(Ok(()))
    }

    /// The same, as far as that needs no waiting, and says whether that was all. An error is left for the next write to find.
    pub(super) fn try_flush(&mut self) -> bool {
        let flushed = self.poll_flush(&mut Context::from_waker(Waker::noop()));
        flushed.is_ready()
    }
}

impl embedded_io::ErrorType for Reader {
    type Error = TransportError;
}

impl embedded_io::ErrorType for Writer {
    type Error = TransportError;
}

impl embedded_io_async::Read for Reader {
    async fn read(&mut self, room: &mut [u8]) -> Result<usize, TransportError> {
        self.0.read(room).await.map_err(TransportError)
    }
}

impl embedded_io_async::Write for Writer {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, TransportError> {
        poll_fn(|context| {
            let len = ready!(Pin::new(&mut self.stream).poll_write(context, bytes));
            let len = len.map_err(TransportError)?;
            self.is_dirty = true;
            // What was taken is taken, however far it goes.
            let _ = self.poll_flush(context);
            Poll::Ready(Ok(len))
        })
        .await
    }

    async fn flush(&mut self) -> Result<(), TransportError> {
        poll_fn(|context| self.poll_flush(context))
            .await
            .map_err(TransportError)
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}
