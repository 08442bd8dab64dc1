//! The real network: `mio`, edge-triggered, and the listeners' options that connections inherit.

mod alarm;
mod listener;

use std::io;
use std::net::SocketAddr;
use std::os::raw::c_int;
use std::sync::Arc;
use std::time::Instant;

use ::mio::event::Event;
use ::mio::net::{TcpListener, TcpStream};
use ::mio::{Events, Interest, Poll, Token as MioToken, Waker};
use rand::rngs::{StdRng, SysRng};
use rand::{Rng, SeedableRng};
#[cfg(target_os = "linux")]
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{SendFlags, Shutdown};
use signal_hook_mio::v1_0::Signals;
#[cfg(target_os = "linux")]
use socket2::SockRef;

use super::{Errno, Network, OTHER_TOKENS, Readiness, Signal, Stream, Token, Wakeup};
use crate::server::Config;
use crate::session::Time;
use alarm::Alarm;

/// The most events that one `epoll_wait` reports.
const EVENTS: usize = 512;
/// A send to a peer that is gone raises no SIGPIPE. Where there is no flag for that, Rust's runtime
/// ignores the signal.
#[cfg(target_vendor = "apple")]
const SEND_FLAGS: SendFlags = SendFlags::empty();
#[cfg(not(target_vendor = "apple"))]
const SEND_FLAGS: SendFlags = SendFlags::NOSIGNAL;

// From the top down, where no connection has its token.
const WAKE: MioToken = MioToken(usize::MAX);
const SIGNALS: MioToken = MioToken(usize::MAX - 1);
const ALARM: MioToken = MioToken(usize::MAX - 2);
const FIRST_LISTENER: usize = usize::MAX - 3;
const MAX_LISTENERS: usize = OTHER_TOKENS - 3;

/// One `mio::Poll` with its listeners.
pub(in crate::server) struct MioNetwork {
    start: Instant,
    poll: Poll,
    listeners: Vec<TcpListener>,
    signals: Option<Signals>,
    alarm: Alarm,
    /// Seeded once, at the start, where the system can still say that it has no chance to give: whoever asks
    /// it again later has to be ready for that.
    random: StdRng,
}

/// What the kernel reports.
pub(in crate::server) struct Found(Events);

impl Default for Found {
    fn default() -> Found {
        Found(Events::with_capacity(EVENTS))
    }
}

impl MioNetwork {
    pub(in crate::server) fn new() -> io::Result<MioNetwork> {
        let poll = Poll::new()?;
        let random = StdRng::try_from_rng(&mut SysRng).map_err(|error| {
            io::Error::new(io::Error::from(error).kind(), format!("no random numbers: {error}"))
        })?;
        Ok(MioNetwork {
            start: Instant::now(),
            alarm: Alarm::new(poll.registry(), ALARM)?,
            poll,
            listeners: Vec::new(),
            signals: None,
            random,
        })
    }

    /// Listens at `address` as `config` says; returns the address that it got.
    pub(in crate::server) fn listen(
        &mut self,
        address: SocketAddr,
        config: &Config,
    ) -> io::Result<SocketAddr> {
        self.adopt(listener::bind(address, config)?, config)
    }

    /// Takes in a socket that listens already; returns its address.
    pub(in crate::server) fn adopt(
        &mut self,
        listener: std::net::TcpListener,
        config: &Config,
    ) -> io::Result<SocketAddr> {
        if self.listeners.len() == MAX_LISTENERS {
            return Err(io::Error::other(format!("more than {MAX_LISTENERS} listeners")));
        }
        listener::set_options(&listener, config)?;
        let mut listener = TcpListener::from_std(listener);
        let token = MioToken(FIRST_LISTENER - self.listeners.len());
        self.poll.registry().register(&mut listener, token, Interest::READABLE)?;
        let bound = listener.local_addr()?;
        self.listeners.push(listener);
        Ok(bound)
    }

    /// What another thread wakes the loop with.
    pub(in crate::server) fn waker(&self) -> io::Result<Arc<Waker>> {
        Waker::new(self.poll.registry(), WAKE).map(Arc::new)
    }

    /// From now on SIGINT, SIGTERM and SIGHUP come as [`Wakeup::Signalled`].
    pub(in crate::server) fn catch_signals(&mut self) -> io::Result<()> {
        use signal_hook_mio::v1_0 as hook;
        let mut signals = hook::Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        self.poll.registry().register(&mut signals, SIGNALS, Interest::READABLE)?;
        self.signals = Some(signals);
        Ok(())
    }
}

const SIGHUP: c_int = rustix::process::Signal::HUP.as_raw();
const SIGINT: c_int = rustix::process::Signal::INT.as_raw();
const SIGTERM: c_int = rustix::process::Signal::TERM.as_raw();

impl Network for MioNetwork {
    type Stream = TcpStream;
    type Found = Found;

    fn now(&self) -> Time {
        Time::after_start(self.start.elapsed())
    }

    fn random(&mut self, bytes: &mut [u8]) {
        self.random.fill_bytes(bytes);
    }

