//! A client of the native protocol over real sockets, which come and go.

mod native_rig;
mod proxy;

use native_rig::{LONG, Note, SOON, Step, Sum, config, standing, tell_standing};
use proxy::{Fate, Proxy};
use ropeway_std::call::CallError;
use ropeway_std::dialect::Dialect;
use ropeway_std::message::Entry;
use ropeway_std::native::{self, Backoff, Client, Config, Dial, Native, Policy};
use ropeway_std::{Error, Handlers, Link, Node, Options, Polled, messages};
use serde::{Deserialize, Serialize};
use socket2::{Domain, Socket, Type};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A port at which nobody listens yet.
fn reserve() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any.into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}

fn listen_at(reserved: Socket) -> TcpListener {
    reserved.listen(8).unwrap();
    reserved.into()
}

fn dial(address: SocketAddr) -> Dial {
    let backoff = Backoff::default()
        .first(Duration::from_millis(5))
        .last(SOON);
    Dial::new(address).backoff(backoff)
}

fn client(address: SocketAddr, handlers: Handlers<Native>) -> Client {
    dial(address).client(&config("client"), handlers).unwrap()
}

/// A server of one peer, on the next connection.
fn server(
    listener: &TcpListener,
    config: &Arc<Config>,
    handlers: Handlers<Native>,
) -> Node<Native> {
    let stream = listener.accept().unwrap().0;
    let link = Link::new(native::listening(config), stream, &Options::default()).unwrap();
    Node::new(link, handlers)
}

/// Serves until the link ends.
fn serve(server: &mut Node<Native>) -> Error {
    server.run(|| false).unwrap_err()
}

fn sums() -> Handlers<Native> {
    let mut handlers = Handlers::new();
    handlers.answer::<Sum>(|_, Sum(a, b)| Ok(i64::from(a) + i64::from(b)));
    handlers
}

/// Cuts the connection without a word.
fn cut(server: &mut Node<Native>) {
    TcpStream::shutdown(server.link().transport(), Shutdown::Both).unwrap();
}

#[test]
fn a_client_keeps_what_is_said_until_its_server_is_there() {
    let (reserved, address) = reserve();
    let (handlers, stands) = standing();
    let mut client = client(address, handlers);
    client.send(&Note(1)).unwrap();
    let sum = client.start(&Sum(1, 2), LONG).unwrap();
    let failed = loop {
        client.turn(LONG).unwrap();
        if let Ok(stood) = stands.try_recv() {
            break stood;
        }
    };
    assert!(
        failed.starts_with(&format!("lost: transport: {address}: ")),
        "{failed}"
    );

    let listener = listen_at(reserved);
    let (said, heard) = mpsc::channel();
    let served = thread::spawn(move || {
        let mut handlers = sums();
        handlers.on::<Note>(move |_, note| said.send(note.0).unwrap());
        serve(&mut server(&listener, &config("server"), handlers))
    });
    assert_eq!(client.call(&Sum(2, 3), LONG), Ok(5));
    assert_eq!(sum.poll(), Some(Ok(3)));
    assert_eq!(heard.recv(), Ok(1));
    let stood: Vec<_> = stands
        .try_iter()
        .filter(|stood| !stood.starts_with("lost"))
        .collect();
    assert_eq!(stood, ["connected", "fresh: first contact, 0 in doubt"]);
    assert!(client.close(LONG).unwrap());
    assert!(matches!(served.join().unwrap(), Error::Closed));
}

