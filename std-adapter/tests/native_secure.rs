//! Sessions that only who has the key can read, over real sockets.
#![cfg(feature = "secure")]

mod proxy;

use proxy::{Fate, Proxy};
use ropeway_core::wire::{Wire, secure};
use ropeway_std::hub::{Handle, Hub, Limits, News, PeerInfo};
use ropeway_std::native::{self, Client, Dial, Key, Keyring, Native, Standing};
use ropeway_std::{Error, Event, Handlers, Link, Listener, Node, Options, Pump, memory, messages};
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(20);

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

fn key(id: &str, byte: u8) -> Key {
    Key::new(id, [byte; 32]).unwrap()
}

fn keyring() -> Keyring {
    [key("rover", 1), key("base", 2)].into_iter().collect()
}

fn config() -> Arc<native::Config> {
    Arc::new(native::config().registry(Words::ENTRIES, native::Policy::Enforce))
}

/// A hub in a thread, which answers, and notes the numbers that it hears and under whose key.
struct Served {
    address: SocketAddr,
    handle: Handle<Native>,
    news: Receiver<String>,
    numbers: Arc<Mutex<Vec<(u32, String)>>>,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    fn new(options: Options) -> Self {
        let (said, news) = mpsc::channel();
        let numbers = Arc::new(Mutex::new(Vec::new()));
        let heard = numbers.clone();
        let mut handlers = Handlers::<Native>::new();
        handlers
            .on::<Number>(move |peer, Number(number)| {
                let key = peer.key_id().map_or_else(String::new, |id| id.to_string());
                heard.lock().unwrap().push((number, key));
            })
            .answer::<Double>(|_, Double(number)| Ok(number * 2))
            .news(move |_, news| {
                let told = match news {
                    News::Joined(_) => "joined".into(),
                    News::Back(_) => "back".into(),
                    News::Away(_, why) | News::Left(_, why) | News::TurnedAway(_, why) => {
                        why.to_string()
                    }
                    other => format!("{other:?}"),
                };
                let _ = said.send(told);
            });
        let config = config();
        let dialect = move |_: &PeerInfo| native::listening(&config);
        let hub = Hub::new(dialect, options, Limits::default()).unwrap();
        let mut hub = hub.with_handlers(handlers);
        let listener = hub.listen("127.0.0.1:0").unwrap();
        let (address, handle) = (hub.address(listener).unwrap(), hub.handle());
        let thread = thread::spawn(move || hub.run(|| false).unwrap());
        Self {
            address,
            handle,
            news,
            numbers,
            thread: Some(thread),
        }
    }

    fn secure() -> Self {
        Self::new(Options::default().keyring(keyring()))
    }

    fn news(&self) -> String {
        self.news.recv_timeout(LONG).expect("there are news")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.handle.stop();
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(thread::panicking() || ended.is_some_and(|ended| ended.is_ok()));
    }
}

fn dial(address: SocketAddr) -> Dial {
    let quickly = native::Backoff::default()
        .first(Duration::from_millis(2))
        .last(Duration::from_millis(20));
    Dial::new(address).backoff(quickly)
}

fn client(dial: Dial) -> Client {
    dial.client(&config(), Handlers::new()).unwrap()
}

