//! A node: one peer, handlers and calls.

mod toy;

use ropeway_std::call::{CallError, Refused};
use ropeway_std::memory::{End, ends};
use ropeway_std::{
    Error, Event, Handlers, Link, Node, NodeHandle, Options, Polled, PostError, SendError, messages,
};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};
use toy::{Large, Name, Note, Sum, Toy, Unheard, Words};

const SOON: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(20);

/// A node, and the bare link at its other end.
fn node_and_link(handlers: Handlers<Toy>) -> (Node<Toy, End>, Link<Toy, End>) {
    let (here, there) =
        ropeway_std::memory::pair(Toy::default(), 4096, &Options::default()).unwrap();
    (Node::new(here, handlers), there)
}

fn node_over(end: End, handlers: Handlers<Toy>) -> Node<Toy, End> {
    Node::new(
        Link::over(Toy::default(), end, &Options::default()).unwrap(),
        handlers,
    )
}

/// Sums, names, and halves that can fail.
fn calculator() -> Handlers<Toy> {
    let mut handlers = Handlers::new();
    handlers
        .answer::<Sum>(|_, Sum(a, b)| {
            let sum = a
                .checked_add(b)
                .ok_or(Refused::new("OverflowError", "too large"))?;
            Ok(i64::from(sum))
        })
        .answer::<Name>(|_, Name| Ok("calculator"))
        .answer::<Large>(|_, Large(len)| Ok("x".repeat(len)));
    handlers
}

/// A node with `handlers`, served in a thread until its peer closes.
fn served(handlers: Handlers<Toy>) -> (End, thread::JoinHandle<Error>) {
    let (here, there) = ends(4096);
    let mut node = node_over(there, handlers);
    (here, thread::spawn(move || node.run(|| false).unwrap_err()))
}

fn notes() -> (Handlers<Toy>, Receiver<String>) {
    let (said, heard) = mpsc::channel();
    let mut handlers = Handlers::new();
    handlers.on::<Note>(move |_, note| said.send(note.text).unwrap());
    (handlers, heard)
}

#[test]
fn a_call_gets_its_answer_or_what_is_said_in_its_place() {
    let (here, served) = served(calculator());
    let mut node = node_over(here, Handlers::new());
    assert_eq!(node.call(&Sum(2, 3), LONG), Ok(5));
    let refused = node.call(&Sum(i32::MAX, 1), LONG);
    assert_eq!(
        refused,
        Err(CallError::Refused(Refused::new(
            "OverflowError",
            "too large"
        )))
    );
    let length = node.call_with::<Name, _>(&Name, LONG, |answer| answer.map_or(0, str::len));
    assert_eq!(length, Ok(10));
    assert_eq!(node.call(&Sum(1, 1), LONG), Ok(2));
    drop(node);
    assert!(matches!(served.join().unwrap(), Error::Closed));
}

#[test]
fn an_unknown_request_is_refused_by_name() {
    let (here, _served) = served(calculator());
    let mut node = node_over(here, Handlers::new());
    let refused = node.call(&Unheard, LONG);
    assert_eq!(
        refused,
        Err(CallError::Refused(Refused::new(
            "KeyError",
            "no handler for 0x13"
        )))
    );
}

#[test]
fn a_request_with_nothing_to_say_is_answered_with_nothing() {
    let mut handlers = Handlers::<Toy>::new();
    handlers.on::<Unheard>(|_, Unheard| {});
    let (here, _served) = served(handlers);
    let mut node = node_over(here, Handlers::new());
    assert_eq!(node.call(&Unheard, LONG), Ok(()));
}

#[test]
fn an_answer_that_cannot_be_sent_is_refused() {
    let (here, _served) = served(calculator());
    let mut node = node_over(here, Handlers::new());
    let Err(CallError::Refused(refused)) = node.call(&Large(1000), LONG) else {
        panic!("not refused")
    };
    assert!(refused.text.contains("more than"), "{refused}");
    assert_eq!(node.call(&Large(3), LONG).unwrap(), "xxx");
}

