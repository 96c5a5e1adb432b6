use super::ids::Turned;
use super::table::{Due, Entry, Outcome, Part, Space};
use super::{By, Reason, Sink, Slot, Store, Transfers};

/// What becomes of the session.
impl<F: Store, S: AsRef<[Slot<F>]> + AsMut<[Slot<F>]>> Transfers<F, S> {
    /// The transport is lost. Sequenced frames may still be queued; chunks wait for the next one.
    pub fn handle_lost(&mut self) {
        self.is_lost = true;
        for entry in self.table.iter_mut() {
            if let Part::Outgoing(outgoing) = &mut entry.part {
                outgoing.stated = false;
            }
            // DONE comes again when the receiver has said what it still misses; CREDIT when it can be sent.
            if matches!(entry.due, Due::Done | Due::Credit) {
                entry.due = Due::Nothing;
            }
        }
        self.polled = None;
    }

    /// The session goes on with a new transport: senders go on where receivers say.
    pub fn handle_resumed(&mut self) {
        self.handle_lost();
        self.is_lost = false;
        for entry in self.table.iter_mut() {
            let is_under_way =
                matches!(entry.part, Part::Incoming(_)) && entry.space == Space::PeerFile;
            if is_under_way && entry.due == Due::Nothing {
                entry.due = Due::Credit;
            }
        }
    }

    /// A fresh session begins, the first one or after one that is no more.
    ///
    /// What was offered is offered again, what was asked for is asked for again, and what was accepted goes on when
    /// the peer offers it again. What nobody here began or accepted ends with [`By::Fresh`]. Whoever drives this
    /// drops the file frames that it has queued and not sent: they belong to the old session.
    pub fn handle_fresh(&mut self) {
        self.is_lost = false;
        self.table.iter_mut().for_each(start_over);
        self.table.settle();
        self.own_files.go_on();
        self.own_asks.go_on();
        self.peer_files.go_on();
        self.peer_asks.go_on();
        self.turned_files = Turned::NONE;
        self.turned_asks = Turned::NONE;
        self.polled = None;
    }

    /// The peer is gone for good: every transfer ends with [`By::Fresh`], and what comes next is the first session of another.
    pub fn handle_gone(&mut self) {
        for entry in self.table.iter_mut() {
            match &mut entry.part {
                Part::Over(_) | Part::Unwanted => continue,
                Part::Incoming(incoming) => incoming.sink.abandon(Reason::Cancelled),
                _ => {}
            }
            entry.end(Outcome::Stopped(Reason::Cancelled, By::Fresh));
        }
        self.handle_fresh();
    }
}

fn start_over<F: Store>(entry: &mut Entry<F>) {
    let ended = Outcome::Stopped(Reason::Cancelled, By::Fresh);
    entry.space = Space::None;
    entry.due = Due::Nothing;
    match &mut entry.part {
        Part::Over(_) => {}
        Part::Unwanted => entry.part = Part::Over(None),
        Part::Asking(_) => entry.due = Due::Ask,
        Part::Asked => entry.end(ended),
        Part::Offered { asked, .. } => match asked.take() {
            Some(name) => {
                entry.part = Part::Asking(name);
                entry.due = Due::Ask;
            }
            None => entry.end(ended),
        },
        // Who asked asks again.
        Part::Outgoing(outgoing) if outgoing.ask != 0 => entry.end(ended),
        Part::Outgoing(outgoing) => {
            outgoing.start_over();
            if outgoing.has_changed(entry.size, entry.tag) {
                entry.end(Outcome::Stopped(Reason::Changed, By::Here));
            } else {
                entry.due = Due::Offer;
            }
        }
        Part::Incoming(incoming) => {
            incoming.start_over();
            if incoming.name.is_some() {
                entry.due = Due::Ask;
            }
        }
    }
}
