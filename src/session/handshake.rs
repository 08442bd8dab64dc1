//! The digest that a connection waits for, and as much of it as has come.
//!
//! However the stream is cut, the result is the same; nothing is compared before the last byte is
//! here, so a guess reveals nothing about its first bytes.

use crate::auth::{Digest, MAX_DIGEST_LEN};

/// What the client owes before it is let in. Boxed by its state, and gone with it.
pub(super) struct Handshake {
    expected: Digest,
    received: [u8; MAX_DIGEST_LEN],
    len: u8,
}

/// What some bytes meant.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// The digest is not whole yet.
    Part,
    /// It is whole and right; this many of the bytes belong to it.
    Right(usize),
    /// It is whole and wrong.
    Wrong,
}

impl Handshake {
    pub(super) fn new(expected: Digest) -> Handshake {
        Handshake { expected, received: [0; MAX_DIGEST_LEN], len: 0 }
    }

    pub(super) fn hear(&mut self, bytes: &[u8]) -> Heard {
        let have = usize::from(self.len);
        let whole = self.expected.as_bytes().len();
        let taken = bytes.len().min(whole - have);
        self.received[have..have + taken].copy_from_slice(&bytes[..taken]);
        self.len += taken as u8;
        if have + taken < whole {
            Heard::Part
        } else if self.expected.matches(&self.received[..whole]) {
            Heard::Right(taken)
        } else {
            Heard::Wrong
        }
    }
}
