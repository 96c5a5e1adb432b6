//! The adapter between two stacks of embassy-net: see `rig`.

mod rig;

use embassy_futures::join::join;
use embassy_futures::select::{Either, select};
use embassy_net::Stack;
use embassy_net::tcp::{self, TcpSocket};
use embassy_time::{Duration, Instant, Timer};
use rig::{OURS, THEIRS, at, with_stacks};
use ropeway_core::dialect::cable_car::CableCarByte;
use ropeway_core::pump::Error;
use ropeway_core::{Event, Messenger, messages};
use ropeway_embassy::{
    AcceptError, CloseError, ConnectError, Link, Timeouts, accept, close, connect,
};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Reading {
    number: u32,
    celsius: f32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Note<'a> {
    number: u32,
    text: &'a str,
}

messages! {
    #[derive(Debug, PartialEq)]
    enum Words<'a> {
        Reading(Reading) = 0x10,
        Note(Note<'a>) = 0x11,
    }
}

type Board<'s> = Link<'s, CableCarByte, [u8; 256]>;

const PORT: u16 = 8223;
const MESSAGES: u32 = 1_000;
const TIMEOUTS: Timeouts = Timeouts {
    silence: Duration::from_secs(10),
    keep_alive: Duration::from_secs(3),
};

fn messenger() -> Messenger<CableCarByte, [u8; 256]> {
    Messenger::new(CableCarByte, [0; 256], [0; 256])
}

async fn with_socket<T>(stack: Stack<'_>, program: impl AsyncFnOnce(&mut TcpSocket<'_>) -> T) -> T {
    let (mut rx, mut tx) = ([0; 1024], [0; 1024]);
    program(&mut TcpSocket::new(stack, &mut rx, &mut tx)).await
}

async fn with_sockets(
    ours: Stack<'_>,
    theirs: Stack<'_>,
    program: impl AsyncFnOnce(&mut TcpSocket<'_>, &mut TcpSocket<'_>),
) {
    with_socket(ours, async |dialler| {
        with_socket(theirs, async |listener| program(dialler, listener).await).await;
    })
    .await;
}

/// Connects two sockets.
async fn linked<'a, 'b>(
    dialler: &'a mut TcpSocket<'_>,
    listener: &'b mut TcpSocket<'_>,
) -> (Board<'a>, Board<'b>) {
    let accepting = accept(listener, PORT, TIMEOUTS, messenger());
    let dialling = connect(dialler, at(THEIRS, PORT), TIMEOUTS, messenger());
    let (dialled, accepted) = join(dialling, accepting).await;
    let (accepted, peer) = accepted.expect("a peer");
    assert_eq!(peer.ip(), OURS);
    (dialled.expect("a listener"), accepted)
}

/// Says one message after the other and checks what the other side says, which is the same.
async fn converse(link: &mut Board<'_>) {
    let (mut sent, mut received) = (0, 0);
    while sent < MESSAGES || received < MESSAGES {
        while sent < MESSAGES && say(link, sent) {
            sent += 1;
        }
        if received == MESSAGES {
            link.flush().await.expect("a peer");
        } else {
            match link.recv::<Words<'_>>().await.expect("a peer") {
                Event::Message(words) => assert_eq!(words, word(received, &text(received))),
                other => panic!("{other:?}"),
            }
            received += 1;
        }
    }
    link.flush().await.expect("a peer");
}

/// Queues message `number`, if there is room.
fn say(link: &mut Board<'_>, number: u32) -> bool {
    let queued = match word(number, &text(number)) {
        Words::Reading(reading) => link.try_queue(&reading),
        Words::Note(note) => link.try_queue(&note),
    };
    queued.is_ok()
}

fn word(number: u32, text: &str) -> Words<'_> {
    match number % 2 {
        0 => Words::Reading(Reading {
            number,
            celsius: 21.5,
        }),
        _ => Words::Note(Note { number, text }),
    }
}

fn text(number: u32) -> String {
    "x".repeat(number as usize % 200)
}

