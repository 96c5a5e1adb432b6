//! Calls over the native protocol: every way in which they end, and what becomes of them when the link does.

mod native_rig;

use native_rig::{
    LONG, Note, Pair, SOON, Step, Sum, TooLarge, Unheard, config, node, pair, pair_of, putting_off,
    reconnect, settle, standing,
};
use ropeway_std::call::{CallError, Refused, Ticket};
use ropeway_std::dialect::Dialect;
use ropeway_std::memory::ends;
use ropeway_std::message::{Call, FailureKind};
use ropeway_std::native::{self, Native};
use ropeway_std::transport::{Patience, Transport};
use ropeway_std::{Handlers, Link, Node, Options, SendError, messages};
use serde::{Deserialize, Serialize};
use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

fn sums() -> Handlers<Native> {
    let mut handlers = Handlers::new();
    handlers.answer::<Sum>(|_, Sum(a, b)| match a.checked_add(b) {
        Some(sum) => Ok(sum.into()),
        None => {
            Err(Refused::new("OverflowError", "too large")
                .with_detail(&TooLarge { limit: i32::MAX }))
        }
    });
    handlers
}

fn poll<A>(ticket: &Ticket<A>, pair: &mut Pair) -> Result<A, CallError> {
    settle(pair);
    ticket.poll().expect("an outcome")
}

#[test]
fn a_handler_refuses_with_an_error_of_its_own() {
    let mut pair = pair(Handlers::new(), sums());
    let sum = pair.0.start(&Sum(2, 3), LONG).unwrap();
    assert_eq!(poll(&sum, &mut pair), Ok(5));
    let sum = pair.0.start(&Sum(i32::MAX, 1), LONG).unwrap();
    let Err(CallError::Refused(refused)) = poll(&sum, &mut pair) else {
        panic!("not refused")
    };
    assert_eq!(
        (refused.class.as_str(), refused.text.as_str()),
        ("OverflowError", "too large")
    );
    assert_eq!(refused.detail(), Some(TooLarge { limit: i32::MAX }));
    assert_eq!(refused.detail::<(String, String)>(), None);
    assert_eq!(refused.kind, FailureKind::Refused);
    assert_eq!(Refused::text("no more").detail::<TooLarge>(), None);
}

#[test]
fn a_request_that_nobody_handles_is_told_as_that() {
    let mut pair = pair(Handlers::new(), sums());
    let unheard = pair.0.start(&Unheard, LONG).unwrap();
    assert_eq!(poll(&unheard, &mut pair), Err(CallError::Unhandled));
}

/// The same code, for something else.
mod other {
    use super::*;

    #[derive(Debug, Serialize, Deserialize)]
    pub(super) struct Sum(pub(super) u8);

    messages! { pub(super) enum Words { Sum(Sum) = 0x11 -> String } }
}

#[test]
fn what_cannot_be_read_is_told_to_whoever_said_it() {
    let unchecked = |name| Arc::new(native::config().name(name));
    let mut handlers = sums();
    handlers.otherwise(|_, _| {});
    let mut pair = pair_of(
        &unchecked("here"),
        Handlers::new(),
        &unchecked("there"),
        handlers,
    );
    let sum = pair.0.start(&other::Sum(1), LONG).unwrap();
    let Err(CallError::MalformedRequest(refused)) = poll(&sum, &mut pair) else {
        panic!("not malformed")
    };
    assert!(refused.text.starts_with("0x11: "), "{refused}");

    let mut handlers = Handlers::new();
    handlers.answer::<Sum>(|_, _| Ok(-1));
    let mut pair = pair_of(
        &unchecked("here"),
        Handlers::new(),
        &unchecked("there"),
        handlers,
    );
    // Two numbers are as well read as one, and the answer is no text.
    let mut theirs = Handlers::new();
    theirs.answer::<other::Sum>(|_, _| Ok("\u{1F6A0}".repeat(9)));
    let (a, b) = ends(1 << 12);
    pair.1 = node(native::listening(&unchecked("text")), b, theirs);
    pair.0.reconnect(a).unwrap();
    let sum = pair.0.start(&other::Sum(1), LONG).unwrap();
    assert!(poll(&sum, &mut pair).is_ok());
    let step = pair.0.start(&misread::Sum(1), LONG).unwrap();
    assert!(matches!(
        poll(&step, &mut pair),
        Err(CallError::Malformed(_))
    ));
}

