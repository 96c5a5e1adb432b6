/// Declares a table of messages: an enum to match on, with one variant a message.
///
/// A row is `Variant(Type) = code`, as in an enum with discriminants. The type is written by serde; the row
/// gives it its [`Message`](crate::message::Message) name, which is the variant's unless `as "Name"` says
/// otherwise, its code, and postcard as its body in dialects of bytes. `Variant(Type) as "Name"` without a
/// code serves dialects that name types by text. A row without either takes a type that is a message already.
///
/// ```
/// use ropeway_core::dialect::cable_car::{Identify, Quit};
/// use ropeway_core::messages;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Serialize, Deserialize)]
/// struct Reading { sensor: u8, celsius: f32 }
///
/// #[derive(Debug, Serialize, Deserialize)]
/// struct Note<'a> { text: &'a str }
///
/// messages! {
///     /// What a weather station says.
///     #[derive(Debug)]
///     pub enum Weather<'a> {
///         Identify(Identify<'a>),
///         Quit(Quit),
///         Reading(Reading) = 0x10,
///         Note(Note<'a>) as "MsgNote" = 0x11,
///     }
/// }
///
/// assert_eq!(Weather::ENTRIES[3].name, "MsgNote");
/// ```
///
/// The enum is for receiving: what is sent is the message itself. A message that borrows needs a table with a
/// lifetime, as above. A message gets its code in one table; a row without one, `Reading(Reading)`, takes it into
/// others. For JSON a message is a struct with named fields, a map or a unit struct: anything else is refused when
/// it is sent.
///
/// A row with `-> Answer` is a request, which wants an answer of that type; borrowed parts of it are `'answer`:
/// `Name(Name) = 0x12 -> &'answer str`. Over a dialect without calls it can still be sent, and arrives as a plain
/// message.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Serialize, Deserialize)] struct Sum(i32, i32);
/// # #[derive(Serialize, Deserialize)] struct Name;
/// ropeway_core::messages! {
///     enum Questions {
///         Sum(Sum) = 0x10 -> i64,
///         Name(Name) as "id" = 0x11 -> &'answer str,
///     }
/// }
/// ```
///
/// `where repeatable` says of a request that it may be sent again when nobody knows whether it was answered, since it
/// changes nothing, or the same each time: [`Request::IS_REPEATABLE`](crate::message::Request::IS_REPEATABLE).
///
/// ```
/// # use ropeway_core::message::Request;
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Serialize, Deserialize)] struct Position;
/// # #[derive(Serialize, Deserialize)] struct Step;
/// ropeway_core::messages! {
///     enum Motor {
///         Position(Position) = 0x10 -> i64 where repeatable,
///         Step(Step) = 0x11 -> i64,
///     }
/// }
/// assert!(Position::IS_REPEATABLE && !Step::IS_REPEATABLE);
/// ```
///
/// A name or code used twice does not compile, and neither does a code that Ropeway keeps for itself
/// (`0x00..=0x0F`, `0xE0..=0xFF`); the error names the rows. A table that serves one dialect only follows that
/// dialect's rules when it says so: `pub enum Weather<'a> for CableCarByte { … }`. So do tables with packetmq's ids
/// `0xE0..=0xFF` and TCPTalks's opcodes `0x00..=0x0F` and `0xE0..=0xFE`: on std `enum Chat for packetmq::Packetmq { … }`
/// and `enum Robot for tcptalks::Dialect { … }`.
///
/// ```compile_fail
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Serialize, Deserialize)] struct Reading;
/// # #[derive(Serialize, Deserialize)] struct Note;
/// ropeway_core::messages! {
///     enum Twice {
///         Reading(Reading) = 0x10,
///         Note(Note) = 0x10, // error: code 0x10 is used twice: by `Reading` and by `Note`
///     }
/// }
/// ```
///
/// A table that is `checked`, with the feature `schema`, takes the
/// [`SCHEMA`](crate::message::Message::SCHEMA) of its rows with a name or code from the types themselves, which derive
/// `postcard_schema::Schema`, and so do their answers: programs whose types differ do not misread each other, but refuse
/// each other by name.
///
#[cfg_attr(feature = "schema", doc = "```")]
#[cfg_attr(not(feature = "schema"), doc = "```ignore")]
/// # use ropeway_core::message::Message;
/// # use serde::{Deserialize, Serialize};
/// #[derive(Serialize, Deserialize, postcard_schema::Schema)]
/// struct Reading { sensor: u8, celsius: f32 }
///
/// ropeway_core::messages! { enum Weather checked { Reading(Reading) = 0x10 } }
/// assert_ne!(Reading::SCHEMA, 0);
/// ```
///
/// It expands to the enum, its `ENTRIES`, a [`Registry`](crate::registry::Registry) implementation, and for each row with a name or code:
///
/// ```ignore
/// impl Message for Reading { const NAME: &'static str = "Reading"; const CODE: Option<u16> = Some(0x10); }
/// impl Encode for Reading { /* encoding::postcard::encode */ }
/// impl<'a> Decode<'a> for Reading { /* encoding::postcard::decode */ }
/// ```
#[macro_export]
macro_rules! messages {
    ($(#[$meta:meta])* $vis:vis enum $table:ident checked $(for $dialect:ty)? { $($rows:tt)* }) => {
        $crate::messages! { @table [$(#[$meta])*] [$vis] $table [] ['de] [checked] [$($dialect)?] $($rows)* }
    };
    ($(#[$meta:meta])* $vis:vis enum $table:ident<$lt:lifetime> checked $(for $dialect:ty)? { $($rows:tt)* }) => {
        $crate::messages! { @table [$(#[$meta])*] [$vis] $table [<$lt>] [$lt] [checked] [$($dialect)?] $($rows)* }
    };
    ($(#[$meta:meta])* $vis:vis enum $table:ident $(for $dialect:ty)? { $($rows:tt)* }) => {
        $crate::messages! { @table [$(#[$meta])*] [$vis] $table [] ['de] [unchecked] [$($dialect)?] $($rows)* }
    };
    ($(#[$meta:meta])* $vis:vis enum $table:ident<$lt:lifetime> $(for $dialect:ty)? { $($rows:tt)* }) => {
        $crate::messages! { @table [$(#[$meta])*] [$vis] $table [<$lt>] [$lt] [unchecked] [$($dialect)?] $($rows)* }
    };
    (@table [$($meta:tt)*] [$vis:vis] $table:ident [$($generics:tt)*] [$lt:lifetime] [$checked:tt] [$($dialect:ty)?]
     $($(#[$row:meta])* $variant:ident($ty:ty) $(as $name:literal)? $(= $code:literal)?
       $(-> $answer:ty $(where $promise:ident)?)?),* $(,)?) => {
        $($meta)*
        $vis enum $table $($generics)* { $(#[doc = stringify!($variant)] $(#[$row])* $variant($ty)),* }
        $($crate::messages! { @message [$lt] $ty, $variant, [$($name)?] [$($code)?] [$checked $($answer)?] })*
        $($(impl<$lt> $crate::message::Request for $ty {
            type Answer<'answer> = $answer;
            $(const IS_REPEATABLE: bool = $crate::messages!(@is $promise);)?
        })?)*
        impl $($generics)* $table $($generics)* {
            /// The rows of the table, in the order of declaration.
            $vis const ENTRIES: &'static [$crate::message::Entry] = &[$($crate::message::Entry::of::<$ty>()),*];
        }
        const _: () = $crate::registry::check($table::ENTRIES, $crate::messages!(@reserved $($dialect)?));
        impl<$lt, D> $crate::registry::Registry<$lt, D> for $table $($generics)*
        where D: $crate::dialect::Dialect $(+ $crate::dialect::Delivers<$lt, $ty>)* {
            #[inline]
            fn decode(envelope: $crate::dialect::Envelope<$lt, D>)
                -> Result<Self, $crate::registry::Rejected<$lt, D>> {
                $(if <D as $crate::dialect::Delivers<$lt, $ty>>::names(&envelope.key) {
                    return match $crate::dialect::Delivers::<$lt, $ty>::read(envelope) {
                        Ok(message) => Ok(Self::$variant(message)),
                        Err(malformed) => Err($crate::registry::Rejected::Malformed(malformed)),
                    };
                })*
                Err($crate::registry::Rejected::Unknown(envelope))
            }
        }
    };
    (@reserved) => { $crate::registry::RESERVED };
    (@reserved $dialect:ty) => { <$dialect as $crate::dialect::Dialect>::RESERVED };
    (@is repeatable) => { true };
    (@schema unchecked $($answer:ty)?) => { 0 };
    (@schema checked) => { $crate::registry::schema::<Self>() };
    (@schema checked $answer:ty) => { $crate::registry::request_schema::<Self>() };
    (@message [$lt:lifetime] $ty:ty, $variant:ident, [] [] [$($schema:tt)*]) => {};
    (@message [$lt:lifetime] $ty:ty, $variant:ident, [] [$code:literal] [$($schema:tt)*]) => {
        $crate::messages! { @message [$lt] $ty, $variant, [stringify!($variant)] [$code] [$($schema)*] }
    };
    (@message [$lt:lifetime] $ty:ty, $variant:ident, [$name:expr] [$($code:literal)?] [$($schema:tt)*]) => {
        impl<$lt> $crate::message::Message for $ty {
            const NAME: &'static str = $name;
            $(const CODE: Option<u16> = Some($code);)?
            const SCHEMA: u64 = $crate::messages!(@schema $($schema)*);
        }
        $crate::messages! { @body [$lt] $ty, [$($code)?] }
    };
    (@body [$lt:lifetime] $ty:ty, []) => {};
    (@body [$lt:lifetime] $ty:ty, [$code:literal]) => {
        impl<$lt> $crate::message::Encode for $ty {
            const MAX_SIZE: usize = usize::MAX;

            #[inline]
            fn encode(&self, out: &mut [u8]) -> Result<usize, $crate::encoding::EncodeError> {
                $crate::encoding::postcard::encode(self, out)
            }
        }
        impl<$lt> $crate::message::Decode<$lt> for $ty {
            #[inline]
            fn decode(body: &$lt [u8]) -> Result<Self, $crate::encoding::DecodeError> {
                $crate::encoding::postcard::decode(body)
            }
        }
    };
}
