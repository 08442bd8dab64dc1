//! `sockmodes connect`: lines in, their replies out.

use std::io::{self, BufRead, ErrorKind, IsTerminal, StdinLock, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::{env, mem};

use sockmodes::auth::{Key, MAX_NONCE_LEN};
use sockmodes::client::{Client, ClientError};
use sockmodes::session::Timeout;

use super::editor::{Editor, MAX_LEN, Typed};
use super::files::{check_input, find_secret, input};
use super::prompt::{self, Echo};
use super::values::{Address, Auth, number, timeout};
use super::{Done, Failure, terminal};

const PROMPT: &str = ">>: ";
const ANOTHER_AUTH: &str = "; if the server has another --auth, give the same";
/// The most bytes of a line that comes by a pipe: larger than every buffer on its way.
const MAX_LINE: usize = 64 << 20;

/// How to reach a server and be let in.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The server
    #[arg(value_name = "ADDR", default_value = "127.0.0.1:9999")]
    address: Address,
    /// How this client proves that it holds the secret
    #[arg(long, value_enum, default_value = "hmac-md5")]
    auth: Auth,
    /// Bytes of the server's nonce, 1 to 64
    #[arg(long, value_name = "BYTES", value_parser = number::<usize>, default_value = "32")]
    nonce_len: usize,
    /// The file with the secret [default: $SOCKMODES_SECRET, else sockmodes/secret in the
    /// configuration directory]
    #[arg(long, value_name = "FILE", value_parser = input())]
    secret_file: Option<PathBuf>,
    /// How long each wait may be: to connect, for the nonce, for the next byte
    #[arg(long, value_name = "TIME", value_parser = timeout, default_value = "10s")]
    timeout: Timeout,
}

impl Args {
    /// Connects and sends the digest.
    pub(super) fn connect(&self) -> Result<Client, Failure> {
        if !(1..=MAX_NONCE_LEN).contains(&self.nonce_len) {
            let text = format!("--nonce-len {}: it must be 1 to {MAX_NONCE_LEN}", self.nonce_len);
            return Err(Failure::Usage(text));
        }
        check_input(None)?;
        let key = match self.auth.scheme() {
            None => None,
            Some(scheme) => {
                let secret = find_secret(self.secret_file.as_deref())?;
                Some(Key::new(scheme, &secret))
            }
        };
        let addresses = self.address.resolve().map_err(|error| {
            Failure::Failed(format!("cannot connect to {}: {error}", self.address))
        })?;
        Client::connect(&addresses, key.as_ref(), self.nonce_len, self.timeout.duration())
            .map_err(|error| self.failed(&error, false))
    }

    /// What a person is told who has just been connected.
    pub(super) fn greeting(&self, client: &Client) -> String {
        let address = client.socket().peer_addr();
        let address = address.map_or_else(|_| self.address.to_string(), |peer| peer.to_string());
        match self.auth.scheme() {
            None => format!("connected to {address} without a proof (--auth none)"),
            Some(scheme) => format!("connected to {address} with {scheme}"),
        }
    }

    /// An error of the client, with the server's address if it does not have that itself, and with what is
    /// behind it in most cases, as long as the server has answered nothing.
    pub(super) fn failed(&self, error: &ClientError, has_answered: bool) -> Failure {
        let usually = match error {
            ClientError::Connect { .. } | ClientError::ItsOwnPeer(_) => {
                return Failure::Failed(error.to_string());
            }
            ClientError::Output(error) => return Failure::writing("the reply", error),
            ClientError::TimedOut("the nonce") => {
                "; a server with --auth none sends none: give --auth and --nonce-len as it has them"
            }
            ClientError::TimedOut(_) | ClientError::NoAnswer if !has_answered => ANOTHER_AUTH,
            // What came was a nonce, or a part of it.
            ClientError::Ended { .. } if !has_answered && self.auth.scheme().is_none() => {
                ANOTHER_AUTH
            }
            _ => "",
        };
        Failure::Failed(format!("{}: {error}{usually}", self.address))
    }
}

