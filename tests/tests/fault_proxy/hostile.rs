//! Clients that mean harm, and one that does not: it is served as if it were alone.

use super::words::{Again, Mark, Told, Words};
use ropeway_std::hub::{Handle, Hub, Limits, News, Peers};
use ropeway_std::native::{self, Config, Dial, Native, Policy};
use ropeway_std::{Handlers, Options};
use ropeway_tests::rig::Random;
use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io::{Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

/// How they mean harm, and how often at least.
const HARMS: [(&str, usize, Harm); 7] = [
    ("openings that never finish", 1_000, never_finished),
    ("garbage", 300, garbage),
    ("wrong versions", 300, wrong_version),
    ("ACKs of what was never sent", 300, never_sent),
    ("forged sessions", 300, forged),
    ("bytes beyond the window", 100, beyond_window),
    ("frames longer than any", 300, too_long),
];

/// So many calls of the good client are answered meanwhile, or more.
const CALLS: u32 = 1_000;

/// The most that any of its calls may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Longer than the hub lets a link end; who has filled its input and goes is waited for all this time.
const FAREWELL: Duration = Duration::from_secs(1);

/// Does harm over one connection.
type Harm = fn(TcpStream, &mut Random) -> Result<Outcome>;

/// What came of it.
enum Outcome {
    /// The connection is not to be closed yet.
    Kept(TcpStream),
    Closed,
    /// The hub has said which rule is broken.
    Named,
}

/// What the hub tells of harms that were named to who did them.
const NAMES: [(Harm, &str); 2] = [
    (wrong_version, "none of which is spoken here"),
    (never_sent, "acknowledgement of what was never sent"),
];

/// How often anything happened.
type Counts = Arc<Mutex<BTreeMap<String, usize>>>;

#[test]
fn a_good_client_is_answered_whatever_others_do() {
    let start = Instant::now();
    let seed = seed();
    let (news, most) = (Counts::default(), Arc::new(AtomicUsize::new(0)));
    let mut hub = hub(news.clone(), most.clone());
    let port = hub.listen("127.0.0.1:0").expect("a port");
    let address = hub.address(port).expect("it listens");
    let done: [AtomicUsize; HARMS.len()] = Default::default();
    let named: [AtomicUsize; HARMS.len()] = Default::default();
    let is_over = AtomicBool::new(false);
    let (worst, refusals) = thread::scope(|scope| {
        let end = End(hub.handle(), &is_over);
        let served = scope.spawn(move || {
            hub.run(|| false).expect("the hub polls");
            // What was named by now is told, too.
            hub.shutdown(FAREWELL).expect("the hub polls");
            hub.refusals()
        });
        let counts = done.iter().zip(&named);
        for ((number, (_, _, harm)), (done, named)) in (0..).zip(HARMS).zip(counts) {
            let is_over = &is_over;
            scope.spawn(move || {
                let mut random = Random::new(seed.wrapping_add(number));
                let mut kept = Vec::new();
                while !is_over.load(Ordering::SeqCst) {
                    let is_named = attack(address, harm, &mut random, &mut kept);
                    named.fetch_add(usize::from(is_named.unwrap_or(false)), Ordering::SeqCst);
                    done.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        let are_done = || {
            (0..)
                .zip(HARMS)
                .all(|(at, (_, least, _))| count(&done, at) >= least)
        };
        let worst = talk(address, are_done);
        drop(end);
        (worst, served.join().expect("the hub has not panicked"))
    });
    let done: Vec<_> = HARMS.iter().map(|(name, ..)| name).zip(&done).collect();
    let news = news.lock().expect("nobody panicked");
    let (most, took) = (most.load(Ordering::SeqCst), start.elapsed());
    println!(
        "seed {seed}: {worst}; harms {done:?}; news {news:?}; {refusals:?}; at most {most} peers; {took:?}"
    );
    for (harm, reason) in NAMES {
        let of_it = HARMS.iter().zip(&named);
        let of_it = of_it.filter(|((_, _, other), _)| std::ptr::fn_addr_eq(*other, harm));
        let named: usize = of_it.map(|(_, named)| named.load(Ordering::SeqCst)).sum();
        let told = news.iter().filter(|(news, _)| news.ends_with(reason));
        let told: usize = told.map(|(_, count)| count).sum();
        assert!(
            told >= named && named > 0,
            "{reason}: {told} of {named} told"
        );
    }
    let named: usize = named.iter().map(|named| named.load(Ordering::SeqCst)).sum();
    assert!(refusals.rules >= named as u64, "{refusals:?}");
    assert!(
        refusals.openings > 0 && refusals.malformed > 0,
        "{refusals:?}"
    );
    assert!(most <= OPENINGS + PEERS + SESSIONS, "{most} peers at once");
}

/// Calls until there were enough calls and harms, and says how that went.
fn talk(address: SocketAddr, are_done: impl Fn() -> bool) -> String {
    let config = Arc::new(config("good", 4096));
    let dial = Dial::new(address).options(&Options::default().buffer(4096));
    let mut client = dial.client(&config, Handlers::new()).expect("a client");
    let mut worst = Duration::ZERO;
    let mut index = 0;
    while index < CALLS || !are_done() {
        let mark = Mark { stream: 0, index };
        let asked = Instant::now();
        let told = client.call(&Again { mark }, PATIENCE);
        worst = worst.max(asked.elapsed());
        let is_answered = told.as_ref().is_ok_and(|told| told.asked == mark);
        assert!(is_answered, "call {index}: {told:?}");
        index += 1;
    }
    let is_closed = client.close(PATIENCE).expect("it takes its leave");
    assert!(is_closed, "not all was taken");
    format!("{index} calls answered, the slowest after {worst:?}")
}

/// Ends hub and harm, however the good client fares.
struct End<'a>(Handle<Native>, &'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.1.store(true, Ordering::SeqCst);
        self.0.stop();
    }
}

fn hub(counts: Counts, most: Arc<AtomicUsize>) -> Hub<Native> {
    let mut handlers = Handlers::<Native>::new();
    handlers.answer::<Again>(|_, Again { mark }| Ok(Told { asked: mark }));
    handlers.news(move |peers: &mut Peers<Native>, news| {
        most.fetch_max(peers.len(), Ordering::SeqCst);
        let news = match news {
            News::Joined(_) => "joined".into(),
            News::Back(_) => "back".into(),
            News::Away(_, why) => format!("away: {why}"),
            News::Left(_, why) => format!("left: {why}"),
            News::TurnedAway(_, why) => format!("turned away: {why}"),
            other => format!("{other:?}"),
        };
        *counts
            .lock()
            .expect("nobody panicked")
            .entry(news)
            .or_default() += 1;
    });
    let limits = Limits::default()
        .openings(OPENINGS)
        .peers(PEERS)
        .sessions(SESSIONS)
        .opening(Duration::from_millis(500))
        .linger(Duration::from_millis(50));
    let config = Arc::new(config("hub", 4096));
    let dialect = move |_: &_| native::listening(&config);
    let hub = Hub::new(dialect, Options::default().buffer(4096), limits);
    hub.expect("a hub").with_handlers(handlers)
}

fn config(name: &str, buffer: u32) -> Config {
    let config = native::config().registry(Words::ENTRIES, Policy::Enforce);
    config.name(name).fit(buffer)
}

/// Comes, does harm and goes; says whether the hub has said which rule is broken.
fn attack(
    address: SocketAddr,
    harm: Harm,
    random: &mut Random,
    kept: &mut Vec<TcpStream>,
) -> Result<bool> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_millis(20)))?;
    stream.set_write_timeout(Some(Duration::from_millis(20)))?;
    let is_named = match harm(stream, random)? {
        Outcome::Kept(stream) => {
            kept.push(stream);
            false
        }
        Outcome::Closed => false,
        Outcome::Named => true,
    };
    if kept.len() > KEPT {
        kept.remove(random.below(KEPT));
    }
    Ok(is_named)
}