/// The same code and request, and another answer.
mod misread {
    use super::*;

    #[derive(Debug, Serialize, Deserialize)]
    pub(super) struct Sum(pub(super) u8);

    messages! { pub(super) enum Words { Sum(Sum) = 0x11 -> bool } }
}

#[test]
fn a_peer_that_is_busy_says_so_and_so_does_this_side() {
    let (handlers, put_off) = putting_off();
    let mut pair = pair(Handlers::new(), handlers);
    pair.0 = pair.0.max_calls(3);
    pair.1 = pair.1.max_requests(2);
    let tickets: Vec<Ticket<u32>> = (0..3)
        .map(|n| pair.0.start(&Step(n), LONG).unwrap())
        .collect();
    assert_eq!(
        pair.0.start(&Step(3), LONG).unwrap_err(),
        CallError::TooMany
    );
    settle(&mut pair);
    let outcomes: Vec<_> = tickets.iter().map(Ticket::poll).collect();
    assert_eq!(outcomes, [None, None, Some(Err(CallError::PeerBusy))]);

    // Once one has been answered, there is room for another.
    let (id, step) = put_off.try_recv().unwrap();
    pair.1.answer::<Step>(id, &step.0).unwrap();
    let next = pair.0.start(&Step(4), LONG);
    assert!(next.is_ok());
    settle(&mut pair);
    assert_eq!(tickets[0].poll(), Some(Ok(0)));
    assert_eq!(put_off.try_iter().count(), 2);
}

#[test]
fn sixty_four_calls_get_their_answers_in_any_order() {
    let (handlers, put_off) = putting_off();
    let mut pair = pair(Handlers::new(), handlers);
    let tickets: Vec<Ticket<u32>> = (0..64)
        .map(|n| pair.0.start(&Step(n), LONG).unwrap())
        .collect();
    settle(&mut pair);
    let mut requests: Vec<_> = put_off.try_iter().collect();
    assert_eq!(requests.len(), 64);
    for at in 0..64 {
        let (id, step) = requests.swap_remove((at * 29 + 7) % (64 - at));
        pair.1.answer::<Step>(id, &(step.0 * 2)).unwrap();
    }
    settle(&mut pair);
    for (n, ticket) in (0..).zip(&tickets) {
        assert_eq!(ticket.poll(), Some(Ok(n * 2)));
    }
    assert_eq!(pair.0.peer().stale_answers(), 0);
}

#[test]
fn the_handlers_side_learns_that_nobody_waits_any_more() {
    let (mut handlers, put_off) = putting_off();
    let (said, cancelled) = mpsc::channel();
    handlers.cancelled(move |_, id| said.send(id).unwrap());
    let mut pair = pair(Handlers::new(), handlers);

    let id = pair
        .0
        .call_then(&Step(1), LONG, |_, _| panic!("cancelled"))
        .unwrap();
    let dropped = pair.0.start(&Step(2), LONG).unwrap();
    let answered = pair.0.start(&Step(3), LONG).unwrap();
    settle(&mut pair);
    let requests: Vec<_> = put_off.try_iter().collect();
    pair.1.answer::<Step>(requests[2].0, &3).unwrap();
    settle(&mut pair);
    assert_eq!(answered.poll(), Some(Ok(3)));
    assert!(cancelled.try_recv().is_err());

    pair.0.cancel(id);
    drop(dropped);
    drop(answered);
    settle(&mut pair);
    let ids: Vec<_> = cancelled.try_iter().collect();
    assert_eq!(
        ids,
        [requests[0].0, requests[1].0],
        "and not that which was answered"
    );

    // The deadline of a call that waits in its own thread.
    pair.1.turn(Duration::ZERO).unwrap();
    assert_eq!(pair.0.call(&Step(4), SOON), Err(CallError::Deadline));
    settle(&mut pair);
    let (late, _) = put_off.try_recv().unwrap();
    assert_eq!(cancelled.try_iter().collect::<Vec<_>>(), [late]);

    // It may be answered all the same, to no effect.
    pair.1.answer::<Step>(late, &4).unwrap();
    settle(&mut pair);
    assert_eq!(pair.0.peer().stale_answers(), 1);
}

