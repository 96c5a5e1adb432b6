//! A peer to talk to: how it is reached, and what to say when it is not.

use crate::ends::guarded;
use crate::fault::{Fault, Kind};
use crate::line::Line;
use crate::output::complain;
use crate::protocol::Protocol;
use crate::registry::Registry;
use crate::replies::Replies;
use crate::span::span;
use crate::standing::Standing;
use crate::tap::Tap;
use crate::words::Words;
use clap::Args;
use ropeway_std::any::Anything;
use ropeway_std::call::CallError;
use ropeway_std::dialect::cable_car::{CableCarByte, CableCarJson};
use ropeway_std::dialect::clever_show::CleverShow;
use ropeway_std::native::{self, Dial, Key};
use ropeway_std::packetmq::{Packetmq, Policy};
use ropeway_std::transport::{Transport, Wakeable};
use ropeway_std::{
    Connect, ConnectError, Error, Handlers, Link, Node, Options, Polled, SendError, tcptalks,
};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How links are made, whichever side does.
#[derive(Args, Clone)]
pub(crate) struct Speech {
    /// What is spoken on the link
    #[arg(long, short, value_enum, default_value_t)]
    pub(crate) protocol: Protocol,
    /// A TOML file that says which messages there are
    #[arg(long, short, value_name = "FILE")]
    pub(crate) registry: Option<PathBuf>,
    /// A file with the key of a secure link, as keygen writes it; native only
    #[arg(long, short, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// What this program calls itself
    #[arg(long, default_value = "ropeway")]
    pub(crate) name: String,
    /// The password that is asked for; TCPTalks only
    #[arg(long)]
    pub(crate) password: Option<String>,
}

/// A peer to talk to.
#[derive(Args, Clone)]
pub(crate) struct Target {
    /// The peer: a host name or an address, with a port unless it is the protocol's own
    pub(crate) host: String,
    #[command(flatten)]
    pub(crate) speech: Speech,
    /// How long the peer may take to open the link and to answer, in seconds
    #[arg(long, short, default_value = "5", value_parser = span)]
    pub(crate) timeout: Duration,
}

/// What is to be done on an open link.
pub(crate) trait Errand {
    /// What to do with what the peer says.
    fn handlers<D: Anything>(&self, words: &Words, replies: &Replies<D>) -> Handlers<D>;

    /// Does it.
    fn run<D: Anything, T: Wakeable>(
        self,
        peer: &mut Reached<D, T>,
        words: &Words,
    ) -> Result<(), Fault>;

    /// Messages that are said beside those of the registry.
    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether news of the link are printed.
    fn tells_news(&self) -> bool {
        false
    }
}

/// A peer that has been reached.
pub(crate) struct Reached<D: Anything, T: Transport> {
    pub(crate) node: Node<D, T>,
    pub(crate) standing: Arc<Standing>,
    /// The peer's calls that wait for a reply.
    pub(crate) replies: Replies<D>,
    pub(crate) timeout: Duration,
}

impl Speech {
    /// The messages that are spoken.
    pub(crate) fn words(&self) -> Result<Words, Fault> {
        let protocol = self.protocol;
        let is_native = protocol == Protocol::Native;
        if self.key.is_some() && !is_native {
            return Err(Fault::input(format!("{protocol} has no secure links"))
                .hint("leave --key out, or speak native"));
        }
        if self.password.is_some() && protocol != Protocol::TcpTalks {
            return Err(
                Fault::input(format!("{protocol} has no passwords")).hint("leave --password out")
            );
        }
        let registry = match &self.registry {
            Some(path) => Registry::read(path)?,
            None => Registry::default(),
        };
        registry.check(protocol)?;
        let registry = Arc::new(registry);
        Ok(Words { protocol, registry })
    }

    /// The settings of a native program.
    pub(crate) fn config(&self, words: &Words) -> Arc<native::Config> {
        let config = native::config().name(&self.name);
        Arc::new(match words.registry.entries() {
            [] => config,
            entries => config.registry(entries, native::Policy::Enforce),
        })
    }

    /// The TCPTalks end that dials.
    fn tcptalks(&self) -> tcptalks::Dialect {
        let dialect = tcptalks::Dialect::dialling(tcptalks::Values::new(VALUES), seed());
        guarded(dialect, self.password.as_deref())
    }
}

impl Target {
    /// Reaches the peer, does the errand, and leaves.
    pub(crate) fn run<E: Errand>(&self, errand: E) -> Result<(), Fault> {
        let words = self.speech.words()?;
        let addresses = self.resolve()?;
        match self.speech.protocol {
            Protocol::Native => self.run_native(errand, &words, addresses),
            Protocol::CableCarByte => self.run_plain(CableCarByte, errand, &words, &addresses),
            Protocol::CableCarJson => self.run_plain(CableCarJson, errand, &words, &addresses),
            Protocol::Packetmq => {
                let packets = words.packets(&errand.names())?;
                let dialect = Packetmq::new(Policy::Adaptive, packets);
                self.run_plain(dialect, errand, &words, &addresses)
            }
            Protocol::CleverShow => self.run_plain(CleverShow::new(), errand, &words, &addresses),
            Protocol::TcpTalks => {
                self.run_plain(self.speech.tcptalks(), errand, &words, &addresses)
            }
        }
    }

