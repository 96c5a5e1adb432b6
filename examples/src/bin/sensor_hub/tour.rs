use ropeway_std::Peer;
use ropeway_std::call::{CallError, Ticket};
use ropeway_std::files::{Event, FileError, FileId, Stage};
use ropeway_std::hub::{Hub, PeerId, Peers};
use ropeway_std::native::Native;
use ropeway_words::{Blink, ReadMemory, SetRate};
use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

/// What can be done with a sensor, one thing after the other.
pub(super) struct Tour<'h> {
    hub: &'h mut Hub<Native>,
    /// The files whose transfers have ended.
    ended: Receiver<Event>,
    end: Instant,
}

impl<'h> Tour<'h> {
    pub(super) fn new(hub: &'h mut Hub<Native>, ended: Receiver<Event>, timeout: Duration) -> Self {
        let end = Instant::now() + timeout;
        Self { hub, ended, end }
    }

    /// Shows all of it with the first sensor that has come, and says what was shown.
    pub(super) fn go(
        &mut self,
        came: &Receiver<PeerId>,
        folder: &Path,
    ) -> Result<(), Box<dyn Error>> {
        let sensor = self.wait("a sensor", |_| came.try_recv().ok())?;

        let rate = SetRate { per_second: 20 };
        self.ask("the rate", |hub| hub.start(sensor, &rate, PATIENCE))?;
        println!("shown: it sends {} readings a second", rate.per_second);

        let blink = Blink { times: 3 };
        self.ask("the light", |hub| hub.start(sensor, &blink, PATIENCE))?;
        println!("shown: its light was on {} times", blink.times);

        let read = |hub: &mut Peers<_>| hub.start(sensor, &ReadMemory, PATIENCE);
        let memory = self.ask("the memory", read)?;
        let (stack, statics) = (memory.stack, memory.statics);
        println!("shown: it uses {stack} bytes of stack and {statics} for statics");

        let log = folder.join("log.txt");
        self.carry(sensor, |peer| peer.ask_for("log.txt", &log))?;
        let log = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
        println!("shown: its log has {} lines", log.lines().count());
        log.lines().for_each(|line| println!("    {line}"));

        let (sent, back) = (folder.join("sent.txt"), folder.join("back.txt"));
        fs::write(&sent, format!("{:?}\n", Instant::now()))?;
        self.carry(sensor, |peer| peer.offer(&sent, "note.txt"))?;
        self.carry(sensor, |peer| peer.ask_for("note.txt", &back))?;
        if fs::read(&sent)? != fs::read(&back)? {
            return Err("the file that came back is not the one that was sent".into());
        }
        println!("shown: it took a file, and gave it back as it was");
        Ok(())
    }

    /// Begins a call, and waits for its answer.
    fn ask<A>(
        &mut self,
        what: &str,
        begin: impl FnOnce(&mut Peers<Native>) -> Result<Ticket<A>, CallError>,
    ) -> Result<A, Box<dyn Error>> {
        let ticket = begin(self.hub)?;
        let answer = self.wait(what, |_| ticket.poll())?;
        answer.map_err(|error| format!("{what}: {error}").into())
    }

    /// Begins a transfer, and waits until the file is whole.
    fn carry(
        &mut self,
        sensor: PeerId,
        begin: impl FnOnce(&mut Peer<'_, Native>) -> Result<FileId, FileError>,
    ) -> Result<(), Box<dyn Error>> {
        begin(&mut self.hub.get(sensor).ok_or("the sensor has left")?)?;
        // There is one at a time.
        let event = self.wait("a file", |tour| tour.ended.try_recv().ok())?;
        match event.stage {
            Stage::Done => Ok(()),
            stage => Err(format!("{}: {stage}", event.name).into()),
        }
    }

    /// Serves the sensors until `found` has something.
    fn wait<T>(
        &mut self,
        what: &str,
        found: impl Fn(&Self) -> Option<T>,
    ) -> Result<T, Box<dyn Error>> {
        loop {
            if let Some(found) = found(self) {
                return Ok(found);
            }
            let left = self.end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(format!("{what} did not come in time").into());
            }
            self.hub.turn(left)?;
        }
    }
}

/// How long the sensor may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
