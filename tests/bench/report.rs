//! The one table, and the checks that decide how the program ends.

use std::fmt::Display;
use std::process::ExitCode;

/// Prints rows as they are measured and counts the checks.
#[derive(Default)]
pub(crate) struct Report {
    passed: usize,
    failed: Vec<String>,
    missed: Vec<String>,
    met: usize,
}

/// A ratio that a row aims at.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    AtMost(f64),
    AtLeast(f64),
}

impl Report {
    pub(crate) fn new() -> Self {
        println!(
            "{:<48} {:>16} {:>7}  {:<22} target",
            "", "measured", "ratio", "to"
        );
        Self::default()
    }

    pub(crate) fn section(&mut self, title: &str) {
        println!("\n{title}");
    }

    /// A value without a goal: a limit, or a peer.
    pub(crate) fn value(&mut self, name: &str, value: impl Display) {
        println!("  {name:<46} {value:>16}");
    }

    /// A value and its ratio to the row called `to`.
    pub(crate) fn ratio(&mut self, name: &str, value: impl Display, ratio: f64, to: &str) {
        println!("  {name:<46} {value:>16} {ratio:>7.3}  {to}");
    }

    /// A ratio with a target. To miss one is reported; it breaks nothing.
    pub(crate) fn target(
        &mut self,
        name: &str,
        value: impl Display,
        ratio: f64,
        to: &str,
        target: Target,
    ) {
        let (sign, goal, met) = match target {
            Target::AtMost(goal) => ("<=", goal, ratio <= goal),
            Target::AtLeast(goal) => (">=", goal, ratio >= goal),
        };
        let verdict = if met { "met" } else { "MISSED" };
        println!("  {name:<46} {value:>16} {ratio:>7.3}  {to:<22} {sign} {goal:.2} {verdict}");
        if met {
            self.met += 1;
        } else {
            self.missed.push(name.to_owned());
        }
    }

    /// Something that must hold on any machine, however busy.
    pub(crate) fn check(&mut self, name: &str, holds: bool, found: impl Display) {
        let verdict = if holds { "ok" } else { "FAILED" };
        println!("  {name:<46} {found:>16} {verdict:>7}");
        if holds {
            self.passed += 1;
        } else {
            self.failed.push(format!("{name}: {found}"));
        }
    }

    /// Takes the value of a step that must succeed, or notes why it did not.
    pub(crate) fn succeeds<T>(&mut self, name: &str, step: super::Outcome<T>) -> Option<T> {
        match step {
            Ok(value) => {
                self.passed += 1;
                Some(value)
            }
            Err(error) => {
                self.check(name, false, error);
                None
            }
        }
    }

    pub(crate) fn finish(self) -> ExitCode {
        println!("\ntargets: {} met, {} missed", self.met, self.missed.len());
        for missed in &self.missed {
            println!("  missed: {missed}");
        }
        for failed in &self.failed {
            println!("  failed: {failed}");
        }
        println!("{} passed, {} failed", self.passed, self.failed.len());
        if self.failed.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}
