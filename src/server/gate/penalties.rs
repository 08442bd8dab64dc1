//! Who is refused for a while for what they did: OpenSSH's `PerSourcePenalties`.
//!
//! Each offence adds to the time for which its source is refused. That time runs out like any
//! other, so a source that offends no more is forgotten by itself. Never here: the clock, the
//! sockets, and the counts of those who behave, which are `admission.rs`'s.

use std::net::IpAddr;
use std::time::Duration;

use super::expiring::{Entry, Expiring};
use super::{Conduct, Source};
use crate::session::{Reason, Time};

/// What each offence costs its source, and when it takes effect, as sshd_config(5) has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Penalties {
    /// For a wrong digest, for too many tries, and for a connection on which logins failed at a name
    /// at which none succeeded afterwards; and for every sixth guess at one name, on whichever
    /// connections of the source, as soon as it fails.
    pub auth_fail: Duration,
    /// For a connection that its client ended before it was let in, without failing in that way. Of
    /// those on which it had not said a byte, 50 a second cost nothing: whoever only looks whether
    /// anybody is there leaves like that.
    pub no_auth: Duration,
    /// For not being let in within the handshake timeout.
    pub timeout: Duration,
    /// A source is refused once it has gathered this much; less has no effect yet.
    pub min: Duration,
    /// No source is refused for longer than this after its last offence.
    pub max: Duration,
    /// How many sources are remembered, IPv4 and IPv6 each. Beyond that, those whose time is over
    /// soonest are forgotten.
    pub max_sources: usize,
    /// Whether loopback addresses are penalized like others.
    pub loopback: bool,
}

impl Default for Penalties {
    /// OpenSSH's values, and loopback addresses are exempt.
    fn default() -> Penalties {
        Penalties {
            auth_fail: Duration::from_secs(5),
            no_auth: Duration::from_secs(1),
            timeout: Duration::from_secs(10),
            min: Duration::from_secs(15),
            max: Duration::from_secs(10 * 60),
            max_sources: 65_536,
            loopback: false,
        }
    }
}

/// What a source can do to be penalized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offence {
    AuthFail,
    NoAuth,
    /// It left before it had said a byte: as `NoAuth`, but only if that is too many (`leavers.rs`).
    Silent,
    Timeout,
}

impl Offence {
    /// The offence of a client whose conversation is over, if it is one.
    pub(super) fn of(conduct: &Conduct) -> Option<Offence> {
        use Reason::*;
        let Conduct { reason, let_in, failed, silent } = *conduct;
        match reason {
            WrongDigest | TooManyTries => Some(Offence::AuthFail),
            HandshakeTimeout => Some(Offence::Timeout),
            // What this side did is nobody's offence; what was done before it is.
            VerifierFailed | TooManyFromSource => failed.then_some(Offence::AuthFail),
            Stopped | DrainTimeout | SocketError => None,
            TooManyConnections | TooManyPending | Penalized => None,
            // Of whoever is behind the proxy nothing is known.
            BadProxyHeader => None,
            Done | ShortDigest | Reset if silent && !let_in => Some(Offence::Silent),
            // Leaving in time must be no way around it: the next connection could try again.
            Done | ShortDigest | BadRequest | IdleTimeout | WriteTimeout | Reset => {
                match (failed, let_in) {
                    (true, _) => Some(Offence::AuthFail),
                    (false, false) => Some(Offence::NoAuth),
                    (false, true) => None,
                }
            }
        }
    }
}

/// The sources that have gathered penalties, judged by [`Penalties`].
pub(super) struct Offenders {
    terms: Penalties,
    /// Two, so that whoever has many IPv6 networks can't push out the IPv4 sources.
    ipv4: Expiring<Source, InForce>,
    ipv6: Expiring<Source, InForce>,
}

/// Whether what a source has gathered has reached the minimum.
type InForce = bool;

/// A penalty that is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) struct Penalty {
    pub(in crate::server) source: Source,
    /// How long it still lasts.
    pub(in crate::server) lasts: Duration,
}

impl Offenders {
    pub(super) fn new(terms: Penalties) -> Offenders {
        Offenders { terms, ipv4: Expiring::default(), ipv6: Expiring::default() }
    }

    pub(super) fn terms(&self) -> &Penalties {
        &self.terms
    }

    /// Whether a new connection from `address` is to be refused.
    pub(super) fn refuse(&self, address: IpAddr, now: Time) -> bool {
        let table = if address.is_ipv4() { &self.ipv4 } else { &self.ipv6 };
        if table.is_empty() || self.is_exempt(address) {
            return false;
        }
        table.running(Source::of(address), now).is_some_and(|entry| entry.value)
    }

    /// Adds the cost of `offence` to the penalty of `address`; returns the penalty if it is in
    /// force.
    pub(super) fn penalize(
        &mut self,
        address: IpAddr,
        offence: Offence,
        now: Time,
    ) -> Option<Penalty> {
        let cost = match offence {
            Offence::AuthFail => self.terms.auth_fail,
            Offence::NoAuth | Offence::Silent => self.terms.no_auth,
            Offence::Timeout => self.terms.timeout,
        };
        if cost.is_zero() || self.is_exempt(address) {
            return None;
        }
        let source = Source::of(address);
        let table = if address.is_ipv4() { &mut self.ipv4 } else { &mut self.ipv6 };
        let before = table.running(source, now);
        let until = before.map_or(now, |entry| entry.until) + cost;
        let until = until.min(now + self.terms.max);
        // Once in force it stays so to its end, even when less than the minimum is left.
        let was_in_force = before.is_some_and(|entry| entry.value);
        let in_force = was_in_force || until.since(now) >= self.terms.min;
        table.set(source, Entry { until, value: in_force });
        table.forget(now, self.terms.max_sources);
        in_force.then(|| Penalty { source, lasts: until.since(now) })
    }

    /// For loopback the address itself decides, not the source: the IPv6 /64 that `::1` is in does
    /// not belong to this machine.
    pub(super) fn is_exempt(&self, address: IpAddr) -> bool {
        !self.terms.loopback && address.to_canonical().is_loopback()
    }
}

#[cfg(test)]
mod tests;