#[test]
fn both_sides_may_call_at_once() {
    let (here, there) = ends(4096);
    let call_many = |end: End| {
        let (said, heard) = mpsc::channel();
        let mut handlers = calculator();
        handlers.on::<Note>(move |_, note| said.send(note).unwrap());
        let mut node = node_over(end, handlers);
        for n in 0..500 {
            assert_eq!(node.call(&Sum(n, 1), LONG), Ok(i64::from(n) + 1));
        }
        // The other may still ask.
        node.send(&Note::new("done")).unwrap();
        while heard.try_recv().is_err() {
            node.turn(LONG).unwrap();
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| call_many(there));
        scope.spawn(|| call_many(here));
    });
}

#[test]
fn messages_that_come_during_a_call_reach_their_handlers() {
    let (handlers, heard) = notes();
    let (mut node, mut link) = node_and_link(handlers);
    let peer = thread::spawn(move || {
        let Some(Event::Request(id, Words::Sum(Sum(1, 2)))) = link.recv(LONG).unwrap() else {
            panic!("no request")
        };
        for text in ["one", "two"] {
            link.queue(&Note::new(text)).unwrap();
        }
        link.queue(&ropeway_std::message::Answer::<'_, '_, _, Sum> { id, value: &3 })
            .unwrap();
        link.send(&Note::new("three")).unwrap();
        link
    });
    assert_eq!(node.call(&Sum(1, 2), LONG), Ok(3));
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), ["one", "two"]);
    let _link = peer.join().unwrap();
    assert!(node.turn(LONG).unwrap());
    assert_eq!(heard.try_recv().unwrap(), "three");
}

#[test]
fn a_late_answer_is_nobodys() {
    let (mut node, mut link) = node_and_link(Handlers::new());
    assert_eq!(node.call(&Sum(1, 2), SOON), Err(CallError::Deadline));
    let Some(Event::Request(first, Words::Sum(Sum(1, 2)))) = link.recv(LONG).unwrap() else {
        panic!("no request")
    };
    assert_eq!(node.peer().dialect().forgotten, [first]);
    let peer = thread::spawn(move || {
        let Some(Event::Request(second, Words::Sum(Sum(3, 4)))) = link.recv(LONG).unwrap() else {
            panic!("no request")
        };
        assert_ne!(first, second);
        for (id, value) in [(first, 3), (second, 7)] {
            link.queue(&ropeway_std::message::Answer::<'_, '_, _, Sum> { id, value: &value })
                .unwrap();
        }
        link.flush().unwrap();
        link
    });
    assert_eq!(node.call(&Sum(3, 4), LONG), Ok(7));
    assert_eq!(node.peer().stale_answers(), 1);
    drop(peer.join().unwrap());
}

#[test]
fn an_answer_of_another_name_is_nobodys() {
    let (mut node, mut link) = node_and_link(Handlers::new());
    let ticket = node.start(&Sum(1, 2), LONG).unwrap();
    node.flush().unwrap();
    let Some(Event::Request(id, Words::Sum(_))) = link.recv(LONG).unwrap() else {
        panic!("no request")
    };
    link.send(&ropeway_std::message::Answer::<'_, '_, _, Unheard> { id, value: &() })
        .unwrap();
    node.turn(LONG).unwrap();
    assert_eq!(ticket.poll(), None);
    link.send(&ropeway_std::message::Answer::<'_, '_, _, Sum> { id, value: &3 })
        .unwrap();
    node.turn(LONG).unwrap();
    assert_eq!((ticket.poll(), ticket.poll()), (Some(Ok(3)), None));
}

#[test]
fn a_deadline_is_kept_however_much_is_said() {
    let (handlers, heard) = notes();
    let (here, there) = ends(4096);
    let mut node = node_over(here, handlers);
    let talker = thread::spawn(move || {
        let mut link = Link::over(Toy::default(), there, &Options::default()).unwrap();
        while link.send(&Note::new("on and on")).is_ok() {}
    });
    let start = Instant::now();
    assert_eq!(node.call(&Sum(1, 2), SOON), Err(CallError::Deadline));
    assert!(start.elapsed() >= SOON && start.elapsed() < LONG);
    assert!(heard.try_recv().is_ok());
    drop(node);
    talker.join().unwrap();
}

