//! What TCPTalks programs sent, as messages: calls, replies, openings, and what is no message.

use ropeway_core::dialect::Envelope;
use ropeway_core::dialect::tcptalks::{
    AUTHENTICATE, Body, CallId, Notice, Opcode, Password, Reply, TcpTalks, Variant,
};
use ropeway_core::encoding::pickle::{Node, Progress, Table, Value};
use ropeway_core::encoding::value::Kind;
use ropeway_core::{Event, Messenger, Over, Rule};
use ropeway_std::{Growable, value::Value as Tree};
use ropeway_tests::vectors::{are_same, hex, malformed, text, untagged, vectors};
use std::collections::BTreeMap;

type Talks = TcpTalks<Nodes, String>;
type Side = Messenger<Talks, Growable>;

/// Memory for the values of one message.
struct Nodes(Vec<Node>);

/// What came of a message.
#[derive(Clone, Debug, PartialEq)]
enum Said {
    Call {
        opcode: String,
        id: CallId,
        args: Vec<Item>,
        kwargs: Same,
    },
    Reply {
        id: CallId,
        args: Vec<Item>,
    },
    Notice(String),
    Malformed(Rule),
}

/// A value, or an exception by class and message.
#[derive(Clone, Debug, PartialEq)]
enum Item {
    Value(Same),
    Exception(String, String),
}

/// A value that is another if both are written the same.
#[derive(Clone, Debug)]
struct Same(Tree);

impl PartialEq for Same {
    fn eq(&self, other: &Self) -> bool {
        are_same(&self.0, &other.0)
    }
}

#[test]
fn reads_the_messages_of_every_vector() {
    let mut counts = BTreeMap::new();
    for vector in vectors(FILE) {
        let decoded = &vector.decoded;
        let variant = variant_of(&vector.name);
        if decoded["retcode"].as_i64().or(decoded["opcode"].as_i64()) == Some(AUTHENTICATE) {
            *counts.entry("opening").or_insert(0) += 1;
            continue; // Below, where they belong.
        }
        let wanted: Vec<Said> = vector
            .messages()
            .iter()
            .map(|message| wanted(message, variant))
            .collect();
        let said = hear(&mut opened(variant), &vector.bytes);
        if let [Said::Malformed(Rule::Pickle(_))] = &said[..] {
            // Bytes of protocols 0 to 2 are calls, and the role is bytes.
            let protocol = vector.entry["pickle_protocol"].as_u64();
            assert!(protocol < Some(3), "{}: {said:?}", vector.name);
            *counts.entry("refused").or_insert(0) += 1;
            continue;
        }
        assert_eq!(said, wanted, "{}", vector.name);
        *counts.entry("read").or_insert(0) += said.len();
        for piece in [1, 7] {
            let mut side = opened(variant);
            let pieces = vector.bytes.chunks(piece);
            let said: Vec<Said> = pieces.flat_map(|piece| hear(&mut side, piece)).collect();
            assert_eq!(said, wanted, "{} in pieces of {piece}", vector.name);
        }
    }
    assert_eq!(
        (counts["opening"], counts["read"], counts["refused"]),
        (65, 658, 304)
    );
}

#[test]
fn reads_what_comes_back_to_back() {
    for variant in [Variant::Current, Variant::Old] {
        let vectors = vectors(FILE).into_iter().filter(|vector| {
            let protocol = vector.entry["pickle_protocol"].as_u64();
            variant_of(&vector.name) == variant && protocol >= Some(3) && vector.bytes.len() < 2000
        });
        let vectors: Vec<_> = vectors.collect();
        let stream: Vec<u8> = vectors
            .iter()
            .flat_map(|vector| vector.bytes.clone())
            .collect();
        let messages: usize = vectors.iter().map(|vector| vector.messages().len()).sum();
        assert_eq!(hear(&mut opened(variant), &stream).len(), messages);
    }
}

