//! Who is let near: by count (`admission.rs`) and by conduct (`penalties.rs`, `guesses.rs`,
//! `leavers.rs`), each for its source; and who may say whose source that is (`subnet.rs`).
//!
//! Never here: what is said to those who are not (nothing), the sockets, and who is let *in*, which
//! is for their sessions to find out.

mod admission;
mod expiring;
mod guesses;
mod leavers;
mod penalties;
mod source;
mod subnet;

pub use admission::{Limits, MaxPending, MaxPendingError};
pub use penalties::Penalties;
pub use subnet::{Subnet, SubnetError};

pub(super) use penalties::Penalty;
pub(super) use source::Source;

use std::net::IpAddr;

use crate::auth::NameId;
use crate::session::{Reason, Time, Verdict};
use admission::Admission;
use guesses::Guesses;
use leavers::Leavers;
use penalties::{Offence, Offenders};

/// The limits and the penalties of one loop.
pub(super) struct Gate {
    admission: Admission,
    /// `None`: nobody is penalized.
    offenders: Option<Offenders>,
    guesses: Guesses,
    leavers: Leavers,
    /// Whoever comes from there is a proxy, and says who is behind it.
    proxies: Vec<Subnet>,
}

/// What a conversation that is over says about whoever led it.
pub(super) struct Conduct {
    pub(super) reason: Reason,
    pub(super) let_in: bool,
    /// Logins failed at a name at which none succeeded afterwards.
    pub(super) failed: bool,
    /// It had not said a byte.
    pub(super) silent: bool,
}

impl Gate {
    pub(super) fn new(limits: Limits, penalties: Option<Penalties>, proxies: Vec<Subnet>) -> Gate {
        Gate {
            admission: Admission::new(limits),
            offenders: penalties.map(Offenders::new),
            guesses: Guesses::default(),
            leavers: Leavers::default(),
            proxies,
        }
    }

    /// Whether a connection from `address` begins with a header that names its source.
    pub(super) fn is_proxy(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|subnet| subnet.contains(address))
    }

    /// Whether a new connection from `address` may stay beside `open` others. A penalty is told
    /// before any limit: it is what its source can do something about. `random` gives a number from
    /// all that there are, and is asked only where one is needed.
    pub(super) fn judge(
        &self,
        address: IpAddr,
        open: usize,
        now: Time,
        random: impl FnOnce() -> u32,
    ) -> Result<(), Reason> {
        self.judge_conduct(address, now)?;
        self.admission.judge(open, random)?;
        self.admission.judge_source(address)
    }

    /// Whether a new connection may stay beside `open` others before it is known whose it is.
    pub(super) fn judge_proxied(
        &self,
        open: usize,
        random: impl FnOnce() -> u32,
    ) -> Result<(), Reason> {
        self.admission.judge(open, random)
    }

    /// Whether it may stay now that it is known to be from `address`.
    pub(super) fn judge_source(&self, address: IpAddr, now: Time) -> Result<(), Reason> {
        self.judge_conduct(address, now)?;
        self.admission.judge_source(address)
    }

    fn judge_conduct(&self, address: IpAddr, now: Time) -> Result<(), Reason> {
        match &self.offenders {
            Some(offenders) if offenders.refuse(address, now) => Err(Reason::Penalized),
            _ => Ok(()),
        }
    }

    /// A connection, from `address` if that is known, is open and not let in yet.
    pub(super) fn pending_began(&mut self, address: Option<IpAddr>) {
        self.admission.pending_began(address.map(Source::of));
    }

    /// One that is not let in yet turns out to be from `address`.
    pub(super) fn source_known(&mut self, address: IpAddr) {
        self.admission.source_known(Source::of(address));
    }

    /// It is let in, or over.
    pub(super) fn pending_ended(&mut self, address: Option<IpAddr>) {
        self.admission.pending_ended(address.map(Source::of));
    }

    /// Whether one more login from `address` may wait to be checked, where so many of its source do
    /// already.
    pub(super) fn may_wait(&self, address: IpAddr, waiting: usize) -> bool {
        self.admission.may_wait(address, waiting)
    }

    /// How many are pending, and how many of them are counted by source.
    pub(super) fn pending(&self) -> (usize, usize) {
        self.admission.pending()
    }

    /// Panics unless those who are pending, with these addresses as far as they are known, are all that
    /// are counted.
    pub(super) fn assert_pending(&self, pending: impl Iterator<Item = Option<IpAddr>>) {
        self.admission.assert_pending(pending.map(|address| address.map(Source::of)));
    }

    /// A login of `name` from `address` was checked, on a connection on which one had succeeded before
    /// or not. Returns whether this source guesses: then it is to be penalized now, for connections
    /// that stay open are not over yet.
    pub(super) fn note_login(
        &mut self,
        address: IpAddr,
        name: &str,
        logged_in: bool,
        verdict: Verdict,
        now: Time,
    ) -> bool {
        let offenders = self.offenders.as_ref().filter(|offenders| !offenders.is_exempt(address));
        let Some(terms) = offenders.map(Offenders::terms) else { return false };
        let (source, name) = (Source::of(address), NameId::of(name));
        match verdict {
            Verdict::Success => {
                self.guesses.make_good(source, name, now);
                false
            }
            Verdict::Failure => self.guesses.add(source, name, logged_in, now, terms),
        }
    }

    /// Penalizes `address` if `conduct` is an offence; returns the penalty if it is in force.
    pub(super) fn penalize(
        &mut self,
        address: IpAddr,
        conduct: &Conduct,
        now: Time,
    ) -> Option<Penalty> {
        let offence = Offence::of(conduct)?;
        let offenders =
            self.offenders.as_mut().filter(|offenders| !offenders.is_exempt(address))?;
        if offence == Offence::Silent {
            let most = offenders.terms().max_sources;
            if !self.leavers.are_too_many(Source::of(address), now, most) {
                return None;
            }
        }
        offenders.penalize(address, offence, now)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn where_a_penalty_and_a_limit_apply_the_penalty_is_told() {
        let mut limits = Limits::NONE;
        limits.connections = Some(1);
        let penalties = Penalties { min: Duration::ZERO, ..Penalties::default() };
        let mut gate = Gate::new(limits, Some(penalties), Vec::new());
        let [bad, good] = [1, 2].map(|host| IpAddr::from([192, 0, 2, host]));
        let (reason, silent) = (Reason::WrongDigest, false);
        let conduct = Conduct { reason, let_in: false, failed: false, silent };
        assert!(gate.penalize(bad, &conduct, Time::START).is_some());
        let judge = |address, open| gate.judge(address, open, Time::START, || 0);
        assert_eq!(judge(bad, 0), Err(Reason::Penalized));
        assert_eq!(judge(bad, 1), Err(Reason::Penalized), "both apply");
        assert_eq!(judge(good, 1), Err(Reason::TooManyConnections));
        assert_eq!(judge(good, 0), Ok(()));
    }
}
