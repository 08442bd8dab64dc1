//! What travels beside the bytes of a message: descriptors, credentials, hop limits and the like.
//!
//! Here is how the kernel lays it out (cmsg(3)); `message.rs`, to read next, sends and receives it.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use nix::libc;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage};

/// One piece of ancillary data that came with a message: Python's `(cmsg_level, cmsg_type, cmsg_data)`.
#[derive(Debug)]
#[non_exhaustive]
#[doc(alias = "cmsg")]
pub enum Ancillary {
    /// Descriptors that the peer has passed, ours now, and close-on-exec.
    #[doc(alias = "SCM_RIGHTS")]
    Rights(Vec<OwnedFd>),
    /// Who sent it, if the socket has [`PassCredentials`](super::PassCredentials).
    #[doc(alias = "SCM_CREDENTIALS")]
    #[cfg(any(target_os = "linux", target_os = "android"))]
    Credentials(Credentials),
    /// Any other kind, as it came, on a socket of the internet. It may have been cut off.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    Other {
        /// The protocol that it belongs to: IPPROTO_IPV6 and the like.
        level: i32,
        /// What it is: IPV6_HOPLIMIT and the like.
        kind: i32,
        /// In this machine's order of bytes.
        data: Vec<u8>,
    },
}

/// One piece of ancillary data to send with a message.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Outgoing<'a> {
    /// Descriptors for the peer, over a Unix socket. They stay open here.
    #[doc(alias = "SCM_RIGHTS")]
    Rights(&'a [BorrowedFd<'a>]),
    /// Who we are. The kernel refuses what is not true, but to root.
    #[doc(alias = "SCM_CREDENTIALS")]
    #[cfg(any(target_os = "linux", target_os = "android"))]
    Credentials(Credentials),
    /// Any kind, as the kernel wants it; it refuses what it does not know.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    Other {
        /// The protocol that it belongs to.
        level: i32,
        /// What it is.
        kind: i32,
        /// In this machine's order of bytes.
        data: &'a [u8],
    },
}

