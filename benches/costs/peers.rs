//! What the server is compared with: the same protocol as people usually write it in Rust, on tokio
//! with one thread, and with a thread for each connection. No limits, no deadlines, no events.

use std::io::{self, Read, Write};
use std::process::Command;
use std::sync::LazyLock;
use std::{env, thread};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::load::{NONCE, SECRET, key};
use sockmodes::auth::Key;

/// A peer's buffer for each connection.
const BUFFER: usize = 16 * 1024;
/// Enough for what comes before the service.
const DIGEST: usize = 16;

/// Made ready once, as the server does it.
static KEY: LazyLock<Key> = LazyLock::new(key);

/// A server that can be measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// This one, with or without another size of its buffer.
    Ours(Option<&'static str>),
    /// tokio, `current_thread`.
    Tokio,
    /// A thread for each connection.
    Threads,
}

impl Peer {
    /// The columns of the table.
    pub(crate) const ALL: [Peer; 4] =
        [Peer::Ours(None), Peer::Ours(Some("1MiB")), Peer::Tokio, Peer::Threads];

    /// The head of its column.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Peer::Ours(None) => "sockmodes",
            Peer::Ours(Some(_)) => "sockmodes, 1 MiB",
            Peer::Tokio => "tokio",
            Peer::Threads => "threads",
        }
    }

    /// What starts it.
    pub(crate) fn command(self) -> Command {
        match self {
            Peer::Ours(buffer) => ours(buffer),
            Peer::Tokio | Peer::Threads => {
                let mut command =
                    Command::new(env::current_exe().expect("this program has a path"));
                command.args(["--be", self.name()]);
                command
            }
        }
    }
}

fn ours(buffer: Option<&str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockmodes"));
    command.args(["serve", "-q", "--listen", "127.0.0.1:0", "--max-pending", "none"]);
    command.args(buffer.iter().flat_map(|buffer| ["--max-buffer", buffer]));
    command.env("SOCKMODES_SECRET", str::from_utf8(SECRET).expect("it is ASCII"));
    command
}

/// `command`, run by `tool`, whose own arguments it has already.
pub(crate) fn under(mut tool: Command, command: &Command) -> Command {
    tool.arg(command.get_program()).args(command.get_args());
    tool.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    tool
}

/// Becomes the peer of this name.
pub(crate) fn be(name: &str) -> io::Result<()> {
    match name {
        "tokio" => {
            tokio::runtime::Builder::new_current_thread().enable_io().build()?.block_on(serve())
        }
        _ => serve_with_threads(),
    }
}

async fn serve() -> io::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(echo(stream));
    }
}

async fn echo(mut stream: tokio::net::TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let nonce: [u8; NONCE] = rand::random();
    stream.write_all(&nonce).await?;
    let mut digest = [0; DIGEST];
    stream.read_exact(&mut digest).await?;
    if !KEY.digest(&nonce).matches(&digest) {
        return Ok(());
    }
    let mut buffer = vec![0; BUFFER];
    loop {
        let bytes = stream.read(&mut buffer).await?;
        if bytes == 0 {
            return Ok(());
        }
        buffer[..bytes].make_ascii_uppercase();
        stream.write_all(&buffer[..bytes]).await?;
    }
}

fn serve_with_threads() -> io::Result<()> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    println!("listening on {}", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        thread::spawn(move || echo_blocking(stream));
    }
    Ok(())
}

fn echo_blocking(mut stream: std::net::TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let nonce: [u8; NONCE] = rand::random();
    stream.write_all(&nonce)?;
    let mut digest = [0; DIGEST];
    stream.read_exact(&mut digest)?;
    if !KEY.digest(&nonce).matches(&digest) {
        return Ok(());
    }
    let mut buffer = vec![0; BUFFER];
    loop {
        let bytes = stream.read(&mut buffer)?;
        if bytes == 0 {
            return Ok(());
        }
        buffer[..bytes].make_ascii_uppercase();
        stream.write_all(&buffer[..bytes])?;
    }
}