#[test]
fn exchanges_a_thousand_messages_each_way_and_closes() {
    with_stacks(async |ours, theirs| {
        with_sockets(ours, theirs, async |dialler, listener| {
            let (mut dialled, mut accepted) = linked(dialler, listener).await;
            join(converse(&mut dialled), converse(&mut accepted)).await;
            assert_eq!(close(dialler, TIMEOUTS.silence).await, Ok(()));
            assert_eq!(
                accepted.recv::<Words<'_>>().await.unwrap_err(),
                Error::Closed
            );
            assert_eq!(close(listener, TIMEOUTS.silence).await, Ok(()));
        })
        .await;
    });
}

#[test]
fn delivers_what_was_flushed_before_the_close() {
    with_stacks(async |ours, theirs| {
        with_sockets(ours, theirs, async |dialler, listener| {
            let (mut dialled, mut accepted) = linked(dialler, listener).await;
            dialled
                .send(&Reading {
                    number: 7,
                    celsius: 1.0,
                })
                .await
                .unwrap();
            assert_eq!(close(dialler, TIMEOUTS.silence).await, Ok(()));
            let event = accepted.recv::<Words<'_>>().await.unwrap();
            assert!(matches!(
                event,
                Event::Message(Words::Reading(Reading { number: 7, .. }))
            ));
            assert_eq!(
                accepted.recv::<Words<'_>>().await.unwrap_err(),
                Error::Closed
            );
        })
        .await;
    });
}

#[test]
fn loses_and_repeats_nothing_when_futures_are_dropped() {
    with_stacks(async |ours, theirs| {
        with_sockets(ours, theirs, async |dialler, listener| {
            let (mut dialled, mut accepted) = linked(dialler, listener).await;
            let saying = async {
                for number in 0..MESSAGES {
                    while !say(&mut dialled, number) {
                        let tick = Timer::after_millis(1 + u64::from(number % 7));
                        if let Either::First(flushed) = select(dialled.flush(), tick).await {
                            flushed.unwrap();
                        }
                    }
                }
                dialled.flush().await.unwrap();
            };
            let hearing = async {
                let mut received = 0;
                while received < MESSAGES {
                    let tick = Timer::after_millis(u64::from(received % 5));
                    select(async { accepted.flush().await }, tick).await;
                    let heard = accepted.recv::<Words<'_>>();
                    let Either::First(event) = select(heard, Timer::after_millis(2)).await else {
                        continue;
                    };
                    let Event::Message(words) = event.unwrap() else {
                        panic!("no message")
                    };
                    assert_eq!(words, word(received, &text(received)));
                    received += 1;
                    if received % 50 == 0 {
                        // Long enough for the other side to get stuck in the middle of a write.
                        Timer::after_millis(200).await;
                    }
                }
            };
            join(saying, hearing).await;
        })
        .await;
    });
}

#[test]
fn links_again_over_the_same_sockets() {
    with_stacks(async |ours, theirs| {
        with_sockets(ours, theirs, async |dialler, listener| {
            for number in 0..10 {
                let (mut dialled, mut accepted) = linked(dialler, listener).await;
                assert!(say(&mut dialled, number));
                dialled.flush().await.unwrap();
                let event = accepted.recv::<Words<'_>>().await.unwrap();
                assert!(
                    matches!(event, Event::Message(words) if words == word(number, &text(number)))
                );
                if number % 2 == 0 {
                    close(dialler, TIMEOUTS.silence).await.unwrap();
                }
            }
        })
        .await;
    });
}

#[test]
fn goes_on_listening_after_a_dropped_accept() {
    with_stacks(async |ours, theirs| {
        with_sockets(ours, theirs, async |dialler, listener| {
            let waiting = accept(listener, PORT, TIMEOUTS, messenger());
            select(waiting, Timer::after_secs(60)).await;
            let _ = linked(dialler, listener).await;
        })
        .await;
    });
}

