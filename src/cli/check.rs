//! `sockmodes check`: anybody's server, tried from outside and graded.
//!
//! What is tried, and how, is in `src/check/`; here is the command line, the lines of the report as they come, and the
//! progress on a terminal.

use std::ffi::OsString;
use std::io::{self, IsTerminal, StdoutLock, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use rand::TryRng;
use rand::rngs::SysRng;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;
use sockmodes::auth::{IfMissing, MAX_NONCE_LEN, Scheme, Secret, SecretError};
use sockmodes::check::{self, Check, Config, LEVELS, Leash, Outcome, Report, Service, Target};
use sockmodes::session::Timeout;

use super::files::input;
use super::values::{Address, Auth, number, timeout};
use super::{Done, Failure};

pub(super) const AFTER_HELP: &str = "\
A COMMAND is started with a free port in place of {port}, which is also in the environment variable PORT, and with the \
secret in SOCKMODES_SECRET; it has 10 seconds until it takes connections, is started anew where a check needs that, and \
is always ended. With ADDR, what needs the process is skipped.

There are six levels: 1 it talks, 2 with many, 3 TCP is a stream, 4 the other side is slow, 5 the other side is silent \
or rude, 6 the end. A server is at the level up to which everything passes.";

/// What `check` tries.
#[derive(clap::Args)]
pub(super) struct Args {
    /// A server that runs already [default: 127.0.0.1:9999]
    #[arg(value_name = "ADDR", conflicts_with = "command")]
    address: Option<Address>,
    /// How clients prove that they hold the secret
    #[arg(long, value_enum, default_value = "hmac-md5")]
    auth: Auth,
    /// Bytes of the server's nonce, 1 to 64
    #[arg(long, value_name = "BYTES", value_parser = number::<usize>, default_value = "32")]
    nonce_len: usize,
    /// What a client gets once it is let in
    #[arg(long, value_enum, default_value = "upper")]
    service: Tried,
    /// The file with the secret [default: $SOCKMODES_SECRET, else sockmodes/secret in the
    /// configuration directory, else, for a COMMAND, one that is made for the run]
    #[arg(long, value_name = "FILE", value_parser = input())]
    secret_file: Option<PathBuf>,
    /// The handshake timeout that the server promises
    #[arg(long, value_name = "TIME", value_parser = timeout, default_value = "10s")]
    handshake_timeout: Timeout,
    /// Only levels 1 to N of 6
    #[arg(long, value_name = "N", value_parser = level, default_value_t = LEVELS)]
    level: u8,
    /// Only the check of this name, or those whose names begin so; may be repeated
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// List the checks and try nothing
    #[arg(long)]
    list: bool,
    /// Ask the same random questions again [default: a new number]
    #[arg(long, value_name = "N", value_parser = number::<u64>)]
    seed: Option<u64>,
    /// How the report is written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// The server, as a command: {port} in it stands for the port
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

fn level(text: &str) -> Result<u8, String> {
    let level = number(text).ok().filter(|level| (1..=LEVELS).contains(level));
    level.ok_or_else(|| format!("expected a level, 1 to {LEVELS}"))
}

/// `--format`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line a check, the story of each failure, the level
    Text,
    /// One JSON object
    Json,
    /// XML as JUnit writes it
    Junit,
}

/// `--service`, as far as `check` can try it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Tried {
    /// Send back every byte, ASCII letters in upper case
    Upper,
    /// Send back every byte unchanged
    Echo,
    /// Answer one line in upper case, then close
    UpperOnce,
}

impl From<Tried> for Service {
    fn from(service: Tried) -> Service {
        match service {
            Tried::Upper => Service::Upper,
            Tried::Echo => Service::Echo,
            Tried::UpperOnce => Service::UpperOnce,
        }
    }
}

pub(super) fn run(args: Args) -> Done {
    let selected = select(&args)?;
    let mut stdout = io::stdout().lock();
    if args.list {
        let width = selected.iter().map(|check| check.name.len()).max().unwrap_or_default();
        let lines: String = selected
            .iter()
            .map(|check| format!("{:width$}  {}  {}\n", check.name, check.level, check.about))
            .collect();
        drop(stdout);
        return super::print(lines.as_bytes());
    }
    let config = config(&args)?;
    let mut told = Told::new(args.format, selected.len());
    let report = check::run(&config, &selected, &mut |check, outcome| match outcome {
        None => told.begins(check),
        Some(outcome) => told.ends(outcome, &mut stdout),
    });
    told.finish();
    match write(&report, args.format, &mut stdout).and_then(|()| stdout.flush()) {
        // Whoever closes the pipe has seen enough; the status still tells.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            return Err(Failure::Failed(format!("cannot write to standard output: {error}")));
        }
        _ => {}
    }
    match report.never_there {
        Some(why) => Err(Failure::Failed(why.lines().collect::<Vec<_>>().join(" "))),
        None if report.failed() > 0 => Ok(ExitCode::from(1)),
        None => Ok(ExitCode::SUCCESS),
    }
}

