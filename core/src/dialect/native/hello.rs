use super::Rule;
use super::code::{HELLO, WELCOME};
use crate::framing::Full;

/// What a side says of itself in its opening: `SPEC.md`, "Opening".
///
/// ```text
/// HELLO     0   E0     1  version   2  least version
/// WELCOME   0   E1     1  version   2  outcome
///           3   epoch u64         11  session u64       19  taken u32         23  window u32
///           27  largest u32       31  fingerprint u64   39  silence u32       43  offered u64
///           51  name
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Hello {
    /// The latest version it speaks; in WELCOME that in force.
    pub version: u8,
    /// HELLO: the oldest version it speaks. WELCOME: 1 for a resumed session, 0 for a fresh one.
    pub second: u8,
    /// The random number of this start of its program.
    pub epoch: u64,
    /// The session to resume, 0 for none; in WELCOME that in force.
    pub session: u64,
    /// The bytes of sequenced frames that it has taken in that session.
    pub taken: u32,
    /// The bytes of sequenced frames that it has room for.
    pub window: u32,
    /// The longest frame that it takes in.
    pub largest: u32,
    /// Of its registry; 0 for unchecked.
    pub fingerprint: u64,
    /// The longest silence that it promises, in milliseconds; 0 for none.
    pub silence: u32,
    /// HELLO: a session that was offered, and that the dialler does not know to have begun; 0 for none, and in WELCOME.
    pub offered: u64,
}

impl Hello {
    /// Of nobody.
    pub(super) const NONE: Self = Self {
        version: 0,
        second: 0,
        epoch: 0,
        session: 0,
        taken: 0,
        window: 0,
        largest: u32::MAX,
        fingerprint: 0,
        silence: 0,
        offered: 0,
    };

    pub(super) fn parse(content: &[u8]) -> Result<(Self, &str), Rule> {
        let (fields, name) = content
            .split_first_chunk::<NAME>()
            .ok_or(Rule::ShortFrame { code: HELLO })?;
        if name.len() > crate::Name::MAX {
            return Err(Rule::NameTooLong);
        }
        let name = core::str::from_utf8(name).map_err(|_| Rule::NotText)?;
        let long = |at| u64::from_le_bytes(bytes(fields, at));
        let short = |at| u32::from_le_bytes(bytes(fields, at));
        let hello = Self {
            version: fields[VERSION],
            second: fields[SECOND],
            epoch: long(EPOCH),
            session: long(SESSION),
            taken: short(TAKEN),
            window: short(WINDOW),
            largest: short(LARGEST),
            fingerprint: long(FINGERPRINT),
            silence: short(SILENCE),
            offered: long(OFFERED),
        };
        Ok((hello, name))
    }

    /// Writes the content of the frame to the front of `slot` and returns its length.
    pub(super) fn emit(
        &self,
        is_welcome: bool,
        name: &str,
        slot: &mut [u8],
    ) -> Result<usize, Full> {
        let (fields, room) = slot.split_first_chunk_mut::<NAME>().ok_or(Full)?;
        fields[0] = if is_welcome { WELCOME } else { HELLO };
        fields[VERSION] = self.version;
        fields[SECOND] = self.second;
        put(fields, EPOCH, self.epoch.to_le_bytes());
        put(fields, SESSION, self.session.to_le_bytes());
        put(fields, TAKEN, self.taken.to_le_bytes());
        put(fields, WINDOW, self.window.to_le_bytes());
        put(fields, LARGEST, self.largest.to_le_bytes());
        put(fields, FINGERPRINT, self.fingerprint.to_le_bytes());
        put(fields, SILENCE, self.silence.to_le_bytes());
        put(fields, OFFERED, self.offered.to_le_bytes());
        room.get_mut(..name.len())
            .ok_or(Full)?
            .copy_from_slice(name.as_bytes());
        Ok(NAME + name.len())
    }
}

/// Puts the bytes of a number to `at`, where there is room for it.
#[inline]
fn put<const N: usize>(fields: &mut [u8; NAME], at: usize, number: [u8; N]) {
    if let Some(place) = fields.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *place = number;
    }
}

/// The bytes of a number at `at`, zeros where there are none.
pub(super) fn bytes<const N: usize>(fields: &[u8], at: usize) -> [u8; N] {
    let from = fields.get(at..).and_then(<[u8]>::first_chunk);
    from.copied().unwrap_or([0; N])
}

const VERSION: usize = 1;
const SECOND: usize = 2;
const EPOCH: usize = 3;
const SESSION: usize = 11;
const TAKEN: usize = 19;
const WINDOW: usize = 23;
const LARGEST: usize = 27;
const FINGERPRINT: usize = 31;
const SILENCE: usize = 39;
const OFFERED: usize = 43;
const NAME: usize = 51;
