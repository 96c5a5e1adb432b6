//! A hub: many peers in one thread.

mod toy;

use ropeway_std::call::{CallError, Refused};
use ropeway_std::hub::{Event, Handle, Hub, Limits, News, PeerId, PeerInfo, Reason};
use ropeway_std::{
    Connect, Error, Event as Said, Handlers, Link, Node, Options, PostError, SendError,
};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use toy::{Name, Note, Notice, Sum, Toy, Words};

const SOON: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(20);

/// A hub in a thread, and what to do with it from outside.
struct Served {
    address: SocketAddr,
    handle: Handle<Toy>,
    news: Receiver<String>,
    thread: Option<JoinHandle<Hub<Toy>>>,
}

impl Served {
    fn new(handlers: Handlers<Toy>, limits: Limits) -> Self {
        Self::speaking(Toy::default, handlers, limits)
    }

    fn speaking(
        dialect: impl Fn() -> Toy + Send + 'static,
        mut handlers: Handlers<Toy>,
        limits: Limits,
    ) -> Self {
        let (said, news) = mpsc::channel();
        handlers.news(move |_, news| drop(said.send(told(news))));
        let mut hub = Hub::new(move |_| dialect(), options(), limits)
            .unwrap()
            .with_handlers(handlers);
        let listener = hub.listen("127.0.0.1:0").unwrap();
        let address = hub.address(listener).unwrap();
        let handle = hub.handle();
        let thread = thread::spawn(move || {
            hub.run(|| false).unwrap();
            hub
        });
        Self {
            address,
            handle,
            news,
            thread: Some(thread),
        }
    }

    fn link(&self) -> Link<Toy> {
        let stream = TcpStream::connect(self.address).unwrap();
        Link::new(Toy::default(), stream, &options()).unwrap()
    }

    fn node(&self) -> Node<Toy> {
        Node::new(self.link(), Handlers::new())
    }

    fn news(&self) -> String {
        self.news.recv_timeout(LONG).unwrap()
    }

    fn stop(&mut self) -> Hub<Toy> {
        self.handle.stop();
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.handle.stop();
        if let Some(thread) = self.thread.take()
            && !thread::panicking()
        {
            thread.join().unwrap();
        }
    }
}

fn told(news: &News) -> String {
    match news {
        News::Joined(_) => "joined".into(),
        News::Left(_, reason) => format!("left: {reason}"),
        News::TurnedAway(_, reason) => format!("turned away: {reason}"),
        News::Unsent(_, error) => format!("unsent: {error}"),
        other => format!("{other:?}"),
    }
}

fn options() -> Options {
    Options::default().buffer(4096)
}

fn calculator() -> Handlers<Toy> {
    let mut handlers = Handlers::new();
    handlers
        .on::<Note>(|peer, note| peer.send(&note).unwrap())
        .answer::<Sum>(|_, Sum(a, b)| {
            let sum = a.checked_add(b);
            Ok(sum
                .ok_or(Refused::new("OverflowError", "too large"))?
                .into())
        });
    handlers
}