#[test]
fn calls_go_on_over_another_transport_and_are_done_once() {
    let (mut handlers, put_off) = putting_off();
    let done = Arc::new(AtomicU32::new(0));
    let counter = done.clone();
    handlers.answer::<Sum>(move |_, Sum(a, b)| {
        counter.fetch_add(1, Ordering::SeqCst);
        Ok(i64::from(a + b))
    });
    let (ours, stands) = standing();
    let mut pair = pair(ours, handlers);
    let step = pair.0.start(&Step(7), LONG).unwrap();
    settle(&mut pair);
    let (id, _) = put_off.try_recv().unwrap();

    // The answer to one is on its way, and so is the request of the other.
    let sum = pair.0.start(&Sum(2, 3), LONG).unwrap();
    pair.0.flush().unwrap();
    pair.1.turn(Duration::ZERO).unwrap();
    let late = pair.0.start(&Sum(20, 30), LONG).unwrap();
    pair.0.flush().unwrap();
    reconnect(&mut pair);
    settle(&mut pair);
    assert_eq!((sum.poll(), late.poll()), (Some(Ok(5)), Some(Ok(50))));
    assert_eq!(done.load(Ordering::SeqCst), 2);

    pair.1.answer::<Step>(id, &8).unwrap();
    settle(&mut pair);
    assert_eq!(step.poll(), Some(Ok(8)));
    let stood: Vec<_> = stands.try_iter().collect();
    assert_eq!(stood, ["fresh: first contact, 0 in doubt", "resumed"]);
}

#[test]
fn a_fresh_session_asks_again_what_is_repeatable_and_nothing_else() {
    let (theirs, put_off) = putting_off();
    let (ours, stands) = standing();
    let mut pair = pair(ours, theirs);
    settle(&mut pair);

    // Nobody turns the peer, which takes nothing of all this.
    let sum = pair.0.start(&Sum(2, 3), LONG).unwrap();
    let (said, heard) = mpsc::channel();
    let outcome = move |_: &mut ropeway_std::Peer<'_, Native>, outcome| said.send(outcome).unwrap();
    pair.0.call_then(&Step(1), LONG, outcome).unwrap();
    pair.0.send(&Note(1)).unwrap();

    let restarted = |handlers| {
        let (a, b) = ends(1 << 18);
        (
            a,
            node(native::listening(&config("restarted")), b, handlers),
        )
    };
    let mut handlers = sums();
    let (said, steps) = mpsc::channel();
    handlers.answer::<Step>(move |_, step| {
        said.send(step.0).unwrap();
        Ok(step.0)
    });
    let (a, b) = restarted(handlers);
    pair.0.reconnect(a).unwrap();
    pair.1 = b;
    let never_gone = pair.0.start(&Step(2), LONG).unwrap();
    settle(&mut pair);
    assert_eq!(heard.try_recv(), Ok(Err(CallError::InDoubt)), "at once");
    assert_eq!(sum.poll(), Some(Ok(5)));
    assert_eq!(never_gone.poll(), Some(Ok(2)));
    assert_eq!(steps.try_iter().collect::<Vec<_>>(), [2]);
    assert_eq!(
        stands.try_iter().collect::<Vec<_>>(),
        [
            "fresh: first contact, 0 in doubt",
            "fresh: the peer has restarted, 3 in doubt"
        ]
    );
    assert!(put_off.try_recv().is_err());
}

