mod line;
mod packets;

use super::*;
use crate::time::Duration;
use line::{Rig, Trouble};
use std::vec::Vec;
use std::{eprintln, println};

/// xorshift64*, from a seed that a failing test prints.
#[derive(Clone, Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.max(1);
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % end
    }
}

/// How many seeds to try: all of them in a release build.
const fn few(seeds: u64) -> u64 {
    match (cfg!(miri), cfg!(debug_assertions)) {
        (true, _) => 1,
        (_, true) => seeds / 5,
        _ => seeds,
    }
}

/// What end `end` says in its `start`th life: which life, then a pattern of that life.
fn stream(end: usize, start: u32, at: usize) -> u8 {
    if let Some(byte) = start.to_be_bytes().get(at) {
        return *byte;
    }
    let mixed = (at as u64 + 1)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .wrapping_mul(u64::from(start) * 2 + 1)
        .wrapping_add(end as u64);
    // Zeros in plenty, so that the stuffing has work.
    if mixed >> 61 == 0 {
        0
    } else {
        mixed.to_be_bytes()[1]
    }
}

fn say(total: usize) -> impl Fn(usize, u32, usize) -> Vec<u8> {
    move |end, start, sent| {
        let len = total.saturating_sub(sent).min(300);
        (sent..sent + len)
            .map(|at| stream(end, start, at))
            .collect()
    }
}

/// That what was heard is the start of what the other end said in one of its lives.
fn check(rig: &mut Rig, seed: u64) {
    for listener in 0..2 {
        let starts = rig.ends[1 - listener].starts;
        let end = &mut rig.ends[listener];
        let Some(start) = end.heard.first_chunk() else {
            continue;
        };
        let start = u32::from_be_bytes(*start);
        assert!(start >= 1 && start <= starts, "seed {seed}");
        for at in end.checked..end.heard.len() {
            assert_eq!(
                end.heard[at],
                stream(1 - listener, start, at),
                "seed {seed}, byte {at}"
            );
        }
        end.checked = end.heard.len();
    }
}

/// Runs until both ends have heard all of what the other says in its latest life.
fn run(rig: &mut Rig, total: usize, seed: u64) {
    let say = say(total);
    let limit = rig.now + 40_000_000_000;
    while rig.ends.iter().any(|end| end.heard.len() < total) {
        rig.step(&say);
        assert!(
            rig.now < limit,
            "seed {seed} hangs: {:?} {:?}",
            rig.ends[0].serial,
            rig.ends[1].serial
        );
    }
    check(rig, seed);
    for (listener, end) in rig.ends.iter().enumerate() {
        assert_eq!(end.heard.len(), total, "seed {seed}");
        let start = u32::from_be_bytes(*end.heard.first_chunk().unwrap());
        assert_eq!(start, rig.ends[1 - listener].starts, "seed {seed}");
    }
}

/// Sends `total` bytes both ways for each seed, and prints what it took.
fn bad_lines(seeds: u64, total: usize) {
    let (mut sent, mut again, mut refused, mut restarts) = (0_u64, 0_u64, 0_u64, 0);
    let (mut elapsed, mut carried) = (Duration::ZERO, 0);
    let mut worst = (Duration::ZERO, 0, Trouble::default());
    for seed in 1..=seeds {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let trouble = Trouble::draw(&mut random);
        let memories = [
            (300 + random.below(3000), 300 + random.below(3000)),
            (300 + random.below(3000), 300 + random.below(3000)),
        ];
        let mut rig = Rig::new(memories, trouble, random.next());
        rig.delay = random.below(3000) as u64;
        run(&mut rig, total, seed);
        for end in &rig.ends {
            let counts = end.serial.counts();
            sent += u64::from(counts.sent);
            again += u64::from(counts.sent_again);
            refused += u64::from(counts.refused);
            restarts += end.restarts;
        }
        carried += rig.carried.iter().sum::<u64>();
        elapsed += rig.elapsed();
        if rig.elapsed() > worst.0 {
            worst = (rig.elapsed(), seed, trouble);
        }
    }
    println!(
        "{seeds} seeds, {total} bytes each way: {sent} packets with a piece, {again} of them again, {refused} \
         refused, {restarts} restarts; {carried} bytes on the line, {elapsed:?} of virtual time; slowest seed {} \
         took {:?} with {:?}",
        worst.1, worst.0, worst.2
    );
    assert_eq!(restarts, 0);
}

#[test]
fn garbage_on_the_line_delays_the_stream_and_loses_nothing() {
    if cfg!(miri) {
        bad_lines(2, 300);
    } else {
        bad_lines(200, 2000);
    }
}

/// `cargo test --release -p ropeway-core --features serial -- --ignored --nocapture a_megabyte`
#[test]
#[ignore = "takes minutes"]
fn a_megabyte_goes_both_ways_over_two_hundred_bad_lines() {
    bad_lines(200, 1_000_000);
}

