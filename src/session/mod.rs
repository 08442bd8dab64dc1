//! What one connection says and hears: a state machine that takes bytes and a time, and gives bytes
//! and a deadline.
//!
//! No socket, no clock, no random numbers: everything comes in through `handle_*`, so a test can
//! play any network and any hour. Read [`State`] and [`TRANSITIONS`] first, then [`Session`]; how
//! it begins is in `beginning.rs`, how it ends in `ending.rs`, what it wants next in `poll.rs`.

mod beginning;
mod ending;
mod fields;
mod handshake;
mod header;
mod login;
mod poll;
mod protocol;
mod scan;
mod stage;
mod state;
mod time;
mod upper;
mod upper_once;
mod verifying;

pub use header::{MAX_HEADER_V1, MAX_HEADER_V2, Origin};
pub use login::Verdict;
pub use poll::{Step, Timer};
pub use protocol::{Protocol, Service};
pub use scan::{MAX_DEPTH, MAX_OBJECT};
pub use stage::{DELIVERY, LINGER, LINGER_QUIET};
pub use state::{Input, Reason, State, TRANSITIONS, Transition};
pub use time::{Time, Timeout};
pub use upper_once::MAX_REQUEST;

use handshake::Heard;
use stage::{Serving, Stage};

/// An idle connection is closed late, by up to its timeout divided by this (1.2 s for 5 min), so
/// that a busy one moves its deadline a few hundred times per timeout and not with every message.
pub const IDLE_SLACK: u32 = 256;

/// One connection's conversation.
///
/// To drive it, in this order:
///
/// 1. make it with [`Session::new`] and send the nonce that comes with it; or, where it comes from a
///    proxy, with [`Session::behind_proxy`];
/// 2. tell it what happened: [`handle_bytes`](Session::handle_bytes),
///    [`handle_end_of_input`](Session::handle_end_of_input),
///    [`handle_flushed`](Session::handle_flushed), [`handle_deadline`](Session::handle_deadline),
///    [`handle_verdict`](Session::handle_verdict),
///    [`handle_no_verdict`](Session::handle_no_verdict), [`handle_stop`](Session::handle_stop),
///    [`handle_drain_deadline`](Session::handle_drain_deadline),
///    [`handle_lost`](Session::handle_lost), and behind a proxy
///    [`handle_admitted`](Session::handle_admitted) or
///    [`handle_refused`](Session::handle_refused);
/// 3. send what the call returned, all of it and in order, and call `handle_flushed` once the
///    kernel has taken the last byte (the same goes for what [`poll_answer`](Session::poll_answer)
///    returns), and [`handle_delivered`](Session::handle_delivered) where it asks for that;
/// 4. do what [`poll_step`](Session::poll_step) says, and go back to 2, by
///    [`poll_deadline`](Session::poll_deadline) at the latest.
///
/// The times passed in must never go back. A call that the present state has no use for does
/// nothing: no order of calls panics.
///
/// ```
/// use sockmodes::auth::{Challenge, Entry, Key, NonceLen, Scheme, Secret};
/// use sockmodes::session::{Protocol, Service, Session, State, Step, Time};
///
/// let key = Key::new(Scheme::HmacMd5, &Secret::new(b"linhaifeng bang bang bang".to_vec())?);
/// let entry = Entry::Challenge(Challenge::new(key.clone(), NonceLen::default()));
/// let (protocol, now) = (Protocol::new(entry, Service::Upper), Time::START);
///
/// let random = |bytes: &mut [u8]| bytes.fill(7); // elsewhere than in an example: random ones
/// let (mut session, nonce) = Session::new(&protocol, now, random);
/// session.handle_flushed(&protocol, now); // the nonce is out
/// assert_eq!(session.state(), State::AwaitDigest);
///
/// let mut segment = key.digest(&nonce).as_bytes().to_vec();
/// segment.extend_from_slice(b"hello"); // in the same segment: nothing is lost
/// assert_eq!(*session.handle_bytes(&protocol, now, &mut segment), *b"HELLO");
/// assert_eq!((session.state(), session.poll_step()), (State::Serving, Step::Read));
/// # Ok::<(), sockmodes::auth::SecretError>(())
/// ```
pub struct Session {
    stage: Stage,
    /// When the present state has lasted long enough.
    deadline: Time,
    /// Bytes were given out, and the kernel has not yet taken all of them.
    owing: bool,
    /// Not yet let in.
    pending: bool,
    /// The deadline is still the one set at the start, which nothing moves.
    on_entry_deadline: bool,
    /// A login has succeeded.
    logged_in: bool,
    /// Logins failed at a name at which none has succeeded since.
    failed_logins: bool,
    /// It was closed although something was owed.
    cut_off: bool,
    /// The state, the admission or the deadline may have changed since the driver last asked.
    touched: bool,
}

