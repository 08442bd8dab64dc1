//! Flags, messages, and what travels beside their bytes.

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use sockmodes::socket::{
    Ancillary, Domain, Error, Flags, Mode, Outgoing, Socket, Type, ancillary_room,
};

use super::is_errno;

#[test]
fn flags_peek_truncate_and_do_not_wait() {
    let (a, b) = Socket::pair_of(Domain::UNIX, Type::DGRAM, None).unwrap();
    assert!(a.recv_with(1, Flags::DONTWAIT).unwrap_err().is_would_block());
    b.send(b"hello").unwrap();
    assert_eq!(a.recv_with(3, Flags::PEEK).unwrap(), b"hel");
    let mut two = [0; 2];
    assert_eq!(a.recv_into_with(&mut two, Flags::PEEK | Flags::TRUNC).unwrap(), 5);
    assert_eq!(a.recv_with(2, Flags::TRUNC).unwrap(), b"he", "what came, and nothing made up");
    a.set_timeout(Some(Duration::from_millis(20))).unwrap();
    assert!(a.recv_with(1, Flags::DONTWAIT).unwrap_err().is_timed_out(), "as in CPython");
}

#[test]
fn the_kernel_waits_for_all_in_blocking_mode_only() {
    for (mode, expected) in [(Mode::Blocking, 10), (Mode::Timeout(Duration::from_secs(60)), 5)] {
        let (a, b) = Socket::pair().unwrap();
        a.set_mode(mode).unwrap();
        b.send_all(b"hello").unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| a.recv_with(10, Flags::WAITALL).unwrap());
            // In timeout mode the first half is all that is waited for; in blocking mode it has to be the second.
            if expected == 10 {
                b.send_all(b"again").unwrap();
            }
            assert_eq!(waiting.join().unwrap().len(), expected, "{mode}");
        });
    }
}

#[test]
fn the_urgent_byte_is_beside_the_stream() {
    let server = Socket::create_server("127.0.0.1:0").unwrap();
    let client = Socket::create_connection(server.local_addr().unwrap(), Mode::Blocking, None);
    let client = client.unwrap();
    let (peer, _) = server.accept().unwrap();
    client.send_all(b"hello").unwrap();
    client.send_with(b"!", Flags::OOB).unwrap();
    assert_eq!(peer.recv(16).unwrap(), b"hello");
    assert_eq!(peer.recv_with(1, Flags::OOB).unwrap(), b"!");
}

#[test]
fn a_message_is_gathered_and_scattered() {
    let (a, b) = Socket::pair_of(Domain::UNIX, Type::DGRAM, None).unwrap();
    let parts = [b"one ".as_slice(), b"", b"two ", b"three"].map(IoSlice::new);
    assert_eq!(a.send_msg(&parts, &[], Flags::empty(), None).unwrap(), 13);
    let (mut first, mut second) = ([0; 5], [0; 5]);
    let mut buffers = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
    let message = b.recv_msg_into(&mut buffers, 0, Flags::empty()).unwrap();
    assert_eq!((message.count, message.flags), (10, Flags::TRUNC));
    assert_eq!([first, second].concat(), b"one two th");
    assert!(message.ancillary.is_empty());
    a.send(b"").unwrap();
    let empty = b.recv_msg(16, 64, Flags::empty()).unwrap();
    assert_eq!((empty.bytes.len(), empty.flags), (0, Flags::empty()));
}

#[test]
fn messages_wait_as_the_mode_says() {
    let limit = Duration::from_millis(50);
    let kinds = [Type::STREAM, Type::DGRAM];
    for (kind, room) in kinds.into_iter().flat_map(|kind| [(kind, 0), (kind, 64)]) {
        let (a, b) = Socket::pair_of(Domain::UNIX, kind, None).unwrap();
        a.set_blocking(false).unwrap();
        assert!(a.recv_msg(1, room, Flags::empty()).unwrap_err().is_would_block());
        a.set_timeout(Some(limit)).unwrap();
        let begin = Instant::now();
        assert!(a.recv_msg(1, room, Flags::empty()).unwrap_err().is_timed_out());
        assert!(begin.elapsed() >= limit);
        let until_full = || loop {
            let piece = [0; 4096];
            if let Err(error) = a.send_msg(&[IoSlice::new(&piece)], &[], Flags::empty(), None) {
                return error;
            }
        };
        assert!(until_full().is_timed_out());
        a.set_blocking(false).unwrap();
        assert!(until_full().is_would_block());
        a.set_blocking(true).unwrap();
        b.send(b"hello").unwrap();
        assert_eq!(a.recv_msg(16, room, Flags::empty()).unwrap().bytes, b"hello");
    }
}