#[test]
fn a_call_that_waits_in_its_thread_ends_with_a_transport_that_nobody_replaces() {
    let (handlers, put_off) = putting_off();
    let (mut a, mut b) = pair(Handlers::new(), handlers);
    let gone = thread::spawn(move || b.run(|| put_off.try_recv().is_ok()).unwrap());
    assert_eq!(a.call(&Step(1), LONG), Err(CallError::LinkLost));
    assert!(a.turn(Duration::ZERO).is_err());
    gone.join().unwrap();
}

#[test]
fn requests_of_an_older_session_are_cancelled_at_their_handlers() {
    let (mut theirs, put_off) = putting_off();
    let (said, cancelled) = mpsc::channel();
    theirs.cancelled(move |_, id| said.send(id).unwrap());
    let mut pair = pair(Handlers::new(), theirs);
    let ticket = pair.0.start(&Step(1), LONG).unwrap();
    settle(&mut pair);
    let (id, _) = put_off.try_recv().unwrap();
    let (a, b) = ends(1 << 18);
    pair.0 = node(native::dialling(&config("restarted")), a, Handlers::new());
    pair.1.reconnect(b).unwrap();
    settle(&mut pair);
    assert_eq!(cancelled.try_recv(), Ok(id));
    assert_eq!(ticket.poll(), Some(Err(CallError::LinkLost)));
}

#[test]
fn what_is_in_doubt_can_be_looked_at_and_sent_again() {
    let (said, heard) = mpsc::channel();
    let mut ours = Handlers::new();
    ours.standing(move |peer, standing| {
        if let native::Standing::Fresh { in_doubt, .. } = standing {
            let mut frames = Vec::new();
            while let Some(frame) = peer.poll_in_doubt() {
                frames.push(frame.to_vec());
            }
            said.send((*in_doubt, frames)).unwrap();
        }
    });
    let keeping = Arc::new(native::config().keep_in_doubt());
    let mut pair = pair_of(&keeping, ours, &config("there"), Handlers::new());
    settle(&mut pair);
    pair.0.send(&Note(5)).unwrap();
    let sum = pair.0.start(&Sum(1, 1), LONG).unwrap();
    pair.0.flush().unwrap();
    let (a, b) = ends(1 << 18);
    pair.0.reconnect(a).unwrap();
    pair.1 = node(native::listening(&config("there")), b, sums());
    settle(&mut pair);
    let [(0, first), (2, frames)] = &heard.try_iter().collect::<Vec<_>>()[..] else {
        panic!("two sessions")
    };
    assert!(first.is_empty());
    assert_eq!(frames[0], [3, 0x10, 5]);
    assert_eq!((frames.len(), frames[1][1]), (2, 0xE8));
    assert_eq!(sum.poll(), Some(Ok(2)), "asked again beside");
}

#[test]
fn a_request_whose_deadline_has_passed_is_not_done_when_the_link_comes_back() {
    let (said, steps) = mpsc::channel();
    let mut theirs = Handlers::new();
    theirs.answer::<Step>(move |_, step| {
        said.send(step.0).unwrap();
        Ok(step.0)
    });
    let mut pair = pair(Handlers::new(), theirs);
    settle(&mut pair);
    // The cable is pulled, and plugged in again after the deadline.
    let (a, b) = ends(1 << 18);
    pair.0.reconnect(a).unwrap();
    let expired = pair.0.start(&Step(1), SOON).unwrap();
    let in_time = pair.0.start(&Step(2), LONG).unwrap();
    while expired.poll() != Some(Err(CallError::Deadline)) {
        pair.0.turn(SOON).unwrap();
    }
    pair.1.reconnect(b).unwrap();
    settle(&mut pair);
    assert_eq!(in_time.poll(), Some(Ok(2)));
    assert_eq!(steps.try_iter().collect::<Vec<_>>(), [2]);
}

