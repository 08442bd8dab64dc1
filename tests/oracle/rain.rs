//! A rain of signals on one thread, so that every call that waits gets EINTR. It needs no unsafe code:
//! signal-hook has a handler that only sets a flag, and nix has `pthread_kill`.
//!
//! signal-hook's handlers restart calls (SA_RESTART), which hides EINTR from all but `poll`. The way round it is
//! in signal(7): a call on a socket with SO_RCVTIMEO or SO_SNDTIMEO is never restarted. See [`feel_signals`].

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sys::pthread::{pthread_kill, pthread_self};
use nix::sys::signal::Signal;
use sockmodes::socket::Socket;

/// The default action of SIGUSR1 would end the process; this one does next to nothing.
static HANDLER: LazyLock<()> = LazyLock::new(|| {
    let flag = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGUSR1, flag).expect("a handler");
});

/// Signals on the thread that made it, one every 2 ms, for as long as it lives.
pub(crate) struct Rain {
    over: Arc<AtomicBool>,
    clouds: Option<JoinHandle<()>>,
}

impl Rain {
    /// Begins to rain on this thread.
    pub(crate) fn here() -> Self {
        LazyLock::force(&HANDLER);
        let over = Arc::new(AtomicBool::new(false));
        // The thread outlives the rain, which `drop` waits for: it is never sent a signal too late.
        let (thread, done) = (pthread_self(), Arc::clone(&over));
        let clouds = thread::spawn(move || {
            while !done.load(Ordering::Relaxed) {
                pthread_kill(thread, Signal::SIGUSR1).expect("the thread lives");
                thread::sleep(Duration::from_millis(2));
            }
        });
        Rain { over, clouds: Some(clouds) }
    }
}

impl Drop for Rain {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(clouds) = self.clouds.take() {
            clouds.join().expect("the rain does not panic");
        }
    }
}

/// Makes the kernel answer EINTR to blocking calls too. An hour is for ever here.
pub(crate) fn feel_signals(socket: &Socket) {
    let hour = Some(Duration::from_secs(3600));
    let descriptor = socket.descriptor().unwrap();
    let socket = socket2::SockRef::from(&descriptor);
    socket.set_read_timeout(hour).unwrap();
    socket.set_write_timeout(hour).unwrap();
}
