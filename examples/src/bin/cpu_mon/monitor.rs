use crate::report::{Report, Words};
use crate::settings::Settings;
use ropeway_std::dialect::cable_car::CableCarJson;
use ropeway_std::discovery::{self, Connection, ConnectionId, Discovery, Loopback};
use ropeway_std::{Event, Options, Pump};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use std::{io, mem};

/// The other machines: finds them, sends them reports and keeps theirs.
pub(crate) struct Monitor {
    discovery: Discovery,
    options: Options,
    peers: Vec<Peer>,
    /// What new peers are told first.
    latest: Option<Report>,
}

/// One connection with another copy, or with cable_car's own monitor.
pub(crate) struct Peer {
    pub id: ConnectionId,
    pub address: SocketAddr,
    pub report: Option<(Report, Instant)>,
    pump: Pump<CableCarJson, Connection>,
    /// The connection with the same machine that stays, where both called at once.
    superseded_by: Option<ConnectionId>,
}

/// Something worth telling.
#[derive(Debug)]
pub(crate) enum News {
    /// A peer's figures.
    Report { address: SocketAddr, report: Report },
    /// What became of a connection, for those who want to know.
    Note(String),
}

impl Monitor {
    pub(crate) fn start(settings: &Settings) -> io::Result<Self> {
        let loopback = if settings.loopback {
            Loopback::Included
        } else {
            Loopback::Ignored
        };
        let options = Options::default().max_message(MAX_MESSAGE);
        let discovery = discovery::Settings::default()
            .ports(settings.udp_port, settings.tcp_port)
            .interval(settings.interval())
            .loopback(loopback)
            .options(&options)
            .start()
            .map_err(|error| named(&error, settings))?;
        Ok(Self {
            discovery,
            options,
            peers: Vec::new(),
            latest: None,
        })
    }

    /// Whether others can call; not while another copy on this machine has the port.
    pub(crate) const fn is_listening(&self) -> bool {
        self.discovery.is_listening()
    }

    /// The peers, one a machine or copy.
    pub(crate) fn peers(&self) -> impl Iterator<Item = &Peer> {
        self.peers
            .iter()
            .filter(|peer| peer.superseded_by.is_none())
    }

    /// Sends this machine's report to everybody, now and to whoever comes later.
    pub(crate) fn send(&mut self, report: &Report) {
        for peer in self
            .peers
            .iter_mut()
            .filter(|peer| peer.superseded_by.is_none())
        {
            // A peer that does not read misses this report and may read the next.
            let _ = peer.pump.send(report);
        }
        self.latest = Some(report.clone());
    }

    /// Moves what can be moved, waiting at most `timeout` for new peers.
    pub(crate) fn turn(&mut self, timeout: Duration) -> io::Result<Vec<News>> {
        let mut news = Vec::new();
        let mut wait = timeout;
        for _ in 0..EVENTS {
            let Some(event) = self.discovery.poll(mem::take(&mut wait))? else {
                break;
            };
            news.push(News::Note(self.handle_discovery(event)));
        }
        let mut reports = Vec::new();
        self.peers.retain_mut(|peer| {
            let moved = peer.pump.xfer();
            peer.hear(&mut reports, &mut news);
            if let Err(error) = &moved {
                news.push(News::Note(format!("{} is gone: {error}", peer.address)));
            }
            moved.is_ok()
        });
        for (from, report) in reports {
            if let Some(peer) = self.peers.iter_mut().find(|peer| peer.id == from) {
                peer.report = Some((report, Instant::now()));
            }
        }
        Ok(news)
    }

    fn handle_discovery(&mut self, event: discovery::Event) -> String {
        match event {
            discovery::Event::Connected(connection) => self.welcome(connection),
            discovery::Event::Superseded { superseded, kept } => {
                if let Some(peer) = self.peers.iter_mut().find(|peer| peer.id == superseded) {
                    peer.superseded_by = Some(kept);
                    peer.pump.finish();
                }
                format!("connection {} is superseded by {}", superseded.0, kept.0)
            }
            discovery::Event::Own(own) => {
                self.peers.retain(|peer| peer.id != own);
                format!("connection {} was with this program itself", own.0)
            }
            discovery::Event::Unreachable { address, error } => {
                format!("{address} does not answer: {error}")
            }
            discovery::Event::BeaconFailed(error) => format!("no network took the beacon: {error}"),
            discovery::Event::TableFull(host) => format!("no room for {host}"),
            other => format!("{other:?}"),
        }
    }

    fn welcome(&mut self, connection: Connection) -> String {
        let (id, address) = (connection.id(), connection.remote());
        let note = format!(
            "{:?} {address}, connection {}",
            connection.direction(),
            id.0
        );
        let mut pump = match Pump::over(CableCarJson, connection, &self.options) {
            Ok(pump) => pump,
            Err(error) => return format!("{address} is gone: {error}"),
        };
        if let Some(latest) = &self.latest {
            let _ = pump.send(latest);
        }
        self.peers.push(Peer {
            id,
            address,
            report: None,
            pump,
            superseded_by: None,
        });
        note
    }
}

impl Peer {
    /// Takes what the peer has said; its reports count for the connection that stays.
    fn hear(&mut self, reports: &mut Vec<(ConnectionId, Report)>, news: &mut Vec<News>) {
        let address = self.address;
        while let Some(event) = self.pump.get::<Words<'_>>() {
            news.push(match event {
                Event::Message(Words::Report(report)) => {
                    reports.push((self.superseded_by.unwrap_or(self.id), report.clone()));
                    News::Report { address, report }
                }
                Event::Message(other) => News::Note(format!("{address} says {other:?}")),
                Event::Unknown(unknown) => News::Note(format!(
                    "{address} says {}, which is unknown here",
                    unknown.key
                )),
                Event::Malformed(malformed) => News::Note(format!("{address}: {malformed}")),
            });
        }
    }
}

fn named(error: &io::Error, settings: &Settings) -> io::Error {
    let port = settings.udp_port;
    let text = format!(
        "cannot listen for beacons on UDP port {port}: {error} (choose another with --udp-port)"
    );
    io::Error::new(error.kind(), text)
}

/// Reports are a few hundred bytes; a peer that says more has no business here.
const MAX_MESSAGE: usize = 64 << 10;

/// The most events of one turn, so that a flood of beacons leaves time for the peers.
const EVENTS: usize = 64;
