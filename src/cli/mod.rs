//! The command line: a file for each command, one line for every failure, an exit status.
//!
//! 0: done. 1: it failed, and one line on standard error says what, where and why. 2: the command line
//! is wrong, and one line says how.

mod check;
mod connect;
mod demo;
mod draft;
mod editor;
mod files;
mod login;
mod play;
mod prompt;
mod serve;
mod signals;
mod terminal;
mod trace;
mod user;
mod values;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

const ABOUT: &str = "A non-blocking challenge-response server, its clients, and the loop at work";

const VALUES: &str = "\
TIME is a number with a unit, such as 500ms, 10s or 1m30s, or a number of seconds; 'none' turns a timeout, or \
a limit, off. SIZE is a number of bytes, or one with a unit, such as 256KiB.";

const USERS: &str = "\
A change replaces the file: the new version takes its name, with the same owner, group, mode and access control \
list; where it can't have them, the file is left as it is. A file that is mounted by itself, as one that was \
handed to a container, can't be replaced: mount the folder that it is in.";

const PROTECTION: &str = "\
What the schemes are: the client proves once, at the start of a connection, that it holds the secret. \
What they are not: the server proves nothing, nothing that follows is encrypted or protected from \
change, and a digest can be relayed while it is fresh.";

#[derive(Parser)]
#[command(name = "sockmodes", version, about = ABOUT, after_long_help = PROTECTION)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve connections until a signal ends it
    #[command(after_long_help = format!("{VALUES}\n\n{PROTECTION}"))]
    Serve(Box<serve::Args>),
    /// Talk to a server: send lines, print the replies
    #[command(after_long_help = PROTECTION)]
    Connect(connect::Args),
    /// Log in to a server: ask for names and passwords, print the replies
    #[command(after_long_help = PROTECTION)]
    Login(connect::Args),
    /// Change or query the file of users who can log in
    #[command(subcommand, after_long_help = USERS)]
    User(user::Command),
    /// Tell the whole story in one terminal: a server, a client that may come in, two that may not
    Demo,
    /// Try a server of this protocol, any server, from outside, and grade it
    #[command(after_long_help = check::AFTER_HELP)]
    Check(Box<check::Args>),
    /// Tell what is in a trace that 'serve --trace' has written
    Trace(trace::Args),
    /// Show the page with a simulated loop: try clients, buffers, faults and broken rules, step by step
    #[command(after_long_help = play::AFTER_HELP)]
    Play(play::Args),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, in roff
    Man,
}

/// Why a command did not do what it was asked.
enum Failure {
    /// Status 1.
    Failed(String),
    /// Status 2.
    Usage(String),
    /// Status 2 without a word: standard error goes where nothing may be written.
    Unsaid,
    /// Status 0, and no word: whoever closes the pipe has seen enough.
    Unread,
}

impl Failure {
    /// `what` could not be written.
    fn writing(what: &str, error: &io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::Unread,
            _ => Failure::Failed(format!("cannot write {what}: {error}")),
        }
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure::Failed(error.to_string())
    }
}

/// What a command comes to: an exit status, or why it failed.
type Done = Result<ExitCode, Failure>;

pub(crate) fn main() -> ExitCode {
    let done = match Cli::try_parse() {
        Ok(cli) => run(cli.command),
        Err(error) => explain(&error),
    };
    done.unwrap_or_else(|failure| {
        let (text, status) = match failure {
            Failure::Failed(text) => (text, 1),
            Failure::Usage(text) => (text, 2),
            Failure::Unsaid => return ExitCode::from(2),
            Failure::Unread => return ExitCode::SUCCESS,
        };
        // If standard error is closed or full, the status still tells.
        let _ = writeln!(io::stderr(), "sockmodes: {}", one_line(&text));
        ExitCode::from(status)
    })
}

/// `text` with its control characters escaped: a file's name may hold some.
fn one_line(text: &str) -> String {
    let shown = |c: char| if c.is_control() { c.escape_default().collect() } else { c.to_string() };
    text.chars().map(shown).collect()
}

fn run(command: Command) -> Done {
    match command {
        Command::Serve(args) => serve::run(*args),
        Command::Connect(args) => connect::run(&args),
        Command::Login(args) => login::run(&args),
        Command::User(command) => user::run(&command),
        Command::Demo => demo::run(),
        Command::Check(args) => check::run(*args),
        Command::Trace(args) => trace::run(&args),
        Command::Play(args) => play::run(&args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "sockmodes", &mut script);
            print(&script)
        }
        Command::Man => print(&manual()?),
    }
}

/// The manual: the program's page, then each command's, as `man -l -` shows them one after the other.
fn manual() -> io::Result<Vec<u8>> {
    let mut program = Cli::command().disable_help_subcommand(true);
    program.build();
    let mut pages = Vec::new();
    add_pages(&program, &mut pages)?;
    Ok(pages)
}

fn add_pages(command: &clap::Command, pages: &mut Vec<u8>) -> io::Result<()> {
    clap_mangen::Man::new(command.clone()).render(pages)?;
    command.get_subcommands().try_for_each(|command| add_pages(command, pages))
}

fn print(bytes: &[u8]) -> Done {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
    written.map_err(|error| Failure::writing("to standard output", &error))?;
    Ok(ExitCode::SUCCESS)
}

/// Help where it was asked for; else what is wrong with the command line, in one line.
fn explain(error: &clap::Error) -> Done {
    let text = error.render().to_string();
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return print(text.as_bytes());
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Err(Failure::Usage("a command is missing; 'sockmodes --help' lists them".into()));
    }
    // What clap says first, up to its tips and its usage, on several lines if it is a list.
    let first = text.split("\n\n").next().unwrap_or_default();
    let line = first.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = line.strip_prefix("error: ").unwrap_or(&line);
    Err(Failure::Usage(format!("{line}; see 'sockmodes --help'")))
}
