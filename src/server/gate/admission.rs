//! Who may stay: the limits on connections, counted.
//!
//! Never here: what is said to those who may not (nothing), and the sockets.

use std::collections::HashMap;
use std::net::IpAddr;
use std::str::FromStr;

use thiserror::Error;

use super::Source;
use crate::server::network::MAX_CONNECTIONS;
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
#[non_exhaustive]
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
        // What reads numbers takes a plus sign, too.
        let is_whole = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let number = |text: &str| text.parse().ok().filter(|_| is_whole(text));
        let numbers: Option<Vec<usize>> = text.split(':').map(number).collect();
        let numbers = numbers.ok_or(MaxPendingError::Form)?;
        let [start, rate, full] = numbers[..] else { return Err(MaxPendingError::Form) };
        MaxPending::new(start, u8::try_from(rate).map_err(|_| MaxPendingError::Rate)?, full)
    }
}

/// How many connections there may be. `None`: as many as come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// In all.
    pub connections: Option<usize>,
    /// That are not let in yet.
    pub pending: Option<MaxPending>,
    /// That are not let in yet and come from one source: an IPv4 address, or an IPv6 /64. And as many
    /// logins of one source, on whichever connections, may wait to be checked.
    pub pending_per_source: Option<usize>,
    /// Whether loopback addresses are counted like other sources.
    pub loopback: bool,
}

impl Limits {
    /// No limit at all.
    pub const NONE: Limits =
        Limits { connections: None, pending: None, pending_per_source: None, loopback: true };
}

impl Default for Limits {
    /// The usual limits on those that are not let in yet, in all and from one source; loopback
    /// addresses are exempt from the second.
    fn default() -> Limits {
        Limits {
            connections: None,
            pending: Some(MaxPending::default()),
            pending_per_source: Some(64),
            loopback: false,
        }
    }
}

/// The counts of those who are not let in yet, and the judgement on them. How many are open in all,
/// the loop knows.
pub(super) struct Admission {
    limits: Limits,
    pending: usize,
    pending_by_source: HashMap<Source, usize>,
}

impl Admission {
    pub(super) fn new(limits: Limits) -> Admission {
        Admission { limits, pending: 0, pending_by_source: HashMap::new() }
    }

    /// Whether one more connection may stay beside `open` others, wherever it is from. `random` gives a
    /// number from all that there are, and is asked only where one is needed.
    pub(super) fn judge(&self, open: usize, random: impl FnOnce() -> u32) -> Result<(), Reason> {
        if open >= self.limits.connections.unwrap_or(MAX_CONNECTIONS).min(MAX_CONNECTIONS) {
            return Err(Reason::TooManyConnections);
        }
        if let Some(limit) = self.limits.pending {
            let percent = limit.refusal_percent(self.pending);
            // A hundred divides 2³² but for a remainder that nobody can measure.
            if percent > 0 && random() % 100 < percent {
                return Err(Reason::TooManyPending);
            }
        }
        Ok(())
    }

    /// Whether one more connection that is not let in yet may be from `address`.
    pub(super) fn judge_source(&self, address: IpAddr) -> Result<(), Reason> {
        let pending = || self.pending_by_source.get(&Source::of(address)).copied().unwrap_or(0);
        if self.limit_of(address).is_some_and(|limit| pending() >= limit) {
            return Err(Reason::TooManyFromSource);
        }
        Ok(())
    }

    /// Whether one more login from `address` may wait to be checked, where so many of its source do
    /// already.
    pub(super) fn may_wait(&self, address: IpAddr, waiting: usize) -> bool {
        self.limit_of(address).is_none_or(|limit| waiting < limit)
    }

    /// How many of the source of `address` may be pending. For loopback the address itself decides: the
    /// IPv6 /64 that `::1` is in does not belong to this machine.
    fn limit_of(&self, address: IpAddr) -> Option<usize> {
        let is_exempt = !self.limits.loopback && address.to_canonical().is_loopback();
        self.limits.pending_per_source.filter(|_| !is_exempt)
    }

    /// A connection is now pending, from `source` if that is known.
    pub(super) fn pending_began(&mut self, source: Option<Source>) {
        self.pending += 1;
        if let Some(source) = source {
            self.source_known(source);
        }
    }

    /// A connection that is pending already turns out to be from `source`.
    pub(super) fn source_known(&mut self, source: Source) {
        if self.limits.pending_per_source.is_some() {
            *self.pending_by_source.entry(source).or_default() += 1;
        }
    }

    /// A connection, from `source` if that was known, is no longer pending, for whatever reason.
    pub(super) fn pending_ended(&mut self, source: Option<Source>) {
        self.pending -= 1;
        let Some(source) = source else { return };
        if let Some(count) = self.pending_by_source.get_mut(&source) {
            *count -= 1;
            // The map holds the sources that are pending now, not all that ever were.
            if *count == 0 {
                self.pending_by_source.remove(&source);
            }
        }
    }

    /// Panics unless those who are pending, from these sources as far as they are known, are all that
    /// are counted.
    pub(super) fn assert_pending(&self, pending: impl Iterator<Item = Option<Source>>) {
        let (mut count, mut by_source) = (0, HashMap::new());
        for source in pending {
            count += 1;
            if let Some(source) = source {
                *by_source.entry(source).or_default() += 1;
            }
        }
        assert_eq!(self.pending, count, "the pending are miscounted");
        if self.limits.pending_per_source.is_some() {
            assert_eq!(self.pending_by_source, by_source, "a source's pending are miscounted");
        }
    }

    /// How many are pending, and how many of them are counted by source.
    pub(super) fn pending(&self) -> (usize, usize) {
        (self.pending, self.pending_by_source.values().sum())
    }
}

#[cfg(test)]
mod tests;
