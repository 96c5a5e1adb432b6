//! JSON messages of any class.
//!
//! ```
//! use ropeway_std::dialect::cable_car::CableCarJson;
//! use ropeway_std::json::Dynamic;
//! use ropeway_std::{Event, Options, memory};
//! use std::time::Duration;
//!
//! let (mut here, mut there) = memory::pair(CableCarJson, 4096, &Options::default())?;
//! here.send(&Dynamic::new("Telemetry", [("temp", 21.5)]))?;
//! match there.recv::<Dynamic>(Duration::MAX)? {
//!     Some(Event::Message(message)) => {
//!         assert_eq!(message.name, "Telemetry");
//!         assert_eq!(message.attributes.get("temp").and_then(|temp| temp.as_f64()), Some(21.5));
//!     }
//!     other => panic!("{other:?}"),
//! }
//! # Ok::<(), ropeway_std::Error>(())
//! ```

use crate::value::Map;
use ropeway_core::dialect::cable_car::CableCarJson;
use ropeway_core::dialect::{Carries, Envelope};
use ropeway_core::encoding::json::Reader;
use ropeway_core::encoding::{DecodeError, EncodeError};
use ropeway_core::registry::{Registry, Rejected};

/// A message of any class, with any attributes.
///
/// As the table of `recv` it takes every message there is: for gateways, logs and scripts. It is a whole table and
/// no row of one; beside typed messages, it is made of what a table does not have:
///
/// ```
/// use ropeway_std::dialect::cable_car::{CableCarJson, Quit};
/// use ropeway_std::json::Dynamic;
/// use ropeway_std::{Event, messages};
///
/// messages! { enum Words { Quit(Quit) } }
///
/// fn name_of(event: Event<'_, CableCarJson, Words>) -> Option<String> {
///     match event {
///         Event::Unknown(unknown) => Some(Dynamic::try_from(unknown).ok()?.name),
///         _ => None,
///     }
/// }
/// # let _ = name_of;
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dynamic {
    /// The class name.
    pub name: String,
    /// The attributes, in their order.
    pub attributes: Map,
}

impl Dynamic {
    /// A message of class `name`.
    pub fn new(name: impl Into<String>, attributes: impl Into<Map>) -> Self {
        Self {
            name: name.into(),
            attributes: attributes.into(),
        }
    }
}

impl Carries<Dynamic> for CableCarJson {
    fn emit(&mut self, message: &Dynamic, slot: &mut [u8]) -> Result<usize, EncodeError> {
        Self::emit_line(&message.name, slot, |line| message.attributes.write(line))
    }
}

impl<'a> Registry<'a, CableCarJson> for Dynamic {
    fn decode(envelope: Envelope<'a, CableCarJson>) -> Result<Self, Rejected<'a, CableCarJson>> {
        let name = envelope.key.text.into();
        let attributes: Result<Map, _> = CableCarJson::read_line(envelope, Map::read);
        match attributes {
            Ok(attributes) => Ok(Self { name, attributes }),
            Err(malformed) => Err(Rejected::Malformed(malformed)),
        }
    }
}

/// The message in an [`Event::Unknown`](ropeway_core::Event::Unknown).
impl TryFrom<Envelope<'_, CableCarJson>> for Dynamic {
    type Error = DecodeError;

    fn try_from(unknown: Envelope<'_, CableCarJson>) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(unknown.body);
        let attributes = Map::read(&mut reader)?;
        reader.finish()?;
        Ok(Self::new(unknown.key.text, attributes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_made_of_what_a_table_does_not_have() {
        ropeway_core::messages! { enum Nothing {} }
        let mut messenger = ropeway_core::Messenger::new(CableCarJson, [0; 64], [0; 64]);
        let sent = Dynamic::new("Telemetry", [("temp", 21.5)]);
        messenger.send(&sent).unwrap();
        let line = messenger.poll_output().to_vec();
        messenger.input_room()[..line.len()].copy_from_slice(&line);
        messenger.handle_input(line.len());
        let Some(ropeway_core::Event::Unknown(unknown)) = messenger.recv::<Nothing>() else {
            panic!("not unknown")
        };
        assert_eq!(Dynamic::try_from(unknown), Ok(sent));
    }
    use crate::{Event, Options, memory};
    use std::time::Duration;

    #[test]
    fn takes_every_class_and_stays_in_step_behind_a_bad_line() {
        let (here, mut there) = memory::pair(CableCarJson, 4096, &Options::default()).unwrap();
        let mut here = here;
        here.send(&Dynamic::new("Gr\u{f6}\u{df}e", [("v", 1)]))
            .unwrap();
        let lines = b"[\"Blob\",null]\n[\"MsgJoin\",{\"room\":\"A\",\"room\":\"B\"},7]\r\n";
        crate::transport::Transport::write(here.transport(), lines).unwrap();
        let mut next = || match there.recv::<Dynamic>(Duration::MAX).unwrap().unwrap() {
            Event::Message(message) => format!(
                "{} {}",
                message.name,
                crate::value::Value::from(message.attributes)
            ),
            other => format!("{other:?}"),
        };
        assert_eq!(next(), "Gr\u{f6}\u{df}e {\"v\":1}");
        assert!(next().starts_with("Malformed"));
        assert_eq!(next(), "MsgJoin {\"room\":\"B\"}");
    }
}
