//! What a descriptor is taken for, who has it, and what its end is told as.
//!
//! In this program, since descriptors are closed by number here: no other thread may get the number meanwhile.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, IntoRawFd, OwnedFd};

use rustix::fs::{OFlags, fcntl_getfl};
use rustix::io::Errno;
use sockmodes::socket::{self, Access, Domain, Error, Mode, Protocol, Socket, Type};

use crate::harness::Test;

pub(crate) const TESTS: &[Test] = &[
    #[cfg(not(target_vendor = "apple"))]
    (
        "a_type_that_says_nonblocking_makes_the_mode",
        &[],
        a_type_that_says_nonblocking_makes_the_mode,
    ),
    (
        "closing_what_somebody_else_has_closed_says_so",
        &[],
        closing_what_somebody_else_has_closed_says_so,
    ),
    ("a_descriptor_that_is_no_socket_is_refused", &[], a_descriptor_that_is_no_socket_is_refused),
    (
        "family_type_and_protocol_are_learned_from_the_descriptor",
        &[],
        family_type_and_protocol_are_learned_from_the_descriptor,
    ),
    (
        "detaching_ends_with_the_descriptor_whatever_files_are_open",
        &[],
        detaching_ends_with_the_descriptor_whatever_files_are_open,
    ),
    ("nobody_inherits_a_socket_unless_it_is_said", &[], nobody_inherits_a_socket_unless_it_is_said),
    (
        "a_descriptor_that_is_given_back_is_not_closed",
        &[],
        a_descriptor_that_is_given_back_is_not_closed,
    ),
];

fn is_errno(error: &Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno.raw_os_error())
}

fn a_type_that_says_nonblocking_makes_the_mode() {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM.nonblocking(), None).unwrap();
    assert_eq!(socket.mode(), Mode::NonBlocking);
    assert_eq!(socket.kind(), Type::DGRAM);
    assert_eq!(socket.option(socket::SocketType).unwrap(), Type::DGRAM);
    assert!(socket.recv(1).unwrap_err().is_would_block());
    socket.set_blocking(true).unwrap();
    assert!(!fcntl_getfl(socket.descriptor().unwrap()).unwrap().contains(OFlags::NONBLOCK));
    let (a, b) = Socket::pair_of(Domain::UNIX, Type::DGRAM.nonblocking(), None).unwrap();
    assert_eq!((a.mode(), b.mode()), (Mode::NonBlocking, Mode::NonBlocking));
    assert!(b.recv(1).unwrap_err().is_would_block());
}

fn closing_what_somebody_else_has_closed_says_so() {
    let (a, _b) = Socket::pair().unwrap();
    nix::unistd::close(a.fileno().unwrap()).unwrap();
    assert!(is_errno(&a.close().unwrap_err(), Errno::BADF));
    a.close().unwrap();
    // The last file of a closed socket is who closes, and who hears of it.
    let (a, _b) = Socket::pair().unwrap();
    let mut file = a.makefile_raw(Access::Read);
    let mut buffered = a.makefile(Access::ReadWrite);
    a.close().unwrap();
    nix::unistd::close(a.fileno().unwrap()).unwrap();
    file.close().unwrap();
    assert!(is_errno(&buffered.close().unwrap_err(), Errno::BADF));
}

fn a_descriptor_that_is_no_socket_is_refused() {
    let file = File::open("/dev/null").unwrap();
    let error = Socket::from_fd(OwnedFd::from(file)).unwrap_err();
    assert!(is_errno(&error, Errno::NOTSOCK), "{error}");
    let (reader, _writer) = std::io::pipe().unwrap();
    assert!(is_errno(&Socket::from_fd(reader.into()).unwrap_err(), Errno::NOTSOCK));
}

fn family_type_and_protocol_are_learned_from_the_descriptor() {
    let nature = |socket: &Socket| (socket.family(), socket.kind(), socket.protocol());
    let tcp = Socket::tcp().unwrap();
    let zero = Protocol::from(0);
    assert_eq!(nature(&tcp), (Domain::IPV4, Type::STREAM, zero));
    let again = |socket: Socket| Socket::from_fd(socket.detach().unwrap().unwrap()).unwrap();
    assert_eq!(nature(&again(tcp)), (Domain::IPV4, Type::STREAM, Protocol::TCP));
    let udp = Socket::new(Domain::IPV6, Type::DGRAM, None).unwrap();
    assert_eq!(nature(&again(udp)), (Domain::IPV6, Type::DGRAM, Protocol::UDP));
    let (unix, _peer) = Socket::pair_of(Domain::UNIX, Type::SEQPACKET, None).unwrap();
    assert_eq!(nature(&again(unix)), (Domain::UNIX, Type::SEQPACKET, zero));
    let clone = Socket::udp().unwrap().try_clone().unwrap();
    assert_eq!(nature(&clone), (Domain::IPV4, Type::DGRAM, zero));
}

fn detaching_ends_with_the_descriptor_whatever_files_are_open() {
    let (a, b) = Socket::pair().unwrap();
    let mut file = a.makefile_raw(Access::Read);
    let buffered = a.makefile(Access::ReadWrite);
    let number = a.fileno();
    let fd = a.detach().unwrap().unwrap();
    assert_eq!(number, Some(fd.as_raw_fd()), "it is the descriptor itself");
    assert!(is_errno(&file.read(1).unwrap_err(), Errno::BADF));
    b.set_blocking(false).unwrap();
    assert!(b.recv(1).unwrap_err().is_would_block());
    drop(fd);
    assert_eq!(b.recv(1).unwrap(), b"", "the peer sees the end");
    drop((file, buffered));
}

fn nobody_inherits_a_socket_unless_it_is_said() {
    let socket = Socket::tcp().unwrap();
    assert!(!socket.is_inheritable().unwrap());
    let program = || {
        let number = socket.fileno().unwrap();
        let script = format!("test -e /dev/fd/{number}");
        std::process::Command::new("sh").args(["-c", &script]).status().unwrap().success()
    };
    assert!(!program());
    socket.set_inheritable(true).unwrap();
    assert!(socket.is_inheritable().unwrap());
    assert!(program());
    socket.set_inheritable(false).unwrap();
    assert!(!program());
    assert!(!socket.try_clone().unwrap().is_inheritable().unwrap());
}

fn a_descriptor_that_is_given_back_is_not_closed() {
    let socket = Socket::udp().unwrap();
    let fd = socket.detach().unwrap().unwrap();
    assert!(socket.detach().unwrap().is_none());
    drop(socket);
    let _still_open = fd.as_fd().try_clone_to_owned().unwrap();
    let _ = fd.into_raw_fd();
}