pub(super) fn run(args: &Args) -> Done {
    // Before it connects, so that what is typed meanwhile is typed at the prompt.
    let mut lines = Lines::open()?;
    let mut client = args.connect()?;
    if lines.is_terminal() {
        write(format!("{}; 'quit' or Ctrl-D ends it\n", args.greeting(&client)).as_bytes())?;
    }
    let mut has_answered = false;
    while let Some(line) = lines.next()? {
        let request = strip(&line);
        match request {
            b"" => continue,
            b"quit" => break,
            _ => {}
        }
        let reply = client.exchange(request, |part| io::stdout().write_all(part));
        reply.map_err(|error| args.failed(&error, has_answered))?;
        has_answered = true;
        write(b"\n")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes what has to be out before anything else happens.
fn write(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
    written.map_err(|error| Failure::writing("the reply", &error))
}

/// Without white space at the ends: what Python's `str.strip()` takes off a line of text. To Python
/// the four separators of ASCII are white space; to Unicode, and so to Rust, they are not.
fn strip(line: &[u8]) -> &[u8] {
    let is_white = |letter: char| letter.is_whitespace() || ('\x1c'..='\x1f').contains(&letter);
    match std::str::from_utf8(line) {
        Ok(text) => text.trim_matches(is_white).as_bytes(),
        Err(_) => line.trim_ascii(),
    }
}

/// Where lines come from.
enum Lines {
    Editor(Box<Editor>),
    /// A terminal that only ever goes on to the right.
    Plain,
    Input(StdinLock<'static>),
}

impl Lines {
    /// With a prompt if there is somebody to see it.
    fn open() -> Result<Lines, Failure> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Ok(Lines::Input(io::stdin().lock()));
        }
        if env::var_os("TERM").is_some_and(|term| term == "dumb") {
            return Ok(Lines::Plain);
        }
        Ok(Lines::Editor(Box::new(Editor::open().map_err(terminal_failed)?)))
    }

    fn is_terminal(&self) -> bool {
        !matches!(self, Lines::Input(_))
    }

    fn next(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        match self {
            Lines::Input(input) => next_line(input),
            Lines::Plain => {
                let answer = prompt::ask(PROMPT, Echo::On)?;
                Ok(answer.map(|mut line| mem::take(&mut *line)))
            }
            Lines::Editor(editor) => loop {
                match editor.next(PROMPT).map_err(terminal_failed)? {
                    Typed::Line(line) => return Ok(Some(line)),
                    Typed::End => return Ok(None),
                    Typed::TooLong => terminal::show(&format!(
                        "sockmodes: a line of more than {MAX_LEN} bytes is not sent\n"
                    )),
                }
            },
        }
    }
}

fn terminal_failed(error: io::Error) -> Failure {
    Failure::Failed(format!("cannot use the terminal: {error}"))
}

/// The next line, with its line feed if it has one; `None` at the end of input.
fn next_line(input: &mut impl BufRead) -> Result<Option<Vec<u8>>, Failure> {
    let cannot_read = |why: String| Failure::Failed(format!("cannot read standard input: {why}"));
    let mut line = Vec::new();
    loop {
        let part = match input.fill_buf() {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            part => part.map_err(|error| cannot_read(error.to_string()))?,
        };
        let end = part.iter().position(|byte| *byte == b'\n').map(|end| end + 1);
        let taken = end.unwrap_or(part.len());
        if line.len() + taken > MAX_LINE {
            return Err(cannot_read(format!("a line of more than {} MiB", MAX_LINE >> 20)));
        }
        // Where there is no memory for it, that is said.
        line.try_reserve(taken).map_err(|error| cannot_read(error.to_string()))?;
        line.extend_from_slice(&part[..taken]);
        input.consume(taken);
        if end.is_some() || taken == 0 {
            return Ok((!line.is_empty()).then_some(line));
        }
    }
}
