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
use ropeway_nodes::echo;

#[embassy_executor::main(executor = "ropeway_mps2::Executor", entry = "cortex_m_rt::entry")]
async fn main(spawner: Spawner) -> ! {
    let (stack, board, settings) = ropeway_mps2::start(spawner);
    echo::run(stack, board, &settings).await
}
