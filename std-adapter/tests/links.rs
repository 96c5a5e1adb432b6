//! Links over real sockets and over memory.

use ropeway_std::dialect::cable_car::{CableCarByte, CableCarJson, Code, Join, Quit, Raw};
use ropeway_std::transport::{Patience, Transport};
use ropeway_std::{
    Cancel, Connect, ConnectError, Error, Event, Link, Listener, Options, Pump, SendError, memory,
    messages,
};
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Note {
    text: String,
}

messages! {
    #[derive(Debug, PartialEq)]
    enum Words {
        Join(Join),
        Quit(Quit),
        Note(Note) = 0x10,
    }
}

const SOON: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(20);

fn tcp_pair(options: &Options) -> (Link<CableCarByte>, Link<CableCarByte>) {
    let mut listener = Listener::bind("127.0.0.1:0").unwrap();
    let address = listener.address();
    let dialler = thread::spawn(move || Connect::new(address).stream().unwrap());
    let accepted = listener
        .accept(CableCarByte, options, LONG)
        .unwrap()
        .unwrap();
    (
        accepted,
        Link::new(CableCarByte, dialler.join().unwrap(), options).unwrap(),
    )
}

fn is_join(event: Option<Event<'_, CableCarByte, Words>>) -> bool {
    matches!(event, Some(Event::Message(Words::Join(Join))))
}

#[test]
fn a_timeout_means_nothing_yet() {
    let (mut here, mut there) = tcp_pair(&Options::default());
    for timeout in [Duration::ZERO, SOON] {
        let start = Instant::now();
        assert!(here.recv::<Words>(timeout).unwrap().is_none());
        assert!(start.elapsed() >= timeout);
    }
    there.send(&Join).unwrap();
    assert!(is_join(here.recv(LONG).unwrap()));
}

#[test]
fn one_that_spins_hears_what_comes_soon_and_what_comes_late() {
    let options = Options::default().spin(Duration::from_millis(1));
    let (mut here, mut there) = tcp_pair(&options);
    for timeout in [Duration::ZERO, SOON] {
        let start = Instant::now();
        assert!(here.recv::<Words>(timeout).unwrap().is_none());
        assert!(start.elapsed() >= timeout);
    }
    let echo = thread::spawn(move || {
        for _ in 0..100 {
            assert!(is_join(there.recv(LONG).unwrap()));
            there.send(&Join).unwrap();
        }
        there
    });
    for _ in 0..100 {
        here.send(&Join).unwrap();
        assert!(is_join(here.recv(LONG).unwrap()));
    }
    drop(echo.join().unwrap());
    assert!(matches!(here.recv::<Words>(LONG), Err(Error::Closed)));
}

#[test]
fn a_deadline_holds_while_a_frame_trickles_in() {
    let (mut here, mut there) = tcp_pair(&Options::default());
    let done = std::sync::atomic::AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let stream = there.transport();
            let mut bytes = [200, 0x77]
                .into_iter()
                .chain(std::iter::repeat(0))
                .take(199);
            while !done.load(std::sync::atomic::Ordering::SeqCst) {
                if let Some(byte) = bytes.next() {
                    let _ = (&mut &*stream).write_all(&[byte]);
                }
                thread::yield_now();
            }
        });
        let nothing = here.recv::<Words>(SOON).unwrap().is_none();
        done.store(true, std::sync::atomic::Ordering::SeqCst);
        assert!(nothing);
    });
}

#[test]
fn close_delivers_everything_first() {
    let (mut here, there) = tcp_pair(&Options::default());
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut there = there;
            for _ in 0..10_000 {
                there
                    .queue(&Raw {
                        code: Code(9),
                        body: &[7; 200],
                    })
                    .unwrap();
            }
            assert!(there.close(LONG).unwrap());
        });
        let mut received = 0;
        let over = loop {
            match here.recv::<Raw<'_>>(LONG) {
                Ok(Some(Event::Message(raw))) => received += usize::from(raw.body == [7; 200]),
                Ok(other) => panic!("{other:?}"),
                Err(error) => break error,
            }
        };
        assert!(matches!(over, Error::Closed), "{over}");
        assert_eq!(received, 10_000);
        drop(here);
    });
}

#[test]
fn a_finished_link_still_receives() {
    let (mut here, mut there) = tcp_pair(&Options::default());
    here.finish().unwrap();
    assert!(matches!(there.recv::<Words>(LONG), Err(Error::Closed)));
    there.send(&Join).unwrap();
    assert!(is_join(here.recv(LONG).unwrap()));
}

