//! What clients say instead of a right digest, and that each of them is refused.
//!
//! A refusal is the end of the connection without a byte. Behind each wrong digest a request is sent, so that a
//! server which lets it in gives itself away by its answer.

use rand::Rng;

use super::service::{Question, Service};
use super::story::Told;
use super::trial::Trial;
use crate::auth::{Key, Scheme, Secret};

/// In place of the right digest.
#[derive(Clone, Debug)]
pub(super) enum Refused {
    /// One bit of it is another.
    Bit(usize),
    /// The first half of it, or nothing, then the end of input.
    Short(usize),
    /// All but the last byte, then the end of input.
    AllButOne,
    /// By another scheme.
    Scheme(Scheme),
    /// Of another secret.
    Secret,
    /// Zeros.
    Zeros,
    /// The nonce itself, as far as it goes.
    Echoed,
    /// The right one of an earlier connection.
    Replayed,
    /// A request without a digest, as somebody sends it who does not know better.
    Stranger,
}

/// The first bit and the last, and some in between.
pub(super) fn one_bit(len: usize) -> Vec<Refused> {
    let bits = len * 8;
    [0, 7, bits / 2, bits / 2 + 3, bits - 8, bits - 1].map(Refused::Bit).into()
}

/// All but the right one.
pub(super) fn other_schemes(trial: &Trial<'_>) -> Vec<Refused> {
    let right = trial.config.key.as_ref().map(Key::scheme);
    let others = Scheme::ALL.into_iter().filter(|scheme| Some(*scheme) != right);
    others.map(Refused::Scheme).collect()
}

/// A request and what the service makes of it.
pub(super) fn whole(service: Service, request: Vec<u8>) -> Question {
    Question { answer: service.answer(&request), request }
}

/// Each of these is refused, in a connection of its own, and who comes after them with the right digest is served.
pub(super) fn refused(trial: &mut Trial<'_>, what: &[Refused]) -> Told {
    for refused in what {
        let earlier = match refused {
            Refused::Replayed => recorded(trial)?,
            _ => Vec::new(),
        };
        let (mut peer, nonce) = trial.greet()?;
        let (words, told) = say(trial, refused, &nonce, &earlier);
        let request = trial.question(24).request;
        peer.say_if_heard(&words, &told)?;
        match refused {
            Refused::Short(_) | Refused::AllButOne => {
                // One that takes what has come for all is heard of before the end of input reaches it.
                trial.beat(&peer);
                peer.half_close()?;
            }
            _ => peer.say_if_heard(&request, "a request")?,
        }
        peer.hear_refusal(&told)?;
    }
    trial.is_served("after the refusals")
}

/// The digest of a connection that was let in, as a listener on the way would have it.
fn recorded(trial: &mut Trial<'_>) -> Told<Vec<u8>> {
    let (mut peer, nonce) = trial.greet()?;
    trial.prove(&mut peer, &nonce)?;
    trial.ask(&mut peer, 24)?;
    trial.leave(peer)?;
    Ok(trial.digest(&nonce))
}

const STRANGER: &[u8] = b"hello? can anybody hear me? I have no digest";

/// What is said in place of the digest, and what that is called.
fn say(
    trial: &mut Trial<'_>,
    refused: &Refused,
    nonce: &[u8],
    earlier: &[u8],
) -> (Vec<u8>, String) {
    let mut digest = trial.digest(nonce);
    let len = digest.len();
    match refused {
        Refused::Bit(bit) => {
            digest[bit / 8] ^= 0x80 >> (bit % 8);
            (digest, format!("a digest whose bit {} of {} is wrong", bit + 1, len * 8))
        }
        Refused::Short(parts) => {
            digest.truncate(len / 2 * parts);
            (digest, "a digest that is short".into())
        }
        Refused::AllButOne => {
            digest.truncate(len - 1);
            (digest, "a digest that lacks its last byte".into())
        }
        Refused::Scheme(scheme) => {
            let key = Key::new(*scheme, &trial.config.secret);
            let mut digest = key.digest(nonce).as_bytes().to_vec();
            digest.resize(len, 0);
            (digest, format!("the digest of {scheme}"))
        }
        Refused::Secret => (of_another_secret(trial, nonce), "the digest of another secret".into()),
        Refused::Zeros => (vec![0; len], "zeros in place of a digest".into()),
        Refused::Echoed => {
            let mut echoed = nonce.to_vec();
            echoed.resize(len, b'x');
            (echoed, "the nonce in place of a digest".into())
        }
        Refused::Replayed => (earlier.to_vec(), "the digest of an earlier nonce".into()),
        Refused::Stranger => (STRANGER.to_vec(), "a request in place of a digest".into()),
    }
}

fn of_another_secret(trial: &mut Trial<'_>, nonce: &[u8]) -> Vec<u8> {
    let mut other = vec![0; 24];
    trial.rng.fill_bytes(&mut other);
    let secret = Secret::new(other);
    match (&trial.config.key, secret) {
        (Some(key), Ok(secret)) => {
            Key::new(key.scheme(), &secret).digest(nonce).as_bytes().to_vec()
        }
        _ => Vec::new(),
    }
}