/// The checks of these levels and names.
fn select(args: &Args) -> Result<Vec<&'static Check>, Failure> {
    let named = |check: &&Check, name: &str| check.name.starts_with(name);
    for name in &args.only {
        if name.is_empty() || !check::checks().any(|check| named(&check, name)) {
            return Err(Failure::Usage(format!(
                "--only {name}: no check has this name, or one that begins so; --list has them all"
            )));
        }
    }
    let selected: Vec<_> = check::checks()
        .filter(|check| check.level <= args.level)
        .filter(|check| args.only.is_empty() || args.only.iter().any(|name| named(check, name)))
        .collect();
    if selected.is_empty() {
        return Err(Failure::Usage(format!(
            "--only leaves no check of levels 1 to {}; --list has them all",
            args.level
        )));
    }
    Ok(selected)
}

fn config(args: &Args) -> Result<Config, Failure> {
    if !(1..=MAX_NONCE_LEN).contains(&args.nonce_len) {
        let text = format!("--nonce-len {}: it must be 1 to {MAX_NONCE_LEN}", args.nonce_len);
        return Err(Failure::Usage(text));
    }
    let scheme = args.auth.scheme();
    let secret = secret(args, scheme)?;
    let target = if args.command.is_empty() { running(args)? } else { command(args)? };
    let seed = args.seed.map_or_else(|| random().map(u64::from_ne_bytes), Ok)?;
    let mut config = Config::new(target, scheme, secret, seed);
    config.nonce_len = args.nonce_len;
    config.service = args.service.into();
    config.handshake = args.handshake_timeout.duration();
    Ok(config)
}

/// The one that is given, or that both sides have; else, for a server that is started here, a new one. Without a scheme
/// nobody looks for one.
fn secret(args: &Args, scheme: Option<Scheme>) -> Result<Secret, Failure> {
    if scheme.is_none() {
        return new_secret();
    }
    match Secret::find(args.secret_file.as_deref(), IfMissing::Fail) {
        Err(SecretError::Missing(_) | SecretError::Homeless) if !args.command.is_empty() => {
            new_secret()
        }
        found => Ok(found?),
    }
}

/// As text: a secret of any bytes would not fit into the environment.
fn new_secret() -> Result<Secret, Failure> {
    let text: String = random::<32>()?.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Secret::new(text.into_bytes())?)
}

fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    let drawn = SysRng.try_fill_bytes(&mut bytes);
    drawn.map_err(|error| Failure::Failed(format!("no random numbers: {error}")))?;
    Ok(bytes)
}

fn running(args: &Args) -> Result<Target, Failure> {
    let address = match &args.address {
        Some(address) => address.clone(),
        None => "127.0.0.1:9999".parse().map_err(Failure::Usage)?,
    };
    let failed = |error| Failure::Failed(format!("cannot connect to {address}: {error}"));
    let found = address.resolve().map_err(failed)?;
    Ok(Target::Running(found))
}

fn command(args: &Args) -> Result<Target, Failure> {
    let leash = Leash::default();
    end_with_signal(leash.clone())?;
    Ok(Target::Command { words: args.command.clone(), leash })
}

/// Where a signal ends this program, it ends the server first: nobody else would.
fn end_with_signal(leash: Leash) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        if let Some(signal) = signals.forever().next() {
            leash.end();
            // Ends it as the signal would have.
            let _ = emulate_default_handler(signal);
        }
    })?;
    Ok(())
}

fn write(report: &Report, format: Format, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Text => report.write_text_end(out),
        Format::Json => report.write_json(out),
        Format::Junit => report.write_junit(out),
    }
}

/// What is told meanwhile: the lines of the text as they come, and on a terminal how far it is.
struct Told {
    format: Format,
    bar: ProgressBar,
}

impl Told {
    fn new(format: Format, checks: usize) -> Told {
        let bar = match io::stderr().is_terminal() {
            true => ProgressBar::new(checks as u64),
            false => ProgressBar::hidden(),
        };
        let style = ProgressStyle::with_template("{pos:>3} of {len} {bar:24} {elapsed:>4}  {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Told { format, bar }
    }

    fn begins(&self, check: &Check) {
        self.bar.set_message(check.name);
        self.bar.tick();
    }

    fn ends(&mut self, outcome: &Outcome, stdout: &mut StdoutLock<'_>) {
        if self.format == Format::Text {
            // A pipe that is closed is told of at the end.
            self.bar.suspend(|| _ = writeln!(stdout, "{}", outcome.line()));
        }
        self.bar.inc(1);
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
