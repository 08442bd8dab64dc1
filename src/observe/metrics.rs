//! The metrics: what the events add up to, for Prometheus.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus::core::{Collector, MetricVec, MetricVecBuilder};
use prometheus::{Histogram, HistogramOpts, Opts, Registry, TextEncoder, exponential_buckets};
use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

use super::writer::{Counts, Lines};
use super::{Detail, Event, Observer, Record};
use crate::session::{Reason, State, Verdict};

/// Who may lose lines.
const READERS: [&str; 3] = ["log", "trace", "events"];
const VERDICTS: [Verdict; 2] = [Verdict::Success, Verdict::Failure];

/// The observer that counts. Clones count together: one reads the events, another is asked.
#[derive(Clone)]
pub struct Metrics(Arc<Numbers>);

struct Numbers {
    registry: Registry,
    draining: AtomicBool,
    opened: IntCounter,
    connections: Vec<IntGauge>,
    authenticated: IntCounter,
    closed: Vec<IntCounter>,
    cut_off: IntCounter,
    local: IntCounter,
    received: IntCounter,
    sent: IntCounter,
    logins: Vec<IntCounter>,
    turns: IntCounter,
    turn_seconds: Histogram,
    lost: Vec<IntCounter>,
    /// What is counted elsewhere: whose it is, and the count.
    losers: Mutex<Vec<(usize, Arc<Counts>)>>,
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics::new().expect("names and buckets are fixed, and each is registered once")
    }
}

impl Metrics {
    fn new() -> prometheus::Result<Metrics> {
        let registry = Registry::new();
        let add = Add(&registry);
        let gauges =
            IntGaugeVec::new(opts("connections", "Connections that are open."), &["state"])?;
        let help = "Connections that ended, refused ones included.";
        let closed = IntCounterVec::new(opts("closed_total", help), &["reason"])?;
        let logins = IntCounterVec::new(opts("logins_total", "Logins checked."), &["result"])?;
        let help = "Lines and events that a reader lost.";
        let lost = IntCounterVec::new(opts("lost_lines_total", help), &["reader"])?;
        Ok(Metrics(Arc::new(Numbers {
            opened: add
                .counter("connections_total", "Connections accepted, refused ones included.")?,
            // All states but the last, which no open connection is in.
            connections: add
                .each(gauges, &State::ALL.map(State::name)[..State::Closed as usize])?,
            authenticated: add.counter("authenticated_total", "Clients that were let in.")?,
            closed: add.each(closed, &Reason::ALL.map(Reason::name))?,
            cut_off: add.counter(
                "cut_off_total",
                "Connections closed although they were owed something.",
            )?,
            local: add.counter(
                "local_total",
                "Connections that proxies made for themselves, by their headers.",
            )?,
            received: add.counter("received_bytes_total", "Bytes that recv gave.")?,
            sent: add.counter("sent_bytes_total", "Bytes that send took.")?,
            logins: add.each(logins, &VERDICTS.map(Verdict::name))?,
            turns: add.counter("loop_turns_total", "Turns of the event loop.")?,
            turn_seconds: add.turn_seconds()?,
            lost: add.each(lost, &READERS)?,
            losers: Mutex::default(),
            draining: AtomicBool::new(false),
            registry,
        })))
    }

    /// Counts the lines that `lines` loses, too.
    pub fn count_lines(&self, lines: &Lines) {
        self.count_lost(lines.name(), lines.counts.clone());
    }

    pub(super) fn count_lost(&self, reader: &str, counts: Arc<Counts>) {
        let at = READERS.iter().position(|known| *known == reader);
        self.losers().extend(at.map(|at| (at, counts)));
    }

    fn losers(&self) -> MutexGuard<'_, Vec<(usize, Arc<Counts>)>> {
        self.0.losers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All metrics, in Prometheus's text format.
    #[must_use]
    pub fn text(&self) -> String {
        let losers = self.losers();
        for (at, counts) in losers.iter() {
            let (dropped, counter) = (counts.dropped.load(Ordering::Relaxed), &self.0.lost[*at]);
            counter.inc_by(dropped.saturating_sub(counter.get()));
        }
        drop(losers);
        let families = self.0.registry.gather();
        TextEncoder::new().encode_to_string(&families).expect("all that is counted is numbers")
    }

    /// Whether the server was told to stop: it is in its grace, or drains.
    pub fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::Relaxed)
    }

    fn moved(&self, from: Option<State>, to: Option<State>) {
        let gauge = |state: State| self.0.connections.get(state as usize);
        if let Some(gauge) = from.and_then(gauge) {
            gauge.dec();
        }
        if let Some(gauge) = to.and_then(gauge) {
            gauge.inc();
        }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (opened, turns) = (self.0.opened.get(), self.0.turns.get());
        write!(f, "Metrics({opened} connections, {turns} turns, ..)")
    }
}

