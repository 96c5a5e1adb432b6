//! Native peers for the live view: each says readings at its rate, doubles numbers when asked to, takes files, and
//! prints what it hears.
//!
//! ```text
//! live_peer 127.0.0.1:8225 inbox rover=20 spirit=0.5
//! ```

use ropeway_std::any::{Body, Content, Key};
use ropeway_std::call::Refused;
use ropeway_std::files::{Files, Root, Stage};
use ropeway_std::native::{self, Client, Native, Standing};
use ropeway_std::{Error, Handlers};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let hub = arguments.next().expect("the hub's address");
    let inbox = arguments.next().expect("a folder for files");
    std::thread::scope(|scope| {
        for peer in arguments {
            let (hub, inbox) = (&hub, Path::new(&inbox));
            scope.spawn(move || {
                let (name, rate) = peer.rsplit_once('=').expect("name=rate");
                talk(hub, inbox, name, rate.parse().expect("messages a second"));
            });
        }
    });
}

/// Until the hub ends the session.
fn talk(hub: &str, inbox: &Path, name: &str, rate: f64) {
    let files = Files::new().receive(Root::new(inbox));
    let dial = native::Dial::new(hub.to_owned()).files(files);
    let config = Arc::new(native::config().name(name));
    let mut client = dial.client(&config, handlers(name)).expect("a client");
    let interval = Duration::from_secs_f64(1.0 / rate);
    let (mut next, mut celsius) = (Instant::now(), 20.0_f32);
    loop {
        next += interval;
        celsius = 20.0 + (celsius * 7.3) % 5.0;
        let reading = Content::new(READING, celsius.to_le_bytes().to_vec());
        let said = client.send(&reading);
        if said.is_err() || turn_until(&mut client, next).is_err() {
            println!("{name}: the hub has gone");
            return;
        }
    }
}

fn turn_until(client: &mut Client, until: Instant) -> Result<(), Error> {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        client.turn(left)?;
        if left.is_zero() {
            return Ok(());
        }
    }
}

fn handlers(name: &str) -> Handlers<Native> {
    let mut handlers = Handlers::new();
    let whose = name.to_owned();
    handlers.on_table::<Content>(move |peer, id, content| {
        let (Key::Code(code), Body::Bytes(body)) = (&content.key, &content.body) else {
            return;
        };
        println!("{whose}: 0x{code:02x} {}", String::from_utf8_lossy(body));
        let Some(id) = id else {
            return;
        };
        let answered = match body.as_slice() {
            [number] => peer.answer_any(id, &content.key, &vec![number.wrapping_mul(2)].into()),
            _ => peer.refuse(id, &Refused::new("ValueError", "one byte is doubled")),
        };
        answered.expect("room for an answer");
    });
    let whose = name.to_owned();
    handlers.standing(move |_, standing| {
        if let Standing::Lost { why, .. } = standing {
            println!("{whose}: lost: {why}");
        }
    });
    let whose = name.to_owned();
    handlers.files(move |_, event| {
        if let Stage::Done = event.stage {
            println!("{whose}: file {}", event.name);
        }
    });
    handlers
}

const READING: u8 = 0x10;
