//! Nodes and hubs in real dialects.

use ropeway_std::call::{CallError, Refused};
use ropeway_std::dialect::cable_car::{CableCarByte, Join, Quit};
use ropeway_std::dialect::clever_show::CleverShow;
use ropeway_std::dialect::tcptalks::{TcpTalks, Variant};
use ropeway_std::encoding::pickle::Node as Value;
use ropeway_std::hub::{Hub, Limits};
use ropeway_std::memory::ends;
use ropeway_std::{Connect, Event, Handlers, Link, Node, Options, messages};
use serde::{Deserialize, Serialize};
use std::thread;
use std::time::Duration;

const SOON: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(20);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Move {
    distance: i32,
    speed: i32,
}

#[derive(Debug, Serialize, Deserialize)]
struct Stop();

#[derive(Debug, Serialize, Deserialize)]
struct Ask(String);

messages! {
    enum Robot {
        Move(Move) = 0x10 -> bool,
        Stop(Stop) = 0x11 -> (),
        Ask(Ask) = 0x12 -> String,
    }
}

type Talks = TcpTalks<[Value; 64]>;

const fn nodes() -> [Value; 64] {
    [Value::EMPTY; 64]
}

fn robot() -> Handlers<Talks> {
    let mut handlers = Handlers::new();
    handlers
        .on::<Stop>(|_, Stop()| {})
        .answer::<Move>(|_, go| match go.speed {
            0 => Err(Refused::new("ValueError", "no speed")),
            _ => Ok(go.distance > 0),
        })
        .answer::<Ask>(|_, Ask(what)| Ok(format!("robot's {what}")));
    handlers
}

fn controller() -> Handlers<Talks> {
    let mut handlers = Handlers::new();
    handlers.answer::<Ask>(|_, Ask(what)| Ok(format!("controller's {what}")));
    handlers
}

fn talk(variant: Variant) {
    let (here, there) = ends(4096);
    let options = Options::default();
    let dialect = TcpTalks::listening(nodes(), 1)
        .password("secret")
        .variant(variant);
    let mut listening = Node::new(Link::over(dialect, there, &options).unwrap(), robot());
    let listening = thread::spawn(move || {
        assert!(listening.open(LONG).unwrap());
        let name = listening.call(&Ask("name".into()), LONG);
        assert_eq!(name.as_deref(), Ok("controller's name"));
        listening.run(|| false).unwrap_err()
    });
    let dialect = TcpTalks::dialling(nodes(), 2)
        .password("secret")
        .variant(variant);
    let mut node = Node::new(Link::over(dialect, here, &options).unwrap(), controller());
    let go = |distance, speed| Move { distance, speed };
    assert_eq!(node.call(&go(100, 3), LONG), Ok(true));
    assert_eq!(node.call(&Stop(), LONG), Ok(()));
    let Err(CallError::Refused(refused)) = node.call(&go(100, 0), LONG) else {
        panic!("not refused")
    };
    assert_eq!(refused.to_string(), "ValueError: no speed");
    let name = node.call(&Ask("name".into()), LONG);
    assert_eq!(name.as_deref(), Ok("robot's name"));
    drop(node);
    listening.join().unwrap();
}

#[test]
fn robot_and_controller_call_each_other() {
    talk(Variant::Current);
}

#[test]
fn robot_and_controller_of_old_call_each_other() {
    talk(Variant::Old);
}

#[test]
fn one_call_at_a_time_is_made_where_there_are_no_ids() {
    let options = Options::default();
    let (here, _there) = ends(4096);
    let dialect = TcpTalks::<_, &str>::listening(nodes(), 1).variant(Variant::Old);
    let mut node = Node::new(Link::over(dialect, here, &options).unwrap(), robot());
    node.peer().dialect().handle_silence();
    let _first = node.start(&Ask("a".into()), LONG).unwrap();
    assert_eq!(
        node.start(&Ask("b".into()), LONG).unwrap_err(),
        CallError::Busy
    );
}

