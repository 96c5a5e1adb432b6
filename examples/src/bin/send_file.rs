//! Sends a file, however often the link is lost or either end is started anew.
//!
//!     cargo run --bin send_file -- receive inbox
//!     cargo run --bin send_file -- send 127.0.0.1:8225 film.mkv

use clap::Parser;
use ropeway_std::files::{Event, Files, Root, Stage};
use ropeway_std::hub::{Hub, Limits, PeerInfo};
use ropeway_std::{Handlers, Options, native};
use std::error::Error;
use std::fs;
use std::io::{Write, stdout};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::Duration;

#[derive(Parser)]
#[command(about = "Sends files to who receives them")]
enum Arguments {
    /// Takes files into a folder
    Receive {
        folder: PathBuf,
        #[arg(long, default_value = "0.0.0.0:8225")]
        listen: SocketAddr,
    },
    /// Sends a file
    Send { address: SocketAddr, file: PathBuf },
}

fn main() -> Result<(), Box<dyn Error>> {
    match Arguments::parse() {
        Arguments::Receive { folder, listen } => receive(&folder, listen),
        Arguments::Send { address, file } => send(address, &file),
    }
}

fn receive(folder: &Path, listen: SocketAddr) -> Result<(), Box<dyn Error>> {
    let config = Arc::new(native::config().name("receiver"));
    let dialect = move |_: &PeerInfo| native::listening(&config);
    let mut handlers = Handlers::new();
    handlers.files(|_, event| show(event));
    let hub = Hub::new(dialect, Options::default(), Limits::default())?;
    fs::create_dir_all(folder)?;
    let files = Files::new().receive(Root::new(folder));
    let mut hub = hub.with_handlers(handlers).with_files(files);
    let port = hub.listen(listen)?;
    println!("waiting at {}", hub.address(port).unwrap_or(listen));
    Ok(hub.run(|| false)?)
}

fn send(address: SocketAddr, file: &Path) -> Result<(), Box<dyn Error>> {
    let (said, last) = mpsc::channel();
    let mut handlers = Handlers::new();
    handlers.files(move |_, event| {
        show(event);
        if event.is_last() {
            let _ = said.send(event.stage.clone());
        }
    });
    let config = Arc::new(native::config().name("sender"));
    let dial = native::Dial::new(address).files(Files::new());
    let mut client = dial.client(&config, handlers)?;
    let name = file.file_name().and_then(|name| name.to_str());
    client
        .peer()
        .offer(file, name.ok_or("the name is no text")?)?;
    let stage = loop {
        client.turn(Duration::MAX)?;
        if let Ok(stage) = last.try_recv() {
            break stage;
        }
    };
    client.close(Duration::from_secs(5))?;
    match stage {
        Stage::Done => Ok(()),
        stage => Err(stage.to_string().into()),
    }
}

fn show(event: &Event) {
    let percent = (event.done * 100).checked_div(event.size).unwrap_or(100);
    print!("\r{} {percent} %", event.name);
    match &event.stage {
        Stage::Begun | Stage::Underway => {}
        stage => println!(", {stage}"),
    }
    let _ = stdout().flush();
}
