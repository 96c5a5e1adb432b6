use crate::{Ethernet, clock, host, random};
use chacha20::ChaCha20Rng;
use core::fmt::Arguments;
use rand_core::Rng;
use ropeway_nodes::{Board, MemoryUse, Settings};

/// Takes the board: what an application sees of it, its network, and what the command line says.
///
/// # Panics
///
/// When it is called twice, and where the command line is wrong.
pub fn start() -> (Mps2, Ethernet, Settings<'static>) {
    let mut settings = Settings {
        name: "mps2",
        arguments: host::command_line(),
    };
    settings.name = settings.get("name").unwrap_or(settings.name);
    let board = Mps2 {
        random: random::generator(settings.get("seed")),
        celsius: settings
            .get("celsius")
            .map_or(20.0, |celsius| celsius.parse().expect("celsius=NUMBER")),
        light: false,
    };
    clock::start();
    (board, Ethernet::start(), settings)
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
