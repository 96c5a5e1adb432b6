//! The board MPS2 AN385 in QEMU as a node that speaks TCPTalks: a robot with the password `secret` or, where it dials, its
//! controller.
#![no_std]
#![no_main]

use embassy_executor::Spawner;
use ropeway_core::dialect::tcptalks::{TCP_PORT, TcpTalks};
use ropeway_core::encoding::pickle::Node;
use ropeway_nodes::Board;
use ropeway_nodes::talker::{self, answer};

#[embassy_executor::main(executor = "ropeway_mps2::Executor", entry = "cortex_m_rt::entry")]
async fn main(spawner: Spawner) -> ! {
    let (stack, mut board, settings) = ropeway_mps2::start(spawner);
    let mut seed = [0; 4];
    board.fill_random(&mut seed);
    let seed = u32::from_le_bytes(seed);
    let end = match settings.get("hub") {
        Some(_) => TcpTalks::dialling,
        None => TcpTalks::listening,
    };
    let make = || end([Node::EMPTY; 32], seed).password("secret");
    talker::run(stack, board, &settings, TCP_PORT, make, answer).await
}