    fn wait(&mut self, until: Time, found: &mut Found) -> Result<Time, Errno> {
        let start = self.start;
        let timeout = self.alarm.take_over(until, || Time::after_start(start.elapsed()));
        self.poll.poll(&mut found.0, timeout)?;
        let now = self.now();
        self.alarm.note_time(now);
        Ok(now)
    }

    #[inline]
    fn wakeups(found: &Found) -> impl Iterator<Item = Wakeup> {
        found.0.iter().filter_map(|event| match event.token() {
            MioToken(token) if token <= FIRST_LISTENER - MAX_LISTENERS => {
                Some(Wakeup::Ready { token: Token(token), readiness: readiness(event) })
            }
            WAKE => Some(Wakeup::Woken),
            SIGNALS => Some(Wakeup::Signalled),
            // It has done its work: the wait is over, and its time has come.
            ALARM => None,
            MioToken(token) => Some(Wakeup::Acceptable(FIRST_LISTENER - token)),
        })
    }

    fn is_whole(found: &Found) -> bool {
        found.0.iter().count() < EVENTS
    }

    fn take_signal(&mut self) -> Option<Signal> {
        Some(match self.signals.as_mut()?.pending().next()? {
            SIGHUP => Signal::Hangup,
            _ => Signal::Stop,
        })
    }

    fn accept(&mut self, listener: usize) -> Result<(TcpStream, SocketAddr), Errno> {
        let (stream, peer) = self.listeners[listener].accept()?;
        #[cfg(not(target_os = "linux"))]
        stream.set_nodelay(true)?;
        // A listener that was passed may take IPv4, too, in the form of IPv6 addresses: one source for all.
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        Ok((stream, peer))
    }

    // ANCHOR: register
    fn register(&mut self, stream: &mut TcpStream, token: Token) -> Result<(), Errno> {
        let all = Interest::READABLE | Interest::WRITABLE;
        #[cfg(target_os = "linux")]
        let all = all | Interest::PRIORITY;
        self.poll.registry().register(stream, MioToken(token.0), all)?;
        Ok(())
    }
    // ANCHOR_END: register

    fn close_listeners(&mut self) {
        for mut listener in self.listeners.drain(..) {
            // One that was passed may be open elsewhere, and would be reported here until it is closed there. It
            // fails only for one that is not registered, which none is.
            let _ = self.poll.registry().deregister(&mut listener);
        }
    }
}

fn readiness(event: &Event) -> Readiness {
    let mut readiness = Readiness::empty();
    readiness.set(Readiness::READABLE, event.is_readable());
    readiness.set(Readiness::WRITABLE, event.is_writable());
    if event.is_error() || event.is_priority() || event.is_read_closed() {
        readiness |= beside_bytes(event);
    }
    readiness
}

/// What an event says beside "bytes" and "room". An error counts as ready for both: whichever call
/// comes next gets it.
#[cold]
fn beside_bytes(event: &Event) -> Readiness {
    let mut readiness = Readiness::empty();
    let failed = event.is_error();
    readiness.set(Readiness::URGENT, event.is_priority());
    if event.is_read_closed() || failed {
        readiness |= Readiness::READABLE | Readiness::READ_CLOSED;
    }
    readiness.set(Readiness::WRITABLE, event.is_write_closed() || failed);
    readiness.set(Readiness::FAILED, failed);
    readiness
}

impl Stream for TcpStream {
    /// By read(2), which on a socket is recv(2) without flags.
    #[inline]
    fn recv(&mut self, buffer: &mut [u8]) -> Result<usize, Errno> {
        rustix::io::read(&*self, buffer).map_err(errno)
    }

    #[inline]
    fn send(&mut self, bytes: &[u8]) -> Result<usize, Errno> {
        rustix::net::send(&*self, bytes, SEND_FLAGS).map_err(errno)
    }

    fn shut_down_sending(&mut self) -> Result<(), Errno> {
        rustix::net::shutdown(&*self, Shutdown::Write).map_err(errno)
    }

    fn take_error(&mut self) -> Option<Errno> {
        TcpStream::take_error(self).ok().flatten().map(Errno::from)
    }

    /// SIOCOUTQ would tell the number of bytes, but only to `unsafe` code. With TCP_NOTSENT_LOWAT at
    /// 1 (tcp(7)) the socket is writable only if there are none. After a shutdown it always is.
    #[cfg(target_os = "linux")]
    fn has_sent_all(&mut self) -> bool {
        let lowat = SockRef::from(&*self).set_tcp_notsent_lowat(1);
        let mut writable = [PollFd::new(&*self, PollFlags::OUT)];
        // poll(2) also has the kernel tell when that changes (SOCK_NOSPACE).
        let waits = poll(&mut writable, Some(&Timespec::default())) == Ok(0);
        !(lowat.is_ok() && waits)
    }

    #[cfg(not(target_os = "linux"))]
    fn has_sent_all(&mut self) -> bool {
        true
    }

    fn has_unread(&mut self) -> bool {
        matches!(self.peek(&mut [0]), Ok(1..))
    }
}

fn errno(errno: rustix::io::Errno) -> Errno {
    Errno::from_raw_os_error(errno.raw_os_error())
}

#[cfg(test)]
mod tests;
