//! `sockmodes login`: a name and a password in, the server's answer out, and again.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use super::connect::Args;
use super::{Done, Failure, password};

pub(super) fn run(args: &Args) -> Done {
    let mut client = args.connect()?;
    while let Some(name) = ask_name()? {
        let Some(password) = password::ask("password: ")? else {
            return match io::stdin().is_terminal() {
                true => Ok(ExitCode::SUCCESS),
                false => Err(Failure::Failed(
                    "standard input ended after a name: its password is missing".into(),
                )),
            };
        };
        let success = client.log_in(&name, &password).map_err(|error| args.failed(&error))?;
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{}", if success { "success!" } else { "failed!" })
            .and_then(|()| stdout.flush())
            .map_err(|error| Failure::Failed(format!("cannot write the reply: {error}")))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The next name; `None` at the end of input. The prompt goes where the password's does, not among
/// the replies.
fn ask_name() -> Result<Option<String>, Failure> {
    let asks = io::stdin().is_terminal();
    if asks {
        let mut stderr = io::stderr().lock();
        // Without a prompt a name can be typed all the same.
        let _ = write!(stderr, "name: ").and_then(|()| stderr.flush());
    }
    let name = password::line()?.map(|name| name.to_string());
    if asks && name.is_none() {
        let _ = writeln!(io::stderr());
    }
    Ok(name)
}
