//! A hub of one protocol, for the page's thread.

use super::content::Shown;
use super::happening::{Direction, Kind};
use super::state::Board;
use crate::ends::End;
use crate::words::Words;
use ropeway_std::any::{Body, Content, Question};
use ropeway_std::call::CallError;
use ropeway_std::files::FileError;
use ropeway_std::hub::{Handle, PeerId, Peers, Refusals};
use ropeway_std::{PostError, SendError};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot::{self, Receiver, Sender};

/// What the page's thread can have a hub do, whatever its protocol.
pub(crate) trait Line: Send + Sync {
    /// The messages that it knows, in its protocol.
    fn words(&self) -> &Words;

    fn address(&self) -> SocketAddr;

    /// What it has counted; it measures round trips as well if it `pings`.
    fn collect(&self, pings: bool) -> Asked<Collected>;

    fn say(&self, peer: PeerId, content: Content) -> Asked<Result<(), SendError>>;

    fn ask(
        &self,
        peer: PeerId,
        request: Content,
        timeout: Duration,
    ) -> Asked<Result<Body, CallError>>;

    fn offer(&self, peer: PeerId, path: PathBuf, name: String) -> Asked<Result<(), FileError>>;

    /// Says whether there was such a peer.
    fn close(&self, peer: PeerId) -> Asked<bool>;

    fn stop(&self);
}

/// What the hub's thread will say.
pub(crate) type Asked<T> = Result<Receiver<T>, PostError>;

/// What a hub has counted.
pub(crate) struct Collected {
    pub(crate) readings: Vec<(PeerId, Reading)>,
    pub(crate) refusals: Refusals,
}

/// What was counted of a peer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reading {
    pub(crate) messages_in: u64,
    pub(crate) messages_out: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) queued: usize,
    pub(crate) resumed: u64,
    pub(crate) round_trip: Option<Duration>,
}

/// The line of a dialect.
pub(crate) struct LineOf<D: End> {
    pub(crate) number: usize,
    pub(crate) words: Words,
    pub(crate) address: SocketAddr,
    pub(crate) handle: Handle<D>,
    pub(crate) board: Arc<Board>,
}

impl<D: End> LineOf<D> {
    fn asked<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Peers<D>, Sender<T>) + Send + 'static,
    ) -> Asked<T> {
        let (answer, answered) = oneshot::channel();
        self.handle.post(move |peers| job(peers, answer))?;
        Ok(answered)
    }
}

impl<D: End> Line for LineOf<D> {
    fn words(&self) -> &Words {
        &self.words
    }

    fn address(&self) -> SocketAddr {
        self.address
    }

    fn collect(&self, pings: bool) -> Asked<Collected> {
        self.asked(move |peers, answer| {
            let ids: Vec<PeerId> = peers.ids().collect();
            if pings {
                for id in &ids {
                    peers.ping(*id);
                }
            }
            let readings = ids
                .into_iter()
                .filter_map(|id| Some((id, reading(peers, id)?)));
            let collected = Collected {
                readings: readings.collect(),
                refusals: peers.refusals(),
            };
            // Who asked may have gone.
            let _ = answer.send(collected);
        })
    }

    fn say(&self, peer: PeerId, content: Content) -> Asked<Result<(), SendError>> {
        let (board, number, words) = (self.board.clone(), self.number, self.words.clone());
        self.asked(move |peers, answer| {
            let sent = peers.send(peer, &content);
            if sent.is_ok() {
                let shown = Shown::message(&content, &words);
                board.said(number, peer, Kind::Message, Direction::Out, shown);
            }
            let _ = answer.send(sent);
        })
    }

    fn ask(
        &self,
        peer: PeerId,
        request: Content,
        timeout: Duration,
    ) -> Asked<Result<Body, CallError>> {
        let (board, number, words) = (self.board.clone(), self.number, self.words.clone());
        self.asked(move |peers, answer| {
            let Some(mut there) = peers.get(peer) else {
                let _ = answer.send(Err(CallError::LinkLost));
                return;
            };
            let (key, shared) = (
                request.key.clone(),
                Arc::new(std::sync::Mutex::new(Some(answer))),
            );
            let later = (shared.clone(), board.clone(), words.clone());
            let then = move |_: &mut ropeway_std::Peer<'_, D>, outcome: Result<Body, CallError>| {
                let (shared, board, words) = later;
                let told = outcome.as_ref().map_err(ToString::to_string);
                let shown = Shown::answer(&key, told, &words);
                board.said(number, peer, Kind::Answer, Direction::In, shown);
                if let Some(answer) = super::state::lock(&shared).take() {
                    let _ = answer.send(outcome);
                }
            };
            let mut question = Question::new(request.clone(), timeout);
            if words.is_repeatable(&request.key) {
                question = question.repeatable();
            }
            match there.ask_any(&question, then) {
                Ok(_) => {
                    let shown = Shown::request(&request, &words);
                    board.said(number, peer, Kind::Request, Direction::Out, shown);
                }
                Err(error) => {
                    if let Some(answer) = super::state::lock(&shared).take() {
                        let _ = answer.send(Err(error));
                    }
                }
            }
        })
    }

    fn offer(&self, peer: PeerId, path: PathBuf, name: String) -> Asked<Result<(), FileError>> {
        self.asked(move |peers, answer| {
            let offered = match peers.get(peer) {
                Some(mut there) => there.offer(path, &name).map(drop),
                None => Err(FileError::NoFiles),
            };
            let _ = answer.send(offered);
        })
    }

    fn close(&self, peer: PeerId) -> Asked<bool> {
        self.asked(move |peers, answer| {
            let _ = answer.send(peers.close(peer));
        })
    }

    fn stop(&self) {
        self.handle.stop();
    }
}

fn reading<D: End>(peers: &Peers<D>, id: PeerId) -> Option<Reading> {
    let stats = peers.stats(id)?;
    Some(Reading {
        messages_in: stats.messages_in,
        messages_out: stats.messages_out,
        bytes_in: stats.bytes_in,
        bytes_out: stats.bytes_out,
        queued: stats.queued,
        resumed: stats.resumed,
        round_trip: stats.round_trip,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use ropeway_std::Options;
    use ropeway_std::dialect::cable_car::CableCarByte;
    use ropeway_std::hub::{Hub, Limits, PeerId};

    /// The id of a peer of some hub.
    pub(crate) fn any_id() -> PeerId {
        let mut hub = Hub::new(|_| CableCarByte, Options::default(), Limits::default()).unwrap();
        let listener = hub.listen("127.0.0.1:0").unwrap();
        let address = hub.address(listener).unwrap();
        hub.connect(address).unwrap()
    }
}
