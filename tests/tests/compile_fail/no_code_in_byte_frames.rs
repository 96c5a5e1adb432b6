use ropeway_core::Messenger;
use ropeway_core::dialect::cable_car::CableCarByte;
use ropeway_core::encoding::EncodeError;
use ropeway_core::message::{Encode, Message};

struct Reading;

impl Message for Reading {
    const NAME: &'static str = "Reading";
}

impl Encode for Reading {
    const MAX_SIZE: usize = 0;

    fn encode(&self, _: &mut [u8]) -> Result<usize, EncodeError> {
        Ok(0)
    }
}

fn main() {
    let mut messenger = Messenger::new(CableCarByte, [0; 8], [0; 8]);
    let _ = messenger.send(&Reading);
}