#[test]
fn a_lost_link_ends_all_calls_and_is_told_once() {
    let (mut node, link) = node_and_link(Handlers::new());
    let ticket = node.start(&Sum(1, 2), LONG).unwrap();
    let (said, heard) = mpsc::channel();
    node.call_then(&Sum(3, 4), LONG, move |_, outcome| {
        said.send(outcome).unwrap();
    })
    .unwrap();
    drop(link);
    assert_eq!(node.call(&Sum(5, 6), LONG), Err(CallError::LinkLost));
    assert_eq!(ticket.poll(), Some(Err(CallError::LinkLost)));
    assert_eq!(heard.try_recv().unwrap(), Err(CallError::LinkLost));
    assert!(node.turn(LONG).is_err());
}

#[test]
fn an_answer_that_is_malformed_ends_its_call_only() {
    let (mut node, mut link) = node_and_link(Handlers::new());
    let bad = node.start(&Sum(1, 2), LONG).unwrap();
    let good = node.start(&Sum(3, 4), LONG).unwrap();
    node.flush().unwrap();
    let ids = [(); 2].map(|()| match link.recv(LONG).unwrap() {
        Some(Event::Request(id, Words::Sum(_))) => id,
        other => panic!("{other:?}"),
    });
    let [low, high] = ids[0].to_le_bytes();
    use ropeway_std::transport::Transport;
    link.transport()
        .write(&[6, toy::ANSWER, low, high, 0x11, 0x80])
        .unwrap();
    link.send(&ropeway_std::message::Answer::<'_, '_, _, Sum> {
        id: ids[1],
        value: &7,
    })
    .unwrap();
    node.turn(LONG).unwrap();
    node.turn(Duration::ZERO).unwrap();
    assert!(matches!(bad.poll(), Some(Err(CallError::Malformed(_)))));
    assert_eq!(good.poll(), Some(Ok(7)));
}

#[test]
fn calls_are_limited_and_a_dropped_ticket_makes_room() {
    let (node, _link) = node_and_link(Handlers::new());
    let mut node = node.max_calls(2);
    let first = node.start(&Sum(1, 2), LONG).unwrap();
    let _second = node.start(&Sum(1, 2), LONG).unwrap();
    assert_eq!(
        node.start(&Sum(1, 2), LONG).unwrap_err(),
        CallError::TooMany
    );
    drop(first);
    let _third = node.start(&Sum(1, 2), LONG).unwrap();
    assert_eq!(node.peer().calls(), 2);
}

#[test]
fn handlers_may_call_back_and_answer_later() {
    let mut handlers = Handlers::<Toy>::new();
    handlers.answer_later::<Sum>(|peer, id, Sum(a, b)| {
        peer.call_then(&Sum(b, a), LONG, move |peer, sum| match sum {
            Ok(sum) => peer.answer::<Sum>(id, &(sum * 10)).unwrap(),
            Err(error) => peer.refuse(id, &error.into()).unwrap(),
        })?;
        Ok(())
    });
    let (here, _served) = served(handlers);
    let mut node = node_over(here, calculator());
    assert_eq!(node.call(&Sum(1, 2), LONG), Ok(30));
}

#[test]
fn messages_without_a_handler_are_looked_at_and_answered_aside() {
    let mut handlers = Handlers::<Toy>::new();
    handlers.otherwise(|aside, event| {
        let text = match event {
            Event::Unknown(unknown) => format!("unknown {}", unknown.key),
            Event::Malformed(malformed) => malformed.to_string(),
            other => format!("{other:?}"),
        };
        aside.then(move |peer| peer.send(&Note::new(text)).unwrap());
    });
    let (mut node, mut link) = node_and_link(handlers);
    link.send(&Unheard).unwrap();
    use ropeway_std::transport::Transport;
    link.transport().write(&[2, 9]).unwrap();
    link.transport().write(&[2, toy::HELLO]).unwrap();
    let mut said = Vec::new();
    while said.len() < 3 {
        node.turn(LONG).unwrap();
        while let Some(Event::Message(Words::Note(note))) = link.recv(Duration::ZERO).unwrap() {
            said.push(note.text);
        }
    }
    assert_eq!(
        said,
        [
            "unknown 0x13",
            "body ends inside the value (byte 1 of the frame at byte 3 of the stream)",
            "Notice(Hello)"
        ]
    );
}

