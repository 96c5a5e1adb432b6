//! Calls over the native protocol, both ends in one program:
//!
//! ```text
//! native_call serve                          listens at port 8225, for one caller at a time
//! native_call call 127.0.0.1:8225 20 22      prints 42
//! ```

use clap::Parser;
use ropeway_std::call::Refused;
use ropeway_std::{Handlers, Listener, Node, Options, messages, native};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

#[derive(Serialize, Deserialize)]
struct Sum(i32, i32);

messages! { enum Words { Sum(Sum) = 0x10 -> i32 where repeatable } }

#[derive(Parser)]
#[command(about = "Adds numbers over the native protocol")]
enum Side {
    /// Add what others ask for
    Serve {
        #[arg(long, default_value_t = format!("0.0.0.0:{}", native::TCP_PORT))]
        listen: String,
    },
    /// Ask for a sum
    #[command(allow_negative_numbers = true)]
    Call { server: String, a: i32, b: i32 },
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = native::config().registry(Words::ENTRIES, native::Policy::Enforce);
    match Side::parse() {
        Side::Serve { listen } => serve(&listen, &Arc::new(config.name("calculator"))),
        Side::Call { server, a, b } => {
            let mut client =
                native::Dial::new(server).client(&Arc::new(config), Handlers::new())?;
            println!("{}", client.ask(&Sum(a, b))?);
            client.close(Duration::from_secs(1))?;
            Ok(())
        }
    }
}

fn serve(listen: &str, config: &Arc<native::Config>) -> Result<(), Box<dyn std::error::Error>> {
    let mut listener = Listener::bind(listen)?;
    println!("listening at {}", listener.address());
    let mut handlers = Handlers::new();
    handlers.answer::<Sum>(|_, Sum(a, b)| a.checked_add(b).ok_or(Refused::text("too large")));
    let (native, options) = (native::listening(config), Options::default());
    let link = listener.accept(native, &options, Duration::MAX)?;
    let mut node = Node::new(link.ok_or("nobody came")?, handlers);
    loop {
        if let Err(error) = node.run(|| false) {
            println!("{error}");
        }
        // The caller may come back to its session.
        let (stream, _) = listener.stream(Duration::MAX)?.ok_or("nobody came")?;
        node.reconnect(stream)?;
    }
}
