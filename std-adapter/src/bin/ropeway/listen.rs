//! `ropeway listen`: waits for peers, prints what they say, and says to all of them what comes on standard input.

use crate::ends::{End, Opening, keyring, open};
use crate::fault::{Fault, Kind};
use crate::hearing::{Manner, hearing};
use crate::input::Input;
use crate::interrupt::Interrupt;
use crate::line::Line;
use crate::protocol::Protocol;
use crate::replies::{Replies, Waiting};
use crate::said::Spoken;
use crate::span::span;
use crate::target::{Speech, news, send_fault};
use crate::words::Words;
use clap::Args;
use ropeway_std::any::{Anything, Body, Content};
use ropeway_std::files::{Files, Root};
use ropeway_std::hub::{Hub, Limits, News, PeerId, PeerInfo, Peers};
use ropeway_std::{Handlers, Options, SendError};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Where to wait, and for whom.
#[derive(Args)]
pub(crate) struct Listen {
    /// Where to listen: an address, a port, or both; port 0 takes one that is free
    #[arg(default_value = "127.0.0.1")]
    address: String,
    #[command(flatten)]
    speech: Speech,
    #[command(flatten)]
    manner: Manner,
    /// A folder that peers may put files into and get files from; native only
    #[arg(long, value_name = "FOLDER")]
    root: Option<PathBuf>,
    /// End after so many messages and calls
    #[arg(long)]
    count: Option<u64>,
    /// Wait for a peer for so many seconds, and end when the last one has left
    #[arg(long, value_parser = span)]
    until_left: Option<Duration>,
}

impl Listen {
    pub(crate) fn run(self) -> Result<(), Fault> {
        let words = self.speech.words()?;
        if self.root.is_some() && self.speech.protocol != Protocol::Native {
            return Err(Fault::input("only the native protocol carries files here")
                .hint("leave --root out"));
        }
        let mut options = Options::default();
        if let Some(path) = &self.speech.key {
            options = options.keyring(keyring(path)?);
        }
        let config = self.speech.config(&words);
        let opening = Ears {
            listen: &self,
            words: &words,
            options,
        };
        open(&words, &config, self.speech.password.as_deref(), opening)
    }

    fn serve<D: Anything>(&self, words: &Words, hub: Hub<D>) -> Result<(), Fault> {
        let state = Arc::new(Mutex::new(State::default()));
        let replies = Replies::new();
        let mut hub = hub.with_handlers(self.handlers(words, &state, &replies));
        let interrupt = Interrupt::listen()?;
        let address = self.bind(&mut hub)?;
        news(
            Line::default()
                .with("listening", address.to_string())
                .with("protocol", words.protocol.to_string()),
        );
        let handle = hub.handle();
        let waking = handle.clone();
        interrupt.wakes(move || waking.wake());
        let mut saying = Saying {
            words,
            input: Input::begin(move || handle.wake()),
            replies,
            unsaid: None,
        };
        let begun = Instant::now();
        while !interrupt.has_come() {
            let state = state.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let is_enough = self.count.is_some_and(|count| state.heard >= count);
            let are_gone = self.until_left.is_some() && state.joined > 0 && hub.is_empty();
            if is_enough || are_gone {
                break;
            }
            saying.go_on(&mut hub);
            let patience = match self.until_left {
                Some(patience) if state.joined == 0 => patience.saturating_sub(begun.elapsed()),
                _ => Duration::MAX,
            };
            // What wakes it up, such as the input, is nobody who came.
            if !hub.turn(patience)? && patience.is_zero() {
                return Err(Fault::new(Kind::Unreachable, "nobody came")
                    .hint("wait longer, or look at the address"));
            }
        }
        hub.shutdown(FAREWELL)?;
        Ok(())
    }

    fn bind<D: Anything>(&self, hub: &mut Hub<D>) -> Result<std::net::SocketAddr, Fault> {
        let address = match self.address.parse::<u16>() {
            Ok(port) => format!("127.0.0.1:{port}"),
            Err(_) => self.speech.protocol.address(&self.address),
        };
        let listener = hub.listen(address.as_str()).map_err(|error| {
            let fault = Fault::failed(format!("{address}: {error}"));
            match error.kind() {
                io::ErrorKind::AddrInUse => {
                    fault.hint("another program listens there; take another port, or 0")
                }
                io::ErrorKind::AddrNotAvailable => fault.hint("this machine has no such address"),
                _ => fault,
            }
        })?;
        Ok(hub.address(listener).expect("it listens there"))
    }

