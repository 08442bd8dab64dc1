//! How the faulty server ends: after a signal nobody new, what is owed within a time, and at a second signal at once.

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::Server;
use super::connection::Gone;

/// How long whoever is owed something has to take it.
const DRAIN: Duration = Duration::from_secs(3);

pub(super) struct Ending {
    signals: UnixStream,
    /// Since the first signal.
    until: Option<Instant>,
}

impl Ending {
    pub(super) fn new(signals: UnixStream) -> Ending {
        Ending { signals, until: None }
    }

    pub(super) fn signals(&self) -> &UnixStream {
        &self.signals
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.until
    }
}

impl Server {
    pub(super) fn hear_signal(&mut self) {
        let mut heard = [0; 16];
        _ = self.ending.signals.read(&mut heard);
        if self.is("signal-ignored") {
            return;
        }
        if self.ending.until.is_some() {
            match () {
                () if self.is("second-ignored") => return,
                () if self.is("second-is-well") => std::process::exit(0),
                () => std::process::exit(1),
            }
        }
        if self.is("signal-cuts") {
            std::process::exit(0);
        }
        let long = ["drains-for-ever", "second-ignored", "waits-for-idle"];
        let drain = if long.iter().any(|fault| self.is(fault)) { DRAIN * 100 } else { DRAIN };
        self.ending.until = Some(Instant::now() + drain);
        if !self.is("takes-new-ones") {
            self.listener = None;
        }
        let terms = &self.terms;
        self.connections.retain_mut(|one| !matches!(one.drain(terms), Err(Gone)));
    }

    /// The status, once it has ended.
    pub(super) fn ended(&self) -> Option<ExitCode> {
        let until = self.ending.until?;
        let nobody = self.connections.is_empty();
        if !nobody && Instant::now() < until {
            return None;
        }
        Some(ExitCode::from(if self.is("wrong-status") { 3 } else { 0 }))
    }
}
