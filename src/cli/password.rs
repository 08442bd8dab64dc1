//! Asking for a password: hidden on a terminal, else the next line of standard input.

use std::io::{self, BufRead, ErrorKind, IsTerminal, Write};
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
const MAX_LINE: usize = 64 * 1024;

/// The next line of standard input without its end, a line feed or CR LF; `None` at the end of input.
pub(super) fn line() -> Result<Option<Zeroizing<String>>, Failure> {
    read_line(io::stdin().lock()).map_err(Failure::Failed)
}

/// The next line of `input`. How long it is, is looked at before what it is: a line that is cut off may end within a
/// character. The rest of one that is too long stays where it is, and must not be taken for the next answer.
fn read_line(input: impl BufRead) -> Result<Option<Zeroizing<String>>, String> {
    // Of the full size from the start, so that it never grows and leaves a copy behind.
    let most = MAX_LINE + "\r\n".len();
    let mut line = Zeroizing::new(Vec::with_capacity(most));
    match input.take(most as u64).read_until(b'\n', &mut line) {
        Ok(0) => return Ok(None),
        Ok(_) => {}
        Err(error) => return Err(format!("cannot read standard input: {error}")),
    }
    if line.pop_if(|end| *end == b'\n').is_some() {
        line.pop_if(|end| *end == b'\r');
    }
    if line.len() > MAX_LINE {
        return Err(format!("a line of more than {MAX_LINE} bytes"));
    }
    match std::str::from_utf8(&line) {
        Ok(text) => Ok(Some(Zeroizing::new(text.to_owned()))),
        Err(_) => Err("cannot read standard input: a line of it is not UTF-8".into()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::prelude::*;

    use super::*;

    /// The lines of `input`, which comes in pieces of `piece` bytes, and what is said at last of one that is none.
    fn lines(input: &[u8], piece: usize) -> (Vec<String>, Option<String>) {
        let (mut input, mut lines) = (BufReader::with_capacity(piece, input), Vec::new());
        loop {
            match read_line(&mut input) {
                Ok(Some(line)) => lines.push(line.to_string()),
                Ok(None) => return (lines, None),
                Err(error) => return (lines, Some(error)),
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        /// The limit falls on every byte of characters of every length, and on the line's end.
        #[test]
        fn a_line_is_too_long_or_no_text_or_itself_however_it_comes(
            character in prop::sample::select(vec!["x", "\u{e9}", "\u{65ed}", "\u{1f600}", "\r"]),
            len in MAX_LINE - 8..MAX_LINE + 8,
            end in prop::sample::select(vec!["", "\n", "\r\n"]),
            is_text in any::<bool>(),
            piece in prop_oneof![1..8_usize, Just(4096), Just(MAX_LINE - 1), Just(MAX_LINE + 1)],
        ) {
            let mut text = "y".repeat(len % character.len()).into_bytes();
            text.extend(character.repeat(len / character.len()).bytes());
            if !is_text {
                text[7] = b'\xff';
            }
            let input = [&text, end.as_bytes()].concat();
            // Of a line feed and a CR before it, the text has kept none.
            let text = if end == "\n" { text.strip_suffix(b"\r").unwrap_or(&text) } else { &text };
            let expected = if text.len() > MAX_LINE {
                (vec![], Some(format!("a line of more than {MAX_LINE} bytes")))
            } else {
                match std::str::from_utf8(text) {
                    Ok(text) => (vec![text.to_owned()], None),
                    Err(_) => (vec![], Some("cannot read standard input: a line of it is not UTF-8".to_owned())),
                }
            };
            prop_assert_eq!(lines(&input, piece), expected);
        }
    }

    #[test]
    fn a_line_loses_its_end_and_nothing_else() {
        let (lines, error) = lines(b"a\r\n\n \xc3\xa9 \r\r\nlast", 1);
        assert_eq!(
            (lines.as_slice(), error),
            (&["a", "", " \u{e9} \r", "last"].map(String::from)[..], None)
        );
    }
}
