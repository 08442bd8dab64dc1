//! Deadlines: no connection outlives its own, none ends before them, and what came in time is in time.
//!
//! A server that stands still does late what it has to do, and not at all what is too late only for that.

use std::time::Duration;

use sockmodes::session::{DELIVERY, IDLE_SLACK, LINGER, LINGER_QUIET, Reason, Service, Time};

use super::check::{Case, holds};
use super::terms::heard_at;

/// For so long, after the grace, those are taken in who came before.
const LAST_CALL: Duration = Duration::from_secs(1);
/// The least that is heard in a turn of somebody who is not let in.
const SIP: usize = 4096;

impl Case<'_> {
    pub(super) fn deadlines(&self) {
        if self.forced {
            return;
        }
        self.entry_deadline();
        if let Some(idle) = self.config.protocol.idle_timeout.duration() {
            self.idle_deadline(idle);
        }
        self.ending();
        if let (Some(drains_at), Some(drain)) =
            (self.drains_at, self.config.drain_timeout.duration())
        {
            self.drain(drains_at, drain);
        }
        if let Some(drains_at) = self.drains_at {
            self.last_turn(drains_at);
        }
    }

    /// The one to be let in.
    fn entry_deadline(&self) {
        let Case { record, told, config, standstills, .. } = self;
        let entry = config.protocol.handshake_timeout.duration().expect("it has one");
        let entry_at = record.accepted_at + entry;
        let at_most = standstills.after(entry_at, self.longest_check);
        let in_time = self.ended_at() <= at_most || self.pays_after(entry_at);
        holds!(self, self.has_entered() || in_time, "it was let wait too long");
        let heard_late = heard_at(record) > standstills.put_off(entry_at);
        holds!(self, self.has_entered() || !heard_late, "it was heard after the deadline");
        if told.reason == Reason::HandshakeTimeout {
            holds!(self, self.ended_at() >= entry_at && in_time, "the entry deadline moved");
            // While a login is checked, or an answer is owed, nothing is read.
            let reads = record.taken.len() >= self.terms.nonce_len && !self.pays_after(entry_at);
            holds!(self, !reads || self.heard_before(entry_at), "it was in time, and called late");
        }
    }

    /// The one of silence.
    fn idle_deadline(&self, idle: Duration) {
        let Case { record, told, standstills, .. } = self;
        let most = idle + idle / IDLE_SLACK;
        let too_long = |from: Time, until: Time| until > standstills.put_off(from + most);
        holds!(
            self,
            !self.idles() || !self.terms.is_quiet(record, self.client.proxied, too_long),
            "it idled too long"
        );
        if told.reason == Reason::IdleTimeout {
            let (active_at, ended_at) = (record.active_at(), self.ended_at());
            let in_time = ended_at >= active_at + idle && !too_long(active_at, ended_at);
            holds!(self, in_time, "idle timeout out of time");
            let heard = self.heard_before(active_at + idle);
            holds!(self, heard, "it was not idle, and called so");
        }
    }

    /// Delivering and lingering, and what is broken.
    fn ending(&self) {
        let Case { record, standstills, .. } = self;
        let closed_at = self.closed_at();
        // In a drain its timeout is the limit.
        let in_drain = self.drains_at.is_some() && record.left_at >= self.drains_at;
        let most = |time| if in_drain { Duration::MAX } else { time };
        if let Some(left_at) = record.left_at {
            // Whoever has ended their input is owed it for as long as their kernel takes it.
            let delivery = if record.end_read { Duration::MAX } else { most(DELIVERY) };
            let delivered_by = standstills.put_off(left_at + delivery);
            let shut_at = record.shut_at.unwrap_or(closed_at);
            holds!(self, shut_at <= delivered_by, "it delivers too long");
        }
        if let Some(shut_at) = record.shut_at {
            let quiet_at = shut_at.max(record.last_read_at) + LINGER_QUIET;
            let at_most = standstills.put_off(quiet_at.min(shut_at + most(LINGER)));
            holds!(self, closed_at <= at_most, "it lingers too long");
        }
        if let Some((broken_at, _)) = record.broken_at {
            // While a login is being checked nobody looks.
            let seen_at = standstills.put_off(broken_at.max(record.accepted_at));
            let at_most = standstills.after(seen_at, self.longest_check);
            holds!(self, closed_at <= at_most, "it outlived its socket");
        }
    }

    fn drain(&self, drains_at: Time, drain: Duration) {
        let stopped_at = self.stopped_at.expect("it drains");
        let heard_at = self.standstills.put_off(stopped_at);
        // Whoever came before the grace was over may take a second to be taken in.
        let begins_by = self
            .config
            .grace
            .map_or(heard_at, |grace| self.standstills.put_off(heard_at + grace + LAST_CALL));
        holds!(self, drains_at <= begins_by, "it was deaf to the stop");
        let at_most = self.standstills.put_off(drains_at + drain);
        holds!(self, self.closed_at() <= at_most, "it outlived the drain");
        if self.told.reason == Reason::DrainTimeout {
            let whole = self.closed_at() >= drains_at + drain;
            holds!(self, whole, "the drain was cut short");
        }
    }

    /// Whoever is owed nothing when the drain begins has a turn more: what had come by then is heard.
    fn last_turn(&self, drains_at: Time) {
        let Case { record, told, .. } = self;
        let left_then = record.left_at.or(record.closed_at) == Some(drains_at);
        // It was full, and nothing was read since; the rest has gone in the same turn.
        let was_owed = record.full_at == Some(record.heard().len());
        // Nor is anything read while a login is being checked, to which the last answer went.
        let is_login = self.terms.service == Service::Login;
        let was_checked = is_login && record.calls.last().is_some_and(|call| !call.by_recv);
        if told.reason == Reason::Stopped && left_then && !was_owed && !was_checked {
            let came = record.arrived_before(drains_at);
            holds!(self, record.heard().len() >= came.min(SIP), "it was in time, and not heard");
        }
    }

    fn closed_at(&self) -> Time {
        self.record.closed_at.expect("it was told to be closed")
    }

    /// When the conversation was over.
    fn ended_at(&self) -> Time {
        self.record.left_at.unwrap_or(self.closed_at())
    }

    /// Whether all that had come before `deadline` was heard, the end included; of a great deal, a part.
    fn heard_before(&self, deadline: Time) -> bool {
        let Case { record, .. } = self;
        let (arrived, heard) = (record.arrived_before(deadline), record.heard().len());
        let ended = record.end_arrived_at.is_some_and(|at| at < deadline);
        heard >= arrived.min(SIP) && (heard < arrived || !ended || record.end_heard)
    }

    /// Whether it was heard for the first time when the deadline was over, and let in.
    pub(super) fn was_saved(&self) -> bool {
        let entry_at = self.record.accepted_at + self.config.protocol.handshake_timeout;
        let first = self.record.calls.iter().find(|call| call.read > 0);
        self.has_entered() && first.is_some_and(|call| call.at > entry_at)
    }

    /// Whether answers to logins were still to be paid after `deadline`: then the end waits for that.
    fn pays_after(&self, deadline: Time) -> bool {
        let owes = self.record.taken.len() < self.terms.nonce_len + self.verdict.answer.len();
        self.terms.logs_in() && (owes || self.record.active_at() > deadline)
    }

    /// Whether the idle deadline is the one that runs once it is let in.
    fn idles(&self) -> bool {
        self.terms.service != Service::UpperOnce || self.terms.nonce_len > 0
    }
}
