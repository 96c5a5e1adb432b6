//! A calculator and its caller, in tasks of tokio.
//!
//!     cargo run --features ropeway-examples/tokio --bin tokio_call
//!     cargo run --features ropeway-examples/tokio --bin tokio_call -- --call 127.0.0.1:8225
//!
//! Stop the calculator and start it again while the caller runs: the caller finds it, and goes on.

use clap::Parser;
use ropeway_std::tokio::{Dial, Event, Handle, Link, Listener, Node};
use ropeway_std::{Handlers, Options, messages, native};
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

#[derive(Serialize, Deserialize)]
struct Sum(i64, i64);

messages! { enum Words { Sum(Sum) = 0x10 -> i64 where repeatable } }

#[derive(Parser)]
#[command(about = "A calculator and its caller, in tasks of tokio")]
struct Arguments {
    /// Calls the calculator at this address
    #[arg(long)]
    call: Option<String>,
    /// Where the calculator listens
    #[arg(long, default_value = "127.0.0.1:8225")]
    listen: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let config = native::config().registry(Words::ENTRIES, native::Policy::Enforce);
    let config = Arc::new(config.silence(Duration::from_secs(3)));
    match arguments.call {
        Some(address) => call(address, config).await,
        None => calculate(&arguments.listen, config).await,
    }
}

/// Serves one caller at a time; one that comes again goes on where it was.
async fn calculate(address: &str, config: Arc<native::Config>) -> Result<(), Box<dyn Error>> {
    let options = Options::default();
    let listener = Listener::bind(address).await?;
    println!("calculating at {}", listener.address());
    let mut handlers = Handlers::new();
    handlers
        .answer::<Sum>(|_, Sum(a, b)| Ok(a.saturating_add(b)))
        .standing(|_, standing| println!("{standing:?}"));
    let link: Link<_> = listener
        .accept(native::listening(&config), &options)
        .await?;
    let mut node = Node::new(link, handlers);
    loop {
        tokio::select! {
            ended = node.run() => {
                println!("{ended:?}");
                node.reconnect(listener.stream(&options).await?);
            }
            stream = listener.stream(&options) => node.reconnect(stream?),
        }
    }
}

/// Several tasks call at the same time.
async fn call(address: String, config: Arc<native::Config>) -> Result<(), Box<dyn Error>> {
    let mut client = Dial::new(address).client(&config, Handlers::new())?;
    let mut events = client.events::<Words>(16);
    let (driver, handle) = client.drive();
    for task in 0..3 {
        tokio::spawn(count(task, handle.clone()));
    }
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            match event {
                Event::Lost { why, retry_in } => println!("{why}: again in {retry_in:?}"),
                other => println!("{}", describe(&other)),
            }
        }
    });
    Ok(driver.run().await?)
}

async fn count(task: i64, handle: Handle<native::Native>) {
    let mut total = 0;
    loop {
        match handle.call(&Sum(total, task), Duration::from_secs(5)).await {
            Ok(sum) => total = sum,
            Err(error) => println!("task {task}: {error}"),
        }
        println!("task {task} is at {total}");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

fn describe<C>(event: &Event<Words, C>) -> &'static str {
    match event {
        Event::Connected => "connected",
        Event::Resumed => "goes on",
        Event::Fresh { .. } => "begins anew",
        _ => "something else",
    }
}