#[test]
fn a_full_outbox_cancels_later_and_takes_messages_meanwhile() {
    let (mut theirs, put_off) = putting_off();
    let (said, cancelled) = mpsc::channel();
    theirs.cancelled(move |_, id| said.send(id).unwrap());
    theirs.on::<Note>(|_, _| {});
    let mut pair = pair(Handlers::new(), theirs);
    let id = pair.0.call_then(&Step(1), LONG, |_, _| {}).unwrap();
    settle(&mut pair);
    // A client without a link does not wait for room; this node is stuck since nobody turns its peer.
    let mut sent = 0;
    while pair.0.peer().send(&Note(u32::MAX)).is_ok() {
        sent += 1;
    }
    while pair.0.peer().send(&Note(1)).is_ok() {
        sent += 1;
    }
    assert_eq!(pair.0.peer().send(&Note(1)), Err(SendError::Full));
    pair.0.cancel(id);
    assert!(sent > 1000);
    for _ in 0..sent {
        settle(&mut pair);
        if let Ok(cancelled) = cancelled.try_recv() {
            assert_eq!(cancelled, put_off.try_recv().unwrap().0);
            return;
        }
    }
    panic!("it was never cancelled");
}

#[test]
fn two_nodes_that_only_send_do_not_lock_each_other() {
    let done = Arc::new(AtomicU32::new(0));
    let send_all = |mut node: Node<Native, ropeway_std::memory::End>| {
        for n in 0..20_000 {
            node.send(&Note(n)).unwrap();
        }
        while done.load(Ordering::SeqCst) < 40_000 {
            // The other may be done, and gone.
            let _ = node.turn(SOON);
        }
    };
    let counting = || {
        let (done, mut next) = (done.clone(), 0);
        let mut handlers = Handlers::new();
        handlers.on::<Note>(move |_, note| {
            assert_eq!(note.0, next);
            next += 1;
            done.fetch_add(1, Ordering::SeqCst);
        });
        handlers
    };
    let (a, b) = pair(counting(), counting());
    thread::scope(|scope| {
        scope.spawn(|| send_all(a));
        scope.spawn(|| send_all(b));
    });
}

#[test]
fn a_call_is_one_write_and_one_read_on_either_side() {
    const CALLS: u32 = 500;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let here = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (there, _) = listener.accept().unwrap();
    let counted = |native, stream, handlers| {
        let options = Options::default();
        let link = Link::over(native, Counting::new(stream), &options).unwrap();
        Node::new(link, handlers)
    };
    let mut server = counted(native::listening(&config("there")), there, sums());
    let counts = thread::spawn(move || {
        let warmed = loop {
            server.turn(LONG).unwrap();
            if server.link().transport().calls() > 10 {
                break server.link().transport().calls();
            }
        };
        while server.turn(LONG).is_ok() {}
        server.link().transport().calls() - warmed
    });
    let mut client = counted(native::dialling(&config("here")), here, Handlers::new());
    for n in 0..10 {
        assert_eq!(client.ask(&Sum(n, 1)), Ok(i64::from(n) + 1));
    }
    let warmed = client.link().transport().calls();
    for n in 0..CALLS {
        let n = i32::try_from(n).unwrap();
        assert_eq!(client.ask(&Sum(n, 1)), Ok(i64::from(n) + 1));
    }
    assert_eq!(client.link().transport().calls() - warmed, 2 * CALLS);
    drop(client);
    let counts = counts.join().unwrap();
    assert!(counts <= 2 * (CALLS + 10), "{counts}");
}

