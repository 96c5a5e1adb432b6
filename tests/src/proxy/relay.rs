use super::link::Link;
use super::{Control, Fault, Learns, Planned, When};
use crate::proxy::Ending;
use mio::net::TcpListener;
use mio::{Events, Poll, Token};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// What the thread of a proxy does.
pub(super) struct Relay {
    pub(super) poll: Poll,
    pub(super) listener: TcpListener,
    pub(super) control: Arc<Mutex<Control>>,
    pub(super) reboot: Box<dyn FnMut(usize) + Send>,
    pub(super) faults: Vec<Planned>,
    pub(super) links: Vec<Link>,
    /// How the other side learns of the reboot that is waited for.
    pub(super) learns: Learns,
    pub(super) start: Instant,
    pub(super) next_token: usize,
}

impl Relay {
    /// Relays until it is told to end.
    pub(super) fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(64);
        while self.obey() {
            self.accept()?;
            while self.pump() | self.fire() {}
            self.links.retain(|link| !link.is_over());
            let now = Instant::now();
            let timeout = self.next_time().map(|at| at.saturating_duration_since(now));
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Does what it was told to, and says whether it is to go on.
    fn obey(&mut self) -> bool {
        let mut control = lock(&self.control);
        if control.is_quiet {
            self.faults.clear();
            for link in &mut self.links {
                link.end(Ending::Reset);
            }
        }
        let reborn = std::mem::take(&mut control.reborn);
        for side in [0, 1].into_iter().filter(|side| reborn[*side]) {
            for link in &mut self.links {
                match self.learns {
                    Learns::AtOnce => link.end(Ending::Reset),
                    Learns::BySilence => link.end_for(side, Ending::Reset),
                }
            }
        }
        !control.is_over
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let dialler = match self.listener.accept() {
                Ok((dialler, _)) => dialler,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error),
            };
            let mut control = lock(&self.control);
            // Who finds nobody behind the proxy loses its connection.
            let Some(target) = control.target.filter(|_| !control.is_quiet) else {
                continue;
            };
            let tokens = [0, 1].map(|side| Token(self.next_token + side));
            self.next_token += 2;
            if let Ok(link) = Link::new(dialler, target, self.poll.registry(), tokens) {
                control.counts.connections += 1;
                self.links.push(link);
            }
        }
    }

    fn pump(&mut self) -> bool {
        let now = Instant::now();
        let mut happened = false;
        for at in 0..self.links.len() {
            for side in [0, 1] {
                let said = lock(&self.control).counts.said[side];
                let limits = self.faults.iter().filter_map(|due| due.limit(side, said));
                let limit = limits.min().unwrap_or(usize::MAX);
                let (passed, has_moved) = self.links[at].pump(side, limit, now);
                lock(&self.control).counts.said[side] += passed;
                happened |= has_moved;
            }
        }
        happened
    }

    /// Lets go wrong what is due, and says whether something was.
    fn fire(&mut self) -> bool {
        let said = lock(&self.control).counts.said;
        let newest = self.links.iter().rposition(Link::is_whole);
        let is_due = |planned: &Planned| match planned.when {
            When::Said(side, at) => said[side] >= at && newest.is_some(),
            When::After(span) => self.start.elapsed() >= span,
        };
        let Some(due) = self.faults.iter().position(is_due) else {
            return false;
        };
        let Planned { fault, .. } = self.faults.swap_remove(due);
        lock(&self.control).counts.faults += 1;
        let link = newest.and_then(|at| self.links.get_mut(at));
        match (fault, link) {
            (Fault::Reboot(side, learns), _) => {
                for link in &mut self.links {
                    link.is_frozen = true;
                }
                self.learns = learns;
                (self.reboot)(side);
            }
            (Fault::Kill(ending), Some(link)) => link.end(ending),
            (Fault::HalfOpen(knows), Some(link)) => link.end_for(knows, Ending::Reset),
            (Fault::Stall(side, span), Some(link)) => link.stall(side, Instant::now() + span),
            (Fault::Delay(side, latency), Some(link)) => link.delay(side, latency),
            (_, None) => {}
        }
        true
    }

    fn next_time(&self) -> Option<Instant> {
        let faults = self.faults.iter().filter_map(|due| due.at(self.start));
        let links = self.links.iter().filter(|link| !link.is_frozen);
        let arrivals = links.filter_map(Link::next_arrival);
        // What has arrived and cannot be written waits for the socket.
        let now = Instant::now();
        faults.chain(arrivals).filter(|at| *at > now).min()
    }
}

pub(super) fn lock(control: &Mutex<Control>) -> std::sync::MutexGuard<'_, Control> {
    control.lock().unwrap_or_else(PoisonError::into_inner)
}
