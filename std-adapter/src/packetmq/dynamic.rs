use super::Packetmq;
use crate::value::Value;
use ropeway_core::Malformed;
use ropeway_core::dialect::packetmq::{Packetmq as Of, Rows};
use ropeway_core::dialect::{Carries, Delivers, Envelope};
use ropeway_core::encoding::EncodeError;
use ropeway_core::registry::{Registry, Rejected};

/// A packet of any name, with any payload.
///
/// As the table of `recv` it takes every packet that is registered on the link: for gateways, logs and scripts. It
/// is a whole table and no row of one.
///
/// ```
/// use ropeway_std::packetmq::{Dynamic, Notice, Packetmq, Packets, Policy};
/// use ropeway_std::{Event, Link, Options, memory};
/// use std::time::Duration;
///
/// let mut packets = Packets::default();
/// packets.add("chat:msg", 17)?;
/// let (here, there) = memory::ends(4096);
/// let mut server = Link::over(Packetmq::new(Policy::Static, packets.clone()), here, &Options::default())?;
/// let mut client = Link::over(Packetmq::new(Policy::Adaptive, packets), there, &Options::default())?;
///
/// while !client.dialect().is_made() {
///     server.recv::<Dynamic>(Duration::ZERO)?;
///     client.recv::<Dynamic>(Duration::ZERO)?;
/// }
/// client.send(&Dynamic::new("chat:msg", "hello"))?;
/// loop {
///     match server.recv::<Dynamic>(Duration::MAX)? {
///         Some(Event::Message(packet)) => break assert_eq!(packet, Dynamic::new("chat:msg", "hello")),
///         Some(Event::Notice(notice)) => assert_eq!(notice, Notice::Made),
///         other => panic!("{other:?}"),
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dynamic {
    /// The name that it is registered under.
    pub name: String,
    /// The payload. Where a Python 2 peer has put a native string, it holds bytes.
    pub value: Value,
}

impl Dynamic {
    /// A packet `name`.
    pub fn new(name: impl Into<String>, value: impl Into<Value>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
        }
    }
}

impl<R: Rows> Carries<Dynamic> for Of<R> {
    fn emit(&mut self, packet: &Dynamic, slot: &mut [u8]) -> Result<usize, EncodeError> {
        self.emit_frame(&packet.name, slot, |writer| packet.value.write(writer))
    }
}

impl<'a, R: Rows> Registry<'a, Of<R>> for Dynamic {
    fn decode(envelope: Envelope<'a, Of<R>>) -> Result<Self, Rejected<'a, Of<R>>> {
        let Some(name) = envelope.key.name else {
            return Err(Rejected::Unknown(envelope));
        };
        match Of::<R>::read_frame(envelope, Value::read) {
            Ok(value) => Ok(Self::new(name, value)),
            Err(malformed) => Err(Rejected::Malformed(malformed)),
        }
    }
}

/// A payload by itself: for handlers of every packet, which are told the name.
impl<'a> Delivers<'a, Value> for Packetmq {
    fn names(key: &Self::Key<'_>) -> bool {
        key.name.is_some()
    }

    fn read(envelope: Envelope<'a, Self>) -> Result<Value, Malformed> {
        Self::read_frame(envelope, Value::read)
    }
}