/// A socket that counts what is asked of it.
struct Counting {
    stream: TcpStream,
    calls: AtomicU32,
}

impl Counting {
    fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            calls: AtomicU32::new(0),
        }
    }

    fn calls(&self) -> u32 {
        self.calls.load(Ordering::SeqCst)
    }

    fn count(&self) -> &TcpStream {
        self.calls.fetch_add(1, Ordering::SeqCst);
        &self.stream
    }
}

impl Transport for Counting {
    fn read(&self, room: &mut [u8]) -> io::Result<usize> {
        Transport::read(self.count(), room)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        Transport::write(self.count(), bytes)
    }

    fn set_patience(&self, reads: Patience, writes: Patience) -> io::Result<()> {
        self.count().set_patience(reads, writes)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        Transport::shutdown(self.count(), how)
    }
}

/// Its answers wait for room, and nobody will ever make any.
#[test]
fn a_peer_that_goes_without_taking_its_answers_is_missed() {
    let (ours, theirs) = ends(1 << 18);
    let options = Options::default().buffer(512);
    let config = Arc::new(native::config().fit(512));
    let mut handlers = Handlers::new();
    handlers.answer::<Sum>(|_, Sum(a, b)| Ok(i64::from(a) + i64::from(b)));
    let link = Link::over(native::listening(&config), ours, &options).unwrap();
    let mut node = Node::new(link, handlers);
    let (said, heard) = mpsc::channel();
    thread::spawn(move || said.send(node.run(|| false)));
    let options = options.send_timeout(SOON);
    let mut link = Link::over(native::dialling(&config), theirs, &options).unwrap();
    let mut asked = 0;
    // It takes nothing but the opening, and asks as long as there is room.
    while !link.dialect().is_open() {
        link.recv::<native_rig::Words>(LONG).unwrap();
    }
    let request = &Sum(1, 2);
    while link
        .send(&Call {
            id: native::CallId(asked),
            request,
        })
        .is_ok()
        && asked < 300
    {
        asked += 1;
    }
    link.transport().shutdown(Shutdown::Write).unwrap();
    let ended = heard.recv_timeout(LONG).expect("it ends");
    assert!(
        matches!(ended, Err(ropeway_std::Error::Closed)),
        "{ended:?}"
    );
}

#[test]
fn a_restart_is_heard_by_who_owes_answers_and_keeps_what_is_in_doubt() {
    let doubting = native::config().name("there").keep_in_doubt();
    let options = Options::default().buffer(4096).send_timeout(SOON);
    let (a, b) = ends(1 << 18);
    let listening = native::listening(&Arc::new(doubting));
    let there = Link::over(listening, b, &options).unwrap();
    let (mut handlers, stands) = standing();
    handlers.answer::<Sum>(|_, Sum(a, b)| Ok(i64::from(a) + i64::from(b)));
    let here = node(native::dialling(&config("here")), a, Handlers::new());
    let mut pair = (here, Node::new(there, handlers));
    settle(&mut pair);

    let old: Vec<_> = (0..60)
        .map(|n| pair.0.start(&Sum(n, 100_000_000), LONG).unwrap())
        .collect();
    pair.0.turn(Duration::ZERO).unwrap();
    while pair.1.peer().send(&Step(7)).is_ok() {}
    pair.1.turn(Duration::ZERO).unwrap();

    let (a, b) = ends(1 << 18);
    pair.0 = node(native::dialling(&config("here again")), a, Handlers::new());
    drop(old);
    pair.1.reconnect(b).unwrap();
    let sum = pair.0.start(&Sum(2, 3), LONG).unwrap();
    assert_eq!(poll(&sum, &mut pair), Ok(5));
    assert_eq!(pair.0.peer().stale_answers(), 0);
    let stood = stands.try_iter().last().unwrap();
    assert!(
        stood.starts_with("fresh: the peer has restarted"),
        "{stood}"
    );
}
