use crate::ConnectError;
#[cfg(doc)]
use crate::Peer;
use crate::slot::Mail;
use core::fmt;
use ropeway_core::Malformed;
use ropeway_core::dialect::Dialect;
use ropeway_core::dialect::native::{Opening, Reason, Rule};
use ropeway_core::registry::Registry;
use ropeway_core::wire::Wire;

/// One thing that a peer said, or that became of its link, for who keeps it: [`Peer::recv`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Event<T, C> {
    /// A message of the table.
    Message(T),
    /// A request of the table, to be [answered](Peer::answer) by this id.
    Request(C, T),
    /// Nobody waits for the answer to this request any more.
    Cancelled(C),
    /// What has become of the link or its session.
    News(News),
    /// A message that the table does not have.
    Unknown,
    /// A frame that breaks a rule.
    Malformed(Malformed),
}

/// What has become of a link or its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum News {
    /// Messages go both ways: the session goes on, or a fresh one has begun.
    Opened(Opening),
    /// So many messages that waited for the opening are longer than the peer takes, and do not go.
    TooLong(usize),
    /// There is no link, or an attempt to get one has failed.
    Lost(Lost),
    /// The peer has taken its leave.
    Bye(Reason),
    /// The peer broke this rule, which ends the link.
    Broken(Rule),
}

/// Why there is no link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Lost {
    /// It could not be dialled.
    Dial(ConnectError),
    /// The connection broke, or its peer has been silent for too long.
    Broken,
    /// The peer has ended it.
    Closed,
    /// The peer broke the framing, so that nothing more can be read.
    OutOfStep,
    /// One side has ended it, as was told before.
    Ended,
    /// The opening took too long.
    Opening,
    /// The peer has come again over another.
    Superseded,
}

/// What comes next, while it lies in the receive buffer: for [`Peer::recv_with`].
#[non_exhaustive]
pub enum Heard<'a, 'd, D: Dialect, X> {
    /// What has become of the link or its session.
    News(News),
    /// What the peer said.
    Said(Said<'a, 'd, D, X>),
}

/// What the peer said, to be read as one of a table.
pub struct Said<'a, 'd, D: Dialect, X>(pub(crate) &'a mut Mail<'d, D, X>);

impl<'a, D: Dialect, X: Wire> Said<'a, '_, D, X> {
    /// Reads it; what it borrows, it borrows from the receive buffer.
    ///
    /// `None` if it turned out to be nothing that a program is told of.
    pub fn read<T: Registry<'a, D>>(self) -> Option<ropeway_core::Event<'a, D, T>> {
        self.0.recv()
    }
}

impl<D: Dialect, X> fmt::Debug for Heard<'_, '_, D, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::News(news) => news.fmt(f),
            Self::Said(said) => said.fmt(f),
        }
    }
}

impl<D: Dialect, X> fmt::Debug for Said<'_, '_, D, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Said(..)")
    }
}

/// The latest news. Who is not interested in them loses the oldest, and nothing else.
#[derive(Debug)]
pub(crate) struct Recent {
    news: [Option<News>; Self::ROOM],
}

impl Recent {
    const ROOM: usize = 4;

    pub(crate) const fn new() -> Self {
        Self {
            news: [None; Self::ROOM],
        }
    }

    /// A link that is lost again before anybody has heard of it is told once.
    pub(crate) fn push(&mut self, news: News) {
        let last = self.news.iter().rposition(Option::is_some);
        let at = match last.and_then(|last| Some((last, self.news.get(last)?))) {
            None => 0,
            Some((last, Some(News::Lost(_)))) if matches!(news, News::Lost(_)) => last,
            Some((last, _)) => last + 1,
        };
        if at == Self::ROOM {
            self.news.rotate_left(1);
        }
        if let Some(place) = self.news.get_mut(at.min(Self::ROOM - 1)) {
            *place = Some(news);
        }
    }

    pub(crate) fn take(&mut self) -> Option<News> {
        let oldest = self.news.first_mut()?.take();
        self.news.rotate_left(1);
        oldest
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.news.first().is_none_or(Option::is_none)
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dial(error) => return error.fmt(f),
            Self::Broken => "the connection broke",
            Self::Closed => "the peer has closed the link",
            Self::OutOfStep => "the peer broke the framing",
            Self::Ended => "one side has ended the link",
            Self::Opening => "the opening took too long",
            Self::Superseded => "the peer has come again",
        })
    }
}

#[cfg(feature = "defmt")]
impl<D: Dialect, X> defmt::Format for Heard<'_, '_, D, X> {
    fn format(&self, f: defmt::Formatter<'_>) {
        match self {
            Self::News(news) => defmt::write!(f, "{}", news),
            Self::Said(said) => defmt::write!(f, "{}", said),
        }
    }
}

#[cfg(feature = "defmt")]
impl<D: Dialect, X> defmt::Format for Said<'_, '_, D, X> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Said(..)");
    }
}
