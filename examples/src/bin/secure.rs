//! A link that only who has the key can read: run it once to listen and once to dial.
//!
//! ```text
//! echo "rover $(openssl rand -hex 32)" > rover.key
//! secure rover.key listen
//! secure rover.key dial 127.0.0.1:8225
//! ```

use clap::Parser;
use ropeway_std::native::{self, Key, Keyring};
use ropeway_std::{Handlers, Listener, Node, Options, messages};
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

#[derive(Serialize, Deserialize)]
struct Greet(String);

messages! { enum Words { Greet(Greet) = 0x10 -> String } }

#[derive(Parser)]
#[command(about = "Greets over an encrypted link")]
struct Arguments {
    /// A file with a line for each key: its id, and 64 hex digits
    keys: PathBuf,
    #[arg(value_parser = ["listen", "dial"])]
    side: String,
    #[arg(default_value_t = format!("127.0.0.1:{}", native::TCP_PORT))]
    address: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let Arguments {
        keys,
        side,
        address,
    } = Arguments::parse();
    let config = native::config().registry(Words::ENTRIES, native::Policy::Enforce);
    let config = Arc::new(config);
    if side == "dial" {
        let dial = native::Dial::new(address).secure(Key::read(&keys)?);
        let mut client = dial.client(&config, Handlers::new())?;
        println!(
            "{}",
            client.call(&Greet("pilot".into()), Duration::from_secs(5))?
        );
        client.close(Duration::from_secs(5))?;
        return Ok(());
    }
    let options = Options::default().keyring(Keyring::read(&keys)?);
    let mut listener = Listener::bind(address)?;
    println!("waiting at {}", listener.address());
    let link = listener.accept(native::listening(&config), &options, Duration::MAX)?;
    let mut handlers = Handlers::new();
    handlers.answer::<Greet>(|peer, Greet(name)| {
        let key = peer.key_id().map_or_else(String::new, |id| id.to_string());
        println!("{name:?} greets, by key {key}");
        Ok(format!("hello, {name}"))
    });
    let ended = Node::new(link.ok_or("nobody came")?, handlers).run(|| false);
    println!("{}", ended.expect_err("it runs until the link ends"));
    Ok(())
}