#[test]
fn a_call_across_a_cut_connection_is_done_and_answered_once() {
    let (listener, address) = listen();
    let done = Arc::new(AtomicU32::new(0));
    let counter = done.clone();
    let served = thread::spawn(move || {
        let mut handlers = Handlers::new();
        handlers.answer_later::<Step>(move |peer, id, step| {
            counter.fetch_add(1, Ordering::SeqCst);
            peer.answer::<Step>(id, &(step.0 + 1)).map_err(Into::into)
        });
        let mut server = server(&listener, &config("server"), handlers);
        let mut cuts = 0;
        for round in 0_u32.. {
            // Whatever it has received, written or not: in the middle of the opening, of requests, of answers.
            let mut turns = round % 5;
            let ended = server.run(|| {
                turns = turns.wrapping_sub(1);
                turns == u32::MAX && cuts < 100
            });
            match ended {
                Ok(()) => {
                    cut(&mut server);
                    cuts += 1;
                }
                Err(_) if cuts == 100 && server.link().dialect().session().is_none() => return,
                Err(_) => {}
            }
            server.reconnect(listener.accept().unwrap().0).unwrap();
        }
    });
    let mut client = client(address, Handlers::new());
    for n in 0..300 {
        assert_eq!(client.call(&Step(n), LONG), Ok(n + 1));
    }
    assert_eq!(done.load(Ordering::SeqCst), 300);
    assert!(client.close(LONG).unwrap());
    served.join().unwrap();
}

#[test]
fn a_call_that_waits_hears_that_its_server_has_restarted() {
    let (listener, address) = listen();
    let served = thread::spawn(move || {
        for name in ["first", "second"] {
            let (said, heard) = mpsc::channel();
            let mut handlers = Handlers::new();
            handlers.answer_later::<Sum>(move |_, _, _| {
                said.send(()).unwrap();
                Ok(())
            });
            let (said, steps) = mpsc::channel();
            handlers.answer_later::<Step>(move |_, _, step| {
                said.send(step.0).unwrap();
                Ok(())
            });
            let mut server = server(&listener, &config(name), handlers);
            // It is gone with requests that it has taken.
            server
                .run(|| heard.try_recv().is_ok() || steps.try_recv().is_ok())
                .unwrap();
        }
        serve(&mut server(&listener, &config("third"), sums()));
    });
    let (handlers, stands) = standing();
    let mut client = client(address, handlers);
    assert_eq!(client.call(&Step(1), LONG), Err(CallError::InDoubt));
    assert_eq!(client.call(&Sum(2, 3), LONG), Ok(5), "asked again");
    let fresh: Vec<_> = stands
        .try_iter()
        .filter(|stood| stood.starts_with("fresh"))
        .collect();
    let again = "fresh: the peer has restarted, 0 in doubt";
    assert_eq!(fresh.len(), 3, "{fresh:?}");
    assert!(
        fresh[1..]
            .iter()
            .all(|stood| stood.starts_with(&again[..31])),
        "{fresh:?}"
    );
    assert!(client.close(LONG).unwrap());
    served.join().unwrap();
}

#[test]
fn a_deadline_holds_without_a_link() {
    let (_reserved, address) = reserve();
    let mut client = client(address, Handlers::new()).patience(SOON);
    let start = Instant::now();
    assert_eq!(client.ask(&Sum(1, 2)), Err(CallError::Deadline));
    assert_eq!(client.call(&Sum(1, 2), SOON), Err(CallError::Deadline));
    assert!(start.elapsed() >= SOON * 2 && start.elapsed() < LONG);
    assert!(!client.open(SOON).unwrap());
    assert!(
        !client.close(SOON).unwrap(),
        "its requests are still queued"
    );
}

