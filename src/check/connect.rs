//! Connections to the server: how one is made, and the room that it has.
//!
//! It knows of no process; see `server.rs`.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::socket::{Domain, Error, NoDelay, RecvBuffer, Result, Socket, Type};

/// The least that a connection is waited for: a timeout of nothing would be a mode.
const LEAST: Duration = Duration::from_millis(10);

/// What a client with little room reads at once, at most.
const LITTLE_ROOM: usize = 16 * 1024;
/// The largest segment that it takes: as over Ethernet, and a number that no buffer is a multiple of.
///
/// Over loopback a segment has 32 or 64 KiB, and a send buffer that fills up is full where a segment ends. A server that
/// sends pieces of a power of two then never sees a send that takes only a part: it takes all, or nothing. And a client
/// with less room than a segment has tells nobody that it has room again: that is found out by a probe, seconds later.
const SEGMENT: u32 = 1459;

/// A connection, and when it was made.
pub(super) type Connected = (Socket, Instant);

/// What a client has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// As the kernel gives it.
    Usual,
    /// Little, from the first segment on, and small segments: as somebody far away. Little is enough then to fill what there
    /// is of buffers between the two programs.
    Narrow,
}

impl Room {
    /// Where the kernel does not want it, it has to do with more.
    fn of(self, socket: &Socket) -> Result<()> {
        if self == Room::Narrow {
            let _ = socket.set_option(RecvBuffer, LITTLE_ROOM);
            let _ = SockRef::from(&socket.descriptor()?).set_tcp_mss(SEGMENT);
        }
        Ok(())
    }
}

pub(super) fn connect(address: SocketAddr, wait: Duration, room: Room) -> Result<Connected> {
    let begin = Instant::now();
    loop {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.set_timeout(Some(wait.max(LEAST)))?;
        room.of(&socket)?;
        let result = socket.connect(address);
        // A port of loopback that nobody listens at can be connected to itself.
        let with_itself = result.is_ok() && socket.local_addr()? == socket.peer_addr()?;
        match result {
            Ok(()) if !with_itself => {
                socket.set_option(NoDelay, true)?;
                return Ok((socket, Instant::now()));
            }
            Ok(()) if begin.elapsed() < wait => thread::yield_now(),
            Ok(()) => return Err(Error::TimedOut),
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Write};
    use std::net::TcpListener;

    use super::*;

    /// Without small segments a piece of a power of two goes whole or not at all.
    #[test]
    #[cfg(target_os = "linux")]
    fn who_sends_to_a_narrow_client_meets_a_send_that_takes_only_a_part() {
        for len in [1 << 10, 1 << 12, 1 << 14, 1 << 16] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let (_client, _) = connect(address, Duration::from_secs(60), Room::Narrow).unwrap();
            let (mut server, _) = listener.accept().unwrap();
            server.set_nonblocking(true).unwrap();
            let piece = vec![b'x'; len];
            let took = loop {
                match server.write(&piece) {
                    Ok(took) if took == len => {}
                    Ok(took) => break took,
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::WouldBlock);
                        break 0;
                    }
                }
            };
            assert!(took > 0, "pieces of {len} go whole or not at all");
        }
    }
}
