//! `ropeway keygen`: a key for secure links.

use crate::fault::Fault;
use crate::output::print;
use clap::Args;
use ropeway_std::native::Key;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

/// The id that the key goes by, and where to put it.
#[derive(Args)]
pub(crate) struct Keygen {
    /// What the key is called: 1 to 32 bytes without blanks; no secret
    #[arg(default_value = "ropeway")]
    id: String,
    /// Write it to this file, which must not exist, for its owner alone; otherwise it is printed
    #[arg(long, short)]
    out: Option<PathBuf>,
}

impl Keygen {
    pub(crate) fn run(self) -> Result<(), Fault> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(Fault::failed)?;
        let digits: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        let line = format!("{} {digits}", self.id);
        let Ok(key) = line.parse::<Key>() else {
            let text = format!("{:?} is no id for a key", self.id);
            return Err(Fault::input(text).hint("take 1 to 32 bytes without blanks, such as rover"));
        };
        let Some(path) = self.out else {
            print(&line);
            return Ok(());
        };
        let failed = |error| Fault::failed(format!("{}: {error}", path.display()));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path).map_err(failed)?;
        writeln!(file, "{line}").map_err(failed)?;
        print(&format!("{} is in {}", key.id(), path.display()));
        Ok(())
    }
}
