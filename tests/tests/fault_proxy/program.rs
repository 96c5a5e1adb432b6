//! A run: a client and a hub, each started anew when its time has come, and the proxy between them.

use super::counts::Counts;
use super::end::{End, handlers, on_news};
use super::folders::Folders;
use super::judge::{Guard, Judge, lock};
use super::script::Script;
use super::words::Words;
use ropeway_std::files::{Files, Root};
use ropeway_std::hub::{Hub, Limits};
use ropeway_std::native::{self, Backoff, Client, Config, Native, Policy};
use ropeway_std::transport::Transport;
use ropeway_std::{Handlers, Options, Polled};
use ropeway_tests::proxy::{Planned, Proxy};
use std::io;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// What programs talk, and how they are made.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    pub(super) scripts: [Script; 2],
    /// The memory of both sides for input and queue, in bytes.
    pub(super) buffers: [usize; 2],
    pub(super) silence: Duration,
    /// How long the hub keeps a session whose client is away.
    pub(super) session_life: Duration,
    /// Whether the client's socket is polled; otherwise it blocks.
    pub(super) is_polled: bool,
    /// Whether the client waits for the answers to some calls.
    pub(super) can_wait: bool,
    /// Whether there are files in its scripts.
    pub(super) has_files: bool,
}

/// Makes one run; what went wrong is an error.
pub(super) fn run(setup: &Setup, faults: &[Planned]) -> Result<Counts, String> {
    let start = Instant::now();
    let judge = Arc::new(Judge::default());
    let reboots = judge.clone();
    let folders = setup.has_files.then(|| Arc::new(Folders::new()));
    let folders = folders.as_ref();
    let proxy = Proxy::new(faults.iter().copied(), move |side| reboots.reboot(side));
    let proxy = proxy.map_err(|error| format!("proxy: {error}"))?;
    thread::scope(|scope| {
        let (judge, proxy) = (&judge, &proxy);
        scope.spawn(move || {
            let _guard = Guard(judge);
            serve(setup, judge, proxy, folders, start).expect("the hub polls");
            proxy.be_quiet();
        });
        let _guard = Guard(judge);
        let ended = match setup.is_polled {
            true => dial(setup, judge, proxy, folders, start, polled),
            false => dial(
                setup,
                judge,
                proxy,
                folders,
                start,
                |dial, config, handlers, _| dial.client(config, handlers),
            ),
        };
        if let Err(error) = ended {
            judge.ledger().wrong(format!("the client fails: {error}"));
        }
        judge.end();
        proxy.be_quiet();
    });
    let passed = proxy.counts();
    let mut ledger = judge.ledger();
    ledger.finish();
    if !ledger.wrongs.is_empty() {
        return Err(format!(
            "{:#?}\n{}\n{passed:?}",
            ledger.wrongs,
            ledger.state()
        ));
    }
    Ok(Counts {
        runs: 1,
        said: passed.said,
        connections: passed.connections,
        faults: passed.faults,
        longest: start.elapsed(),
        ..ledger.counts
    })
}

fn config(setup: &Setup, side: usize) -> Config {
    let buffer = u32::try_from(setup.buffers[side]).expect("little memory");
    let config = native::config().registry(Words::ENTRIES, Policy::Enforce);
    let config = config.name(["client", "hub"][side]);
    config.silence(setup.silence).fit(buffer)
}

fn options(setup: &Setup, side: usize) -> Options {
    Options::default().buffer(setup.buffers[side])
}

/// What a side takes and gives; the least memory for it.
fn files(folders: &Folders, side: usize) -> Files {
    Files::new()
        .window(2_000)
        .chunk(300)
        .transfers(64)
        .receive(Root::new(folders.inbox(side)))
        .serve(Root::new(folders.out(side)))
}

/// The hub, start after start.
fn serve(
    setup: &Setup,
    judge: &Arc<Judge>,
    proxy: &Proxy,
    folders: Option<&Arc<Folders>>,
    start: Instant,
) -> io::Result<()> {
    let limits = Limits::default()
        .queue(setup.buffers[1])
        .session_life(setup.session_life)
        .linger(setup.silence);
    loop {
        let script = setup.scripts[1].clone();
        let end = Arc::new(Mutex::new(
            End::new(1, script, false, judge).with_files(folders),
        ));
        let mut handlers = handlers(&end, judge);
        let (heard, to) = (end.clone(), judge.clone());
        handlers.news(move |peers, news| on_news(&heard, &to, peers, news));
        let config = Arc::new(config(setup, 1));
        let dialect = move |_: &_| native::listening(&config);
        let mut hub = Hub::new(dialect, options(setup, 1), limits)?.with_handlers(handlers);
        if let Some(folders) = folders {
            hub = hub.with_files(files(folders, 1));
        }
        let listener = hub.listen("127.0.0.1:0")?;
        let handle = hub.handle();
        judge.wake_by(1, move || handle.wake());
        proxy.lead_to(hub.address(listener).expect("it listens"));
        proxy.is_reborn(1);
        while !judge.is_over(start) && !judge.takes_reboot(1) {
            turn_hub(&mut hub, &end, judge)?;
        }
        if judge.is_over(start) {
            return Ok(());
        }
        judge.ledger().reboot(1);
        proxy.lead_nowhere();
    }
}