#[test]
fn a_peer_that_closes_in_the_middle_is_told_apart() {
    let (mut here, mut there) = tcp_pair(&Options::default());
    there.send(&Join).unwrap();
    (&mut there.transport()).write_all(&[9, 0x10, 3]).unwrap();
    drop(there);
    assert!(is_join(here.recv(LONG).unwrap()));
    let Ok(Some(Event::Malformed(cut))) = here.recv::<Words>(LONG) else {
        panic!("not reported")
    };
    assert_eq!(
        cut.to_string(),
        "stream ends 3 bytes into a frame (byte 3 of the frame at byte 2 of the stream)"
    );
    assert!(matches!(here.recv::<Words>(LONG), Err(Error::Closed)));
}

#[test]
fn a_peer_that_does_not_read_pushes_back() {
    let (mut here, _there) = memory::pair(
        CableCarByte,
        1024,
        &Options::default().buffer(1024).send_timeout(SOON),
    )
    .unwrap();
    let raw = Raw {
        code: Code(9),
        body: &[7; 200],
    };
    let refused = loop {
        if let Err(error) = here.queue(&raw) {
            break error;
        }
    };
    assert!(matches!(refused, Error::Send(SendError::Full)));
    assert!(here.queued() > 1024 - 202);
}

#[test]
fn json_of_several_megabytes_passes_under_the_limit_that_was_set() {
    let options = Options::default().max_message(8 << 20);
    let (mut here, mut there) = memory::pair(CableCarJson, 1 << 16, &options).unwrap();
    let note = Note {
        text: "0123456789abcdef".repeat(1 << 18),
    };
    thread::scope(|scope| {
        scope.spawn(|| there.send(&note).unwrap());
        let Some(Event::Message(Words::Note(received))) = here.recv::<Words>(LONG).unwrap() else {
            panic!("no note")
        };
        assert_eq!(received, note);
    });
    let refused = here
        .send(&Note {
            text: "x".repeat(8 << 20),
        })
        .unwrap_err();
    assert!(matches!(refused, Error::Send(SendError::TooLong { limit }) if limit == 8 << 20));
}

#[test]
fn a_line_beyond_the_limit_is_refused_and_the_next_one_read() {
    let options = Options::default().buffer(64).max_message(1024);
    let (mut here, mut there) = memory::pair(CableCarJson, 1 << 16, &Options::default()).unwrap();
    let (mut small, mut large) = memory::pair(CableCarJson, 1 << 16, &options).unwrap();
    here.send(&Note {
        text: "x".repeat(2000),
    })
    .unwrap();
    here.send(&Join).unwrap();
    let mut bytes = vec![0; 4096];
    let len = Transport::read(there.transport(), &mut bytes).unwrap();
    Transport::write(large.transport(), &bytes[..len]).unwrap();
    let Ok(Some(Event::Malformed(long))) = small.recv::<Words>(LONG) else {
        panic!("not reported")
    };
    assert!(long.to_string().contains("the limit is 1024"), "{long}");
    assert!(matches!(
        small.recv(LONG),
        Ok(Some(Event::Message(Words::Join(Join))))
    ));
}

#[test]
fn connecting_once_is_enough_where_someone_listens() {
    let mut listener = Listener::bind("127.0.0.1:0").unwrap();
    let address = listener.address();
    let connected = Connect::new(address).deadline(Duration::ZERO).stream();
    assert!(connected.is_ok(), "{connected:?}");
    assert!(listener.stream(LONG).unwrap().is_some());
}

#[test]
fn connecting_tries_every_address() {
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let unusable = "[fe80::1]:9".parse().unwrap();
    let closed = Listener::bind("127.0.0.1:0").unwrap().address();
    let addresses = [unusable, closed, listener.address()];
    assert!(Connect::new(&addresses[..]).stream().is_ok());
    let failed = Connect::new(&addresses[..1]).stream().unwrap_err();
    assert!(matches!(failed, ConnectError::Failed { .. }), "{failed:?}");
}

#[test]
fn connecting_gives_up_at_its_deadline_and_names_the_address() {
    let free = Listener::bind("127.0.0.1:0").unwrap().address();
    let refused = Connect::new(free)
        .retry(SOON)
        .deadline(SOON * 5)
        .stream()
        .unwrap_err();
    assert!(
        matches!(refused, ConnectError::Deadline { address, .. } if address == free),
        "{refused}"
    );
    assert_eq!(
        refused.to_string(),
        format!("nobody listens at {free}: connection refused, tried for 0.1 s")
    );
    assert!(std::error::Error::source(&refused).is_none(), "told twice");
    let unknown = Connect::new("no-such-host.invalid:1").stream().unwrap_err();
    assert!(matches!(unknown, ConnectError::UnknownHost(_)), "{unknown}");
}