#[test]
fn other_threads_reach_a_client_with_and_without_a_link() {
    let (reserved, address) = reserve();
    let (handlers, stands) = standing();
    let mut client: Client<Polled> = dial(address)
        .polled_client(&config("client"), handlers)
        .unwrap();
    let handle = client.handle(8);
    let running = thread::spawn(move || {
        client.run(|| false).unwrap();
        client
    });
    assert!(stands.recv().unwrap().starts_with("lost"));
    handle.post(|peer| peer.send(&Note(1)).unwrap()).unwrap();

    let listener = listen_at(reserved);
    let (said, heard) = mpsc::channel();
    let mut handlers = Handlers::new();
    handlers.on::<Note>(move |_, note| said.send(note.0).unwrap());
    let mut server = server(&listener, &config("server"), handlers);
    let heard_next = |server: &mut Node<Native>| loop {
        if let Ok(note) = heard.try_recv() {
            return note;
        }
        server.turn(LONG).unwrap();
    };
    assert_eq!(heard_next(&mut server), 1);
    // It waits for the server, and is woken.
    handle.post(|peer| peer.send(&Note(2)).unwrap()).unwrap();
    assert_eq!(heard_next(&mut server), 2);
    cut(&mut server);
    server.reconnect(listener.accept().unwrap().0).unwrap();
    handle.post(|peer| peer.send(&Note(3)).unwrap()).unwrap();
    assert_eq!(heard_next(&mut server), 3);
    handle.stop();
    let client = running.join().unwrap();
    let closing = thread::spawn(move || client.close(LONG).unwrap());
    assert!(matches!(serve(&mut server), Error::Closed));
    drop(server);
    assert!(closing.join().unwrap());
}

/// A newer version of the messages.
mod newer {
    use super::*;

    #[derive(Debug, Serialize, Deserialize)]
    pub(super) struct Note(pub(super) u32);

    #[derive(Debug, Serialize, Deserialize)]
    pub(super) struct Turn(pub(super) u32, pub(super) u32);

    messages! {
        pub(super) enum Words {
            Note(Note) = 0x10,
            Turn(Turn) as "Sum" = 0x2A,
        }
    }
}

/// What both ends of a link say whose registries are `ours` and `theirs`.
fn refusals(ours: &'static [Entry], theirs: &'static [Entry]) -> [String; 2] {
    let (listener, address) = listen();
    let theirs = native::config().registry(theirs, Policy::Enforce);
    let served = thread::spawn(move || {
        let mut server = server(&listener, &Arc::new(theirs), Handlers::new());
        (serve(&mut server), listener)
    });
    let ours = native::config().registry(ours, Policy::Enforce);
    let mut client = dial(address)
        .client(&Arc::new(ours), Handlers::new())
        .unwrap();
    let call = client.start(&Sum(1, 2), LONG).unwrap();
    let refused = client.run(|| false).unwrap_err();
    let (server_refused, _listener) = served.join().unwrap();
    assert_eq!(call.poll(), Some(Err(CallError::LinkLost)));
    let again = client.turn(LONG);
    assert!(
        matches!(again, Err(Error::Closed)),
        "it does not dial again"
    );
    [refused, server_refused].map(|error| {
        assert!(matches!(error, Error::Ended(_)), "{error}");
        error.to_string()
    })
}

#[test]
fn registries_that_differ_end_both_ends_for_good_and_by_name() {
    for text in refusals(native_rig::Words::ENTRIES, newer::Words::ENTRIES) {
        assert!(text.contains("Sum"), "{text}");
        assert!(text.contains("has another code"), "{text}");
    }
    const fn sum(schema: u64) -> [Entry; 1] {
        let (name, code) = ("Sum", Some(0x11));
        [Entry { name, code, schema }]
    }
    const OLD: &[Entry] = &sum(1);
    const NEW: &[Entry] = &sum(2);
    for text in refusals(OLD, NEW) {
        assert!(text.contains("Sum"), "{text}");
        assert!(text.contains("has another schema"), "{text}");
    }
}

