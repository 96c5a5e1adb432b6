//! Files to and from disk, over real sockets that are cut.

mod native_rig;
mod proxy;

use proxy::{Fate, Proxy};
use ropeway_core::file::{Frame, Side as Role};
use ropeway_std::dialect::Dialect;
use ropeway_std::files::{By, Direction, Event, FileError, FileId, Files, Reason, Root, Stage};
use ropeway_std::hub::{Event as HubEvent, Handle, Hub, Limits, News, PeerInfo};
use ropeway_std::native::Notice;
use ropeway_std::native::{self, Backoff, Client, Dial, Native};
use ropeway_std::{Growable, Handlers, Listener, Messenger, Node, Options, messages};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(30);

#[derive(Debug, Serialize, Deserialize)]
struct Number(u32);

#[derive(Debug, Serialize, Deserialize)]
struct Double(u32);

messages! {
    enum Words {
        Number(Number) = 0x10,
        Double(Double) = 0x11 -> u32,
    }
}

/// A folder of a test's own.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ropeway-native-files-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A file that is there.
    fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    fn root(&self) -> Root {
        Root::new(&self.0)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Bytes that do not repeat themselves.
fn content(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let byte = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(byte).take(len).collect()
}

fn config() -> Arc<native::Config> {
    Arc::new(native::config().name("files"))
}

/// A hub in a thread.
struct Served {
    address: SocketAddr,
    handle: Handle<Native>,
    events: Receiver<Event>,
    numbers: Arc<Mutex<Vec<u32>>>,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    fn new(files: Files) -> Self {
        Self::with(files, Options::default())
    }

    fn with(files: Files, options: Options) -> Self {
        let (said, events) = mpsc::channel();
        let numbers = Arc::new(Mutex::new(Vec::new()));
        let heard = numbers.clone();
        let mut handlers = Handlers::<Native>::new();
        handlers
            .on::<Number>(move |_, Number(number)| heard.lock().unwrap().push(number))
            .answer::<Double>(|_, Double(number)| Ok(number * 2))
            .files(move |_, event| drop(said.send(event.clone())));
        let config = config();
        let dialect = move |_: &PeerInfo| native::listening(&config);
        let hub = Hub::new(dialect, options, Limits::default()).unwrap();
        let mut hub = hub.with_handlers(handlers).with_files(files);
        let listener = hub.listen("127.0.0.1:0").unwrap();
        let (address, handle) = (hub.address(listener).unwrap(), hub.handle());
        let thread = thread::spawn(move || hub.run(|| false).unwrap());
        Self {
            address,
            handle,
            events,
            numbers,
            thread: Some(thread),
        }
    }

    /// Waits for the last event of a file of this name.
    fn end_of(&self, name: &str) -> Event {
        loop {
            let event = self.events.recv_timeout(LONG).expect("it ends");
            if event.is_last() && &*event.name == name {
                return event;
            }
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.handle.stop();
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(thread::panicking() || ended.is_some_and(|ended| ended.is_ok()));
    }
}

/// A client, and what it has heard of its files.
struct Side {
    client: Client,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Side {
    fn new(address: SocketAddr, files: Files) -> Self {
        Self::over(Dial::new(address), files)
    }

    fn over(dial: Dial, files: Files) -> Self {
        let events = Arc::new(Mutex::new(Vec::new()));
        let noted = events.clone();
        let mut handlers = Handlers::new();
        handlers
            .answer::<Double>(|_, Double(number)| Ok(number * 2))
            .files(move |_, event| noted.lock().unwrap().push(event.clone()));
        let quickly = Backoff::default()
            .first(Duration::from_millis(2))
            .last(Duration::from_millis(20));
        let dial = dial.backoff(quickly).files(files);
        Self {
            client: dial.client(&config(), handlers).unwrap(),
            events,
        }
    }

    fn offer(&mut self, path: &Path, name: &str) -> FileId {
        self.client.peer().offer(path, name).unwrap()
    }

    /// Turns until all these files have ended.
    fn until_over(&mut self, files: &[FileId]) {
        self.until(|side| {
            files
                .iter()
                .all(|file| side.client.peer().progress(*file).is_none())
        });
    }

    fn until(&mut self, mut is_done: impl FnMut(&mut Self) -> bool) {
        let end = Instant::now() + LONG;
        while !is_done(self) {
            assert!(
                Instant::now() < end,
                "{:?}",
                self.events.lock().unwrap().last()
            );
            self.client.turn(Duration::from_millis(20)).unwrap();
        }
    }

    fn events(&self) -> Vec<Event> {
        std::mem::take(&mut *self.events.lock().unwrap())
    }

    /// How it ended.
    fn end_of(&mut self, file: FileId) -> Event {
        self.until_over(&[file]);
        let events = self.events();
        let mut last = events.into_iter().rev().filter(|event| event.file == file);
        last.find(Event::is_last).expect("its end was told")
    }
}

/// The reason of an end that is none of its files'.
#[track_caller]
fn stopped(event: &Event) -> (Reason, By) {
    match event.stage {
        Stage::Stopped { reason, by, .. } => (reason, by),
        ref other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_arrives_whole_and_both_ends_hear_how() {
    let (here, there) = (Folder::new(), Folder::new());
    let served = Served::new(Files::new().receive(there.root()));
    let bytes = content(3 << 20, 1);
    let path = here.file("a.bin", &bytes);
    let mut side = Side::new(served.address, Files::new());
    let file = side.offer(&path, "logs/today/a.bin");
    side.until_over(&[file]);
    let events = side.events();
    assert!(
        matches!(events.last().unwrap().stage, Stage::Done),
        "{events:?}"
    );
    let done: Vec<u64> = events.iter().map(|event| event.done).collect();
    assert!(done.len() > 10 && done.is_sorted(), "{done:?}");
    assert_eq!(fs::read(there.path("logs/today/a.bin")).unwrap(), bytes);

    let heard: Vec<Event> = served.events.try_iter().collect();
    assert!(matches!(heard[0].stage, Stage::Begun), "{heard:?}");
    let underway = heard
        .iter()
        .filter(|event| matches!(event.stage, Stage::Underway));
    assert!(underway.count() > 10);
    let last = heard.last().unwrap();
    assert!(matches!(last.stage, Stage::Done) && last.direction == Direction::In);
    assert_eq!((last.done, last.size), (3 << 20, 3 << 20));
    assert_eq!(there.names(), ["logs"]);
}

#[test]
fn files_go_on_over_links_that_are_cut_at_any_point() {
    let (here, there) = (Folder::new(), Folder::new());
    let served = Served::new(Files::new().receive(there.root()));
    let bytes = content(2 << 20, 2);
    let path = here.file("a.bin", &bytes);
    // From within the opening to far within the content.
    let proxy = Proxy::new(served.address, |number| Fate {
        cut_after: (number < 40).then_some(50 + number * number * 97),
        garbles: None,
    });
    let mut side = Side::new(proxy.address, Files::new());
    let file = side.offer(&path, "a.bin");
    let mut sent = 0;
    let mut next = Instant::now();
    side.until(|side| {
        if Instant::now() >= next && sent < 100 {
            side.client.queue(&Number(sent)).unwrap();
            sent += 1;
            next += Duration::from_millis(1);
        }
        side.client.peer().progress(file).is_none()
    });
    assert!(matches!(side.events().last().unwrap().stage, Stage::Done));
    assert_eq!(fs::read(there.path("a.bin")).unwrap(), bytes);
    assert_eq!(there.names(), ["a.bin"]);
    assert!(side.client.close(LONG).unwrap());
    assert_eq!(*served.numbers.lock().unwrap(), Vec::from_iter(0..sent));
    let connections = proxy.connections.load(Ordering::Relaxed);
    assert!(connections > 10, "{connections} connections");
}

#[test]
fn several_files_go_both_ways_at_once_beside_calls() {
    let (here, there) = (Folder::new(), Folder::new());
    let served = Served::new(Files::new().receive(there.root()).serve(there.root()));
    let mut side = Side::new(served.address, Files::new());
    let mut files = Vec::new();
    for number in 0..4 {
        let bytes = content(700_000 + number * 50_000, number as u64 + 3);
        let path = here.file(&format!("up{number}"), &bytes);
        files.push(side.offer(&path, &format!("up{number}")));
        there.file(&format!("down{number}"), &bytes);
        let name = format!("down{number}");
        let asked = side.client.peer().ask_for(&name, here.path(&name));
        files.push(asked.unwrap());
    }
    for number in 0..50 {
        let answer = side.client.call(&Double(number), LONG).unwrap();
        assert_eq!(answer, number * 2);
    }
    side.until_over(&files);
    for event in side.events().iter().filter(|event| event.is_last()) {
        assert!(matches!(event.stage, Stage::Done), "{event:?}");
    }
    for number in 0..4 {
        for name in [format!("up{number}"), format!("down{number}")] {
            let same = fs::read(here.path(&name)).unwrap() == fs::read(there.path(&name)).unwrap();
            assert!(same, "{name}");
        }
    }
}

#[test]
fn a_sender_that_is_started_anew_goes_on_where_it_was() {
    let (here, there) = (Folder::new(), Folder::new());
    let served = Served::new(Files::new().receive(there.root()));
    let bytes = content(4 << 20, 5);
    let path = here.file("a.bin", &bytes);
    let mut first = Side::new(served.address, Files::new());
    let file = first.offer(&path, "a.bin");
    let half = |side: &mut Side| {
        let progress = side.client.peer().progress(file);
        progress.is_none_or(|progress| progress.offset > 2 << 20)
    };
    first.until(half);
    assert!(first.client.peer().progress(file).is_some());
    drop(first);
    let mut second = Side::new(served.address, Files::new());
    let file = second.offer(&path, "a.bin");
    assert!(matches!(second.end_of(file).stage, Stage::Done));
    assert_eq!(fs::read(there.path("a.bin")).unwrap(), bytes);
    assert_eq!(there.names(), ["a.bin"]);
    let begun = served.events.try_iter();
    let begun = begun.filter(|event| matches!(event.stage, Stage::Begun));
    let begun: Vec<u64> = begun.map(|event| event.done).collect();
    assert!(begun.len() == 2 && begun[1] > 1 << 20, "{begun:?}");
}

#[test]
fn a_receiver_that_is_started_anew_goes_on_where_it_was() {
    let (here, there) = (Folder::new(), Folder::new());
    let first = Served::new(Files::new().receive(there.root()));
    let bytes = content(4 << 20, 6);
    let path = here.file("a.bin", &bytes);
    let proxy = Proxy::new(first.address, |_| Fate::default());
    let mut side = Side::new(proxy.address, Files::new());
    let file = side.offer(&path, "a.bin");
    side.until(|side| {
        let progress = side.client.peer().progress(file);
        progress.is_none_or(|progress| progress.offset > 2 << 20)
    });
    assert!(side.client.peer().progress(file).is_some());
    drop(first);
    let second = Served::new(Files::new().receive(there.root()));
    proxy.lead_to(second.address);
    proxy.cut();
    assert!(matches!(side.end_of(file).stage, Stage::Done));
    assert_eq!(fs::read(there.path("a.bin")).unwrap(), bytes);
    assert_eq!(there.names(), ["a.bin"]);
    let begun = second.events.recv_timeout(LONG).unwrap();
    assert!(
        matches!(begun.stage, Stage::Begun) && begun.done > 1 << 20,
        "{begun:?}"
    );
}

#[test]
fn a_file_that_is_given_up_leaves_nothing_behind() {
    let (here, there) = (Folder::new(), Folder::new());
    let served = Served::new(Files::new().receive(there.root()));
    let path = here.file("a.bin", &content(8 << 20, 7));
    let mut side = Side::new(served.address, Files::new());
    let file = side.offer(&path, "a.bin");
    side.until(|side| {
        let progress = side.client.peer().progress(file);
        progress.is_none_or(|progress| progress.offset > 1 << 20)
    });
    assert!(side.client.peer().cancel_file(file));
    assert!(!side.client.peer().cancel_file(file));
    assert!(side.client.peer().progress(file).is_none());
    assert_eq!(side.client.call(&Double(1), LONG).unwrap(), 2);
    let end = served.end_of("a.bin");
    assert_eq!(stopped(&end), (Reason::Cancelled, By::Peer));
    assert!(there.names().is_empty(), "{:?}", there.names());
}

#[test]
fn a_file_that_changes_meanwhile_is_stopped() {
    let (here, there) = (Folder::new(), Folder::new());
    let served = Served::new(Files::new().receive(there.root()));
    let path = here.file("a.bin", &content(8 << 20, 8));
    let mut side = Side::new(served.address, Files::new());
    let file = side.offer(&path, "a.bin");
    side.until(|side| {
        let progress = side.client.peer().progress(file);
        progress.is_none_or(|progress| progress.offset > 1 << 20)
    });
    fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(3 << 20)
        .unwrap();
    assert_eq!(stopped(&side.end_of(file)), (Reason::Changed, By::Here));
    assert_eq!(
        stopped(&served.end_of("a.bin")),
        (Reason::Changed, By::Peer)
    );
    assert!(there.names().is_empty(), "{:?}", there.names());
}

#[test]
fn names_that_lead_elsewhere_are_refused_with_the_reason() {
    let (here, there, outside) = (Folder::new(), Folder::new(), Folder::new());
    there.file("folder/inside", b"inside");
    outside.file("secret", b"secret");
    let served = Served::new(Files::new().receive(there.root()).serve(there.root()));
    let path = here.file("a", b"content");
    let mut side = Side::new(served.address, Files::new());
    #[cfg(unix)]
    let names = {
        std::os::unix::fs::symlink(&outside.0, there.path("link")).unwrap();
        ["link/new", "link/sub/new", "a.PART", "folder"]
    };
    #[cfg(not(unix))]
    let names = ["a.part", "b.PART", "c.part", "folder"];
    for name in names {
        let file = side.offer(&path, name);
        let (reason, by) = stopped(&side.end_of(file));
        assert_eq!((reason, by), (Reason::NameNotAllowed, By::Peer), "{name}");
        assert_eq!(stopped(&served.end_of(name)), (reason, By::Here), "{name}");
    }
    #[cfg(unix)]
    {
        let asked = side.client.peer().ask_for("link/secret", here.path("got"));
        let end = side.end_of(asked.unwrap());
        assert_eq!(stopped(&end), (Reason::NameNotAllowed, By::Peer));
    }
    // The last part may be a link: it is replaced, and nothing is written through it.
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(outside.path("secret"), there.path("last")).unwrap();
        let file = side.offer(&path, "last");
        assert!(matches!(side.end_of(file).stage, Stage::Done));
        assert_eq!(fs::read(there.path("last")).unwrap(), b"content");
    }
    let asked = side.client.peer().ask_for("nothing", here.path("got"));
    let end = side.end_of(asked.unwrap());
    assert_eq!(stopped(&end), (Reason::UnknownName, By::Peer));
    for name in ["../up", "/etc/passwd", "a//b", "c:/boot", "a\\b", ""] {
        let refused = side.client.peer().offer(&path, name);
        assert!(matches!(refused, Err(FileError::Start(_))), "{name}");
    }
    assert_eq!(outside.names(), ["secret"]);
    assert_eq!(fs::read(outside.path("secret")).unwrap(), b"secret");
    assert!(!here.path("got").exists());
}

#[test]
fn files_keep_back_no_acknowledgement_from_who_owes_answers() {
    use native_rig::{Note, SOON, Sum, node};
    let (here, there) = (Folder::new(), Folder::new());
    let path = here.file("a", &content(1 << 20, 16));
    let (a, b) = ropeway_std::memory::ends(1 << 18);
    let native = native::listening(&native_rig::config("there"));
    let options = Options::default().buffer(16 << 10).send_timeout(SOON);
    let link = ropeway_std::Link::over(native, b, &options).unwrap();
    let mut handlers = Handlers::new();
    handlers.answer::<Sum>(|_, _| Ok(0));
    let files = Files::new().receive(there.root());
    let native = native::dialling(&native_rig::config("here"));
    let mut pair = (
        node(native, a, Handlers::new()).with_files(Files::new()),
        Node::new(link, handlers).with_files(files),
    );
    native_rig::settle(&mut pair);
    pair.0.peer().offer(&path, "a").unwrap();
    pair.0.turn(Duration::ZERO).unwrap();
    pair.1.turn(Duration::ZERO).unwrap();
    while pair.1.peer().send(&Note(7)).is_ok() {}
    let sums: Vec<_> = (0..60)
        .map(|_| pair.0.start(&Sum(0, 0), LONG).unwrap())
        .collect();
    for _ in 0..4 {
        pair.0.turn(Duration::ZERO).unwrap();
    }
    for _ in 0..20_000 {
        let _ = pair.0.peer().send(&Note(7));
    }
    pair.0.turn(Duration::ZERO).unwrap();
    for _ in 0..200 {
        native_rig::settle(&mut pair);
    }
    assert!(sums.iter().all(|sum| sum.poll() == Some(Ok(0))));
}

/// What a peer hears that checks no name itself: for each of `names`, of an offer and of a request for it.
fn told_of(address: SocketAddr, names: &[&str]) -> Vec<[Reason; 2]> {
    let memory = || Growable::new(4096, 4096);
    let native = native::dialling(&config());
    let mut mail: Messenger<Native, Growable> = Messenger::new(native, memory(), memory());
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    let mut told = vec![[None; 2]; names.len()];
    let mut has_asked = false;
    while told.iter().flatten().any(Option::is_none) {
        loop {
            let output = mail.poll_output();
            if output.is_empty() {
                break;
            }
            let len = stream.write(output).unwrap();
            mail.handle_written(len);
        }
        while let Some(event) = mail.recv::<Words>() {
            if let ropeway_std::Event::Notice(Notice::File(Frame::Stop { id, side, reason })) =
                event
            {
                let is_of_request = usize::from(side == Role::Asked);
                told[id as usize - 1][is_of_request] = Some(reason);
            }
        }
        if mail.dialect().is_open() && !has_asked {
            has_asked = true;
            for (id, &name) in (1..).zip(names) {
                let (file, ask, size, tag) = (id, 0, 7, 7);
                let offer = Frame::Offer {
                    file,
                    ask,
                    size,
                    tag,
                    name,
                };
                mail.send_file(&offer).unwrap();
                mail.send_file(&Frame::Ask { ask: id, name }).unwrap();
            }
            continue;
        }
        if mail.poll_output().is_empty() {
            let len = stream.read(mail.input_room()).unwrap();
            assert!(len > 0, "{told:?}");
            mail.handle_input(len);
        }
    }
    told.iter().map(|both| both.map(Option::unwrap)).collect()
}

#[test]
fn a_peer_that_checks_no_names_is_stopped() {
    let there = Folder::new();
    there.file("a.part", b"half");
    let files = || {
        Files::new()
            .receive(there.root())
            .serve(there.root())
            .transfers(20)
    };
    let served = Served::new(files());
    let mut listener = Listener::bind("127.0.0.1:0").unwrap();
    let address = listener.address();
    let node = thread::spawn({
        let files = files();
        move || {
            let native = native::listening(&config());
            let link = listener.accept(native, &Options::default(), LONG);
            let link = link.unwrap().unwrap();
            Node::new(link, Handlers::new())
                .with_files(files)
                .run(|| false)
        }
    });
    let escaping = [
        "../up",
        "/etc/passwd",
        "a/../../b",
        "a/..",
        "",
        ".",
        "c:/boot",
        "a\\b",
    ];
    for address in [served.address, address] {
        for (name, told) in escaping.iter().zip(told_of(address, &escaping)) {
            assert_eq!(told, [Reason::NameNotAllowed; 2], "{name}");
        }
    }
    assert!(node.join().unwrap().is_err());
    // One that may be a part is there to be read, and not to be written.
    let [offered, asked] = told_of(served.address, &["b.part"])[0];
    assert_eq!(
        (offered, asked),
        (Reason::NameNotAllowed, Reason::UnknownName)
    );
    assert_eq!(there.names(), ["a.part"]);
    assert_eq!(fs::read(there.path("a.part")).unwrap(), b"half");
}

#[test]
fn what_the_program_does_not_allow_is_refused_with_the_reason() {
    let (here, there) = (Folder::new(), Folder::new());
    let path = here.file("a", &content(2000, 9));
    let wanted = |name: &'static str| Files::new().accept(move |offer| offer.name == name);
    for (files, reason) in [
        (Files::new(), Reason::NotWanted),
        (wanted("b").receive(there.root()), Reason::NotWanted),
        (
            Files::new().receive(there.root()).max_size(1999),
            Reason::TooLarge,
        ),
    ] {
        let served = Served::new(files);
        let mut side = Side::new(served.address, Files::new());
        let file = side.offer(&path, "a");
        assert_eq!(stopped(&side.end_of(file)), (reason, By::Peer));
        let asked = side.client.peer().ask_for("a", here.path("b")).unwrap();
        assert_eq!(
            stopped(&side.end_of(asked)),
            (Reason::UnknownName, By::Peer)
        );
    }
    assert!(there.names().is_empty());
    // A hub offers to a client that was told of no files.
    let served = Served::new(Files::new());
    let mut side = Side::new(served.address, Files::new());
    assert_eq!(side.client.call(&Double(1), LONG).unwrap(), 2);
    let offered = served.handle.post(move |peers| {
        let id = peers.ids().next().unwrap();
        peers.get(id).unwrap().offer(&path, "a").unwrap();
    });
    offered.unwrap();
    side.until(|side| !side.events.lock().unwrap().is_empty());
    assert_eq!(stopped(&served.end_of("a")), (Reason::NotWanted, By::Peer));
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_fails_ends_the_transfer_with_the_error() {
    let here = Folder::new();
    let served = Served::new(Files::new().serve(here.root()));
    here.file("a", &content(100_000, 10));
    let mut side = Side::new(served.address, Files::new());
    let asked = side.client.peer().ask_for("a", here.path("missing/b"));
    let end = side.end_of(asked.unwrap());
    assert_eq!(stopped(&end), (Reason::WriteFailed, By::Here));
    let text = end.stage.to_string();
    assert!(text.contains("No such file"), "{text}");
    assert_eq!(
        stopped(&served.end_of("a")),
        (Reason::WriteFailed, By::Peer)
    );
}

#[test]
fn more_files_than_there_may_be_are_turned_away_as_busy() {
    let (here, there) = (Folder::new(), Folder::new());
    let served = Served::new(Files::new().receive(there.root()).transfers(2));
    let path = here.file("a", &content(1 << 20, 11));
    let mut side = Side::new(served.address, Files::new().transfers(30));
    let offered = (0..30).map(|number| side.offer(&path, &format!("f{number}")));
    let offered: Vec<FileId> = offered.collect();
    side.until_over(&offered);
    let events = side.events();
    let ends = events.iter().filter(|event| event.is_last());
    let (done, refused): (Vec<&Event>, Vec<&Event>) =
        ends.partition(|event| matches!(event.stage, Stage::Done));
    assert!(
        done.len() >= 2 && done.len() + refused.len() == 30,
        "{}",
        done.len()
    );
    for event in refused {
        assert_eq!(stopped(event), (Reason::Busy, By::Peer));
    }
    assert_eq!(there.names().len(), done.len());
}

#[test]
fn what_is_garbled_on_the_way_is_not_put_in_its_place() {
    let (here, there) = (Folder::new(), Folder::new());
    let served = Served::new(Files::new().receive(there.root()));
    let bytes = content(400_000, 12);
    let path = here.file("a", &bytes);
    let proxy = Proxy::new(served.address, |_| Fate {
        cut_after: None,
        garbles: Some(200_000),
    });
    let mut side = Side::new(proxy.address, Files::new());
    let file = side.offer(&path, "a");
    assert_eq!(stopped(&side.end_of(file)), (Reason::WrongCrc, By::Peer));
    assert_eq!(stopped(&served.end_of("a")), (Reason::WrongCrc, By::Here));
    assert!(there.names().is_empty(), "{:?}", there.names());
    // Behind that byte it goes well.
    let again = side.offer(&path, "a");
    assert!(matches!(side.end_of(again).stage, Stage::Done));
    assert_eq!(fs::read(there.path("a")).unwrap(), bytes);
}

#[test]
fn a_part_that_has_become_another_is_not_gone_on_with_for_good() {
    let (here, there) = (Folder::new(), Folder::new());
    let bytes = content(1 << 20, 13);
    let path = here.file("a", &bytes);
    let served = Served::new(Files::new().receive(there.root()));
    let mut side = Side::new(served.address, Files::new());
    let file = side.offer(&path, "a");
    side.until(|side| {
        let progress = side.client.peer().progress(file);
        progress.is_none_or(|progress| progress.offset > 300_000)
    });
    drop(side);
    drop(served);
    let part = there.names().pop().unwrap();
    assert!(part.starts_with("a.") && part.ends_with(".part"), "{part}");
    let mut changed = fs::read(there.path(&part)).unwrap();
    changed[1000] ^= 1;
    fs::write(there.path(&part), changed).unwrap();

    let served = Served::new(Files::new().receive(there.root()));
    let mut side = Side::new(served.address, Files::new());
    let file = side.offer(&path, "a");
    assert_eq!(stopped(&side.end_of(file)), (Reason::WrongCrc, By::Peer));
    let again = side.offer(&path, "a");
    assert!(matches!(side.end_of(again).stage, Stage::Done));
    assert_eq!(fs::read(there.path("a")).unwrap(), bytes);
    assert_eq!(there.names(), ["a"]);
}

#[test]
fn a_node_with_little_memory_takes_files_and_calls_too() {
    let (here, there) = (Folder::new(), Folder::new());
    let mut listener = Listener::bind("127.0.0.1:0").unwrap();
    let address = listener.address();
    let root = there.root();
    let served = thread::spawn(move || {
        let native = native::listening(&config());
        let options = Options::default().buffer(16 << 10);
        let link = listener.accept(native, &options, LONG).unwrap().unwrap();
        let mut handlers = Handlers::new();
        handlers.answer::<Double>(|_, Double(number)| Ok(number * 2));
        let mut node = Node::new(link, handlers).with_files(Files::new().receive(root));
        node.run(|| false)
    });
    let mut side = Side::new(address, Files::new());
    let names = ["a", "b", "c"];
    let paths = names.map(|name| here.file(name, &content(300_000, name.len() as u64)));
    let files = [0, 1, 2].map(|at| side.offer(&paths[at], names[at]));
    for number in 0..20 {
        assert_eq!(side.client.call(&Double(number), LONG).unwrap(), number * 2);
    }
    side.until_over(&files);
    for (name, path) in names.iter().zip(&paths) {
        let same = fs::read(path).unwrap() == fs::read(there.path(name)).unwrap();
        assert!(same, "{name}");
    }
    drop(side);
    assert!(served.join().unwrap().is_err());
}

#[test]
fn nodes_that_both_wait_for_room_take_each_others_files() {
    use native_rig::Note;
    const NOTES: u32 = 30_000;
    let talk = |folder: &Folder, native, end| {
        let (said, heard) = mpsc::channel();
        let mut handlers = Handlers::new();
        handlers.on::<Note>(move |_, note| said.send(note.0).unwrap());
        let files = Files::new().receive(folder.root());
        let mut node = native_rig::node(native, end, handlers).with_files(files);
        let path = folder.file("sent", &content(1 << 20, 15));
        let file = node.peer().offer(&path, "received").unwrap();
        for number in 0..NOTES {
            node.queue(&Note(number)).unwrap();
        }
        let mut last = None;
        let received = folder.path("received");
        while last != Some(NOTES - 1) || node.peer().progress(file).is_some() || !received.exists()
        {
            node.turn(Duration::from_millis(20)).unwrap();
            last = heard.try_iter().last().or(last);
        }
        // The other may still wait for what this one has taken.
        assert!(node.close(LONG).is_ok());
    };
    let (a, b) = ropeway_std::memory::ends(1 << 14);
    let (here, there) = (Folder::new(), Folder::new());
    thread::scope(|scope| {
        scope.spawn(|| talk(&here, native::dialling(&native_rig::config("here")), a));
        scope.spawn(|| talk(&there, native::listening(&native_rig::config("there")), b));
    });
    for folder in [here, there] {
        assert_eq!(
            fs::read(folder.path("received")).unwrap(),
            content(1 << 20, 15)
        );
    }
}

#[test]
fn a_hub_that_is_asked_one_by_one_carries_files_too() {
    let (here, there) = (Folder::new(), Folder::new());
    let config = config();
    let dialect = move |_: &PeerInfo| native::listening(&config);
    let files = Files::new().receive(there.root()).serve(there.root());
    let hub = Hub::new(dialect, Options::default(), Limits::default()).unwrap();
    let mut hub = hub.with_files(files);
    let listener = hub.listen("127.0.0.1:0").unwrap();
    let address = hub.address(listener).unwrap();
    let bytes = content(1 << 20, 16);
    let (sent, fetched) = (here.file("a", &bytes), here.path("b"));
    let client = thread::spawn(move || {
        let mut side = Side::new(address, Files::new());
        let file = side.offer(&sent, "a");
        assert!(matches!(side.end_of(file).stage, Stage::Done));
        let file = side.client.peer().ask_for("a", &fetched).unwrap();
        assert!(matches!(side.end_of(file).stage, Stage::Done));
        // Gone as soon as it has all: the hub tells of its files first.
        assert!(side.client.close(LONG).unwrap());
    });
    let (mut told, mut ended) = (Vec::new(), false);
    while !ended {
        match hub.next::<Words>(LONG).unwrap().expect("it goes on") {
            HubEvent::File(_, event) => told.push(event),
            HubEvent::News(News::Left(..)) => ended = true,
            _ => {}
        }
    }
    client.join().unwrap();
    let ends: Vec<_> = told
        .iter()
        .filter(|event| event.is_last())
        .map(|event| (event.direction, event.done, &*event.name))
        .collect();
    let size = 1 << 20;
    assert_eq!(
        ends,
        [(Direction::In, size, "a"), (Direction::Out, size, "a")]
    );
    assert!(told.len() > 10, "{told:?}");
    assert_eq!(fs::read(here.path("b")).unwrap(), bytes);
}

#[cfg(feature = "secure")]
#[test]
fn files_go_over_secure_links_that_are_cut() {
    let (here, there) = (Folder::new(), Folder::new());
    let key = || native::Key::new("rover", [7; 32]).unwrap();
    let options = Options::default().keyring(key().into());
    let served = Served::with(Files::new().receive(there.root()), options);
    let bytes = content(1 << 20, 14);
    let path = here.file("a", &bytes);
    let proxy = Proxy::new(served.address, |number| Fate {
        cut_after: (number < 12).then_some(200 + number * number * 900),
        garbles: (number == 12).then_some(150_000),
    });
    let mut side = Side::over(Dial::new(proxy.address).secure(key()), Files::new());
    let file = side.offer(&path, "a");
    assert!(matches!(side.end_of(file).stage, Stage::Done));
    assert_eq!(fs::read(there.path("a")).unwrap(), bytes);
    assert!(proxy.connections.load(Ordering::Relaxed) > 10);
}

/// Not a test but a measurement: `cargo test --release --test native_files -- --ignored --nocapture`.
#[test]
#[ignore = "it measures"]
fn how_fast_a_large_file_goes() {
    let (here, there) = (Folder::new(), Folder::new());
    let size = 512 << 20;
    let path = here.file("large", &content(size, 15));
    let measure = |served: &Served, dial: Dial, name: &str| {
        let mut side = Side::over(dial, Files::new());
        side.client.open(LONG).unwrap();
        let start = Instant::now();
        let file = side.offer(&path, name);
        assert!(matches!(side.end_of(file).stage, Stage::Done));
        let seconds = start.elapsed().as_secs_f64();
        println!("{name}: {:.0} MB/s", size as f64 / 1e6 / seconds);
        served.end_of(name);
    };
    let served = Served::new(Files::new().receive(there.root()));
    measure(&served, Dial::new(served.address), "plain");
    #[cfg(feature = "secure")]
    {
        let key = || native::Key::new("rover", [7; 32]).unwrap();
        let options = Options::default().keyring(key().into());
        let served = Served::with(Files::new().receive(there.root()), options);
        let dial = Dial::new(served.address).secure(key());
        measure(&served, dial, "secure");
    }
}
