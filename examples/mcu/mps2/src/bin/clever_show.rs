//! The board MPS2 AN385 in QEMU as a node that speaks clever-show: a copter that dials its server.
#![no_std]
#![no_main]

use embassy_executor::Spawner;
use ropeway_core::dialect::clever_show::{CleverShow, TCP_PORT};
use ropeway_nodes::talker::{self, answer};

#[embassy_executor::main(executor = "ropeway_mps2::Executor", entry = "cortex_m_rt::entry")]
async fn main(spawner: Spawner) -> ! {
    let (stack, board, settings) = ropeway_mps2::start(spawner);
    talker::run(stack, board, &settings, TCP_PORT, CleverShow::new, answer).await
}
