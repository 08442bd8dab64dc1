//! What lies in `examples/deploy/`, held against the programs that it is for, and against ours.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use regex_lite::Regex;

use crate::common::admin::{self, get};
use crate::common::client::converse;
use crate::common::harness::{Need, Test, missing_program};
use crate::common::process::run;
use crate::common::program::Server;

pub(crate) const TESTS: &[Test] = &[
    ("haproxy_takes_its_configuration", &[HAPROXY, OPENSSL], haproxy_takes_its_configuration),
    ("the_alerts_fire_when_they_have_to", &[PROMTOOL], the_alerts_fire_when_they_have_to),
    ("the_alerts_are_about_what_is_counted", &[], the_alerts_are_about_what_is_counted),
    ("the_times_fit_each_other", &[], the_times_fit_each_other),
    ("systemd_takes_the_units", &[ANALYZE], systemd_takes_the_units),
    ("the_unit_exposes_little", &[ANALYZE], the_unit_exposes_little),
    ("the_server_needs_no_call_that_is_forbidden", &[ANALYZE, STRACE], no_forbidden_call),
];

pub(crate) const HAPROXY: Need = Need::Peer(|| missing_program("haproxy"));
pub(crate) const OPENSSL: Need = Need::Peer(|| missing_program("openssl"));
const PROMTOOL: Need = Need::Peer(|| missing_program("promtool"));
const ANALYZE: Need = Need::Peer(|| missing_program("systemd-analyze"));
const STRACE: Need = Need::Peer(|| missing_program("strace"));

fn deploy(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/deploy").join(file)
}

fn text(file: &str) -> String {
    fs::read_to_string(deploy(file)).unwrap()
}

/// Runs a program that has to be content, and gives what it said.
fn content(command: &mut Command) -> String {
    let done = run(command, b"");
    let said = format!("{}{}", done.out(), done.err());
    assert!(done.status.success(), "{command:?}:\n{said}");
    said
}

fn haproxy_takes_its_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    fs::write(&config, haproxy_with_certificate(folder.path())).unwrap();
    let said = content(Command::new("haproxy").args(["-c", "-f"]).arg(config));
    assert!(!said.to_lowercase().contains("warning"), "{said}");
}

/// `haproxy.cfg` with a certificate of the test's own, in `folder`, in place of the one that is only on the machine
/// that it is for.
pub(crate) fn haproxy_with_certificate(folder: &Path) -> String {
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let make = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    let names = ["-subj", "/CN=sockmodes.example", "-keyout", &path("key"), "-out", &path("cert")];
    content(Command::new("openssl").args(make).args(names));
    let pem = ["cert", "key"].map(|name| fs::read_to_string(path(name)).unwrap()).concat();
    fs::write(path("sockmodes.pem"), pem).unwrap();
    let config = text("haproxy.cfg");
    assert!(config.contains("crt-base /etc/haproxy/certs\n"));
    config.replace("/etc/haproxy/certs", folder.to_str().unwrap())
}

fn the_alerts_fire_when_they_have_to() {
    content(Command::new("promtool").args(["check", "rules"]).arg(deploy("alerts.yml")));
    content(Command::new("promtool").args(["test", "rules"]).arg(deploy("alerts.test.yml")));
    let (rules, tests) = (text("alerts.yml"), text("alerts.test.yml"));
    for alert in Regex::new(r"- alert: (\w+)").unwrap().captures_iter(&rules) {
        let alert = &alert[1];
        let fires = format!("alertname: {alert}\n        exp_alerts:");
        assert!(tests.contains(&fires), "no test shows that {alert} fires");
        let silent = format!("alertname: {alert} }}");
        assert!(tests.contains(&silent), "no test shows that {alert} does not");
    }
}

