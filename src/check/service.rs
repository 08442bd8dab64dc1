//! What is asked of the server, and what it has to answer: random requests, and the answer computed here.
//!
//! A server can't know them beforehand, so no canned answer passes. Read `peer.rs` next.

use rand::rngs::StdRng;
use rand::{Rng, RngExt};

/// The most bytes of a request of `upper-once`.
pub(super) const MOST_ONCE: usize = 1024;

/// After so many bytes a flood repeats itself: a number that no buffer has.
const PERIOD: usize = 1_000_003;

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
        let mut once = vec![0; len.min(PERIOD)];
        rng.fill_bytes(&mut once);
        let (answer, times) = (self.answer(&once), len.div_ceil(once.len().max(1)));
        let repeated = |bytes: &[u8]| {
            let mut all = bytes.repeat(times);
            all.truncate(len);
            all
        };
        Question { request: repeated(&once), answer: repeated(&answer) }
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

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn upper_once_is_one_line_without_white_space_at_its_ends() {
        let answer = |request: &[u8]| Service::UpperOnce.answer(request);
        assert_eq!(answer(b" \t\x0bHello, you\x0c\r\nand more\n"), b"HELLO, YOU");
        assert_eq!(answer(b"no line feed"), b"NO LINE FEED");
        assert_eq!(answer(&[b'a'; MOST_ONCE + 1]), [b'A'; MOST_ONCE]);
        assert_eq!(answer(b" \n"), b"");
    }

    #[test]
    fn the_same_seed_asks_the_same_and_a_flood_has_its_answer() {
        let ask = |seed| Service::Upper.ask(&mut StdRng::seed_from_u64(seed), 24).request;
        assert_eq!(ask(1), ask(1));
        assert_ne!(ask(1), ask(2));
        let flood = Service::Upper.flood(&mut StdRng::seed_from_u64(1), 3 * PERIOD + 7);
        assert_eq!(flood.request.len(), 3 * PERIOD + 7);
        assert_eq!(flood.answer, Service::Upper.answer(&flood.request));
    }

    #[test]
    fn a_difference_is_told_without_the_byte() {
        assert_eq!(difference(b"HELLO", b"HELLO"), None);
        assert_eq!(difference(b"HEL", b"HELLO"), None);
        let told = difference(b"HElLO", b"HELLO").unwrap();
        assert_eq!(told, "byte 3 of 5 is the right letter in the wrong case");
        assert_eq!(difference(b"HELLO!", b"HELLO").unwrap(), "1 too many");
    }
}
