//! `sockmodes login`: a name and a password in, the server's answer out, and again.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use super::connect::Args;
use super::prompt::{self, Echo};
use super::{Done, Failure, terminal};

pub(super) fn run(args: &Args) -> Done {
    let mut client = args.connect()?;
    let is_terminal = io::stdin().is_terminal();
    if is_terminal {
        let greeting = args.greeting(&client);
        terminal::show(&format!("{greeting}; asks for one login after another, Ctrl-D ends it\n"));
    }
    let mut has_answered = false;
    while let Some(name) = prompt::ask("name: ", Echo::On)? {
        let Some(password) = prompt::ask("password: ", Echo::Off)? else {
            return match is_terminal {
                true => Ok(ExitCode::SUCCESS),
                false => Err(Failure::Failed(
                    "standard input ended after a name: its password is missing".into(),
                )),
            };
        };
        let name = prompt::text("a name", name);
        let login = name.and_then(|name| Ok((name, prompt::text("a password", password)?)));
        let (name, password) = match login {
            Ok(login) => login,
            // Who sits there can type it again.
            Err(why) if is_terminal => {
                terminal::show(&format!("sockmodes: {why}\n"));
                continue;
            }
            Err(why) => return Err(Failure::Failed(why)),
        };
        let success = client.log_in(&name, &password);
        let success = success.map_err(|error| args.failed(&error, has_answered))?;
        has_answered = true;
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{}", if success { "success!" } else { "failed!" })
            .and_then(|()| stdout.flush())
            .map_err(|error| Failure::writing("the reply", &error))?;
    }
    Ok(ExitCode::SUCCESS)
}
