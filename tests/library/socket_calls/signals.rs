//! A signal that interrupts a call: a hook may end it, and without one nothing does.

use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use sockmodes::socket::{Error, Flags, Mode, RecvTimeout, SendTimeout, Socket};

use crate::socket_modes::rain::{self, Rain};

/// A hook that isn't heard is an error after a minute, in blocking mode too, and not a test without end.
const MINUTE: Duration = Duration::from_secs(60);

fn feel_signals(socket: &Socket) {
    rain::feel_signals(socket);
    socket.set_option(RecvTimeout, Some(MINUTE)).unwrap();
    socket.set_option(SendTimeout, Some(MINUTE)).unwrap();
}

/// A hook that goes on twice and then ends the call.
fn enough_of_it(socket: &Socket) {
    let calls = AtomicUsize::new(0);
    socket.on_interrupt(move || match calls.fetch_add(1, Ordering::SeqCst) {
        0 | 1 => Ok(()),
        _ => Err("enough of it".into()),
    });
}

fn is_enough<T>(result: Result<T, Error>) {
    match result {
        Err(Error::Interrupted(why)) => assert_eq!(why.to_string(), "enough of it"),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it came to an end"),
    }
}

#[test]
fn a_hook_ends_whatever_waits() {
    for mode in [Mode::Blocking, Mode::Timeout(MINUTE)] {
        let waits = |call: &dyn Fn(&Socket)| {
            let (socket, _peer) = Socket::pair().unwrap();
            socket.set_mode(mode).unwrap();
            feel_signals(&socket);
            enough_of_it(&socket);
            let _rain = Rain::here();
            call(&socket);
        };
        waits(&|socket| is_enough(socket.recv(1)));
        waits(&|socket| is_enough(socket.recv_from(1)));
        waits(&|socket| is_enough(socket.recv_msg(1, 0, Flags::empty())));
        waits(&|socket| is_enough(socket.send_all(&vec![0; 1 << 24]).map_err(Error::from)));
        waits(&|socket| is_enough(socket.makefile(sockmodes::socket::Access::Read).read(1)));
        let server = Socket::create_server("127.0.0.1:0").unwrap();
        server.set_mode(mode).unwrap();
        feel_signals(&server);
        enough_of_it(&server);
        let rain = Rain::here();
        is_enough(server.accept());
        drop(rain);
    }
}

#[test]
fn a_connect_that_was_interrupted_can_be_ended() {
    let listener = Socket::tcp().unwrap();
    listener.bind("127.0.0.1:0").unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let _first = TcpStream::connect(address).unwrap();
    for mode in [Mode::Blocking, Mode::Timeout(MINUTE)] {
        let socket = Socket::tcp().unwrap();
        socket.set_mode(mode).unwrap();
        feel_signals(&socket);
        enough_of_it(&socket);
        let _rain = Rain::here();
        is_enough(socket.connect(address));
    }
}

#[test]
fn a_hook_that_goes_on_does_not_move_the_deadline() {
    let (socket, _peer) = Socket::pair().unwrap();
    let limit = Duration::from_millis(200);
    socket.set_timeout(Some(limit)).unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    socket.on_interrupt(move || {
        counted.fetch_add(1, Ordering::SeqCst);
        Ok(())
    });
    let _rain = Rain::here();
    let begin = Instant::now();
    assert!(socket.recv(1).unwrap_err().is_timed_out());
    assert!(begin.elapsed() >= limit);
    assert!(calls.load(Ordering::SeqCst) > 0);
}

#[test]
fn accepted_and_cloned_sockets_have_the_hook_too() {
    let server = Socket::create_server("127.0.0.1:0").unwrap();
    server.on_interrupt(|| Err("enough of it".into()));
    let peer = thread::spawn({
        let address = server.local_addr().unwrap();
        move || TcpStream::connect(address).unwrap()
    });
    let accepted = server.accept().unwrap().0;
    let _peer = peer.join().unwrap();
    for socket in [accepted.try_clone().unwrap(), accepted] {
        socket.set_timeout(Some(MINUTE)).unwrap();
        let _rain = Rain::here();
        is_enough(socket.recv(1));
    }
}
