//! The hubs of all protocols, in one thread.

use super::content::Shown;
use super::happening::{Direction, Kind};
use super::line::{Line, LineOf};
use super::places::Place;
use super::state::Board;
use crate::ends::{End, Opening, open};
use crate::fault::Fault;
use crate::protocol::Protocol;
use crate::registry::Registry;
use crate::words::{Words, unhandled};
use ropeway_std::any::Content;
use ropeway_std::files::{self, Files, Root};
use ropeway_std::hub::{Hub, Limits, News, PeerInfo, Peers, Together};
use ropeway_std::native::{Config, Keyring};
use ropeway_std::{Event, Handlers, Options, Peer, SendError};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What all of them share.
pub(crate) struct Setup {
    pub(crate) config: Arc<Config>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) keys: Option<Keyring>,
    /// What TCPTalks peers have to show.
    pub(crate) password: Option<String>,
    pub(crate) root: Option<PathBuf>,
    pub(crate) echoes: bool,
    pub(crate) is_watched: bool,
    pub(crate) board: Arc<Board>,
}

/// The hubs, and their lines.
pub(crate) struct Hubs {
    together: Together<'static>,
    lines: Vec<Arc<dyn Line>>,
}

impl Hubs {
    pub(crate) fn open(places: &[Place], setup: &Setup) -> Result<Self, Fault> {
        let mut hubs = Self {
            together: Together::new()?,
            lines: Vec::new(),
        };
        for place in places {
            let (protocol, registry) = (place.protocol, setup.registry.clone());
            let words = Words { protocol, registry };
            let adding = Adding {
                hubs,
                place,
                words: &words,
                setup,
            };
            hubs = open(&words, &setup.config, setup.password.as_deref(), adding)?;
        }
        Ok(hubs)
    }

    pub(crate) fn lines(&self) -> Vec<Arc<dyn Line>> {
        self.lines.clone()
    }

    pub(crate) fn run(&mut self, until: impl FnMut() -> bool) -> Result<(), Fault> {
        Ok(self.together.run(until)?)
    }

    pub(crate) fn shutdown(&mut self, timeout: Duration) -> Result<(), Fault> {
        self.together.shutdown(timeout)?;
        Ok(())
    }
}

/// A hub that is opened beside those that there are.
struct Adding<'a> {
    hubs: Hubs,
    place: &'a Place,
    words: &'a Words,
    setup: &'a Setup,
}

impl Opening for Adding<'_> {
    type Opened = Hubs;

    fn open<D: End>(
        self,
        dialect: impl FnMut(&PeerInfo) -> D + Send + 'static,
    ) -> Result<Hubs, Fault> {
        let Self {
            mut hubs,
            place,
            words,
            setup,
        } = self;
        let number = hubs.lines.len();
        let protocol = place.protocol;
        let mut options = Options::default();
        if let Some(keys) = setup.keys.clone() {
            options = options.keyring(keys);
        }
        let hub = Hub::new(dialect, options, Limits::default())?;
        let hub = hub.with_handlers(handlers(number, words, setup));
        let mut hub = D::carry(hub, files(setup.root.as_deref()));
        if setup.is_watched {
            hub = hub.with_stats();
        }
        let address = place.address.as_deref().unwrap_or_default();
        let failed = |error| {
            let fault = Fault::failed(format!("{protocol} cannot listen at {address}: {error}"));
            fault.hint(format!("take another: --protocol {protocol}=HOST:PORT"))
        };
        let listener = hub.listen(address).map_err(failed)?;
        let line = LineOf {
            number,
            words: words.clone(),
            address: hub.address(listener).expect("it listens there"),
            handle: hub.handle(),
            board: setup.board.clone(),
        };
        hubs.lines.push(Arc::new(line));
        Ok(Hubs {
            together: hubs.together.with(hub)?,
            lines: hubs.lines,
        })
    }
}

