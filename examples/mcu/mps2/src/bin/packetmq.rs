//! The board MPS2 AN385 in QEMU as a node that speaks packetmq, at port 8080.
#![no_std]
#![no_main]

use embassy_executor::Spawner;
use ropeway_core::dialect::packetmq::{Packetmq, Packets, Policy, Slots};
use ropeway_nodes::talker::{self, Talk};

#[embassy_executor::main(executor = "ropeway_mps2::Executor", entry = "cortex_m_rt::entry")]
async fn main(spawner: Spawner) -> ! {
    let (stack, board, settings) = ropeway_mps2::start(spawner);
    let packets = Packets::<Slots<8>>::of(Talk::ENTRIES).expect("names and ids that go together");
    let policy = match settings.get("hub") {
        Some(_) => Policy::Adaptive, // servers are static
        None => Policy::Static,
    };
    let make = || Packetmq::new(policy, packets.clone());
    talker::run(
        stack,
        board,
        &settings,
        8080,
        make,
        async |_, call, _| match call {},
    )
    .await
}
