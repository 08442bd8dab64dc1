//! `sockmodes connect`: lines in, their replies out.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;
use sockmodes::auth::{Key, MAX_NONCE_LEN};
use sockmodes::client::{Client, ClientError};
use sockmodes::session::Timeout;

use super::files::{check_input, find_secret, input};
use super::values::{Address, Auth, bytes, timeout};
use super::{Done, Failure};

const PROMPT: &str = ">>: ";

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
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "32")]
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
        check_input()?;
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
            .map_err(|error| self.failed(&error))
    }

    /// An error of the client, with the server's address if it does not have that itself.
    pub(super) fn failed(&self, error: &ClientError) -> Failure {
        Failure::Failed(match error {
            ClientError::Connect { .. } | ClientError::ItsOwnPeer(_) | ClientError::Output(_) => {
                error.to_string()
            }
            _ => format!("{}: {error}", self.address),
        })
    }
}

pub(super) fn run(args: &Args) -> Done {
    let mut client = args.connect()?;
    let mut lines = Lines::open()?;
    while let Some(line) = lines.next()? {
        let request = strip(&line);
        match request {
            b"" => continue,
            b"quit" => break,
            _ => {}
        }
        let mut stdout = io::stdout().lock();
        client
            .exchange(request, |part| stdout.write_all(part))
            .and_then(|()| {
                stdout.write_all(b"\n").and_then(|()| stdout.flush()).map_err(ClientError::Output)
            })
            .map_err(|error| args.failed(&error))?;
    }
    Ok(ExitCode::SUCCESS)
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
    Terminal(Box<DefaultEditor>),
    Input(io::StdinLock<'static>),
}

impl Lines {
    /// With a prompt if there is somebody to see it.
    fn open() -> Result<Lines, Failure> {
        if io::stdin().is_terminal() && io::stdout().is_terminal() {
            Ok(Lines::Terminal(Box::new(DefaultEditor::new()?)))
        } else {
            Ok(Lines::Input(io::stdin().lock()))
        }
    }

    fn next(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        match self {
            Lines::Terminal(editor) => match editor.readline(PROMPT) {
                Ok(line) => {
                    editor.add_history_entry(&line)?;
                    Ok(Some(line.into_bytes()))
                }
                Err(ReadlineError::Eof) => Ok(None),
                Err(ReadlineError::Interrupted) => Err(Failure::interrupted()),
                Err(error) => {
                    Err(Failure::Failed(format!("cannot read from the terminal: {error}")))
                }
            },
            Lines::Input(input) => {
                let mut line = Vec::new();
                match input.read_until(b'\n', &mut line) {
                    Ok(0) => Ok(None),
                    Ok(_) => Ok(Some(line)),
                    Err(error) => {
                        Err(Failure::Failed(format!("cannot read standard input: {error}")))
                    }
                }
            }
        }
    }
}
