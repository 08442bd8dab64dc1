//! Who may stay: the limits on connections, counted.
//!
//! Never here: what is said to those who may not (nothing), and the sockets.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use rand::{Rng, RngExt};
use thiserror::Error;

use crate::session::Reason;

/// OpenSSH's `MaxStartups`, as sshd_config(5) has it: once `start` connections are not let in yet,
/// a new one is refused with a probability of `rate` percent, which rises until at `full` all are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPending {
    start: usize,
    rate: u8,
    full: usize,
}

/// Why something is no valid `START:RATE:FULL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MaxPendingError {
    /// Not three whole numbers with colons between them.
    #[error("expected START:RATE:FULL, three whole numbers")]
    Form,
    /// START is above FULL.
    #[error("START must not be above FULL")]
    Order,
    /// RATE is no percentage.
    #[error("RATE is a percentage, at most 100")]
    Rate,
}

impl MaxPending {
    /// Refuses none below `start`, all from `full` on, and in between more and more.
    pub fn new(start: usize, rate: u8, full: usize) -> Result<MaxPending, MaxPendingError> {
        if start > full {
            Err(MaxPendingError::Order)
        } else if rate > 100 {
            Err(MaxPendingError::Rate)
        } else {
            Ok(MaxPending { start, rate, full })
        }
    }

    /// The probability, in percent, with which one more is refused when there are `pending`
    /// already: the formula of `should_drop_connection` in OpenSSH's sshd.c.
    fn refusal_percent(self, pending: usize) -> u32 {
        if pending < self.start {
            return 0;
        }
        if pending >= self.full || self.rate == 100 {
            return 100;
        }
        let rate = u64::from(self.rate);
        let beyond = (pending - self.start) as u64;
        let span = (self.full - self.start) as u64;
        ((100 - rate) * beyond / span + rate) as u32
    }
}

impl Default for MaxPending {
    fn default() -> MaxPending {
        MaxPending { start: 100, rate: 30, full: 1000 }
    }
}

impl FromStr for MaxPending {
    type Err = MaxPendingError;

    fn from_str(text: &str) -> Result<MaxPending, MaxPendingError> {
        let numbers: Vec<usize> = text
            .split(':')
            .map(|number| number.parse().map_err(|_| MaxPendingError::Form))
            .collect::<Result<_, _>>()?;
        let [start, rate, full] = numbers[..] else { return Err(MaxPendingError::Form) };
        MaxPending::new(start, u8::try_from(rate).map_err(|_| MaxPendingError::Rate)?, full)
    }
}

/// How many connections there may be. `None`: as many as come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// In all.
    pub connections: Option<usize>,
    /// That are not let in yet.
    pub pending: Option<MaxPending>,
    /// That are not let in yet and come from one source: an IPv4 address, or an IPv6 /64.
    pub pending_per_source: Option<usize>,
}

impl Default for Limits {
    /// No limit but the usual one on those that are not let in yet.
    fn default() -> Limits {
        Limits { connections: None, pending: Some(MaxPending::default()), pending_per_source: None }
    }
}

/// The counts, and the judgement on them.
pub(super) struct Admission {
    limits: Limits,
    open: usize,
    pending: usize,
    pending_by_source: HashMap<Source, usize>,
}

/// Where a connection comes from, as far as limits care: IPv6 networks hand out a /64 to one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Source {
    V4([u8; 4]),
    V6([u8; 8]),
}

impl Source {
    pub(super) fn of(address: IpAddr) -> Source {
        match address {
            IpAddr::V4(address) => Source::V4(address.octets()),
            IpAddr::V6(address) => {
                let [a, b, c, d, e, f, g, h, ..] = address.octets();
                Source::V6([a, b, c, d, e, f, g, h])
            }
        }
    }
}

impl fmt::Display for Source {
    /// `192.0.2.1` or `2001:db8::/64`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Source::V4(address) => Ipv4Addr::from(address).fmt(f),
            Source::V6(network) => {
                let bits = u128::from(u64::from_be_bytes(network)) << 64;
                write!(f, "{}/64", Ipv6Addr::from_bits(bits))
            }
        }
    }
}

impl Admission {
    pub(super) fn new(limits: Limits) -> Admission {
        Admission { limits, open: 0, pending: 0, pending_by_source: HashMap::new() }
    }

    /// Whether one more connection from `address` may stay.
    pub(super) fn judge(
        &self,
        address: IpAddr,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<(), Reason> {
        if self.limits.connections.is_some_and(|limit| self.open >= limit) {
            return Err(Reason::TooManyConnections);
        }
        if let Some(limit) = self.limits.pending {
            let percent = limit.refusal_percent(self.pending);
            // No random number is drawn where none is needed.
            if percent > 0 && rng.random_range(0..100) < percent {
                return Err(Reason::TooManyPending);
            }
        }
        if let Some(limit) = self.limits.pending_per_source {
            let pending = self.pending_by_source.get(&Source::of(address)).copied().unwrap_or(0);
            if pending >= limit {
                return Err(Reason::TooManyFromSource);
            }
        }
        Ok(())
    }

    pub(super) fn opened(&mut self) {
        self.open += 1;
    }

    pub(super) fn closed(&mut self) {
        self.open -= 1;
    }

    /// A connection from `address` is now pending.
    pub(super) fn pending_began(&mut self, address: IpAddr) {
        self.pending += 1;
        if self.limits.pending_per_source.is_some() {
            *self.pending_by_source.entry(Source::of(address)).or_default() += 1;
        }
    }

    /// A connection from `address` is no longer pending, for whatever reason.
    pub(super) fn pending_ended(&mut self, address: IpAddr) {
        self.pending -= 1;
        let source = Source::of(address);
        if let Some(count) = self.pending_by_source.get_mut(&source) {
            *count -= 1;
            // The map holds the sources that are pending now, not all that ever were.
            if *count == 0 {
                self.pending_by_source.remove(&source);
            }
        }
    }

    /// Whether every place was given back.
    pub(super) fn is_empty(&self) -> bool {
        self.open == 0 && self.pending == 0 && self.pending_by_source.is_empty()
    }
}

#[cfg(test)]
mod tests;