/// How much of a line of 115,200 baud carries the stream, by how many of its bytes are hit.
#[test]
#[ignore = "prints figures"]
fn shares_of_a_bad_line_that_carry_the_stream() {
    for memory in [512, 2048] {
        for millionths in [0, 100, 1000, 10_000, 20_000, 50_000] {
            let third = millionths / 3;
            let trouble = Trouble {
                flipped: third,
                lost: third,
                inserted: third,
                bursts: 0,
            };
            let mut rig = Rig::new([(memory, memory); 2], trouble, 5);
            (rig.speed, rig.delay) = (12, 500);
            let total = 20_000;
            run(&mut rig, total, 5);
            let percent = total as f64 * 100_000.0 / rig.elapsed().as_micros() as f64 / 12.0;
            println!(
                "{memory} bytes of memory, {millionths} ppm: {percent:.1} % in {:?}, {:?}",
                rig.elapsed(),
                rig.ends[0].serial.counts()
            );
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "Miri takes minutes for so much time")]
fn a_good_line_is_kept_busy() {
    for (memory, least) in [(64, 30), (256, 60), (512, 80), (1024, 88), (4096, 90)] {
        let mut rig = Rig::new([(memory, memory); 2], Trouble::default(), 5);
        rig.delay = 500;
        let total = 100_000;
        rig.speed = 12;
        run(&mut rig, total, 5);
        let percent = total as u128 * 100_000 / rig.elapsed().as_micros() / rig.speed as u128;
        println!("{memory} bytes of memory: {percent} % of the line carry the stream");
        assert!(percent >= least, "{percent} % with {memory} bytes");
        for end in &rig.ends {
            assert_eq!((end.serial.counts().sent_again, end.restarts), (0, 0));
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "Miri takes minutes for so much time")]
fn a_slow_line_that_holds_much_is_not_flooded() {
    // 9600 baud behind a transport that takes everything at once: a second lies between the ends.
    let mut rig = Rig::new([(1024, 1024); 2], Trouble::default(), 6);
    rig.delay = 1_000_000;
    rig.speed = 1;
    run(&mut rig, 20_000, 6);
    for end in &rig.ends {
        let counts = end.serial.counts();
        println!("{counts:?}, {:?}", rig.elapsed());
        assert!(counts.sent_again * 10 <= counts.sent + 50, "{counts:?}");
    }
}

#[test]
#[cfg_attr(miri, ignore = "Miri takes minutes for so much time")]
fn works_in_any_memory_that_is_enough() {
    let sizes = [64, 65, 66, 71, 100, 128, 255, 256, 257, 1000, 1100, 70_000];
    for (seed, input) in (1..).zip(sizes) {
        for output in [64, 99, 1000, 70_000] {
            let trouble = Trouble {
                flipped: 1000,
                lost: 1000,
                inserted: 1000,
                bursts: 10,
            };
            let mut rig = Rig::new([(input, output), (output, input)], trouble, seed);
            run(&mut rig, 3000, seed);
        }
    }
}

#[test]
fn too_little_memory_is_a_fault_and_opens_nothing() {
    for (input, output) in [(63, 64), (64, 63), (0, 0)] {
        let (mut input, mut output) = (std::vec![0; input], std::vec![0; output]);
        let mut serial = Serial::new(&mut input[..], &mut output[..]);
        serial.handle_connected([1; 32]);
        assert_eq!(serial.poll_stream(), Err(Fault::Memory { least: 64 }));
        assert!(serial.poll_output().is_empty());
        let len = serial.input_room().len();
        serial.input_room().fill(3);
        serial.handle_input(len);
        assert!(!serial.is_open());
    }
}

#[test]
#[cfg_attr(miri, ignore = "Miri takes minutes for so much time")]
fn both_ends_rebooted_at_random_start_over_with_a_fresh_stream() {
    let (seeds, reboots) = (few(200), if cfg!(miri) { 2 } else { 6 });
    let mut restarts = 0;
    for seed in 1..=seeds {
        let mut random = Random(seed);
        let trouble = Trouble::draw(&mut random);
        let mut rig = Rig::new([(700, 500), (400, 1500)], trouble, random.next());
        rig.delay = random.below(300_000) as u64;
        let say = say(4000);
        let mut lives = [0; 2];
        for _ in 0..reboots {
            let millis = random.below(500);
            for _ in 0..millis {
                rig.step(&say);
                check_lives(&mut rig, &mut lives, seed);
            }
            let which = random.below(3);
            for end in (0..2).filter(|end| which == *end || which == 2) {
                rig.ends[end].reboot();
                lives[end] = 0;
            }
        }
        for end in &mut rig.ends {
            restarts += end.restarts;
        }
        let before = rig.ends[0].restarts + rig.ends[1].restarts;
        let start = rig.now;
        run_lives(&mut rig, 4000, seed, start);
        let after = rig.ends[0].restarts + rig.ends[1].restarts;
        assert!(after - before <= 2, "seed {seed}: {} more", after - before);
    }
    println!("{seeds} seeds, {reboots} reboots each: {restarts} restarts noticed");
}

/// No end ever hears of an earlier life of the other than it has heard of.
fn check_lives(rig: &mut Rig, lives: &mut [u32; 2], seed: u64) {
    check(rig, seed);
    for (end, life) in rig.ends.iter().zip(lives) {
        if let Some(start) = end.heard.first_chunk() {
            let start = u32::from_be_bytes(*start);
            assert!(start >= *life, "seed {seed}: life {start} after {life}");
            *life = start;
        }
    }
}

fn run_lives(rig: &mut Rig, total: usize, seed: u64, start: u64) {
    run(rig, total, seed);
    assert!(rig.now - start < 10_000_000_000, "seed {seed}");
}

#[test]
#[cfg_attr(miri, ignore = "Miri takes minutes for so much time")]
fn who_takes_nothing_for_long_loses_nothing_and_is_not_flooded() {
    let mut rig = Rig::new([(512, 2048), (512, 2048)], Trouble::default(), 9);
    let say = say(20_000);
    rig.ends[1].takes = false;
    for _ in 0..120_000 {
        rig.step(&say);
        if cfg!(miri) && rig.now > 1_002_000_000 {
            break;
        }
    }
    let counts = rig.ends[0].serial.counts();
    println!("two minutes without room: {counts:?}");
    assert!(counts.sent < 60, "{counts:?}");
    // Acknowledgements were heard all the time.
    assert_eq!(rig.ends[0].heard.len(), 20_000);
    rig.ends[1].takes = true;
    let start = rig.now;
    run(&mut rig, 20_000, 9);
    let took = rig.now - start;
    println!("then 20,000 bytes took {took} microseconds");
    assert!(took < 1_000_000);
    let counts = rig.ends[0].serial.counts();
    assert!(counts.sent_again < 50, "{counts:?}");
}

#[test]
#[cfg_attr(miri, ignore = "Miri takes minutes for so much time")]
fn news_of_room_may_be_lost() {
    for seed in 1..=few(50) {
        let trouble = Trouble {
            lost: 20_000,
            flipped: 20_000,
            ..Trouble::default()
        };
        let mut rig = Rig::new([(200, 2048), (200, 2048)], trouble, seed);
        let mut random = Random(seed);
        let total = 5000;
        let say = say(total);
        for _ in 0..20 {
            for end in &mut rig.ends {
                end.takes = random.below(3) == 0;
            }
            for _ in 0..random.below(2000) {
                rig.step(&say);
            }
        }
        for end in &mut rig.ends {
            end.takes = true;
        }
        run(&mut rig, total, seed);
    }
}

#[test]
fn garbage_alone_opens_nothing() {
    let mut random = Random(77);
    let mut serial = Serial::new([0; 300], [0; 300]);
    serial.handle_connected([9; 32]);
    let mut written = 0;
    for millis in 0..if cfg!(miri) { 50 } else { 20_000 } {
        serial.handle_time(Instant::from_micros(millis * 1000));
        let room = serial.input_room();
        let len = room.len().min(1 + random.below(200));
        room[..len].fill_with(|| random.byte());
        serial.handle_input(len);
        assert_eq!(serial.poll_stream(), Ok(&[][..]));
        assert!(!serial.is_open());
        assert_eq!(serial.send_stream(b"x"), 0);
        let len = serial.poll_output().len();
        serial.handle_written(len);
        written += len;
    }
    println!("{written} bytes of RESET in 20 s, {:?}", serial.counts());
    assert!(written < 300);
}

#[test]
fn hears_no_echo_of_itself() {
    let mut serial = Serial::new([0; 300], [0; 300]);
    serial.handle_connected([9; 32]);
    for millis in 0..if cfg!(miri) { 20 } else { 5000 } {
        serial.handle_time(Instant::from_micros(millis * 1000));
        let output = serial.poll_output().to_vec();
        serial.handle_written(output.len());
        serial.input_room()[..output.len()].copy_from_slice(&output);
        serial.handle_input(output.len());
        assert!(!serial.is_open());
    }
}

#[test]
fn an_end_whose_randomness_repeats_is_still_noticed() {
    let (mut fixed, mut other) = super::tests::packets::opened();
    for life in 0..5 {
        fixed = Serial::new([0; 500], [0; 500]);
        fixed.handle_connected([1; 32]);
        packets::carry(&mut fixed, &mut other);
        assert_eq!(other.poll_stream(), Err(Fault::Restarted));
        other.handle_connected([life + 10; 32]);
        packets::exchange(&mut fixed, &mut other);
        assert!(fixed.is_open() && other.is_open());
    }
    eprintln!("{:?}", fixed.counts());
}
