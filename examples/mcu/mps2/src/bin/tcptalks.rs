//! The board MPS2 AN385 in QEMU as a node that speaks TCPTalks: a robot with the password `secret`.
#![no_std]
#![no_main]

use embassy_executor::Spawner;
use ropeway_core::dialect::tcptalks::{TCP_PORT, TcpTalks};
use ropeway_core::encoding::pickle::Node;
use ropeway_embassy::Peer;
use ropeway_nodes::talker::{self, Double};

type Talks = TcpTalks<[Node; 32]>;

#[embassy_executor::main(executor = "ropeway_mps2::Executor", entry = "cortex_m_rt::entry")]
async fn main(spawner: Spawner) -> ! {
    let (stack, board, settings) = ropeway_mps2::start(spawner);
    let make = || TcpTalks::listening([Node::EMPTY; 32], 7).password("secret");
    let answer =
        async |peer: Peer<'_, Talks>, call, value| peer.answer::<Double>(call, &value).await;
    talker::run(stack, board, &settings, TCP_PORT, make, answer).await
}
