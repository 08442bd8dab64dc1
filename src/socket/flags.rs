//! `Flags`: what one call does differently, and what the kernel says of one message. Values, nothing more.
//!
//! Read `transfer.rs` and `message.rs` next for the calls that take them.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};

use rustix::net::{RecvFlags, ReturnFlags, SendFlags};

/// What one call does differently, and what the kernel says of a message: Python's `flags`.
///
/// Others than these are made from their number. See recv(2) and send(2) for who knows which.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Flags(u32);

macro_rules! flags {
    ($($(#[doc = $doc:literal])* $(#[cfg($cfg:meta)])? $name:ident, $alias:literal = $value:expr;)*) => {
        impl Flags {$(
            $(#[doc = $doc])*
            $(#[cfg($cfg)])?
            #[doc(alias = $alias)]
            pub const $name: Flags = Flags($value.bits());
        )*}

        const NAMES: &[(Flags, &str)] = &[$($(#[cfg($cfg)])? (Flags::$name, $alias),)*];
    };
}

flags! {
    /// Receive without taking: the next call gets the same bytes again.
    PEEK, "MSG_PEEK" = RecvFlags::PEEK;
    /// Don't let the kernel wait, whatever O_NONBLOCK says. In timeout mode nothing changes: the kernel never waits.
    DONTWAIT, "MSG_DONTWAIT" = RecvFlags::DONTWAIT;
    /// Let the kernel wait until the buffer is full. It does so in blocking mode only.
    WAITALL, "MSG_WAITALL" = RecvFlags::WAITALL;
    /// The one urgent byte of a TCP stream.
    OOB, "MSG_OOB" = RecvFlags::OOB;
    /// Given: count the whole datagram. Returned: the datagram was longer than the buffer.
    TRUNC, "MSG_TRUNC" = ReturnFlags::TRUNC;
    /// Returned: there was more ancillary data than room for it.
    CTRUNC, "MSG_CTRUNC" = ReturnFlags::CTRUNC;
    /// The end of a record, where there are records.
    EOR, "MSG_EOR" = ReturnFlags::EOR;
    /// Send only to hosts that need no gateway.
    DONTROUTE, "MSG_DONTROUTE" = SendFlags::DONTROUTE;
    /// More is to come: a segment or datagram that is not full may wait for it.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    MORE, "MSG_MORE" = SendFlags::MORE;
    /// Receive what went wrong, instead of what arrived.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    ERRQUEUE, "MSG_ERRQUEUE" = RecvFlags::ERRQUEUE;
}

impl Flags {
    /// None of them.
    pub const fn empty() -> Self {
        Flags(0)
    }

    /// Whether all of `flags` are among these.
    pub const fn contains(self, flags: Flags) -> bool {
        self.0 & flags.0 == flags.0
    }

    pub(super) fn to_recv(self) -> RecvFlags {
        RecvFlags::from_bits_retain(self.0)
    }

    /// A send to a closed peer gives EPIPE and no signal, as in CPython, whose process ignores SIGPIPE. Where there
    /// is no such flag, Rust's runtime ignores it too.
    pub(super) fn to_send(self) -> SendFlags {
        #[cfg(not(target_vendor = "apple"))]
        const QUIET: SendFlags = SendFlags::NOSIGNAL;
        #[cfg(target_vendor = "apple")]
        const QUIET: SendFlags = SendFlags::empty();
        SendFlags::from_bits_retain(self.0) | QUIET
    }
}

impl BitOr for Flags {
    type Output = Flags;

    fn bitor(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

impl BitOrAssign for Flags {
    fn bitor_assign(&mut self, other: Flags) {
        self.0 |= other.0;
    }
}

impl From<i32> for Flags {
    fn from(number: i32) -> Self {
        Flags(number.cast_unsigned())
    }
}

impl From<Flags> for i32 {
    fn from(flags: Flags) -> Self {
        flags.0.cast_signed()
    }
}

/// By name, as in `MSG_PEEK | MSG_DONTWAIT`, and by number what has none.
impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named: Vec<_> = NAMES.iter().filter(|(flag, _)| self.contains(*flag)).collect();
        let rest = named.iter().fold(self.0, |rest, (flag, _)| rest & !flag.0);
        let mut parts: Vec<_> = named.iter().map(|(_, name)| (*name).to_owned()).collect();
        if rest != 0 || parts.is_empty() {
            parts.push(format!("{rest:#x}"));
        }
        f.write_str(&parts.join(" | "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_shown_by_name_and_number() {
        assert_eq!(format!("{:?}", Flags::empty()), "0x0");
        assert_eq!(format!("{:?}", Flags::PEEK | Flags::WAITALL), "MSG_PEEK | MSG_WAITALL");
        assert_eq!(format!("{:?}", Flags::PEEK | Flags::from(1 << 30)), "MSG_PEEK | 0x40000000");
    }
}
