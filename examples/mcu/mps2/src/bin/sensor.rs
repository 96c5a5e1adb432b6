//! The board MPS2 AN385 in QEMU as a sensor; `examples/mcu/show` shows it with its hub.
#![no_std]
#![no_main]

use embassy_executor::Spawner;
use ropeway_nodes::store::Store;
use ropeway_nodes::{Flash, sensor};
use static_cell::ConstStaticCell;

#[embassy_executor::main(executor = "ropeway_mps2::Executor", entry = "cortex_m_rt::entry")]
async fn main(spawner: Spawner) -> ! {
    let (stack, board, settings) = ropeway_mps2::start(spawner);
    static FLASH: ConstStaticCell<Flash<FLASH_SIZE>> = ConstStaticCell::new(Flash::new());
    let store = Store::new(FLASH.take(), 0..FLASH_SIZE as u32, 3);
    sensor::run(stack, board, store, &settings).await
}

/// Three files of up to 12 KiB.
const FLASH_SIZE: usize = 36 << 10;