#[test]
fn a_malformed_request_is_refused_and_the_next_one_answered() {
    let (mut node, mut link) = node_and_link(calculator());
    use ropeway_std::transport::Transport;
    link.transport()
        .write(&[6, toy::REQUEST, 5, 0, 0x11, 0x80])
        .unwrap();
    node.turn(LONG).unwrap();
    let Some(Event::Answer(5, envelope)) = link.recv::<Words>(LONG).unwrap() else {
        panic!("not refused")
    };
    assert_eq!(envelope.body.0, toy::REFUSAL);
}

#[test]
fn keys_are_matched_by_their_text() {
    let (said, heard) = mpsc::channel();
    let any = said.clone();
    let mut handlers = Handlers::<Toy>::new();
    handlers
        .on_named::<Note>("0x77", move |_, note| said.send(note.text).unwrap())
        .on_any::<Note>(move |_, _, key, note| any.send(format!("{key} {}", note.text)).unwrap());
    let (mut node, link) = node_and_link(handlers);
    let mut link = link;
    use ropeway_std::transport::Transport;
    for code in [0x77, 0x78] {
        link.transport()
            .write(&[5, toy::MESSAGE, code, 1, b'a'])
            .unwrap();
    }
    node.turn(LONG).unwrap();
    node.turn(Duration::ZERO).unwrap();
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), ["a", "0x78 a"]);
    let _ = &mut link;
}

#[test]
fn a_whole_table_is_handled_in_one_place() {
    messages! { enum Some { Sum(Sum), Note(Note) } }
    let mut handlers = Handlers::<Toy>::new();
    handlers
        .on_table::<Some>(|peer, id, said| match (id, said) {
            (Option::Some(id), Some::Sum(Sum(a, b))) => {
                peer.answer::<Sum>(id, &(i64::from(a) - i64::from(b)))
                    .unwrap();
            }
            (_, Some::Note(note)) => peer.send(&note).unwrap(),
            (None, Some::Sum(_)) => {}
        })
        .answer::<Large>(|_, Large(len)| Ok("x".repeat(len)));
    let (here, _served) = served(handlers);
    let mut node = node_over(here, Handlers::new());
    assert_eq!(node.call(&Sum(2, 3), LONG), Ok(-1));
    assert_eq!(node.call(&Large(2), LONG).unwrap(), "xx");
}

#[test]
fn a_call_waits_for_the_opening() {
    let (here, there) = ends(4096);
    let open = |end| Link::over(Toy::opening(), end, &Options::default()).unwrap();
    let mut there = Node::new(open(there), calculator());
    let mut here = Node::new(open(here), Handlers::new());
    assert!(matches!(
        here.send(&Unheard),
        Err(Error::Send(SendError::NotOpen))
    ));
    let served = thread::spawn(move || there.run(|| false));
    assert_eq!(here.call(&Sum(2, 2), LONG), Ok(4));
    drop(here);
    assert!(served.join().unwrap().is_err());
}

#[test]
fn answers_find_room_when_the_peer_reads_late() {
    let options = Options::default().buffer(64);
    let (here, there) = ends(16);
    let mut node = Node::new(
        Link::over(Toy::default(), there, &options).unwrap(),
        calculator(),
    );
    let served = thread::spawn(move || node.run(|| false));
    let mut node = Node::new(
        Link::over(Toy::default(), here, &Options::default()).unwrap(),
        Handlers::new(),
    );
    let tickets: Vec<_> = (0..60)
        .map(|n| node.start(&Sum(n, n), LONG).unwrap())
        .collect();
    for (n, ticket) in (0..).zip(&tickets) {
        let answer = loop {
            match ticket.poll() {
                Some(answer) => break answer,
                None => node.turn(LONG).unwrap(),
            };
        };
        assert_eq!(answer, Ok(2 * n));
    }
    drop(node);
    assert!(served.join().unwrap().is_err());
}

