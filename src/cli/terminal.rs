//! The terminal that is standard input: its mode, and its bytes.
//!
//! A prompt needs another mode than the shell: one that does not show a password, or does not wait for a whole
//! line. Whatever ends or stops the program, the terminal is first put back as it was; when the program goes
//! on, it gets the prompt's mode again. And no byte is read before it is needed. What somebody types ahead
//! stays in the kernel, for the next prompt or for the shell. Never here: what the bytes mean.

use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGCONT, SIGTSTP, SIGWINCH};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use super::signals::ending;

/// The terminal in a mode of this program's; dropped, it is as it was.
pub(super) struct Terminal {
    told: UnixStream,
}

/// What there is to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    Byte(u8),
    /// The program was stopped and goes on: what it had shown may be gone.
    Continued,
    /// The window has another size.
    Resized,
    /// Nothing more will come, or nothing more on this line: Control-D in a mode that waits for lines.
    End,
}

/// What the thread that waits for signals has to know.
struct Watched {
    is_watching: bool,
    changed: Option<Changed>,
}

struct Changed {
    before: Termios,
    now: Termios,
    tell: UnixStream,
}

static WATCHED: Mutex<Watched> = Mutex::new(Watched { is_watching: false, changed: None });

fn watched() -> MutexGuard<'static, Watched> {
    WATCHED.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Terminal {
    /// Changes its mode. There is one terminal, so one of these at a time.
    pub(super) fn enter(change: impl FnOnce(&mut Termios)) -> io::Result<Terminal> {
        let mut watched = watched();
        if !watched.is_watching {
            let signals = Signals::new(ending(&[SIGCONT, SIGTSTP, SIGWINCH]))?;
            thread::Builder::new().name("signals".into()).spawn(move || watch(signals))?;
            watched.is_watching = true;
        }
        let before = tcgetattr(io::stdin())?;
        let mut now = before.clone();
        change(&mut now);
        let (told, tell) = UnixStream::pair()?;
        tell.set_nonblocking(true)?;
        // At once, and not after a flush, which would throw away what was typed ahead.
        tcsetattr(io::stdin(), OptionalActions::Now, &now)?;
        watched.changed = Some(Changed { before, now, tell });
        Ok(Terminal { told })
    }

    /// Waits for the next thing to know.
    pub(super) fn next(&mut self) -> io::Result<Input> {
        let stdin = io::stdin();
        let mut both = [
            PollFd::new(&self.told, PollFlags::IN),
            PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::IN),
        ];
        retry_on_intr(|| poll(&mut both, None))?;
        if both[0].revents().is_empty() {
            return Ok(next_byte()?.map_or(Input::End, Input::Byte));
        }
        let mut what = [0];
        self.told.read_exact(&mut what)?;
        Ok(if what == RESIZED { Input::Resized } else { Input::Continued })
    }

    /// Whether nothing more has been typed yet.
    pub(super) fn is_idle(&self) -> bool {
        let stdin = io::stdin();
        let mut typed = [PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::IN)];
        !matches!(poll(&mut typed, Some(&Timespec::default())), Ok(1..))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some(changed) = watched().changed.take() {
            restore(&changed.before);
        }
    }
}

fn restore(before: &Termios) {
    // A terminal that is gone needs no mode.
    let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
}

const RESIZED: [u8; 1] = *b"r";
const CONTINUED: [u8; 1] = *b"c";

/// Waits for signals, as long as the program runs; does what each would have done, with the terminal as it
/// was.
fn watch(mut signals: Signals) {
    for signal in signals.forever() {
        // Held until the signal has had its effect, so that nobody changes the mode in between.
        let watched = watched();
        let Some(changed) = &watched.changed else {
            let _ = emulate_default_handler(signal);
            continue;
        };
        match signal {
            SIGWINCH => tell(changed, RESIZED),
            SIGCONT => {
                // The shell may have changed it, and showed what it liked.
                let _ = tcsetattr(io::stdin(), OptionalActions::Now, &changed.now);
                tell(changed, CONTINUED);
            }
            _ => {
                restore(&changed.before);
                let _ = emulate_default_handler(signal);
            }
        }
    }
}

fn tell(changed: &Changed, what: [u8; 1]) {
    // If there is no room, whoever is told has enough to do.
    let _ = (&changed.tell).write(&what);
}

/// The next byte of standard input, and none beyond it, so that what follows is there for whoever reads next;
/// `None` at its end, also if it was a terminal that is gone.
pub(super) fn next_byte() -> io::Result<Option<u8>> {
    let mut byte = [0];
    match retry_on_intr(|| rustix::io::read(io::stdin(), &mut byte)) {
        Ok(0) | Err(Errno::IO) => Ok(None),
        Ok(_) => Ok(Some(byte[0])),
        Err(error) => Err(error.into()),
    }
}

/// Shows a prompt to whoever sits at the terminal, wherever the outputs go.
pub(super) fn show(prompt: &str) {
    let terminal = match io::stderr().is_terminal() {
        true => None,
        false => OpenOptions::new().write(true).open("/dev/tty").ok(),
    };
    // Without a prompt an answer can be typed all the same.
    let _ = match terminal {
        Some(mut terminal) => terminal.write_all(prompt.as_bytes()),
        None => io::stderr().write_all(prompt.as_bytes()),
    };
}

#[cfg(test)]
mod tests;
