use clap::Parser;
use std::time::Duration;

/// Shows how busy every machine on the network is.
#[derive(Debug, Parser)]
#[command(version, about)]
pub(crate) struct Settings {
    /// Count other copies on this machine as peers
    #[arg(long)]
    pub loopback: bool,
    /// Exit after the first report of another peer: 0, or 1 when none came before --timeout
    #[arg(long)]
    pub once: bool,
    /// Exit after so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
    /// Print each report of a peer as a line of JSON
    #[arg(long)]
    pub json: bool,
    /// Say on stderr what happens to connections
    #[arg(short, long)]
    pub verbose: bool,
    /// Seconds from one report, and one beacon, to the next
    #[arg(long, value_name = "SECONDS", default_value = "3", value_parser = seconds)]
    interval: Duration,
    /// The UDP port of beacons
    #[arg(long, value_name = "PORT", default_value_t = 8226)]
    pub udp_port: u16,
    /// The TCP port of connections
    #[arg(long, value_name = "PORT", default_value_t = 8227)]
    pub tcp_port: u16,
}

impl Settings {
    pub(crate) const fn interval(&self) -> Duration {
        self.interval
    }

    /// When to give up: never, unless told, but `--once` waits no longer than a minute.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.timeout.or(self.once.then_some(ONCE_AT_MOST))
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text
        .parse()
        .map_err(|_| format!("`{text}` is no number of seconds"))?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if duration >= SHORTEST => Ok(duration),
        _ => Err(format!(
            "must be at least {} seconds",
            SHORTEST.as_secs_f64()
        )),
    }
}

const SHORTEST: Duration = Duration::from_millis(100);
const ONCE_AT_MOST: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_ports_and_interval_people_know() {
        let settings = Settings::parse_from(["cpu_mon"]);
        assert_eq!((settings.udp_port, settings.tcp_port), (8226, 8227));
        assert_eq!(
            (settings.interval(), settings.timeout()),
            (Duration::from_secs(3), None)
        );
    }

    #[test]
    fn refuses_intervals_that_flood_the_network() {
        for interval in ["0", "-1", "0.01", "soon", "NaN", "1e300"] {
            assert!(
                Settings::try_parse_from(["cpu_mon", "--interval", interval]).is_err(),
                "{interval}"
            );
        }
    }
}
