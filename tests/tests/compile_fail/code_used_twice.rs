use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Reading;

#[derive(Serialize, Deserialize)]
struct Note;

ropeway_core::messages! {
    enum Weather {
        Reading(Reading) = 0x10,
        Note(Note) = 0x10,
    }
}

fn main() {}
