//! A Raspberry Pi Pico with the Ethernet chip W5500: WIZnet's W5500-EVB-Pico, or a Pico and a W5500 module.
//!
//! | W5500 | Pico |
//! |---|---|
//! | MISO | GP16 |
//! | SCSn, chip select | GP17 |
//! | SCLK | GP18 |
//! | MOSI | GP19 |
//! | RSTn | GP20 |
//! | INTn | GP21 |
//! | 3V3, GND | 3V3(OUT), GND |
//!
//! With a debug probe on the SWD pins, a second Pico for instance:
//!
//! ```sh
//! rustup target add thumbv6m-none-eabi
//! cargo install probe-rs-tools --locked
//! cargo build --release -p ropeway-pico-w5500 --target thumbv6m-none-eabi
//! probe-rs run --chip RP2040 target/thumbv6m-none-eabi/release/ropeway-pico-w5500
//! ```
//!
//! `probe-rs run` then shows what the program says. On a machine in the same network, `cargo run --bin sensor_hub` is the
//! hub that it looks for: readings arrive there, and with `--demo` the lamp blinks and files come and go.
//!
//! Its files lie in the last 256 KiB of flash.
#![no_std]
#![no_main]

use core::fmt::Arguments;
use embassy_executor::Spawner;
use embassy_net::StackResources;
use embassy_net_wiznet::chip::W5500;
use embassy_net_wiznet::{Device, Runner, State};
use embassy_rp::adc::{self, Adc};
use embassy_rp::clocks::RoscRng;
use embassy_rp::flash::{self, Flash};
use embassy_rp::gpio::{Input, Level, Output, Pull};
use embassy_rp::peripherals::{DMA_CH0, DMA_CH1, FLASH, SPI0};
use embassy_rp::spi::{self, Spi};
use embassy_rp::{bind_interrupts, dma};
use embassy_time::Delay;
use embedded_hal_bus::spi::ExclusiveDevice;
use ropeway_nodes::store::Store;
use ropeway_nodes::{Board, MemoryUse, Settings, network, sensor};
use static_cell::{ConstStaticCell, StaticCell};
use {defmt_rtt as _, panic_probe as _};

/// What this node is called, and words for the application and for [`network`].
const SETTINGS: Settings<'_> = Settings {
    name: "pico",
    arguments: "ip=dhcp",
};

bind_interrupts!(struct Interrupts {
    DMA_IRQ_0 => dma::InterruptHandler<DMA_CH0>, dma::InterruptHandler<DMA_CH1>;
});

#[embassy_executor::main]
async fn main(spawner: Spawner) -> ! {
    let chip = embassy_rp::init(Default::default());
    let board = Pico {
        light: Output::new(chip.PIN_25, Level::Low),
        adc: Adc::new_blocking(chip.ADC, Default::default()),
        thermometer: adc::Channel::new_temp_sensor(chip.ADC_TEMP_SENSOR),
    };

    let mut flash = Flash::<_, flash::Blocking, FLASH_SIZE>::new_blocking(chip.FLASH);

    // The Ethernet chip at the end of a bus of its own.
    let mut config = spi::Config::default();
    config.frequency = 50_000_000;
    let bus = Spi::new(
        chip.SPI0,
        chip.PIN_18,
        chip.PIN_19,
        chip.PIN_16,
        chip.DMA_CH0,
        chip.DMA_CH1,
        Interrupts,
        config,
    );
    let select = Output::new(chip.PIN_17, Level::High);
    let Ok(spi) = ExclusiveDevice::new(bus, select, Delay);
    static FRAMES: ConstStaticCell<State<4, 4>> = ConstStaticCell::new(State::new());
    let (device, runner) = embassy_net_wiznet::new(
        mac_address(&mut flash),
        FRAMES.take(),
        spi,
        Input::new(chip.PIN_21, Pull::Up),
        Output::new(chip.PIN_20, Level::High),
    )
    .await
    .expect("a W5500 on SPI0");
    spawner.spawn(run_chip(runner).expect("the first of its kind"));

    // The network on it: one socket more than the application has, for DHCP.
    static RESOURCES: StaticCell<StackResources<{ sensor::SOCKETS + 1 }>> = StaticCell::new();
    let (stack, runner) = embassy_net::new(
        device,
        network(&SETTINGS),
        RESOURCES.init(StackResources::new()),
        RoscRng.next_u64(),
    );
    spawner.spawn(run_network(runner).expect("the first of its kind"));

    let store = Store::new(flash, FLASH_SIZE as u32 - (256 << 10)..FLASH_SIZE as u32, 4);
    sensor::run(stack, board, store, &SETTINGS).await
}

/// An address that no other board has: the chip brings none, so it is made from the number of the flash.
fn mac_address(flash: &mut Flash<'static, FLASH, flash::Blocking, FLASH_SIZE>) -> [u8; 6] {
    let mut id = [0; 8];
    flash
        .blocking_unique_id(&mut id)
        .expect("flash that has a number");
    let [_, _, _, a, b, c, d, e] = id;
    [LOCALLY_ADMINISTERED, a, b, c, d, e]
}

type Bus = Spi<'static, SPI0, spi::Async>;
type Ethernet = Runner<
    'static,
    W5500,
    ExclusiveDevice<Bus, Output<'static>, Delay>,
    Input<'static>,
    Output<'static>,
>;

#[embassy_executor::task]
async fn run_chip(runner: Ethernet) -> ! {
    runner.run().await
}

#[embassy_executor::task]
async fn run_network(mut runner: embassy_net::Runner<'static, Device<'static>>) -> ! {
    runner.run().await
}

/// The board beside its network.
struct Pico {
    light: Output<'static>,
    adc: Adc<'static, adc::Blocking>,
    thermometer: adc::Channel<'static>,
}

impl Board for Pico {
    fn set_light(&mut self, on: bool) {
        self.light.set_level(on.into());
    }

    /// Of the chip, within some degrees. Source: RP2040 datasheet, section 4.9.5.
    fn celsius(&mut self) -> f32 {
        let sample = self.adc.blocking_read(&mut self.thermometer);
        let volts = f32::from(sample.expect("a conversion")) * 3.3 / 4096.0;
        27.0 - (volts - 0.706) / 0.001_721
    }

    /// From the jitter of the ring oscillator. The RP2040 datasheet, section 2.17.5, does not vouch for it where
    /// security depends on it: there is nothing better on this board.
    fn fill_random(&mut self, bytes: &mut [u8]) {
        RoscRng.fill_bytes(bytes);
    }

    fn memory(&mut self) -> MemoryUse {
        MemoryUse::measure()
    }

    fn say(&mut self, line: Arguments<'_>) {
        defmt::println!("{}", defmt::Display2Format(&line));
    }

    fn restart(&mut self) -> ! {
        cortex_m::peripheral::SCB::sys_reset()
    }
}

const FLASH_SIZE: usize = 2 * 1024 * 1024;
/// The first byte of an address that nobody has assigned.
const LOCALLY_ADMINISTERED: u8 = 0x02;
