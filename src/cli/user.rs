//! `sockmodes user …`: the file of users who can log in, changed and queried.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;
use sockmodes::auth::{Credentials, Hash, MAX_PASSWORD_LEN, UserFile, UserStore};
use sockmodes::auth::{UserEditor, UsersError, check_name, list_users};
use zeroize::Zeroizing;

use super::files::{check_input, check_outputs, input};
use super::prompt::{self, Echo};
use super::{Done, Failure, one_line, print};

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Add a user, or give one a new password, from a prompt or the first line of standard input
    Add {
        #[command(flatten)]
        user: User,
        /// How the password is kept
        #[arg(long, value_enum, default_value = "argon2id")]
        hash: Kind,
    },
    /// Remove a user
    Remove(User),
    /// Check a password, from a prompt or the first line of standard input: exit status 0 if it is
    /// right, 1 if not
    Check(User),
    /// Print the names, one a line
    List(File),
}

#[derive(clap::Args)]
pub(super) struct User {
    /// The user's name
    name: String,
    #[command(flatten)]
    file: File,
}

#[derive(clap::Args)]
pub(super) struct File {
    /// The user file: on each line a name, a '|' and a hash
    #[arg(long = "users", value_name = "FILE", value_parser = input())]
    path: PathBuf,
}

/// `--hash`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// Argon2id: slow to guess
    Argon2id,
    /// MD5 of name and password: for files that have it already; fast to guess
    Md5,
}

impl Command {
    fn file(&self) -> &Path {
        match self {
            Command::Add { user, .. } | Command::Remove(user) | Command::Check(user) => {
                &user.file.path
            }
            Command::List(file) => &file.path,
        }
    }
}

pub(super) fn run(command: &Command) -> Done {
    check_outputs(&[command.file()], None)?;
    if let Command::Add { .. } | Command::Check(_) = command {
        check_input(None)?;
    }
    match command {
        Command::Add { user, hash } => add(user, *hash),
        Command::Remove(user) => remove(user),
        Command::Check(user) => check(user),
        Command::List(file) => {
            let names = list_users(&file.path)?;
            print(names.iter().flat_map(|name| [name, "\n"]).collect::<String>().as_bytes())
        }
    }
}

fn add(user: &User, kind: Kind) -> Done {
    check_name(&user.name).map_err(|why| Failure::Usage(format!("{:?}: {why}", user.name)))?;
    let editor = editor(&user.file.path)?;
    // What can't be done need not be asked for.
    editor.try_add(&user.name)?;
    let password = new_password(&user.name)?;
    let hash = match kind {
        Kind::Argon2id => Hash::argon2id(&password)
            .map_err(|why| Failure::Failed(format!("cannot hash the password: {why}")))?,
        Kind::Md5 => Hash::md5(&user.name, &password),
    };
    drop(password);
    let there = editor.add(&user.name, &hash)?;
    let done = if there { "changed the password of" } else { "added" };
    say(&format!("{done} {} in {}", user.name, user.file.path.display()));
    Ok(ExitCode::SUCCESS)
}

fn remove(user: &User) -> Done {
    if !editor(&user.file.path)?.remove(&user.name)? {
        let path = user.file.path.display();
        return Err(Failure::Failed(format!("{path}: there is no user {:?}", user.name)));
    }
    say(&format!("removed {} from {}", user.name, user.file.path.display()));
    Ok(ExitCode::SUCCESS)
}

fn check(user: &User) -> Done {
    let file = UserFile::open(&user.file.path)?;
    let password = asked(&format!("password of {}: ", user.name))?;
    let path = user.file.path.display();
    match file.verify(&Credentials::new(&user.name, password)) {
        Ok(true) => Ok(ExitCode::SUCCESS),
        Ok(false) => {
            let text = format!("{path}: no such user, or not this password: {:?}", user.name);
            Err(Failure::Failed(text))
        }
        Err(error) => Err(Failure::Failed(format!("{path}: {:?}: {error}", user.name))),
    }
}

/// One that says what it waits for: another command may be stuck.
fn editor(path: &Path) -> Result<UserEditor, UsersError> {
    Ok(UserEditor::open(path)?.on_wait(|lock| {
        let text = format!("waiting for {}, which another command has locked", lock.display());
        let _ = writeln!(io::stderr(), "sockmodes: {}", one_line(&text));
    }))
}

/// A password that can be set; asked for twice where it can't be seen.
fn new_password(name: &str) -> Result<Zeroizing<String>, Failure> {
    let password = asked(&format!("new password of {name}: "))?;
    if password.is_empty() {
        return Err(Failure::Failed("an empty password is refused".into()));
    }
    if password.chars().any(char::is_control) {
        // A terminal takes most of them for something else, so that it could not be typed again.
        let text = "a password with a control character in it is refused";
        return Err(Failure::Failed(text.into()));
    }
    if password.len() > MAX_PASSWORD_LEN {
        let text = format!("a password of more than {MAX_PASSWORD_LEN} bytes is refused");
        return Err(Failure::Failed(text));
    }
    if io::stdin().is_terminal() && asked("the same again: ")? != password {
        return Err(Failure::Failed("the two passwords are not the same".into()));
    }
    Ok(password)
}

fn asked(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    let answer = prompt::ask(prompt, Echo::Off)?;
    let answer = answer.ok_or_else(|| Failure::Failed("there is no password".into()))?;
    prompt::text("a password", answer).map_err(Failure::Failed)
}

/// Tells a person what was done; a program has the exit status.
fn say(text: &str) {
    if io::stderr().is_terminal() {
        let _ = writeln!(io::stderr(), "{text}");
    }
}
