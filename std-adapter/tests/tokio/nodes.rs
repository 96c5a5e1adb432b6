use super::{Number, PATIENT, Sum, Wait, adder, config, links, nodes};
use ropeway_std::call::{CallError, Refused};
use ropeway_std::tcptalks::{Dialect, Values};
use ropeway_std::tokio::{Link, Listener, Node, Stream};
use ropeway_std::{Error, Handlers, Options, native};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::timeout;

#[tokio::test]
async fn calls_over_sockets() {
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let (config, options) = (Arc::new(config()), Options::default());
    let here = Link::connect(native::dialling(&config), listener.address());
    let there = listener.accept(native::listening(&config), &options);
    let (here, there) = tokio::join!(here, there);
    let mut there = Node::new(there.unwrap(), adder());
    tokio::spawn(async move { there.run().await });
    let mut here = Node::new(here.unwrap(), Handlers::new());
    for number in 0..100 {
        let sum = here.call(&Sum(number, 1), PATIENT).await;
        assert_eq!(sum, Ok(i64::from(number) + 1));
    }
    let unhandled = here.call(&Wait(1), PATIENT).await;
    assert_eq!(unhandled, Err(CallError::Unhandled));
    assert!(here.close(PATIENT).await.unwrap());
}

#[tokio::test]
async fn calls_in_another_protocol() {
    let (here, there) = tokio::io::duplex(4096);
    let options = Options::default();
    let mut handlers = Handlers::new();
    handlers.answer::<Sum>(|_, Sum(a, b)| match a + b {
        0 => Err(Refused::new("ValueError", "nothing")),
        sum => Ok(sum.into()),
    });
    let there = Link::over(
        Dialect::listening(Values::new(1000), 1),
        Stream::new(there),
        &options,
    );
    let mut there = Node::new(there.unwrap(), handlers);
    tokio::spawn(async move { there.run().await });
    let here = Link::over(
        Dialect::dialling(Values::new(1000), 2),
        Stream::new(here),
        &options,
    );
    let mut here = Node::new(here.unwrap(), Handlers::new());
    here.open().await.unwrap();
    assert_eq!(here.call(&Sum(40, 2), PATIENT).await, Ok(42));
    match here.call(&Sum(1, -1), PATIENT).await {
        Err(CallError::Refused(refused)) => assert_eq!(refused.text, "nothing"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_call_swallows_no_other_message() {
    let (here, there) = links(config(), 4096);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let (mut handlers, numbers) = (Handlers::new(), heard.clone());
    handlers.on::<Number>(move |_, Number(number)| numbers.lock().unwrap().push(number));
    let mut here = Node::new(here, handlers);
    let mut handlers = Handlers::new();
    let mut next = 0;
    handlers.answer::<Sum>(move |peer, Sum(a, b)| {
        for _ in 0..3 {
            peer.send(&Number(next))?;
            next += 1;
        }
        Ok(i64::from(a + b))
    });
    let mut there = Node::new(there, handlers);
    tokio::spawn(async move { there.run().await });
    for number in 0..10 {
        assert_eq!(here.call(&Sum(number, 0), PATIENT).await, Ok(number.into()));
    }
    assert_eq!(*heard.lock().unwrap(), (0..30).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_is_cancelled() {
    let cancelled = Arc::new(AtomicU32::new(0));
    let (counter, mut handlers) = (cancelled.clone(), Handlers::new());
    handlers
        .answer_later::<Wait>(|_, _, _| Ok(()))
        .cancelled(move |_, _| {
            counter.fetch_add(1, Ordering::Relaxed);
        });
    let (near, there) = links(config(), 4096);
    let mut here = Node::new(near, Handlers::new());
    let mut there = Node::new(there, handlers);
    tokio::spawn(async move { there.run().await });
    let call = here.call(&Wait(1), PATIENT);
    assert!(timeout(Duration::from_secs(1), call).await.is_err());
    let deadline = here.call(&Wait(2), Duration::from_secs(1)).await;
    assert_eq!(deadline, Err(CallError::Deadline));
    assert!(here.close(PATIENT).await.unwrap());
    assert_eq!(cancelled.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_node_that_was_not_run_to_its_end_goes_on() {
    let (mut here, mut there) = nodes();
    let calls = async {
        for number in 0..100 {
            assert_eq!(
                here.call(&Sum(number, 1), PATIENT).await,
                Ok(i64::from(number) + 1)
            );
        }
    };
    tokio::pin!(calls);
    loop {
        tokio::select! {
            biased;
            () = &mut calls => break,
            stepped = there.step() => stepped.unwrap(),
            () = tokio::task::yield_now() => {}
        }
    }
}

#[tokio::test]
async fn what_came_before_the_end_is_delivered() {
    let (here, there) = tokio::io::duplex(4096);
    let options = Options::default();
    let heard = Arc::new(AtomicU32::new(0));
    let (counter, mut handlers) = (heard.clone(), Handlers::new());
    handlers.on::<ropeway_std::dialect::cable_car::Join>(move |_, _| {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    let dialect = ropeway_std::dialect::cable_car::CableCarByte;
    let mut here = Link::over(dialect, Stream::new(here), &options).unwrap();
    for _ in 0..500 {
        here.queue(&ropeway_std::dialect::cable_car::Join)
            .await
            .unwrap();
    }
    here.flush().await.unwrap();
    drop(here);
    let mut there = Node::new(
        Link::over(dialect, Stream::new(there), &options).unwrap(),
        handlers,
    );
    assert!(matches!(there.run().await, Err(Error::Closed)));
    assert_eq!(heard.load(Ordering::Relaxed), 500);
}

#[tokio::test]
async fn a_handler_may_end_the_link() {
    let (here, there) = links(config(), 4096);
    let mut handlers = Handlers::new();
    handlers.on::<Number>(|peer, _| {
        peer.send(&Number(7)).unwrap();
        peer.close();
    });
    let mut there = Node::new(there, handlers);
    let there = tokio::spawn(async move { there.run().await });
    let heard = Arc::new(AtomicU32::new(0));
    let (number, mut handlers) = (heard.clone(), Handlers::new());
    handlers.on::<Number>(move |_, Number(heard)| number.store(heard, Ordering::Relaxed));
    let mut here = Node::new(here, handlers);
    here.send(&Number(1)).await.unwrap();
    assert!(here.run().await.is_err());
    drop(here);
    assert!(there.await.unwrap().is_err());
    assert_eq!(heard.load(Ordering::Relaxed), 7);
}

#[tokio::test]
async fn what_a_stream_would_keep_back_is_flushed() {
    let (here, there) = tokio::io::duplex(16);
    let config = Arc::new(config());
    let link = |native, stream| {
        let stream = Stream::new(tokio::io::BufStream::new(stream));
        Link::over(native, stream, &Options::default()).unwrap()
    };
    let mut there = Node::new(link(native::listening(&config), there), adder());
    tokio::spawn(async move { there.run().await });
    let mut here = Node::new(link(native::dialling(&config), here), Handlers::new());
    let sum = timeout(PATIENT, here.call(&Sum(2, 3), PATIENT)).await;
    assert_eq!(sum.unwrap(), Ok(5));
}
