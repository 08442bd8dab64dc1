//! The three schemes, and the key that turns a nonce into a digest.
//!
//! All of them are challenge-response in one direction: the client proves that it holds the secret,
//! the server proves nothing, and what follows is neither encrypted nor protected from change.
//! Never here: where the secret comes from (see `secret.rs`) and where nonces do (`entry.rs`), nor that
//! somebody is let in without proof.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use super::Secret;

/// The longest digest of any scheme, in bytes.
pub const MAX_DIGEST_LEN: usize = 32;

/// How a client proves that it holds the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// HMAC-MD5(secret, nonce), 16 bytes: RFC 2104 with MD5, as Python's `hmac.new(key, nonce, 'md5')`.
    HmacMd5,
    /// HMAC-SHA-256(secret, nonce), 32 bytes: RFC 2104 with SHA-256. The one for anything new.
    HmacSha256,
    /// MD5(secret ‖ nonce) as 32 lower-case hexadecimal digits. Kept for the clients that speak it:
    /// a keyed prefix is open to length extension, which HMAC is not.
    Md5,
}

impl Scheme {
    /// Every scheme.
    pub const ALL: [Scheme; 3] = [Scheme::HmacMd5, Scheme::HmacSha256, Scheme::Md5];

    /// How many bytes the client answers with.
    pub const fn digest_len(self) -> usize {
        match self {
            Scheme::HmacMd5 => 16,
            Scheme::HmacSha256 | Scheme::Md5 => 32,
        }
    }

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Scheme::HmacMd5 => "hmac-md5",
            Scheme::HmacSha256 => "hmac-sha256",
            Scheme::Md5 => "md5",
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A secret made ready for one scheme.
///
/// The secret's own blocks are hashed once, here; [`Key::digest`] starts from that state, so a
/// connection costs two compressions and not four.
#[derive(Clone)]
pub struct Key(Keyed);

#[derive(Clone)]
enum Keyed {
    HmacMd5(Hmac<Md5>),
    HmacSha256(Hmac<Sha256>),
    Md5(Md5),
}

impl Key {
    /// Binds `secret` to `scheme`.
    pub fn new(scheme: Scheme, secret: &Secret) -> Key {
        const ANY_LENGTH: &str = "HMAC takes a key of any length (RFC 2104)";
        let secret = secret.as_bytes();
        Key(match scheme {
            Scheme::HmacMd5 => Keyed::HmacMd5(Hmac::new_from_slice(secret).expect(ANY_LENGTH)),
            Scheme::HmacSha256 => {
                Keyed::HmacSha256(Hmac::new_from_slice(secret).expect(ANY_LENGTH))
            }
            Scheme::Md5 => Keyed::Md5(Md5::new_with_prefix(secret)),
        })
    }

    /// The scheme that this key is for.
    pub fn scheme(&self) -> Scheme {
        match self.0 {
            Keyed::HmacMd5(_) => Scheme::HmacMd5,
            Keyed::HmacSha256(_) => Scheme::HmacSha256,
            Keyed::Md5(_) => Scheme::Md5,
        }
    }

    /// The digest that answers `nonce`.
    pub fn digest(&self, nonce: &[u8]) -> Digest {
        match &self.0 {
            Keyed::HmacMd5(mac) => {
                Digest::new(&mac.clone().chain_update(nonce).finalize().into_bytes())
            }
            Keyed::HmacSha256(mac) => {
                Digest::new(&mac.clone().chain_update(nonce).finalize().into_bytes())
            }
            Keyed::Md5(md5) => Digest::hex(&md5.clone().chain_update(nonce).finalize()),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.scheme())
    }
}

/// A client's answer to one nonce, wiped from memory when dropped.
///
/// It has no `PartialEq`: [`Digest::matches`] compares in a time that does not depend on the bytes.
pub struct Digest {
    bytes: [u8; MAX_DIGEST_LEN],
    len: u8,
}

impl Digest {
    fn new(digest: &[u8]) -> Digest {
        let mut bytes = [0; MAX_DIGEST_LEN];
        bytes[..digest.len()].copy_from_slice(digest);
        Digest { bytes, len: digest.len() as u8 }
    }

    fn hex(digest: &[u8]) -> Digest {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut bytes = [0; MAX_DIGEST_LEN];
        for (pair, byte) in bytes.chunks_exact_mut(2).zip(digest) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        Digest { bytes, len: MAX_DIGEST_LEN as u8 }
    }

    /// The bytes as they cross the wire.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Whether `received` is this digest; the time it takes gives away only the length.
    pub fn matches(&self, received: &[u8]) -> bool {
        self.as_bytes().ct_eq(received).into()
    }
}

impl Drop for Digest {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({} bytes)", self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(scheme: Scheme, secret: &[u8], nonce: &[u8]) -> Vec<u8> {
        let secret = Secret::new(secret.to_vec()).unwrap();
        Key::new(scheme, &secret).digest(nonce).as_bytes().to_vec()
    }

    fn unhex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
            .collect()
    }

    #[test]
    fn hmac_md5_agrees_with_rfc_2202() {
        let jefe = digest(Scheme::HmacMd5, b"Jefe", b"what do ya want for nothing?");
        assert_eq!(jefe, unhex("750c783e6ab0b503eaa86e310a5db738"));
        let long_key = digest(
            Scheme::HmacMd5,
            &[0xaa; 80],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
        );
        assert_eq!(long_key, unhex("6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd"));
    }

    #[test]
    fn hmac_sha256_agrees_with_rfc_4231() {
        let jefe = digest(Scheme::HmacSha256, b"Jefe", b"what do ya want for nothing?");
        assert_eq!(jefe, unhex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"));
    }

    #[test]
    fn md5_is_the_digits_of_secret_then_nonce() {
        // RFC 1321, A.5: MD5("message digest")
        assert_eq!(
            digest(Scheme::Md5, b"message", b" digest"),
            b"f96b697d7cb7938d525a2f31aaf161d0"
        );
    }

    #[test]
    fn every_digest_has_its_length_and_matches_only_itself() {
        for scheme in Scheme::ALL {
            let key = Key::new(scheme, &Secret::new(b"secret".to_vec()).unwrap());
            assert_eq!(key.scheme(), scheme);
            let expected = key.digest(b"nonce");
            assert_eq!(expected.as_bytes().len(), scheme.digest_len());
            assert!(expected.matches(expected.as_bytes()));
            for at in 0..scheme.digest_len() {
                let mut wrong = expected.as_bytes().to_vec();
                wrong[at] ^= 1;
                assert!(!expected.matches(&wrong));
                assert!(!expected.matches(&expected.as_bytes()[..at]));
            }
        }
    }

    #[test]
    fn debug_shows_no_secret_and_no_digest() {
        let key = Key::new(Scheme::Md5, &Secret::new(b"hunter2".to_vec()).unwrap());
        assert_eq!(format!("{key:?}"), "Key(md5)");
        assert_eq!(format!("{:?}", key.digest(b"n")), "Digest(32 bytes)");
    }
}
