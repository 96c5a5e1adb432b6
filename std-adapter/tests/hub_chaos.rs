//! Peers that misbehave in every way at once, and one that does not.

mod toy;

use ropeway_std::hub::{Hub, Limits, News};
use ropeway_std::{Handlers, Link, Node, Options};
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use toy::{Note, Sum, Toy};

const LONG: Duration = Duration::from_secs(20);

#[test]
fn nobody_is_disturbed_by_others() {
    let seed = RandomState::new().hash_one(0);
    println!("seed {seed}");
    let counts = Arc::new(Mutex::new((0, 0, 0)));
    let counted = counts.clone();
    let mut handlers = Handlers::<Toy>::new();
    handlers
        .on::<Note>(|peer, note| peer.send(&note).unwrap_or_default())
        .answer::<Sum>(|_, Sum(a, b)| Ok(i64::from(a) + i64::from(b)))
        .news(move |_, news| {
            let mut counts = counted.lock().unwrap();
            match news {
                News::Joined(_) => counts.0 += 1,
                News::Left(..) => counts.1 += 1,
                News::TurnedAway(..) => counts.2 += 1,
                other => panic!("{other:?}"),
            }
        });
    let options = Options::default().buffer(512).max_message(4096);
    let limits = Limits::default()
        .peers(12)
        .queue(2048)
        .burst(4)
        .idle(Duration::from_secs(5))
        .linger(Duration::from_millis(20));
    let mut hub = Hub::new(|_| Toy::default(), options.clone(), limits)
        .unwrap()
        .with_handlers(handlers);
    let listener = hub.listen("127.0.0.1:0").unwrap();
    let address = hub.address(listener).unwrap();
    // The good one comes first, so that there is room for it.
    let link = Link::new(
        Toy::default(),
        TcpStream::connect(address).unwrap(),
        &options,
    )
    .unwrap();
    let mut good = Node::new(link, Handlers::new());
    while hub.is_empty() {
        hub.turn(LONG).unwrap();
    }
    let handle = hub.handle();
    let served = thread::spawn(move || {
        hub.run(|| false).unwrap();
        hub
    });
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for n in 0..8 {
            let done = &done;
            scope.spawn(move || {
                let mut random = Random(seed.wrapping_add(n).max(1));
                while !done.load(Ordering::SeqCst) {
                    misbehave(address, &mut random);
                }
            });
        }
        for n in 0..3000 {
            let sum = good.call(&Sum(n, 1), LONG);
            if n == 2999 || sum != Ok(i64::from(n) + 1) {
                done.store(true, Ordering::SeqCst);
            }
            assert_eq!(sum, Ok(i64::from(n) + 1));
        }
    });
    handle.stop();
    let mut hub = served.join().unwrap();
    hub.shutdown(LONG).unwrap();
    assert!(hub.is_empty());
    let (joined, left, _) = *counts.lock().unwrap();
    assert_eq!(joined, left);
    assert!(joined > 1);
}

/// Says something, or nothing, and goes in some way. What becomes of it is of no interest.
fn misbehave(address: SocketAddr, random: &mut Random) {
    let Ok(mut stream) = TcpStream::connect(address) else {
        return;
    };
    let _ = stream.set_nonblocking(random.below(2) == 0);
    for _ in 0..random.below(6) {
        let _ = match random.below(6) {
            0 => stream.write(&[7, toy::REQUEST, 1, 0, 0x11, 2, 2]),
            1 => stream.write(&[5, toy::MESSAGE, 0x10, 1, b'a'].repeat(random.below(500))),
            2 => stream.write(&[9, toy::MESSAGE, 0x10, 200]),
            3 => stream.write(&random.bytes()),
            4 => stream.write(&[2, toy::BYE]),
            _ => {
                let _ = stream.set_read_timeout(Some(Duration::from_millis(1)));
                stream.read(&mut [0; 64])
            }
        };
    }
    let _ = match random.below(4) {
        0 => stream.shutdown(Shutdown::Write),
        1 => stream.shutdown(Shutdown::Read),
        2 => socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)),
        _ => Ok(()),
    };
    if random.below(3) == 0 {
        let _ = stream.set_nonblocking(false);
        let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
        while stream.read(&mut [0; 64]).is_ok_and(|len| len > 0) {}
    }
}

/// Xorshift, from Marsaglia's paper.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    fn bytes(&mut self) -> Vec<u8> {
        (0..self.below(40))
            .map(|_| self.next().to_le_bytes()[0])
            .collect()
    }
}
