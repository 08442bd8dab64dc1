//! An alarm clock for the loop's waiting: a timerfd(2) that is rarely set.
//!
//! An epoll_wait(2) with a timeout of its own starts a timer in the kernel and stops it again,
//! which is some 7 % of what a message costs where messages come one at a time. Deadlines mostly
//! move further away, so this clock is left as it is: it may ring too early, once per timeout, and
//! is then set anew.

use std::io;
use std::time::Duration;

use mio::{Registry, Token};
use timer::Timer;

use crate::session::Time;

/// The clock, and when it rings.
pub(super) struct Alarm {
    timer: Timer,
    rings_at: Time,
}

impl Alarm {
    /// Not set yet. When it rings, the poll reports `token`.
    pub(super) fn new(registry: &Registry, token: Token) -> io::Result<Alarm> {
        Ok(Alarm { timer: Timer::new(registry, token)?, rings_at: Time::NEVER })
    }

    /// Makes sure that the poll does not wait beyond `until`, so that it needs no timeout; if that
    /// can't be done, returns the timeout that it does need. `now` is called only if the clock has
    /// to be set.
    pub(super) fn take_over(&mut self, until: Time, now: impl Fn() -> Time) -> Option<Duration> {
        if self.rings_at <= until {
            return None;
        }
        let left = until.since(now());
        // Setting it to zero would stop it.
        if left.is_zero() || self.timer.set(left).is_err() {
            return Some(left);
        }
        self.rings_at = until;
        None
    }

    /// It is `now`: what was to ring by then has rung. The timer need not be read: setting it again
    /// resets it.
    pub(super) fn note_time(&mut self, now: Time) {
        if self.rings_at <= now {
            self.rings_at = Time::NEVER;
        }
    }
}

#[cfg(target_os = "linux")]
mod timer {
    use std::io;
    use std::os::fd::{AsRawFd, OwnedFd};
    use std::time::Duration;

    use mio::unix::SourceFd;
    use mio::{Interest, Registry, Token};
    use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};
    use rustix::time::{timerfd_create, timerfd_settime};

    pub(super) struct Timer(OwnedFd);

    impl Timer {
        pub(super) fn new(registry: &Registry, token: Token) -> io::Result<Timer> {
            let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
            let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            registry.register(&mut SourceFd(&timer.as_raw_fd()), token, Interest::READABLE)?;
            Ok(Timer(timer))
        }

        pub(super) fn set(&self, timeout: Duration) -> io::Result<()> {
            let it_value = Timespec::try_from(timeout).map_err(io::Error::other)?;
            let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value };
            timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &once)?;
            Ok(())
        }
    }
}

/// Elsewhere there is no such timer, and each wait has its timeout.
#[cfg(not(target_os = "linux"))]
mod timer {
    use std::io;
    use std::time::Duration;

    use mio::{Registry, Token};

    pub(super) struct Timer;

    impl Timer {
        pub(super) fn new(_: &Registry, _: Token) -> io::Result<Timer> {
            Ok(Timer)
        }

        pub(super) fn set(&self, _: Duration) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::time::Instant;

    use mio::{Events, Poll};

    use super::*;

    const SHORT: Duration = Duration::from_millis(20);

    #[test]
    fn it_rings_at_the_earliest_time_that_it_was_set_to_and_again() {
        let mut poll = Poll::new().unwrap();
        let mut alarm = Alarm::new(poll.registry(), Token(7)).unwrap();
        let mut events = Events::with_capacity(4);
        for _ in 0..3 {
            let began = Instant::now();
            assert_eq!(alarm.take_over(Time::START + SHORT * 1000, || Time::START), None);
            assert_eq!(alarm.take_over(Time::START + SHORT, || Time::START), None);
            let later = Time::START + SHORT * 2;
            assert_eq!(alarm.take_over(later, || panic!("it is set early enough")), None);
            poll.poll(&mut events, None).unwrap();
            assert!(began.elapsed() >= SHORT);
            assert_eq!(events.iter().map(|event| event.token()).collect::<Vec<_>>(), [Token(7)]);
            alarm.note_time(Time::START + SHORT);
        }
    }

    #[test]
    fn for_what_is_due_already_the_poll_does_not_wait() {
        let poll = Poll::new().unwrap();
        let mut alarm = Alarm::new(poll.registry(), Token(7)).unwrap();
        let now = Time::START + SHORT;
        for due in [Time::START, now] {
            assert_eq!(alarm.take_over(due, || now), Some(Duration::ZERO));
        }
        assert_eq!(alarm.take_over(now + SHORT, || now), None);
    }
}
