//! `ropeway hub`: many peers, in several protocols at once, and a page to look at them.

mod content;
mod discover;
mod happening;
mod line;
mod places;
mod serve;
mod spoken;
mod state;
mod uploads;
mod web;

use crate::ends::keyring;
use crate::fault::Fault;
use crate::interrupt::Interrupt;
use crate::protocol::Protocol;
use crate::registry::Registry;
use clap::Args;
use happening::Printer;
use places::Place;
use ropeway_std::native;
use serve::{Hubs, Setup};
use state::Board;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use web::Web;

/// Where to listen, in what, and what to show of it.
#[derive(Args)]
#[command(after_long_help = API)]
pub(crate) struct Serving {
    /// The host to listen at, or, with a single protocol, HOST:PORT; port 0 takes any that is free
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0")]
    listen: String,
    /// A protocol to speak, at its default port or at the ADDRESS behind `=`; may be repeated
    #[arg(
        long = "protocol",
        value_name = "PROTOCOL[=ADDRESS]",
        default_value = "native"
    )]
    protocols: Vec<Place>,
    /// What peers see it called; with a name it also answers beacons, so that native programs find it
    #[arg(long)]
    name: Option<String>,
    /// A file of keys, as `ropeway keygen` writes them: only who has one of them is let in
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The password that is asked for; TCPTalks only
    #[arg(long)]
    password: Option<String>,
    /// A folder where native peers may put files and get them
    #[arg(long, value_name = "FOLDER")]
    root: Option<PathBuf>,
    /// The messages that peers know, in TOML: shown and sent by name
    #[arg(long, value_name = "FILE")]
    registry: Option<PathBuf>,
    /// Serve the live view at this address, such as 127.0.0.1:8280
    #[arg(long, value_name = "ADDRESS")]
    web: Option<SocketAddr>,
    /// What who wants to see the live view must know; needed if it is served to other machines
    #[arg(long, requires = "web")]
    token: Option<String>,
    /// Tell of native programs and cable_car hosts that say by beacon that they are there
    #[arg(long)]
    discover: bool,
    /// Answer requests with what they say, instead of refusing them
    #[arg(long)]
    echo: bool,
}

impl Serving {
    pub(crate) fn run(self, json: bool) -> Result<(), Fault> {
        let registry = match &self.registry {
            Some(path) => Registry::read(path)?,
            None => Registry::default(),
        };
        for place in &self.protocols {
            registry.check(place.protocol)?;
        }
        let name = self.name.as_deref().unwrap_or("ropeway hub").to_owned();
        if let Some(folder) = self.root.as_deref().filter(|folder| !folder.is_dir()) {
            return Err(Fault::input(format!("{} is no folder", folder.display())));
        }
        let board = Arc::new(Board::new(Printer::new(json), self.web.is_some()));
        let page = match self.web {
            Some(address) => Some(Web::bind(address, self.token.as_deref())?),
            None => None,
        };
        let places = places::resolve(&self.protocols, &self.listen)?;
        let is_open = places.iter().any(|place| !place.is_native());
        let keys = match &self.key {
            Some(path) if is_open => {
                let text = format!("{}: only native links can be secure", path.display());
                return Err(Fault::input(text).hint("leave the other protocols out, or the key"));
            }
            Some(path) => Some(keyring(path)?),
            None => None,
        };
        let talks = places
            .iter()
            .any(|place| place.protocol == Protocol::TcpTalks);
        if self.password.is_some() && !talks {
            let text = "only TCPTalks has passwords";
            return Err(Fault::input(text).hint("leave --password out, or add --protocol tcptalks"));
        }
        let setup = Setup {
            password: self.password,
            // Peers are not asked whether they know the same messages.
            config: Arc::new(native::config().name(&name)),
            registry: Arc::new(registry),
            keys,
            root: self.root,
            echoes: self.echo,
            is_watched: page.is_some(),
            board: board.clone(),
        };
        let mut hubs = Hubs::open(&places, &setup)?;
        let lines = hubs.lines();
        for line in &lines {
            board.listening(line.words().protocol, line.address());
        }
        let _discovery = match self.name.is_some() || self.discover {
            true => Some(discover::start(
                &name,
                &setup.config,
                &lines,
                self.discover,
                &board,
            )?),
            false => None,
        };
        let interrupt = Interrupt::listen()?;
        let stopping = lines.clone();
        interrupt.wakes(move || stopping.iter().for_each(|line| line.stop()));
        if let Some(page) = page {
            web::start(page, name, board.clone(), lines)?;
        }
        let ran = hubs.run(|| interrupt.has_come() || board.is_unheard());
        let ended = hubs.shutdown(FAREWELL);
        board.uploads().clear();
        ran.and(ended).and(board.unprinted())
    }
}

/// What `--help` says of the page's requests.
const API: &str = "\
What --web serves beside the page, as JSON:
  GET    /api/hub                      its name, where it listens, the registry's messages
  GET    /api/peers                    all peers: rates, queue, round trip, resumed how often
  GET    /api/peers/ID                 one of them, with the last minute's rates
  GET    /api/messages                 what happened; ?peer=ID, ?filter=TEXT, ?limit=N
  GET    /api/events                   the same as it happens, as server-sent events
  POST   /api/peers/ID/messages        {\"name\":\"Reading\",\"body\":{\"celsius\":21.5}} or {\"code\":16,\"hex\":\"01ff\"}, as in a
                                       line to `ropeway connect`; \"text\", \"args\" and \"kwargs\" as well
  POST   /api/peers/ID/calls           the same, with \"timeout_ms\"; waits for the answer
  PUT    /api/peers/ID/files/NAME      offers the body as a file, of at most 256 MiB
  DELETE /api/peers/ID                 disconnects it
  GET    /metrics                      numbers for Prometheus
With --token, open the page with ?token=TOKEN once, or say Authorization: Bearer TOKEN.";

/// How long peers have to take what is queued for them, once the hub is to end.
const FAREWELL: Duration = Duration::from_secs(2);
