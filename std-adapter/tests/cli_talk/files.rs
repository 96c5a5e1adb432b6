use crate::program::{Folder, Listening, ropeway};
use ropeway_std::clever_show::{Event, Handlers, Root, Server, Settings, Stage, What};
use std::sync::mpsc::channel;

fn content(len: usize) -> Vec<u8> {
    (0..len)
        .map(|at| u8::try_from(at * 31 % 251).unwrap())
        .collect()
}

#[test]
fn a_file_goes_there_and_back() {
    let folder = Folder::new();
    let film = content(1_000_000);
    let here = folder.write("film.mkv", &film);
    let root = folder.path("root");
    std::fs::create_dir(&root).unwrap();
    let there = Listening::new(&["--root", &root]);

    let put = ropeway(&["put", &there.address, &here, "films/film.mkv", "--json"]);
    put.is_done();
    let last = put.lines().pop().unwrap();
    assert_eq!(
        (&last["is_done"], &last["done"]),
        (&true.into(), &1_000_000.into())
    );
    assert_eq!(
        std::fs::read(format!("{root}/films/film.mkv")).unwrap(),
        film
    );

    let back = folder.path("back.mkv");
    let get = ropeway(&["get", &there.address, "films/film.mkv", &back]);
    get.is_done();
    assert!(get.out.contains("976.56 KiB"), "{get:?}");
    assert_eq!(std::fs::read(back).unwrap(), film);
}

#[test]
fn what_an_earlier_attempt_left_is_not_sent_again() {
    let folder = Folder::new();
    let film = content(5_000_000);
    let here = folder.write("film.mkv", &film);
    let root = folder.path("root");
    std::fs::create_dir(&root).unwrap();
    let there = Listening::new(&["--root", &root]);

    // The same file was offered once, and the program was stopped in the middle.
    let config = std::sync::Arc::new(ropeway_std::native::config().name("ropeway"));
    let dial = ropeway_std::native::Dial::new(there.address.clone());
    let mut client = dial.client(&config, ropeway_std::Handlers::new()).unwrap();
    let file = client.peer().offer(&here, "film.mkv").unwrap();
    while client
        .peer()
        .progress(file)
        .is_some_and(|progress| progress.offset < 1_000_000)
    {
        client.turn(std::time::Duration::from_millis(1)).unwrap();
    }
    drop(client);

    let put = ropeway(&["put", &there.address, &here, "--json"]);
    put.is_done();
    let last = put.lines().pop().unwrap();
    assert!(last["resumed_from"].as_u64() > Some(0), "{last}");
    assert_eq!(std::fs::read(format!("{root}/film.mkv")).unwrap(), film);
}

#[test]
fn a_file_that_is_not_there_or_not_wanted_is_refused() {
    let folder = Folder::new();
    let here = folder.write("film.mkv", "a film");
    let root = folder.path("root");
    std::fs::create_dir(&root).unwrap();
    let there = Listening::new(&["--root", &root]);
    let missing = ropeway(&["get", &there.address, "nothing"]);
    assert!(missing.fault(1).contains("nothing"), "{missing:?}");
    let upwards = ropeway(&["put", &there.address, &here, "../film.mkv"]);
    assert!(upwards.fault(2).contains("../film.mkv"), "{upwards:?}");
    let no_file = ropeway(&["put", &there.address, &root]);
    assert!(no_file.fault(2).contains("is no file"), "{no_file:?}");
    let speech = ropeway(&["put", "-p", "packetmq", &there.address, &here]);
    assert!(
        speech.fault(2).contains("native and clever-show do"),
        "{speech:?}"
    );

    let closed = Listening::new(&[]);
    let unwanted = ropeway(&["put", &closed.address, &here, "--patience", "0.3"]);
    assert!(matches!(unwanted.code, 1 | 5), "{unwanted:?}");
    assert_eq!(unwanted.err.lines().count(), 1, "{unwanted:?}");
}

#[test]
fn a_ground_server_of_clever_show_gets_and_gives_files() {
    let folder = Folder::new();
    let mission = content(300_000);
    let here = folder.write("mission.csv", &mission);
    let root = folder.path("root");
    std::fs::create_dir(&root).unwrap();
    let settings = Settings::default()
        .receive(Root::new(&root))
        .serve(Root::new(&root));
    let mut server = Server::bind("127.0.0.1:0", settings, Handlers::default()).unwrap();
    let address = server.address().to_string();
    let (told, whole) = channel();
    std::thread::spawn(move || {
        let tell = |_: &mut Server, event: Event| {
            if let What::File(file) = event.what
                && matches!(file.stage, Stage::Done)
            {
                told.send(file.path).unwrap_or_default();
            }
            false
        };
        server.run(tell).unwrap();
    });
    let put = ["put", "-p", "clever-show", &address, &here, "mission.csv"];
    ropeway(&put).is_done();
    // That it has arrived, the protocol cannot tell the sender.
    assert_eq!(whole.recv().unwrap(), "mission.csv");
    let back = folder.path("back.csv");
    let get = ["get", "-p", "clever-show", &address, "mission.csv", &back];
    ropeway(&get).is_done();
    assert_eq!(std::fs::read(back).unwrap(), mission);
}
