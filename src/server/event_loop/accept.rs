//! Accepting: until the kernel has no more, within a budget that all listeners share, and without
//! spinning when descriptors run out or errors never end.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use super::EventLoop;
use crate::observe::{Detail, Event};
use crate::server::connection::Connection;
use crate::server::network::{Errno, Network, Token};
use crate::session::{Reason, Session, Time};

/// How many connections are accepted in one turn, from all listeners together: few enough that the
/// next wait can report each of them twice, so that nobody opens faster than the loop can close.
const BUDGET: usize = 128;
/// How many of them one listener gives before the next has its share.
const SHARE: usize = 16;
/// After so many errors of single connections, and nothing else, accepting pauses: they may never end.
const MOST_ERRORS: usize = 64;
/// With no descriptor free, accepting is tried again after this long, or once the server frees one.
const RETRY_AFTER: Duration = Duration::from_millis(250);

/// Which listeners have connections waiting, as far as is known.
#[derive(Default)]
pub(super) struct Accepting {
    /// Each once, the longest waiting first.
    ready: VecDeque<usize>,
    /// No descriptor was free, or the like: nothing is accepted before this.
    paused_until: Option<Time>,
    /// It was told that accepting pauses, and not yet that it goes on.
    told_pause: bool,
    /// Errors of single connections since the last one that came.
    errors: usize,
    /// The number of the newest connection.
    newest: u64,
}

impl Accepting {
    pub(super) fn note_ready(&mut self, listener: usize) {
        if !self.ready.contains(&listener) {
            self.ready.push_back(listener);
        }
    }

    /// Whether there is something to accept now, so that the loop must not wait.
    pub(super) fn wants_a_turn(&self, now: Time) -> bool {
        !self.ready.is_empty() && self.paused_until.is_none_or(|until| until <= now)
    }

    /// When accepting is tried again, if it is paused.
    pub(super) fn retry_at(&self) -> Time {
        self.paused_until.unwrap_or(Time::NEVER)
    }

    pub(super) fn descriptor_freed(&mut self, now: Time) {
        if let Some(until) = &mut self.paused_until {
            *until = now;
        }
    }

    pub(super) fn stop(&mut self) {
        self.ready.clear();
        self.paused_until = None;
    }
}

/// What to do after an `accept` that failed.
enum Failure {
    /// There are no more.
    Done,
    /// It concerned one connection, which is gone already.
    Next,
    /// No descriptor, no memory for one, or something else that trying again at once won't mend.
    Pause,
}

impl Failure {
    // ANCHOR: failure
    fn of(errno: Errno) -> Failure {
        match errno {
            Errno::AGAIN => Failure::Done,
            Errno::CONNABORTED | Errno::INTR | Errno::PERM => Failure::Next,
            // Network errors that Linux passes on from the new socket: accept(2) lists them, to be
            // treated like EAGAIN by trying again.
            Errno::NETDOWN | Errno::NETUNREACH | Errno::HOSTDOWN | Errno::HOSTUNREACH => {
                Failure::Next
            }
            Errno::PROTO | Errno::NOPROTOOPT | Errno::OPNOTSUPP => Failure::Next,
            #[cfg(any(target_os = "linux", not(unix)))]
            Errno::NONET => Failure::Next,
            // EMFILE, ENFILE, ENOBUFS, ENOMEM; and whatever else might never end.
            _ => Failure::Pause,
        }
    }
    // ANCHOR_END: failure
}

impl<N: Network> EventLoop<N> {
    // ANCHOR: accept
    /// Accepts from the listeners that are ready, in turn, until none has more or the turn's budget
    /// is spent.
    pub(super) fn accept(&mut self) {
        if !self.accepting.wants_a_turn(self.tools.now) {
            return;
        }
        self.accepting.paused_until = None;
        for _ in 0..BUDGET / SHARE {
            let Some(listener) = self.accepting.ready.pop_front() else { return };
            if !self.accept_from(listener) {
                self.accepting.ready.push_back(listener);
            }
            if self.accepting.paused_until.is_some() {
                return;
            }
        }
    }
    // ANCHOR_END: accept