#[test]
fn connecting_waits_for_a_listener_that_comes_late() {
    let address = Listener::bind("127.0.0.1:0").unwrap().address();
    let dialler = thread::spawn(move || Connect::new(address).retry(SOON).deadline(LONG).stream());
    thread::yield_now();
    let mut listener = Listener::bind(address).unwrap();
    assert!(listener.stream(LONG).unwrap().is_some());
    assert!(dialler.join().unwrap().is_ok());
}

#[test]
fn a_cancel_ends_connecting_and_listening() {
    let cancel = Cancel::new();
    let free = Listener::bind("127.0.0.1:0").unwrap().address();
    let mut listener = Listener::bind("127.0.0.1:0").unwrap().cancel(&cancel);
    thread::scope(|scope| {
        let dialler = scope.spawn(|| {
            Connect::new(free)
                .deadline(Duration::MAX)
                .cancel(&cancel)
                .stream()
        });
        let listener = scope.spawn(move || listener.stream(Duration::MAX));
        cancel.cancel();
        assert!(matches!(
            dialler.join().unwrap(),
            Err(ConnectError::Cancelled)
        ));
        assert!(listener.join().unwrap().unwrap().is_none());
    });
}

#[test]
fn a_pump_talks_to_a_link_without_ever_waiting() {
    let mut listener = Listener::bind("127.0.0.1:0").unwrap();
    let address = listener.address();
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut link = Connect::new(address)
                .link(CableCarByte, &Options::default())
                .unwrap();
            for _ in 0..1000 {
                let Ok(Some(Event::Message(raw))) = link.recv::<Raw<'_>>(LONG) else {
                    panic!("no message")
                };
                let (code, body) = (raw.code, raw.body.to_vec());
                link.send(&Raw { code, body: &body }).unwrap();
            }
            link.close(LONG).unwrap();
        });
        let (stream, _) = listener.stream(LONG).unwrap().unwrap();
        let mut pump = Pump::new(CableCarByte, stream, &Options::default().buffer(512)).unwrap();
        let (mut sent, mut received) = (0_u32, 0_u32);
        let over = loop {
            let body = sent.to_be_bytes();
            if sent < 1000
                && pump
                    .send(&Raw {
                        code: Code(9),
                        body: &body,
                    })
                    .is_ok()
            {
                sent += 1;
            }
            let moved = pump.xfer();
            while let Some(event) = pump.get::<Raw<'_>>() {
                let Event::Message(raw) = event else {
                    panic!("{event:?}")
                };
                assert_eq!(raw.body, received.to_be_bytes());
                received += 1;
            }
            if let Err(error) = moved {
                break error;
            }
        };
        assert!(matches!(over, Error::Closed), "{over}");
        assert_eq!(received, 1000);
    });
}

#[test]
fn a_socket_from_anywhere_can_be_used() {
    let mut listener = Listener::bind("localhost:0").unwrap();
    let mut raw = TcpStream::connect(listener.address()).unwrap();
    let mut link = listener
        .accept(CableCarByte, &Options::default(), LONG)
        .unwrap()
        .unwrap();
    raw.write_all(&[2, 2]).unwrap();
    assert!(is_join(link.recv(LONG).unwrap()));
}

/// Our end of a link whose peer said Join and is gone with our Quit unread, which makes its end a reset.
fn left_by_a_reset() -> TcpStream {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut here = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut there, _) = listener.accept().unwrap();
    here.write_all(&[2, 4]).unwrap();
    there.peek(&mut [0]).unwrap();
    there.write_all(&[2, 2]).unwrap();
    here.peek(&mut [0]).unwrap();
    drop(there);
    while here.take_error().unwrap().is_none() && here.write_all(&[2, 4]).is_ok() {
        thread::yield_now();
    }
    here
}

#[test]
fn the_last_words_of_a_peer_that_is_gone_are_delivered() {
    let mut link = Link::over(CableCarByte, left_by_a_reset(), &Options::default()).unwrap();
    link.queue(&Quit).unwrap();
    assert!(is_join(link.recv(LONG).unwrap()));
    assert!(matches!(link.recv::<Words>(LONG), Err(Error::Transport(_))));

    let mut pump = Pump::over(CableCarByte, left_by_a_reset(), &Options::default()).unwrap();
    pump.send(&Quit).unwrap();
    assert!(pump.xfer().is_ok());
    assert!(is_join(pump.get()));
    assert!(matches!(pump.xfer(), Err(Error::Transport(_))));
}

#[test]
fn two_that_send_to_each_other_do_not_lock_each_other() {
    let (mut here, mut there) = memory::pair(CableCarJson, 1000, &Options::default()).unwrap();
    let note = Note {
        text: "x".repeat(20_000),
    };
    let talk = |link: &mut Link<CableCarJson, memory::End>| {
        link.send(&note).unwrap();
        link.queue(&note).unwrap();
        for _ in 0..2 {
            let event = link.recv::<Words>(LONG).unwrap();
            assert!(matches!(event, Some(Event::Message(Words::Note(said))) if said == note));
        }
        link.flush().unwrap();
    };
    thread::scope(|scope| {
        scope.spawn(|| talk(&mut here));
        scope.spawn(|| talk(&mut there));
    });
}