#[test]
fn a_drone_and_its_server_call_each_other() {
    let mut handlers = Handlers::<CleverShow>::new();
    handlers
        .answer::<Ask>(|_, Ask(what)| Ok(format!("drone's {what}")))
        .answer::<Move>(|_, go| match go.speed {
            0 => Err(Refused::new("ValueError", "no speed")),
            _ => Ok(true),
        });
    let (here, there) = ends(4096);
    let link = Link::over(CleverShow::new(), there, &Options::default()).unwrap();
    let mut drone = Node::new(link, handlers);
    let drone = thread::spawn(move || {
        let name = drone.call(&Ask("name".into()), LONG);
        assert_eq!(name.as_deref(), Ok("server's name"));
        drone.run(|| false).unwrap_err()
    });
    let mut handlers = Handlers::<CleverShow>::new();
    handlers.answer::<Ask>(|_, Ask(what)| Ok(format!("server's {what}")));
    let link = Link::over(CleverShow::new(), here, &Options::default()).unwrap();
    let mut server = Node::new(link, handlers);
    let name = server.call(&Ask("name".into()), LONG);
    assert_eq!(name.as_deref(), Ok("drone's name"));
    // There is no word for "no".
    let go = |speed| Move { distance: 1, speed };
    assert_eq!(server.call(&go(0), SOON), Err(CallError::Deadline));
    assert_eq!(server.call(&go(1), LONG), Ok(true));
    drop(server);
    drone.join().unwrap();
}

#[test]
fn silence_is_no_password_to_a_listener_of_old() {
    let mut handlers = Handlers::new();
    handlers.answer::<Ask>(|_, Ask(what)| Ok(what));
    let listening = |_: &_| TcpTalks::<_, &str>::listening(nodes(), 1).variant(Variant::Old);
    let limits = Limits::default().opening(SOON);
    let mut hub = Hub::new(listening, Options::default(), limits)
        .unwrap()
        .with_handlers(handlers);
    let listener = hub.listen("127.0.0.1:0").unwrap();
    let address = hub.address(listener).unwrap();
    let _silent = std::net::TcpStream::connect(address).unwrap();
    while hub.ids().next().is_none() {
        hub.turn(LONG).unwrap();
    }
}

