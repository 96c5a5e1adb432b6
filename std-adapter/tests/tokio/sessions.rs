use super::{Number, PATIENT, Sum, Words, adder, config, cuts};
use ropeway_std::call::CallError;
use ropeway_std::native::{self, Backoff, Native};
use ropeway_std::tokio::{Dial, Event, Link, Listener, Node, Stream};
use ropeway_std::{Error, Handlers, Options, messages};
use serde::{Deserialize, Serialize};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

/// Small numbers from a seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % limit
    }
}

/// Serves one peer for ever, over whatever streams come.
async fn serve(mut node: Node<Native>, mut streams: UnboundedReceiver<Stream>) {
    loop {
        tokio::select! {
            _ = node.run() => match streams.recv().await {
                Some(stream) => node.reconnect(stream),
                None => return,
            },
            stream = streams.recv() => match stream {
                Some(stream) => node.reconnect(stream),
                None => return,
            },
        }
    }
}

fn listening(handlers: Handlers<Native>, options: &Options) -> Node<Native> {
    let native = native::listening(&Arc::new(
        config().window(700).silence(Duration::from_secs(3)),
    ));
    let (stream, _) = tokio::io::duplex(1);
    Node::new(
        Link::over(native, Stream::new(stream), options).unwrap(),
        handlers,
    )
}

/// Streams that are cut at random.
fn dial(streams: UnboundedSender<Stream>, mut chance: Chance) -> Dial {
    let mut cuts = 0;
    Dial::over(move || {
        cuts += 1;
        // In the end one lasts.
        let bytes = match cuts < 60 {
            true => i64::try_from(chance.below(900)).unwrap(),
            false => i64::MAX,
        };
        let capacity = usize::try_from(1 + chance.below(300)).unwrap();
        let (here, there) = cuts::pair(capacity, bytes);
        let gone = streams.send(Stream::new(there)).is_err();
        let refused = chance.below(5) == 0;
        async move {
            match gone || refused {
                true => Err(io::ErrorKind::ConnectionRefused.into()),
                false => Ok(Stream::new(here)),
            }
        }
    })
}

#[tokio::test(start_paused = true)]
async fn every_message_comes_once_and_in_order_whatever_is_cut() {
    let seeds = match std::env::var("ROPEWAY_SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => (0..40).collect(),
    };
    for seed in seeds {
        println!("ROPEWAY_SEED={seed}");
        exchange(seed).await;
    }
}

async fn exchange(seed: u64) {
    const MESSAGES: u32 = 150;
    let options = Options::default().buffer(1024).max_message(1024);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let (mut handlers, numbers) = (adder(), heard.clone());
    handlers.on::<Number>(move |_, Number(number)| numbers.lock().unwrap().push(number));
    let (streams, coming) = unbounded_channel();
    let server = tokio::spawn(serve(listening(handlers, &options), coming));

    let config = Arc::new(config().window(700).silence(Duration::from_secs(3)));
    let dial = dial(streams, Chance(seed)).options(&options);
    let (driver, handle) = dial.client(&config, Handlers::new()).unwrap().drive();
    let driver = tokio::spawn(driver.run());
    let calls: Vec<_> = (0..4)
        .map(|task| {
            let handle = handle.clone();
            tokio::spawn(async move {
                for number in 0..20 {
                    let sum = handle.call(&Sum(task, number), Duration::MAX).await;
                    assert_eq!(sum, Ok(i64::from(task + number)));
                }
            })
        })
        .collect();
    for number in 0..MESSAGES {
        handle.send(&Number(number)).await.unwrap();
    }
    for call in calls {
        call.await.unwrap();
    }
    handle.flush().await.unwrap();
    assert_eq!(*heard.lock().unwrap(), (0..MESSAGES).collect::<Vec<_>>());
    assert!(handle.close(PATIENT).await.unwrap());
    driver.await.unwrap().unwrap();
    server.await.unwrap();
}