#[test]
fn malformed_messages_are_named_and_the_next_one_is_read() {
    let good = vectors(FILE)
        .into_iter()
        .find(|vector| vector.name == "p3/call-kwargs")
        .expect("a good call");
    let entries = malformed(FILE);
    assert_eq!(entries.len(), 121);
    for entry in entries {
        let name = &entry.name;
        let mut side = opened(Variant::Current);
        let mut said = hear(&mut side, &entry.bytes);
        if name == "garbage-after-good" {
            assert!(matches!(said.remove(0), Said::Call { .. }), "{name}");
        }
        let matches = |kind: &String| match (&**kind, &said[..]) {
            ("need-more", []) => true,
            ("bad-shape", [Said::Malformed(Rule::TcpTalks(_))]) => true,
            ("ignored", [Said::Notice(notice)]) => notice == "Ignored",
            ("accept", [Said::Call { .. } | Said::Reply { .. }]) => true,
            ("bad-pickle" | "refused", [Said::Malformed(rule @ Rule::Pickle(_))]) => {
                side_is_over(&mut opened(Variant::Current), &entry.bytes, *rule)
            }
            _ => false,
        };
        assert!(entry.expect.iter().any(matches), "{name}: {said:?}");
        if matches!(&said[..], [Said::Malformed(Rule::Pickle(_))] | []) {
            continue;
        }
        let next = hear(&mut side, &good.bytes);
        assert!(matches!(next[..], [Said::Call { .. }]), "{name}: {next:?}");
    }
}

/// Every exchange, with us in the place of each side in turn.
#[test]
fn opens_as_recorded_in_both_roles() {
    let bytes: BTreeMap<_, _> = vectors(FILE)
        .into_iter()
        .map(|vector| (vector.name, vector.bytes))
        .collect();
    let exchanges = exchanges("exchanges");
    assert_eq!(exchanges.len(), 26);
    for exchange in exchanges {
        let name = text(&exchange["name"]);
        let variant = variant_of(name);
        let (shown, wanted) = passwords(name);
        let dialling = || TcpTalks::dialling(nodes(), 1).any_password(shown.clone());
        let listening = TcpTalks::listening(nodes(), 2).any_password(wanted.clone());
        let mut sides = BTreeMap::from([
            ("client", side(dialling().identity("pilot".into()), variant)),
            ("server", side(listening, variant)),
        ]);
        let mut ours: BTreeMap<&str, Vec<Tree>> = BTreeMap::new();
        let mut theirs: BTreeMap<&str, Vec<Tree>> = BTreeMap::new();
        let mut is_refused = false;
        for step in exchange["steps"].as_array().expect("steps") {
            let from = text(&step["from"]);
            if step["close"].as_bool() == Some(true) {
                is_refused = true;
                continue;
            }
            let bytes = &bytes[text(&step["vector"])];
            theirs.entry(from).or_default().extend(trees(bytes));
            // What one side sent goes to us in the place of the other.
            let to = if from == "client" { "server" } else { "client" };
            let us = sides.get_mut(to).expect("a side");
            answer(us, bytes);
        }
        for (role, side) in &mut sides {
            let out = side.poll_output().to_vec();
            ours.entry(role).or_default().extend(trees(&out));
            assert_eq!(side.is_over() == Some(Over::Quit), is_refused, "{name}");
        }
        for (role, theirs) in theirs {
            // Retcodes are drawn, and what a program calls of its own accord is its own affair.
            let is_ours = |tree: &&Tree| !is_call(tree);
            let theirs: Vec<_> = theirs.iter().filter(is_ours).collect();
            let ours: Vec<_> = ours[role].iter().filter(is_ours).collect();
            assert_eq!(ours, theirs, "{name}: {role}");
        }
    }
}