#[test]
fn programs_that_adapt_speak_by_name() {
    let (listener, address) = listen();
    let newer = native::config().registry(newer::Words::ENTRIES, Policy::Adapt);
    let served = thread::spawn(move || {
        let mut handlers = Handlers::new();
        handlers.on::<newer::Turn>(|peer, turn| peer.send(&newer::Note(turn.0)).unwrap());
        serve(&mut server(&listener, &Arc::new(newer), handlers))
    });
    let ours = native::config().registry(native_rig::Words::ENTRIES, Policy::Adapt);
    let (said, heard) = mpsc::channel();
    let mut handlers = Handlers::new();
    handlers.on::<Note>(move |_, note| said.send(note.0).unwrap());
    let mut client = dial(address).client(&Arc::new(ours), handlers).unwrap();
    client.send(&Sum(-4, 0)).unwrap();
    let mut note = None;
    client
        .run(|| {
            note = heard.try_recv().ok();
            note.is_some()
        })
        .unwrap();
    assert_eq!(note, Some(7));
    assert!(client.close(LONG).unwrap());
    served.join().unwrap();
}

#[test]
fn a_server_of_another_protocol_ends_a_client() {
    let (listener, address) = listen();
    let served = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(&[0x80, 4, 0x95, 0, 0]).unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap_or_default();
    });
    let refused = client(address, Handlers::new()).run(|| false).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "not an opening: this looks like TCPTalks"
    );
    served.join().unwrap();
}

#[test]
fn a_server_that_says_nothing_is_dialled_again() {
    let (listener, address) = listen();
    let (handlers, stands) = standing();
    let mut client = dial(address)
        .opening(SOON)
        .client(&config("client"), handlers)
        .unwrap();
    let mute = thread::spawn(move || {
        let mute = listener.accept().unwrap();
        serve(&mut server(&listener, &config("server"), sums()));
        drop(mute);
    });
    assert_eq!(client.call(&Sum(2, 3), LONG), Ok(5));
    let stood: Vec<_> = stands.try_iter().collect();
    assert!(
        stood.contains(&"lost: transport: the peer does not open the link".into()),
        "{stood:?}"
    );
    assert!(client.close(LONG).unwrap());
    mute.join().unwrap();
}

#[test]
fn a_server_that_breaks_its_promise_is_lost_and_found_again() {
    let (listener, address) = listen();
    let promising = native::config().silence(Duration::from_millis(60));
    let (said, lost) = mpsc::channel::<()>();
    let served = thread::spawn(move || {
        let mut server = server(&listener, &Arc::new(promising), sums());
        while !server.link().dialect().is_open() {
            server.turn(LONG).unwrap();
        }
        // It hangs until it is given up.
        lost.recv().unwrap_err();
        let _ = server.run(|| false);
        server.reconnect(listener.accept().unwrap().0).unwrap();
        serve(&mut server)
    });
    let mut handlers = Handlers::new();
    let (told, stands) = mpsc::channel();
    tell_standing(&mut handlers, told);
    let mut client = client(address, handlers);
    let mut stood = Vec::new();
    let mut hung = Some(said);
    client
        .run(|| {
            stood.extend(stands.try_iter());
            if stood.iter().any(|stood| stood.starts_with("lost")) {
                hung = None;
            }
            stood.last().is_some_and(|stood| stood == "resumed")
        })
        .unwrap();
    assert_eq!(stood[0], "connected");
    assert!(stood[1].starts_with("fresh"), "{stood:?}");
    assert!(stood[2].starts_with("lost"), "{stood:?}");
    assert_eq!(client.call(&Sum(2, 3), LONG), Ok(5));
    assert!(client.close(LONG).unwrap());
    served.join().unwrap();
}

#[test]
fn a_promise_is_kept_by_whoever_waits_in_a_turn() {
    let (listener, address) = listen();
    let promising = |name| {
        native::config()
            .name(name)
            .silence(Duration::from_millis(100))
    };
    let served = thread::spawn(move || {
        let mut server = server(&listener, &Arc::new(promising("server")), sums());
        serve(&mut server)
    });
    let (handlers, stands) = standing();
    let mut client = dial(address)
        .client(&Arc::new(promising("client")), handlers)
        .unwrap();
    let end = Instant::now() + Duration::from_millis(500);
    while Instant::now() < end {
        client
            .turn(end.saturating_duration_since(Instant::now()))
            .unwrap();
    }
    assert_eq!(stands.try_iter().count(), 2, "connected, and opened");
    assert!(client.close(LONG).unwrap());
    assert!(matches!(served.join().unwrap(), Error::Closed));
}