#[test]
fn descriptors_are_passed_with_their_owners() {
    let (a, b) = Socket::pair().unwrap();
    let (one, other_one) = Socket::pair().unwrap();
    let (two, _other_two) = Socket::pair().unwrap();
    let fds = [one.descriptor().unwrap(), two.descriptor().unwrap()];
    let fds = fds.each_ref().map(|fd| fd.as_fd());
    let send = || {
        let rights = [Outgoing::Rights(&fds)];
        a.send_msg(&[IoSlice::new(b"x")], &rights, Flags::empty(), None).unwrap();
    };
    let receive = |room| {
        let mut message = b.recv_msg(16, room, Flags::empty()).unwrap();
        let fds = match message.ancillary.pop() {
            None => Vec::new(),
            Some(Ancillary::Rights(fds)) => fds,
            Some(other) => panic!("{other:?}"),
        };
        (fds, message.flags)
    };
    send();
    let (received, flags) = receive(ancillary_room(8));
    assert_eq!((received.len(), flags), (2, Flags::empty()));
    drop((one, two));
    let mut received = received.into_iter().map(|fd| Socket::from_fd(fd).unwrap());
    let one = received.next().unwrap();
    assert!(!one.is_inheritable().unwrap());
    one.send_all(b"passed").unwrap();
    assert_eq!(other_one.recv(16).unwrap(), b"passed");
}

#[test]
fn what_there_is_no_room_for_is_cut_off_and_said() {
    let (a, b) = Socket::pair().unwrap();
    let (one, two) = Socket::pair().unwrap();
    let fds = [one.descriptor().unwrap(), two.descriptor().unwrap()];
    let fds = fds.each_ref().map(|fd| fd.as_fd());
    let header = ancillary_room(0);
    for (room, expected) in [(0, 0), (1, 0), (header, 0), (header + 4, 1), (header + 7, 1)] {
        let rights = [Outgoing::Rights(&fds)];
        a.send_msg(&[IoSlice::new(b"x")], &rights, Flags::empty(), None).unwrap();
        let message = b.recv_msg(16, room, Flags::empty()).unwrap();
        let got: usize = message
            .ancillary
            .iter()
            .map(|piece| match piece {
                Ancillary::Rights(fds) => fds.len(),
                other => panic!("{other:?}"),
            })
            .sum();
        assert_eq!((got, message.flags), (expected, Flags::CTRUNC), "room for {room}");
    }
    let error = b.recv_msg(1, usize::MAX, Flags::empty()).unwrap_err();
    assert!(matches!(error, Error::InvalidValue(_)));
    assert!(is_errno(&b.recv_msg(usize::MAX, 0, Flags::empty()).unwrap_err(), Errno::NOMEM));
}

#[cfg(target_os = "linux")]
#[test]
fn credentials_are_the_kernels_word() {
    use sockmodes::socket::{Credentials, PassCredentials, PeerCredentials};

    let (a, b) = Socket::pair().unwrap();
    b.set_option(PassCredentials, true).unwrap();
    let myself = Credentials {
        pid: rustix::process::getpid().as_raw_nonzero().get(),
        uid: rustix::process::getuid().as_raw(),
        gid: rustix::process::getgid().as_raw(),
    };
    assert_eq!(a.option(PeerCredentials).unwrap(), myself);
    // Asked for, they come with every message; said by the sender, they have to be true.
    a.send_all(b"x").unwrap();
    let claim = [Outgoing::Credentials(myself)];
    for _ in 0..2 {
        let message = b.recv_msg(16, ancillary_room(12), Flags::empty()).unwrap();
        let Some(Ancillary::Credentials(who)) = message.ancillary.first() else {
            panic!("{message:?}")
        };
        assert_eq!(*who, myself);
        a.send_msg(&[IoSlice::new(b"y")], &claim, Flags::empty(), None).unwrap();
    }
}

/// A socket for datagrams that is told their hop limits and traffic classes, and one that sends to it.
#[cfg(target_os = "linux")]
fn told_of_hops() -> (Socket, Socket) {
    use sockmodes::socket::{RecvHopLimit, RecvTrafficClass};

    let [receiver, sender] = [(); 2].map(|()| {
        let socket = Socket::new(Domain::IPV6, Type::DGRAM, None).unwrap();
        socket.bind("[::1]:0").unwrap();
        socket
    });
    receiver.set_option(RecvHopLimit, true).unwrap();
    receiver.set_option(RecvTrafficClass, true).unwrap();
    (receiver, sender)
}

