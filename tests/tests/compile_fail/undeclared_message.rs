use ropeway_core::Messenger;
use ropeway_core::dialect::cable_car::CableCarJson;
use serde::Serialize;

#[derive(Serialize)]
struct Note;

fn main() {
    let mut messenger = Messenger::new(CableCarJson, [0; 8], [0; 64]);
    let _ = messenger.send(&Note);
}
