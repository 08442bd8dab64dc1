//! What the faulty server says: nonces, verdicts on digests, answers.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sockmodes::auth::{Key, Scheme, Secret};

/// Bytes of a nonce.
const NONCE: usize = 32;

/// What was agreed on, and the fault.
pub(super) struct Terms {
    fault: String,
    key: Option<Key>,
    other_key: Key,
    pub(super) service: Service,
    pub(super) timeout: Duration,
    rng: StdRng,
    nonces: u64,
    last_nonce: Vec<u8>,
    /// Digests that were right once.
    right: Vec<Vec<u8>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    Upper,
    Echo,
    Once,
}

impl Terms {
    pub(super) fn new(fault: &str, auth: &str, service: &str, timeout: Duration) -> Terms {
        let secret = std::env::var("SOCKMODES_SECRET").unwrap();
        let secret = Secret::new(secret.into_bytes()).unwrap();
        let scheme = Scheme::ALL.into_iter().find(|scheme| scheme.name() == auth);
        let seeded = fault == "nonce-from-seed";
        Terms {
            fault: fault.into(),
            key: scheme.map(|scheme| Key::new(scheme, &secret)),
            other_key: Key::new(Scheme::HmacSha256, &secret),
            service: match service {
                "upper" => Service::Upper,
                "echo" => Service::Echo,
                _ => Service::Once,
            },
            timeout,
            rng: if seeded { StdRng::seed_from_u64(7) } else { rand::make_rng() },
            nonces: 0,
            last_nonce: Vec::new(),
            right: Vec::new(),
        }
    }

    pub(super) fn is(&self, fault: &str) -> bool {
        self.fault == fault
    }

    pub(super) fn digest_len(&self) -> usize {
        self.key.as_ref().map_or(0, |key| key.scheme().digest_len())
    }

    /// A nonce for a new connection, as it is remembered, and as it is sent.
    pub(super) fn nonce(&mut self) -> (Vec<u8>, Vec<u8>) {
        if self.key.is_none() {
            let said = if self.is("greets-first") { b"welcome\n".to_vec() } else { Vec::new() };
            return (Vec::new(), said);
        }
        let mut nonce = vec![0; NONCE];
        self.nonces += 1;
        match self.fault.as_str() {
            "nonce-same" => {}
            "nonce-counts" => nonce[NONCE - 8..].copy_from_slice(&self.nonces.to_be_bytes()),
            "nonce-short" => {
                nonce.pop();
                self.rng.fill_bytes(&mut nonce);
            }
            _ => self.rng.fill_bytes(&mut nonce),
        }
        self.last_nonce.clone_from(&nonce);
        let mut said = nonce.clone();
        if self.is("nonce-long") {
            said.push(b'\n');
        }
        (nonce, said)
    }

    /// Whether `digest` answers `nonce`.
    pub(super) fn is_right(&mut self, nonce: &[u8], digest: &[u8]) -> bool {
        let Some(key) = &self.key else { return true };
        let nonce = if self.fault == "nonce-global" { &self.last_nonce } else { nonce };
        let right = key.digest(nonce).as_bytes().to_vec();
        let len = digest.len();
        let accepted = match self.fault.as_str() {
            "digest-half" => digest[..len / 2] == right[..len / 2],
            "digest-prefix" => right.starts_with(digest),
            "digest-any" => true,
            "digest-none" => false,
            "digest-zeros" => digest == right || digest.iter().all(|byte| *byte == 0),
            "digest-sha256" => {
                digest == right || self.other_key.digest(nonce).as_bytes().starts_with(digest)
            }
            "digest-replayed" => digest == right || self.right.iter().any(|one| one == digest),
            "nonce-is-digest" => digest == right || nonce.starts_with(digest),
            "text-ends-it" if digest.is_ascii() && digest != right => panic!("that is no digest"),
            "noise-ends-it" if std::str::from_utf8(digest).is_err() && digest[0] > 0xfe => {
                panic!("that is no text")
            }
            _ => digest == right,
        };
        if accepted {
            self.right.push(digest.to_vec());
        }
        accepted
    }

    /// The answer to what has come at once.
    pub(super) fn answer(&self, heard: &[u8]) -> Vec<u8> {
        let mut answer = match self.service {
            Service::Echo => heard.to_vec(),
            _ => heard.to_ascii_uppercase(),
        };
        match self.fault.as_str() {
            "text-in-and-out" => {
                answer = String::from_utf8_lossy(heard).to_uppercase().into_bytes()
            }
            "letter-by-letter" => {
                answer = String::from_utf8_lossy(&answer).into_owned().into_bytes()
            }
            "canned" => {
                answer =
                    b"HELLO, SERVER. HELLO, SERVER. HELLO, SERVER."[..heard.len().min(44)].to_vec()
            }
            "line-feed" => answer.push(b'\n'),
            "case-forgotten" => answer = heard.to_vec(),
            "one-kilobyte" => answer.truncate(1024),
            "skips-single" if heard.len() == 1 => answer.clear(),
            "parts-swapped" if heard.len() > 300 => answer.rotate_left(heard.len() / 2),
            _ => {}
        }
        answer
    }

    /// The answer to one whole request of `upper-once`.
    pub(super) fn answer_once(&self, request: &[u8]) -> Vec<u8> {
        if self.is("once-unstripped") {
            return request.to_ascii_uppercase();
        }
        let white = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
        let from = request.iter().position(|byte| !white(byte)).unwrap_or(request.len());
        let to = request.iter().rposition(|byte| !white(byte)).map_or(from, |at| at + 1);
        request[from..to].to_ascii_uppercase()
    }
}