fn never_finished(mut stream: TcpStream, random: &mut Random) -> Result<Outcome> {
    let hello = hello(1, 0, random);
    stream.write_all(&hello[..random.below(hello.len())])?;
    Ok(Outcome::Kept(stream))
}

fn garbage(mut stream: TcpStream, random: &mut Random) -> Result<Outcome> {
    if random.once_in(2) {
        open(&mut stream, 0, random)?;
    }
    let bytes: Vec<u8> = (0..random.below(400)).map(|_| random.bytes()[0]).collect();
    stream.write_all(&bytes)?;
    Ok(match random.once_in(4) {
        true => Outcome::Kept(stream),
        false => Outcome::Closed,
    })
}

fn wrong_version(mut stream: TcpStream, random: &mut Random) -> Result<Outcome> {
    let version = random.one_of(&[0, 2, 9, 255]);
    stream.write_all(&hello(version, 0, random))?;
    hear(&mut stream, |bye| bye.starts_with(&[0xE2, 1]))
}

fn never_sent(mut stream: TcpStream, random: &mut Random) -> Result<Outcome> {
    open(&mut stream, 0, random)?;
    if random.once_in(2) {
        stream.write_all(&ack(0))?;
    }
    stream.write_all(&ack(random.short() | 1))?;
    hear(&mut stream, |frame| {
        matches!(frame, [0xE2, 6, ..] | [0xE5, ..])
    })
}

