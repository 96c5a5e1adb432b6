//! Messages of any kind, in every dialect.

use ropeway_std::any::{Anything, Arguments, Body, Content, Key, Question};
use ropeway_std::call::{CallError, Refused};
use ropeway_std::dialect::cable_car::{CableCarByte, CableCarJson};
use ropeway_std::dialect::clever_show::CleverShow;
use ropeway_std::memory::{self, End};
use ropeway_std::packetmq::{Packetmq, Packets, Policy};
use ropeway_std::value::{Map, Value};
use ropeway_std::{Handlers, Link, Node, Options, SendError, native, tcptalks};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Two programs that speak one dialect; what the second hears comes out of the channel.
struct Two<D: Anything> {
    here: Node<D, End>,
    there: Node<D, End>,
    heard: Receiver<Content>,
}

impl<D: Anything> Two<D> {
    fn new(here: D, there: D) -> Self {
        let (near, far) = memory::ends(1 << 16);
        let link = |dialect, end| Link::over(dialect, end, &Options::default()).unwrap();
        let (said, heard) = channel();
        let mut handlers = Handlers::new();
        handlers.on_table::<Content>(move |peer, id, content| {
            if let Some(id) = id {
                let refusal = Refused::new("ValueError", "no");
                match &content.body {
                    Body::Arguments(arguments) if arguments.args.is_empty() => {
                        peer.refuse(id, &refusal).unwrap();
                    }
                    Body::Bytes(bytes) if bytes.is_empty() => peer.refuse(id, &refusal).unwrap(),
                    Body::Arguments(arguments) => {
                        let value = Body::Value(Value::Array(arguments.args.clone()));
                        peer.answer_any(id, &content.key, &value).unwrap();
                    }
                    same => peer.answer_any(id, &content.key, same).unwrap(),
                }
            }
            said.send(content).unwrap();
        });
        let mut two = Self {
            here: Node::new(link(here, near), Handlers::new()),
            there: Node::new(link(there, far), handlers),
            heard,
        };
        while !two.here.link().dialect().is_open() || !two.there.link().dialect().is_open() {
            two.turn();
        }
        two
    }

    fn turn(&mut self) {
        self.here.turn(Duration::ZERO).unwrap();
        self.there.turn(Duration::ZERO).unwrap();
    }

    fn carries(&mut self, content: &Content) {
        self.here.peer().send(content).unwrap();
        loop {
            self.turn();
            if let Ok(heard) = self.heard.try_recv() {
                return assert_eq!(heard, *content);
            }
        }
    }

    fn ask(&mut self, content: Content) -> Result<Body, CallError> {
        let outcome = Arc::new(Mutex::new(None));
        let told = outcome.clone();
        let question = Question::new(content, Duration::from_secs(20));
        self.here.peer().ask_any(&question, move |_, answer| {
            *told.lock().unwrap() = Some(answer);
        })?;
        loop {
            self.turn();
            let outcome = outcome.lock().unwrap().take();
            if let Some(outcome) = outcome {
                self.heard.try_iter().for_each(drop);
                return outcome;
            }
        }
    }
}

fn attributes() -> Map {
    [("x", Value::from(1)), ("name", "rover".into())].into()
}

fn arguments() -> Arguments {
    Arguments::new([1, 2]).with("fast", true)
}

#[test]
fn bytes_go_by_code_in_the_native_protocol() {
    let config = Arc::new(native::config());
    let mut two = Two::new(native::dialling(&config), native::listening(&config));
    two.carries(&Content::new(0x10, vec![1, 2, 3]));
    let answer = two.ask(Content::new(0x11, vec![4, 5]));
    assert_eq!(answer, Ok(Body::Bytes(vec![4, 5])));
    let refused = two.ask(Content::new(0x11, vec![])).unwrap_err();
    assert_eq!(refused.to_string(), "ValueError: no");
    let session_code = Content::new(0xE0, vec![]);
    let sent = two.here.peer().send(&session_code);
    assert_eq!(sent, Err(SendError::Unencodable));
}

#[test]
fn bytes_go_by_code_in_cable_cars_bytes() {
    let mut two = Two::new(CableCarByte, CableCarByte);
    two.carries(&Content::new(0xFF, vec![7; 253]));
    let asked = two.ask(Content::new(0x10, vec![]));
    assert_eq!(asked, Err(CallError::NoCalls));
    let long = two.here.peer().send(&Content::new(0x10, vec![7; 254]));
    assert_eq!(long, Err(SendError::TooLong { limit: 253 }));
}

#[test]
fn attributes_go_by_name_in_cable_cars_json() {
    let mut two = Two::new(CableCarJson, CableCarJson);
    two.carries(&Content::new("MsgChat", attributes()));
    let asked = two.ask(Content::new("MsgChat", attributes()));
    assert_eq!(asked, Err(CallError::NoCalls));
    let number = two
        .here
        .peer()
        .send(&Content::new("MsgChat", Value::from(1)));
    assert_eq!(number, Err(SendError::Unencodable));
}

#[test]
fn values_go_by_registered_name_in_packetmq() {
    let mut packets = Packets::default();
    packets.add("chat:msg", 17).unwrap();
    let here = Packetmq::new(Policy::Adaptive, packets.clone());
    let mut two = Two::new(here, Packetmq::new(Policy::Static, packets));
    two.carries(&Content::new("chat:msg", Value::from("hello")));
    let other = two
        .here
        .peer()
        .send(&Content::new("chat:other", Value::Null));
    assert_eq!(other, Err(SendError::Unregistered));
}

#[test]
fn functions_are_called_by_name_in_clever_show() {
    let mut two = Two::new(CleverShow::new(), CleverShow::new());
    two.carries(&Content::new("takeoff", arguments()));
    let answer = two.ask(Content::new("position", arguments()));
    assert_eq!(
        answer,
        Ok(Body::Value(Value::Array(vec![1.into(), 2.into()])))
    );
    two.carries(&Content::new("land", Arguments::default()));
}

#[test]
fn functions_are_called_by_opcode_in_tcptalks() {
    let dialling = tcptalks::Dialect::dialling(tcptalks::Values::new(1000), 1);
    let listening = tcptalks::Dialect::listening(tcptalks::Values::new(1000), 2);
    let mut two = Two::new(dialling, listening);
    two.carries(&Content::new(Key::Code(0x10), arguments()));
    two.carries(&Content::new("drive", arguments()));
    let answer = two.ask(Content::new("drive", arguments()));
    assert_eq!(
        answer,
        Ok(Body::Value(Value::Array(vec![1.into(), 2.into()])))
    );
    let refused = two
        .ask(Content::new("drive", Arguments::default()))
        .unwrap_err();
    assert!(matches!(refused, CallError::Refused(refused) if refused.class == "ValueError"));
}
