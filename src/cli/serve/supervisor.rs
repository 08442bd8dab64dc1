//! The supervisor that has started this server, systemd or another that speaks as it does: which sockets it
//! has passed, and what it is told.
//!
//! Both are in the environment (sd_listen_fds(3), sd_notify(3)); where that says nothing, nothing here does
//! anything. What it is told comes from the stream of events, like all that can be seen: that the loop goes
//! round is told by the loop, and by nobody else.

use std::env;
use std::io;
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process;
use std::time::Duration;

use listenfd::ListenFd;
use sd_notify::NotifyState;
use socket2::SockRef;
use sockmodes::observe::{Detail, Event, Observer, Record};
use sockmodes::session::Timeout;

use super::Failure;

/// How long a supervisor that takes no word is waited for before the loop begins; the loop waits for nobody.
const PATIENCE: Duration = Duration::from_secs(1);

/// The listeners that were passed to this process. To be called before anything is opened, lest that be taken
/// for one of them, and before there are threads: the variables are taken out of the environment.
pub(super) fn passed() -> Result<Vec<TcpListener>, Failure> {
    let failed = |why: String| {
        Failure::Failed(format!("cannot listen on the sockets that were passed: {why}"))
    };
    let pid = env::var("LISTEN_PID").ok().and_then(|pid| pid.parse().ok());
    let count = env::var_os("LISTEN_FDS").filter(|_| pid == Some(process::id()));
    let Some(count) = count else { return Ok(Vec::new()) };
    if count.to_str().and_then(|count| count.parse::<u8>().ok()).is_none() {
        return Err(failed(format!("LISTEN_FDS is {count:?}, not a number from 0 to 255")));
    }
    let mut passed = ListenFd::from_env();
    let listeners: io::Result<Vec<_>> = (0..passed.len()).map(|at| take(&mut passed, at)).collect();
    listeners.map_err(|error| failed(error.to_string()))
}

fn take(passed: &mut ListenFd, at: usize) -> io::Result<TcpListener> {
    let listener = passed.take_tcp_listener(at)?;
    let listener = listener.ok_or_else(|| io::Error::other("one was taken twice"))?;
    if is_listening(&listener)? {
        return Ok(listener);
    }
    let fd = listener.as_raw_fd();
    Err(io::Error::other(format!("fd {fd} is no tcp socket that listens")))
}

/// Whether TCP connections can be accepted from it.
#[cfg(target_os = "linux")]
fn is_listening(socket: &TcpListener) -> io::Result<bool> {
    use socket2::Protocol;
    let socket = SockRef::from(socket);
    let is_tcp = matches!(socket.protocol()?, Some(Protocol::TCP | Protocol::MPTCP));
    Ok(is_tcp && socket.is_listener()?)
}

/// As far as every system can tell: a socket that listens has no peer.
#[cfg(not(target_os = "linux"))]
fn is_listening(socket: &TcpListener) -> io::Result<bool> {
    Ok(SockRef::from(socket).peer_addr().is_err())
}

/// Who is told how the server does: an observer of its events.
#[derive(Debug)]
pub(super) struct Supervisor {
    socket: UnixDatagram,
    address: SocketAddr,
    /// It was told that the server stops.
    knows_stop: bool,
    /// The last word did not reach it, which has been logged.
    is_deaf: bool,
}

impl Supervisor {
    /// The one that the environment names, if it names one that can be told anything.
    pub(super) fn find() -> Option<Supervisor> {
        let name = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty())?;
        match Supervisor::at(name.as_bytes()) {
            Ok(supervisor) => Some(supervisor),
            Err(error) => {
                let name = name.to_string_lossy();
                tracing::warn!(name = &*name, %error, "cannot tell the supervisor anything");
                None
            }
        }
    }

    fn at(name: &[u8]) -> io::Result<Supervisor> {
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Supervisor { socket, address: address(name)?, knows_stop: false, is_deaf: false })
    }

    /// How often it wants to hear that the loop goes round: twice in the time after which it would take the
    /// server for dead.
    pub(super) fn heartbeat() -> Timeout {
        let limit = sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero());
        limit.map_or(Timeout::NEVER, |limit| (limit / 2).into())
    }

    /// Tells it that connections can be made. From then on nothing waits for it.
    pub(super) fn ready(&mut self) -> io::Result<()> {
        self.tell(&NotifyState::Ready);
        self.socket.set_nonblocking(true)
    }

    fn tell(&mut self, state: &NotifyState<'_>) {
        let word = state.to_string();
        match self.socket.send_to_addr(word.as_bytes(), &self.address) {
            Ok(_) => self.is_deaf = false,
            Err(error) => {
                if !std::mem::replace(&mut self.is_deaf, true) {
                    tracing::warn!(word, %error, "cannot tell the supervisor");
                }
            }
        }
    }
}

/// A path, or on Linux a name that is in no file system, which begins with an @.
fn address(name: &[u8]) -> io::Result<SocketAddr> {
    #[cfg(target_os = "linux")]
    if let [b'@', name @ ..] = name {
        use std::os::linux::net::SocketAddrExt;
        return SocketAddr::from_abstract_name(name);
    }
    if !name.starts_with(b"/") {
        return Err(io::Error::other("it is neither an absolute path nor an abstract name"));
    }
    SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(name))
}

impl Observer for Supervisor {
    fn detail(&self) -> Detail {
        Detail::Server
    }

    fn observe(&mut self, record: &Record) {
        match record.event {
            Event::Alive => self.tell(&NotifyState::Watchdog),
            Event::Grace { .. } | Event::Draining { .. } if !self.knows_stop => {
                self.knows_stop = true;
                self.tell(&NotifyState::Stopping);
            }
            _ => {}
        }
    }
}
