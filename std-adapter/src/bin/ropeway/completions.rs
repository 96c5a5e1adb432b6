//! `ropeway completions`: for the shells.

use crate::fault::Fault;
use crate::output::print;
use clap::{Args, Command};
use clap_complete::Shell;

/// Of which shell.
#[derive(Args)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self, mut command: Command) -> Result<(), Fault> {
        let name = command.get_name().to_owned();
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, name, &mut script);
        print(String::from_utf8_lossy(&script).trim_end());
        Ok(())
    }
}
