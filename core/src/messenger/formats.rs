//! What a program may want to log has `defmt::Format`, in every dialect: checked when it compiles.

use crate::dialect::cable_car::CableCarByte;
use crate::{Event, Messenger};

const fn formats<T: defmt::Format>() {}

/// `all_format! { CableCarByte }` checks the messenger and the events of the dialect.
macro_rules! all_format {
    ($($dialect:ty)*) => {$(
        formats::<Messenger<$dialect, [u8; 1]>>();
        formats::<Event<'_, $dialect, ()>>();
    )*};
}

const _: () = {
    all_format! { CableCarByte }
};

#[cfg(feature = "json")]
const _: () = {
    use crate::dialect::{cable_car::CableCarJson, clever_show::CleverShow};
    all_format! { CableCarJson CleverShow }
};

#[cfg(feature = "msgpack")]
const _: () = {
    use crate::dialect::packetmq::Packetmq;
    all_format! { Packetmq }
};

#[cfg(feature = "pickle")]
const _: () = {
    use crate::dialect::tcptalks::TcpTalks;
    use crate::encoding::pickle::{Node, RemoteError};
    all_format! { TcpTalks<[Node; 1]> }
    formats::<RemoteError<'_, '_>>();
};
