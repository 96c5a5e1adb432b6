use super::CallId;
use crate::encoding::pickle::Value;
use crate::encoding::value::{Kind, Number};
use core::fmt;

/// What the connecting side shows, and what the listening side wants. Nothing logs what it is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Password<P> {
    /// Python's `None`: a listener without a password takes whatever is shown.
    #[default]
    None,
    /// A text.
    Text(P),
    /// An integer.
    Number(i64),
}

/// How far the opening is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) enum Stage {
    /// The connecting side waits for the verdict.
    Asking,
    /// The listening side waits for the password.
    Judging,
    /// Calls go both ways.
    Open,
    /// Nothing that still comes counts.
    Over,
}

/// A frame that the dialect says of its own accord.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) enum Debt {
    Password,
    Verdict(bool),
    /// A call came before the password.
    Refusal(CallId),
    /// Somebody asked who we are.
    Identity(CallId),
}

/// The frames that wait to be said, the oldest first.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Debts([Option<Debt>; ALL]);

impl<P> Password<P> {
    /// What may be told of it.
    const fn shown(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Text(_) => "Text(..)",
            Self::Number(_) => "Number(..)",
        }
    }
}

impl<P> fmt::Debug for Password<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shown())
    }
}

#[cfg(feature = "defmt")]
impl<P> defmt::Format for Password<P> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=str}", self.shown());
    }
}

impl<P: AsRef<str>> Password<P> {
    /// Whether the password `given` will do. How long this takes says nothing about the text but its length.
    pub(super) fn admits(&self, given: Value<'_, '_>) -> bool {
        match self {
            Self::None => true,
            Self::Number(number) => {
                given.number().map(Number::to_integer::<i64>) == Some(Ok(*number))
            }
            Self::Text(text) => given
                .text()
                .and_then(|given| given.into_str().ok())
                .is_some_and(|given| is_same(given.as_bytes(), text.as_ref().as_bytes())),
        }
    }
}

/// How many frames may be owed.
const ALL: usize = 6;

/// How many of them may be answers: two are kept for the opening.
const ANSWERS: usize = 4;

/// The verdict in the arguments of a slave message; `None` where there is none.
pub(super) fn verdict(args: Value<'_, '_>) -> Option<bool> {
    let mut args = args.elements();
    match (args.next(), args.next()) {
        (Some(verdict), None) if verdict.kind() == Kind::Bool => verdict.bool(),
        _ => None,
    }
}

/// Compares all bytes of both, whichever differ.
fn is_same(a: &[u8], b: &[u8]) -> bool {
    let differences = a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b));
    core::hint::black_box(differences) == 0 && a.len() == b.len()
}

impl Debts {
    pub(super) const NONE: Self = Self([None; ALL]);

    /// Notes what is to be said.
    pub(super) fn add(&mut self, debt: Debt) {
        if let Some(slot) = self.0.iter_mut().find(|slot| slot.is_none()) {
            *slot = Some(debt);
        }
    }

    /// Notes an answer, unless as many wait as there is room for.
    pub(super) fn add_answer(&mut self, debt: Debt) -> bool {
        let has_room = self.0.iter().flatten().count() < ANSWERS;
        if has_room {
            self.add(debt);
        }
        has_room
    }

    pub(super) const fn first(&self) -> Option<Debt> {
        self.0[0]
    }

    pub(super) fn pay_first(&mut self) {
        self.0.rotate_left(1);
        if let Some(last) = self.0.last_mut() {
            *last = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::pickle::{Node, Table, Writer};
    use crate::encoding::value::Write;
    use crate::encoding::{EncodeError, pickle::Progress};

    fn admits(
        password: Password<&str>,
        given: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>,
    ) -> bool {
        let mut slot = [0; 64];
        let mut writer = Writer::new(&mut slot).unwrap();
        given(&mut writer).unwrap();
        let len = writer.finish().unwrap();
        let mut table = Table::new([Node::EMPTY; 16]);
        let progress = table.scan(&slot[..len], 64);
        assert_eq!(progress, Ok(Progress::Done { len }));
        password.admits(table.root(&slot[..len]).unwrap())
    }

    #[test]
    fn a_listener_without_a_password_takes_any() {
        assert!(admits(Password::None, |given| given.null()));
        assert!(admits(Password::None, |given| given.text("whatever")));
    }

    #[test]
    fn a_password_admits_itself_alone() {
        let secret = Password::Text("secret");
        assert!(admits(secret, |given| given.text("secret")));
        assert!(!admits(secret, |given| given.text("secre")));
        assert!(!admits(secret, |given| given.text("secrets")));
        assert!(!admits(secret, |given| given.text("Secret")));
        assert!(!admits(secret, |given| given.text("")));
        assert!(!admits(secret, |given| given.bytes(b"secret")));
        assert!(!admits(secret, |given| given.null()));
        assert!(admits(Password::Text(""), |given| given.text("")));
        assert!(admits(Password::Number(1234), |given| given.i64(1234)));
        assert!(!admits(Password::Number(1234), |given| given.i64(1235)));
        assert!(!admits(Password::Number(1234), |given| given.text("1234")));
    }

    #[test]
    fn says_first_what_is_owed_longest() {
        let mut debts = Debts::NONE;
        debts.add(Debt::Password);
        for number in 0..3 {
            assert!(debts.add_answer(Debt::Refusal(CallId::Number(number))));
        }
        assert!(!debts.add_answer(Debt::Refusal(CallId::Number(3))));
        debts.add(Debt::Verdict(true));
        assert_eq!(debts.first(), Some(Debt::Password));
        debts.pay_first();
        for number in 0..3 {
            assert_eq!(debts.first(), Some(Debt::Refusal(CallId::Number(number))));
            debts.pay_first();
        }
        assert_eq!(debts.first(), Some(Debt::Verdict(true)));
        debts.pay_first();
        assert_eq!(debts.first(), None);
    }
}