impl Observer for Metrics {
    fn detail(&self) -> Detail {
        Detail::Calls
    }

    fn observe(&mut self, record: &Record) {
        let numbers = &*self.0;
        match &record.event {
            // Behind a proxy it was counted when it was accepted.
            Event::Opened { via: Some(_), .. } => {}
            Event::Accepted { state, .. } | Event::Opened { state, .. } => {
                numbers.opened.inc();
                self.moved(None, Some(*state));
            }
            Event::Local { .. } => numbers.local.inc(),
            Event::Refused { reason, .. } => {
                numbers.opened.inc();
                numbers.closed[*reason as usize].inc();
            }
            Event::LetIn { .. } => numbers.authenticated.inc(),
            Event::State { from, to } => self.moved(Some(*from), Some(*to)),
            Event::Closed { reason, cut_off, .. } => {
                numbers.closed[*reason as usize].inc();
                numbers.cut_off.inc_by(u64::from(*cut_off));
            }
            Event::Login { result, .. } => numbers.logins[*result as usize].inc(),
            Event::Received { result: Ok(bytes), .. } => numbers.received.inc_by(*bytes as u64),
            Event::Sent { result: Ok(bytes), .. } => numbers.sent.inc_by(*bytes as u64),
            Event::TurnEnd { took } => {
                numbers.turns.inc();
                numbers.turn_seconds.observe(took.as_secs_f64());
            }
            Event::Grace { .. } | Event::Draining { .. } => {
                numbers.draining.store(true, Ordering::Relaxed)
            }
            _ => {}
        }
    }
}

/// Adds metrics to a registry.
struct Add<'r>(&'r Registry);

impl Add<'_> {
    fn add<M: Collector + Clone + 'static>(&self, metric: M) -> prometheus::Result<M> {
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    fn counter(&self, name: &str, help: &str) -> prometheus::Result<IntCounter> {
        self.add(IntCounter::with_opts(opts(name, help))?)
    }

    /// One for each value of the label, from the start: what has not happened yet is 0.
    fn each<B: MetricVecBuilder + 'static>(
        &self,
        all: MetricVec<B>,
        values: &[&str],
    ) -> prometheus::Result<Vec<B::M>> {
        let all = self.add(all)?;
        values.iter().map(|value| all.get_metric_with_label_values(&[value])).collect()
    }

    fn turn_seconds(&self) -> prometheus::Result<Histogram> {
        let help = "How long turns took, without the waiting.";
        let opts = HistogramOpts::from(opts("loop_turn_seconds", help));
        // A microsecond to a quarter of a second.
        self.add(Histogram::with_opts(opts.buckets(exponential_buckets(1e-6, 4., 10)?))?)
    }
}

/// The options of a metric, its name with the prefix that all have.
fn opts(name: &str, help: &str) -> Opts {
    Opts::new(format!("sockmodes_{name}"), help)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Time;

    #[test]
    fn every_state_reason_and_result_is_at_the_place_of_its_number() {
        assert!(State::ALL.iter().enumerate().all(|(at, state)| *state as usize == at));
        assert_eq!(State::ALL.last(), Some(&State::Closed));
        assert!(Reason::ALL.iter().enumerate().all(|(at, reason)| *reason as usize == at));
        assert!(VERDICTS.iter().enumerate().all(|(at, verdict)| *verdict as usize == at));
    }

    #[test]
    fn who_comes_through_a_proxy_is_counted_once_and_its_own_apart() {
        let mut metrics = Metrics::default();
        let peer = ([127, 0, 0, 1], 50_000).into();
        let (from, to) = (State::AwaitHeader, State::SendNonce);
        for number in 1..=3 {
            let whose = match number {
                1 => Some(Event::Opened { peer, state: to, via: Some(peer) }),
                2 => Some(Event::Local { peer }),
                _ => None,
            };
            let accepted = [Event::Accepted { peer, state: from }];
            let changed = whose.is_some().then_some(Event::State { from, to });
            for event in accepted.into_iter().chain(changed).chain(whose) {
                metrics.observe(&Record { time: Time::START, connection: Some(number), event });
            }
        }
        let text = metrics.text();
        for line in [
            "sockmodes_connections_total 3",
            "sockmodes_local_total 1",
            "sockmodes_connections{state=\"await_header\"} 1",
            "sockmodes_connections{state=\"send_nonce\"} 2",
        ] {
            assert!(text.lines().any(|told| told == line), "{line}: {text}");
        }
    }
}
