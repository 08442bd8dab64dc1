//! The rules behind the table: what holds in every mode under signals, for absurd timeouts, for false alarms,
//! and for half-sent data. `tests/oracle/` has the rows, `tests/socket_files/` the files.

mod ends;
#[path = "../oracle/rain.rs"]
pub(crate) mod rain;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use rustix::fs::{OFlags, fcntl_getfl};
use rustix::io::Errno;
use sockmodes::socket::{Domain, Error, Mode, SendAllError, Socket, Type};

use ends::{connected, listener, pattern, read_slowly};
use rain::{Rain, feel_signals};

const SHORT: Duration = Duration::from_millis(200);
const SECOND: Duration = Duration::from_secs(1);
const YEARS_31: Duration = Duration::from_secs(31 * 365 * 24 * 60 * 60);

fn is_errno(error: &Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno.raw_os_error())
}

/// A timeout may be late on a busy machine, never early; a minute means that the deadline was lost.
fn assert_waited(begin: Instant, limit: Duration) {
    let took = begin.elapsed();
    assert!(took >= limit, "too early: {took:?}");
    assert!(took < Duration::from_secs(60), "the deadline moved: {took:?}");
}

#[test]
fn signals_do_not_move_the_deadline() {
    let (socket, _peer) = connected();
    socket.set_timeout(Some(SHORT)).unwrap();
    let _rain = Rain::here();
    let begin = Instant::now();
    assert!(socket.recv(1).unwrap_err().is_timed_out());
    assert_waited(begin, SHORT);
}

#[test]
fn signals_do_not_end_a_blocking_receive_or_accept() {
    let (socket, mut peer) = connected();
    let listener = listener();
    let address = listener.local_addr().unwrap();
    feel_signals(&socket);
    feel_signals(&listener);
    let _rain = Rain::here();
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(SHORT);
            peer.write_all(b"hello").unwrap();
            TcpStream::connect(address).unwrap();
        });
        assert_eq!(socket.recv(16).unwrap(), b"hello");
        listener.accept().unwrap();
    });
}

#[test]
fn signals_do_not_lose_or_repeat_what_is_sent() {
    for mode in [Mode::Blocking, Mode::Timeout(Duration::from_secs(60))] {
        let (socket, mut peer) = connected();
        socket.set_mode(mode).unwrap();
        feel_signals(&socket);
        let bytes = pattern(2 * 1024 * 1024);
        let reader = thread::spawn(move || read_slowly(&mut peer, 64 * 1024));
        let rain = Rain::here();
        socket.send_all(&bytes).unwrap();
        drop(rain);
        drop(socket);
        assert!(reader.join().unwrap() == bytes, "{mode}");
    }
}

#[test]
fn a_blocking_connect_goes_on_after_signals() {
    // A full backlog keeps the connect waiting until the first connection is taken from it.
    let listener = Socket::tcp().unwrap();
    listener.bind("127.0.0.1:0").unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let _first = TcpStream::connect(address).unwrap();
    let socket = Socket::tcp().unwrap();
    feel_signals(&socket);
    let _rain = Rain::here();
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(SHORT);
            listener.accept().unwrap()
        });
        socket.connect(address).unwrap();
    });
    assert_eq!(socket.peer_addr().unwrap(), address);
}

#[test]
fn the_shortest_timeout_takes_what_is_there() {
    let (a, b) = Socket::pair().unwrap();
    a.set_timeout(Some(Duration::from_nanos(1))).unwrap();
    assert_eq!(a.timeout(), Some(Duration::from_nanos(1)));
    assert!(a.recv(1).unwrap_err().is_timed_out());
    b.send_all(b"hello").unwrap();
    assert_eq!(a.recv(16).unwrap(), b"hello");
    assert_eq!(a.send(b"there is room").unwrap(), 13);
    a.send_all(b"").unwrap();
}