/// What the original was told and answered, with us in its place.
#[test]
fn answers_as_observed_or_better() {
    let entries = exchanges("behaviour");
    assert_eq!(entries.len(), 22);
    let mut replayed = 0;
    for entry in entries {
        let name = text(&entry["name"]);
        // The multi-client server's behaviour is its program's, not the protocol's.
        if name.starts_with("multi-") {
            continue;
        }
        let variant = variant_of(name);
        let base = name.strip_prefix("old/").unwrap_or(name);
        let robot_alone = || {
            side(
                TcpTalks::listening(nodes(), 2).password("secret".into()),
                variant,
            )
        };
        let mut robot = robot_alone();
        if !BEFORE_THE_PASSWORD.contains(&base) {
            answer(&mut robot, &password_of("secret"));
            said_by(&mut robot);
        }
        for bytes in entry["sent"].as_array().expect("what was sent") {
            if robot.is_over() == Some(Over::Quit) {
                // After a wrong password there is a second connection.
                let said = said_by(&mut robot);
                assert_eq!(said, [reply(AUTHENTICATE, Tree::Bool(false))]);
                robot = robot_alone();
            }
            let piece = if base == "byte-by-byte" { 1 } else { 4096 };
            for bytes in hex(text(bytes)).chunks(piece) {
                answer(&mut robot, bytes);
            }
        }
        if base == "no-password" {
            robot.dialect_mut().handle_silence();
        }
        let said = said_by(&mut robot);
        let text = |text: &str| Tree::Text(text.into());
        let verdict = |agrees| reply(AUTHENTICATE, Tree::Bool(agrees));
        let is_old = variant == Variant::Old;
        let id = |retcode| if is_old { 16 } else { retcode };
        let wanted = match base {
            "no-password" if is_old => vec![verdict(false)],
            "no-password" | "disconnect-opcode" | "disconnect-sends-nothing" | "stray-reply" => {
                vec![]
            }
            "call-before-auth" => {
                assert_eq!(said.len(), 1, "{name}");
                assert!(is_refusal(&said[0], id(7)), "{name}: {said:?}");
                continue;
            }
            // The original has not noted its own verdict yet, and refuses the call.
            "auth-and-call-in-one-write" => vec![verdict(true), reply(id(7), text("hi"))],
            // The original's old variant is one message late from here on.
            "two-calls-in-one-write" => vec![
                reply(id(1), text("one")),
                reply(id(2), text("two")),
                reply(id(3), text("three")),
            ],
            "byte-by-byte" | "wrong-then-right" => vec![verdict(true)],
            "second-password" => vec![reply(id(9), text("still"))],
            other => panic!("{other}"),
        };
        assert_eq!(said, wanted, "{name}");
        assert_eq!(
            robot.is_over().is_some(),
            base == "no-password" || base == "disconnect-opcode",
            "{name}"
        );
        replayed += 1;
    }
    assert_eq!(replayed, 16);
}

/// Gives `us` the bytes and answers every call with its first argument.
fn answer(us: &mut Side, bytes: &[u8]) {
    for said in hear(us, bytes) {
        match said {
            Said::Call { id, args, .. } => {
                let Some(Item::Value(Same(value))) = args.into_iter().next() else {
                    panic!("a call without arguments");
                };
                match value {
                    Tree::Text(value) => us.send(&Reply { id, value: &value }),
                    Tree::Integer(value) => us.send(&Reply { id, value: &value }),
                    other => panic!("{other:?}"),
                }
                .expect("a small reply");
            }
            Said::Malformed(rule) => panic!("{rule}"),
            Said::Reply { .. } | Said::Notice(_) => {}
        }
    }
}

fn said_by(side: &mut Side) -> Vec<Tree> {
    let out = side.poll_output().to_vec();
    side.handle_written(out.len());
    trees(&out)
}

fn reply(id: i64, value: Tree) -> Tree {
    let args = Tree::Tuple(vec![value]);
    Tree::Tuple(vec![Tree::Bytes(b"A".into()), id.into(), args])
}

