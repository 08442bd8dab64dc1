//! Asking for a password: hidden on a terminal, else the next line of standard input.

use std::io::{self, BufRead, ErrorKind, IsTerminal, Read};

use zeroize::Zeroizing;

use super::Failure;

/// A password from whoever sits there, or from standard input; `None` at its end.
pub(super) fn ask(prompt: &str) -> Result<Option<Zeroizing<String>>, Failure> {
    if !io::stdin().is_terminal() {
        return line();
    }
    match rpassword::prompt_password(prompt) {
        Ok(password) => Ok(Some(Zeroizing::new(password))),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(Failure::Failed(format!("cannot ask for a password: {error}"))),
    }
}

/// The most bytes of a line: far more than any name or password has.
const MAX_LINE: u64 = 64 * 1024;

/// The next line of standard input without its line feed; `None` at its end.
pub(super) fn line() -> Result<Option<Zeroizing<String>>, Failure> {
    // Of the full size from the start, so that no growing leaves a copy behind.
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
    } else if line.len() as u64 == MAX_LINE {
        // The rest of it must not be taken for the next answer.
        return Err(Failure::Failed(format!("a line of more than {MAX_LINE} bytes")));
    }
    Ok(Some(line))
}
