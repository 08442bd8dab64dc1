//! What is asked of the server, and what it has to answer: random requests, and the answer computed here.
//!
//! A server can't know them beforehand, so no canned answer passes. Read `peer.rs` next.

use rand::rngs::StdRng;
use rand::{Rng, RngExt};

/// The most bytes of a request of `upper-once`.
pub(super) const MOST_ONCE: usize = 1024;

/// What a connection gets once it is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Every byte comes back, ASCII letters in upper case.
    Upper,
    /// Every byte comes back unchanged.
    Echo,
    /// One line, without white space at its ends, comes back in upper case; then the end.
    UpperOnce,
}

impl Service {
    /// Whether it goes on for as long as the client sends.
    pub(super) fn is_stream(self) -> bool {
        self != Service::UpperOnce
    }

    /// What has to come back for `request`, which for `upper-once` is a whole one.
    pub(super) fn answer(self, request: &[u8]) -> Vec<u8> {
        match self {
            Service::Echo => request.to_vec(),
            Service::Upper => request.to_ascii_uppercase(),
            Service::UpperOnce => {
                let line = request.split(|byte| *byte == b'\n').next().unwrap_or_default();
                let line = &line[..line.len().min(MOST_ONCE)];
                let white = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'\x0b';
                let from = line.iter().position(|byte| !white(byte)).unwrap_or(line.len());
                let to = line.iter().rposition(|byte| !white(byte)).map_or(from, |at| at + 1);
                line[from..to].to_ascii_uppercase()
            }
        }
    }

    /// A random request of `len` bytes and its answer; of letters, figures and spaces, and for `upper-once`
    /// a line.
    pub(super) fn ask(self, rng: &mut StdRng, len: usize) -> Question {
        const LETTERS: &[u8] =
            b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -_.";
        let letter = |rng: &mut StdRng| LETTERS[rng.random_range(0..LETTERS.len())];
        let mut request: Vec<u8> = (0..len).map(|_| letter(rng)).collect();
        if self == Service::UpperOnce
            && let [.., last] = &mut request[..]
        {
            *last = b'\n';
        }
        Question { answer: self.answer(&request), request }
    }

    /// Random bytes of every value and their answer, for the services that go on.
    pub(super) fn flood(self, rng: &mut StdRng, len: usize) -> Question {
        let mut request = vec![0; len];
        rng.fill_bytes(&mut request);
        Question { answer: self.answer(&request), request }
    }
}

/// What a client sends, and what has to come back.
pub(super) struct Question {
    pub(super) request: Vec<u8>,
    pub(super) answer: Vec<u8>,
}

/// Where `got` differs from the beginning of `answer`, in words that give no byte away.
pub(super) fn difference(got: &[u8], answer: &[u8]) -> Option<String> {
    let at = got.iter().zip(answer).position(|(got, want)| got != want);
    if let Some(at) = at {
        let kind = match answer[at] {
            b'A'..=b'Z' | b'a'..=b'z' if got[at].eq_ignore_ascii_case(&answer[at]) => {
                "the right letter in the wrong case"
            }
            0..=0x1f | 0x7f => "another byte than it should be, which is a control character",
            0x80.. => "another byte than it should be, which is none of ASCII",
            _ => "another byte than it should be",
        };
        return Some(format!("byte {} of {} is {kind}", at + 1, answer.len()));
    }
    (got.len() > answer.len()).then(|| format!("{} too many", got.len() - answer.len()))
}
