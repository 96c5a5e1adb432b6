use crate::{Ethernet, clock, host, random};
use chacha20::ChaCha20Rng;
use core::fmt::Arguments;
use embassy_executor::Spawner;
use embassy_net::{Runner, Stack, StackResources};
use rand_core::Rng;
use ropeway_nodes::{Board, MemoryUse, Settings, cable_car, echo, sensor, talker, trial};
use static_cell::StaticCell;

/// Takes the board: what an application sees of it, its network, and what the command line says.
///
/// # Panics
///
/// When it is called twice, and where the command line is wrong.
pub fn start(spawner: Spawner) -> (Stack<'static>, Mps2, Settings<'static>) {
    let (mut board, settings) = take();
    static RESOURCES: StaticCell<StackResources<SOCKETS>> = StaticCell::new();
    let mut seed = [0; 8];
    board.fill_random(&mut seed);
    let (stack, runner) = embassy_net::new(
        Ethernet::start(),
        ropeway_nodes::network(&settings),
        RESOURCES.init(StackResources::new()),
        u64::from_ne_bytes(seed),
    );
    spawner.spawn(run_network(runner).expect("the first of its kind"));
    (stack, board, settings)
}

#[embassy_executor::task]
async fn run_network(mut runner: Runner<'static, Ethernet>) -> ! {
    runner.run().await
}

fn take() -> (Mps2, Settings<'static>) {
    let mut settings = Settings {
        name: "mps2",
        arguments: host::command_line(),
    };
    settings.name = settings.get("name").unwrap_or(settings.name);
    let board = Mps2 {
        random: random::generator(&settings),
        celsius: settings
            .get("celsius")
            .map_or(20.0, |celsius| celsius.parse().expect("celsius=NUMBER")),
        light: false,
    };
    clock::start();
    (board, settings)
}

/// The board beside its network.
///
/// Chance is as good as the `seed` on the command line, and the temperature is what that says.
pub struct Mps2 {
    random: ChaCha20Rng,
    celsius: f32,
    light: bool,
}

impl Board for Mps2 {
    /// Nobody sees a lamp in an emulator: it says in words when it changes.
    fn set_light(&mut self, on: bool) {
        if on != self.light {
            self.light = on;
            self.say(format_args!("light {}", if on { "on" } else { "off" }));
        }
    }

    fn celsius(&mut self) -> f32 {
        self.celsius
    }

    fn fill_random(&mut self, bytes: &mut [u8]) {
        self.random.fill_bytes(bytes);
    }

    fn memory(&mut self) -> MemoryUse {
        MemoryUse::measure()
    }

    fn say(&mut self, line: Arguments<'_>) {
        host::say(line);
    }

    /// Ends the emulator with exit code 0.
    fn restart(&mut self) -> ! {
        host::exit()
    }
}

/// As many as any application opens, and one for DHCP.
const SOCKETS: usize = {
    let needs = [
        echo::SOCKETS,
        sensor::SOCKETS,
        trial::SOCKETS,
        talker::SOCKETS,
        cable_car::SOCKETS,
    ];
    let (mut most, mut at) = (0, 0);
    while at < needs.len() {
        if needs[at] > most {
            most = needs[at];
        }
        at += 1;
    }
    most + 1
};
