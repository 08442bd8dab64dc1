//! The model: what a server has to say to a whole stream of bytes, computed at one go.
//!
//! Written from the description of the formats, by another road than the server's: HMAC as RFC 2104
//! spells it out, Python's `strip` and `upper` over the whole request, and no states at all.

use md5::{Digest as _, Md5};
use serde_json::{Map, Value};
use sha2::Sha256;
use sockmodes::auth::Scheme;
use sockmodes::session::{Reason, Service};

use super::SECRET;

/// The only user of every server here, and the password.
pub(crate) const NAME: &str = "ann";
pub(crate) const PASSWORD: &str = "right";
/// The answer to a login that is right.
pub(crate) const SUCCESS: &[u8] = b"success!";
/// Logins that may fail on a connection, unless a config says otherwise.
const MAX_TRIES: usize = 6;

/// What has to come of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) entry: Entry,
    /// What the client is owed after the nonce.
    pub(crate) answer: Vec<u8>,
    /// Why there is no more to say, whatever comes.
    pub(crate) over: Option<Reason>,
}

impl Verdict {
    /// Whether a login is right.
    pub(crate) fn has_success(&self) -> bool {
        self.answer.windows(SUCCESS.len()).any(|answer| answer == SUCCESS)
    }
}

/// Whether the client is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// The digest is not whole.
    Undecided,
    /// It is whole and right, or none is asked for.
    Right,
    /// It is whole and wrong.
    Wrong,
}

/// What comes of `stream`, all that the client sent, with its end if `ended`.
pub(crate) fn verdict(
    scheme: Option<Scheme>,
    service: Service,
    nonce: &[u8],
    stream: &[u8],
    ended: bool,
) -> Verdict {
    let expected = digest(scheme, nonce);
    let refused = |entry, over| Verdict { entry, answer: Vec::new(), over };
    if stream.len() < expected.len() {
        return refused(Entry::Undecided, None);
    }
    let (digest, payload) = stream.split_at(expected.len());
    if digest != expected {
        return refused(Entry::Wrong, Some(Reason::WrongDigest));
    }
    let (answer, over) = match service {
        Service::Upper => (upper(payload), None),
        Service::Echo => (payload.to_vec(), None),
        Service::UpperOnce => match request(payload, ended) {
            Some(request) => (upper(strip(request)), Some(Reason::Done)),
            None => (Vec::new(), None),
        },
        Service::Login => logins(payload),
        other => panic!("the model knows nothing of {other:?}"),
    };
    Verdict { entry: Entry::Right, answer, over }
}

/// The right digest for `nonce`: the bytes as they cross the wire.
pub(crate) fn digest(scheme: Option<Scheme>, nonce: &[u8]) -> Vec<u8> {
    match scheme {
        Some(Scheme::HmacMd5) => hmac(|bytes| Md5::digest(bytes).to_vec(), nonce),
        Some(Scheme::HmacSha256) => hmac(|bytes| Sha256::digest(bytes).to_vec(), nonce),
        Some(Scheme::Md5) => {
            let bytes = Md5::digest([SECRET, nonce].concat());
            bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into_bytes()
        }
        Some(other) => panic!("the model knows nothing of {other}"),
        None => Vec::new(),
    }
}

/// RFC 2104: H(K ⊕ opad ‖ H(K ⊕ ipad ‖ text)), with blocks of 64 bytes and a shorter key.
fn hmac(hash: impl Fn(Vec<u8>) -> Vec<u8>, text: &[u8]) -> Vec<u8> {
    let padded = |pad: u8| {
        let mut block = [pad; 64];
        block.iter_mut().zip(SECRET).for_each(|(byte, key)| *byte ^= key);
        block.to_vec()
    };
    let inner = hash([padded(0x36), text.to_vec()].concat());
    hash([padded(0x5c), inner].concat())
}

/// The one request of `upper-once`, once it is whole: up to the first line feed, to 1024 bytes, or to
/// the end of input.
fn request(payload: &[u8], ended: bool) -> Option<&[u8]> {
    let first = &payload[..payload.len().min(1024)];
    match first.split_inclusive(|byte| *byte == b'\n').next() {
        Some(line) if line.ends_with(b"\n") => Some(line),
        _ if first.len() == 1024 || ended => Some(first),
        _ => None,
    }
}

/// The answers to the logins in `payload`, and why nothing follows them: an object after another, as a
/// parser of JSON finds them.
fn logins(payload: &[u8]) -> (Vec<u8>, Option<Reason>) {
    let (mut answers, mut failures) = (Vec::new(), 0);
    let mut objects =
        serde_json::Deserializer::from_slice(payload).into_iter::<Map<String, Value>>();
    while let Some(object) = objects.next() {
        match object {
            Ok(object) if is_right(&object) => answers.extend(SUCCESS),
            Ok(_) => {
                answers.extend(b"failed!");
                failures += 1;
            }
            // Half of something, if that may become an object.
            Err(error) if error.is_eof() && begins_object(&payload[objects.byte_offset()..]) => {
                break;
            }
            Err(_) => return (answers, Some(Reason::BadRequest)),
        }
        if failures == MAX_TRIES {
            return (answers, Some(Reason::TooManyTries));
        }
    }
    (answers, None)
}

fn begins_object(rest: &[u8]) -> bool {
    rest.trim_ascii_start().first().is_none_or(|byte| *byte == b'{')
}

fn is_right(object: &Map<String, Value>) -> bool {
    let field = |name| object.get(name).and_then(Value::as_str);
    (field("username"), field("passwd")) == (Some(NAME), Some(PASSWORD))
}

/// Python's `bytes.upper()`: ASCII only.
#[allow(clippy::manual_is_ascii_check)] // by its own road
fn upper(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| if (b'a'..=b'z').contains(byte) { byte - 32 } else { *byte }).collect()
}

/// Python's `bytes.strip()`: space, tab, line feed, vertical tab, form feed and carriage return.
fn strip(mut bytes: &[u8]) -> &[u8] {
    const WHITE: &[u8] = b" \t\n\x0b\x0c\r";
    while let [first, rest @ ..] = bytes
        && WHITE.contains(first)
    {
        bytes = rest;
    }
    while let [rest @ .., last] = bytes
        && WHITE.contains(last)
    {
        bytes = rest;
    }
    bytes
}
