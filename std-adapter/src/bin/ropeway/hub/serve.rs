//! The hubs of all protocols, in one thread.

use super::happening::{Direction, Kind};
use super::line::{Line, LineOf};
use super::places::Place;
use super::spoken::Spoken;
use super::state::Board;
use crate::fault::Fault;
use crate::protocol::Protocol;
use ropeway_std::any::{Arguments, Body, Content};
use ropeway_std::call::Refused;
use ropeway_std::dialect::cable_car::{CableCarByte, CableCarJson};
use ropeway_std::dialect::clever_show::CleverShow;
use ropeway_std::files::{self, Files, Root};
use ropeway_std::hub::{Hub, Limits, News, PeerInfo, Peers, Together};
use ropeway_std::message::FailureKind;
use ropeway_std::native::{self, Config, Keyring};
use ropeway_std::value::Value;
use ropeway_std::{Event, Handlers, Options, Peer, tcptalks};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What all of them share.
pub(crate) struct Setup {
    pub(crate) config: Arc<Config>,
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
            hubs = match place.protocol {
                Protocol::Native => {
                    let config = setup.config.clone();
                    hubs.add(place, setup, move |_| native::listening(&config))?
                }
                Protocol::CableCarByte => hubs.add(place, setup, |_| CableCarByte)?,
                Protocol::CableCarJson => hubs.add(place, setup, |_| CableCarJson)?,
                Protocol::Packetmq => {
                    let board = setup.board.clone();
                    hubs.add(place, setup, move |_| board.meaning().packetmq())?
                }
                Protocol::CleverShow => hubs.add(place, setup, |_| CleverShow::new())?,
                Protocol::TcpTalks => {
                    let password = setup.password.clone();
                    hubs.add(place, setup, move |_| {
                        let values = tcptalks::Values::new(NODES);
                        let talks = tcptalks::Dialect::listening(values, 0);
                        match password.clone() {
                            Some(password) => talks.password(password),
                            None => talks,
                        }
                    })?
                }
            };
        }
        Ok(hubs)
    }

    fn add<D: Spoken + Send>(
        mut self,
        place: &Place,
        setup: &Setup,
        dialect: impl FnMut(&PeerInfo) -> D + Send + 'static,
    ) -> Result<Self, Fault> {
        let number = self.lines.len();
        let protocol = place.protocol;
        let mut options = Options::default();
        if let Some(keys) = setup.keys.clone() {
            options = options.keyring(keys);
        }
        let hub = Hub::new(dialect, options, Limits::default())?;
        let hub = hub.with_handlers(handlers(number, protocol, setup));
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
            protocol,
            address: hub.address(listener).expect("it listens there"),
            handle: hub.handle(),
            board: setup.board.clone(),
        };
        self.lines.push(Arc::new(line));
        Ok(Self {
            together: self.together.with(hub)?,
            lines: self.lines,
        })
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

fn files(root: Option<&std::path::Path>) -> Files {
    match root {
        Some(root) => Files::new().receive(Root::new(root)).serve(Root::new(root)),
        None => Files::new(),
    }
}

/// Writes down all that is said and done.
fn handlers<D: Spoken>(number: usize, protocol: Protocol, setup: &Setup) -> Handlers<D> {
    let mut handlers = Handlers::new();
    let (board, echoes) = (setup.board.clone(), setup.echoes);
    handlers.on_table::<Content>(move |peer, id, content| {
        let kind = match id {
            Some(_) => Kind::Request,
            None => Kind::Message,
        };
        board.said(number, peer.id(), kind, Direction::In, &content);
        if let Some(id) = id {
            answer(peer, id, content, echoes, number, &board);
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

fn answer<D: Spoken>(
    peer: &mut Peer<'_, D>,
    id: D::CallId,
    content: Content,
    echoes: bool,
    number: usize,
    board: &Board,
) {
    let sent = match echoes {
        true => {
            let Content { key, body } = content;
            let body = echo(body);
            let sent = peer.answer_any(id, &key, &body);
            if sent.is_ok() {
                board.answered(number, peer.id(), Direction::Out, &key, Ok(&body));
            }
            sent
        }
        false => {
            let text = format!("this hub answers no requests, and no {}", content.key);
            let mut refused = Refused::new("KeyError", text);
            refused.kind = FailureKind::Unhandled;
            peer.refuse(id, &refused)
        }
    };
    if let Err(error) = sent {
        let text = format!("the answer was not sent: {error}");
        board.about(number, peer.id(), Kind::Trouble, text);
    }
}

/// What was said, as an answer.
fn echo(body: Body) -> Body {
    match body {
        Body::Arguments(Arguments { mut args, .. }) if args.len() == 1 => {
            Body::Value(args.pop().unwrap_or_default())
        }
        Body::Arguments(Arguments { args, .. }) => Body::Value(Value::Array(args)),
        other => other,
    }
}

fn tell<D: Spoken>(
    peers: &mut Peers<D>,
    news: &News,
    number: usize,
    protocol: Protocol,
    board: &Board,
) {
    let name = |peers: &mut Peers<D>, info: &PeerInfo| {
        let peer = peers.get(info.id);
        peer.map_or_else(String::new, |mut peer| D::name_of(&mut peer))
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

/// The values that one message of TCPTalks may have.
const NODES: usize = 10_000;
