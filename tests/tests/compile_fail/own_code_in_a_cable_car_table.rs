use ropeway_core::dialect::cable_car::CableCarByte;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Reading;

ropeway_core::messages! {
    enum Weather for CableCarByte {
        Reading(Reading) = 0x01,
    }
}

fn main() {
    let _ = Weather::Reading(Reading);
}
