//! The verifier with threads.
//!
//! As many workers as there are cores take logins from a short queue; one more thread checks
//! whether the users have changed. What they find goes back through a channel, and the one
//! [`mio::Waker`] makes the loop look there.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};

use super::{Report, Room, Verifier};
use crate::auth::{Credentials, Refresh, UserStore};
use crate::server::network::Token;
use crate::session::Verdict;

/// How often to check whether the users have changed.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Workers are this much nicer than the loop: while they calculate, everybody else is served first.
#[cfg(target_os = "linux")]
const NICE: i32 = 5;

/// The threads, as the loop sees them.
pub(in crate::server) struct Pool {
    jobs: Sender<Job>,
    reports: Receiver<Report>,
    reloads: Sender<()>,
}

type Job = (Token, Credentials);

/// The way back for reports: none can be sent without waking the loop, nor wake it before it is there.
#[derive(Clone)]
struct Way {
    reports: Sender<Report>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

impl Way {
    /// False once nobody wants to know.
    fn send(&self, report: Report) -> bool {
        let wanted = self.reports.send(report).is_ok();
        (self.wake)();
        wanted
    }
}

impl Pool {
    /// Starts the threads, which call `wake` whenever there is a report; when this is dropped they
    /// end, each after what it has in hand.
    pub(in crate::server) fn start(
        users: Arc<dyn UserStore>,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> io::Result<Pool> {
        let workers = thread::available_parallelism().map_or(1, usize::from);
        // Room for one more each, so that none waits for the loop. Other logins wait in their
        // sessions, and cost nothing if the connection closes meanwhile.
        let (jobs, queue) = bounded::<Job>(workers);
        let (sender, found) = unbounded();
        let (reloads, asked) = bounded(1);
        let way = Way { reports: sender, wake: Arc::new(wake) };
        for number in 1..=workers {
            let (users, queue, way) = (users.clone(), queue.clone(), way.clone());
            let work = move || check_logins(&*users, &queue, &way);
            thread::Builder::new().name(format!("login-{number}")).spawn(work)?;
        }
        let look = move || look_at_users(&*users, &asked, &way);
        thread::Builder::new().name("users".into()).spawn(look)?;
        Ok(Pool { jobs, reports: found, reloads })
    }
}

impl Verifier for Pool {
    fn room(&mut self) -> Option<Room<'_>> {
        // Only this end puts anything in: room that is there now is still there when it is used.
        (!self.jobs.is_full()).then(|| {
            Room::new(|token, credentials| {
                self.jobs
                    .try_send((token, credentials))
                    .expect("there is room, and the workers live");
            })
        })
    }

    fn has_report(&self) -> bool {
        !self.reports.is_empty()
    }

    fn poll_report(&mut self) -> Option<Report> {
        self.reports.try_recv().ok()
    }

    fn reload(&mut self) {
        // If this fails, one was asked for already and has not begun.
        let _ = self.reloads.try_send(());
    }
}

fn check_logins(users: &dyn UserStore, queue: &Receiver<Job>, way: &Way) {
    yield_to_others();
    for (token, credentials) in queue {
        // A store that panics has said neither yes nor no; the connection must not wait for ever.
        let right = catch_unwind(AssertUnwindSafe(|| users.verify(&credentials)));
        let verdict = match right {
            Ok(Ok(true)) => Ok(Verdict::Success),
            Ok(Ok(false)) => Ok(Verdict::Failure),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("looking up a user panicked".into()),
        };
        let name = credentials.name().into();
        drop(credentials);
        let report = match verdict {
            Ok(verdict) => Report::Verdict { token, name, verdict },
            Err(why) => Report::Unable { token, why },
        };
        if !way.send(report) {
            return;
        }
    }
}

fn look_at_users(users: &dyn UserStore, asked: &Receiver<()>, way: &Way) {
    loop {
        let must_read = match asked.recv_timeout(LOOK_EVERY) {
            Ok(()) => true,
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let found = catch_unwind(AssertUnwindSafe(|| users.refresh(must_read)));
        let found = found.unwrap_or_else(|_| Refresh::Broken("looking at the users failed".into()));
        if found != Refresh::Unchanged && !way.send(Report::Users(found)) {
            return;
        }
    }
}

/// On Linux a thread has a niceness of its own.
fn yield_to_others() {
    #[cfg(target_os = "linux")]
    {
        // Best effort: without it the kernel shares the cores evenly.
        let _ = rustix::process::nice(NICE);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use zeroize::Zeroizing;

    use super::*;
    use crate::auth::VerifyError;

    /// Whoever gives his own name for a password.
    struct Parrots;

    impl UserStore for Parrots {
        fn verify(&self, credentials: &Credentials) -> Result<bool, VerifyError> {
            Ok(credentials.password() == Some(credentials.name()))
        }
        fn refresh(&self, must_read: bool) -> Refresh {
            if must_read { Refresh::Changed(1) } else { Refresh::Unchanged }
        }
    }

    #[test]
    fn a_report_is_there_when_the_loop_is_woken_for_it() {
        const LOGINS: usize = 500;
        // Looked at within the call that wakes, where the loop could already run.
        let found: Arc<Mutex<Option<Receiver<Report>>>> = Arc::default();
        let (tell, told) = unbounded();
        let looking = found.clone();
        let mut pool = Pool::start(Arc::new(Parrots), move || {
            let reports = looking.lock().unwrap();
            let report = reports.as_ref().expect("nothing was asked before").try_recv();
            tell.send(report.is_ok()).unwrap();
        })
        .unwrap();
        *found.lock().unwrap() = Some(pool.reports.clone());
        for number in 0..LOGINS {
            let credentials = Credentials::new("eva", Zeroizing::new("eva".into()));
            if let Some(room) = pool.room() {
                room.submit(Token(number), credentials);
            } else {
                assert!(told.recv().unwrap(), "woken for nothing");
            }
        }
        pool.reload();
        assert!(told.recv().unwrap(), "woken for nothing");
    }
}
