//! Whether the server has come to rest: it sleeps, and so has done all that it could.
//!
//! A server that waits for its client and one that nobody gives a processor look alike from outside, for as long as a
//! machine is busy. Here they differ: the kernel says who sleeps and who wants to run. Only Linux tells, in /proc, and only
//! of a server that was started here; elsewhere time has to do. Read `usage.rs` for what is looked at.

use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Pid;

use super::peer::Peer;
use super::story::{Told, Trouble};
use super::trial::Trial;
use super::usage::{self, Glance};

/// Between two looks: nobody tells when a process falls asleep.
const AGAIN: Duration = Duration::from_millis(5);
/// A server that has run for so long and not come to rest has had its chance: perhaps it never sleeps.
const CHANCE: Duration = Duration::from_millis(20);

/// The process that is looked at, if there is one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Watch(Option<Pid>);

impl Watch {
    pub(super) fn over(leader: Option<Pid>) -> Watch {
        Watch(leader)
    }

    /// Whether anybody tells.
    pub(super) fn tells(self) -> bool {
        self.glance().is_some()
    }

    fn glance(self) -> Option<Glance> {
        self.0.and_then(usage::glance)
    }

    /// Lets `least` pass, and then as much time as the server needs to come to rest, or to have had its chance; at most
    /// `most` more. Whether it came to that; `None` where nobody tells.
    pub(super) fn rests(self, least: Duration, most: Duration) -> Option<bool> {
        let before = self.glance();
        thread::sleep(least);
        let (before, begin) = (before?, Instant::now());
        loop {
            let now = self.glance()?;
            if !now.awake || now.spent.saturating_sub(before.spent) >= CHANCE {
                return Some(true);
            }
            if begin.elapsed() >= most {
                return Some(false);
            }
            thread::sleep(AGAIN);
        }
    }
}

impl Peer {
    /// Whether the server, which moves nothing, waits for this client: it rests. Where nobody tells, it has at least said
    /// something that is not heard yet, or has had time for it.
    pub(super) fn is_waited_for(&self) -> Told<bool> {
        let most = self.limits.left(self.limits.patience);
        match self.watch.rests(Duration::ZERO, most) {
            Some(rests) => Ok(rests),
            None => self.wait_for_words(most).map(|_| true),
        }
    }
}

impl Trial<'_> {
    /// Whether there is time enough for this client to be let in: on a busy machine it may be its own fault that there is
    /// not.
    pub(super) fn is_in_time(&self, peer: &Peer) -> bool {
        self.config.handshake.is_none_or(|promised| peer.since.elapsed() < promised / 2)
    }

    /// The same, where there would be nothing more to try.
    pub(super) fn must_be_in_time(&self, peer: &Peer) -> Told {
        match self.is_in_time(peer) {
            true => Ok(()),
            false => Err(Trouble::Late("a client's time to answer its nonce was half over".into())),
        }
    }

    /// A pause in which the server reads what this client has said so far; none that makes it late.
    pub(super) fn beat(&self, peer: &Peer) {
        let time = self.config.handshake.map_or(self.limits.patience, |promised| {
            (promised / 2).saturating_sub(peer.since.elapsed())
        });
        if !time.is_zero() {
            self.rest_within(self.pace.beat(), time.min(self.limits.patience));
        }
    }

    /// The same for a client that was let in: without a scheme, its request is what has to come in time, where that is all.
    pub(super) fn beat_inside(&self, peer: &Peer) {
        if self.config.key.is_none() && !self.config.service.is_stream() {
            self.beat(peer);
        } else {
            self.settle(self.pace.beat());
        }
    }

    /// Says all of them, with such a pause in between.
    pub(super) fn say_in_parts(&self, peer: &mut Peer, parts: &[&[u8]]) -> Told {
        for (number, part) in parts.iter().enumerate() {
            if number > 0 {
                self.beat_inside(peer);
            }
            peer.say(part, "a part")?;
        }
        Ok(())
    }

    /// A pause in which the server does all that it still has to do; at least so long, for what nobody tells of.
    pub(super) fn settle(&self, least: Duration) {
        self.rest_within(least, self.limits.patience);
    }

    fn rest_within(&self, least: Duration, most: Duration) {
        let least = self.limits.left(least);
        // One that does not come to rest is as busy as it wants to be: the check goes on.
        let _ = self.server.watch().rests(least, self.limits.left(most));
    }

    /// Lets so much time pass: for what makes a client slow, never to wait for something.
    pub(super) fn pause(&self, time: Duration) {
        thread::sleep(self.limits.left(time));
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn who_waits_for_others_rests_and_who_runs_does_not() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let pid = Pid::from_child(&child);
        assert_eq!(
            Watch::over(Some(pid)).rests(Duration::ZERO, Duration::from_secs(60)),
            Some(true)
        );
        assert!(!usage::glance(pid).unwrap().awake);
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
        let us = usage::glance(rustix::process::getpid()).unwrap();
        assert!(us.awake && !us.spent.is_zero(), "{us:?}");
        assert_eq!(Watch::default().rests(Duration::ZERO, Duration::from_secs(60)), None);
    }
}
