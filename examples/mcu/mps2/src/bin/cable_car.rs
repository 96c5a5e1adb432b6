//! The board MPS2 AN385 in QEMU as a node for programs of cable_car.
#![no_std]
#![no_main]

use embassy_executor::Spawner;
use ropeway_nodes::cable_car;

#[embassy_executor::main(executor = "ropeway_mps2::Executor", entry = "cortex_m_rt::entry")]
async fn main(spawner: Spawner) -> ! {
    let (stack, board, settings) = ropeway_mps2::start(spawner);
    cable_car::run(stack, board, &settings).await
}