    // ANCHOR: accept_from
    /// Accepts until there are no more, or the listener's share is spent; returns whether there are
    /// no more.
    fn accept_from(&mut self, listener: usize) -> bool {
        for _ in 0..SHARE {
            let errno = match self.network.accept(listener) {
                Ok((stream, peer)) => {
                    self.tell_resumed();
                    self.admit(stream, peer);
                    continue;
                }
                Err(errno) => errno,
            };
            self.tools.tell(Detail::Calls, None, || Event::AcceptFailed { errno });
            match Failure::of(errno) {
                Failure::Done => return true,
                Failure::Next if self.accepting.errors < MOST_ERRORS => self.accepting.errors += 1,
                Failure::Next | Failure::Pause => {
                    self.pause(errno);
                    return false;
                }
            }
        }
        false
    }
    // ANCHOR_END: accept_from

    // ANCHOR: pause
    fn pause(&mut self, errno: Errno) {
        self.accepting.paused_until = Some(self.tools.now + RETRY_AFTER);
        // Once, however often it is tried again in vain.
        if !std::mem::replace(&mut self.accepting.told_pause, true) {
            self.tools.tell(Detail::Server, None, || Event::AcceptPaused { errno });
        }
    }
    // ANCHOR_END: pause

    // ANCHOR: tell_resumed
    fn tell_resumed(&mut self) {
        self.accepting.errors = 0;
        if std::mem::take(&mut self.accepting.told_pause) {
            self.tools.tell(Detail::Server, None, || Event::AcceptResumed);
        }
    }
    // ANCHOR_END: tell_resumed

    // ANCHOR: admit
    /// Takes a connection in, or closes it again without a word if the gate says so.
    pub(super) fn admit(&mut self, stream: N::Stream, peer: SocketAddr) {
        self.accepting.newest += 1;
        let number = self.accepting.newest;
        let (open, now, network) = (self.connections.len(), self.tools.now, &mut self.network);
        let random = || {
            let mut number = [0; 4];
            network.random(&mut number);
            u32::from_le_bytes(number)
        };
        let is_proxy = self.gate.is_proxy(peer.ip());
        let judgement = match is_proxy {
            false => self.gate.judge(peer.ip(), open, now, random),
            true => self.gate.judge_proxied(open, random),
        };
        if let Err(reason) = judgement {
            self.tools.tell(Detail::Server, Some(number), || Event::Refused { peer, reason });
            return;
        }
        if is_proxy {
            return self.await_header(stream, peer, number);
        }
        let random = |bytes: &mut [u8]| self.network.random(bytes);
        let (session, greeting) = Session::new(&self.tools.protocol, now, random);
        let (pending, state) = (session.is_pending(), session.state());
        let key = self.connections.insert(Connection::new(stream, peer, number, session));
        if pending {
            self.connections[key].counted_pending = true;
            self.gate.pending_began(Some(peer.ip()));
        }
        self.tools.tell(Detail::Life, Some(number), || Event::Opened { peer, state, via: None });
        if !pending {
            self.tools.tell(Detail::Life, Some(number), || Event::LetIn { peer });
        }
        self.greet(key, &greeting);
    }
    // ANCHOR_END: admit

    /// Sends what the session says first, and only then asks for edges: that way it gets there sooner.
    pub(super) fn greet(&mut self, key: usize, greeting: &[u8]) {
        self.serve_at(key, |connection, tools| connection.deliver(greeting, tools));
        let Some(connection) = self.connections.get_mut(key) else { return };
        let token = Token::new(key, connection.number);
        if self.network.register(connection.stream_mut(), token).is_err() {
            self.serve_at(key, |connection, _| {
                connection.session.handle_lost(Reason::SocketError);
            });
        }
    }
}