#[test]
fn tells_a_refusal_from_silence_and_from_no_way() {
    with_stacks(async |ours, _theirs| {
        with_socket(ours, async |dialler| {
            let mut dial =
                async |remote| connect(dialler, remote, TIMEOUTS, messenger()).await.err();
            assert_eq!(dial(at(THEIRS, PORT)).await, Some(ConnectError::Refused));
            let start = Instant::now();
            let nobody = core::net::Ipv4Addr::new(10, 0, 0, 77);
            assert_eq!(dial(at(nobody, PORT)).await, Some(ConnectError::TimedOut));
            assert_eq!(start.elapsed().as_secs(), TIMEOUTS.silence.as_secs());
            assert_eq!(dial(at(THEIRS, 0)).await, Some(ConnectError::Unreachable));
            assert_eq!(
                dial("[fe80::1]:8223".parse().unwrap()).await,
                Some(ConnectError::Unreachable)
            );
        })
        .await;
    });
}

#[test]
fn refuses_to_listen_on_port_0() {
    with_stacks(async |_ours, theirs| {
        with_socket(theirs, async |listener| {
            let refused = accept(listener, 0, TIMEOUTS, messenger()).await.err();
            assert_eq!(refused, Some(AcceptError::Port));
        })
        .await;
    });
}

#[test]
fn keeps_an_idle_link_alive() {
    with_stacks(async |ours, theirs| {
        with_sockets(ours, theirs, async |dialler, listener| {
            let (mut dialled, mut accepted) = linked(dialler, listener).await;
            Timer::after_secs(120).await;
            assert!(say(&mut dialled, 1));
            dialled.flush().await.unwrap();
            assert!(matches!(
                accepted.recv::<Words<'_>>().await,
                Ok(Event::Message(_))
            ));
        })
        .await;
    });
}

#[test]
fn reports_a_peer_that_has_reset_the_connection() {
    with_stacks(async |ours, theirs| {
        with_sockets(ours, theirs, async |dialler, listener| {
            let (mut dialled, _accepted) = linked(dialler, listener).await;
            listener.abort();
            listener.flush().await.unwrap();
            let lost = dialled.recv::<Words<'_>>().await.unwrap_err();
            assert_eq!(lost, Error::Transport(tcp::Error::ConnectionReset));
            assert_eq!(close(dialler, TIMEOUTS.silence).await, Ok(()));
        })
        .await;
    });
}

/// Writes until both sockets are full, because nobody reads.
async fn fill(link: &mut Board<'_>) {
    let filling = async {
        loop {
            if !say(link, 199) {
                link.flush().await.expect("a peer");
            }
        }
    };
    select(filling, Timer::after_secs(1)).await;
}

#[test]
fn says_at_the_close_what_a_reset_has_lost() {
    with_stacks(async |ours, theirs| {
        with_sockets(ours, theirs, async |dialler, listener| {
            let (mut dialled, _accepted) = linked(dialler, listener).await;
            fill(&mut dialled).await;
            listener.abort();
            listener.flush().await.unwrap();
            let lost = dialled.recv::<Words<'_>>().await.unwrap_err();
            assert_eq!(lost, Error::Transport(tcp::Error::ConnectionReset));
            let lost = close(dialler, TIMEOUTS.silence).await;
            assert!(
                matches!(lost, Err(CloseError::Lost { unacknowledged }) if unacknowledged > 0),
                "{lost:?}"
            );
        })
        .await;
    });
}

#[test]
fn says_at_the_close_what_was_not_acknowledged() {
    with_stacks(async |ours, theirs| {
        with_sockets(ours, theirs, async |dialler, listener| {
            let (mut dialled, _accepted) = linked(dialler, listener).await;
            fill(&mut dialled).await;
            let stuck = close(dialler, Duration::from_secs(2)).await;
            assert!(
                matches!(stuck, Err(CloseError::TimedOut { unacknowledged }) if unacknowledged > 0),
                "{stuck:?}"
            );
        })
        .await;
    });
}