/// A metric, or the value of a label, of another name would make an alert that never fires.
fn the_alerts_are_about_what_is_counted() {
    let server = Server::start(&["--admin", "127.0.0.1:0"]);
    let metrics = get(admin::address(&server.program), "/metrics").body;
    let rules = text("alerts.yml");
    let found = |pattern: &str| -> Vec<String> {
        let pattern = Regex::new(pattern).unwrap();
        pattern.captures_iter(&rules).map(|found| found[1].to_owned()).collect()
    };
    for name in found(r"(sockmodes_\w+)") {
        assert!(metrics.contains(&format!("\n{name}")), "there is no {name}");
    }
    let values = found(r#"(?:reason|state|reader|result)=~?"([^"]+)""#);
    for value in values.iter().flat_map(|values| values.split('|')) {
        let there = Regex::new(&format!(r#"="{value}"\}}"#)).unwrap();
        assert!(there.is_match(&metrics), "nothing has the label {value}");
    }
    server.stop();
}

/// The numbers by which a server is drained have to fit each other, or connections are lost.
fn the_times_fit_each_other() {
    let number = |text: &str, pattern: &str| -> u64 {
        let found = Regex::new(pattern).unwrap().captures(text);
        found.unwrap_or_else(|| panic!("no {pattern}"))[1].parse().unwrap()
    };
    let pods = text("kubernetes.yaml");
    let [grace, drain, period, wait, tries, kill] = [
        r"--grace=(\d+)s",
        r"--drain-timeout=(\d+)s",
        r"periodSeconds: (\d+)",
        r"timeoutSeconds: (\d+)",
        r"failureThreshold: (\d+)",
        r"terminationGracePeriodSeconds: (\d+)",
    ]
    .map(|pattern| number(&pods, pattern));
    assert!(grace > tries * period + wait, "the door closes before anybody looks");
    assert!(kill > grace + drain, "it is killed before it has drained");

    let balancer = text("haproxy.cfg");
    let [grace, inter, fall, wait] =
        [r"--grace (\d+)s", r"inter (\d+)s", r"fall (\d+)", r"timeout check (\d+)s"]
            .map(|pattern| number(&balancer, pattern));
    assert!(grace > fall * inter + wait, "the door closes before anybody looks");
    let drain = number(&balancer, r"--drain-timeout (\d+)s");
    let unit = text("systemd/sockmodes.service");
    assert!(number(&unit, r"TimeoutStopSec=(\d+)s") > grace + drain);
}

/// The units, with the program that is tested in the place of the one that is installed.
fn units() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for unit in ["sockmodes.service", "sockmodes.socket"] {
        let text = text(&format!("systemd/{unit}"));
        let text = text.replace("/usr/bin/sockmodes", env!("CARGO_BIN_EXE_sockmodes"));
        fs::write(folder.path().join(unit), text).unwrap();
    }
    folder
}

fn systemd_takes_the_units() {
    let units = units();
    let mut command = Command::new("systemd-analyze");
    // The manual pages are not installed.
    command.args(["verify", "--man=no", "./sockmodes.service", "./sockmodes.socket"]);
    let said = content(command.current_dir(units.path()));
    // Units of the machine itself may not be what they should.
    assert!(!said.contains("sockmodes"), "{said}");
}

fn the_unit_exposes_little() {
    let units = units();
    let mut command = Command::new("systemd-analyze");
    // In tenths.
    command.args(["security", "--offline=true", "--no-pager", "--threshold=20"]);
    content(command.arg("./sockmodes.service").current_dir(units.path()));
}

/// No systemd runs here that would enforce the filter; but what it lets through can be told from its lists.
fn no_forbidden_call() {
    let unit = text("systemd/sockmodes.service");
    let mut allowed = BTreeSet::new();
    for line in unit.lines().filter_map(|line| line.strip_prefix("SystemCallFilter=")) {
        let (forbids, names) = line.strip_prefix('~').map_or((false, line), |names| (true, names));
        for call in names.split(' ').flat_map(calls_of) {
            if forbids {
                allowed.remove(&call)
            } else {
                allowed.insert(call)
            };
        }
    }

    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("users");
    fs::write(&users, "eva | d41d8cd98f00b204e9800998ecf8427e\n").unwrap();
    let trace = folder.path().join("calls");
    let mut strace = Command::new("strace");
    // As a grandchild, so that the server is our child, and gets its signals.
    strace.args(["-D", "-f", "-qq", "-o"]).arg(&trace).arg(env!("CARGO_BIN_EXE_sockmodes"));
    strace.args(["serve", "--auth", "none", "--service", "login", "--users"]).arg(&users);
    strace.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    let server = Server::of(&mut strace);
    let request = br#"{"username":"eva","passwd":"x"}"#;
    assert_eq!(converse(&mut server.connect(), request), b"failed!");
    get(admin::address(&server.program), "/metrics");
    server.stop();
    let calls = fs::read_to_string(&trace).unwrap();
    let name = Regex::new(r"(?m)^\d+ +(\w+)\(").unwrap();
    let calls: BTreeSet<_> = name.captures_iter(&calls).map(|call| call[1].to_owned()).collect();
    assert!(calls.contains("epoll_wait") || calls.contains("epoll_pwait"), "{calls:?}");
    let refused: Vec<_> = calls.difference(&allowed).collect();
    assert!(refused.is_empty(), "{refused:?}");
}

/// The system calls of one of systemd's sets, those of the sets in it included; or the one of that name.
fn calls_of(set: &str) -> Vec<String> {
    if !set.starts_with('@') {
        return vec![set.to_owned()];
    }
    let said = content(Command::new("systemd-analyze").args(["syscall-filter", "--no-pager", set]));
    let names = said.lines().skip(1).map(str::trim).filter(|name| !name.starts_with('#'));
    names.flat_map(calls_of).collect()
}
