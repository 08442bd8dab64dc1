//! The manners of clients, and what each does in a world.
//!
//! Never here: when they come, and how many (see `scenario.rs`).

use std::time::Duration;

use crate::session::{MAX_REQUEST, Service, Verdict};
use crate::sim::{Answer, Finale, Pieces, Rest, Script};

/// Who can log in, and with what.
pub(super) const USER: (&str, &str) = ("eva", "right");

/// The longest that a simulated run ever takes, and more.
const FOR_EVER: Duration = Duration::from_secs(24 * 60 * 60);

/// What a client is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Manner {
    /// It does everything right, in its own time.
    Legal,
    /// It says nothing, and stays.
    Silent,
    /// It does not hold the secret; or, at a login, does not know the password.
    WrongSecret,
    /// It sends a byte at a time, with long pauses.
    Trickling,
    /// It takes its answers a little at a time.
    SlowReader,
    /// It asks, and reads nothing but the nonce.
    NeverReads,
    /// It sends everything in one breath, and with it the end of its sending side.
    HalfCloser,
    /// It sends everything, and resets the connection.
    Resetter,
    /// It connects, and is gone.
    Flood,
}

impl Manner {
    /// All of them.
    pub const ALL: [Manner; 9] = [
        Manner::Legal,
        Manner::Silent,
        Manner::WrongSecret,
        Manner::Trickling,
        Manner::SlowReader,
        Manner::NeverReads,
        Manner::HalfCloser,
        Manner::Resetter,
        Manner::Flood,
    ];

    /// The word for it in a scenario.
    pub const fn name(self) -> &'static str {
        match self {
            Manner::Legal => "legal",
            Manner::Silent => "silent",
            Manner::WrongSecret => "wrong-secret",
            Manner::Trickling => "trickling",
            Manner::SlowReader => "slow-reader",
            Manner::NeverReads => "never-reads",
            Manner::HalfCloser => "half-closer",
            Manner::Resetter => "resetter",
            Manner::Flood => "flood",
        }
    }

    /// What it does, in one sentence.
    pub const fn about(self) -> &'static str {
        match self {
            Manner::Legal => "answers the nonce, sends in pieces, reads its answers and leaves",
            Manner::Silent => "connects, says nothing and stays",
            Manner::WrongSecret => "answers without the secret, or logs in with a wrong password",
            Manner::Trickling => "sends a byte at a time, seconds apart",
            Manner::SlowReader => "asks for much and takes its answers a little at a time",
            Manner::NeverReads => "asks for much and never reads an answer",
            Manner::HalfCloser => {
                "sends everything at once and shuts down its sending side with it"
            }
            Manner::Resetter => "sends everything and resets the connection",
            Manner::Flood => "many that connect and leave at once",
        }
    }

    /// How many come if a scenario does not say.
    pub(super) const fn usual_count(self) -> usize {
        if matches!(self, Manner::Flood) { 200 } else { 1 }
    }

    /// How many bytes it sends behind its digest if a scenario does not say.
    pub(super) const fn usual_size(self) -> usize {
        match self {
            Manner::SlowReader | Manner::NeverReads => 32 * 1024,
            _ => 100,
        }
    }

    /// What it does at a server whose nonces have so many bytes, if it has `size` to send.
    pub(super) fn script(self, service: Service, size: usize, nonce_len: usize) -> Script {
        let payload = payload(self, service, size);
        let mut script = Script::new(&payload);
        let pieces =
            |most, milliseconds| Pieces { most, pause: Duration::from_millis(milliseconds) };
        match self {
            Manner::Legal => {
                script.sending = pieces(payload.len().div_ceil(3).max(16), 400);
                script.receiving = pieces(usize::MAX, 40);
                script.finale = Finale::HalfCloseAfter(answers(service, &payload));
            }
            Manner::Silent => (script.stops_after, script.finale) = (0, Finale::Wait),
            Manner::WrongSecret => {
                script.answer = Answer::Wrong(0);
                script.sending = pieces(usize::MAX, 200);
            }
            Manner::Trickling => script.sending = pieces(1, 4000),
            Manner::SlowReader => {
                script.receiving = pieces(1024, 500);
                script.finale = Finale::HalfCloseAfter(answers(service, &payload));
            }
            Manner::NeverReads => {
                script.rest = Some(Rest { after: nonce_len.max(1), lasts: FOR_EVER });
                script.finale = Finale::Wait;
            }
            Manner::HalfCloser => {}
            Manner::Resetter => {
                script.sending = pieces(usize::MAX, 400);
                script.finale = Finale::Reset;
            }
            Manner::Flood => (script.stops_after, script.finale) = (0, Finale::Close),
        }
        script
    }
}

/// What a client sends behind its digest: letters, a line, or a login.
fn payload(manner: Manner, service: Service, size: usize) -> Vec<u8> {
    let letters = (b'a'..=b'z').cycle();
    match service {
        Service::Login => {
            let (name, password) = USER;
            let password = if manner == Manner::WrongSecret { "wrong" } else { password };
            format!("{{\"username\":\"{name}\",\"passwd\":\"{password}\"}}").into_bytes()
        }
        Service::UpperOnce => letters.take(size.max(1) - 1).chain([b'\n']).collect(),
        Service::Upper | Service::Echo => letters.take(size).collect(),
    }
}

/// How many bytes of answers there are for `payload`.
fn answers(service: Service, payload: &[u8]) -> usize {
    match service {
        // It is one login, and the right one.
        Service::Login => Verdict::Success.answer().len(),
        // It has no white space but the line feed.
        Service::UpperOnce => (payload.len() - 1).min(MAX_REQUEST),
        Service::Upper | Service::Echo => payload.len(),
    }
}
