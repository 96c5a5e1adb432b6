//! Messages, calls and files, between a board and a hub.

use crate::LONG;
use crate::files;
use crate::host::Host;
use ropeway_std::hub::PeerId;
use ropeway_std::native::Key;
use ropeway_tests::firmware::{Board, alone, random_digits};
use ropeway_words::{CallMe, Count, SendNumbers};
use std::ops::Range;

#[test]
fn ten_thousand_messages_and_a_thousand_calls_go_each_way() {
    let mut host = Host::new("127.0.0.1:0");
    let _board = Board::start("trial", alone(), &["name=spirit", &host.behind_slirp()]);
    let spirit = host.board("spirit");
    say_numbers(&mut host, spirit, 0..10_000);
    call_both_ways(&mut host, spirit, 1_000);
}

#[test]
fn a_file_of_a_mebibyte_goes_each_way() {
    let mut host = Host::new("127.0.0.1:0");
    let _board = Board::start("trial", alone(), &["name=spirit", &host.behind_slirp()]);
    let spirit = host.board("spirit");
    files::take(&mut host, spirit);
    files::give(&mut host, spirit);
}

#[test]
fn a_board_that_has_the_key_is_served_and_no_other() {
    let digits = random_digits();
    let key = Key::from_hex("rover", &digits).expect("a key");
    let mut host = Host::secure("127.0.0.1:0", key.into());
    let hub = host.behind_slirp();
    let _plain = Board::start("trial", alone(), &["name=plain", &hub]);
    host.wait("the refusal of a link that is not secure", |heard| {
        heard.is_turned_away("NotSecure")
    });
    let key = format!("key={}", random_digits());
    let _other = Board::start("trial", alone(), &["name=other", &hub, &key]);
    host.wait("the refusal of another key", |heard| {
        heard.is_turned_away("WrongKey")
    });
    let key = format!("key={digits}");
    let _board = Board::start("trial", alone(), &["name=spirit", &hub, &key]);
    let spirit = host.board("spirit");
    say_numbers(&mut host, spirit, 0..1_000);
    call_both_ways(&mut host, spirit, 100);
    files::take(&mut host, spirit);
}

/// Says these numbers to a board and has as many from it at once, and looks whether all have come.
#[track_caller]
pub(crate) fn say_numbers(host: &mut Host, board: PeerId, numbers: Range<u32>) {
    let count = numbers.end - numbers.start;
    let begun = host.ask(|hub| hub.start(board, &SendNumbers(count), LONG));
    assert_eq!(begun, Ok(()));
    host.send_numbers(board, numbers.clone());
    host.await_numbers(board, count);
    let came = host.ask(|hub| hub.start(board, &Count, LONG));
    assert_eq!(came, Ok(numbers.end));
}

/// Asks for so many sums each way, and looks whether they are right.
#[track_caller]
pub(crate) fn call_both_ways(host: &mut Host, board: PeerId, calls: u32) {
    let begun = host.hub.start(board, &CallMe(calls), LONG);
    let called = begun.expect("room for a call");
    host.have_doubled(board, calls);
    let right = host.wait("the board's calls", |_| called.poll());
    assert_eq!(right, Ok(calls));
}
