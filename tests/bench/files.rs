//! A file over TCP, from one folder to another.

use crate::aead::{Cipher, EXTRA, MAX_RECORD};
use crate::allocations;
use crate::pinned::{self, PATIENCE};
use crate::report::{Report, Target};
use crate::stream::native as ends;
use crate::{Outcome, Scale, rounds};
use ropeway_std::Options;
use ropeway_std::clever_show::{
    Direction, Drone, FileEvent, Handlers, Root, Server, Settings, Stage, What,
};
use ropeway_std::files::{self, Files};
use ropeway_std::hub::{Hub, Limits, PeerInfo};
use ropeway_std::native::{self, Dial};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const MIB: u32 = 1 << 20;

pub(crate) fn measure(report: &mut Report, scale: Scale) {
    report.section("a file over TCP");
    let len = scale.pick(16 * MIB, 1024 * MIB);
    let folder = report.succeeds("a folder for the file", Folder::new(len));
    let Some(folder) = folder else { return };
    let mut peaks = [[0; 2]; CONTENDERS.len()];
    let rates = rounds::interleaved(CONTENDERS.len(), 3, |at| {
        let (time, peak) = (CONTENDERS[at].run)(&folder)
            .map_err(|error| format!("{}: {error}", CONTENDERS[at].name))?;
        peaks[at] = peak;
        folder.take_copy()?;
        Ok(f64::from(len) / time.as_secs_f64() / 1e6)
    });
    let Some(rates) = report.succeeds("the file arrived as it was", rates) else {
        return;
    };
    report.value("the file arrived as it was", "ok");
    for (at, Contender { name, goal, .. }) in CONTENDERS.iter().enumerate() {
        let rate = format!("{:.0} MB/s", rates[at].median());
        match *goal {
            None => report.value(name, rate),
            Some((to, goal)) => {
                let ratio = rates[at].over(&rates[to]);
                report.target(
                    name,
                    rate,
                    ratio,
                    CONTENDERS[to].name,
                    Target::AtLeast(goal),
                );
            }
        }
    }
    for (Contender { name, most, .. }, peaks) in CONTENDERS.iter().zip(peaks) {
        for (side, peak) in ["sender", "receiver"].iter().zip(peaks) {
            let shown = format!("{} KiB", peak >> 10);
            let name = format!("{name}: memory of the {side}");
            if let Some(most) = most {
                report.check(&name, peak <= u64::from(*most), shown);
            }
        }
    }
}

/// How long a file took, and the most memory of sender and receiver.
type Sent = (Duration, [u64; 2]);

/// One way to bring a file from one folder to another.
struct Contender {
    name: &'static str,
    run: fn(&Folder) -> Outcome<Sent>,
    /// What it is compared with, and the share of it to reach.
    goal: Option<(usize, f64)>,
    /// The most memory of a side, in bytes.
    most: Option<u32>,
}

/// Files of the native protocol are on the disk before they count as there, and so are those of the loops beside them.
const CONTENDERS: [Contender; 7] = [
    Contender {
        name: "std::io::copy on both sides",
        run: |folder| Ok((copy(folder)?, [0; 2])),
        goal: None,
        most: None,
    },
    Contender {
        name: "Ropeway: clever-show",
        run: |folder| clever_show(folder, None),
        goal: Some((0, 0.95)),
        most: Some(MIB),
    },
    Contender {
        name: "Ropeway: clever-show, 256 KiB",
        run: |folder| clever_show(folder, Some(256 << 10)),
        goal: Some((0, 0.95)),
        most: Some(MIB),
    },
    Contender {
        name: "256 KiB + crc32fast, on the disk",
        run: |folder| Ok((by_hand(folder, false)?, [0; 2])),
        goal: None,
        most: None,
    },
    Contender {
        name: "Ropeway: native",
        run: |folder| native(folder, Options::default(), Options::default()),
        goal: Some((3, 0.95)),
        most: Some(MIB),
    },
    Contender {
        name: "16 KiB + crc32fast + ChaCha20-Poly1305",
        run: |folder| Ok((by_hand(folder, true)?, [0; 2])),
        goal: None,
        most: None,
    },
    Contender {
        name: "Ropeway: native, secure",
        run: |folder| native(folder, ends::secure()?, ends::keyring()?),
        goal: Some((5, 0.90)),
        most: Some(MIB),
    },
];