/// Whether a message is the reply `id` with an exception: class and message, or the exception itself.
fn is_refusal(message: &Tree, id: i64) -> bool {
    let Tree::Tuple(parts) = message else {
        return false;
    };
    let wanted = reply(id, Tree::Null);
    matches!(wanted, Tree::Tuple(wanted) if wanted[..2] == parts[..2])
        && matches!(&parts[2], Tree::Tuple(args) if args[..] == [EXCEPTION])
}

fn is_call(message: &Tree) -> bool {
    matches!(message, Tree::Tuple(parts) if parts[0] == Tree::Bytes(b"R".into()))
}

/// What stands for an exception in a message: nothing that a pickle can have.
const EXCEPTION: Tree = Tree::Extension {
    kind: 0,
    bytes: vec![],
};

/// The messages in `bytes`.
fn trees(mut bytes: &[u8]) -> Vec<Tree> {
    let mut trees = Vec::new();
    let mut table = Table::new(nodes());
    while !bytes.is_empty() {
        table.clear();
        let Ok(Progress::Done { len }) = table.scan(bytes, usize::MAX) else {
            panic!("no whole pickle");
        };
        let (pickle, rest) = bytes.split_at(len);
        trees.push(tree(table.root(pickle).expect("it is done")));
        bytes = rest;
    }
    trees
}

fn tree(value: Value<'_, '_>) -> Tree {
    match (value.exception(), value.kind()) {
        (Some(_), _) => EXCEPTION,
        (None, Kind::Tuple) => Tree::Tuple(value.elements().map(tree).collect()),
        (None, _) => Tree::read(&mut value.reader()).expect("plain data"),
    }
}

fn password_of(text: &str) -> Vec<u8> {
    let mut client = side(
        TcpTalks::dialling(nodes(), 1).password(text.into()),
        Variant::Current,
    );
    client.poll_output().to_vec()
}

/// What the two sides of a recorded opening had for a password.
fn passwords(exchange: &str) -> (Password<String>, Password<String>) {
    let text = |text: &str| Password::Text(text.into());
    match exchange.rsplit('/').next() {
        Some("auth-good" | "multi-server") => (text("secret"), text("secret")),
        Some("auth-open-server") => (text("whatever"), Password::None),
        Some("auth-none") => (Password::None, Password::None),
        Some("auth-wrong") => (text("wrong"), text("secret")),
        Some("auth-missing") => (Password::None, text("secret")),
        Some("auth-number") => (Password::Number(1234), Password::Number(1234)),
        other => panic!("{other:?}"),
    }
}

fn side_is_over(side: &mut Side, bytes: &[u8], rule: Rule) -> bool {
    hear(side, bytes).contains(&Said::Malformed(rule)) && side.is_over() == Some(Over::OutOfStep)
}

/// A listening side that has seen the password.
fn opened(variant: Variant) -> Side {
    let mut robot = side(TcpTalks::listening(nodes(), 2), variant);
    let said = hear(&mut robot, &password_of("any"));
    assert_eq!(said, [Said::Notice("Opened".into())]);
    let len = robot.poll_output().len();
    robot.handle_written(len);
    robot
}

fn side(talks: Talks, variant: Variant) -> Side {
    let memory = || Growable::new(4096, LIMIT);
    Messenger::new(talks.variant(variant), memory(), memory())
}

/// Gives `side` the bytes, as much as it has room for at a time, and takes what it says.
#[allow(clippy::result_large_err, reason = "nothing is rejected here")]
fn hear(side: &mut Side, mut bytes: &[u8]) -> Vec<Said> {
    let mut said = Vec::new();
    loop {
        let room = side.input_room();
        let len = room.len().min(bytes.len());
        room[..len].copy_from_slice(&bytes[..len]);
        side.handle_input(len);
        bytes = &bytes[len..];
        let before = said.len();
        while let Some(event) = side.recv_with(|envelope| Ok(call(envelope))) {
            said.push(match event {
                Event::Request(_, call) => call,
                Event::Answer(id, envelope) => Said::Reply {
                    id,
                    args: items(envelope.body),
                },
                Event::Notice(Notice::Early { .. }) => Said::Notice("Early".into()),
                Event::Notice(notice) => Said::Notice(format!("{notice:?}")),
                Event::Malformed(malformed) => Said::Malformed(malformed.rule),
                Event::Message(_) | Event::Unknown(_) => panic!("all calls are known requests"),
            });
        }
        if bytes.is_empty() || side.is_over().is_some() {
            return said;
        }
        assert!(len > 0 || said.len() > before, "no room and nothing to say");
    }
}