fn files(root: Option<&std::path::Path>) -> Files {
    match root {
        Some(root) => Files::new().receive(Root::new(root)).serve(Root::new(root)),
        None => Files::new(),
    }
}

/// Writes down all that is said and done.
fn handlers<D: End>(number: usize, words: &Words, setup: &Setup) -> Handlers<D> {
    let mut handlers = Handlers::new();
    let protocol = words.protocol;
    let (board, echoes, words) = (setup.board.clone(), setup.echoes, words.clone());
    handlers.on_table::<Content>(move |peer, id, content| {
        let (kind, shown) = match id {
            Some(_) => (Kind::Request, Shown::request(&content, &words)),
            None => (Kind::Message, Shown::message(&content, &words)),
        };
        board.said(number, peer.id(), kind, Direction::In, shown);
        if let Some(id) = id {
            let sent = match echoes {
                true => echo(peer, id, &content, number, &words, &board),
                false => peer.refuse(id, &unhandled(&content.key)),
            };
            if let Err(error) = sent {
                let text = format!("the answer was not sent: {error}");
                board.about(number, peer.id(), Kind::Trouble, text);
            }
        }
    });
    let board = setup.board.clone();
    handlers.news(move |peers, news| tell(peers, news, number, protocol, &board));
    let board = setup.board.clone();
    handlers.files(move |peer, event| {
        if let files::Stage::Underway = event.stage {
            return;
        }
        if event.is_last()
            && let Some(path) = &event.path
        {
            board.done_with(path);
        }
        let way = match event.direction {
            files::Direction::In => "from the peer",
            files::Direction::Out => "to the peer",
        };
        let files::Event {
            name, size, stage, ..
        } = event;
        let text = format!("{name} {way}, {size} bytes: {stage}");
        board.about(number, peer.id(), Kind::File, text);
    });
    let board = setup.board.clone();
    handlers.otherwise(move |aside, event| match event {
        Event::Malformed(malformed) => {
            board.about(number, aside.id(), Kind::Trouble, malformed.rule);
        }
        Event::Unknown(envelope) => {
            let text = format!("nobody here knows {}", envelope.key);
            board.about(number, aside.id(), Kind::Trouble, text);
        }
        _ => {}
    });
    handlers
}

fn echo<D: End>(
    peer: &mut Peer<'_, D>,
    id: D::CallId,
    request: &Content,
    number: usize,
    words: &Words,
    board: &Board,
) -> Result<(), SendError> {
    let body = words.echo(request);
    peer.answer_any(id, &request.key, &body)?;
    let shown = Shown::answer(&request.key, Ok(&body), words);
    board.said(number, peer.id(), Kind::Answer, Direction::Out, shown);
    Ok(())
}

fn tell<D: End>(
    peers: &mut Peers<D>,
    news: &News,
    number: usize,
    protocol: Protocol,
    board: &Board,
) {
    let name = |peers: &mut Peers<D>, info: &PeerInfo| {
        let mut peer = peers.get(info.id);
        let name = peer.as_mut().and_then(|peer| peer.dialect().calls_itself());
        name.unwrap_or_default().to_owned()
    };
    match news {
        News::Joined(info) => {
            let name = name(peers, info);
            board.joined(number, info.id, protocol, name, info.address);
        }
        News::Left(info, reason) => board.left(number, info.id, reason),
        News::Away(info, reason) => board.away(number, info.id, reason),
        News::Back(info) => {
            let name = name(peers, info);
            board.back(number, info.id, name, info.address);
        }
        News::TurnedAway(info, reason) => board.turned_away(protocol, info.address, reason),
        News::AcceptFailed(_, error) => {
            board.trouble(format!("{protocol} cannot take a connection: {error}"));
        }
        News::Unsent(id, error) => {
            let text = format!("a message was not sent: {error}");
            board.about(number, *id, Kind::Trouble, text);
        }
        _ => {}
    }
}