/// A piece that no type of ours stands for: level, kind, data.
#[cfg(target_os = "linux")]
fn other(piece: Ancillary) -> (i32, i32, Vec<u8>) {
    match piece {
        Ancillary::Other { level, kind, data } => (level, kind, data),
        other => panic!("{other:?}"),
    }
}

#[cfg(target_os = "linux")]
#[test]
fn hop_limits_and_traffic_classes_come_beside_a_datagram() {
    use nix::libc::{IPPROTO_IPV6, IPV6_HOPLIMIT, IPV6_TCLASS};

    let (receiver, sender) = told_of_hops();
    let to = receiver.local_any().unwrap();
    let said = |kind, number: i32| (IPPROTO_IPV6, kind, number.to_ne_bytes().to_vec());
    let mut wanted = [said(IPV6_TCLASS, 17), said(IPV6_HOPLIMIT, 13)];
    let pieces = wanted.each_ref().map(|(level, kind, data)| Outgoing::Other {
        level: *level,
        kind: *kind,
        data: data.as_slice(),
    });
    sender.send_msg(&[IoSlice::new(b"hello")], &pieces, Flags::empty(), Some(&to)).unwrap();
    let message = receiver.recv_msg(16, 128, Flags::empty()).unwrap();
    assert_eq!((message.bytes, message.flags), (b"hello".to_vec(), Flags::empty()));
    assert_eq!(message.from, Some(sender.local_any().unwrap()));
    let mut came: Vec<_> = message.ancillary.into_iter().map(other).collect();
    came.sort();
    wanted.sort();
    assert_eq!(came, wanted);
}

#[cfg(target_os = "linux")]
#[test]
fn room_for_a_part_of_a_piece_is_a_part_of_it() {
    let (receiver, sender) = told_of_hops();
    let to = receiver.local_any().unwrap();
    sender.send_to(b"hello", &to).unwrap();
    let room = ancillary_room(4) + ancillary_room(0) + 2;
    let message = receiver.recv_msg(16, room, Flags::empty()).unwrap();
    assert_eq!(message.flags, Flags::CTRUNC);
    let lengths: Vec<_> = message.ancillary.into_iter().map(|it| other(it).2.len()).collect();
    assert_eq!(lengths, [4, 2]);
}

#[cfg(target_os = "linux")]
#[test]
fn the_end_of_input_has_no_sender_and_an_empty_datagram_has_one() {
    let (receiver, sender) = told_of_hops();
    receiver.connect(sender.local_addr().unwrap()).unwrap();
    sender.send_to(b"", receiver.local_any().unwrap()).unwrap();
    receiver.shutdown(std::net::Shutdown::Read).unwrap();
    let empty = receiver.recv_msg(16, 128, Flags::empty()).unwrap();
    assert_eq!((empty.bytes, empty.from), (vec![], Some(sender.local_any().unwrap())));
    let end = receiver.recv_msg(16, 128, Flags::empty()).unwrap();
    assert_eq!((end.bytes, end.from), (vec![], None));
}

#[test]
fn memory_is_used_for_what_comes() {
    let resident = || {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim_end_matches("kB").trim().parse::<usize>().ok()
    };
    let (a, b) = Socket::pair().unwrap();
    b.set_blocking(false).unwrap();
    let mut file = b.makefile(sockmodes::socket::Access::Read);
    let mut raw = b.makefile_raw(sockmodes::socket::Access::Read);
    let huge = 1 << 30;
    let before = resident();
    let come = || a.send_all(b"hello").unwrap();
    come();
    let got = b.recv(huge).unwrap();
    assert_eq!((got.as_slice(), got.capacity()), (b"hello".as_slice(), 5));
    come();
    assert_eq!(b.recv_from(huge).unwrap().0.capacity(), 5);
    come();
    assert_eq!(b.recv_msg(huge, 0, Flags::empty()).unwrap().bytes.capacity(), 5);
    come();
    assert_eq!(raw.read(huge).unwrap().unwrap().capacity(), 5);
    come();
    assert_eq!(file.read(huge).unwrap().unwrap().capacity(), 5);
    come();
    assert_eq!(file.read_once(huge).unwrap().capacity(), 5);
    if let Some((before, after)) = before.zip(resident()) {
        // The other tests of this process use some, too, but no tenth of one of these.
        assert!(after < before + (huge >> 10) / 10 * 9, "{before} kB before, {after} kB after");
    }
}
