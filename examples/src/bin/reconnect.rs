//! A client that outlives its links: stop `native_call serve` while this runs, and start it again.
//!
//! ```text
//! reconnect 127.0.0.1:8225 --calls 100
//! ```

use clap::Parser;
use ropeway_std::{Handlers, messages, native};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::{Duration, Instant};

#[derive(Serialize, Deserialize)]
struct Sum(i32, i32);

messages! { enum Words { Sum(Sum) = 0x10 -> i32 where repeatable } }

#[derive(Parser)]
#[command(about = "Calls again and again, whatever becomes of the link")]
struct Arguments {
    /// Where `native_call serve` listens
    server: String,
    #[arg(long, default_value_t = 10)]
    calls: i32,
    /// How long to pause between calls, in milliseconds
    #[arg(long, default_value_t = 500)]
    pause: u64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let config = native::config().registry(Words::ENTRIES, native::Policy::Enforce);
    let mut handlers = Handlers::new();
    handlers.standing(|_, standing| match standing {
        native::Standing::Lost { why, retry_in } => println!("{why}; again in {retry_in:?}"),
        standing => println!("{standing:?}"),
    });
    let mut client = native::Dial::new(arguments.server).client(&Arc::new(config), handlers)?;
    for n in 1..=arguments.calls {
        println!("{n} + {n} = {}", client.call(&Sum(n, n), Duration::MAX)?);
        // The link is kept meanwhile.
        let end = Instant::now() + Duration::from_millis(arguments.pause);
        while Instant::now() < end {
            client.turn(end.saturating_duration_since(Instant::now()))?;
        }
    }
    client.close(Duration::from_secs(1))?;
    Ok(())
}
