use ropeway_core::Messenger;
use ropeway_core::dialect::cable_car::CableCarByte;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Note;

ropeway_core::messages! {
    enum Weather {
        Note(Note) as "MsgNote",
    }
}

fn main() {
    let mut messenger = Messenger::new(CableCarByte, [0; 8], [0; 8]);
    let _ = messenger.send(&Note);
}