fn forged(mut stream: TcpStream, random: &mut Random) -> Result<Outcome> {
    let session = random.next();
    open(&mut stream, session, random)?;
    stream.write_all(&ack(0))?;
    Ok(match random.once_in(4) {
        true => Outcome::Kept(stream),
        false => Outcome::Closed,
    })
}

fn beyond_window(mut stream: TcpStream, random: &mut Random) -> Result<Outcome> {
    open(&mut stream, 0, random)?;
    stream.write_all(&ack(0))?;
    // Requests, whose answers nobody reads.
    let request = [9, 0xE8, 1, 2, 3, 4, 0x12, 0, 1].repeat(2_000);
    stream.write_all(&request)?;
    Ok(match random.once_in(4) {
        true => Outcome::Kept(stream),
        false => Outcome::Closed,
    })
}

fn too_long(mut stream: TcpStream, random: &mut Random) -> Result<Outcome> {
    if random.once_in(2) {
        open(&mut stream, 0, random)?;
        stream.write_all(&ack(0))?;
    }
    stream.write_all(&[0, 0xFF, 0xFF, 0xFF, random.one_of(&[0, 0x7F, 0xFF]), 0x10])?;
    stream.write_all(&[7; 900])?;
    Ok(match random.once_in(4) {
        true => Outcome::Kept(stream),
        false => Outcome::Closed,
    })
}

/// Says HELLO and hears WELCOME, which must not resume anything.
fn open(stream: &mut TcpStream, session: u64, random: &mut Random) -> Result<()> {
    stream.write_all(&hello(1, session, random))?;
    let welcome = frame(stream)?;
    match *welcome {
        [0xE1, 1, outcome, ..] => assert_eq!(outcome, 0, "a session is resumed for a stranger"),
        [0xE2, ..] => {}
        _ => panic!("{welcome:02x?} for a HELLO"),
    }
    Ok(())
}

/// Hears what comes next, which must be as it should, unless the connection is lost.
fn hear(stream: &mut TcpStream, is_right: fn(&[u8]) -> bool) -> Result<Outcome> {
    let frame = frame(stream)?;
    let shuts_down = *frame == [0xE2, 5];
    assert!(is_right(&frame) || shuts_down, "{frame:02x?}");
    Ok(match *frame {
        [0xE2, ..] if !shuts_down => Outcome::Named,
        _ => Outcome::Closed,
    })
}

/// The content of the next short frame.
fn frame(stream: &mut TcpStream) -> Result<Vec<u8>> {
    let mut len = [0];
    stream.read_exact(&mut len)?;
    let mut frame = vec![0; usize::from(len[0]).saturating_sub(1)];
    stream.read_exact(&mut frame)?;
    Ok(frame)
}

fn hello(version: u8, session: u64, random: &mut Random) -> Vec<u8> {
    let mut hello = vec![0xE0, version, version];
    hello.extend(random.next().to_le_bytes());
    hello.extend(session.to_le_bytes());
    hello.extend(0_u32.to_le_bytes());
    hello.extend(1_000_u32.to_le_bytes());
    hello.extend(1_000_u32.to_le_bytes());
    // No registry and no promise, and another session that is forged too.
    hello.extend([0; 12]);
    hello.extend(session.rotate_left(7).to_le_bytes());
    hello.extend(b"stranger");
    hello.insert(0, u8::try_from(hello.len() + 1).expect("a short frame"));
    hello
}

fn ack(taken: u32) -> Vec<u8> {
    let mut ack = vec![10, 0xE5];
    ack.extend(taken.to_le_bytes());
    ack.extend(1_000_u32.to_le_bytes());
    ack
}

fn count(counts: &[AtomicUsize], at: usize) -> usize {
    counts
        .get(at)
        .map_or(0, |count| count.load(Ordering::SeqCst))
}

/// From the environment, or any; the same for the whole program.
fn seed() -> u64 {
    static SEED: OnceLock<u64> = OnceLock::new();
    let named = || std::env::var("ROPEWAY_SEED").ok()?.parse().ok();
    *SEED.get_or_init(|| named().unwrap_or_else(|| RandomState::new().hash_one(0)))
}

/// So many connections of one sort stay open.
const KEPT: usize = 100;

const OPENINGS: usize = 200;
const PEERS: usize = 500;
const SESSIONS: usize = 200;
