//! The board NUCLEO-F767ZI, which has Ethernet, a debug probe and lamps on it: two cables are all it needs.
//!
//! ```sh
//! rustup target add thumbv7em-none-eabihf
//! cargo install probe-rs-tools --locked
//! cargo build --release -p ropeway-nucleo --target thumbv7em-none-eabihf
//! probe-rs run --chip STM32F767ZITx target/thumbv7em-none-eabihf/release/ropeway-nucleo
//! ```
//!
//! `probe-rs run` then shows what the program says. On a machine in the same network, `cargo run --bin sensor_hub` is the
//! hub that it looks for: readings arrive there, and with `--demo` the blue lamp LD2 blinks and files come and go.
//!
//! Its files lie in the last two sectors of flash, 256 KiB each.
#![no_std]
#![no_main]

use core::fmt::Arguments;
use embassy_executor::Spawner;
use embassy_net::{Runner, StackResources};
use embassy_stm32::adc::{Adc, SampleTime, Temperature};
use embassy_stm32::eth::{self, Ethernet, GenericPhy, PacketQueue, Sma};
use embassy_stm32::flash::Flash;
use embassy_stm32::gpio::{Level, Output, Speed};
use embassy_stm32::peripherals::{ADC1, ETH, ETH_SMA, RNG};
use embassy_stm32::rcc::{
    APBPrescaler, Hse, HseMode, Pll, PllMul, PllPDiv, PllPreDiv, PllQDiv, PllSource, Sysclk,
};
use embassy_stm32::rng::{self, Rng};
use embassy_stm32::time::mhz;
use embassy_stm32::{Config, bind_interrupts, uid};
use ropeway_nodes::store::Store;
use ropeway_nodes::{Board, MemoryUse, Settings, network, sensor};
use static_cell::{ConstStaticCell, StaticCell};
use {defmt_rtt as _, panic_probe as _};

/// What this node is called, and words for the application and for [`network`].
const SETTINGS: Settings<'_> = Settings {
    name: "nucleo",
    arguments: "ip=dhcp",
};

bind_interrupts!(struct Interrupts {
    ETH => eth::InterruptHandler;
    RNG => rng::InterruptHandler<RNG>;
});

#[embassy_executor::main]
async fn main(spawner: Spawner) -> ! {
    let chip = embassy_stm32::init(clocks());
    let adc = Adc::new(chip.ADC1);
    let mut board = Nucleo {
        light: Output::new(chip.PB7, Level::Low, Speed::Low),
        thermometer: adc.enable_temperature(),
        adc,
        random: Rng::new(chip.RNG, Interrupts),
    };

    static FRAMES: ConstStaticCell<PacketQueue<4, 4>> = ConstStaticCell::new(PacketQueue::new());
    let ethernet = Ethernet::new(
        FRAMES.take(),
        chip.ETH,
        Interrupts,
        chip.PA1,
        chip.PA7,
        chip.PC4,
        chip.PC5,
        chip.PG13,
        chip.PB13,
        chip.PG11,
        mac_address(),
        chip.ETH_SMA,
        chip.PA2,
        chip.PC1,
    );

    // One socket more than the application has, for DHCP.
    static RESOURCES: StaticCell<StackResources<{ sensor::SOCKETS + 1 }>> = StaticCell::new();
    let (stack, runner) = embassy_net::new(
        ethernet,
        network(&SETTINGS),
        RESOURCES.init(StackResources::new()),
        board.random.next_u64(),
    );
    spawner.spawn(run_network(runner).expect("the first of its kind"));

    let store = Store::new(Flash::new_blocking(chip.FLASH), FILES, 2);
    sensor::run(stack, board, store, &SETTINGS).await
}

/// 216 MHz from the 8 MHz of the debug probe, and the 48 MHz that the source of chance needs.
fn clocks() -> Config {
    let mut config = Config::default();
    let rcc = &mut config.rcc;
    rcc.hse = Some(Hse {
        freq: mhz(8),
        mode: HseMode::Bypass,
    });
    rcc.pll_src = PllSource::HSE;
    rcc.pll = Some(Pll {
        prediv: PllPreDiv::DIV4,
        mul: PllMul::MUL216,
        divp: Some(PllPDiv::DIV2),
        divq: Some(PllQDiv::DIV9),
        divr: None,
    });
    rcc.sys = Sysclk::PLL1_P;
    rcc.apb1_pre = APBPrescaler::DIV4;
    rcc.apb2_pre = APBPrescaler::DIV2;
    config
}

/// An address that no other board has: the board brings none, so it is made from the number of the chip.
fn mac_address() -> [u8; 6] {
    let mut address = [LOCALLY_ADMINISTERED, 0, 0, 0, 0, 0];
    for (at, byte) in uid::uid().into_iter().enumerate() {
        address[1 + at % 5] ^= byte;
    }
    address
}

#[embassy_executor::task]
async fn run_network(
    mut runner: Runner<'static, Ethernet<'static, ETH, GenericPhy<Sma<'static, ETH_SMA>>>>,
) -> ! {
    runner.run().await
}

/// The board beside its network.
struct Nucleo {
    light: Output<'static>,
    adc: Adc<'static, ADC1>,
    thermometer: Temperature,
    random: Rng<'static, RNG>,
}

impl Board for Nucleo {
    fn set_light(&mut self, on: bool) {
        self.light.set_level(on.into());
    }

    /// Of the chip, between two temperatures at which it was measured in the factory. Source: STM32F767 datasheet,
    /// temperature sensor calibration values.
    fn celsius(&mut self) -> f32 {
        let sample = self
            .adc
            .blocking_read(&mut self.thermometer, SampleTime::CYCLES480);
        // SAFETY: words that are written in the factory and can only be read.
        let [at_30, at_110] =
            [0x1FF0_F44C, 0x1FF0_F44E].map(|at| unsafe { (at as *const u16).read_volatile() });
        let [sample, at_30, at_110] = [sample, at_30, at_110].map(f32::from);
        30.0 + (sample - at_30) * (110.0 - 30.0) / (at_110 - at_30)
    }

    /// From the chip's source of chance.
    fn fill_random(&mut self, bytes: &mut [u8]) {
        self.random.fill_bytes(bytes);
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

/// The last two sectors.
const FILES: core::ops::Range<u32> = 0x18_0000..0x20_0000;
/// The first byte of an address that nobody has assigned.
const LOCALLY_ADMINISTERED: u8 = 0x02;