    fn handlers<D: Anything>(
        &self,
        words: &Words,
        state: &Arc<Mutex<State>>,
        replies: &Replies<D>,
    ) -> Handlers<D> {
        let state = state.clone();
        let heard = state.clone();
        let sign = move |peer: &mut ropeway_std::Peer<'_, D>, line: Line| {
            let mut state = heard.lock().unwrap_or_else(PoisonError::into_inner);
            state.heard += 1;
            let from = peer.address().map(|address| address.to_string());
            let line = line.with_some("from", from);
            line.with_some("peer", peer.dialect().calls_itself())
        };
        let mut handlers = hearing(words.clone(), self.manner, replies.clone(), sign);
        handlers.news(move |peers, what| {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            state.joined += u64::from(matches!(what, News::Joined(_)));
            tell(peers, what);
        });
        handlers.files(|peer, event| {
            if event.is_last() {
                let line = Line::default()
                    .with("file", &*event.name)
                    .with("stage", event.stage.to_string());
                let from = peer.address().map(|address| address.to_string());
                news(line.with("bytes", event.done).with_some("from", from));
            }
        });
        handlers
    }
}

/// What it listens with.
struct Ears<'a> {
    listen: &'a Listen,
    words: &'a Words,
    options: Options,
}

impl Opening for Ears<'_> {
    type Opened = ();

    fn open<D: End>(
        self,
        dialect: impl FnMut(&PeerInfo) -> D + Send + 'static,
    ) -> Result<(), Fault> {
        let mut hub = Hub::new(dialect, self.options, Limits::default())?;
        if let Some(folder) = &self.listen.root {
            if !folder.is_dir() {
                return Err(Fault::input(format!("{} is no folder", folder.display())));
            }
            let root = || Root::new(folder);
            hub = D::carry(hub, Files::new().receive(root()).serve(root()));
        }
        self.listen.serve(self.words, hub)
    }
}

/// What has happened so far.
#[derive(Clone, Debug, Default)]
struct State {
    heard: u64,
    joined: u64,
}

/// What comes on standard input, and goes to the peers.
struct Saying<'a, D: Anything> {
    words: &'a Words,
    input: Input,
    replies: Replies<D>,
    /// What is still to be said, and to whom.
    unsaid: Option<(Content, Vec<PeerId>)>,
}

impl<D: Anything> Saying<'_, D> {
    /// Says the lines of the input, as long as there is room for them.
    fn go_on(&mut self, hub: &mut Hub<D>) {
        while self.has_said_all(hub) {
            let Some(line) = self.input.take() else {
                return;
            };
            let spoken = line.text().and_then(|text| self.speak(hub, text));
            if let Err(fault) = spoken {
                let error = Line::default().with("error", fault.to_string());
                news(error.with("line", line.shown()));
            }
        }
    }

    fn speak(&mut self, hub: &mut Hub<D>, line: &str) -> Result<(), Fault> {
        match Spoken::read(line)? {
            Spoken::Said(said) if said.is_call => Err(Fault::input("calls are for one peer")
                .hint("make them with `ropeway call` or `ropeway connect`")),
            Spoken::Said(said) => {
                let content = self.words.content(&said)?;
                self.unsaid = Some((content, hub.ids().collect()));
                Ok(())
            }
            Spoken::Reply(number, given) => {
                let call = self.replies.take(number)?;
                match self.words.answer(&call.key, &given) {
                    Ok(body) => self.answer(hub, call, body),
                    Err(fault) => {
                        self.replies.put_back(number, call);
                        Err(fault)
                    }
                }
            }
        }
    }

    fn answer(&self, hub: &mut Hub<D>, call: Waiting<D>, body: Body) -> Result<(), Fault> {
        let gone = || Fault::failed("the peer that called has left");
        let mut peer = hub.get(call.peer).ok_or_else(gone)?;
        peer.answer_any_soon(call.id, call.key, body);
        Ok(())
    }

    /// Says what is still to be said, where there is room for it.
    fn has_said_all(&mut self, hub: &mut Hub<D>) -> bool {
        let Some((content, to)) = &mut self.unsaid else {
            return true;
        };
        to.retain(|peer| match hub.send(*peer, content) {
            Err(SendError::Full) => true,
            Err(SendError::NotOpen) | Ok(()) => false,
            Err(error) => {
                news(Line::default().with("error", send_fault(error).to_string()));
                false
            }
        });
        let is_said = to.is_empty();
        if is_said {
            self.unsaid = None;
        }
        is_said
    }
}

/// Tells who comes and goes.
fn tell<D: Anything>(peers: &mut Peers<D>, what: &News) {
    let (event, info, why) = match what {
        News::Joined(info) => ("joined", info, None),
        News::Back(info) => ("back", info, None),
        News::Left(info, why) => ("left", info, Some(why)),
        News::Away(info, why) => ("away", info, Some(why)),
        News::TurnedAway(info, why) => ("turned away", info, Some(why)),
        other => return news(Line::default().with("error", format!("{other:?}"))),
    };
    let line = Line::default().with(event, info.address.to_string());
    let mut peer = peers.get(info.id);
    let name = peer.as_mut().and_then(|peer| peer.dialect().calls_itself());
    news(
        line.with_some("peer", name)
            .with_some("why", why.map(ToString::to_string)),
    );
}

/// How long peers may take to hear that it ends.
const FAREWELL: Duration = Duration::from_secs(1);