fn woken<T>(mut node: Node<Toy, T>, handle: NodeHandle<Toy>, heard: Receiver<String>)
where
    T: ropeway_std::transport::Transport + Send + Sync + 'static,
{
    let served = thread::spawn(move || node.run(|| false));
    let (done, told) = mpsc::channel();
    handle
        .post(move |peer| done.send(peer.send(&Note::new("posted"))).unwrap())
        .unwrap();
    assert_eq!(told.recv_timeout(LONG), Ok(Ok(())));
    assert_eq!(heard.recv_timeout(LONG).unwrap(), "posted");
    handle.stop();
    served.join().unwrap().unwrap();
    assert_eq!(handle.post(|_| {}), Err(PostError::Gone));
}

#[test]
fn another_thread_wakes_a_node_in_memory() {
    let (handlers, heard) = notes();
    let (here, _served) = served(handlers);
    let mut node = node_over(here, Handlers::new());
    let handle = node.handle(4);
    woken(node, handle, heard);
}

#[test]
fn another_thread_wakes_a_node_on_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    let (handlers, heard) = notes();
    let link = Link::new(Toy::default(), accepted, &Options::default()).unwrap();
    let mut other = Node::new(link, handlers);
    let _other = thread::spawn(move || other.run(|| false));
    let polled = Polled::new(stream).unwrap();
    let link = Link::over(Toy::default(), polled, &Options::default()).unwrap();
    let mut node = Node::new(link, Handlers::new());
    let handle = node.handle(4);
    woken(node, handle, heard);
}

#[test]
fn a_ticket_ends_with_its_node() {
    let (mut node, _link) = node_and_link(Handlers::new());
    let ticket = node.start(&Sum(1, 2), LONG).unwrap();
    drop(node);
    assert_eq!(ticket.poll(), Some(Err(CallError::LinkLost)));
}

#[test]
fn a_deadline_holds_while_the_peer_reads_nothing() {
    let (here, there) = ends(16);
    let (said, heard) = mpsc::channel();
    thread::spawn(move || {
        let options = Options::default().buffer(256).max_message(256);
        let link = Link::over(Toy::default(), here, &options).unwrap();
        let mut node = Node::new(link, Handlers::new());
        said.send(node.call(&Sum(1, 2), SOON)).unwrap();
        while node.start(&Sum(1, 2), LONG).is_ok() {}
        said.send(node.call(&Sum(1, 2), SOON)).unwrap();
    });
    for _ in 0..2 {
        assert_eq!(heard.recv_timeout(LONG), Ok(Err(CallError::Deadline)));
    }
    drop(there);
}

#[test]
fn who_stops_a_node_stops_no_call() {
    let (here, _served) = served(calculator());
    let mut node = node_over(here, Handlers::new());
    let handle = node.handle(4);
    handle.stop();
    assert!(node.open(LONG).unwrap());
    assert_eq!(node.call(&Sum(2, 3), LONG), Ok(5));
    node.run(|| false).unwrap();
}

#[test]
fn posts_push_back_when_there_are_too_many() {
    let (mut node, _link) = node_and_link(Handlers::new());
    let handle = node.handle(2);
    handle.post(|_| {}).unwrap();
    handle.clone().post(|_| {}).unwrap();
    assert_eq!(handle.post(|_| {}), Err(PostError::Full));
    assert!(node.turn(LONG).unwrap());
    handle.post(|_| {}).unwrap();
}

#[test]
fn a_handler_may_end_the_link_after_its_answer() {
    let mut handlers = Handlers::<Toy>::new();
    handlers.answer::<Name>(|peer, Name| {
        peer.close();
        Ok("bye")
    });
    let (here, served) = served(handlers);
    let mut node = node_over(here, Handlers::new());
    let answer = node.call_with::<Name, _>(&Name, LONG, |answer| answer.unwrap().to_owned());
    assert_eq!(answer.as_deref(), Ok("bye"));
    assert!(matches!(node.turn(LONG), Err(Error::Closed)));
    drop(node);
    assert!(matches!(served.join().unwrap(), Error::Closed));
}