impl Session {
    /// Bytes came. What is returned is owed to the peer: it is a part of `bytes`, changed in place.
    #[inline(always)]
    pub fn handle_bytes<'b>(
        &mut self,
        protocol: &Protocol,
        now: Time,
        bytes: &'b mut [u8],
    ) -> &'b [u8] {
        // First what is served unless something else was asked for: it costs one comparison.
        if let Stage::Serving(Serving::Upper(upper)) = self.stage {
            upper.change(bytes);
        } else if !matches!(self.stage, Stage::Serving(Serving::Echo)) {
            return self.hear(protocol, now, bytes);
        }
        // The idle deadline is suspended until the kernel has taken it all.
        self.owing |= !bytes.is_empty();
        bytes
    }

    /// Bytes came that are not answered one by one.
    #[cold]
    fn hear<'b>(&mut self, protocol: &Protocol, now: Time, bytes: &'b mut [u8]) -> &'b [u8] {
        match &mut self.stage {
            Stage::SendNonce(handshake) | Stage::AwaitDigest(handshake) => {
                match handshake.hear(bytes) {
                    Heard::Part => {}
                    Heard::Wrong => self.refuse(Reason::WrongDigest, now),
                    Heard::Right(taken) => {
                        self.let_in(protocol, now);
                        self.enter(Stage::Serving(Serving::new(protocol.service)));
                        return self.handle_bytes(protocol, now, &mut bytes[taken..]);
                    }
                }
            }
            Stage::AwaitHeader(header) => {
                let heard = header.hear(bytes);
                self.touched = true;
                if heard.is_err() {
                    self.refuse(Reason::BadProxyHeader, now);
                }
            }
            Stage::Serving(Serving::UpperOnce(request)) => {
                if request.hear(bytes) {
                    let answer = request.finish();
                    self.end_with(answer, now);
                }
            }
            Stage::Serving(Serving::Login(login)) => {
                login.keep(bytes);
                self.go_on_with_logins(now);
            }
            Stage::Lingering(linger) => {
                self.deadline = linger.postpone(now).unwrap_or(self.deadline);
                self.touched = true;
            }
            // A driver that reads although it was told to wait loses nothing.
            Stage::Verifying(login) => login.keep(bytes),
            Stage::Behind(behind) => behind.bytes.extend_from_slice(bytes),
            Stage::Serving(Serving::Upper(_) | Serving::Echo) => {}
            Stage::Answering(_) | Stage::Draining(_) | Stage::Ending(_) => {}
            Stage::Delivering(_) | Stage::Closed(_) => {}
        }
        self.restart_idle(protocol, now);
        &[]
    }

    // ANCHOR: end_of_input
    /// The peer has shut down its sending side: no more bytes will come.
    pub fn handle_end_of_input(&mut self) {
        match self.take_stage() {
            Stage::SendNonce(_) | Stage::AwaitDigest(_) => self.close(Reason::ShortDigest),
            // To connect and leave is how proxies look whether anybody is there.
            Stage::AwaitHeader(header) if header.is_empty() => self.close(Reason::Done),
            Stage::AwaitHeader(_) => self.close(Reason::BadProxyHeader),
            Stage::Behind(behind) => {
                self.stage = behind.then;
                self.handle_end_of_input();
            }
            Stage::Serving(serving) => {
                self.enter(Stage::Draining(Reason::Done).after(serving.finish()));
            }
            Stage::Verifying(login) => self.stage = Stage::Verifying(login.input_ended()),
            Stage::Delivering(reason) => self.stage = Stage::Draining(reason),
            Stage::Lingering(linger) => self.close(linger.reason),
            other => self.stage = other,
        }
    }
    // ANCHOR_END: end_of_input

    /// The kernel has taken every byte that was owed.
    #[inline(always)]
    pub fn handle_flushed(&mut self, protocol: &Protocol, now: Time) {
        self.owing = false;
        if let Stage::Serving(_) = self.stage {
            return self.restart_idle(protocol, now);
        }
        match self.take_stage() {
            Stage::SendNonce(handshake) => self.stage = Stage::AwaitDigest(handshake),
            Stage::Behind(behind) => self.stage = behind.flushed(),
            Stage::Ending(reason) => self.deliver(reason, now),
            other => self.stage = other,
        }
    }

    /// The kernel has not taken every byte that is owed: until it has, the idle deadline is suspended.
    pub(crate) fn handle_unsent(&mut self) {
        self.touched = true;
    }

    /// From now on the deadline is the idle one.
    fn let_in(&mut self, protocol: &Protocol, now: Time) {
        self.pending = false;
        self.on_entry_deadline = false;
        self.deadline = idle_deadline(protocol, now);
        self.touched = true;
    }

    fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        self.touched = true;
    }

    /// Takes the stage out, to be consumed or put back.
    fn take_stage(&mut self) -> Stage {
        self.touched = true;
        self.stage.take()
    }

    // ANCHOR: restart_idle
    /// Something was heard or paid. The deadline has some slack, so most of the time it can stay.
    #[inline]
    fn restart_idle(&mut self, protocol: &Protocol, now: Time) {
        let is_early = self.deadline < now + protocol.idle_timeout;
        if is_early && matches!(self.stage, Stage::Serving(_)) && !self.on_entry_deadline {
            self.deadline = idle_deadline(protocol, now);
            self.touched = true;
        }
    }
    // ANCHOR_END: restart_idle
}

fn idle_deadline(protocol: &Protocol, now: Time) -> Time {
    now + protocol.idle_timeout + protocol.idle_timeout / IDLE_SLACK
}
