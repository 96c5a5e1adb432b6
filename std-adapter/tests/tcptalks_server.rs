//! TCPTalks's server of several clients, and clients of our own.

use ropeway_std::hub::{Limits, Reason};
use ropeway_std::tcptalks::{
    Arguments, CallError, Client, Happening, Oddity, OpenError, Refused, Server, Settings, Talks,
};
use ropeway_std::value::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

#[test]
fn clients_are_called_by_the_name_that_they_give() {
    let mut server = Server::bind("127.0.0.1:0", &settings()).unwrap();
    server.on(0x10, |_, client, (text,): (String,)| {
        Ok(format!("{} to {}", text, client.identity))
    });
    let names = ["arm", "base", "camera"];
    let clients: Vec<_> = names
        .iter()
        .map(|name| client(server.address(), name))
        .collect();
    let mut joined: Vec<String> = names.iter().map(|_| joined(&mut server).identity).collect();
    joined.sort_unstable();
    assert_eq!(joined, names);
    for name in names {
        let said: String = server.execute(name, 0x20, &("hello",)).unwrap();
        assert_eq!(said, format!("{name} heard hello"));
        let arguments = Arguments::new([1, 2]).with("scale", 3);
        let sum = server.execute_any(name, 0x21, &arguments).unwrap();
        assert_eq!(sum, Value::from(9));
        // The client calls back before it answers.
        let said: String = server.execute(name, 0x22, &()).unwrap();
        assert_eq!(said, format!("hi to {name}"));
        server.send(name, 0x20, &("nobody",)).unwrap();
    }
    let error = server.execute::<()>("arm", 0x20, "hello").unwrap_err();
    assert!(matches!(error, CallError::NotArguments), "{error}");
    let error = server.execute::<()>("nobody", 0x20, &()).unwrap_err();
    assert!(matches!(error, CallError::NoClient));
    let error = server.execute::<()>("arm", 0x23, &()).unwrap_err();
    assert_eq!(error.remote().unwrap().to_string(), "ValueError: never");
    for (name, client) in names.iter().zip(clients) {
        assert!(server.disconnect(name));
        assert!(matches!(left(&mut server), (gone, Reason::Kicked) if gone.identity == *name));
        client.join().unwrap();
    }
    assert!(server.clients().is_empty());
}

#[test]
fn only_so_many_clients_are_let_in() {
    let limits = Limits::default().peers(2);
    let mut server = Server::with_limits("127.0.0.1:0", &settings(), limits).unwrap();
    let address = server.address();
    let first = client(address, "first");
    joined(&mut server);
    let second = client(address, "second");
    joined(&mut server);
    let third = thread::spawn(move || Talks::connect(address, &settings()).map(drop));
    loop {
        match server.turn(LONG).unwrap() {
            Some(Happening::TurnedAway(_, Reason::TooMany)) => break,
            Some(other) => panic!("{other:?}"),
            None => {}
        }
    }
    assert!(matches!(third.join().unwrap(), Err(OpenError::Link(_))));
    server.disconnect("first");
    left(&mut server);
    first.join().unwrap();
    let third = client(address, "third");
    assert_eq!(joined(&mut server).identity, "third");
    assert_eq!(server.shutdown(LONG).unwrap(), 0);
    second.join().unwrap();
    third.join().unwrap();
}

#[test]
fn wrong_passwords_and_silence_are_turned_away_and_closed() {
    let settings = settings().opening(Duration::from_millis(50));
    let mut server = Server::bind("127.0.0.1:0", &settings).unwrap();
    let address = server.address();
    let wrong = Settings::default().password("wrong").opening(LONG);
    let wrong = thread::spawn(move || Talks::connect(address, &wrong).map(drop));
    turned_away(&mut server, |reason| matches!(reason, Reason::Refused));
    assert!(matches!(wrong.join().unwrap(), Err(OpenError::Refused)));
    let mut silent = TcpStream::connect(address).unwrap();
    turned_away(&mut server, |reason| matches!(reason, Reason::NotOpened));
    assert_eq!(silent.read(&mut [0; 8]).unwrap(), 0);
}

#[test]
fn who_does_not_say_its_name_gets_one() {
    let mut server = Server::bind("127.0.0.1:0", &settings().opening(SHORT)).unwrap();
    let mut silent = TcpStream::connect(server.address()).unwrap();
    silent
        .write_all(b"\x80\x03C\x01AK\xaaX\x06\0\0\0secret\x85\x87.")
        .unwrap();
    let client = joined(&mut server);
    assert_eq!(client.identity.len(), 6, "{client:?}");
    // A client whose main thread has not seen the verdict yet is asked again.
    let mut late = TcpStream::connect(server.address()).unwrap();
    late.write_all(b"\x80\x03C\x01AK\xaaX\x06\0\0\0secret\x85\x87.")
        .unwrap();
    let answers = thread::spawn(move || {
        let early = "ctcptalks\nAuthentificationError\n";
        for result in [
            &format!("{early}{early}X\x03\0\0\0not\u{5}")[..],
            "X\x04\0\0\0late",
        ] {
            let id = question(&mut late);
            let mut reply = b"\x80\x03C\x01A".to_vec();
            reply.extend(&id);
            if result.starts_with('c') {
                reply.extend(format!("{early}{early}X\x03\0\0\0not").as_bytes());
                reply.extend(b"\x85R]\x87\x85\x87.");
            } else {
                reply.extend(result.as_bytes());
                reply.extend(b"\x85\x87.");
            }
            late.write_all(&reply).unwrap();
        }
        late
    });
    assert_eq!(joined(&mut server).identity, "late");
    drop(answers.join().unwrap());
}

