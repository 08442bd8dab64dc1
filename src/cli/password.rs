//! Asking for a password: hidden on a terminal, else the next line of standard input.

use std::io::{self, BufRead, ErrorKind, IsTerminal, Read, Write};
use std::sync::Once;
use std::thread;

use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;
use zeroize::Zeroizing;

use super::Failure;

/// A password from whoever sits at the terminal, or else from standard input; `None` at its end.
pub(super) fn ask(prompt: &str) -> Result<Option<Zeroizing<String>>, Failure> {
    if !io::stdin().is_terminal() {
        return line();
    }
    keep_echo();
    match rpassword::prompt_password(prompt) {
        Ok(password) => Ok(Some(Zeroizing::new(password))),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
            let _ = writeln!(io::stderr());
            Ok(None)
        }
        Err(error) if error.kind() == ErrorKind::Interrupted => Err(Failure::interrupted()),
        Err(error) => Err(Failure::Failed(format!("cannot ask for a password: {error}"))),
    }
}

/// From now on, a signal that ends the program first puts the terminal back as it is now; otherwise
/// one that came while a password is being typed would leave a terminal that shows nothing.
fn keep_echo() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let Ok(before) = tcgetattr(io::stdin()) else { return };
        let Ok(mut signals) = Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM]) else { return };
        thread::spawn(move || {
            for signal in signals.forever() {
                let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
                let _ = emulate_default_handler(signal);
            }
        });
    });
}

/// The most bytes of a line: far more than any name or password has.
const MAX_LINE: u64 = 64 * 1024;

/// The next line of standard input without its end, a line feed or CR LF; `None` at the end of input.
pub(super) fn line() -> Result<Option<Zeroizing<String>>, Failure> {
    // Of the full size from the start, so that it never grows and leaves a copy behind.
    let mut line = Zeroizing::new(String::with_capacity(MAX_LINE as usize));
    match io::stdin().lock().take(MAX_LINE).read_line(&mut line) {
        Ok(0) => return Ok(None),
        Ok(_) => {}
        Err(error) => {
            return Err(Failure::Failed(format!("cannot read standard input: {error}")));
        }
    }
    if line.ends_with('\n') {
        line.pop();
        if line.ends_with('\r') {
            line.pop();
        }
    } else if line.len() as u64 == MAX_LINE {
        // The rest of it must not be taken for the next answer.
        return Err(Failure::Failed(format!("a line of more than {MAX_LINE} bytes")));
    }
    Ok(Some(line))
}
