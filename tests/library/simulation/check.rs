//! What must hold of every connection when it is over, whatever the schedule was; of its deadlines, that
//! is in `deadlines.rs`.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use sockmodes::auth::MAX_NONCE_LEN;
use sockmodes::observe::{Event, Record};
use sockmodes::server::network::Errno;
use sockmodes::server::{Config, Outcome};
use sockmodes::session::{DELIVERY, LINGER, LINGER_QUIET, MAX_REQUEST, Reason, Service, Time};
use sockmodes::sim::{self, Client, Simulation, Transcript};

use super::standstills::Standstills;
use super::terms::{Terms, header};
use crate::common::drive::{Told, endings};
use crate::common::header::Header;
use crate::common::model::{Entry, Verdict};

/// Asserts, and says about which connection.
macro_rules! holds {
    ($case:expr, $condition:expr, $($words:tt)+) => {
        if !$condition {
            let words = format!($($words)+);
            let Case { told, verdict, client, record, .. } = $case;
            panic!("{words}\n{told:?}\n{verdict:?}\n{client:?}\n{record:?}");
        }
    };
}

pub(super) use holds;

/// One connection that is over.
pub(super) struct Case<'c> {
    pub(super) client: Client,
    pub(super) record: Transcript,
    pub(super) told: Told,
    pub(super) terms: Terms,
    pub(super) config: &'c Config,
    /// What comes of the proxy's header, of length 0 if it comes through none.
    header: Header,
    /// Whose the loop said that it is, if it comes through a proxy: a client's, or nobody's.
    whose: Option<Option<SocketAddr>>,
    /// What comes of what the server has read.
    pub(super) verdict: Verdict,
    pub(super) stopped_at: Option<Time>,
    /// When the drain began.
    pub(super) drains_at: Option<Time>,
    pub(super) standstills: &'c Standstills,
    pub(super) forced: bool,
    /// A login of everybody else may come before the one that is waited for.
    pub(super) longest_check: Duration,
}

/// How a connection ended.
pub(crate) struct End {
    pub(crate) reason: Reason,
    /// Its client got everything that it could have.
    pub(crate) served: bool,
    /// It was in time, although the clock said that it was late.
    pub(crate) saved: bool,
}

/// Checks every connection, of which one login takes at most `longest`.
pub(crate) fn check(simulation: &Simulation, config: &Config, longest: Duration) -> Vec<End> {
    let forced = simulation.outcome() == Some(Outcome::Forced);
    let mut endings = endings(simulation);
    endings.sort_by_key(|told| told.number);
    let (world, terms) = (simulation.world(), Terms::of(config));
    let all = world.clients().map(|id| (world.transcript(id), world.client(id)));
    let accepted = all.filter(|(record, _)| record.number > 0);
    let mut accepted: HashMap<u64, _> = accepted.map(|both| (both.0.number, both)).collect();
    if !forced {
        assert_eq!(accepted.len(), endings.len(), "each connection ends once");
        let is_idle = simulation.event_loop().is_idle();
        assert!(is_idle, "a place, a count or a deadline was not given back");
        assert_eq!(simulation.event_loop().owed(), 0);
    }
    let standstills = Standstills::of(world);
    let whose: HashMap<_, _> = simulation.events().iter().filter_map(told_whose).collect();
    let logins = if terms.service == Service::Login { world.clients().count() } else { 0 };
    let case = |told: Told| {
        let (record, client) = accepted.remove(&told.number).expect("it was accepted, once");
        Case {
            header: header(record.heard(), client.proxied),
            whose: whose.get(&told.number).copied(),
            verdict: terms.verdict(&record, client.proxied),
            client,
            record,
            told,
            terms,
            config,
            stopped_at: world.stopped_at(),
            drains_at: world.listening_until(),
            standstills: &standstills,
            forced,
            longest_check: longest * logins as u32,
        }
    };
    endings.into_iter().map(case).map(|case| case.ends()).collect()
}

/// Whose a connection is that has come through a proxy, if that is what was told.
fn told_whose(record: &Record) -> Option<(u64, Option<SocketAddr>)> {
    match record.event {
        Event::Opened { peer, via: Some(_), .. } => Some((record.connection?, Some(peer))),
        Event::Local { .. } => Some((record.connection?, None)),
        _ => None,
    }
}

