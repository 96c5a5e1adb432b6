//! Sends back what comes, over TCP: by this a board shows that its network works.
//!
//! The light is on while a peer is connected. Says `ready` once it listens, and after each peer how it went. The
//! setting `peers` is after how many of them to restart; without it, never.

use crate::{Board, Settings};
use core::cell::RefCell;
use embassy_futures::join::join3;
use embassy_net::Stack;
use embassy_net::tcp::{Error, TcpSocket};
use embassy_time::{Duration, with_timeout};
use embedded_io_async::Write;

/// Where peers dial.
pub const PORT: u16 = 8225;

/// The sockets that this opens; each serves one peer at a time.
pub const SOCKETS: usize = 2;

/// Serves whoever dials, for ever.
pub async fn run(stack: Stack<'static>, board: impl Board, settings: &Settings<'_>) -> ! {
    let desk = RefCell::new(Desk::new(board, settings));
    stack.wait_config_up().await;
    if let Some(network) = stack.config_v4() {
        desk.borrow_mut()
            .say(format_args!("{} has {}", settings.name, network.address));
    }
    // Joined futures are polled in order, so both listen when the third says so.
    let ready = async { desk.borrow_mut().say(format_args!("ready")) };
    join3(serve(stack, &desk), serve(stack, &desk), ready)
        .await
        .0
}

/// One peer after the other.
async fn serve(stack: Stack<'static>, desk: &RefCell<Desk<impl Board>>) -> ! {
    let (mut rx, mut tx) = ([0; BUFFER], [0; BUFFER]);
    let mut socket = TcpSocket::new(stack, &mut rx, &mut tx);
    socket.set_timeout(Some(SILENCE));
    socket.set_keep_alive(Some(KEEP_ALIVE));
    loop {
        if socket.accept(PORT).await.is_ok() {
            desk.borrow_mut().welcome();
            let echoed = echo(&mut socket).await;
            socket.close();
            let _ = with_timeout(SILENCE, socket.flush()).await;
            desk.borrow_mut().part(echoed);
        }
        socket.abort();
        let _ = socket.flush().await;
    }
}

/// Sends back all that comes until the peer has no more, and counts it.
async fn echo(socket: &mut TcpSocket<'_>) -> Result<usize, Error> {
    let mut bytes = [0; BUFFER];
    let mut echoed = 0;
    loop {
        let len = socket.read(&mut bytes).await?;
        if len == 0 {
            return Ok(echoed);
        }
        socket.write_all(&bytes[..len]).await?;
        echoed += len;
    }
}

/// The board, and who is there.
struct Desk<B> {
    board: B,
    peers: u32,
    /// After how many more to restart.
    left: Option<u32>,
}

impl<B: Board> Desk<B> {
    fn new(board: B, settings: &Settings<'_>) -> Self {
        let left = settings.get("peers");
        Self {
            board,
            peers: 0,
            left: left.map(|peers| peers.parse().expect("a number in peers=NUMBER")),
        }
    }

    fn say(&mut self, line: core::fmt::Arguments<'_>) {
        self.board.say(line);
    }

    fn welcome(&mut self) {
        self.peers += 1;
        self.board.set_light(true);
    }

    fn part(&mut self, echoed: Result<usize, Error>) {
        self.peers -= 1;
        self.board.set_light(self.peers > 0);
        let (celsius, memory) = (self.board.celsius(), self.board.memory());
        self.say(format_args!(
            "{echoed:?} echoed, {celsius:.1} C, {memory:?}"
        ));
        self.left = self.left.map(|peers| peers.saturating_sub(1));
        if self.left == Some(0) {
            self.board.restart();
        }
    }
}

const BUFFER: usize = 4096;
/// A peer that is not heard for this long is gone.
const SILENCE: Duration = Duration::from_secs(10);
const KEEP_ALIVE: Duration = Duration::from_secs(3);