#[test]
fn looking_does_not_wait_for_a_peer_that_does_not_read() {
    let (mut here, _there) = memory::pair(CableCarByte, 64, &Options::default()).unwrap();
    here.queue(&Raw {
        code: Code(9),
        body: &[7; 200],
    })
    .unwrap();
    for timeout in [Duration::ZERO, SOON] {
        assert!(here.recv::<Words>(timeout).unwrap().is_none());
    }
    assert_eq!(here.queued(), 202 - 64);
}

#[test]
fn queueing_waits_as_ever_after_a_look() {
    let options = Options::default().buffer(256);
    let (mut here, mut there) = memory::pair(CableCarByte, 64, &options).unwrap();
    let raw = Raw {
        code: Code(9),
        body: &[7; 200],
    };
    here.queue(&raw).unwrap();
    assert!(here.recv::<Words>(Duration::ZERO).unwrap().is_none());
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..2 {
                assert!(there.recv::<Raw<'_>>(LONG).unwrap().is_some());
            }
        });
        here.queue(&raw).unwrap();
        here.flush().unwrap();
    });
}

#[test]
fn finishing_ends_nothing_while_the_peer_does_not_read() {
    let options = Options::default().send_timeout(SOON);
    let (mut here, mut there) = memory::pair(CableCarByte, 64, &options).unwrap();
    here.queue(&Raw {
        code: Code(9),
        body: &[7; 200],
    })
    .unwrap();
    let unfinished = here.finish().unwrap_err();
    assert!(
        matches!(&unfinished, Error::Transport(error) if error.0.kind() == std::io::ErrorKind::TimedOut)
    );
    thread::scope(|scope| {
        scope.spawn(|| assert!(there.recv::<Raw<'_>>(LONG).unwrap().is_some()));
        here.flush().unwrap();
    });
    here.finish().unwrap();
}

/// A peer that never stops talking, until the test is done with it.
fn with_a_chatterbox(bytes: &'static [u8], test: impl FnOnce(memory::End)) {
    let (here, there) = memory::ends(256);
    thread::scope(|scope| {
        scope.spawn(move || while Transport::write(&there, bytes).is_ok() {});
        test(here);
    });
}

#[test]
fn a_peer_that_never_stops_outlasts_no_deadline() {
    let options = Options::default().buffer(64).max_message(64);
    with_a_chatterbox(b"xxxxxxxx", |end| {
        let mut link = Link::over(CableCarJson, end, &options).unwrap();
        assert!(matches!(
            link.recv::<Words>(LONG),
            Ok(Some(Event::Malformed(_)))
        ));
        for timeout in [Duration::ZERO, SOON] {
            assert!(link.recv::<Words>(timeout).unwrap().is_none());
        }
        assert!(!link.close(SOON).unwrap());
    });
    with_a_chatterbox(b"xxxxxxxx", |end| {
        let mut pump = Pump::over(CableCarJson, end, &options).unwrap();
        for _ in 0..10 {
            pump.xfer().unwrap();
            let _ = pump.get::<Words>();
        }
    });
    with_a_chatterbox(&[2, 2], |end| {
        let link = Link::over(CableCarByte, end, &options).unwrap();
        assert!(!link.close(SOON).unwrap());
    });
}

/// A peer that says Join, byte by byte, and then resets the connection.
struct Resetting(std::sync::Mutex<Vec<u8>>);

impl Transport for Resetting {
    fn read(&self, room: &mut [u8]) -> std::io::Result<usize> {
        let byte = self.0.lock().unwrap().pop();
        room[0] = byte.ok_or(std::io::ErrorKind::ConnectionReset)?;
        Ok(1)
    }

    fn write(&self, bytes: &[u8]) -> std::io::Result<usize> {
        Ok(bytes.len())
    }

    fn set_patience(&self, _: Patience, _: Patience) -> std::io::Result<()> {
        Ok(())
    }

    fn shutdown(&self, _: std::net::Shutdown) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_pump_gives_what_came_before_a_reset_and_then_names_the_reset() {
    let peer = Resetting(std::sync::Mutex::new(vec![2, 2]));
    let mut pump = Pump::over(CableCarByte, peer, &Options::default()).unwrap();
    pump.xfer().unwrap();
    pump.xfer().unwrap();
    assert!(is_join(pump.get()));
    let reset = pump.xfer().unwrap_err();
    assert!(
        matches!(&reset, Error::Transport(error) if error.0.kind() == std::io::ErrorKind::ConnectionReset)
    );
}