#[test]
fn closing_first_sends_what_is_queued_over_a_new_link_if_need_be() {
    let (reserved, address) = reserve();
    let mut client = client(address, Handlers::new());
    for n in 0..5 {
        client.send(&Note(n)).unwrap();
    }
    let closing = thread::spawn(move || client.close(LONG).unwrap());
    let listener = listen_at(reserved);
    let (said, heard) = mpsc::channel();
    let mut handlers = Handlers::new();
    handlers.on::<Note>(move |_, note| said.send(note.0).unwrap());
    assert!(matches!(
        serve(&mut server(&listener, &config("server"), handlers)),
        Error::Closed
    ));
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    assert!(closing.join().unwrap());
}

#[test]
fn a_server_that_opens_links_only_to_end_them_is_dialled_less_and_less() {
    const KICKS: usize = 6;
    let (listener, address) = listen();
    thread::spawn(move || {
        let mut server = server(&listener, &config("server"), Handlers::new());
        loop {
            let is_open = |server: &mut Node<Native>| server.link().dialect().is_open();
            while !is_open(&mut server) {
                server.turn(LONG).unwrap();
            }
            server.call(&Sum(1, 2), LONG).unwrap();
            cut(&mut server);
            server.reconnect(listener.accept().unwrap().0).unwrap();
        }
    });
    let (said, waits) = mpsc::channel();
    let mut handlers = sums();
    handlers.standing(move |_, standing| {
        if let native::Standing::Lost { retry_in, .. } = *standing {
            said.send(retry_in).unwrap();
        }
    });
    let first = Duration::from_millis(1);
    let backoff = Backoff::default().first(first).factor(50).last(first * 50);
    let dial = Dial::new(address).backoff(backoff);
    let mut client = dial.client(&config("client"), handlers).unwrap();
    let mut waited = Vec::new();
    client
        .run(|| {
            waited.extend(waits.try_iter());
            waited.len() == KICKS
        })
        .unwrap();
    assert!(waited.iter().any(|wait| *wait > first), "{waited:?}");
}

/// A server that takes whoever comes, and tells what notes it hears.
fn hear_notes(listener: TcpListener) -> mpsc::Receiver<u32> {
    let (said, heard) = mpsc::channel();
    thread::spawn(move || {
        let mut handlers = Handlers::new();
        handlers.on::<Note>(move |_, note| said.send(note.0).unwrap_or_default());
        let mut server = server(&listener, &config("server"), handlers);
        loop {
            serve(&mut server);
            server.reconnect(listener.accept().unwrap().0).unwrap();
        }
    });
    heard
}

#[test]
fn a_cut_while_a_client_closes_loses_nothing() {
    let cut_after = |cut_after| Fate {
        cut_after,
        garbles: None,
    };
    let mut whole = None;
    let mut cuts = 1;
    while whole.is_none() {
        let (listener, address) = listen();
        let heard = hear_notes(listener);
        let proxy = Proxy::new(address, move |number| match number {
            0 => cut_after(Some(cuts)),
            _ => cut_after(None),
        });
        let mut client = client(proxy.address, Handlers::new());
        for n in 0..5 {
            client.send(&Note(n)).unwrap();
        }
        let closed = client.close(LONG);
        assert!(closed.unwrap(), "cut after {cuts} bytes");
        for n in 0..5 {
            assert_eq!(heard.recv_timeout(LONG), Ok(n), "cut after {cuts} bytes");
        }
        if proxy.connections.load(Ordering::SeqCst) == 1 {
            whole = Some(cuts);
        }
        cuts += 3;
    }
    assert!(whole > Some(100), "{whole:?} bytes without a cut");
}
