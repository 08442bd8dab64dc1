//! Asking for a name or a password: at a prompt on a terminal, else on the next line of standard input.
//!
//! On a terminal the kernel lets people edit their line, as everywhere; a password is not shown.

use std::io::{self, IsTerminal};
use std::mem;

use rustix::termios::{InputModes, LocalModes, Termios};
use zeroize::{Zeroize, Zeroizing};

use super::Failure;
use super::terminal::{Input, Terminal, next_byte, show};

/// The most bytes of a line: far more than any name or password has.
pub(super) const MAX_LINE: usize = 64 * 1024;

/// The bytes of a line without its end, a line feed or CR LF.
pub(super) type Answer = Zeroizing<Vec<u8>>;

/// Whether what is typed is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Echo {
    On,
    Off,
}

/// An answer from whoever sits at the terminal, or else from standard input; `None` at its end.
pub(super) fn ask(prompt: &str, echo: Echo) -> Result<Option<Answer>, Failure> {
    if !io::stdin().is_terminal() {
        return read_line(next_byte).map_err(Failure::Failed);
    }
    let cannot = |error: io::Error| Failure::Failed(format!("cannot use the terminal: {error}"));
    let mut terminal = Terminal::enter(|mode| by_lines(mode, echo)).map_err(cannot)?;
    show(prompt);
    let next = || loop {
        match terminal.next()? {
            Input::Byte(byte) => return Ok(Some(byte)),
            Input::End => return Ok(None),
            Input::Continued => show(prompt),
            Input::Resized => {}
        }
    };
    let answer = read_line(next).map_err(Failure::Failed);
    // What ended it was not shown: a line feed if nothing is, and Control-D never is.
    if echo == Echo::Off || !matches!(answer, Ok(Some(_))) {
        show("\n");
    }
    answer
}

/// Whole lines, whatever the mode was before.
fn by_lines(mode: &mut Termios, echo: Echo) {
    mode.input_modes |= InputModes::ICRNL;
    mode.input_modes -= InputModes::IGNCR | InputModes::INLCR;
    mode.local_modes |= LocalModes::ICANON;
    mode.local_modes -= LocalModes::ECHONL;
    mode.local_modes.set(LocalModes::ECHO, echo == Echo::On);
}

/// The next line of the bytes that `next` gives. The rest of one that is too long stays where it is, and must not
/// be taken for the next answer.
fn read_line(mut next: impl FnMut() -> io::Result<Option<u8>>) -> Result<Option<Answer>, String> {
    // Of the full size from the start, so that it never grows and leaves a copy behind.
    let most = MAX_LINE + "\r\n".len();
    let mut line = Zeroizing::new(Vec::with_capacity(most));
    while line.len() < most && !line.ends_with(b"\n") {
        match next().map_err(|error| format!("cannot read standard input: {error}"))? {
            Some(byte) => line.push(byte),
            None if line.is_empty() => return Ok(None),
            None => break,
        }
    }
    if line.pop_if(|end| *end == b'\n').is_some() {
        line.pop_if(|end| *end == b'\r');
    }
    match line.len() {
        ..=MAX_LINE => Ok(Some(line)),
        _ => Err(format!("a line of more than {MAX_LINE} bytes")),
    }
}

/// The answer as text, or why `what` can't be that.
pub(super) fn text(what: &str, mut answer: Answer) -> Result<Zeroizing<String>, String> {
    if answer.starts_with("\u{feff}".as_bytes()) {
        // Some programs put it in front of what they write, and nobody can see it.
        return Err(format!("{what} that begins with a byte order mark (U+FEFF) is refused"));
    }
    String::from_utf8(mem::take(&mut *answer)).map(Zeroizing::new).map_err(|error| {
        error.into_bytes().zeroize();
        format!("{what} that is not valid UTF-8 is refused")
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The lines of `input`, and what is said at last of one that is none.
    fn lines(input: &[u8]) -> (Vec<Vec<u8>>, Option<String>) {
        let (mut bytes, mut lines) = (input.iter().copied(), Vec::new());
        loop {
            match read_line(|| Ok(bytes.next())) {
                Ok(Some(line)) => lines.push(line.to_vec()),
                Ok(None) => return (lines, None),
                Err(error) => return (lines, Some(error)),
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        /// The limit falls on every byte of characters of every length, and on the line's end.
        #[test]
        fn a_line_is_too_long_or_itself(
            character in prop::sample::select(vec!["x", "\u{e9}", "\u{65ed}", "\u{1f600}", "\r"]),
            len in MAX_LINE - 8..MAX_LINE + 8,
            end in prop::sample::select(vec!["", "\n", "\r\n"]),
        ) {
            let mut text = "y".repeat(len % character.len()).into_bytes();
            text.extend(character.repeat(len / character.len()).bytes());
            let input = [&text, end.as_bytes()].concat();
            // Of a line feed and a CR before it, the text has kept none.
            let text = if end == "\n" { text.strip_suffix(b"\r").unwrap_or(&text) } else { &text };
            let expected = if text.len() > MAX_LINE {
                (vec![], Some(format!("a line of more than {MAX_LINE} bytes")))
            } else {
                (vec![text.to_vec()], None)
            };
            prop_assert_eq!(lines(&input), expected);
        }
    }

    #[test]
    fn a_line_loses_its_end_and_nothing_else() {
        let (lines, error) = lines(b"a\r\n\n \xc3\xa9 \r\r\nlast\xff");
        let expected: [&[u8]; 4] = [b"a", b"", b" \xc3\xa9 \r", b"last\xff"];
        assert_eq!((lines, error), (expected.map(Vec::from).to_vec(), None));
    }

    #[test]
    fn an_answer_is_text_or_refused_with_the_reason() {
        let text = |bytes: &[u8]| text("a name", Zeroizing::new(bytes.to_vec()));
        assert_eq!(text(" \u{e9}\t".as_bytes()), Ok(Zeroizing::new(" \u{e9}\t".to_owned())));
        let mark = "a name that begins with a byte order mark (U+FEFF) is refused";
        assert_eq!(text(b"\xef\xbb\xbfa"), Err(mark.into()));
        assert_eq!(text(b"a\xe9"), Err("a name that is not valid UTF-8 is refused".into()));
    }
}