/// How the client is refused for good.
fn refusal(dial: Dial) -> String {
    match client(dial).open(LONG) {
        Err(error @ Error::Ended(_)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_has_the_key_is_let_in() {
    let served = Served::secure();
    for (id, byte) in [("rover", 1), ("base", 2)] {
        let mut client = client(dial(served.address).secure(key(id, byte)));
        assert_eq!(client.call(&Double(21), LONG).unwrap(), 42);
        client.send(&Number(7)).unwrap();
        assert!(client.close(LONG).unwrap());
        let numbers = std::mem::take(&mut *served.numbers.lock().unwrap());
        assert_eq!(numbers, [(7, id.into())]);
    }
}

#[test]
fn who_has_no_key_is_refused_in_words_on_both_ends() {
    let served = Served::secure();
    let cases = [
        (
            dial(served.address).secure(key("rover", 9)),
            "the peer refuses: wrong key",
            "the peer has another key under this id",
        ),
        (
            dial(served.address).secure(key("stranger", 1)),
            "the peer refuses: unknown key id",
            "there is no key of this id",
        ),
        (
            dial(served.address),
            "the peer says: secure peers only: secure peers only",
            "the peer is not secure",
        ),
    ];
    for (dial, here, there) in cases {
        assert_eq!(refusal(dial), here);
        assert_eq!(served.news(), there);
    }
    assert!(served.numbers.lock().unwrap().is_empty());
}

#[test]
fn a_listener_without_keys_refuses_who_has_one() {
    let served = Served::new(Options::default());
    let here = refusal(dial(served.address).secure(key("rover", 1)));
    assert_eq!(here, "the peer refuses: no secure peers");
    let there = served.news();
    assert_eq!(
        there,
        "not an opening: this looks like the native protocol with encryption"
    );
}

#[test]
fn nobody_dials_in_plain_who_has_keys_to_listen() {
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let options = Options::default().keyring(keyring());
    let connect = ropeway_std::Connect::new(listener.address());
    let refused = connect.link(native::dialling(&config()), &options);
    let error = refused.map(drop).unwrap_err().to_string();
    assert!(error.contains("no key to dial with"), "{error}");
}

#[test]
fn a_socket_that_is_added_is_secure_at_the_end_of_its_dialect() {
    let served = Served::secure();
    let options = Options::default().secure(key("rover", 1));
    let config = config();
    let dialect = move |_: &PeerInfo| native::dialling(&config);
    let mut hub = Hub::new(dialect, options, Limits::default()).unwrap();
    let stream = TcpStream::connect(served.address).unwrap();
    let peer = hub.add(stream).unwrap();
    let answer = hub.start(peer, &Double(21), LONG).unwrap();
    let answer = loop {
        assert!(hub.turn(LONG).unwrap());
        if let Some(answer) = answer.poll() {
            break answer;
        }
    };
    assert_eq!(answer, Ok(42));
    assert_eq!(served.news(), "joined");
}

#[test]
fn a_session_goes_on_over_secure_links_that_are_cut() {
    let served = Served::secure();
    let proxy = Proxy::new(served.address, |number| Fate {
        cut_after: (number < 25).then_some(300 + number * 37),
        garbles: None,
    });
    let mut client = client(dial(proxy.address).secure(key("rover", 1)));
    for number in 0..200 {
        client.queue(&Number(number)).unwrap();
        client.turn(Duration::from_millis(1)).unwrap();
    }
    assert!(client.close(LONG).unwrap());
    let numbers = served.numbers.lock().unwrap();
    let heard: Vec<u32> = numbers.iter().map(|(number, _)| *number).collect();
    assert_eq!(heard, Vec::from_iter(0..200));
    assert!(proxy.connections.load(Ordering::Relaxed) > 5);
}

#[test]
fn a_garbled_byte_ends_the_link_and_not_the_session() {
    let served = Served::secure();
    // Behind the opening, in a record: that of HELLO, and later ones.
    for garbled in [100, 260, 400] {
        let proxy = Proxy::new(served.address, move |number| Fate {
            cut_after: None,
            garbles: (number == 0).then_some(garbled),
        });
        let lost = Arc::new(Mutex::new(0));
        let counted = lost.clone();
        let mut handlers = Handlers::new();
        handlers.standing(move |_, standing| {
            if let Standing::Lost { .. } = standing {
                *counted.lock().unwrap() += 1;
            }
        });
        let dial = dial(proxy.address).secure(key("base", 2));
        let mut client = dial.client(&config(), handlers).unwrap();
        for number in 0..20 {
            client.send(&Number(number)).unwrap();
            assert_eq!(client.call(&Double(number), LONG).unwrap(), number * 2);
        }
        assert!(client.close(LONG).unwrap());
        let numbers = std::mem::take(&mut *served.numbers.lock().unwrap());
        let heard: Vec<u32> = numbers.iter().map(|(number, _)| *number).collect();
        assert_eq!(heard, Vec::from_iter(0..20), "garbled at {garbled}");
        assert_eq!(*lost.lock().unwrap(), 1, "garbled at {garbled}");
        let news: Vec<String> = served.news.try_iter().collect();
        let fault = "a record does not authenticate";
        assert!(news.iter().any(|told| told == fault), "{garbled}: {news:?}");
    }
}

#[test]
fn a_node_serves_one_key_id_for_all_its_life() {
    let mut listener = Listener::bind("127.0.0.1:0").unwrap();
    let address = listener.address();
    let options = Options::default().keyring(keyring());
    let served = thread::spawn(move || {
        let link = listener.accept(native::listening(&config()), &options, LONG);
        let link: Link<Native> = link.unwrap().unwrap();
        let mut handlers = Handlers::new();
        handlers.answer::<Double>(|_, Double(number)| Ok(number * 2));
        let mut node = Node::new(link, handlers);
        let mut ends = Vec::new();
        for _ in 0..2 {
            ends.push(node.run(|| false).unwrap_err().to_string());
            let (stream, _) = listener.stream(LONG).unwrap().unwrap();
            node.reconnect(stream).unwrap();
        }
        ends.push(node.run(|| false).unwrap_err().to_string());
        ends
    });
    let mut first = client(dial(address).secure(key("rover", 1)));
    assert_eq!(first.call(&Double(1), LONG).unwrap(), 2);
    drop(first);
    let other = refusal(dial(address).secure(key("base", 2)));
    assert_eq!(other, "the peer refuses: unknown key id");
    let mut again = client(dial(address).secure(key("rover", 1)));
    assert_eq!(again.call(&Double(2), LONG).unwrap(), 4);
    drop(again);
    let ends = served.join().unwrap();
    assert_eq!(ends[1], "there is no key of this id", "{ends:?}");
}

/// A peer by hand, which says one frame over a secure wire and returns the answer's first bytes.
fn say(address: SocketAddr, id: &[u8], secret: u8, frame: &[u8]) -> Vec<u8> {
    let id = secure::KeyId::new(id).unwrap();
    let key = secure::Key::new([secret; 32]);
    let mut wire = secure::Secure::dial(id, key, [0; 2048], [0; 2048]);
    wire.handle_connected([9; 32]);
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    let mut is_said = false;
    loop {
        if wire.is_open() && !is_said {
            assert_eq!(wire.send_stream(frame), frame.len());
            is_said = true;
        }
        while wire.has_output() {
            let len = stream.write(wire.poll_output()).unwrap();
            wire.handle_written(len);
        }
        let answer = wire.poll_stream().unwrap().to_vec();
        if !answer.is_empty() {
            return answer;
        }
        let len = stream.read(wire.input_room()).unwrap();
        assert!(len > 0, "it ends without a word");
        wire.handle_input(len);
    }
}

#[test]
fn a_session_is_not_resumed_under_another_key_id() {
    let served = Served::secure();
    let proxy = Proxy::new(served.address, |_| Fate::default());
    let config = config();
    let dial = dial(proxy.address).secure(key("rover", 1));
    let mut client = dial.client(&config, Handlers::new()).unwrap();
    assert_eq!(client.call(&Double(1), LONG).unwrap(), 2);
    let session = client.link().dialect().session().unwrap();
    proxy.cut();
    let mut hello = vec![0, 0xe0, 1, 1];
    hello.extend(config.epoch().to_le_bytes());
    hello.extend(session.to_le_bytes());
    for number in [0, 1000, 1000] {
        hello.extend(u32::to_le_bytes(number));
    }
    hello.extend(config.fingerprint().to_le_bytes());
    hello.extend([0; 4 + 8]);
    hello[0] = u8::try_from(hello.len()).unwrap();
    // Who has a key of its own is let in, but not into the session of another.
    let welcome = say(served.address, b"base", 2, &hello);
    assert_eq!(welcome[1..4], [0xe1, 1, 0], "{welcome:02x?}");
    assert_ne!(welcome[12..20], session.to_le_bytes());
    assert_eq!(client.call(&Double(2), LONG).unwrap(), 4);
    assert_eq!(client.link().dialect().session(), Some(session));
    // Under its own key id it is found: what was said of it does not fit.
    proxy.cut();
    let bye = say(served.address, b"rover", 1, &hello);
    assert_eq!(bye[1..3], [0xe2, 6], "{bye:02x?}");
}

/// What a pump with a key has a listener hear that has these options.
fn pumped(options: &Options) -> Option<u32> {
    let (here, there) = memory::ends(4096);
    let dials = Options::default().secure(key("rover", 1));
    let mut here = Pump::over(native::dialling(&config()), here, &dials).unwrap();
    let mut there = Pump::over(native::listening(&config()), there, options).unwrap();
    here.send(&Number(7)).unwrap();
    for _ in 0..20 {
        // The one that the other cannot read ends the link.
        if here.xfer().and(there.xfer()).is_err() {
            return None;
        }
        while here.get::<Words>().is_some() {}
        while let Some(event) = there.get() {
            if let Event::Message(Words::Number(Number(number))) = event {
                return Some(number);
            }
        }
    }
    None
}

#[test]
fn a_pump_with_a_key_is_read_by_who_has_it_too() {
    assert_eq!(pumped(&Options::default().keyring(keyring())), Some(7));
    assert_eq!(pumped(&Options::default()), None);
    let both = Options::default()
        .secure(key("rover", 1))
        .keyring(keyring());
    let (here, _there) = memory::ends(4096);
    assert!(Pump::over(native::dialling(&config()), here, &both).is_err());
}
