//! A hub of native sessions beside a bare echo on mio: many links, each with a batch of messages under way.

use crate::allocations;
use crate::message::{Ball, Balls};
use crate::pinned::{self, PATIENCE};
use crate::report::{Report, Target};
use crate::rounds::{self, Series};
use crate::slab::SLAB;
use crate::{Outcome, Scale};
use mio::{Events, Interest, Poll, Token};
use ropeway_std::hub::{Hub, Limits, PeerInfo};
use ropeway_std::message::Message;
use ropeway_std::native::{self, Native};
use ropeway_std::{Handlers, Messenger, Options};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

pub(crate) fn measure(report: &mut Report, scale: Scale) {
    report.section("many links: an echo of 32 bytes, 16 of them under way a link");
    let sizes = scale.pick([100, 500], [1_000, 5_000]);
    let messages = scale.pick(32_000, 800_000);
    let needed = 2 * sizes[1] + 100;
    if open_files().is_some_and(|limit| limit < needed) {
        report.value("skipped: too few open files are allowed", "");
        report.value("type", format!("ulimit -n {needed}"));
        return;
    }
    let mut runs: [Vec<Run>; 4] = Default::default();
    let rates = rounds::interleaved(runs.len(), scale.pick(3, 9), |at| {
        let (links, server) = (sizes[at / 2], &SERVERS[at % 2]);
        let run = Run::new(links, messages / links, server)
            .map_err(|error| format!("{}, {links} links: {error}", server.name))?;
        runs[at].push(run);
        Ok(run.rate)
    });
    let Some(rates) = report.succeeds("every message came back", rates) else {
        return;
    };
    report.value("every message came back", "ok");
    let median = |at: usize, of: fn(&Run) -> f64| runs[at].iter().map(of).collect::<Series>();
    for (at, links) in [0, 2].into_iter().zip(sizes) {
        let [bare, hub] = SERVERS.map(|server| format!("{}, {links} links", server.name));
        let rate = |at: usize| format!("{:.0} k/s", rates[at].median());
        report.value(&bare, rate(at));
        let (ratio, target) = (rates[at + 1].over(&rates[at]), Target::AtLeast(0.95));
        report.target(&hub, rate(at + 1), ratio, BARE, target);
        let times = [at, at + 1].map(|at| median(at, |run| run.time));
        for (name, time) in [&bare, &hub].into_iter().zip(&times) {
            let shown = format!("{:.0} ns", time.median());
            report.ratio(
                &format!("processor time: {name}"),
                shown,
                time.over(&times[0]),
                BARE,
            );
        }
    }
    // What is held however many links there are cancels out.
    let more = f64::from(sizes[1] - sizes[0]);
    let memory = |at: usize| median(at, |run| run.memory).median();
    let [bare, ours] = [0, 1].map(|at| (memory(at + 2) - memory(at)) / more);
    report.value(
        &format!("{BARE}: memory of an idle link"),
        format!("{bare:.0} bytes"),
    );
    let (shown, ratio) = (format!("{ours:.0} bytes"), (ours - bare) / 512.0);
    let name = "Ropeway: hub: memory of an idle link";
    report.target(name, shown, ratio, "512 beside bare", Target::AtMost(1.0));
    for (at, Server { name, .. }) in SERVERS.iter().enumerate() {
        let [few, many] = [at, at + 2].map(|at| median(at, |run| run.time));
        let name = format!("{name}: cost of a message, {} links", sizes[1]);
        let (shown, ratio) = (format!("{:.0} ns", many.median()), many.over(&few));
        let to = format!("{} links", sizes[0]);
        match at {
            0 => report.ratio(&name, shown, ratio, &to),
            _ => report.target(&name, shown, ratio, &to, Target::AtMost(1.10)),
        }
    }
}

const BARE: &str = "mio, bare";
const SERVERS: [Server; 2] = [
    Server {
        name: BARE,
        serve: serve_bare,
        open: |_| Ok(()),
    },
    Server {
        name: "Ropeway: hub",
        serve: serve_hub,
        open: open_session,
    },
];

/// What serves many links.
struct Server {
    name: &'static str,
    serve: fn(u32, &Steps<'_>) -> Outcome<Served>,
    open: Open,
}

/// Does what has to be done on a new connection before messages can go.
type Open = fn(&mut TcpStream) -> Outcome<()>;

/// What came of one run.
#[derive(Clone, Copy)]
struct Run {
    /// Thousand messages a second.
    rate: f64,
    /// Nanoseconds of the server's processor time per message.
    time: f64,
    /// Bytes that the server holds when all links are idle.
    memory: f64,
}

/// What the server tells of itself.
struct Served {
    /// Nanoseconds.
    time: f64,
    /// Bytes.
    memory: u64,
}

/// How server and load go along.
struct Steps<'a> {
    address: Sender<SocketAddr>,
    is_idle: Sender<()>,
    is_warm: &'a AtomicBool,
    is_over: &'a AtomicBool,
}

