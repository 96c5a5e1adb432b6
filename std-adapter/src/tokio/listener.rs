use super::{Link, Stream};
use crate::transport::transport_error;
use crate::wire::End;
use crate::{Error, Options};
use ::tokio::net::{TcpListener, ToSocketAddrs};
use ropeway_core::dialect::Dialect;
use std::io;
use std::net::SocketAddr;

/// Waits for peers at a port.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Listens at `address`; port 0 takes any that is free.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// The address it listens at, with the port that was free.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next peer as a link. Cancel-safe.
    pub async fn accept<D: Dialect>(
        &self,
        dialect: D,
        options: &Options,
    ) -> Result<Link<D>, Error> {
        let stream = self.stream(options).await.map_err(transport_error)?;
        Link::at(dialect, stream, options, End::Listens)
    }

    /// The next peer's stream. Cancel-safe.
    pub async fn stream(&self, options: &Options) -> io::Result<Stream> {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => match Stream::tcp(stream, options) {
                    Ok(stream) => return Ok(stream),
                    // A caller that is gone again by now is nobody's fault here.
                    Err(_) => {}
                },
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => return Err(error),
            }
        }
    }
}