fn is_a_limit(reason: Reason) -> bool {
    use Reason::*;
    matches!(reason, TooManyConnections | TooManyPending | TooManyFromSource | Penalized)
}

impl Case<'_> {
    fn ends(&self) -> End {
        End { reason: self.told.reason, served: self.check(), saved: self.was_saved() }
    }

    /// Whether the client got everything.
    fn check(&self) -> bool {
        let Case { client, record, told, whose, .. } = self;
        if client.proxied && whose.is_none() && self.is_refused_late() {
            holds!(self, record.taken.is_empty() && client.got.is_empty(), "it was refused");
            return false;
        }
        if record.taken.is_empty() && is_a_limit(told.reason) && !self.has_no_verdict() {
            holds!(self, record.read.is_empty() && client.got.is_empty(), "it was refused");
            return false;
        }
        self.bytes();
        self.reason();
        self.deadlines();
        self.client()
    }

    /// Whether a proxy's client was refused when it was known who it is: never where it is nobody.
    fn is_refused_late(&self) -> bool {
        let is_known = matches!(self.header, Header::Whole(_, Some(_)));
        is_known && matches!(self.told.reason, Reason::TooManyFromSource | Reason::Penalized)
    }

    /// How many bytes a proxy has sent for itself, once it is known for whom the others are.
    fn header(&self) -> u64 {
        let Case { header, whose, client, .. } = self;
        if !client.proxied {
            return 0;
        }
        match (*header, *whose) {
            (Header::Whole(len, named), Some(told)) => {
                holds!(self, named == told, "it is another's: {named:?}");
                len as u64
            }
            (Header::Part | Header::Bad, None) => {
                holds!(
                    self,
                    self.record.taken.is_empty(),
                    "there is no header, and it was answered"
                );
                0
            }
            // Nobody has asked whose it is.
            (Header::Whole(..), None) if self.forced || self.record.broken_at.is_some() => 0,
            _ => panic!("{header:?}, and it was told that it is {whose:?}'s: {:?}", self.told),
        }
    }

    /// Bytes in order, none lost that is owed, none after a refusal; and they were counted.
    fn bytes(&self) {
        let Case { client, record, told, terms, verdict, .. } = self;
        holds!(self, client.outgoing.starts_with(&record.read), "it read what was not sent");
        let owed = [terms.nonce(&record.taken), verdict.answer.as_slice()].concat();
        holds!(self, owed.starts_with(&record.taken), "it said what it had not to");
        use Reason::*;
        let cut_short = matches!(told.reason, Reset | WriteTimeout | SocketError | DrainTimeout)
            || self.has_no_verdict()
            // The login that was being checked was the last.
            || terms.logs_in() && told.reason == HandshakeTimeout;
        let nonce_is_out = record.taken.len() >= terms.nonce_len;
        if !cut_short && nonce_is_out {
            holds!(self, owed == record.taken, "it owes {} bytes", owed.len() - record.taken.len());
        }
        let received = record.read.len() as u64 - self.header();
        holds!(self, told.received == received, "received is miscounted");
        holds!(self, told.sent == record.taken.len() as u64, "sent is miscounted");
        let may_be_in = verdict.entry == Entry::Right && nonce_is_out;
        let is_in = match terms.logs_in() {
            true if told.let_in => verdict.has_success(),
            // A right one may be there and its check not over, or its answer not sent.
            true => !cut_short && verdict.has_success(),
            false => may_be_in,
        };
        holds!(self, told.let_in == is_in, "let in or not?");
        let most = most_kept(self.config);
        holds!(self, record.most_offered <= most, "it kept {} bytes", record.most_offered);
    }

    /// The reason is the one that the record has.
    fn reason(&self) {
        let Case { record, told, verdict, stopped_at, .. } = self;
        let broke = record.broken_at.map(|(_, errno)| errno);
        let agrees = match told.reason {
            reason if verdict.over == Some(reason) => true,
            _ if self.has_no_verdict() => !verdict.answer.is_empty(),
            Reason::Done if self.has_no_header() => record.heard().is_empty() && record.end_heard,
            Reason::BadProxyHeader => self.has_no_header() && record.end_heard,
            Reason::Done => verdict.entry == Entry::Right && record.end_heard,
            Reason::ShortDigest if self.has_no_header() => false,
            Reason::ShortDigest => record.end_heard && verdict.entry == Entry::Undecided,
            Reason::HandshakeTimeout => !self.has_entered() && !record.end_heard,
            Reason::IdleTimeout => verdict.entry == Entry::Right && verdict.over.is_none(),
            Reason::WriteTimeout => broke == Some(Errno::TIMEDOUT),
            Reason::Reset => matches!(broke, Some(Errno::CONNRESET | Errno::PIPE)),
            Reason::Stopped | Reason::DrainTimeout => stopped_at.is_some(),
            _ => false,
        };
        holds!(self, agrees, "the reason is not what happened");
    }

    fn has_no_header(&self) -> bool {
        self.header == Header::Part
    }

    /// Whether a login of it was not checked: the server was not able to, or its source had too many.
    fn has_no_verdict(&self) -> bool {
        let is_login = self.terms.service == Service::Login && !self.record.read.is_empty();
        let reason = self.told.reason;
        is_login && matches!(reason, Reason::VerifierFailed | Reason::TooManyFromSource)
    }

    /// Whether the entry deadline has nothing more to say: for a one-shot service without a digest it
    /// goes on until the request is whole, for logins until one is right.
    pub(super) fn has_entered(&self) -> bool {
        if self.terms.logs_in() {
            return self.told.let_in;
        }
        let one_shot = self.terms.service == Service::UpperOnce && self.terms.nonce_len == 0;
        let nonce_is_out = self.record.taken.len() >= self.terms.nonce_len;
        let right = self.verdict.entry == Entry::Right && nonce_is_out;
        right && (!one_shot || self.verdict.over.is_some() || self.record.end_heard)
    }

    /// The client got what the kernel took for it, in order; and all of it, unless it broke off
    /// itself or let everything wait too long.
    fn client(&self) -> bool {
        let Case { client, record, told, .. } = self;
        holds!(self, record.taken.starts_with(&client.got), "bytes out of order");
        let whole = client.got == record.taken;
        if client.end == Some(sim::End::Eof) {
            holds!(self, whole, "an end of the stream before the end");
        }
        if record.unread + record.destroyed > 0 && !self.forced {
            holds!(self, self.may_reset(), "a reset, and what was under way is lost");
        } else if self.is_patient() && record.broken_at.is_none() && !self.forced {
            holds!(self, whole, "it did not get everything");
        }
        let done = told.reason == Reason::Done && record.broken_at.is_none();
        if done && self.is_patient() && self.verdict.over.is_none() {
            holds!(self, record.read == client.outgoing, "the end came before the last byte");
        }
        done && whole && client.end == Some(sim::End::Eof)
    }

    /// The client reads without a rest and never breaks the connection.
    fn is_patient(&self) -> bool {
        self.client.script.rest.is_none() && !self.client.broke_it
    }

    /// A reset may destroy what is under way: only after a whole linger, where the time for what is owed is
    /// over, or where that is but a nonce.
    fn may_reset(&self) -> bool {
        let Case { record, told, .. } = self;
        let lingered = record.shut_at.is_some_and(|shut_at| {
            let quiet_at = shut_at.max(record.last_read_at) + LINGER_QUIET;
            // A byte in the last second prolongs it no longer.
            let whole = shut_at + (LINGER - LINGER_QUIET);
            record.closed_at.is_some_and(|at| at >= quiet_at.min(whole))
        });
        let gave_up = record.left_at.is_some_and(|left_at| {
            record.closed_at.is_some_and(|at| record.shut_at.is_none() && at >= left_at + DELIVERY)
        });
        let only_a_nonce = record.taken.len() <= self.terms.nonce_len;
        lingered || gave_up || told.reason == Reason::DrainTimeout || only_a_nonce
    }
}

/// The most bytes that may wait for one peer: a nonce and the answer of a one-shot service are kept
/// whole, which is more only with buffers smaller than the command line takes.
pub(crate) fn most_kept(config: &Config) -> usize {
    config.max_buffer.get().max(MAX_NONCE_LEN).max(match config.protocol.service {
        Service::UpperOnce => MAX_REQUEST,
        _ => 0,
    })
}
