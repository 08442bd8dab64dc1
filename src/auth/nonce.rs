//! Nonces: the fresh random bytes that the server sends first.
//!
//! Never here: a generator. The caller brings one that is fit for cryptography; only a test brings
//! one with a fixed seed.

use rand::CryptoRng;
use thiserror::Error;

/// The shortest random nonce: with fewer than 8 bytes, one would repeat by chance while a recorded
/// digest is still of use.
pub const MIN_NONCE_LEN: usize = 8;
/// The longest nonce.
pub const MAX_NONCE_LEN: usize = 64;

/// Where a server's nonces come from.
#[derive(Clone, Debug)]
pub struct Nonces(Source);

#[derive(Clone, Debug)]
enum Source {
    Random { len: usize },
    Fixed(Box<[u8]>),
    None,
}

/// A nonce that can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NonceError {
    /// A random nonce of this many bytes is too short or too long.
    #[error("a nonce of {0} bytes: it must have {MIN_NONCE_LEN} to {MAX_NONCE_LEN}")]
    RandomLength(usize),
    /// A fixed nonce of this many bytes is empty or too long.
    #[error("a fixed nonce of {0} bytes: it must have 1 to {MAX_NONCE_LEN}")]
    FixedLength(usize),
}

impl Nonces {
    /// `len` random bytes for each connection.
    pub fn random(len: usize) -> Result<Nonces, NonceError> {
        if (MIN_NONCE_LEN..=MAX_NONCE_LEN).contains(&len) {
            Ok(Nonces(Source::Random { len }))
        } else {
            Err(NonceError::RandomLength(len))
        }
    }

    /// The same bytes for every connection: whoever overhears one answer can come in with it.
    /// There to show exactly that.
    pub fn fixed(nonce: &[u8]) -> Result<Nonces, NonceError> {
        if (1..=MAX_NONCE_LEN).contains(&nonce.len()) {
            Ok(Nonces(Source::Fixed(nonce.into())))
        } else {
            Err(NonceError::FixedLength(nonce.len()))
        }
    }

    /// No nonce at all, for [`Scheme::None`](super::Scheme::None).
    pub const fn none() -> Nonces {
        Nonces(Source::None)
    }

    /// Writes the next connection's nonce to the front of `buffer` and returns it.
    pub fn draw<'b>(
        &self,
        rng: &mut (impl CryptoRng + ?Sized),
        buffer: &'b mut [u8; MAX_NONCE_LEN],
    ) -> &'b [u8] {
        match &self.0 {
            Source::Random { len } => {
                rng.fill_bytes(&mut buffer[..*len]);
                &buffer[..*len]
            }
            Source::Fixed(nonce) => {
                buffer[..nonce.len()].copy_from_slice(nonce);
                &buffer[..nonce.len()]
            }
            Source::None => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    #[test]
    fn lengths_outside_the_limits_are_refused() {
        assert_eq!(Nonces::random(7).unwrap_err(), NonceError::RandomLength(7));
        assert_eq!(Nonces::random(65).unwrap_err(), NonceError::RandomLength(65));
        assert_eq!(Nonces::fixed(b"").unwrap_err(), NonceError::FixedLength(0));
        assert_eq!(Nonces::fixed(&[b'x'; 65]).unwrap_err(), NonceError::FixedLength(65));
    }

    #[test]
    fn each_source_gives_its_nonce() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut buffer = [0; MAX_NONCE_LEN];
        for len in MIN_NONCE_LEN..=MAX_NONCE_LEN {
            assert_eq!(Nonces::random(len).unwrap().draw(&mut rng, &mut buffer).len(), len);
        }
        assert_eq!(Nonces::fixed(b"abc").unwrap().draw(&mut rng, &mut buffer), b"abc");
        assert_eq!(Nonces::none().draw(&mut rng, &mut buffer), b"");
    }
}
