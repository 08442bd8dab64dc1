//! Who is let in: whoever comes, or whoever answers a nonce that is fresh.
//!
//! One type holds the key and the nonces, so that no server can have the one without the other:
//! with a nonce that is not fresh, a digest that was overheard lets anybody in. Never here: a
//! generator. The caller brings random bytes that are fit for cryptography.

use std::fmt;
use std::ops::Deref;

use thiserror::Error;

use super::{Key, Scheme, Secret};

/// The shortest random nonce: with fewer than 8 bytes, one would repeat by chance while a recorded
/// digest is still of use.
pub const MIN_NONCE_LEN: usize = 8;
/// The longest nonce.
pub const MAX_NONCE_LEN: usize = 64;

/// What a server asks of those who connect before it serves them.
#[derive(Clone, Debug)]
#[non_exhaustive]
// A server has one, and who asks for no proof can spare the room.
#[expect(clippy::large_enum_variant)]
pub enum Entry {
    /// Nothing. (A service may ask for a name and a password all the same.)
    Open,
    /// Proof that they hold the secret.
    Challenge(Challenge),
}

/// A question that only a holder of the secret can answer: a nonce, to be turned into a digest.
#[derive(Clone)]
pub struct Challenge {
    key: Key,
    nonces: Nonces,
}

#[derive(Clone)]
enum Nonces {
    Random(NonceLen),
    Fixed(FixedNonce),
}

/// How many bytes a random nonce has: [`MIN_NONCE_LEN`] to [`MAX_NONCE_LEN`], usually 32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NonceLen(u8);

/// A nonce that is always the same: at least one byte, at most [`MAX_NONCE_LEN`].
#[derive(Clone, Copy)]
pub struct FixedNonce(Nonce);

/// The bytes that a server sends first; none at all where the [`Entry`] is open.
#[derive(Clone, Copy)]
pub struct Nonce {
    bytes: [u8; MAX_NONCE_LEN],
    len: u8,
}

/// A nonce that can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NonceError {
    /// A random nonce of this many bytes is too short or too long.
    #[error("a nonce of {0} bytes: it must have {MIN_NONCE_LEN} to {MAX_NONCE_LEN}")]
    RandomLength(usize),
    /// A fixed nonce of this many bytes is empty or too long.
    #[error("a fixed nonce of {0} bytes: it must have 1 to {MAX_NONCE_LEN}")]
    FixedLength(usize),
}

impl Entry {
    /// How a client proves itself; `None`, if it need not.
    pub fn scheme(&self) -> Option<Scheme> {
        match self {
            Entry::Open => None,
            Entry::Challenge(challenge) => Some(challenge.key.scheme()),
        }
    }
}

impl NonceLen {
    /// So many bytes.
    pub fn new(len: usize) -> Result<NonceLen, NonceError> {
        match len {
            MIN_NONCE_LEN..=MAX_NONCE_LEN => Ok(NonceLen(len as u8)),
            _ => Err(NonceError::RandomLength(len)),
        }
    }
}

impl Default for NonceLen {
    fn default() -> NonceLen {
        NonceLen(32)
    }
}

impl FixedNonce {
    /// These bytes.
    pub fn new(bytes: &[u8]) -> Result<FixedNonce, NonceError> {
        match bytes.len() {
            1..=MAX_NONCE_LEN => {
                let mut nonce = Nonce { len: bytes.len() as u8, ..Nonce::NONE };
                nonce.bytes[..bytes.len()].copy_from_slice(bytes);
                Ok(FixedNonce(nonce))
            }
            len => Err(NonceError::FixedLength(len)),
        }
    }
}

impl Challenge {
    /// Asks for the digest by `key` of `len` random bytes, new ones for each connection.
    pub fn new(key: Key, len: NonceLen) -> Challenge {
        Challenge { key, nonces: Nonces::Random(len) }
    }