impl Run {
    fn new(links: u32, messages: u32, server: &Server) -> Outcome<Self> {
        let (address, addresses) = mpsc::channel();
        let (is_idle, idle) = mpsc::channel();
        let (is_warm, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
        let steps = Steps {
            address,
            is_idle,
            is_warm: &is_warm,
            is_over: &is_over,
        };
        let (open, warm, over) = (server.open, &is_warm, &is_over);
        let (served, elapsed) = pinned::side_by_side(
            || (server.serve)(links, &steps),
            move || {
                let batches = messages.div_ceil(BATCH);
                let loaded = load(links, batches, open, &addresses, &idle, warm);
                over.store(true, Ordering::Relaxed);
                loaded
            },
        )?;
        let all = f64::from(links) * f64::from(messages.div_ceil(BATCH) * BATCH);
        Ok(Self {
            rate: all / elapsed.as_secs_f64() / 1e3,
            time: served.time / all,
            memory: served.memory as f64,
        })
    }
}

/// How many files may be open, where that can be told (Linux).
fn open_files() -> Option<u32> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"))?;
    let number = line.split_whitespace().nth(3)?;
    Some(number.parse().unwrap_or(u32::MAX))
}

fn serve_hub(links: u32, steps: &Steps<'_>) -> Outcome<Served> {
    let config = Arc::new(native::config().name("hub"));
    let mut handlers = Handlers::<Native>::new();
    handlers.on::<Ball>(|peer, ball| {
        // One that finds no room is missed by who sent it.
        let _ = peer.send(&ball);
    });
    let dialect = move |_: &PeerInfo| native::listening(&config);
    let limits = Limits::default().peers(links as usize);
    let mut hub = Hub::new(dialect, Options::default(), limits)?.with_handlers(handlers);
    let port = hub.listen("127.0.0.1:0")?;
    let before = allocations::held();
    steps.address.send(hub.address(port).ok_or("no port")?)?;
    while hub.ids().count() < links as usize {
        hub.turn(TURN)?;
        steps.go_on()?;
    }
    let quiet = Instant::now();
    while quiet.elapsed() < IDLE {
        hub.turn(TURN)?;
    }
    let memory = u64::try_from(allocations::held() - before)?;
    steps.is_idle.send(())?;
    let time = steps.timed(|| Ok(hub.turn(TURN).map(drop)?))?;
    Ok(Served { time, memory })
}

fn serve_bare(links: u32, steps: &Steps<'_>) -> Outcome<Served> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(256);
    let mut listener = mio::net::TcpListener::bind("127.0.0.1:0".parse()?)?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    let before = allocations::held();
    steps.address.send(listener.local_addr()?)?;
    let mut streams = Vec::new();
    while streams.len() < links as usize {
        poll.poll(&mut events, Some(TURN))?;
        steps.go_on()?;
        loop {
            let mut stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            };
            stream.set_nodelay(true)?;
            let both = Interest::READABLE | Interest::WRITABLE;
            poll.registry()
                .register(&mut stream, Token(streams.len()), both)?;
            streams.push(stream);
        }
    }
    let memory = u64::try_from(allocations::held() - before)?;
    steps.is_idle.send(())?;
    let mut slab = vec![0; SLAB];
    let time = steps.timed(|| {
        poll.poll(&mut events, Some(TURN))?;
        for event in &events {
            if let Some(stream) = streams.get_mut(event.token().0) {
                echo(stream, &mut slab)?;
            }
        }
        Ok(())
    })?;
    Ok(Served { time, memory })
}

