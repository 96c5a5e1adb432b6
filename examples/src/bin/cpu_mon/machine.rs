use crate::report::Report;
use std::time::Duration;
use sysinfo::{Components, Error, System};

/// This machine's own figures.
pub(crate) struct Machine {
    system: System,
    /// None where the system tells no temperatures.
    components: Option<Components>,
    host: String,
}

impl Machine {
    /// How busy a processor is can be told only after it has been watched for a while.
    pub(crate) const FIRST_REPORT: Duration = Duration::from_millis(300);

    pub(crate) fn new() -> Result<Self, Error> {
        let mut system = System::new()?;
        system.refresh_cpu_usage();
        let components = Components::new_with_refreshed_list().ok();
        let host = System::host_name().unwrap_or_else(|_| "unknown".into());
        Ok(Self {
            system,
            components,
            host,
        })
    }

    pub(crate) fn report(&mut self) -> Report {
        self.system.refresh_cpu_usage();
        self.system.refresh_memory();
        let system = &self.system;
        let load = System::load_average().unwrap_or_default();
        let unavailable = system
            .total_memory()
            .saturating_sub(system.available_memory());
        Report {
            host: self.host.clone(),
            cpu_percent: tenths(system.global_cpu_usage().into()),
            load_avg: [load.one, load.five, load.fifteen],
            memory_percent: percent(unavailable, system.total_memory()),
            memory_total: system.total_memory(),
            swap_percent: percent(system.used_swap(), system.total_swap()),
            swap_total: system.total_swap(),
            temp: self.warmest(),
        }
    }

    fn warmest(&mut self) -> Option<f64> {
        let components = self.components.as_mut()?;
        components.refresh(false);
        let temperatures = components
            .iter()
            .filter_map(|component| component.temperature());
        temperatures
            .filter(|celsius| celsius.is_finite())
            .map(f64::from)
            .reduce(f64::max)
            .map(tenths)
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        tenths(part as f64 * 100.0 / whole as f64)
    }
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_figures_that_can_be() {
        let mut machine = Machine::new().unwrap();
        let report = machine.report();
        assert!(!report.host.is_empty());
        assert!(report.memory_total > 1 << 20);
        for percent in [
            report.cpu_percent,
            report.memory_percent,
            report.swap_percent,
        ] {
            assert!((0.0..=100.0).contains(&percent), "{report:?}");
        }
    }

    #[test]
    fn nothing_of_nothing_is_no_percent() {
        assert_eq!((percent(0, 0), percent(1, 3)), (0.0, 33.3));
    }
}