    /// Asks every connection for the digest of the same `nonce`, by [`Scheme::Md5`]: whoever
    /// overhears one answer can come in with it. There to show exactly that.
    pub fn fixed(secret: &Secret, nonce: FixedNonce) -> Challenge {
        Challenge { key: Key::new(Scheme::Md5, secret), nonces: Nonces::Fixed(nonce) }
    }

    /// The key that makes the digest.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// How many bytes its nonces have.
    pub fn nonce_len(&self) -> usize {
        match &self.nonces {
            Nonces::Random(NonceLen(len)) => usize::from(*len),
            Nonces::Fixed(FixedNonce(nonce)) => nonce.len(),
        }
    }

    /// The next connection's nonce. `random` fills what it is given with random bytes.
    pub(crate) fn draw(&self, random: impl FnOnce(&mut [u8])) -> Nonce {
        match self.nonces {
            Nonces::Random(NonceLen(len)) => {
                let mut nonce = Nonce { len, ..Nonce::NONE };
                random(&mut nonce.bytes[..usize::from(len)]);
                nonce
            }
            Nonces::Fixed(FixedNonce(nonce)) => nonce,
        }
    }
}

impl Nonce {
    pub(crate) const NONE: Nonce = Nonce { bytes: [0; MAX_NONCE_LEN], len: 0 };
}

impl Deref for Nonce {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nonce({} bytes)", self.len)
    }
}

impl fmt::Debug for FixedNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FixedNonce({} bytes)", self.0.len)
    }
}

impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nonces = match &self.nonces {
            Nonces::Random(_) => "random",
            Nonces::Fixed(_) => "fixed",
        };
        let (scheme, len) = (self.key.scheme(), self.nonce_len());
        write!(f, "Challenge({scheme}, {nonces} nonce of {len} bytes)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(len: usize) -> Result<Challenge, NonceError> {
        let secret = Secret::new(b"secret".to_vec()).unwrap();
        Ok(Challenge::new(Key::new(Scheme::HmacSha256, &secret), NonceLen::new(len)?))
    }

    fn fixed(nonce: &[u8]) -> Result<Challenge, NonceError> {
        let secret = Secret::new(b"secret".to_vec()).unwrap();
        Ok(Challenge::fixed(&secret, FixedNonce::new(nonce)?))
    }

    #[test]
    fn lengths_outside_the_limits_are_refused() {
        assert_eq!(random(7).unwrap_err(), NonceError::RandomLength(7));
        assert_eq!(random(65).unwrap_err(), NonceError::RandomLength(65));
        assert_eq!(fixed(b"").unwrap_err(), NonceError::FixedLength(0));
        assert_eq!(fixed(&[b'x'; 65]).unwrap_err(), NonceError::FixedLength(65));
    }

    #[test]
    fn a_random_nonce_is_all_that_was_drawn() {
        for len in MIN_NONCE_LEN..=MAX_NONCE_LEN {
            let nonce = random(len).unwrap().draw(|bytes| bytes.fill(7));
            assert_eq!(*nonce, *vec![7; len]);
        }
    }

    #[test]
    fn a_fixed_nonce_draws_nothing_and_goes_with_md5_alone() {
        let challenge = fixed(b"abc").unwrap();
        assert_eq!(*challenge.draw(|_| panic!("nothing is drawn")), *b"abc");
        assert_eq!(challenge.key().scheme(), Scheme::Md5);
    }

    #[test]
    fn debug_shows_no_secret_and_no_nonce() {
        let shown = format!("{:?} {:?}", fixed(b"abc").unwrap(), random(32).unwrap());
        assert_eq!(
            shown,
            "Challenge(md5, fixed nonce of 3 bytes) \
             Challenge(hmac-sha256, random nonce of 32 bytes)"
        );
        assert_eq!(format!("{:?}", random(8).unwrap().draw(|_| ())), "Nonce(8 bytes)");
        assert_eq!(format!("{:?}", FixedNonce::new(b"abc").unwrap()), "FixedNonce(3 bytes)");
    }
}
