use super::{Number, PATIENT, Sum, Wait, Words, config, links, nodes};
use ropeway_std::call::CallError;
use ropeway_std::dialect::cable_car::{CableCarByte, Code, Raw};
use ropeway_std::native::{CallId, Native};
use ropeway_std::tokio::{Event, Events, Handle, Link, Node, Stream};
use ropeway_std::{Error, Handlers, Options};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::time::{sleep, timeout};

/// A handle on a node whose peer's events are to be taken.
fn ends(capacity: usize) -> (Handle<Native>, Handle<Native>, Events<Words, CallId>) {
    let (here, there) = links(config(), 4096);
    let here = drive(Node::new(here, Handlers::new()));
    let mut there = Node::new(there, Handlers::new());
    let events = there.events(capacity);
    (here, drive(there), events)
}

fn drive(node: Node<Native>) -> Handle<Native> {
    let (driver, handle) = node.drive();
    tokio::spawn(driver.run());
    handle
}

async fn next_number(events: &mut Events<Words, CallId>) -> u32 {
    loop {
        match events.recv().await.unwrap() {
            Event::Message(Words::Number(Number(number))) => return number,
            Event::Fresh { .. } | Event::Resumed => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_calls_are_under_way_at_once() {
    let (here, there) = nodes();
    let (here, there) = (drive(here), drive(there));
    let calls = (0..64).map(|task| {
        let (here, there) = (here.clone(), there.clone());
        tokio::spawn(async move {
            for number in 0..50 {
                let sum = here.call(&Sum(task, number), PATIENT).await;
                assert_eq!(sum, Ok(i64::from(task + number)));
                // The other side may call too, at the same time.
                let unhandled = there.call(&Sum(1, 1), PATIENT).await;
                assert_eq!(unhandled, Err(CallError::Unhandled));
            }
        })
    });
    let calls: Vec<_> = calls.collect();
    for call in calls {
        call.await.unwrap();
    }
}

#[tokio::test]
async fn who_waits_for_room_hears_of_it_whoever_made_it() {
    let (here, mut there) = tokio::io::duplex(64);
    let here = Link::over(CableCarByte, Stream::new(here), &Options::default()).unwrap();
    let (driver, here) = Node::new(here, Handlers::new()).drive();
    tokio::spawn(driver.run());
    let raw = |body| Raw {
        code: Code(0x10),
        body,
    };
    here.send(&raw(&[7; 100])).await.unwrap();
    let flushing = tokio::spawn({
        let here = here.clone();
        async move { here.flush().await }
    });
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    there.read_exact(&mut [0; 64]).await.unwrap();
    here.send(&raw(&[7])).await.unwrap();
    assert_eq!(here.queued(), 0);
    timeout(PATIENT, flushing).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn requests_are_answered_in_any_order() {
    let (here, there, mut events) = ends(100);
    let calls: Vec<_> = (0..64)
        .map(|number| {
            let here = here.clone();
            tokio::spawn(async move { here.call(&Wait(number), PATIENT).await })
        })
        .collect();
    let mut open = Vec::new();
    while open.len() < 64 {
        if let Event::Request(id, Words::Wait(Wait(number))) = events.recv().await.unwrap() {
            open.push((id, number));
        }
    }
    assert!(matches!(
        here.call(&Wait(64), PATIENT).await,
        Err(CallError::TooMany)
    ));
    for (id, number) in open.into_iter().rev() {
        there.answer::<Wait>(id, &(number * 2)).await.unwrap();
    }
    for (number, call) in (0..).zip(calls) {
        assert_eq!(call.await.unwrap(), Ok(number * 2));
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_is_cancelled_at_the_peer() {
    let (here, _there, mut events) = ends(8);
    let call = here.call(&Wait(1), PATIENT);
    assert!(timeout(Duration::from_secs(1), call).await.is_err());
    let mut asked = None;
    loop {
        match timeout(PATIENT, events.recv()).await.unwrap().unwrap() {
            Event::Request(id, _) => asked = Some(id),
            Event::Cancelled(id) => break assert_eq!(asked, Some(id)),
            _ => {}
        }
    }
    let late = here.call(&Wait(2), Duration::from_secs(1)).await;
    assert_eq!(late, Err(CallError::Deadline));
}

#[tokio::test(start_paused = true)]
async fn events_that_nobody_takes_push_back() {
    let (here, there, mut events) = ends(4);
    let mut sent = 0;
    while timeout(PATIENT, here.send(&Number(sent))).await.is_ok() {
        sent += 1;
    }
    // As much as both buffers hold, and no more.
    assert!((10_000..60_000).contains(&sent), "{sent}");
    for number in 0..sent {
        assert_eq!(next_number(&mut events).await, number);
    }
    here.flush().await.unwrap();
    assert_eq!((here.queued(), there.queued()), (0, 0));
}

#[tokio::test]
async fn answers_come_while_another_task_is_slow() {
    let (here, there) = links(config(), 4096);
    let here = drive(Node::new(here, super::adder()));
    let mut there = Node::new(there, Handlers::new());
    let mut events = there.events::<Words>(8);
    let there = drive(there);
    for number in 0..3 {
        here.send(&Number(number)).await.unwrap();
    }
    // Nobody takes those, and the answer comes nevertheless.
    assert_eq!(there.call(&Sum(2, 3), PATIENT).await, Ok(5));
    assert_eq!(next_number(&mut events).await, 0);
}

#[tokio::test]
async fn requests_that_nobody_takes_are_refused() {
    let (here, _there, events) = ends(1);
    drop(events);
    for _ in 0..10 {
        here.send(&Number(1)).await.unwrap();
        assert_eq!(
            here.call(&Wait(1), PATIENT).await,
            Err(CallError::Unhandled)
        );
    }
}

#[tokio::test]
async fn closing_says_all_that_was_queued() {
    let (here, _there, mut events) = ends(10_000);
    for number in 0..5_000 {
        here.send(&Number(number)).await.unwrap();
    }
    let closed = tokio::spawn({
        let here = here.clone();
        async move { here.close(PATIENT).await }
    });
    for number in 0..5_000 {
        assert_eq!(next_number(&mut events).await, number);
    }
    assert!(closed.await.unwrap().unwrap());
    assert!(events.recv().await.is_none());
    assert!(matches!(here.send(&Number(1)).await, Err(Error::Closed)));
    assert_eq!(here.call(&Wait(1), PATIENT).await, Err(CallError::LinkLost));
    assert!(matches!(here.close(PATIENT).await, Err(Error::Closed)));
}

#[tokio::test]
async fn a_driver_that_is_dropped_ends_its_calls() {
    let (here, _there, mut events) = ends(8);
    let (near, _far) = links(config(), 4096);
    let (driver, lonely) = Node::new(near, Handlers::new()).drive();
    let driver = tokio::spawn(driver.run());
    let call = tokio::spawn(async move { lonely.call(&Wait(1), PATIENT).await });
    let full = tokio::spawn({
        let here = here.clone();
        async move { while here.send(&Number(1)).await.is_ok() {} }
    });
    sleep(Duration::from_millis(20)).await;
    driver.abort();
    assert_eq!(call.await.unwrap(), Err(CallError::LinkLost));
    // The peer of the others goes, and so do those who wait for room.
    while events.poll().is_some() {}
    drop(events);
    let _ = here.close(Duration::from_millis(50)).await;
    full.await.unwrap();
}