/// A process and whom it acts for. See unix(7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "ucred")]
#[cfg(any(target_os = "linux", target_os = "android"))]
pub struct Credentials {
    /// The process.
    pub pid: i32,
    /// Its user.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}

/// Header and data begin at multiples of this.
const ALIGNMENT: usize = if cfg!(target_vendor = "apple") { 4 } else { size_of::<usize>() };

/// The length of header and data: as long as an address for Linux, whatever its C library says of it.
#[cfg(any(target_os = "linux", target_os = "android"))]
type Length = usize;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
type Length = u32;

/// Length, level and kind.
const HEADER: usize = aligned(size_of::<Length>() + 8);

const fn aligned(length: usize) -> usize {
    length.next_multiple_of(ALIGNMENT)
}

/// How much room a piece of ancillary data of `length` bytes needs, so as not to be cut off: Python's `CMSG_SPACE`.
///
/// A descriptor has four bytes, credentials have twelve.
#[doc(alias = "CMSG_SPACE")]
#[must_use]
pub const fn ancillary_room(length: usize) -> usize {
    HEADER + aligned(length)
}

/// What a buffer of rustix's holds, the descriptors with their owners.
pub(super) fn drained(buffer: &mut RecvAncillaryBuffer<'_>) -> Vec<Ancillary> {
    let mut pieces = Vec::new();
    for piece in buffer.drain() {
        match piece {
            RecvAncillaryMessage::ScmRights(fds) => pieces.push(Ancillary::Rights(fds.collect())),
            #[cfg(any(target_os = "linux", target_os = "android"))]
            RecvAncillaryMessage::ScmCredentials(who) => {
                pieces.push(Ancillary::Credentials(Credentials {
                    pid: who.pid.as_raw_nonzero().get(),
                    uid: who.uid.as_raw(),
                    gid: who.gid.as_raw(),
                }));
            }
            // Every kind that this version of rustix knows is above.
            _ => {}
        }
    }
    pieces
}

/// All pieces, one after the other, as the kernel takes them.
pub(super) fn encoded(pieces: &[Outgoing<'_>]) -> Vec<u8> {
    let mut control = Vec::new();
    for piece in pieces {
        match piece {
            Outgoing::Rights(fds) => {
                let numbers: Vec<_> =
                    fds.iter().flat_map(|fd| fd.as_raw_fd().to_ne_bytes()).collect();
                push(&mut control, libc::SOL_SOCKET, libc::SCM_RIGHTS, &numbers);
            }
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Outgoing::Credentials(Credentials { pid, uid, gid }) => {
                let who = [pid.to_ne_bytes(), uid.to_ne_bytes(), gid.to_ne_bytes()].concat();
                push(&mut control, libc::SOL_SOCKET, libc::SCM_CREDENTIALS, &who);
            }
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Outgoing::Other { level, kind, data } => push(&mut control, *level, *kind, data),
        }
    }
    control
}

fn push(control: &mut Vec<u8>, level: i32, kind: i32, data: &[u8]) {
    let start = control.len();
    control.extend(((HEADER + data.len()) as Length).to_ne_bytes());
    control.extend(level.to_ne_bytes());
    control.extend(kind.to_ne_bytes());
    control.resize(start + HEADER, 0);
    control.extend(data);
    control.resize(aligned(control.len()), 0);
}

/// The pieces in `control`, which was all zeros before the kernel wrote into it, of kinds that no crate has a name
/// for. For sockets of the internet: no descriptor comes over one.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn parsed(mut control: &[u8]) -> Vec<Ancillary> {
    let number = |at: usize, control: &[u8]| {
        control[at..at + 4].try_into().map(i32::from_ne_bytes).expect("four bytes")
    };
    let mut pieces = Vec::new();
    while let Some(header) = control.first_chunk::<HEADER>() {
        let (length, rest) = header.split_at(size_of::<Length>());
        let length = Length::from_ne_bytes(length.try_into().expect("split there"));
        // Less than a header is the zero of what nobody has written.
        let Some(data) = control.get(HEADER..length.min(control.len())) else { break };
        let (level, kind) = (number(0, rest), number(4, rest));
        pieces.push(Ancillary::Other { level, kind, data: data.to_vec() });
        let next = length.checked_next_multiple_of(ALIGNMENT).unwrap_or(usize::MAX);
        control = control.get(next..).unwrap_or_default();
    }
    pieces
}

#[cfg(all(test, any(target_os = "linux", target_os = "android")))]
mod tests {
    use super::*;

    fn pieces(control: &[u8]) -> Vec<(i32, i32, Vec<u8>)> {
        let other = |piece| match piece {
            Ancillary::Other { level, kind, data } => (level, kind, data),
            other => panic!("{other:?}"),
        };
        parsed(control).into_iter().map(other).collect()
    }

    #[test]
    fn what_is_encoded_is_parsed_and_what_is_cut_off_is_cut_off() {
        let other = |kind, data| Outgoing::Other { level: 41, kind, data };
        let control = encoded(&[other(1, b"abc"), other(2, b""), other(3, b"0123456789")]);
        assert_eq!(control.len(), ancillary_room(3) + ancillary_room(0) + ancillary_room(10));
        let all = [(41, 1, b"abc".to_vec()), (41, 2, vec![]), (41, 3, b"0123456789".to_vec())];
        assert_eq!(pieces(&control), all);
        assert_eq!(pieces(&[control.clone(), vec![0; 64]].concat()), all);
        let cut = control.len() - aligned(10) + 4;
        assert_eq!(pieces(&control[..cut])[2].2, b"0123");
        for end in 0..control.len() {
            assert!(pieces(&control[..end]).len() <= 3);
        }
    }

    #[test]
    fn a_length_that_no_kernel_gives_reads_nothing_that_is_not_there() {
        for length in [0, 1, HEADER - 1, HEADER, usize::MAX, usize::MAX - 6] {
            let header = [length.to_ne_bytes().to_vec(), vec![0; 8]].concat();
            assert!(pieces(&header).iter().all(|(_, _, data)| data.is_empty()));
        }
    }
}
