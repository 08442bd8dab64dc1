//! Options: what is set is read again, and what the kernel can't hold is refused.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use sockmodes::socket::*;

fn refused(result: Result<()>) {
    assert!(matches!(result, Err(Error::InvalidValue(_))), "{result:?}");
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn what_the_kernel_cant_hold_is_refused() {
    let socket = Socket::tcp().unwrap();
    let half = Duration::from_millis(500);
    let too_long = Duration::from_secs(1 << 31);
    refused(socket.set_option(Linger, Some(half)));
    refused(socket.set_option(Linger, Some(too_long)));
    refused(socket.set_option(SendBuffer, 1 << 32));
    refused(socket.set_option(RecvBuffer, 1 << 31));
    refused(socket.set_option(Ttl, u32::MAX));
    refused(socket.set_option(Tos, 1 << 31));
    refused(socket.set_option(KeepIdle, half));
    refused(socket.set_option(KeepInterval, too_long));
    refused(socket.set_option(KeepCount, u32::MAX));
    refused(socket.set_option(MulticastTtl, u32::MAX));
    for nothing in [Duration::ZERO, Duration::from_nanos(1), Duration::from_nanos(1_000_001)] {
        refused(socket.set_option(RecvTimeout, Some(nothing)));
        refused(socket.set_option(SendTimeout, Some(nothing)));
    }
    let v6 = Socket::new(Domain::IPV6, Type::DGRAM, None).unwrap();
    refused(v6.set_option(HopLimit, u32::MAX));
    refused(v6.set_option(MulticastHops, u32::MAX));
    // Nothing was changed by any of it.
    assert_eq!(socket.option(Linger).unwrap(), None);
    assert_eq!(socket.option(RecvTimeout).unwrap(), None);
}

#[test]
fn what_is_set_is_read_again() {
    let socket = Socket::tcp().unwrap();
    socket.set_option(Linger, Some(SECOND)).unwrap();
    assert_eq!(socket.option(Linger).unwrap(), Some(SECOND));
    socket.set_option(Linger, None).unwrap();
    assert_eq!(socket.option(Linger).unwrap(), None);
    socket.set_option(ReusePort, true).unwrap();
    assert!(socket.option(ReusePort).unwrap());
    socket.set_option(OobInline, true).unwrap();
    assert!(socket.option(OobInline).unwrap());
    socket.set_option(KeepIdle, SECOND * 30).unwrap();
    socket.set_option(KeepInterval, SECOND * 5).unwrap();
    socket.set_option(KeepCount, 4).unwrap();
    assert_eq!(socket.option(KeepIdle).unwrap(), SECOND * 30);
    assert_eq!(socket.option(KeepInterval).unwrap(), SECOND * 5);
    assert_eq!(socket.option(KeepCount).unwrap(), 4);
    assert!(!socket.option(KeepAlive).unwrap(), "the times alone switch nothing on");
    socket.set_option(KeepAlive, true).unwrap();
    socket.set_option(KeepCount, 5).unwrap();
    assert!(socket.option(KeepAlive).unwrap());
    socket.set_option(Ttl, 7).unwrap();
    assert_eq!(socket.option(Ttl).unwrap(), 7);
}

#[cfg(target_os = "linux")]
#[test]
fn what_linux_alone_has_is_read_again() {
    let socket = Socket::tcp().unwrap();
    socket.set_option(UserTimeout, Some(SECOND * 20)).unwrap();
    assert_eq!(socket.option(UserTimeout).unwrap(), Some(SECOND * 20));
    refused(socket.set_option(UserTimeout, Some(Duration::from_micros(1500))));
    refused(socket.set_option(UserTimeout, Some(Duration::from_millis(1 << 31))));
    socket.set_option(UserTimeout, None).unwrap();
    assert_eq!(socket.option(UserTimeout).unwrap(), None);
    socket.set_option(Cork, true).unwrap();
    assert!(socket.option(Cork).unwrap());
    assert!(!socket.option(IsListener).unwrap());
    socket.bind("127.0.0.1:0").unwrap();
    socket.listen(1).unwrap();
    assert!(socket.option(IsListener).unwrap());
}

#[test]
fn the_timeout_of_the_kernel_is_not_that_of_the_mode() {
    let (a, _b) = Socket::pair().unwrap();
    a.set_option(RecvTimeout, Some(Duration::from_millis(10))).unwrap();
    assert_eq!(a.mode(), Mode::Blocking);
    let error = a.recv(1).unwrap_err();
    assert!(error.is_would_block() && !error.is_timed_out(), "{error}");
}

#[test]
fn a_group_hears_what_is_sent_to_it() {
    let group = Ipv4Addr::new(239, 255, 0, 77);
    let receiver = Socket::udp().unwrap();
    receiver.bind(("", 0)).unwrap();
    receiver.join_multicast_v4(group, Ipv4Addr::LOCALHOST).unwrap();
    receiver.set_timeout(Some(Duration::from_secs(60))).unwrap();
    let sender = Socket::udp().unwrap();
    sender.set_option(MulticastInterface, Ipv4Addr::LOCALHOST).unwrap();
    assert_eq!(sender.option(MulticastInterface).unwrap(), Ipv4Addr::LOCALHOST);
    sender.set_option(MulticastTtl, 0).unwrap();
    assert!(sender.option(MulticastLoop).unwrap());
    let port = receiver.local_addr().unwrap().port();
    sender.send_to(b"everybody", (group, port)).unwrap();
    assert_eq!(receiver.recv(16).unwrap(), b"everybody");
    receiver.leave_multicast_v4(group, Ipv4Addr::LOCALHOST).unwrap();
    let again = receiver.leave_multicast_v4(group, Ipv4Addr::LOCALHOST);
    assert!(again.unwrap_err().raw_os_error().is_some());
    let v6 = Socket::new(Domain::IPV6, Type::DGRAM, None).unwrap();
    let not_a_group = v6.join_multicast_v6(Ipv6Addr::LOCALHOST, 0);
    assert!(not_a_group.unwrap_err().raw_os_error().is_some());
    v6.set_option(MulticastHops, 3).unwrap();
    v6.set_option(MulticastLoopV6, false).unwrap();
    assert_eq!(v6.option(MulticastHops).unwrap(), 3);
    assert!(!v6.option(MulticastLoopV6).unwrap());
}
