use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Reading;

ropeway_core::messages! {
    enum Weather {
        Reading(Reading) = 0xE0,
    }
}

fn main() {}
