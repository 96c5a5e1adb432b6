//! Sends a file, however often the link is lost or either end is started anew.
//!
//! ```text
//! send_file receive inbox
//! send_file send 127.0.0.1:8225 film.mkv
//! ```

use clap::Parser;
use ropeway_std::files::{Event, Files, Root, Stage};
use ropeway_std::hub::{Hub, Limits};
use ropeway_std::{Handlers, Options, native};
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use std::{error::Error, fs};

#[derive(Parser)]
#[command(about = "Sends files to who receives them")]
enum Side {
    /// Takes files into a folder
    Receive {
        folder: PathBuf,
        #[arg(long, default_value_t = format!("0.0.0.0:{}", native::TCP_PORT))]
        listen: String,
    },
    /// Sends a file
    Send { address: String, file: PathBuf },
}

fn main() -> Result<(), Box<dyn Error>> {
    match Side::parse() {
        Side::Receive { folder, listen } => receive(&folder, &listen),
        Side::Send { address, file } => send(address, &file),
    }
}

fn receive(folder: &Path, listen: &str) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    let config = Arc::new(native::config().name("receiver"));
    let mut handlers = Handlers::new();
    handlers.files(|_, event| show(event));
    let dialect = move |_: &_| native::listening(&config);
    let hub = Hub::new(dialect, Options::default(), Limits::default())?.with_handlers(handlers);
    let mut hub = hub.with_files(Files::new().receive(Root::new(folder)));
    let port = hub.listen(listen)?;
    println!("waiting at {}", hub.address(port).ok_or("no address")?);
    Ok(hub.run(|| false)?)
}

fn send(address: String, file: &Path) -> Result<(), Box<dyn Error>> {
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
        .offer(file, name.ok_or("a name that is no text")?)?;
    let stage = loop {
        client.turn(Duration::MAX)?;
        if let Ok(stage) = last.try_recv() {
            break stage;
        }
    };
    client.close(Duration::from_secs(5))?;
    matches!(stage, Stage::Done)
        .then_some(())
        .ok_or_else(|| stage.to_string().into())
}

fn show(
    Event {
        name,
        done,
        size,
        stage,
        ..
    }: &Event,
) {
    let percent = (done * 100).checked_div(*size).unwrap_or(100);
    let bar = "#".repeat(usize::try_from(percent / 4).unwrap_or_default());
    print!("\r[{bar:25}] {percent:3} % of {name}");
    match stage {
        Stage::Begun | Stage::Underway => {}
        stage => println!(", {stage}"),
    }
    let _ = stdout().flush();
}