#[test]
fn a_hub_without_calls_echoes() {
    messages! { #[derive(Debug)] enum Words { Join(Join), Quit(Quit) } }
    let mut handlers = Handlers::new();
    handlers.on::<Join>(|peer, Join| peer.send(&Quit).unwrap());
    let mut hub = Hub::new(|_| CableCarByte, Options::default(), Limits::default())
        .unwrap()
        .with_handlers(handlers);
    let listener = hub.listen("127.0.0.1:0").unwrap();
    let address = hub.address(listener).unwrap();
    let handle = hub.handle();
    let served = thread::spawn(move || hub.run(|| false));
    let mut link = Connect::new(address)
        .link(CableCarByte, &Options::default())
        .unwrap();
    link.send(&Join).unwrap();
    let said = link.recv::<Words>(LONG).unwrap();
    assert!(
        matches!(said, Some(Event::Message(Words::Quit(Quit)))),
        "{said:?}"
    );
    handle.stop();
    served.join().unwrap().unwrap();
}

#[test]
fn calls_need_no_turbofish_in_the_public_dialect() {
    use ropeway_std::tcptalks::{Dialect, Settings, Values};
    let mut handlers = Handlers::new();
    handlers.answer::<Ask>(|_, Ask(what)| Ok(what));
    let settings = Settings::default().password("secret");
    let mut hub = Hub::new(
        move |_| settings.listening(),
        Options::default(),
        Limits::default(),
    )
    .unwrap()
    .with_handlers(handlers);
    let listener = hub.listen("127.0.0.1:0").unwrap();
    let address = hub.address(listener).unwrap();
    let handle = hub.handle();
    let served = thread::spawn(move || hub.run(|| false));

    let dialect = Dialect::dialling(Values::new(100), 1).password("secret".into());
    let link = Connect::new(address).link(dialect, &Options::default());
    let mut node = Node::new(link.unwrap(), Handlers::new());
    assert!(node.open(LONG).unwrap());
    let ask = || Ask("hello".into());
    assert_eq!(node.call(&ask(), LONG).unwrap(), "hello");
    let ticket = node.start(&ask(), LONG).unwrap();
    let (told, results) = std::sync::mpsc::channel();
    let tell = told.clone();
    node.call_then(&ask(), LONG, move |peer, _| {
        peer.call_then(&ask(), LONG, move |_, result| tell.send(result).unwrap())
            .unwrap();
    })
    .unwrap();
    while ticket.poll().is_none() {
        node.turn(LONG).unwrap();
    }
    let result = loop {
        match results.try_recv() {
            Ok(result) => break result,
            Err(_) => node.turn(LONG).unwrap(),
        };
    };
    assert_eq!(result.unwrap(), "hello");
    handle.stop();
    served.join().unwrap().unwrap();

    // The same through a hub, to a peer that is gone.
    let settings = Settings::default();
    let mut hub = Hub::<Dialect>::new(
        move |_| settings.dialling(),
        Options::default(),
        Limits::default(),
    )
    .unwrap();
    let peer = hub.connect(address).unwrap();
    assert!(hub.start(peer, &ask(), LONG).is_err());
    let tell = move |result| told.send(result).unwrap();
    assert!(
        hub.call_then(peer, &ask(), LONG, move |_, result| tell(result))
            .is_err()
    );
}

#[test]
fn a_wrong_password_is_named_at_both_ends() {
    use ropeway_std::dialect::tcptalks::Notice;
    use ropeway_std::hub::{News, Reason};
    use ropeway_std::tcptalks::{Dialect, Settings};
    let settings = Settings::default().password("secret");
    let mut hub = Hub::<Dialect>::new(
        move |_| settings.listening(),
        Options::default(),
        Limits::default(),
    )
    .unwrap();
    let (told, refused) = std::sync::mpsc::channel();
    let tell = told.clone();
    hub.handlers().news(move |_, news| {
        if let News::TurnedAway(_, Reason::Refused) = news {
            tell.send("hub").unwrap();
        }
    });
    let listener = hub.listen("127.0.0.1:0").unwrap();
    let address = hub.address(listener).unwrap();
    let handle = hub.handle();
    let served = thread::spawn(move || hub.run(|| false));

    let dialect = Settings::default().password("wrong").dialling();
    let mut handlers = Handlers::new();
    handlers.otherwise(move |_, event| {
        if let Event::Notice(Notice::Refused) = event {
            told.send("node").unwrap();
        }
    });
    let link = Connect::new(address).link(dialect, &Options::default());
    let mut node = Node::new(link.unwrap(), handlers);
    let opened = node.open(LONG);
    assert!(
        matches!(opened, Err(ropeway_std::Error::Closed)),
        "{opened:?}"
    );
    drop(node);
    let mut ends = [(); 2].map(|()| refused.recv_timeout(LONG).unwrap());
    ends.sort_unstable();
    assert_eq!(ends, ["hub", "node"]);
    handle.stop();
    served.join().unwrap().unwrap();
}

#[test]
fn nodes_and_talks_refuse_in_the_same_classes() {
    use ropeway_std::tcptalks::{Settings, Talks};
    let (here, there) = ends(4096);
    let served = thread::spawn(move || {
        let link = Link::over(Settings::default().listening(), there, &Options::default());
        let mut handlers = Handlers::new();
        handlers.answer::<Ask>(|_, Ask(what)| Ok(what));
        Node::new(link.unwrap(), handlers).run(|| false)
    });
    let mut controller = Talks::dial_over(here, &Settings::default().opening(LONG)).unwrap();
    for (opcode, arguments, raised) in [
        (0x33, &[][..], "KeyError: no handler for 0x33"),
        (0x12, &[], "TypeError: 0x12: too few or too many entries"),
        (0x12, &[1], "TypeError: 0x12: not a string"),
    ] {
        let error = controller.execute::<String>(opcode, arguments);
        assert_eq!(error.unwrap_err().remote().unwrap().to_string(), raised);
    }
    drop(controller);
    assert!(served.join().unwrap().is_err());
}
