use super::{Number, PATIENT, Words, config, links};
use ropeway_std::dialect::cable_car::{CableCarByte, Code, Raw};
use ropeway_std::native::{Notice, Rule};
use ropeway_std::tokio::{Link, Listener, Stream};
use ropeway_std::{Error, Event, Options, SendError, native};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

fn raw(body: &[u8]) -> Raw<'_> {
    Raw {
        code: Code(0x10),
        body,
    }
}

#[tokio::test]
async fn carries_another_protocol_over_sockets() {
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let options = Options::default();
    let (here, there) = tokio::join!(
        Link::connect(CableCarByte, listener.address()),
        listener.accept(CableCarByte, &options)
    );
    let (mut here, mut there) = (here.unwrap(), there.unwrap());
    assert!(here.address().unwrap().ip().is_loopback());
    for number in 0..1000_u32 {
        here.queue(&raw(&number.to_le_bytes())).await.unwrap();
    }
    here.flush().await.unwrap();
    for number in 0..1000_u32 {
        let event = there.recv::<Raw<'_>>().await.unwrap();
        assert!(matches!(event, Event::Message(raw) if raw.body == number.to_le_bytes()));
    }
    let closed = tokio::spawn(here.close(PATIENT));
    assert!(matches!(there.recv::<Raw<'_>>().await, Err(Error::Closed)));
    drop(there);
    assert!(closed.await.unwrap().unwrap());
}

#[tokio::test]
async fn a_peer_that_does_not_read_pushes_back() {
    let (here, there) = tokio::io::duplex(64);
    let options = Options::default().buffer(256).max_message(256);
    let mut here = Link::over(CableCarByte, Stream::new(here), &options).unwrap();
    let mut there = Link::over(CableCarByte, Stream::new(there), &options).unwrap();
    let body = [7; 100];
    let mut sent = 0;
    while here.try_queue(&raw(&body)).is_ok() {
        sent += 1;
    }
    assert_eq!(here.try_queue(&raw(&body)), Err(SendError::Full));
    assert_eq!(once(here.flush()), None);
    assert_eq!(once(here.queue(&raw(&body))), None);
    let reading = async {
        for _ in 0..sent {
            there.recv::<Raw<'_>>().await.unwrap();
        }
    };
    let (flushed, ()) = tokio::join!(here.flush(), reading);
    flushed.unwrap();
}

/// Polls a future once and drops it.
fn once<T>(future: impl Future<Output = T>) -> Option<()> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    pin!(future).poll(&mut context).is_ready().then_some(())
}

#[tokio::test(start_paused = true)]
async fn a_dropped_wait_loses_nothing() {
    const MESSAGES: u32 = 500;
    let (here, there) = tokio::io::duplex(7);
    let options = Options::default().buffer(512).max_message(512);
    let config = Arc::new(config().fit(512));
    let mut here = Link::over(native::dialling(&config), Stream::new(here), &options).unwrap();
    let mut there = Link::over(native::listening(&config), Stream::new(there), &options).unwrap();
    let moment = Duration::from_millis(1);
    let sending = async {
        for number in 0..MESSAGES {
            while once(here.queue(&Number(number))).is_none() {
                let _ = timeout(moment, here.recv::<Words>()).await;
            }
        }
        while here.queued() > 0 {
            let _ = once(here.flush());
            let _ = timeout(moment, here.recv::<Words>()).await;
        }
    };
    let receiving = async {
        let mut received = Vec::new();
        while received.len() < MESSAGES.try_into().unwrap() {
            match timeout(moment, there.recv::<Words>()).await {
                Ok(Ok(Event::Message(Words::Number(Number(number))))) => received.push(number),
                Ok(Err(error)) => panic!("{error:?}"),
                Ok(_) | Err(_) => {}
            }
        }
        // That they were taken is still to be said.
        let _ = timeout(PATIENT, there.recv::<Words>()).await;
        received
    };
    let ((), received) = tokio::join!(sending, receiving);
    assert_eq!(received, (0..MESSAGES).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn promises_of_silence_are_kept_while_links_wait() {
    let (mut here, mut there) = links(config().silence(Duration::from_secs(2)), 4096);
    let quiet = async {
        tokio::select! {
            () = listen_on(&mut here) => {}
            () = listen_on(&mut there) => {}
        }
    };
    assert!(timeout(Duration::from_secs(3600), quiet).await.is_err());
    // From here on nobody turns the other link.
    let mut is_lost = false;
    while !is_lost {
        let event = timeout(PATIENT, here.recv::<Words>()).await.unwrap();
        is_lost = matches!(event, Ok(Event::Notice(Notice::Broken(Rule::Silent))));
        assert!(is_lost || event.is_ok(), "{event:?}");
    }
}

async fn listen_on(link: &mut Link<ropeway_std::native::Native>) {
    loop {
        match link.recv::<Words>().await {
            Ok(Event::Notice(Notice::Met(_) | Notice::Opened(_))) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_session_goes_on_over_another_stream() {
    let (mut here, mut there) = links(config(), 4096);
    here.queue(&Number(1)).await.unwrap();
    for _ in 0..2 {
        let (near, far) = tokio::io::duplex(4096);
        here.reconnect(Stream::new(near));
        there.reconnect(Stream::new(far));
    }
    let taking = async {
        loop {
            if let Event::Message(message) = there.recv::<Words>().await.unwrap() {
                break assert_eq!(message, Words::Number(Number(1)));
            }
        }
    };
    tokio::select! {
        () = taking => {}
        () = listen_on(&mut here) => {}
    }
}
