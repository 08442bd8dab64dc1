//! The proof of `examples/deploy/haproxy.cfg`: HAProxy with it in front of three servers that are started as it says,
//! hundreds of clients, and, under their load, servers that are killed, drained and started anew.
//!
//! Its addresses are those of the example, in a network of the test's own. Changed are how often it looks at a
//! server's health, how many sessions it takes, and what comes of it that all is one machine.
//!
//! A new connection has succeeded with the answer to its first message. All have to, but for those that a server
//! has taken with it: HAProxy goes to another server if one does not take a connection, but it can't take back what it
//! has handed over, and does not know what has come of it. So whoever had begun to connect when a server was killed,
//! and was seen by no other, was that one's client, like those whom it had answered: it has to see the end, no more.

mod crowd;
mod verdict;

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use rustix::process::Signal;

use crate::common::client::eventually;
use crate::common::harness::{LONG, Need, Test, missing_program};
use crate::common::network::{NEEDS, alone, ip};
use crate::common::process::{Program, run};
use crate::common::program::{SECRET, Server, sockmodes};
use crate::deploy::{HAPROXY, OPENSSL, haproxy_with_certificate};
use crowd::{NETWORK, around};
use verdict::{Ended, judge};

/// What bears no other beside it: whoever finds no time for a second is given up, by HAProxy or by its servers.
pub(crate) const ALONE: &[Test] = &[(
    "whatever_becomes_of_servers_new_connections_succeed",
    &[LONG, NEEDS[0], NEEDS[1], HAPROXY, OPENSSL],
    whatever_becomes_of_servers,
)];

pub(crate) const TESTS: &[Test] = &[(
    "a_client_without_tls_comes_through_the_door_with_it",
    &[NEEDS[0], NEEDS[1], HAPROXY, OPENSSL, SOCAT],
    a_client_without_tls,
)];

const SOCAT: Need = Need::Peer(|| missing_program("socat"));

const BALANCER: &str = "10.0.0.10:9999";
const OTHER_DOOR: &str = "10.0.0.10:9443";
const SERVERS: [&str; 3] = ["one", "two", "three"];
/// More than two looks and a timeout, as the example says, and so much more as there.
const GRACE: &str = "--grace 2400ms";

fn whatever_becomes_of_servers() {
    alone(|| {
        take_addresses();
        let folder = tempfile::tempdir().unwrap();
        let config = configuration(folder.path());
        let mut servers: Vec<_> =
            (0..3).map(|which| Some(Started::as_told(&config, which))).collect();
        let haproxy = balance(folder.path(), &config);
        let mut ended = Vec::new();
        let lives = around(BALANCER.parse().unwrap(), |listen| {
            for round in 0..SERVERS.len() {
                ended.extend(kill_and_drain(&mut servers, round, &haproxy, &config, listen));
            }
        });
        let last: Vec<_> = servers.into_iter().flatten().collect();
        last.iter().for_each(|server| server.signal(Signal::TERM));
        ended.extend(last.into_iter().map(Started::drained));
        judge(&lives, &ended);
        for name in SERVERS {
            let away = format!("{name} is DOWN, reason: Layer7 wrong status, code: 503");
            assert!(haproxy.log_so_far().contains(&away), "it never looked away from {name}");
        }
    });
}

/// As the page tells those who have no TLS of their own.
fn a_client_without_tls() {
    alone(|| {
        take_addresses();
        let folder = tempfile::tempdir().unwrap();
        let config = configuration(folder.path());
        let server = Started::as_told(&config, 0);
        let _haproxy = balance(folder.path(), &config);
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/src/past.md");
        let page = fs::read_to_string(page).unwrap();
        let command = page.lines().find(|line| line.starts_with("socat ")).unwrap();
        let certificate =
            format!("commonname=sockmodes.example,cafile={}/cert", folder.path().display());
        let here =
            command.replace("sockmodes.example:9443", &format!("{OTHER_DOOR},{certificate}"));
        let socat =
            Program::start(Command::new("socat").args(["-d", "-d"]).args(here.split(' ').skip(1)));
        socat.wait_for_log("listening on AF=2 127.0.0.1:9999");
        let mut connect = sockmodes(["connect"]);
        let said = run(connect.env("SOCKMODES_SECRET", SECRET), b"hello\n").expect(0);
        assert_eq!(said.out(), "HELLO\n");
        server.signal(Signal::TERM);
        server.0.program.finish().expect(0);
    });
}

