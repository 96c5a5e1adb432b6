//! The board MPS2 AN385 in QEMU, which echoes over TCP.
//!
//! ```sh
//! cargo build --release -p ropeway-mps2 --bin echo --target thumbv7m-none-eabi
//! qemu-system-arm -M mps2-an385 -display none -serial none -monitor none \
//!   -semihosting-config enable=on,target=native,arg=echo,arg=seed=$(openssl rand -hex 32) \
//!   -nic user,model=lan9118,hostfwd=tcp:127.0.0.1:8225-:8225 \
//!   -kernel target/thumbv7m-none-eabi/release/echo
//! ```
//!
//! It says `ready` when it listens; `nc 127.0.0.1 8225` talks to it. Further settings, each as a further `arg=…`, are
//! in the documentation of the library, and `peers` in that of [`ropeway_nodes::echo`].
#![no_std]
#![no_main]

use embassy_executor::Spawner;
use embassy_net::{Runner, StackResources};
use ropeway_mps2::Ethernet;
use ropeway_nodes::{Board, echo};
use static_cell::StaticCell;

#[embassy_executor::main(executor = "ropeway_mps2::Executor", entry = "cortex_m_rt::entry")]
async fn main(spawner: Spawner) -> ! {
    let (mut board, ethernet, settings) = ropeway_mps2::start();

    // One socket more than the application has, for DHCP.
    static RESOURCES: StaticCell<StackResources<{ echo::SOCKETS + 1 }>> = StaticCell::new();
    let mut seed = [0; 8];
    board.fill_random(&mut seed);
    let (stack, runner) = embassy_net::new(
        ethernet,
        ropeway_nodes::network(&settings),
        RESOURCES.init(StackResources::new()),
        u64::from_ne_bytes(seed),
    );
    spawner.spawn(network(runner).expect("the first of its kind"));

    echo::run(stack, board, &settings).await
}

#[embassy_executor::task]
async fn network(mut runner: Runner<'static, Ethernet>) -> ! {
    runner.run().await
}
