//! What the kernel says about a connection, as a set in one byte.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};

/// What a connection is ready for.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Readiness(u8);

impl Readiness {
    /// A `recv` will give bytes, the end, or an error.
    pub const READABLE: Readiness = Readiness(1);
    /// A `send` will take bytes or give an error.
    pub const WRITABLE: Readiness = Readiness(1 << 1);
    /// The peer has shut down its sending side: after what is there, the end comes.
    pub const READ_CLOSED: Readiness = Readiness(1 << 2);
    /// The peer has sent urgent data (tcp(7)): a `recv` stops short of it, and more may follow.
    pub const URGENT: Readiness = Readiness(1 << 3);
    /// The connection is broken, by a reset for example: the next call gives the error, if it has
    /// nothing else to give.
    pub const FAILED: Readiness = Readiness(1 << 4);

    /// Said by no kernel: when a connection last asked, bytes that its kernel took were not sent yet,
    /// so that any edge may say that they are now.
    pub(in crate::server) const UNSENT: Readiness = Readiness(1 << 7);

    /// Nothing.
    pub const fn empty() -> Readiness {
        Readiness(0)
    }

    /// Whether there is nothing in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// All that is in either.
    pub const fn union(self, other: Readiness) -> Readiness {
        Readiness(self.0 | other.0)
    }

    /// Whether all of `other` is in it.
    pub const fn contains(self, other: Readiness) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether something of `other` is in it.
    pub const fn intersects(self, other: Readiness) -> bool {
        self.0 & other.0 != 0
    }

    /// Takes all of `other` out.
    pub const fn remove(&mut self, other: Readiness) {
        self.0 &= !other.0;
    }

    /// Puts `other` in, if `holds`; else takes it out.
    pub const fn set(&mut self, other: Readiness, holds: bool) {
        self.remove(other);
        if holds {
            self.0 |= other.0;
        }
    }
}

impl BitOr for Readiness {
    type Output = Readiness;

    fn bitor(self, other: Readiness) -> Readiness {
        self.union(other)
    }
}

impl BitOrAssign for Readiness {
    fn bitor_assign(&mut self, other: Readiness) {
        *self = self.union(other);
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [(Readiness, &str); 5] = [
            (Readiness::READABLE, "READABLE"),
            (Readiness::WRITABLE, "WRITABLE"),
            (Readiness::READ_CLOSED, "READ_CLOSED"),
            (Readiness::URGENT, "URGENT"),
            (Readiness::FAILED, "FAILED"),
        ];
        let held = NAMES.iter().filter(|(one, _)| self.contains(*one)).map(|(_, name)| name);
        f.debug_set().entries(held).finish()
    }
}
