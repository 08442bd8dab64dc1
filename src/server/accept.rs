//! Accepting: until the kernel has no more, within a budget, and without spinning when descriptors
//! run out.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use super::connection::Connection;
use super::event_loop::EventLoop;
use super::network::{MAX_CONNECTIONS, Network, Token};
use super::penalties::Offence;
use crate::auth::MAX_NONCE_LEN;
use crate::observe::{Detail, Event};
use crate::session::{Reason, Session, Time};

/// How many connections one listener accepts in one turn before the others have theirs.
const BUDGET: usize = 256;
/// With no descriptor free, accepting is tried again after this long, or once the server frees one.
const RETRY_AFTER: Duration = Duration::from_millis(250);

/// Which listeners have connections waiting, as far as is known.
#[derive(Default)]
pub(super) struct Accepting {
    ready: Vec<usize>,
    /// No descriptor was free: nothing is accepted before this.
    paused_until: Option<Time>,
    /// It was told that accepting pauses, and not yet that it goes on.
    told_pause: bool,
    /// The number of the newest connection.
    newest: u64,
}

impl Accepting {
    pub(super) fn note_ready(&mut self, listener: usize) {
        if !self.ready.contains(&listener) {
            self.ready.push(listener);
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
    Pause(i32),
}

impl Failure {
    fn of(error: &io::Error) -> Failure {
        use rustix::io::Errno;
        if error.kind() == ErrorKind::WouldBlock {
            return Failure::Done;
        }
        let errno = error.raw_os_error().unwrap_or_default();
        // ANCHOR: failure
        match Errno::from_raw_os_error(errno) {
            Errno::CONNABORTED | Errno::INTR | Errno::PERM => Failure::Next,
            // Network errors that Linux passes on from the new socket: accept(2) lists them, to be
            // treated like EAGAIN by trying again.
            Errno::NETDOWN | Errno::NETUNREACH | Errno::HOSTDOWN | Errno::HOSTUNREACH => {
                Failure::Next
            }
            Errno::PROTO | Errno::NOPROTOOPT | Errno::OPNOTSUPP => Failure::Next,
            #[cfg(target_os = "linux")]
            Errno::NONET => Failure::Next,
            // EMFILE, ENFILE, ENOBUFS, ENOMEM; and whatever else might never end.
            _ => Failure::Pause(errno),
        }
        // ANCHOR_END: failure
    }
}

impl<N: Network> EventLoop<N> {
    /// Accepts from every listener that is ready.
    pub(super) fn accept(&mut self) {
        if !self.accepting.wants_a_turn(self.tools.now) {
            return;
        }
        self.accepting.paused_until = None;
        for listener in std::mem::take(&mut self.accepting.ready) {
            if !self.accept_from(listener) {
                self.accepting.note_ready(listener);
            }
        }
    }

    // ANCHOR: accept_from
    /// Accepts until there are no more; returns whether it got that far.
    fn accept_from(&mut self, listener: usize) -> bool {
        if self.accepting.paused_until.is_some() {
            return false;
        }
        for _ in 0..BUDGET {
            let error = match self.network.accept(listener) {
                Ok((stream, peer)) => {
                    if std::mem::take(&mut self.accepting.told_pause) {
                        self.tools.events.tell(Detail::Life, None, || Event::AcceptResumed);
                    }
                    self.admit(stream, peer);
                    continue;
                }
                Err(error) => error,
            };
            self.tools.events.tell(Detail::Calls, None, || Event::AcceptFailed {
                errno: error.raw_os_error().unwrap_or_default(),
            });
            match Failure::of(&error) {
                Failure::Done => return true,
                Failure::Next => {}
                Failure::Pause(errno) => {
                    self.accepting.paused_until = Some(self.tools.now + RETRY_AFTER);
                    // Once, however often it is tried again in vain.
                    if !std::mem::replace(&mut self.accepting.told_pause, true) {
                        self.tools
                            .events
                            .tell(Detail::Life, None, || Event::AcceptPaused { errno });
                    }
                    return false;
                }
            }
        }
        false
    }
    // ANCHOR_END: accept_from

    /// Takes a connection in, or closes it again without a nonce if a limit or a penalty says so.
    pub(super) fn admit(&mut self, stream: N::Stream, peer: SocketAddr) {
        self.accepting.newest += 1;
        let number = self.accepting.newest;
        let judgement = match self.connections.len() {
            MAX_CONNECTIONS.. => Err(Reason::TooManyConnections),
            _ if self.is_penalized(peer) => Err(Reason::Penalized),
            _ => self.admission.judge(peer.ip(), &mut *self.rng),
        };
        if let Err(reason) = judgement {
            self.tools.events.tell(Detail::Life, Some(number), || Event::Refused { peer, reason });
            return;
        }
        let mut nonce = [0; MAX_NONCE_LEN];
        let nonce = self.nonces.draw(&mut *self.rng, &mut nonce);
        let session = Session::new(&self.tools.protocol, nonce, self.tools.now);
        let (pending, state) = (session.is_pending(), session.state());
        let key = self.connections.insert(Connection::new(stream, peer, number, session));
        self.admission.opened();
        if pending {
            self.connections[key].counted_pending = true;
            self.admission.pending_began(peer.ip());
        }
        self.tools.events.tell(Detail::Life, Some(number), || Event::Opened { peer, state });
        if !pending {
            self.tools.events.tell(Detail::Life, Some(number), || Event::LetIn { peer });
        }
        self.greet(key, nonce);
    }

    fn is_penalized(&self, peer: SocketAddr) -> bool {
        self.offenders.as_ref().is_some_and(|offenders| offenders.refuse(peer.ip(), self.tools.now))
    }

    /// Penalizes the source of the connection at `key`, if the way it ended is an offence.
    pub(super) fn penalize(&mut self, key: usize, reason: Reason) {
        let Some(offenders) = &mut self.offenders else { return };
        let connection = &self.connections[key];
        let let_in = connection.session.is_admitted();
        let only_failures = connection.logged_in == Some(false);
        let Some(offence) = Offence::of(reason, let_in, only_failures) else { return };
        if let Some(penalty) = offenders.penalize(connection.peer.ip(), offence, self.tools.now) {
            self.tools.events.tell(Detail::Life, Some(connection.number), || Event::Penalty {
                source: penalty.source.to_string(),
                reason,
                seconds: penalty.lasts.as_secs_f64(),
            });
        }
    }

    /// Sends the nonce, and only then asks for edges: that way the nonce gets there sooner.
    fn greet(&mut self, key: usize, nonce: &[u8]) {
        self.turn_at(key, |connection, tools| connection.deliver(nonce, tools));
        let Some(connection) = self.connections.get_mut(key) else { return };
        let token = Token::new(key, connection.number);
        if self.network.register(connection.stream_mut(), token).is_err() {
            self.turn_at(key, |connection, _| {
                connection.session.handle_lost(Reason::SocketError);
            });
        }
    }
}