#[tokio::test]
async fn a_client_finds_its_server_again() {
    let options = Options::default();
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.address();
    let (streams, coming) = unbounded_channel();
    let server = tokio::spawn(serve(listening(adder(), &options), coming));
    let backoff = Backoff::default().last(Duration::from_millis(20));
    let mut client = Dial::new(address)
        .backoff(backoff)
        .client(&Arc::new(config()), Handlers::new())
        .unwrap();
    let mut events = client.events::<Words>(64);
    let (driver, handle) = client.drive();
    let driver = tokio::spawn(driver.run());

    let before = handle.call(&Sum(1, 2), PATIENT);
    let ((), before) = tokio::join!(
        async {
            streams
                .send(listener.stream(&options).await.unwrap())
                .unwrap();
        },
        before
    );
    assert_eq!(before, Ok(3));
    // The next connection is cut before anything is said.
    streams.send(Stream::new(tokio::io::duplex(1).0)).unwrap();
    drop(listener.stream(&options).await.unwrap());
    let after = handle.call(&Sum(3, 4), PATIENT);
    let ((), after) = tokio::join!(
        async {
            streams
                .send(listener.stream(&options).await.unwrap())
                .unwrap();
        },
        after
    );
    assert_eq!(after, Ok(7));
    assert!(handle.is_open());
    assert!(handle.close(PATIENT).await.unwrap());
    driver.await.unwrap().unwrap();
    let mut heard = Vec::new();
    while let Some(event) = events.recv().await {
        heard.push(match event {
            Event::Connected => 'c',
            Event::Fresh { .. } => 'f',
            Event::Resumed => 'r',
            Event::Lost { .. } => 'l',
            other => panic!("{other:?}"),
        });
    }
    let heard: String = heard.into_iter().collect();
    assert!(
        heard.starts_with("cflc") && heard.ends_with("lcr"),
        "{heard}"
    );
    server.abort();
}

#[tokio::test(start_paused = true)]
async fn a_client_waits_longer_and_longer_and_keeps_what_is_said() {
    let tries = Arc::new(Mutex::new(Vec::new()));
    let times = tries.clone();
    let dial = Dial::over(move || {
        times.lock().unwrap().push(Instant::now());
        async { Err(io::ErrorKind::ConnectionRefused.into()) }
    });
    let start = Instant::now();
    let client = dial.client(&Arc::new(config()), Handlers::new()).unwrap();
    let (driver, handle) = client.drive();
    tokio::spawn(driver.run());
    handle.send(&Number(1)).await.unwrap();
    let call = handle.call(&Sum(1, 2), Duration::from_secs(600)).await;
    assert_eq!(call, Err(CallError::Deadline));
    assert_eq!(start.elapsed().as_secs(), 600);
    let tries = tries.lock().unwrap().len();
    // Full jitter: half of at most 5 s between them, most of the time.
    assert!((120..480).contains(&tries), "{tries}");
    assert!(handle.queued() > 0);
    assert!(!handle.close(PATIENT).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_open_the_link_is_dialled_again() {
    let dial = Dial::over(|| async {
        let (here, there) = tokio::io::duplex(64);
        // Somebody is there, and says nothing.
        tokio::spawn(async move {
            let _there = there;
            std::future::pending::<()>().await;
        });
        Ok(Stream::new(here))
    });
    let mut client = dial.client(&Arc::new(config()), Handlers::new()).unwrap();
    let mut events = client.events::<Words>(64);
    let (driver, _handle) = client.drive();
    tokio::spawn(driver.run());
    for _ in 0..5 {
        assert!(matches!(events.recv().await, Some(Event::Connected)));
        match events.recv().await {
            Some(Event::Lost { why, .. }) => assert!(why.contains("does not open"), "{why}"),
            other => panic!("{other:?}"),
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Other(u8);

messages! { enum Others { Other(Other) = 0x10 } }

#[tokio::test(start_paused = true)]
async fn a_peer_with_other_messages_is_given_up() {
    let options = Options::default();
    let (streams, coming) = unbounded_channel();
    tokio::spawn(serve(listening(adder(), &options), coming));
    let others = native::config().registry(Others::ENTRIES, native::Policy::Enforce);
    let dial = Dial::over(move || {
        let (here, there) = tokio::io::duplex(4096);
        streams.send(Stream::new(there)).unwrap();
        async move { Ok(Stream::new(here)) }
    });
    let mut client = dial.client(&Arc::new(others), Handlers::new()).unwrap();
    assert!(matches!(client.run().await, Err(Error::Ended(_))));
    assert!(matches!(client.run().await, Err(Error::Closed)));
}