#[test]
fn the_longest_timeouts_wait() {
    for limit in [Duration::from_secs(1_000_000_000), YEARS_31, Duration::MAX] {
        let (a, b) = Socket::pair().unwrap();
        a.set_timeout(Some(limit)).unwrap();
        assert_eq!(a.timeout(), Some(limit));
        let (told, ended) = mpsc::channel();
        thread::spawn(move || told.send(a.recv(16).unwrap()).unwrap());
        let early = ended.recv_timeout(SHORT);
        assert!(early.is_err(), "{limit:?} ended with {early:?}");
        b.send_all(b"hello").unwrap();
        assert_eq!(ended.recv_timeout(Duration::from_secs(60)).unwrap(), b"hello");
    }
}

#[test]
fn a_false_alarm_goes_back_to_waiting() {
    let socket = Socket::udp().unwrap();
    socket.bind("127.0.0.1:0").unwrap();
    socket.set_timeout(Some(SHORT)).unwrap();
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    let done = AtomicBool::new(false);
    let (told, taken) = mpsc::channel();
    // Each datagram wakes all the readers; those that look too late find nothing and must wait on. Whether
    // one is late is chance: the unit tests of `call.rs` have the sure case, this is the real one.
    let read = |told: mpsc::Sender<usize>| {
        loop {
            let begin = Instant::now();
            match socket.recv(16) {
                Ok(bytes) => told.send(bytes.len()).unwrap(),
                Err(error) => {
                    assert!(error.is_timed_out(), "{error}");
                    assert_waited(begin, SHORT);
                    if done.load(Ordering::SeqCst) {
                        return;
                    }
                }
            }
        }
    };
    thread::scope(|scope| {
        for told in vec![told; 8] {
            scope.spawn(|| read(told));
        }
        for _ in 0..1000 {
            // Three at a time, so that some readers are between poll and recv when others come.
            for _ in 0..3 {
                peer.send_to(b"one", socket.local_addr().unwrap()).unwrap();
            }
            for _ in 0..3 {
                assert_eq!(taken.recv().expect("a reader is left"), 3);
            }
        }
        done.store(true, Ordering::SeqCst);
    });
}

#[test]
fn the_timeout_of_send_all_is_for_the_whole_call() {
    let (socket, mut peer) = connected();
    socket.set_timeout(Some(SHORT)).unwrap();
    let bytes = pattern(64 * 1024 * 1024);
    let reader = thread::spawn(move || read_slowly(&mut peer, 16 * 1024));
    let begin = Instant::now();
    let SendAllError { sent, source, .. } = socket.send_all(&bytes).unwrap_err();
    assert_waited(begin, SHORT);
    assert!(source.is_timed_out(), "{source}");
    drop(socket);
    let received = reader.join().unwrap();
    assert_eq!(sent, received.len());
    assert!(received == bytes[..sent]);
}

#[test]
fn progress_near_the_end_gives_send_all_no_more_time() {
    let (socket, mut peer) = connected();
    socket.set_timeout(Some(SECOND)).unwrap();
    let reader = thread::spawn(move || {
        // From the first byte on: on a busy machine the sender may begin late.
        peer.peek(&mut [0]).unwrap();
        thread::sleep(SECOND * 9 / 10);
        peer.read_exact(&mut vec![0; 64 * 1024]).unwrap();
        // With a clock for each send it would still be waiting, and get everything through.
        thread::sleep(SECOND * 9 / 10);
        peer.read_to_end(&mut Vec::new()).unwrap();
    });
    let begin = Instant::now();
    let error = socket.send_all(&pattern(4 * 1024 * 1024)).unwrap_err();
    assert!(error.source.is_timed_out(), "{error}");
    assert_waited(begin, SECOND);
    drop(socket);
    reader.join().unwrap();
}

