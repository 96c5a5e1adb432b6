//! Links that are killed, and boards that are started anew.

use crate::host::Host;
use crate::talk::{call_both_ways, say_numbers};
use crate::{LONG, files};
use ropeway_std::call::CallError;
use ropeway_std::native::Cause;
use ropeway_tests::firmware::{Board, alone};
use ropeway_tests::proxy::{Ending, Fault, Planned, Proxy, When};
use ropeway_tests::rig::Random;
use ropeway_words::{Count, Double, Fire};

#[test]
fn a_link_is_killed_200_times_and_nothing_is_lost_or_comes_twice() {
    let (proxy, mut host, _board) = behind_a_proxy(KILLS);
    let spirit = host.board("spirit");

    let (mut said, mut fired) = (0, 0);
    while proxy.counts().faults < KILLS {
        say_numbers(&mut host, spirit, said..said + A_FEW);
        said += A_FEW;
        call_both_ways(&mut host, spirit, A_FEW / 10);
        fired += 1;
        assert_eq!(host.ask(|hub| hub.start(spirit, &Fire(0), LONG)), Ok(fired));
    }
    let (resumed, fresh) = host.wait("openings", |heard| {
        Some((heard.resumed, heard.fresh.clone()))
    });
    println!(
        "{:?}, {resumed} resumed, {said} numbers each way",
        proxy.counts()
    );
    assert_eq!(fresh, [(Cause::FirstContact, 0)]);
    assert!(resumed > KILLS / 2, "{resumed}");
}

#[test]
fn a_file_goes_on_where_it_was_over_links_that_are_killed() {
    let (proxy, mut host, _board) = behind_a_proxy(FILE_KILLS);
    let spirit = host.board("spirit");
    files::take(&mut host, spirit);
    let before = proxy.counts().faults;
    assert!(before > 0, "no link was killed before the file was here");
    files::give(&mut host, spirit);
    assert!(
        proxy.counts().faults > before,
        "no link was killed before the file was there"
    );
}

/// A board whose links to this machine are killed so often.
fn behind_a_proxy(kills: usize) -> (Proxy, Host, Board) {
    let mut random = Random::new(SEED);
    let kills: Vec<Planned> = (0..kills).map(|_| kill(&mut random)).collect();
    let proxy = Proxy::new(kills, |_| ()).expect("a proxy");
    let host = Host::new("127.0.0.1:0");
    proxy.lead_to(host.address);
    let hub = format!("hub=10.0.2.2:{}", proxy.address().port());
    let board = Board::start("trial", alone(), &["name=spirit", &hub, "retry=5"]);
    (proxy, host, board)
}

/// Before a byte of what one side says, at random.
fn kill(random: &mut Random) -> Planned {
    Planned {
        when: When::Said(random.below(2), random.below(KILLED_WITHIN)),
        fault: Fault::Kill(random.one_of(&[Ending::Fin, Ending::Reset])),
    }
}

#[test]
fn a_board_that_is_started_anew_is_told_from_one_whose_link_was_lost() {
    let mut host = Host::new("127.0.0.1:0");
    let mut board = Board::start("trial", alone(), &["name=spirit", &host.behind_slirp()]);
    let spirit = host.board("spirit");
    assert_eq!(host.ask(|hub| hub.start(spirit, &Fire(0), LONG)), Ok(1));

    // All of it is on its way when the board loses its power.
    board.freeze();
    host.send_numbers(spirit, 0..10);
    let safe = host.hub.start(spirit, &Double(21), LONG).expect("room");
    let unsafe_ = host.hub.start(spirit, &Fire(0), LONG).expect("room");
    host.settle();
    board.reboot();

    assert_eq!(
        host.wait("the outcome", |_| unsafe_.poll()),
        Err(CallError::InDoubt)
    );
    assert_eq!(host.wait("the answer", |_| safe.poll()), Ok(42));
    let fresh = host.wait("openings", |heard| Some(heard.fresh.clone()));
    let restarted = (Cause::PeerRestarted, IN_DOUBT);
    assert_eq!(fresh, [(Cause::FirstContact, 0), restarted]);
    // Nothing was done again unasked.
    assert_eq!(host.ask(|hub| hub.start(spirit, &Count, LONG)), Ok(0));
    assert_eq!(host.ask(|hub| hub.start(spirit, &Fire(0), LONG)), Ok(1));
    say_numbers(&mut host, spirit, 0..100);
}

const KILLS: usize = 200;
const FILE_KILLS: usize = 40;
const KILLED_WITHIN: usize = 200_000;
const A_FEW: u32 = 500;
const SEED: u64 = 7;

/// Ten numbers and two calls.
const IN_DOUBT: usize = 12;