fn turn_hub(hub: &mut Hub<Native>, end: &Mutex<End>, judge: &Judge) -> io::Result<()> {
    let due = lock(end).due();
    if let Some(id) = due {
        match hub.get(id) {
            Some(mut peer) => drop(lock(end).say(&mut peer)),
            None => lock(end).forget(id),
        }
    }
    let is_done = lock(end).is_done();
    if is_done {
        let ids: Vec<_> = hub.ids().collect();
        let queued = ids.into_iter().filter_map(|id| Some(hub.get(id)?.queued()));
        judge.idle(1, Some(queued.sum()));
        // Having looked at a peer counts as something to do.
        hub.turn(Duration::ZERO)?;
    }
    let timeout = timeout(&lock(end));
    hub.turn(timeout).map(drop)
}

/// How a client is made.
type Make<T> = fn(
    native::Dial,
    &Arc<Config>,
    Handlers<Native>,
    &Judge,
) -> Result<Client<T>, ropeway_std::Error>;

fn polled(
    dial: native::Dial,
    config: &Arc<Config>,
    handlers: Handlers<Native>,
    judge: &Judge,
) -> Result<Client<Polled>, ropeway_std::Error> {
    let mut client = dial.polled_client(config, handlers)?;
    let handle = client.handle(64);
    // Where much waits, it is awake.
    judge.wake_by(0, move || handle.post(|_| ()).unwrap_or_default());
    Ok(client)
}

/// The client, start after start.
fn dial<T: Transport>(
    setup: &Setup,
    judge: &Arc<Judge>,
    proxy: &Proxy,
    folders: Option<&Arc<Folders>>,
    start: Instant,
    make: Make<T>,
) -> Result<(), ropeway_std::Error> {
    let backoff = Backoff::default()
        .first(Duration::from_millis(1))
        .last(Duration::from_millis(20));
    loop {
        let script = setup.scripts[0].clone();
        let end = Arc::new(Mutex::new(
            End::new(0, script, setup.can_wait, judge).with_files(folders),
        ));
        let handlers = handlers(&end, judge);
        let dial = native::Dial::new(proxy.address())
            .options(&options(setup, 0))
            .backoff(backoff)
            .opening(setup.silence * 2);
        let dial = match folders {
            Some(folders) => dial.files(files(folders, 0)),
            None => dial,
        };
        let mut client = make(dial, &Arc::new(config(setup, 0)), handlers, judge)?;
        {
            let mut end = lock(&end);
            let id = client.peer().id();
            end.stream(id);
            end.peer = Some(id);
        }
        while !judge.is_over(start) && !judge.takes_reboot(0) {
            turn_client(&mut client, &end, judge)?;
        }
        judge.ledger().counts.stale += client.peer().stale_answers();
        if judge.is_over(start) {
            return Ok(());
        }
        judge.ledger().reboot(0);
        drop(client);
        proxy.is_reborn(0);
    }
}

fn turn_client<T: Transport>(
    client: &mut Client<T>,
    end: &Mutex<End>,
    judge: &Judge,
) -> Result<(), ropeway_std::Error> {
    let waits = lock(end).say(&mut client.peer());
    if let Some(ask) = waits {
        let outcome = client.call(&ask, super::script::PATIENT);
        judge.ledger().answered(ask.mark, &outcome);
        return Ok(());
    }
    let is_done = lock(end).is_done();
    judge.idle(0, is_done.then(|| client.link().queued()));
    let timeout = timeout(&lock(end));
    client.turn(timeout).map(drop)
}

/// How long to wait for something to happen.
fn timeout(end: &End) -> Duration {
    let next = end.next_time();
    let left = next.map(|next| next.saturating_duration_since(Instant::now()));
    left.unwrap_or(LOOK).min(LOOK)
}

/// How often to look whether the run is over, if nobody says so.
const LOOK: Duration = Duration::from_millis(50);
