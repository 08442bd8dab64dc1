//! What server and clients have agreed on, and what the model makes of a transcript by it.

use sockmodes::auth::{self, Scheme};
use sockmodes::server::Config;
use sockmodes::session::{Reason, Service, Time};
use sockmodes::sim::{Moved, Transcript};

use crate::common::header::{self, Header};
use crate::common::model::{self, Entry, Verdict};

#[derive(Clone, Copy)]
pub(crate) struct Terms {
    scheme: Option<Scheme>,
    pub(crate) service: Service,
    pub(crate) nonce_len: usize,
}

impl Terms {
    pub(crate) fn of(config: &Config) -> Terms {
        let (scheme, nonce_len) = match &config.protocol.entry {
            auth::Entry::Challenge(challenge) => {
                (Some(challenge.key().scheme()), challenge.nonce_len())
            }
            _ => (None, 0),
        };
        Terms { scheme, service: config.protocol.service, nonce_len }
    }

    /// Whether a login lets in, and nothing before it.
    pub(crate) fn logs_in(self) -> bool {
        self.service == Service::Login && self.scheme.is_none()
    }

    /// As much of the nonce as is in `taken`, all that the server has sent.
    pub(crate) fn nonce(self, taken: &[u8]) -> &[u8] {
        &taken[..self.nonce_len.min(taken.len())]
    }

    /// What the model makes of all that the server has heard, behind a proxy's header if it is `proxied`.
    pub(crate) fn verdict(self, record: &Transcript, proxied: bool) -> Verdict {
        self.judge(&record.taken, record.heard(), record.end_heard, proxied)
    }

    fn judge(self, taken: &[u8], heard: &[u8], ended: bool, proxied: bool) -> Verdict {
        let before = |entry, over| Verdict { entry, answer: Vec::new(), over };
        let heard = match header(heard, proxied) {
            Header::Part => return before(Entry::Undecided, None),
            Header::Bad => return before(Entry::Wrong, Some(Reason::BadProxyHeader)),
            Header::Whole(len, _) => &heard[len..],
        };
        model::verdict(self.scheme, self.service, self.nonce(taken), heard, ended)
    }

    /// Whether nothing moved after the client was let in, and that for `too_long`, from a moment to another.
    pub(crate) fn is_quiet(
        self,
        record: &Transcript,
        proxied: bool,
        too_long: impl Fn(Time, Time) -> bool,
    ) -> bool {
        let mut before = (record.accepted_at, 0, 0);
        for call in &record.calls {
            let (active_at, taken, read) = before;
            // In this order: asking the model takes longer than comparing.
            if call.by_recv
                && too_long(active_at, call.at)
                && self.is_let_in(&record.taken[..taken], &record.read[..read], proxied)
            {
                return true;
            }
            before = (call.at, call.taken, call.read);
        }
        false
    }

    /// Whether the client is let in once so much was taken and read.
    fn is_let_in(self, taken: &[u8], read: &[u8], proxied: bool) -> bool {
        let verdict = self.judge(taken, read, false, proxied);
        taken.len() >= self.nonce_len
            && verdict.entry == Entry::Right
            && (!self.logs_in() || verdict.has_success())
    }
}

/// What comes of the header in `heard`: there is none unless it is `proxied`.
pub(crate) fn header(heard: &[u8], proxied: bool) -> Header {
    if proxied { header::header(heard) } else { Header::Whole(0, None) }
}

/// When the last bytes came that meant something.
pub(crate) fn heard_at(record: &Transcript) -> Time {
    let mut before = 0;
    let gave_bytes = |call: &&Moved| std::mem::replace(&mut before, call.read) < call.read;
    record.calls.iter().filter(gave_bytes).last().map_or(Time::START, |call| call.at)
}