    /// The address as it is shown.
    pub(crate) fn address(&self) -> String {
        self.speech.protocol.address(&self.host)
    }

    /// Its addresses.
    pub(crate) fn resolve(&self) -> Result<Vec<SocketAddr>, Fault> {
        let address = self.address();
        let unknown = || {
            Fault::new(
                Kind::Unreachable,
                format!("no host is called {}", self.host),
            )
            .hint("give its address, or see who is there with `ropeway discover`")
        };
        let found: Vec<_> = address.to_socket_addrs().map_err(|_| unknown())?.collect();
        match found.is_empty() {
            true => Err(unknown()),
            false => Ok(found),
        }
    }

    /// Over the native protocol: the link is dialled again whenever it is lost.
    fn run_native<E: Errand>(
        &self,
        errand: E,
        words: &Words,
        addresses: Vec<SocketAddr>,
    ) -> Result<(), Fault> {
        let standing = Arc::new(Standing::new(errand.tells_news()));
        let replies = Replies::new();
        let mut handlers = errand.handlers(words, &replies);
        standing.listen(&mut handlers);
        let mut dial = Dial::new(Addresses(addresses))
            .attempt(self.timeout)
            .opening(self.timeout);
        if let Some(path) = &self.speech.key {
            let wrong = |error| {
                Fault::input(format!("{}: {error}", path.display()))
                    .hint("draw one with `ropeway keygen`")
            };
            dial = dial.secure(Key::read(path).map_err(wrong)?);
        }
        let config = self.speech.config(words);
        let node = dial
            .polled_client(&config, handlers)
            .map_err(Fault::failed)?;
        let mut reached = Reached {
            node,
            standing,
            replies,
            timeout: self.timeout,
        };
        self.open_native(&mut reached)?;
        let done = errand.run(&mut reached, words);
        let left = reached.node.close(self.timeout);
        done?;
        match left {
            Ok(true) | Err(Error::Closed) => Ok(()),
            Ok(false) => Err(Fault::new(
                Kind::Unfinished,
                "the peer has not taken all that was said",
            )),
            Err(error) => Err(self.broken(&error, None)),
        }
    }

    /// Waits for the first opening, and gives up at the first failure.
    fn open_native<T: Wakeable>(
        &self,
        reached: &mut Reached<native::Native, T>,
    ) -> Result<(), Fault> {
        let end = Instant::now() + self.timeout;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let turned = reached.node.turn(left);
            if reached.standing.is_open() {
                return Ok(());
            }
            if let Some(lost) = reached.standing.lost() {
                return Err(self.unreached(lost.kind(), &lost.to_string()));
            }
            if let Err(error) = turned {
                return Err(self.broken(&error, None));
            }
            if left.is_zero() {
                return Err(self.unreached(io::ErrorKind::TimedOut, "it does not open the link"));
            }
        }
    }

    /// Over a protocol without sessions: one link, and when it ends all is over.
    fn run_plain<D: Anything, E: Errand>(
        &self,
        dialect: D,
        errand: E,
        words: &Words,
        addresses: &[SocketAddr],
    ) -> Result<(), Fault> {
        let connect = Connect::new(addresses)
            .attempt(self.timeout)
            .deadline(Duration::ZERO);
        let stream = connect.stream().map_err(|error| match error {
            ConnectError::Deadline { last, .. } => self.unreached(last.kind(), &last.to_string()),
            ConnectError::Failed { error, .. } => self.unreached(error.kind(), &error.to_string()),
            other => Fault::new(Kind::Unreachable, other),
        })?;
        let tap = Tap::new(Polled::new(stream)?);
        let seen = tap.seen();
        let standing = Arc::new(Standing::new(errand.tells_news()));
        let replies = Replies::new();
        let mut handlers = errand.handlers(words, &replies);
        standing.listen(&mut handlers);
        let link = Link::over(dialect, tap, &Options::default()).map_err(Fault::failed)?;
        let mut reached = Reached {
            node: Node::new(link, handlers),
            standing,
            replies,
            timeout: self.timeout,
        };
        let done = self.do_plain(errand, &mut reached, words);
        let heard = seen.first();
        if let Some(other) = crate::tap::another(&heard, self.speech.protocol)
            && (done.is_err() || reached.standing.has_malformed())
        {
            let text = format!(
                "{} does not speak {}: this looks like {other}",
                self.address(),
                self.speech.protocol
            );
            return Err(Fault::new(Kind::Protocol, text).hint("say which with --protocol"));
        }
        done?;
        // These protocols have no word for the end: what the peer does with its own is its affair.
        match reached.node.close(FAREWELL) {
            Ok(_) | Err(Error::Closed) => Ok(()),
            Err(error) => Err(self.broken(&error, None)),
        }
    }

    fn do_plain<D: Anything, T: Wakeable, E: Errand>(
        &self,
        errand: E,
        reached: &mut Reached<D, T>,
        words: &Words,
    ) -> Result<(), Fault> {
        match reached.node.open(self.timeout) {
            Ok(true) => errand.run(reached, words),
            Ok(false) => Err(self.unreached(io::ErrorKind::TimedOut, "it does not open the link")),
            Err(error) => Err(self.broken(&error, reached.standing.said())),
        }
    }

    /// There is no link.
    pub(crate) fn unreached(&self, kind: io::ErrorKind, why: &str) -> Fault {
        let (address, protocol) = (self.address(), self.speech.protocol);
        match kind {
            io::ErrorKind::ConnectionRefused => {
                let text = format!("nobody listens at {address}");
                let hint = format!(
                    "start the peer, or give its port: {protocol} is usually at {}",
                    protocol.port()
                );
                Fault::new(Kind::Unreachable, text).hint(hint)
            }
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
                let text = format!("{address} does not answer: {why}");
                Fault::new(Kind::Unreachable, text)
                    .hint("is it this host, this port and this --protocol?")
            }
            io::ErrorKind::Other => {
                Fault::new(Kind::Protocol, format!("{address}: {why}")).hint(hint_for(why))
            }
            _ => Fault::new(Kind::Unreachable, format!("{address}: {why}")),
        }
    }

    /// The link has ended.
    pub(crate) fn broken(&self, error: &Error, said: Option<String>) -> Fault {
        let address = self.address();
        match error {
            Error::Closed => match said {
                Some(said) => {
                    let text = format!("{address} closed the link: {said}");
                    Fault::new(Kind::Protocol, text).hint(hint_for(&said))
                }
                None => Fault::new(Kind::Unfinished, format!("{address} closed the link")),
            },
            Error::OutOfStep => {
                let text = format!("{address} broke the rules of {}", self.speech.protocol);
                let said = said.map_or_else(|| text.clone(), |said| format!("{text}: {said}"));
                Fault::new(Kind::Protocol, said).hint("is it this --protocol?")
            }
            Error::Ended(why) => {
                let why = why.to_string();
                Fault::new(Kind::Protocol, format!("{address}: {why}")).hint(hint_for(&why))
            }
            Error::Transport(error) => Fault::new(Kind::Unfinished, format!("{address}: {error}")),
            other => Fault::failed(format!("{address}: {other}")),
        }
    }
}