fn note(link: &mut Link<Toy>) -> String {
    match link.recv::<Words>(LONG).unwrap() {
        Some(Said::Message(Words::Note(note))) => note.text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn fifty_links_are_served_at_once() {
    let served = Served::new(calculator(), Limits::default());
    let mut nodes: Vec<_> = (0..50).map(|_| served.node()).collect();
    let mut tickets = Vec::new();
    for round in 0..20 {
        for node in &mut nodes {
            tickets.push(node.start(&Sum(round, 1), LONG).unwrap());
            node.flush().unwrap();
        }
    }
    for node in &mut nodes {
        while node.peer().calls() > 0 {
            node.turn(LONG).unwrap();
        }
    }
    for (n, ticket) in (0..).zip(tickets) {
        assert_eq!(ticket.poll(), Some(Ok(i64::from(n / 50) + 1)));
    }
}

#[test]
fn a_handler_error_is_a_refusal_and_the_link_goes_on() {
    let served = Served::new(calculator(), Limits::default());
    let mut node = served.node();
    let refused = Refused::new("OverflowError", "too large");
    assert_eq!(
        node.call(&Sum(i32::MAX, 1), LONG),
        Err(CallError::Refused(refused))
    );
    assert!(matches!(
        node.call_with::<Name, _>(&Name, LONG, |name| name.unwrap_err().0.to_owned()),
        Ok(class) if class == "KeyError"
    ));
    assert_eq!(node.call(&Sum(1, 1), LONG), Ok(2));
}

#[test]
fn a_stuck_peer_holds_nobody_up() {
    let served = Served::new(calculator(), Limits::default().queue(1024));
    let mut stuck = served.link();
    let mut mute = stuck.transport();
    mute.set_nonblocking(true).unwrap();
    // It asks until nothing more is taken, and reads no answer.
    let request = [7, toy::REQUEST, 1, 0, 0x11, 2, 2];
    let requests = request.repeat(1000);
    let mut asked = 0;
    let mut refusals = 0;
    while refusals < 3 {
        match mute.write(&requests[asked % requests.len()..]) {
            Ok(len) => (asked, refusals) = (asked + len, 0),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                refusals += 1;
                assert_eq!(served.node().call(&Sum(1, 1), LONG), Ok(2));
            }
            Err(error) => panic!("{error}"),
        }
    }
    // When it reads at last, nothing is missing.
    mute.set_nonblocking(false).unwrap();
    mute.set_read_timeout(Some(LONG)).unwrap();
    let mut answers = vec![0; asked / request.len() * 6];
    mute.read_exact(&mut answers).unwrap();
    let answer = [6, toy::ANSWER, 1, 0, 0x11, 4];
    assert!(answers.chunks(6).all(|found| found == answer));
}

#[test]
fn who_asks_without_reading_and_dies_is_let_go_of() {
    let served = Served::new(calculator(), Limits::default().queue(1024));
    let mut mute = TcpStream::connect(served.address).unwrap();
    mute.set_write_timeout(Some(SOON)).unwrap();
    let requests = [7, toy::REQUEST, 1, 0, 0x11, 2, 2].repeat(1000);
    let (mut asked, mut refusals) = (0, 0);
    while refusals < 3 {
        match mute.write(&requests[asked % requests.len()..]) {
            Ok(len) => (asked, refusals) = (asked + len, 0),
            Err(_) => refusals += 1,
        }
    }
    assert_eq!(served.news(), "joined");
    let socket = socket2::SockRef::from(&mute);
    socket.set_linger(Some(Duration::ZERO)).unwrap();
    drop(mute);
    let news = served.news();
    assert!(news.starts_with("left: transport: "), "{news}");
}

#[test]
fn a_full_peer_does_not_keep_the_hub_busy() {
    let mut hub = Hub::new(|_| Toy::default(), options(), Limits::default().queue(1024)).unwrap();
    let listener = hub.listen("127.0.0.1:0").unwrap();
    let mut deaf = TcpStream::connect(hub.address(listener).unwrap()).unwrap();
    while hub.ids().next().is_none() {
        hub.turn(LONG).unwrap();
    }
    let peer = hub.ids().next().unwrap();
    let text = Note::new("x".repeat(200));
    // Full for good: what is queued does not leave any more.
    let mut sent = 0_usize;
    let mut refused = 0;
    while refused < 3 {
        match hub.send(peer, &text) {
            Ok(()) => (sent, refused) = (sent + 1, 0),
            Err(error) => {
                assert_eq!(error, SendError::Full);
                refused += 1;
            }
        }
        hub.turn(Duration::ZERO).unwrap();
    }
    hub.turn(Duration::ZERO).unwrap();
    let (start, mut turns) = (Instant::now(), 0);
    while start.elapsed() < SOON {
        assert!(!hub.turn(SOON).unwrap());
        turns += 1;
    }
    // A timer of its own may end one early.
    assert!(turns <= 3, "{turns} turns");
    // When it reads at last, nothing is missing.
    assert!(hub.close(peer));
    let reader = thread::spawn(move || deaf.read_to_end(&mut Vec::new()).unwrap());
    assert_eq!(hub.shutdown(LONG).unwrap(), 0);
    assert_eq!(reader.join().unwrap(), sent * 205);
}

#[test]
fn a_handler_may_end_its_peer_and_speak_to_others() {
    let mut handlers = Handlers::<Toy>::new();
    handlers
        .on::<Note>(|peer, note| {
            let id = peer.id();
            let others = peer.peers().unwrap();
            let all: Vec<PeerId> = others.ids().filter(|other| *other != id).collect();
            for other in all {
                others.send(other, &note).unwrap();
            }
        })
        .answer::<Name>(|peer, Name| {
            peer.close();
            Ok("bye")
        });
    let served = Served::new(handlers, Limits::default());
    let (mut first, mut second) = (served.node(), served.link());
    assert_eq!(
        (served.news(), served.news()),
        ("joined".into(), "joined".into())
    );
    first.send(&Note::new("hello")).unwrap();
    assert_eq!(note(&mut second), "hello");
    let bye = first.call_with::<Name, _>(&Name, LONG, |name| name.unwrap().to_owned());
    assert_eq!(bye.as_deref(), Ok("bye"));
    assert!(matches!(first.turn(LONG), Err(Error::Closed)));
    drop(first);
    assert_eq!(served.news(), "left: the program closed the link");
}

#[test]
fn a_closed_port_takes_nobody_and_its_peers_stay() {
    let mut hub = Hub::new(|_| Toy::default(), options(), Limits::default()).unwrap();
    let listener = hub.listen("127.0.0.1:0").unwrap();
    let address = hub.address(listener).unwrap();
    let _stays = TcpStream::connect(address).unwrap();
    assert!(matches!(
        hub.next::<Words>(LONG).unwrap(),
        Some(Event::News(News::Joined(_)))
    ));
    hub.unlisten(listener);
    assert!(TcpStream::connect(address).is_err());
    assert_eq!((hub.address(listener), hub.ids().count()), (None, 1));
}

#[test]
fn messages_are_taken_in_turns() {
    let (said, heard) = mpsc::channel();
    let mut handlers = Handlers::<Toy>::new();
    handlers.on::<Note>(move |peer, note| said.send((peer.id(), note.text)).unwrap());
    let mut hub = Hub::new(|_| Toy::default(), options(), Limits::default().burst(1))
        .unwrap()
        .with_handlers(handlers);
    let listener = hub.listen("127.0.0.1:0").unwrap();
    let address = hub.address(listener).unwrap();
    let mut links: Vec<_> = (0..2)
        .map(|_| {
            Link::new(
                Toy::default(),
                TcpStream::connect(address).unwrap(),
                &options(),
            )
            .unwrap()
        })
        .collect();
    while hub.ids().count() < 2 {
        hub.turn(LONG).unwrap();
    }
    for link in &mut links {
        for n in 0..5 {
            link.queue(&Note::new(n.to_string())).unwrap();
        }
        link.flush().unwrap();
    }
    let mut order = Vec::new();
    while order.len() < 10 {
        hub.turn(LONG).unwrap();
        order.extend(heard.try_iter().map(|(id, _)| id));
    }
    // Whoever was heard first, nobody got two ahead for long.
    let first = order[0];
    let ahead = order.iter().scan(0_i32, |ahead, id| {
        *ahead += if *id == first { 1 } else { -1 };
        Some(*ahead)
    });
    assert!(ahead.clone().all(|ahead| ahead.abs() <= 5));
    assert_eq!(ahead.last(), Some(0));
}

#[test]
fn too_many_peers_are_turned_away() {
    let served = Served::new(calculator(), Limits::default().peers(2));
    let (mut first, _second) = (served.node(), served.node());
    assert_eq!(
        (served.news(), served.news()),
        ("joined".into(), "joined".into())
    );
    let mut third = served.link();
    assert!(third.recv::<Words>(LONG).is_err());
    assert_eq!(served.news(), "turned away: too many peers");
    assert_eq!(first.call(&Sum(1, 1), LONG), Ok(2));
    drop(first);
    assert_eq!(served.news(), "left: the peer has closed the link");
    let mut fourth = served.node();
    assert_eq!(fourth.call(&Sum(1, 1), LONG), Ok(2));
}

#[test]
fn a_crowd_is_turned_away_to_the_last() {
    let mut hub = Hub::new(|_| Toy::default(), options(), Limits::default().peers(0)).unwrap();
    let listener = hub.listen("127.0.0.1:0").unwrap();
    let address = hub.address(listener).unwrap();
    let crowd: Vec<_> = (0..100)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    let start = Instant::now();
    for mut turned_away in crowd {
        let news = hub.next::<Words>(LONG).unwrap();
        assert!(
            matches!(
                news,
                Some(Event::News(News::TurnedAway(_, Reason::TooMany)))
            ),
            "{news:?}"
        );
        assert_eq!(turned_away.read(&mut [0]).unwrap(), 0);
    }
    assert!(start.elapsed() < LONG);
}

#[test]
fn handlers_may_say_more_than_the_queue_holds() {
    let mut handlers = Handlers::<Toy>::new();
    handlers.on::<Note>(|peer, note| peer.send(&Note::new(note.text.repeat(100))).unwrap());
    let served = Served::new(handlers, Limits::default().queue(512));
    let mut link = served.link();
    for _ in 0..20 {
        link.queue(&Note::new("x")).unwrap();
    }
    link.flush().unwrap();
    for _ in 0..20 {
        assert_eq!(note(&mut link).len(), 100);
    }
}

#[test]
fn too_many_peers_from_one_address_are_turned_away() {
    let served = Served::new(calculator(), Limits::default().peers_per_address(1));
    let _first = served.node();
    assert_eq!(served.news(), "joined");
    let mut second = served.link();
    assert!(second.recv::<Words>(LONG).is_err());
    assert_eq!(
        served.news(),
        "turned away: too many peers from this address"
    );
}

#[test]
fn another_thread_sends_broadcasts_and_kicks() {
    let served = Served::new(calculator(), Limits::default());
    let (mut first, mut second) = (served.link(), served.link());
    assert_eq!(
        (served.news(), served.news()),
        ("joined".into(), "joined".into())
    );
    let handle = served.handle.clone();
    thread::spawn(move || handle.broadcast(Note::new("to all")).unwrap())
        .join()
        .unwrap();
    assert_eq!(
        (note(&mut first), note(&mut second)),
        ("to all".into(), "to all".into())
    );
    let (said, heard) = mpsc::channel();
    served
        .handle
        .post(move |peers| said.send(peers.ids().next().unwrap()).unwrap())
        .unwrap();
    let id: PeerId = heard.recv_timeout(LONG).unwrap();
    served.handle.send(id, Note::new("to one")).unwrap();
    assert_eq!(note(&mut first), "to one");
    served
        .handle
        .post(move |peers| assert!(peers.kick(id)))
        .unwrap();
    assert_eq!(served.news(), "left: the program closed the link");
    served.handle.send(id, Note::new("too late")).unwrap();
    assert_eq!(served.news(), "unsent: the link is not open for messages");
}

#[test]
fn a_handle_outlives_its_hub_and_says_so() {
    let mut served = Served::new(calculator(), Limits::default());
    drop(served.stop());
    assert_eq!(served.handle.post(|_| {}), Err(PostError::Gone));
}

#[test]
fn posts_push_back_when_there_are_too_many() {
    let mut hub = Hub::new(|_| Toy::default(), options(), Limits::default().posts(1)).unwrap();
    let handle = hub.handle();
    handle.post(|_| {}).unwrap();
    assert_eq!(handle.post(|_| {}), Err(PostError::Full));
    assert!(hub.turn(LONG).unwrap());
    handle.post(|_| {}).unwrap();
}

#[test]
fn a_shutdown_lets_out_what_is_queued() {
    let mut served = Served::new(calculator(), Limits::default());
    let mut link = served.link();
    assert_eq!(served.news(), "joined");
    let mut hub = served.stop();
    let all = hub.broadcast(&Note::new("last words"));
    assert!(all.is_empty());
    let reader = thread::spawn(move || {
        let last = note(&mut link);
        assert!(matches!(link.recv::<Words>(LONG), Err(Error::Closed)));
        last
    });
    assert_eq!(hub.shutdown(LONG).unwrap(), 0);
    assert_eq!(reader.join().unwrap(), "last words");
    assert_eq!(served.news(), "left: the hub was shut down");
    assert!(TcpStream::connect(served.address).is_err());
}

#[test]
fn a_shutdown_waits_for_nobody_longer_than_allowed() {
    let mut served = Served::new(calculator(), Limits::default());
    let _deaf = served.link();
    assert_eq!(served.news(), "joined");
    let mut hub = served.stop();
    let text = Note::new("x".repeat(200));
    let mut refused = 0;
    while refused < 3 {
        match hub.broadcast(&text).is_empty() {
            true => refused = 0,
            false => refused += 1,
        }
        hub.turn(Duration::ZERO).unwrap();
    }
    let start = Instant::now();
    assert_eq!(hub.shutdown(SOON).unwrap(), 1);
    assert!(start.elapsed() >= SOON && start.elapsed() < LONG);
}

#[test]
fn a_shutdown_does_not_wait_for_peers_that_have_everything() {
    let mut served = Served::new(calculator(), Limits::default().linger(SOON));
    let _silent = served.link();
    assert_eq!(served.news(), "joined");
    let mut hub = served.stop();
    let start = Instant::now();
    assert_eq!(hub.shutdown(LONG).unwrap(), 0);
    assert!(start.elapsed() < LONG);
}

#[test]
fn several_ports_lead_to_the_same_peers() {
    let (said, heard) = mpsc::channel();
    let mut handlers = calculator();
    handlers.news(move |_, news| {
        if let News::Joined(info) = news {
            said.send(*info).unwrap();
        }
    });
    let mut hub = Hub::new(|_| Toy::default(), options(), Limits::default())
        .unwrap()
        .with_handlers(handlers);
    let ports = [(); 2].map(|()| hub.listen("127.0.0.1:0").unwrap());
    let addresses = ports.map(|port| hub.address(port).unwrap());
    let handle = hub.handle();
    let thread = thread::spawn(move || hub.run(|| false));
    for (port, address) in ports.into_iter().zip(addresses) {
        let link = Connect::new(address)
            .link(Toy::default(), &options())
            .unwrap();
        let mut node = Node::new(link, Handlers::new());
        assert_eq!(node.call(&Sum(1, 2), LONG), Ok(3));
        let info: PeerInfo = heard.recv_timeout(LONG).unwrap();
        assert_eq!(info.listener, Some(port));
    }
    handle.stop();
    thread.join().unwrap().unwrap();
}

#[test]
fn a_peer_that_goes_in_the_middle_of_a_frame_is_told_so() {
    let (said, heard) = mpsc::channel();
    let mut handlers = calculator();
    handlers.otherwise(move |_, event| said.send(format!("{event:?}")).unwrap());
    let served = Served::new(handlers, Limits::default());
    let mut other = served.node();
    let link = served.link().transport().try_clone().unwrap();
    (&link).write_all(&[9, 0, 0x10]).unwrap();
    drop(link);
    let malformed = heard.recv_timeout(LONG).unwrap();
    assert!(malformed.contains("Truncated { len: 3 }"), "{malformed}");
    let mut news: Vec<_> = (0..3).map(|_| served.news()).collect();
    news.sort();
    assert_eq!(
        news,
        ["joined", "joined", "left: the peer has closed the link"]
    );
    assert_eq!(other.call(&Sum(1, 1), LONG), Ok(2));
}

#[test]
fn a_peer_out_of_step_is_let_go_and_nobody_else() {
    let served = Served::new(calculator(), Limits::default());
    let mut other = served.node();
    let mut link = served.link();
    link.transport().write_all(&[0, 0]).unwrap();
    assert!(link.recv::<Words>(LONG).is_err());
    drop(link);
    let mut news: Vec<_> = (0..3).map(|_| served.news()).collect();
    news.sort();
    assert_eq!(news[2], "left: the peer broke the framing");
    assert_eq!(other.call(&Sum(1, 1), LONG), Ok(2));
}

#[test]
fn a_reset_is_told_apart_from_an_end() {
    let served = Served::new(calculator(), Limits::default());
    let mut link = served.link();
    assert_eq!(served.news(), "joined");
    let socket = socket2::SockRef::from(link.transport());
    socket.set_linger(Some(Duration::ZERO)).unwrap();
    drop(link);
    let news = served.news();
    assert!(news.starts_with("left: transport: "), "{news}");
}

#[test]
fn a_farewell_is_told_apart_from_an_end() {
    let served = Served::new(calculator(), Limits::default());
    let mut link = served.link();
    assert_eq!(served.news(), "joined");
    link.dialect().say_bye();
    link.flush().unwrap();
    drop(link);
    assert_eq!(served.news(), "left: one side has taken its leave");
}

#[test]
fn who_does_not_open_in_time_is_turned_away() {
    let limits = Limits::default().opening(SOON).linger(SOON);
    let served = Served::speaking(Toy::opening, calculator(), limits);
    let _mute = served.link();
    assert_eq!(
        served.news(),
        "turned away: the opening was not done in time"
    );
}

#[test]
fn silence_opens_where_it_counts_as_an_answer() {
    let served = Served::speaking(Toy::patient, calculator(), Limits::default().opening(SOON));
    let mut node = served.node();
    assert_eq!(served.news(), "joined");
    assert_eq!(node.call(&Sum(1, 1), LONG), Ok(2));
}

#[test]
fn who_opens_in_time_stays() {
    let served = Served::speaking(Toy::opening, calculator(), Limits::default());
    let stream = TcpStream::connect(served.address).unwrap();
    let link = Link::new(Toy::opening(), stream, &options()).unwrap();
    let mut node = Node::new(link, Handlers::new());
    assert_eq!(node.call(&Sum(1, 1), LONG), Ok(2));
    assert_eq!(served.news(), "joined");
}

#[test]
fn who_is_silent_for_too_long_is_let_go() {
    let limits = Limits::default().idle(SOON).linger(SOON);
    let served = Served::new(calculator(), limits);
    let _silent = served.link();
    assert_eq!(served.news(), "joined");
    assert_eq!(served.news(), "left: the peer was silent for too long");
}

#[test]
fn a_hub_connects_and_calls() {
    let served = Served::new(calculator(), Limits::default());
    let mut hub = Hub::new(|_| Toy::default(), options(), Limits::default()).unwrap();
    let peer = hub.connect(served.address).unwrap();
    let Some(Event::News(News::Joined(info))) = hub.next::<Words>(LONG).unwrap() else {
        panic!("not joined")
    };
    assert_eq!((info.id, info.listener), (peer, None));
    let ticket = hub.start(peer, &Sum(4, 5), LONG).unwrap();
    let (said, heard) = mpsc::channel();
    hub.call_then(peer, &Sum(6, 7), LONG, move |_, sum| {
        said.send(sum).unwrap();
    })
    .unwrap();
    for _ in 0..2 {
        let answered = hub.next::<Words>(LONG).unwrap();
        assert!(
            matches!(answered, Some(Event::Answered(id)) if id == peer),
            "{answered:?}"
        );
    }
    assert_eq!(ticket.poll(), Some(Ok(9)));
    assert!(hub.next::<Words>(Duration::ZERO).unwrap().is_none());
    assert_eq!(heard.try_recv().unwrap(), Ok(13));
}

#[test]
fn a_hub_that_cannot_connect_says_so() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let mut hub = Hub::new(|_| Toy::default(), options(), Limits::default()).unwrap();
    if let Ok(peer) = hub.connect(closed) {
        let news = hub.next::<Words>(LONG).unwrap();
        let Some(Event::News(News::TurnedAway(info, Reason::Transport(_)))) = news else {
            panic!("{news:?}")
        };
        assert_eq!(info.id, peer);
        assert_eq!(hub.send(peer, &Note::new("x")), Err(SendError::NotOpen));
    }
}