#[test]
fn a_failed_send_all_says_how_much_the_kernel_took() {
    let (socket, mut peer) = connected();
    socket.set_blocking(false).unwrap();
    let bytes = pattern(4 * 1024 * 1024);
    let SendAllError { sent, source, .. } = socket.send_all(&bytes).unwrap_err();
    assert!(source.is_would_block() && sent > 0, "{source}");
    socket.shutdown(Shutdown::Write).unwrap();
    let mut received = Vec::new();
    peer.read_to_end(&mut received).unwrap();
    assert!(received == bytes[..sent], "{} received of {sent} sent", received.len());
}

#[test]
fn connect_ex_times_out_with_eagain_and_the_attempt_goes_on() {
    let listener = listener();
    let address = listener.local_addr().unwrap();
    listener.listen(0).unwrap();
    let _first = TcpStream::connect(address).unwrap();
    let socket = Socket::tcp().unwrap();
    socket.set_timeout(Some(SHORT)).unwrap();
    assert_eq!(socket.connect_ex(address), Errno::AGAIN.raw_os_error());
    assert_eq!(socket.connect_ex(address), Errno::ALREADY.raw_os_error());
}

#[test]
fn a_closed_socket_answers_ebadf_and_remembers_its_mode() {
    let socket = Socket::tcp().unwrap();
    socket.close().unwrap();
    assert!(is_errno(&socket.set_timeout(Some(SHORT)).unwrap_err(), Errno::BADF));
    assert_eq!(socket.timeout(), Some(SHORT));
    assert!(is_errno(&socket.bind("127.0.0.1:0").unwrap_err(), Errno::BADF));
    assert!(is_errno(&socket.send_all(b"").unwrap_err().source, Errno::BADF));
    assert!(is_errno(&socket.recv_from(0).unwrap_err(), Errno::BADF));
    assert!(is_errno(&socket.try_clone().unwrap_err(), Errno::BADF));
    // CPython does nothing if asked for nothing, before it looks at the descriptor.
    assert_eq!(socket.recv(0).unwrap(), b"");
    assert!(socket.detach().unwrap().is_none());
    socket.close().unwrap();
}

#[test]
fn both_ends_of_a_clone_share_o_nonblock_and_not_the_mode() {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let clone = socket.try_clone().unwrap();
    clone.set_blocking(false).unwrap();
    assert_eq!(socket.mode(), Mode::Blocking);
    assert!(fcntl_getfl(socket.descriptor().unwrap()).unwrap().contains(OFlags::NONBLOCK));
}

/// `Ok` is set_blocking, `Err` is set_timeout.
type Setting = Result<bool, Option<Duration>>;

fn settings() -> impl Strategy<Value = Vec<Setting>> {
    let nanos = prop_oneof![Just(0), 1..3u64, 1..u64::from(u32::MAX), Just(i64::MAX as u64)];
    let timeout =
        prop_oneof![1 => Just(None), 3 => nanos.prop_map(|n| Some(Duration::from_nanos(n)))];
    let setting = prop_oneof![any::<bool>().prop_map(Ok), timeout.prop_map(Err)];
    prop::collection::vec(setting, 0..8)
}

proptest! {
    #[test]
    fn the_last_setting_decides(settings in settings()) {
        let socket = Socket::tcp().unwrap();
        let mut python = None;
        for setting in settings {
            match setting {
                Ok(blocking) => socket.set_blocking(blocking).unwrap(),
                Err(timeout) => socket.set_timeout(timeout).unwrap(),
            }
            // The table in CPython's sock_settimeout: gettimeout, getblocking, O_NONBLOCK.
            python = match setting {
                Ok(true) => None,
                Ok(false) => Some(Duration::ZERO),
                Err(timeout) => timeout,
            };
        }
        prop_assert_eq!(socket.timeout(), python);
        prop_assert_eq!(socket.is_blocking(), python != Some(Duration::ZERO));
        let flags = fcntl_getfl(socket.descriptor().unwrap()).unwrap();
        prop_assert_eq!(flags.contains(OFlags::NONBLOCK), python.is_some());
    }
}
