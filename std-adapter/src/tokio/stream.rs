use crate::Options;
use crate::transport::TransportError;
use ::tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use ::tokio::net::TcpStream;
use socket2::SockRef;
use std::fmt;
use std::io;
use std::net::SocketAddr;

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

/// The writing half.
pub(super) struct Writer(Box<dyn AsyncWrite + Send + Unpin>);

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
            writer: Writer(Box::new(writer)),
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
        self.0.shutdown().await
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
        self.0.write(bytes).await.map_err(TransportError)
    }

    async fn flush(&mut self) -> Result<(), TransportError> {
        self.0.flush().await.map_err(TransportError)
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