#[test]
fn of_two_with_one_name_the_newer_stays() {
    let mut server = Server::bind("127.0.0.1:0", &settings()).unwrap();
    let older = client(server.address(), "arm");
    joined(&mut server);
    let newer = client(server.address(), "arm");
    let (gone, _) = left(&mut server);
    assert_eq!(gone.identity, "arm");
    assert_ne!(joined(&mut server).address, gone.address);
    while !older.is_finished() {
        server.turn(Duration::from_millis(5)).unwrap();
    }
    older.join().unwrap();
    assert_eq!(server.clients().len(), 1);
    assert_eq!(
        server.execute::<String>("arm", 0x20, &("x",)).unwrap(),
        "arm heard x"
    );
    server.shutdown(LONG).unwrap();
    newer.join().unwrap();
}

#[test]
fn bad_input_of_one_client_leaves_the_others_alone() {
    let mut server = Server::bind("127.0.0.1:0", &settings()).unwrap();
    let good = client(server.address(), "good");
    joined(&mut server);
    let password = b"\x80\x03C\x01AK\xaaX\x06\0\0\0secret\x85\x87.";
    let nested = [
        &b"\x80\x03(C\x01RK\x10K\x05"[..],
        &b"]".repeat(100_000),
        &b"a".repeat(99_999),
    ];
    let nested = nested.concat();
    let mut doubled = b"\x80\x03(C\x01RK\x10K\x05](X\x0a\0\0\0aaaaaaaaaae".to_vec();
    for level in 0..40 {
        doubled.extend([b'q', level, b']', b'(']);
        doubled.extend([b'h', level].repeat(10));
        doubled.push(b'e');
    }
    for bad in [
        &nested[..],
        &doubled,
        b"cos\nsystem\n.",
        b"GET / HTTP/1.1\r\n\r\n",
    ] {
        let mut peer = TcpStream::connect(server.address()).unwrap();
        peer.write_all(password).unwrap();
        let id = {
            let asked = thread::spawn(move || {
                let id = question(&mut peer);
                (peer, id)
            });
            while !asked.is_finished() {
                server.turn(Duration::from_millis(5)).unwrap();
            }
            let (mut peer, id) = asked.join().unwrap();
            let name = [&b"\x80\x03C\x01A"[..], &id, b"X\x03\0\0\0bad\x85\x87."].concat();
            peer.write_all(&name).unwrap();
            // The kernel may have seen the end of the link before all is written.
            let _ = peer.write_all(bad);
            peer
        };
        let mut named = false;
        loop {
            match server.turn(LONG).unwrap() {
                Some(Happening::Odd(_, Oddity::Malformed(malformed))) => {
                    assert!(malformed.is_fatal(), "{malformed}");
                    named = true;
                }
                Some(Happening::Left(client, Reason::OutOfStep)) if client.identity == "bad" => {
                    break;
                }
                Some(Happening::Joined(_)) | None => {}
                Some(other) => panic!("{other:?}"),
            }
        }
        assert!(named);
        drop(id);
        let said: String = server.execute("good", 0x20, &("still",)).unwrap();
        assert_eq!(said, "good heard still");
    }
    server.shutdown(LONG).unwrap();
    good.join().unwrap();
}

#[test]
fn other_threads_have_it_do_things() {
    let mut server = Server::bind("127.0.0.1:0", &settings()).unwrap();
    let handle = server.handle();
    let stopping = handle.clone();
    handle
        .post(move |server| {
            assert!(server.clients().is_empty());
            stopping.stop();
        })
        .unwrap();
    server.run(|_, happening| panic!("{happening:?}")).unwrap();
}

/// A client in a thread of its own, until the server lets it go.
fn client(address: SocketAddr, name: &'static str) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut client = Talks::connect(address, &settings().identity(name)).unwrap();
        client.bind(0x20, move |_, (text,): (String,)| {
            Ok(format!("{name} heard {text}"))
        });
        client.bind_any(0x21, |_, arguments| {
            let sum: i64 = arguments.args.iter().filter_map(Value::as_i64).sum();
            let scale = arguments.kwargs.get("scale").and_then(Value::as_i64);
            Ok((sum * scale.unwrap_or(1)).into())
        });
        client.bind(0x22, |client, ()| {
            Ok(client.execute::<String>(0x10, &("hi",))?)
        });
        client.bind(0x23, |_, ()| -> Result<(), _> {
            Err(Refused::new("ValueError", "never"))
        });
        client.run().unwrap();
    })
}

/// Reads what comes until the question for the identity is there whole, and gives what its reply comes under.
fn question(stream: &mut TcpStream) -> Vec<u8> {
    let mut said = Vec::new();
    let start = b"K\xbb";
    loop {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        said.push(byte[0]);
        let at = said.windows(2).position(|window| window == start);
        if let Some(at) = at
            && said.ends_with(b")}t.")
        {
            return said[at + 2..said.len() - 4].to_vec();
        }
    }
}

fn joined(server: &mut Server) -> Client {
    loop {
        match server.turn(LONG).unwrap() {
            Some(Happening::Joined(client)) => return client,
            Some(other) => panic!("{other:?}"),
            None => {}
        }
    }
}

fn left(server: &mut Server) -> (Client, Reason) {
    loop {
        match server.turn(LONG).unwrap() {
            Some(Happening::Left(client, reason)) => return (client, reason),
            Some(other) => panic!("{other:?}"),
            None => {}
        }
    }
}

fn turned_away(server: &mut Server, is_it: impl Fn(&Reason) -> bool) {
    loop {
        match server.turn(LONG).unwrap() {
            Some(Happening::TurnedAway(_, reason)) if is_it(&reason) => return,
            Some(other) => panic!("{other:?}"),
            None => {}
        }
    }
}

fn settings() -> Settings {
    Settings::default()
        .password("secret")
        .opening(LONG)
        .patience(LONG)
}

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(200);
