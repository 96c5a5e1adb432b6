use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Reading;

#[derive(Serialize, Deserialize)]
struct Note;

ropeway_core::messages! {
    enum Weather {
        Reading(Reading) = 0x10,
        Note(Note) as "Reading" = 0x11,
    }
}

fn main() {}
