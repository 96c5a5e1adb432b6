//! A link that only who has the key can read: run it once to listen and once to dial.
//!
//!     echo "rover $(openssl rand -hex 32)" > rover.key
//!     cargo run --bin secure -- rover.key listen
//!     cargo run --bin secure -- rover.key dial 127.0.0.1:8225

use clap::{Parser, Subcommand};
use ropeway_std::native::{self, Key, Keyring};
use ropeway_std::{Handlers, Listener, Node, Options, messages};
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

#[derive(Parser)]
#[command(about = "Greets over an encrypted link")]
struct Arguments {
    /// A file with a line for each key: its id, and 64 hex digits
    keys: PathBuf,
    #[command(subcommand)]
    end: End,
}

#[derive(Subcommand)]
enum End {
    /// Waits for a peer that has one of the keys
    Listen {
        #[arg(default_value = "127.0.0.1:8225")]
        address: SocketAddr,
    },
    /// Greets who listens
    Dial { address: SocketAddr },
}

#[derive(Serialize, Deserialize)]
struct Greet {
    name: String,
}

messages! { enum Words { Greet(Greet) = 0x10 -> String } }

fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { keys, end } = Arguments::parse();
    let config = native::config().registry(Words::ENTRIES, native::Policy::Enforce);
    match end {
        End::Listen { address } => listen(&keys, address, &Arc::new(config)),
        End::Dial { address } => dial(&keys, address, &Arc::new(config)),
    }
}

fn listen(keys: &Path, at: SocketAddr, config: &Arc<native::Config>) -> Result<(), Box<dyn Error>> {
    let options = Options::default().keyring(Keyring::read(keys)?);
    let mut listener = Listener::bind(at)?;
    println!("waiting at {}", listener.address());
    let link = listener.accept(native::listening(config), &options, Duration::MAX)?;
    let mut handlers = Handlers::new();
    handlers.answer::<Greet>(|peer, Greet { name }| {
        let key = peer.key_id().map_or_else(String::new, |id| id.to_string());
        println!("{name:?} greets, by key {key}");
        Ok(format!("hello, {name}"))
    });
    let ended = Node::new(link.expect("somebody comes in the end"), handlers).run(|| false);
    println!("{}", ended.expect_err("it runs until the link ends"));
    Ok(())
}

fn dial(keys: &Path, at: SocketAddr, config: &Arc<native::Config>) -> Result<(), Box<dyn Error>> {
    let dial = native::Dial::new(at).secure(Key::read(keys)?);
    let mut client = dial.client(config, Handlers::new())?;
    let name = "pilot".into();
    println!("{}", client.call(&Greet { name }, Duration::from_secs(5))?);
    client.close(Duration::from_secs(5))?;
    Ok(())
}