/// Sends back what has come. The few bytes of a link always find room in its socket.
fn echo(stream: &mut mio::net::TcpStream, slab: &mut [u8]) -> Outcome<()> {
    loop {
        match stream.read(slab) {
            Ok(0) => return Ok(()),
            Ok(len) => stream.write_all(&slab[..len])?,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            // The load is done and gone.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

impl Steps<'_> {
    /// Whether the load is still there.
    fn go_on(&self) -> Outcome<()> {
        match self.is_over.load(Ordering::Relaxed) {
            true => Err("the load has ended early".into()),
            false => Ok(()),
        }
    }

    /// Turns until the load is over, and says how much processor time that took once every link was warm.
    fn timed(&self, mut turn: impl FnMut() -> Outcome<()>) -> Outcome<f64> {
        while !self.is_warm.load(Ordering::Relaxed) && self.go_on().is_ok() {
            turn()?;
        }
        let before = pinned::processor_time();
        while !self.is_over.load(Ordering::Relaxed) {
            turn()?;
        }
        let spent = pinned::processor_time().zip(before);
        Ok(spent.map_or(f64::NAN, |(after, before)| after - before))
    }
}

/// Sends `batches` batches on each link, the next when the last is back, and says how long that took.
fn load(
    links: u32,
    batches: u32,
    open: Open,
    address: &Receiver<SocketAddr>,
    idle: &Receiver<()>,
    is_warm: &AtomicBool,
) -> Outcome<Duration> {
    let address = address.recv_timeout(PATIENCE)?;
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(256);
    let mut ends = Vec::new();
    for nth in 0..links {
        let mut end = End::connect(address, open)?;
        poll.registry()
            .register(&mut end.stream, Token(nth as usize), Interest::READABLE)?;
        ends.push(end);
    }
    idle.recv_timeout(PATIENCE)?;
    // What is got once, memory above all, is got before.
    echoed(&mut ends, 2, &mut poll, &mut events)?;
    is_warm.store(true, Ordering::Relaxed);
    let start = Instant::now();
    echoed(&mut ends, batches, &mut poll, &mut events)?;
    Ok(start.elapsed())
}

fn echoed(ends: &mut [End], batches: u32, poll: &mut Poll, events: &mut Events) -> Outcome<()> {
    let mut batch = Batch::new()?;
    for end in &mut *ends {
        end.left = batches - 1;
        batch.send(end)?;
    }
    let mut going = ends.len();
    let mut slab = vec![0; SLAB];
    while going > 0 {
        poll.poll(events, Some(PATIENCE))?;
        if events.is_empty() {
            return Err(format!("{going} links got no answer").into());
        }
        for event in &*events {
            let end = &mut ends[event.token().0];
            while end.read(&mut slab)? {
                if end.due > 0 {
                    continue;
                }
                if end.left == 0 {
                    going -= 1;
                } else {
                    end.left -= 1;
                    batch.send(end)?;
                }
            }
        }
    }
    Ok(())
}

/// The bytes of a batch: an acknowledgement of what has come so far, and balls.
struct Batch(Vec<u8>);

/// One link of the load.
struct End {
    stream: mio::net::TcpStream,
    /// Bytes of balls that have come.
    taken: u32,
    /// How many balls of the batch are still to come back.
    due: u32,
    /// How many batches are still to go.
    left: u32,
    /// The start of a frame whose rest has not come.
    cut: Vec<u8>,
}

impl Batch {
    fn new() -> Outcome<Self> {
        let mut bytes = vec![ACK_LEN, ACK, 0, 0, 0, 0, 0, 0, 1, 0];
        for id in 0..BATCH {
            bytes.extend([u8::try_from(2 + Ball::LEN)?, BALL]);
            bytes.extend(Ball::nth(id).0);
        }
        Ok(Self(bytes))
    }

    fn send(&mut self, end: &mut End) -> Outcome<()> {
        self.0[2..6].copy_from_slice(&end.taken.to_le_bytes());
        end.due = BATCH;
        Ok(end.stream.write_all(&self.0)?)
    }
}

impl End {
    fn connect(address: SocketAddr, open: Open) -> Outcome<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        open(&mut stream)?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream: mio::net::TcpStream::from_std(stream),
            taken: 0,
            due: 0,
            left: 0,
            cut: Vec::with_capacity(2 + Ball::LEN),
        })
    }

    /// Reads what is there, and says whether anything was.
    fn read(&mut self, slab: &mut [u8]) -> Outcome<bool> {
        let (cut, room) = slab.split_at_mut(self.cut.len());
        cut.copy_from_slice(&self.cut);
        let len = match self.stream.read(room) {
            Ok(0) => return Err("a link has ended".into()),
            Ok(len) => cut.len() + len,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let mut rest = &slab[..len];
        while let Some((frame, behind)) = rest
            .first()
            .and_then(|len| rest.split_at_checked(usize::from(*len)))
        {
            match frame {
                [_, BALL, ..] if self.due > 0 => {
                    self.due -= 1;
                    self.taken = self.taken.wrapping_add(u32::try_from(frame.len())?);
                }
                [ACK_LEN, ACK, ..] => {}
                _ => return Err("something else came back".into()),
            }
            rest = behind;
        }
        self.cut.clear();
        self.cut.extend(rest);
        Ok(true)
    }
}

fn open_session(stream: &mut TcpStream) -> Outcome<()> {
    let config = Arc::new(native::config().name("load"));
    let mut mail = Messenger::new(native::dialling(&config), [0; 4096], [0; 512]);
    loop {
        let bytes = mail.poll_output();
        let len = bytes.len();
        stream.write_all(bytes)?;
        mail.handle_written(len);
        if mail.dialect().session().is_some() {
            return Ok(());
        }
        let len = stream.read(mail.input_room())?;
        mail.handle_input(len);
        while mail.recv::<Balls>().is_some() {}
    }
}

/// Messages that are under way on a link.
const BATCH: u32 = 16;
const BALL: u8 = match <Ball as Message>::CODE {
    Some(code) => code.to_le_bytes()[0],
    None => panic!("the row has a code"),
};
const ACK: u8 = 0xE5;
const ACK_LEN: u8 = 10;

/// After so long a silence, a hub has given back what its links need only to talk.
const IDLE: Duration = Duration::from_millis(200);
const TURN: Duration = Duration::from_millis(10);
const LISTENER: Token = Token(usize::MAX - 1);
