use super::{LINE_TO_TYPE, PEERS};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Hosts 1, 2, … on one network, 10.77.0.0/24, that lasts until it is dropped.
///
/// One at a time, so that tests that measure in beacons have the machine for themselves.
pub(crate) struct Network {
    namespaces: Vec<String>,
    /// netns.sh, which takes the namespaces away when its stdin closes, as it does when this program dies.
    script: Child,
    _turn: MutexGuard<'static, ()>,
}

impl Network {
    pub(crate) fn new(hosts: usize) -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let mut script = Command::new("bash")
            .arg(format!("{PEERS}/netns.sh"))
            .args([
                "run",
                "-c",
                "for i in $(seq $NETNS_COUNT); do name=NS$i; echo ${!name}; done; cat",
            ])
            .env("NETNS_COUNT", hosts.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("type: apt-get install bash");
        let lines = BufReader::new(script.stdout.take().unwrap()).lines();
        let namespaces: Vec<String> = lines.take(hosts).map_while(Result::ok).collect();
        let network = Self {
            namespaces,
            script,
            _turn: turn,
        };
        assert_eq!(
            network.namespaces.len(),
            hosts,
            "no network namespaces, as said above: they need root and iproute2; type:\napt-get install iproute2; {LINE_TO_TYPE}"
        );
        network
    }

    /// A command to be run on a host.
    pub(crate) fn command(&self, host: usize, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", self.namespace(host), program]);
        command
    }

    /// From now on, hosts hear beacons but no calls: who dials must wait.
    ///
    /// Whoever is heard meanwhile is dialled, so two hosts are sure to dial each other at once.
    pub(crate) fn hold_calls(&self) {
        for host in 1..=self.namespaces.len() {
            self.ip(host, "rule add pref 10 lookup local");
            self.ip(host, "rule del pref 0");
            self.ip(host, "rule add pref 1 iif eth0 ipproto tcp blackhole");
        }
    }

    /// Undoes [`hold_calls`](Self::hold_calls); TCP repeats the calls that wait a second after they began.
    pub(crate) fn let_calls_through(&self) {
        for host in 1..=self.namespaces.len() {
            self.ip(host, "rule del pref 1");
            self.ip(host, "rule add pref 0 lookup local");
            self.ip(host, "rule del pref 10");
        }
    }

    /// Takes a host off the network.
    pub(crate) fn unplug(&self, host: usize) {
        self.ip(host, "link set eth0 down");
    }

    /// Puts a host back on the network, without the default route that it had.
    pub(crate) fn plug_in(&self, host: usize) {
        self.ip(host, "link set eth0 up");
    }

    fn ip(&self, host: usize, arguments: &str) {
        let status = Command::new("ip")
            .args(["-n", self.namespace(host)])
            .args(arguments.split(' '))
            .status();
        assert!(status.unwrap().success(), "ip {arguments}");
    }

    fn namespace(&self, host: usize) -> &str {
        &self.namespaces[host - 1]
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        let _ = self.script.wait();
    }
}