/// A folder with a file to send, which goes when it is dropped.
struct Folder {
    path: PathBuf,
}

impl Folder {
    fn new(len: u32) -> Outcome<Self> {
        let path = std::env::temp_dir().join(format!("ropeway-bench-{}", std::process::id()));
        fs::create_dir(&path)?;
        let folder = Self { path };
        let mut source = BufWriter::with_capacity(PIECE, File::create(folder.source())?);
        for at in 0..len {
            source.write_all(&(at >> 12 ^ at).to_le_bytes()[..1])?;
        }
        source.flush()?;
        Ok(folder)
    }

    fn source(&self) -> PathBuf {
        self.path.join("source")
    }

    fn copy(&self) -> PathBuf {
        self.path.join(COPY)
    }

    /// Checks the copy, and removes it.
    fn take_copy(&self) -> Outcome<()> {
        let open = |path| File::open(path).map(|file| BufReader::with_capacity(PIECE, file));
        let (mut source, mut copy) = (open(self.source())?, open(self.copy())?);
        loop {
            let (here, there) = (source.fill_buf()?, copy.fill_buf()?);
            let len = here.len().min(there.len());
            if here[..len] != there[..len] || (len == 0 && here.len() != there.len()) {
                return Err("the copy differs".into());
            }
            if len == 0 {
                break;
            }
            source.consume(len);
            copy.consume(len);
        }
        Ok(fs::remove_file(self.copy())?)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left lies among temporary files.
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn copy(folder: &Folder) -> Outcome<Duration> {
    let (mut here, mut there) = pinned::connection()?;
    let receive = || {
        io::copy(&mut here, &mut File::create(folder.copy())?)?;
        Ok(Instant::now())
    };
    let send = || {
        let start = Instant::now();
        io::copy(&mut File::open(folder.source())?, &mut there)?;
        drop(there);
        Ok(start)
    };
    let (end, start) = pinned::side_by_side(receive, send)?;
    Ok(end - start)
}

/// A loop as one would write it: the checksum goes last, and the file is on the disk at the end.
fn by_hand(folder: &Folder, is_sealed: bool) -> Outcome<Duration> {
    let (mut here, mut there) = pinned::connection()?;
    let chunk = if is_sealed { MAX_RECORD } else { 256 << 10 };
    let receive = || {
        let mut file = File::create(folder.copy())?;
        let mut crc = crc32fast::Hasher::new();
        let mut cipher = is_sealed.then(Cipher::new);
        let mut slab = vec![0; 256 << 10];
        let (mut end, mut last) = (0, [0; 4]);
        loop {
            match here.read(&mut slab[end..])? {
                0 => break,
                len => end += len,
            }
            let mut start = 0;
            match &mut cipher {
                Some(cipher) => {
                    while let Some((plain, len)) = cipher.open(&mut slab[start..end])? {
                        match plain.try_into() {
                            Ok(sum) => last = sum,
                            Err(_) => {
                                crc.update(plain);
                                file.write_all(plain)?;
                            }
                        }
                        start += len;
                    }
                }
                None => {
                    // Its last bytes may be the checksum.
                    let content = &slab[..end.saturating_sub(last.len())];
                    crc.update(content);
                    file.write_all(content)?;
                    start = content.len();
                }
            }
            slab.copy_within(start..end, 0);
            end -= start;
        }
        if end == last.len() {
            last.copy_from_slice(&slab[..end]);
        }
        if crc.finalize().to_le_bytes() != last {
            return Err("another checksum".into());
        }
        file.sync_all()?;
        Ok(Instant::now())
    };
    let send = || {
        let start = Instant::now();
        let mut file = File::open(folder.source())?;
        let mut crc = crc32fast::Hasher::new();
        let mut cipher = is_sealed.then(Cipher::new);
        let (mut plain, mut sealed) = (vec![0; chunk], vec![0; chunk + EXTRA]);
        let mut send = |bytes: &[u8]| -> Outcome<()> {
            match &mut cipher {
                Some(cipher) => {
                    let len = cipher.seal(bytes, &mut sealed)?;
                    Ok(there.write_all(&sealed[..len])?)
                }
                None => Ok(there.write_all(bytes)?),
            }
        };
        loop {
            match file.read(&mut plain)? {
                0 => break,
                len => {
                    crc.update(&plain[..len]);
                    send(&plain[..len])?;
                }
            }
        }
        send(&crc.finalize().to_le_bytes())?;
        drop(there);
        Ok(start)
    };
    let (end, start) = pinned::side_by_side(receive, send)?;
    Ok(end - start)
}

fn native(folder: &Folder, dialling: Options, listening: Options) -> Outcome<Sent> {
    let (files, config) = (
        Files::new().receive(files::Root::new(&folder.path)),
        ends::config(),
    );
    let of_hub = config.clone();
    let dialect = move |_: &PeerInfo| native::listening(&of_hub);
    let mut hub = Hub::new(dialect, listening, Limits::default())?.with_files(files);
    let port = hub.listen("127.0.0.1:0")?;
    let address = hub.address(port).ok_or("no port")?;
    let handle = hub.handle();
    let serve = || {
        allocations::forget_peak();
        hub.run(|| false)?;
        Ok(allocations::peak())
    };
    let offer = || {
        allocations::forget_peak();
        let dial = Dial::new(address).options(&dialling);
        let done = Arc::new(Mutex::new(None));
        let stage = done.clone();
        let mut handlers = ropeway_std::Handlers::new();
        handlers.files(move |_, event| {
            let outcome = match &event.stage {
                files::Stage::Done => Ok(Instant::now()),
                files::Stage::Stopped { reason, .. } => Err(format!("{reason:?}")),
                _ => return,
            };
            *stage.lock().expect("nobody panics") = Some(outcome);
        });
        let mut client = dial.client(&config, handlers)?;
        if !client.open(PATIENCE)? {
            return Err("the link does not open".into());
        }
        let start = Instant::now();
        client.peer().offer(folder.source(), COPY)?;
        let end = loop {
            client.turn(PATIENCE)?;
            if let Some(outcome) = done.lock().expect("nobody panics").take() {
                break outcome?;
            }
            if start.elapsed() > LONG {
                return Err("the file takes too long".into());
            }
        };
        Ok((end - start, allocations::peak()))
    };
    let (receiver, sent) = pinned::side_by_side(serve, || {
        let sent = offer();
        handle.stop();
        sent
    })?;
    let (time, sender) = sent;
    Ok((time, [sender, receiver]))
}

fn clever_show(folder: &Folder, buffer: Option<usize>) -> Outcome<Sent> {
    let settings = match buffer {
        Some(bytes) => Settings::default().options(Options::default().buffer(bytes)),
        None => Settings::default(),
    };
    let receiving = settings.clone().receive(Root::new(&folder.path));
    let mut server = Server::bind("127.0.0.1:0", receiving, Handlers::new())?;
    let address = server.address();
    let has_arrived = AtomicBool::new(false);
    let serve = || {
        allocations::forget_peak();
        let arrived = loop {
            let event = server.turn(PATIENCE)?.ok_or("no file has come")?;
            if is_done(&event.what, Direction::In)? {
                break Instant::now();
            }
        };
        has_arrived.store(true, Ordering::Relaxed);
        Ok((arrived, allocations::peak()))
    };
    let fly = || {
        allocations::forget_peak();
        let mut drone = Drone::new(settings, Handlers::new())?.server(address);
        while !drone.talk().is_connected() {
            drone.turn(PATIENCE)?;
        }
        let start = Instant::now();
        drone.talk().send_file(folder.source(), COPY)?;
        while !has_arrived.load(Ordering::Relaxed) && start.elapsed() < PATIENCE {
            if let Some(event) = drone.turn(Duration::from_millis(1))? {
                is_done(&event.what, Direction::Out)?;
            }
        }
        Ok((start, allocations::peak()))
    };
    let ((end, server), (start, drone)) = pinned::side_by_side(serve, fly)?;
    Ok((end - start, [drone, server]))
}

fn is_done(what: &What, way: Direction) -> Outcome<bool> {
    match what {
        What::File(FileEvent {
            stage: Stage::Failed(error),
            ..
        }) => Err(error.to_string().into()),
        What::File(FileEvent {
            stage: Stage::Done,
            direction,
            ..
        }) => Ok(*direction == way),
        What::Lost(reason) => Err(format!("{reason:?}").into()),
        _ => Ok(false),
    }
}

const COPY: &str = "copy";
const PIECE: usize = 256 << 10;

/// After which a file that has not arrived is lost.
const LONG: Duration = Duration::from_secs(60);