#[test]
fn calls_to_a_peer_that_goes_end() {
    let mut hub = Hub::new(|_| Toy::default(), options(), Limits::default()).unwrap();
    let listener = hub.listen("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(hub.address(listener).unwrap()).unwrap();
    let Some(Event::News(News::Joined(info))) = hub.next::<Words>(LONG).unwrap() else {
        panic!("not joined")
    };
    let late = hub.start(info.id, &Sum(1, 2), SOON).unwrap();
    let lost = hub.start(info.id, &Sum(1, 2), LONG).unwrap();
    let late = loop {
        match late.poll() {
            Some(outcome) => break outcome,
            None => drop(hub.next::<Words>(SOON).unwrap()),
        }
    };
    assert_eq!(late, Err(CallError::Deadline));
    drop(stream);
    let news = hub.next::<Words>(LONG).unwrap();
    assert!(
        matches!(news, Some(Event::News(News::Left(..)))),
        "{news:?}"
    );
    assert_eq!(lost.poll(), Some(Err(CallError::LinkLost)));
}

#[test]
fn a_loop_of_ones_own_gets_everything_in_order() {
    let mut hub = Hub::new(|_| Toy::default(), options(), Limits::default()).unwrap();
    let listener = hub.listen("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(hub.address(listener).unwrap()).unwrap();
    let mut link = Link::new(Toy::default(), stream, &options()).unwrap();
    for text in ["a", "b"] {
        link.queue(&Note::new(text)).unwrap();
    }
    link.flush().unwrap();
    link.transport().write_all(&[2, toy::HELLO]).unwrap();
    drop(link);
    let mut told = Vec::new();
    loop {
        told.push(match hub.next::<Words>(LONG).unwrap().unwrap() {
            Event::News(News::Joined(_)) => "joined".into(),
            Event::News(News::Left(_, reason)) => break assert!(matches!(reason, Reason::Closed)),
            Event::Said(_, Said::Message(Words::Note(note))) => note.text,
            Event::Said(_, Said::Notice(Notice::Hello)) => "hello".into(),
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(told, ["joined", "a", "b", "hello"]);
    assert!(hub.is_empty());
}

#[test]
fn who_talks_without_end_keeps_a_loop_of_ones_own_from_nobody() {
    let mut hub = Hub::new(|_| Toy::default(), options(), Limits::default()).unwrap();
    let listener = hub.listen("127.0.0.1:0").unwrap();
    let address = hub.address(listener).unwrap();
    let mut busy = TcpStream::connect(address).unwrap();
    let mut reader = busy.try_clone().unwrap();
    let reader = thread::spawn(move || std::io::copy(&mut reader, &mut std::io::sink()));
    let notes = [5, toy::MESSAGE, 0x10, 1, b'x'].repeat(1000);
    let writer = thread::spawn(move || while busy.write_all(&notes).is_ok() {});
    let handle = hub.handle();
    let mut other = None;
    let mut told = Vec::new();
    for count in 0..200_000_u32 {
        let from = match hub.next::<Words>(LONG).unwrap() {
            Some(Event::Said(id, Said::Message(Words::Note(note)))) if note.text == "x" => id,
            Some(Event::Said(_, Said::Message(Words::Note(note)))) => {
                told.push(note.text);
                handle
                    .post(|peers| drop(peers.broadcast(&Note::new("y"))))
                    .unwrap();
                handle.stop();
                continue;
            }
            Some(_) => continue,
            None => {
                told.push("stopped".into());
                break;
            }
        };
        // What is answered makes room for more at once.
        hub.send(from, &Note::new("x")).unwrap_or_default();
        if count == 1000 {
            let stream = TcpStream::connect(address).unwrap();
            let mut link = Link::new(Toy::default(), stream, &options()).unwrap();
            link.send(&Note::new("a word")).unwrap();
            other = Some(link);
        }
    }
    assert_eq!(told, ["a word", "stopped"]);
    for _ in 0..1000 {
        let _ = hub.next::<Words>(LONG).unwrap();
    }
    assert_eq!(note(&mut other.unwrap()), "y");
    drop(hub);
    writer.join().unwrap();
    drop(reader.join().unwrap());
}

#[cfg(unix)]
#[test]
fn hubs_that_were_stopped_together_wait_again() {
    use ropeway_std::hub::Together;
    let hub = || Hub::new(|_| Toy::default(), options(), Limits::default()).unwrap();
    let (first, second) = (hub(), hub());
    let handles = [first.handle(), second.handle()];
    let mut hubs = Together::new().unwrap().with(first).unwrap();
    hubs = hubs.with(second).unwrap();
    let waits = |hubs: &mut Together<'_>| {
        for _ in 0..10 {
            hubs.turn(Duration::ZERO).unwrap();
        }
        let start = Instant::now();
        hubs.turn(SOON).unwrap();
        start.elapsed() >= SOON
    };
    handles.iter().for_each(Handle::stop);
    hubs.turn(Duration::ZERO).unwrap();
    assert!(waits(&mut hubs));
    handles.iter().for_each(Handle::stop);
    hubs.run(|| false).unwrap();
    assert!(waits(&mut hubs), "one run takes all stops");
}

#[test]
fn who_sends_and_never_reads_is_idle() {
    let limits = Limits::default().queue(1024).idle(SOON * 5).linger(SOON);
    let mut hub = Hub::new(|_| Toy::default(), options(), limits).unwrap();
    let listener = hub.listen("127.0.0.1:0").unwrap();
    let mut mute = TcpStream::connect(hub.address(listener).unwrap()).unwrap();
    let note = [5, toy::MESSAGE, 0x10, 1, b'x'];
    let start = Instant::now();
    let reason = loop {
        let _ = mute.write_all(&note);
        if let Some(Event::News(News::Left(_, reason))) = hub.next::<Words>(SOON).unwrap() {
            break reason;
        }
        hub.broadcast(&Note::new("y".repeat(200)));
        assert!(start.elapsed() < LONG, "it is served for ever");
    };
    assert!(matches!(reason, Reason::Idle), "{reason}");
}

#[test]
fn a_panicking_handler_leaves_the_others_served() {
    let mut handlers = calculator();
    handlers.answer::<Name>(|_, Name| panic!("on purpose"));
    let mut hub = Hub::new(|_| Toy::default(), options(), Limits::default())
        .unwrap()
        .with_handlers(handlers);
    let listener = hub.listen("127.0.0.1:0").unwrap();
    let address = hub.address(listener).unwrap();
    let handle = hub.handle();
    let thread = thread::spawn(move || {
        let mut panics = 0;
        loop {
            let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| hub.run(|| false)));
            match ran {
                Ok(done) => break done.map(|()| panics).unwrap(),
                Err(_) => panics += 1,
            }
        }
    });
    let node = || {
        let stream = TcpStream::connect(address).unwrap();
        Node::new(
            Link::new(Toy::default(), stream, &options()).unwrap(),
            Handlers::new(),
        )
    };
    let (mut first, mut second) = (node(), node());
    first
        .link()
        .transport()
        .write_all(&[5, toy::REQUEST, 9, 0, 0x12])
        .unwrap();
    let asked = first.start(&Sum(1, 1), LONG).unwrap();
    first.flush().unwrap();
    assert_eq!(second.call(&Sum(2, 2), LONG), Ok(4));
    while first.peer().calls() > 0 {
        first.turn(LONG).unwrap();
    }
    assert_eq!(asked.poll(), Some(Ok(2)));
    handle.stop();
    assert_eq!(thread.join().unwrap(), 1);
}
