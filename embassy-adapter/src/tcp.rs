use crate::{AcceptError, CloseError, ConnectError};
use core::net::SocketAddr;
use embassy_net::tcp::{self, State, TcpReader, TcpSocket, TcpWriter};
use embassy_net::{IpAddress, IpEndpoint, Stack};
use embassy_time::{Duration, Timer, with_timeout};
use ropeway_core::Messenger;
use ropeway_core::buf::Storage;
use ropeway_core::dialect::Dialect;
use ropeway_core::pump::{AsyncLink, CancelledWrite};

/// A messenger on a connected socket, which it borrows for as long as it lasts.
///
/// Every method is cancel-safe. Dropping a link sends nothing and closes nothing: [`flush`](AsyncLink::flush) it,
/// then [`close`] the socket.
pub type Link<'s, D, I, O = I> = AsyncLink<D, TcpReader<'s>, TcpWriter<'s>, I, O>;

/// How long a silent peer is waited for, and how a connection is kept from falling silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Timeouts {
    /// A peer that has not been heard for this long is gone: dialling gives up, an established link ends with
    /// `Error::Transport`. This counts on idle links too.
    pub silence: Duration,
    /// After this long without traffic TCP asks whether the peer is there. Less than half of `silence`, so that
    /// one lost answer does not end an idle link.
    pub keep_alive: Duration,
}

/// Dials `remote` and puts `messenger`, at its start, on the connection.
///
/// Whatever the socket was doing before is over: an old connection that was not [`close`]d is reset. Gives up
/// after `timeouts.silence`. Cancel-safe in that the socket can be used again; the messenger is dropped.
pub async fn connect<'s, D: Dialect, I: Storage, O: Storage>(
    socket: &'s mut TcpSocket<'_>,
    remote: SocketAddr,
    timeouts: Timeouts,
    messenger: Messenger<D, I, O>,
) -> Result<Link<'s, D, I, O>, ConnectError> {
    dial(socket, remote, timeouts).await?;
    Ok(attach(socket, messenger))
}

/// Waits for a peer on `port`, of every address this stack has, and puts `messenger`, at its start, on the
/// connection; says also who dialled.
///
/// One socket takes one peer, and while none of the sockets on a port is waiting here, further peers are refused:
/// a listener for several has as many sockets as it serves, and one more. Whatever the socket was doing before is
/// over. Cancel-safe: a dropped future leaves the socket listening, and the next call goes on with that; a peer
/// whose connection was being opened meanwhile is reset and may dial again.
pub async fn accept<'s, D: Dialect, I: Storage, O: Storage>(
    socket: &'s mut TcpSocket<'_>,
    port: u16,
    timeouts: Timeouts,
    messenger: Messenger<D, I, O>,
) -> Result<(Link<'s, D, I, O>, SocketAddr), AcceptError> {
    let peer = wait_for_peer(socket, port, timeouts).await?;
    Ok((attach(socket, messenger), peer))
}

/// Ends the connection behind everything that was written to it, and waits at most `limit` until the peer has
/// acknowledged all of that.
///
/// [`flush`](AsyncLink::flush) the link first: what is still in its outbox is not in the socket. Succeeds at once
/// on a socket that had no connection. However it ends, the socket is ready for the next [`connect`] or
/// [`accept`]. A dropped future has begun to close and can be called again.
pub async fn close(socket: &mut TcpSocket<'_>, limit: Duration) -> Result<(), CloseError> {
    socket.close();
    let flushed = with_timeout(limit, socket.flush()).await;
    let unacknowledged = socket.send_queue();
    if flushed.is_err() {
        clear(socket).await;
        return Err(CloseError::TimedOut { unacknowledged });
    }
    // On a broken connection the stack's flush succeeds, and leaves in the buffer what was not acknowledged.
    if unacknowledged > 0 {
        return Err(CloseError::Lost { unacknowledged });
    }
    Ok(())
}

/// Waits until the stack has an address.
///
/// The stack itself wakes only one task for that: two that wait would wake each other without end.
pub(crate) async fn wait_for_address(stack: Stack<'_>) {
    while !stack.is_config_up() {
        Timer::after(GLANCE).await;
    }
}

const GLANCE: Duration = Duration::from_millis(20);

/// Connects the socket to `remote`.
pub(crate) async fn dial(
    socket: &mut TcpSocket<'_>,
    remote: SocketAddr,
    timeouts: Timeouts,
) -> Result<(), ConnectError> {
    let remote = endpoint(remote).ok_or(ConnectError::Unreachable)?;
    // The stack's own timeout cannot be told from a refusal, so dialling has one around it.
    socket.set_timeout(None);
    let dialled = with_timeout(timeouts.silence, reach(socket, remote)).await;
    if !matches!(dialled, Ok(Ok(()))) {
        socket.abort();
    }
    match dialled {
        Ok(Ok(())) => {
            settle(socket, timeouts);
            Ok(())
        }
        Ok(Err(tcp::ConnectError::NoRoute)) => Err(ConnectError::Unreachable),
        Ok(Err(tcp::ConnectError::TimedOut)) | Err(_) => Err(ConnectError::TimedOut),
        Ok(Err(_)) => Err(ConnectError::Refused),
    }
}

/// Waits until a peer has connected to the socket, and says where it is.
pub(crate) async fn wait_for_peer(
    socket: &mut TcpSocket<'_>,
    port: u16,
    timeouts: Timeouts,
) -> Result<SocketAddr, AcceptError> {
    socket.set_timeout(Some(timeouts.silence));
    loop {
        match socket.accept(port).await {
            Err(tcp::AcceptError::InvalidPort) => return Err(AcceptError::Port),
            Err(_) => clear(socket).await,
            // The stack also ends its wait when a connection breaks before it is established.
            Ok(()) if socket.may_send() => {
                if let Some(peer) = socket.remote_endpoint() {
                    settle(socket, timeouts);
                    return Ok(peer.into());
                }
            }
            Ok(()) => {}
        }
    }
}

async fn reach(socket: &mut TcpSocket<'_>, remote: IpEndpoint) -> Result<(), tcp::ConnectError> {
    match socket.connect(remote).await {
        Err(tcp::ConnectError::InvalidState) => {
            clear(socket).await;
            socket.connect(remote).await
        }
        dialled => dialled,
    }
}

/// Resets an old connection and gives its peer the chance to hear of it.
async fn clear(socket: &mut TcpSocket<'_>) {
    if socket.state() != State::Closed {
        socket.abort();
    }
    let _ = with_timeout(PARTING, socket.flush()).await;
}

/// How long the last words of a link may take, or the reset of an old connection: then the peer learns from its own next
/// packet.
pub(crate) const PARTING: Duration = Duration::from_millis(200);

/// Sets up a connection that has come about.
fn settle(socket: &mut TcpSocket<'_>, timeouts: Timeouts) {
    socket.set_timeout(Some(timeouts.silence));
    socket.set_keep_alive(Some(timeouts.keep_alive));
    socket.set_nagle_enabled(false);
}

fn attach<'s, D: Dialect, I: Storage, O: Storage>(
    socket: &'s mut TcpSocket<'_>,
    messenger: Messenger<D, I, O>,
) -> Link<'s, D, I, O> {
    let (reader, writer) = socket.split();
    AsyncLink::new(messenger, reader, writer, CancelledWrite::TookNothing)
}

fn endpoint(address: SocketAddr) -> Option<IpEndpoint> {
    match address {
        SocketAddr::V4(address) => Some(IpEndpoint::new(
            IpAddress::Ipv4(*address.ip()),
            address.port(),
        )),
        SocketAddr::V6(_) => None,
    }
}