/// Those of the example, in the network that the test has for itself.
fn take_addresses() {
    ip(&format!("route add local {NETWORK} dev lo"));
    for host in [1, 2, 3, 10] {
        ip(&format!("address add 10.0.0.{host}/32 dev lo"));
    }
}

/// The example's, changed for this network.
fn configuration(folder: &Path) -> String {
    let mut config = haproxy_with_certificate(folder);
    for (there, here) in [
        ("inter 2s", "inter 100ms"),
        // Not every machine allows a process so many descriptors.
        ("maxconn 100000", "maxconn 2000"),
        // The servers have this port, too, and it would be asked for at all addresses.
        ("bind :9999", "bind 10.0.0.10:9999"),
        // From the address of the balancer's machine, which is the servers' machine, too.
        ("send-proxy-v2\n", "send-proxy-v2 source 10.0.0.10\n"),
    ] {
        assert_eq!(config.matches(there).count(), 1, "{there}");
        config = config.replace(there, here);
    }
    config
}

/// A server at work.
struct Started(Server);

impl Started {
    /// As the example says that each is started.
    fn as_told(config: &str, which: usize) -> Started {
        let args = config.lines().find_map(|line| line.strip_prefix("#   --listen ")).unwrap();
        let args = args.replace("10.0.0.N", &format!("10.0.0.{}", which + 1));
        let args = args.replace("--grace 10s", GRACE);
        let args = ["serve", "-v", "--listen"].into_iter().chain(args.split(' '));
        Started(Server::of(&mut sockmodes(args)))
    }

    fn signal(&self, signal: Signal) {
        self.0.program.signal(signal);
    }

    fn kill(self) -> Ended {
        let start = Instant::now();
        self.signal(Signal::KILL);
        let log = self.0.program.finish().err().to_owned();
        // Only now: until the process has ended, its queue takes connections.
        Ended::killed(start..=Instant::now(), &log)
    }

    /// Its end by SIGTERM.
    fn drained(self) -> Ended {
        let left = self.0.program.finish().expect(0);
        Ended::drained(left.err())
    }
}

/// HAProxy, listening. It is asked at its other door, which is the last that it opens, and behind which nobody comes to
/// a server without TLS.
fn balance(folder: &Path, config: &str) -> Program {
    let path = folder.join("config");
    fs::write(&path, config).unwrap();
    let haproxy = Program::start(Command::new("haproxy").args(["-db", "-f"]).arg(path));
    eventually("HAProxy to listen", || TcpStream::connect(OTHER_DOOR).is_ok());
    haproxy
}

/// Kills one, drains the next, so that for a while the third has all the clients, and starts both anew.
fn kill_and_drain(
    servers: &mut [Option<Started>],
    round: usize,
    haproxy: &Program,
    config: &str,
    listen: &dyn Fn(),
) -> [Ended; 2] {
    let [first, second] = [round, (round + 1) % SERVERS.len()];
    let [killed, drained] = [first, second].map(|which| servers[which].take().unwrap());
    let killed = killed.kill();
    drained.signal(Signal::TERM);
    // Said once in the whole test.
    haproxy.wait_for_log(&format!("Server sockmodes/{} is DOWN, reason: Layer4", SERVERS[first]));
    servers[first] = Some(Started::as_told(config, first));
    // To those who have ended their input and not listened so far it owes megabytes, when its drain begins.
    drained.0.program.wait_for_log("stopping connections=");
    listen();
    let drained = drained.drained();
    servers[second] = Some(Started::as_told(config, second));
    for server in servers.iter().flatten() {
        server.0.program.wait_for_log("let in ");
    }
    [killed, drained]
}
