//! `ropeway discover`: who is there.

use crate::fault::{Fault, Kind};
use crate::line::Line;
use crate::output::{Output, complain, print};
use crate::protocol::Protocol;
use crate::span::span;
use clap::Args;
use ropeway_std::clever_show::Beacon;
use ropeway_std::dialect::clever_show;
use ropeway_std::discovery::{CableCar, Discovery, Event, Native, Peer, Settings, UDP_PORT};
use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

/// For how long, and for whom.
#[derive(Args)]
pub(crate) struct Discover {
    /// How long to listen, in seconds
    #[arg(long, short, default_value = "3", value_parser = span)]
    seconds: Duration,
    /// Go on until it is stopped, and tell who comes and goes
    #[arg(long, short)]
    follow: bool,
    /// Only who speaks this protocol: native, cable-car-byte (or -json: their beacons are the same) or clever-show
    #[arg(long, short, value_enum)]
    protocol: Option<Protocol>,
    /// What this program calls itself
    #[arg(long, default_value = "ropeway")]
    name: String,
    /// The UDP port of native beacons
    #[arg(long, default_value_t = UDP_PORT)]
    udp_port: u16,
}

impl Discover {
    pub(crate) fn run(self, output: Output) -> Result<(), Fault> {
        let found = match self.protocol {
            Some(Protocol::CleverShow) => self.hear_clever_show(output)?,
            Some(Protocol::Packetmq | Protocol::TcpTalks) => {
                let text = "packetmq and TCPTalks programs do not say that they are there";
                return Err(
                    Fault::input(text).hint("ask for native, cable-car-byte or clever-show")
                );
            }
            _ => self.hear(output)?,
        };
        match found {
            0 => Err(Fault::new(Kind::Unreachable, "nobody is there")
                .hint(
                "found are `ropeway hub --name`, programs that send beacons, and cable_car, on the same network; \
                 firewalls may stop UDP, and --seconds listens longer",
            )),
            _ => Ok(()),
        }
    }

    /// Native programs and hosts that speak cable_car.
    fn hear(&self, output: Output) -> Result<usize, Fault> {
        let native = Native::named(&self.name).udp_port(self.udp_port);
        let mut settings = Settings::native(native);
        if self.protocol != Some(Protocol::Native) {
            settings = settings.cable_car(CableCar::Heard);
        }
        let mut discovery = settings
            .start()
            .map_err(|error| taken(&error, "of beacons"))?;
        let end = self.end();
        let mut found = 0;
        while let Some(left) = left(end) {
            let event = discovery.poll(left)?;
            found += self.tell(output, event, &discovery);
        }
        Ok(found)
    }

    fn tell(&self, output: Output, event: Option<Event>, discovery: &Discovery) -> usize {
        let (peer, what) = match event {
            Some(Event::Found(peer)) => (peer, "found"),
            Some(Event::Lost(peer)) if self.follow => (peer, "lost"),
            Some(Event::Restarted(peer)) if self.follow => (peer, "restarted"),
            Some(Event::Refused { from, rule }) => {
                let counts = discovery.counts().all_refused();
                complain(&format!("no beacon from {from}: {rule} ({counts} so far)"));
                return 0;
            }
            _ => return 0,
        };
        if self
            .protocol
            .is_some_and(|wanted| (wanted == Protocol::Native) != peer.program().is_some())
        {
            return 0;
        }
        show(output, what, &Found::of(&peer));
        usize::from(what == "found")
    }

    /// Ground servers of clever-show, which say by datagram where they are.
    fn hear_clever_show(&self, output: Output) -> Result<usize, Fault> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, clever_show::UDP_PORT));
        let socket = socket.map_err(|error| taken(&error, "of clever-show"))?;
        let end = self.end();
        let mut known = Vec::new();
        let mut datagram = [0; 2048];
        while let Some(left) = left(end) {
            socket.set_read_timeout(Some(left.clamp(SHORTEST, LONGEST)))?;
            let Ok((len, _)) = socket.recv_from(&mut datagram) else {
                continue;
            };
            let heard = datagram.get(..len).and_then(Beacon::parse);
            if let Some(beacon) = heard
                && !known
                    .iter()
                    .any(|(host, port)| *host == beacon.host && *port == beacon.port)
            {
                let address = format!("{}:{}", beacon.host, beacon.port);
                let found = Found {
                    name: beacon.id.clone(),
                    address,
                    protocol: "clever-show",
                };
                show(output, "found", &found);
                known.push((beacon.host, beacon.port));
            }
        }
        Ok(known.len())
    }

    /// None for never.
    fn end(&self) -> Option<Instant> {
        (!self.follow).then(|| Instant::now() + self.seconds)
    }
}

/// Somebody who is there.
struct Found {
    name: String,
    address: String,
    protocol: &'static str,
}

impl Found {
    fn of(peer: &Peer) -> Self {
        let address = match peer.address() {
            Some(address) => address.to_string(),
            None => peer.host.to_string(),
        };
        match peer.program() {
            Some(program) => Self {
                name: program.name.to_string(),
                address,
                protocol: "native",
            },
            None => Self {
                name: String::new(),
                address,
                protocol: "cable-car",
            },
        }
    }
}

fn show(output: Output, what: &str, found: &Found) {
    let Found {
        name,
        address,
        protocol,
    } = found;
    match output.is_json {
        true => Line::default()
            .with("event", what)
            .with("protocol", *protocol)
            .with("address", address.as_str())
            .with("name", name.as_str())
            .print(),
        // A name may hold anything, so it is shown escaped.
        false => print(&format!(
            "{what:<9} {protocol:<11} {address:<21} {}",
            name.escape_debug()
        )),
    }
}

/// How long is left; none once it is over.
fn left(end: Option<Instant>) -> Option<Duration> {
    match end {
        None => Some(Duration::MAX),
        Some(end) => {
            Some(end.saturating_duration_since(Instant::now())).filter(|left| !left.is_zero())
        }
    }
}

fn taken(error: &io::Error, of_what: &str) -> Fault {
    let fault = Fault::failed(format!("the UDP port {of_what}: {error}"));
    match error.kind() {
        io::ErrorKind::AddrInUse => fault.hint("another program on this machine has it"),
        _ => fault,
    }
}

/// A socket waits for no time shorter than this.
const SHORTEST: Duration = Duration::from_millis(1);

const LONGEST: Duration = Duration::from_secs(3600);