fn call(envelope: Envelope<'_, Talks>) -> Said {
    let ropeway_core::dialect::Kind::Request(id) = envelope.kind else {
        panic!("{envelope:?} is no call");
    };
    let opcode = match envelope.key {
        Opcode::Other(value) => format!("{:?}", Tree::read(&mut value.reader()).expect("data")),
        Opcode::Number(number) => number.to_string(),
        named => named.to_string(),
    };
    let kwargs = envelope.body.kwargs.expect("calls have keywords");
    Said::Call {
        opcode,
        id,
        args: items(envelope.body),
        kwargs: Same(tree(kwargs)),
    }
}

fn items(body: Body<'_>) -> Vec<Item> {
    let item = |value: Value<'_, '_>| match value.exception() {
        Some(error) => Item::Exception(error.name().into(), error.message().to_string()),
        None => Item::Value(Same(tree(value))),
    };
    body.args.elements().map(item).collect()
}

/// A message of the file, as it should come out.
fn wanted(message: &Tree, variant: Variant) -> Said {
    let item = |value: &Tree| match value.get("$exception") {
        Some(exception) => Item::Exception(
            text(&exception["type"]["name"]).into(),
            text(&exception["message"]).into(),
        ),
        None => Item::Value(Same(untagged(value))),
    };
    let args = message["args"]["$tuple"].as_array();
    let args = args.or(message["args"].as_array()).expect("arguments");
    let args = args.iter().map(item).collect();
    let id = match variant {
        Variant::Current => &message["retcode"],
        Variant::Old => &message["opcode"],
    };
    let id = match id {
        Tree::Text(text) => CallId::Text((&**text).try_into().expect("a short text")),
        id => CallId::Number(id.as_i64().expect("an integer")),
    };
    if text(&message["role"]) == "A" {
        return Said::Reply { id, args };
    }
    let opcode = match &message["opcode"] {
        Tree::Text(text) => text.clone(),
        Tree::Integer(integer) => integer.to_string(),
        other => format!("{:?}", untagged(other)),
    };
    Said::Call {
        opcode,
        id,
        args,
        kwargs: Same(untagged(&message["kwargs"])),
    }
}

fn variant_of(name: &str) -> Variant {
    if name.starts_with("old/") {
        Variant::Old
    } else {
        Variant::Current
    }
}

fn exchanges(key: &str) -> Vec<Tree> {
    let file: Tree = FILE.parse().expect("JSON");
    file[key].as_array().expect("a list").to_vec()
}

fn nodes() -> Nodes {
    Nodes(vec![Node::EMPTY; 5000])
}

impl AsRef<[Node]> for Nodes {
    fn as_ref(&self) -> &[Node] {
        &self.0
    }
}

impl AsMut<[Node]> for Nodes {
    fn as_mut(&mut self) -> &mut [Node] {
        &mut self.0
    }
}

impl ropeway_core::encoding::pickle::Nodes for Nodes {}

/// The behaviour that starts with a fresh connection.
const BEFORE_THE_PASSWORD: [&str; 5] = [
    "no-password",
    "call-before-auth",
    "auth-and-call-in-one-write",
    "byte-by-byte",
    "wrong-then-right",
];

const LIMIT: usize = 200_000;
const FILE: &str = include_str!("../vectors/tcptalks.json");