impl<D: Anything, T: Wakeable> Reached<D, T> {
    /// Waits for something to happen, and does it.
    pub(crate) fn turn(&mut self, timeout: Duration) -> Result<bool, Fault> {
        self.node.turn(timeout).map_err(|error| {
            let said = self.standing.said();
            let text = match said {
                Some(said) => format!("the link ended: {error}: {said}"),
                None => format!("the link ended: {error}"),
            };
            let kind = match error {
                Error::OutOfStep | Error::Ended(_) => Kind::Protocol,
                _ => Kind::Unfinished,
            };
            Fault::new(kind, text)
        })
    }
}

/// Why a call has no answer.
pub(crate) fn call_fault(error: &CallError) -> Fault {
    match error {
        CallError::Deadline => {
            Fault::new(Kind::Unfinished, error).hint("give it longer with --timeout")
        }
        CallError::LinkLost | CallError::InDoubt => Fault::new(Kind::Unfinished, error),
        CallError::Malformed(_) => {
            Fault::new(Kind::Protocol, error).hint("does the registry say what the answer is?")
        }
        CallError::NoCalls => Fault::input(error).hint("send a message instead"),
        CallError::Send(error) => send_fault(*error),
        _ => Fault::failed(error),
    }
}

/// Why a message was not sent.
pub(crate) fn send_fault(error: SendError) -> Fault {
    match error {
        SendError::TooLong { .. } => {
            Fault::input(error).hint("send less at once, or a file with `ropeway put`")
        }
        SendError::Unregistered => {
            Fault::input(error).hint("give a --registry that has it; the peer must have it, too")
        }
        SendError::Unencodable => Fault::input("the protocol has no form for this message")
            .hint("look at the code and the body"),
        other => Fault::failed(other),
    }
}

fn hint_for(why: &str) -> &'static str {
    match why {
        why if why.contains("nonequalpackets") => {
            "both ends must register the same packets: give --registry"
        }
        why if why.contains("looks like") => "say which with --protocol",
        why if why.contains("key") || why.contains("secure") => {
            "both ends need the same --key, or none"
        }
        why if why.contains("registry") || why.contains("message") => {
            "both ends must mean the same messages: compare the registries"
        }
        _ => "is it this host, this port and this --protocol?",
    }
}

/// Addresses that have been looked up.
struct Addresses(Vec<SocketAddr>);

impl ToSocketAddrs for Addresses {
    type Iter = std::vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        Ok(self.0.clone().into_iter())
    }
}

/// A number that no other start has had.
pub(crate) fn seed() -> u32 {
    getrandom::u32().unwrap_or_default()
}

/// A line of news, which go beside the messages.
pub(crate) fn news(line: Line) {
    complain(&line.to_string());
}

/// How many values a pickle may have.
pub(crate) const VALUES: usize = 100_000;

/// How long the peer may take to end its side of a link.
const FAREWELL: Duration = Duration::from_millis(500);
