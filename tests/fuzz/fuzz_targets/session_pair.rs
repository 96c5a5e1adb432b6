#![no_main]

//! Two ends of a native session, whatever they do, what happens to their transports and when: every frame arrives once
//! and in order, or is reported.

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use ropeway_core::time::Duration;
use ropeway_core::wire::Plain;
use ropeway_fuzz::rig::{Ending, Fault, PeerLearns, Random, Script, Setup, Step, Wish, World};

fuzz_target!(|data: &[u8]| {
    let mut input = Unstructured::new(data);
    let _ = run(&mut input);
});

fn run(input: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let mut world = World::new(
        setup(input)?,
        |_| Plain,
        Random::new(u8::arbitrary(input)?.into()),
    );
    for _ in 0..400 {
        if input.is_empty() {
            break;
        }
        operate(&mut world, input)?;
    }
    world.run();
    Ok(())
}

fn setup(input: &mut Unstructured<'_>) -> arbitrary::Result<Setup> {
    let sizes = [(256, 256), (300, 700), (1024, 300), (1024, 1024)];
    Ok(Setup {
        memory: [*input.choose(&sizes)?, *input.choose(&sizes)?],
        window: *input.choose(&[u32::MAX, 40, 100])?,
        // What is half open has to be found out.
        silence: Some(Duration::from_millis(*input.choose(&[400, 1_000])?)),
        keeps_in_doubt: bool::arbitrary(input)?,
        latency: Duration::from_millis(*input.choose(&[0, 3, 90])?),
        capacity: *input.choose(&[64, 4096])?,
        pace: *input.choose(&[None, Some(Duration::from_millis(4))])?,
        piece: usize::MAX,
        ..Setup::roomy([Script::new(), Script::new()])
    })
}

/// One thing that happens.
fn operate(world: &mut World<Plain>, input: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let choice = u8::arbitrary(input)?;
    let side = usize::from(choice >> 7);
    match choice & 15 {
        0..4 => {
            let step = step(input)?;
            let World {
                ends, ledger, now, ..
            } = world;
            ends[side].take_step(step, *now, ledger);
        }
        4 | 5 => {
            let len = usize::from(u8::arbitrary(input)?);
            world.write(side, len);
        }
        6 | 7 => {
            let len = usize::from(u8::arbitrary(input)?);
            world.read(side, len);
        }
        8 | 9 => {
            let World {
                ends, ledger, now, ..
            } = world;
            ends[side].take_one(*now, ledger);
        }
        10 | 11 => world.wait(Duration::from_millis(u8::arbitrary(input)?.into())),
        12 => world.run_now(),
        13 => world.hang_up(side),
        _ => world.break_it(fault(side, input)?),
    }
    Ok(())
}

fn step(input: &mut Unstructured<'_>) -> arbitrary::Result<Step> {
    let choice = u8::arbitrary(input)?;
    Ok(match choice {
        0..160 => Step::Note(usize::from(choice % 80)),
        160..240 => Step::Ask {
            wish: match choice % 4 {
                0 | 1 => Wish::Answer(0),
                2 => Wish::Refuse(300),
                _ => Wish::Silence,
            },
            within: Duration::from_millis(*input.choose(&[20, 5_000])?),
            cancel_after: (choice % 8 == 5).then_some(Duration::from_millis(10)),
        },
        _ => Step::Note(100),
    })
}

fn fault(side: usize, input: &mut Unstructured<'_>) -> arbitrary::Result<Fault> {
    let span = |input: &mut Unstructured<'_>| input.choose(&[5, 200, 1_500]).copied();
    Ok(match u8::arbitrary(input)? % 8 {
        0 => Fault::Cut(Ending::Eof),
        1 => Fault::Cut(Ending::Reset),
        2 => Fault::HalfOpen(side),
        3 => Fault::Stall(side, Duration::from_millis(span(input)?)),
        4 => Fault::Delay(side, Duration::from_millis(span(input)? / 10)),
        5 | 6 => Fault::Reboot(side, PeerLearns::AtOnce),
        _ => Fault::Reboot(side, PeerLearns::BySilence),
    })
}
