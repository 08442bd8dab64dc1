//! What a system call says went wrong: a number, and the name that errno(3) has for it.
//!
//! The loop has one type for this whatever network it is over, real or simulated, so that nothing
//! of an operating system's own crates is needed to write a network. The numbers are this system's
//! where it is a Unix, and Linux's elsewhere.

use std::fmt;

/// An error number of a system call.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Errno(i32);

macro_rules! errnos {
    ($($(#[$only:meta])* $name:ident = $text:literal, $linux:literal, $meaning:literal;)+) => {
        impl Errno {
            $($(#[$only])*
            #[doc = concat!("`", $text, "`: ", $meaning, ".")]
            #[cfg(unix)]
            pub const $name: Errno = Errno(rustix::io::Errno::$name.raw_os_error());
            $(#[$only])*
            #[doc = concat!("`", $text, "`: ", $meaning, ".")]
            #[cfg(not(unix))]
            pub const $name: Errno = Errno($linux);)+

            /// Those that have a name here: all that a loop meets.
            pub const NAMED: &[(Errno, &str)] = &[$($(#[$only])* (Errno::$name, $text)),+];

            /// The same with Linux's numbers, to be compared with the system's.
            #[cfg(all(test, target_os = "linux"))]
            const LINUX: &[(Errno, &str)] = &[$((Errno($linux), $text)),+];
        }
    };
}

errnos! {
    PERM = "EPERM", 1, "a firewall forbids it";
    INTR = "EINTR", 4, "a signal came first";
    IO = "EIO", 5, "the device failed; also what an error without a number counts as";
    AGAIN = "EAGAIN", 11, "nothing to be had without waiting";
    NOMEM = "ENOMEM", 12, "no memory";
    NFILE = "ENFILE", 23, "no descriptor is free on this machine";
    MFILE = "EMFILE", 24, "no descriptor is free in this process";
    PIPE = "EPIPE", 32, "the sending side is shut down";
    #[cfg(any(target_os = "linux", not(unix)))]
    NONET = "ENONET", 64, "the machine is on no network";
    PROTO = "EPROTO", 71, "the protocol failed";
    NOPROTOOPT = "ENOPROTOOPT", 92, "the protocol has no such option";
    OPNOTSUPP = "EOPNOTSUPP", 95, "the socket knows no such operation";
    NETDOWN = "ENETDOWN", 100, "the network is down";
    NETUNREACH = "ENETUNREACH", 101, "no way to the network";
    CONNABORTED = "ECONNABORTED", 103, "the connection was aborted before it was accepted";
    CONNRESET = "ECONNRESET", 104, "the peer has reset the connection";
    NOBUFS = "ENOBUFS", 105, "no memory for buffers";
    NOTCONN = "ENOTCONN", 107, "the socket is not connected";
    TIMEDOUT = "ETIMEDOUT", 110, "the peer acknowledged nothing for too long";
    HOSTDOWN = "EHOSTDOWN", 112, "the host is down";
    HOSTUNREACH = "EHOSTUNREACH", 113, "no way to the host";
}

impl Errno {
    /// The error with this number, as the operating system counts.
    pub const fn from_raw_os_error(number: i32) -> Errno {
        Errno(number)
    }

    /// The number.
    pub const fn raw_os_error(self) -> i32 {
        self.0
    }

    /// The name, if it is one of [`NAMED`](Errno::NAMED).
    pub fn name(self) -> Option<&'static str> {
        Errno::NAMED.iter().find(|(errno, _)| *errno == self).map(|(_, name)| *name)
    }
}

impl fmt::Display for Errno {
    /// The name as the man pages write it; without one, `errno 61`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "errno {}", self.0),
        }
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Errno {}

impl From<std::io::Error> for Errno {
    /// The number in `error`; an error of the library's own, which has none, becomes [`Errno::IO`].
    fn from(error: std::io::Error) -> Errno {
        error.raw_os_error().map_or(Errno::IO, Errno)
    }
}

impl From<Errno> for std::io::Error {
    fn from(errno: Errno) -> std::io::Error {
        std::io::Error::from_raw_os_error(errno.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_the_name_of_its_number() {
        assert_eq!(Errno::AGAIN.to_string(), "EAGAIN");
        assert_eq!(Errno::from(std::io::Error::from(Errno::PIPE)), Errno::PIPE);
        assert_eq!(Errno::from(std::io::Error::other("no number")), Errno::IO);
        assert_eq!(Errno::from_raw_os_error(9999).to_string(), "errno 9999");
    }

    /// The numbers that stand in the table are those of Linux.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_simulated_error_reads_as_a_real_one() {
        assert_eq!(Errno::LINUX, Errno::NAMED);
    }
}
