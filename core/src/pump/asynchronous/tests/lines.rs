//! Sessions over a serial line that garbles, driven by links and their timers.

use super::*;
use crate::dialect::native::{Config, Native, Notice};
use crate::wire::serial::Serial;

/// The end of a line at which about one byte of two hundred comes changed.
struct Noisy {
    end: End,
    turns: u32,
}

type Line =
    AsyncLink<Native<Config>, Noisy, End, [u8; 512], [u8; 512], Serial<[u8; 512], [u8; 512]>>;

impl embedded_io_async::ErrorType for Noisy {
    type Error = Infallible;
}

impl Read for Noisy {
    async fn read(&mut self, room: &mut [u8]) -> Result<usize, Infallible> {
        let len = self.end.read(room).await?;
        for byte in room.iter_mut().take(len) {
            self.turns = self
                .turns
                .wrapping_mul(1_664_525)
                .wrapping_add(1_013_904_223);
            if self.turns >> 16 < (1 << 16) / 200 {
                *byte ^= 1 << (self.turns & 7);
            }
        }
        Ok(len)
    }
}

fn line(native: Native<Config>, reader: &End, writer: &End, random: u8) -> Line {
    let wire = Serial::new([0; 512], [0; 512]);
    let mut messenger = Messenger::new(native, [0; 512], [0; 512]).with_wire(wire);
    messenger.handle_time(Instant::from_micros(0));
    messenger.handle_connected_with([random; 32]);
    let end = reader.clone();
    let turns = random.into();
    AsyncLink::new(
        messenger,
        Noisy { end, turns },
        writer.clone(),
        CancelledWrite::TookNothing,
    )
}

#[test]
#[cfg_attr(miri, ignore = "Miri takes minutes for so much time")]
fn a_line_that_garbles_delays_messages_and_loses_none() {
    let (there, back) = (End::default(), End::default());
    let mut lines = [
        line(Native::dialling(Config::new(1)), &back, &there, 1),
        line(Native::listening(Config::new(2)).seed(3), &there, &back, 2),
    ];
    let (mut sent, mut heard) = ([0; 2], [0; 2]);
    let mut millis = 0;
    while heard != [MESSAGES; 2] {
        millis += 1;
        assert!(millis < 600_000, "stuck at {sent:?}, {heard:?}");
        for (side, link) in lines.iter_mut().enumerate() {
            link.handle_time(Instant::from_micros(millis * 1_000));
            let body = [sent[side]; 20];
            let code = Code(0x10);
            if sent[side] < MESSAGES && link.try_queue(&Raw { code, body: &body }).is_ok() {
                sent[side] += 1;
            }
            assert!(attempt(40, link.transfer()).is_none_or(|moved| moved.is_ok()));
            while let Some(event) = link.poll::<Raw<'_>>() {
                match event {
                    Event::Message(raw) => {
                        assert_eq!(raw.body, [heard[side]; 20]);
                        heard[side] += 1;
                    }
                    Event::Notice(Notice::Met(_) | Notice::Opened(_)) => {}
                    other => panic!("{other:?}"),
                }
            }
        }
    }
    let counts = lines.map(|mut link| link.messenger().wire().counts());
    assert!(
        counts.iter().any(|counts| counts.sent_again > 0),
        "{counts:?}"
    );
    std::println!("{millis} ms of the line's time, {counts:?}");
}
