//! The program under test, and its server.
#![allow(dead_code)]

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Command;

use rustix::process::Signal;
use sockmodes::auth::Scheme;

use super::client::{answer, connect, connect_from};
use super::process::{Finished, Program};

/// What [`Server::start`] gives the server for a secret.
pub(crate) const SECRET: &str = "linhaifeng bang bang bang";

/// The program under test, in an environment of its own: no secret, no home.
pub(crate) fn sockmodes<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    at_home(Command::new(env!("CARGO_BIN_EXE_sockmodes")), args)
}

/// The same, started by a shell that runs `prelude` first and may end in redirections: `"$@"` is
/// the program.
pub(crate) fn sockmodes_in_shell<S: AsRef<std::ffi::OsStr>>(
    script: &str,
    args: impl IntoIterator<Item = S>,
) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "sh", env!("CARGO_BIN_EXE_sockmodes")]);
    at_home(shell, args)
}

pub(crate) fn at_home<S: AsRef<std::ffi::OsStr>>(
    mut command: Command,
    args: impl IntoIterator<Item = S>,
) -> Command {
    command.args(args).env("HOME", "/nonexistent");
    // Nor what a supervisor of whoever runs the tests has told them.
    for name in ["SOCKMODES_SECRET", "XDG_CONFIG_HOME", "LISTEN_PID", "NOTIFY_SOCKET"] {
        command.env_remove(name);
    }
    command
}

/// `sockmodes serve`, listening.
pub(crate) struct Server {
    pub(crate) program: Program,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// On a port of its own, with [`SECRET`].
    pub(crate) fn start(args: &[&str]) -> Server {
        Server::of(&mut sockmodes(Server::args(args)))
    }

    pub(crate) fn args<'a>(args: &[&'a str]) -> Vec<&'a str> {
        [&["serve", "--listen", "127.0.0.1:0"], args].concat()
    }

    /// As `command` has it; [`SECRET`] is in the environment unless it has one there.
    pub(crate) fn of(command: &mut Command) -> Server {
        if !command.get_envs().any(|(name, value)| name == "SOCKMODES_SECRET" && value.is_some()) {
            command.env("SOCKMODES_SECRET", SECRET);
        }
        Server::listening(Program::start(command))
    }

    /// Reads from its output where it listens.
    pub(crate) fn listening(program: Program) -> Server {
        let line = program.wait_for_line();
        let Some(address) = line.strip_prefix("listening on ") else {
            panic!("{line:?}, and on standard error:\n{}", program.wait_for_log("\n"));
        };
        Server { address: address.parse().unwrap(), program }
    }

    /// A raw connection, no call on which waits longer than [`PATIENCE`].
    pub(crate) fn connect(&self) -> TcpStream {
        connect(self.address)
    }

    /// The same from `source`, one of this machine's many addresses.
    pub(crate) fn connect_from(&self, source: impl Into<Ipv4Addr>) -> TcpStream {
        connect_from(source.into(), self.address)
    }

    /// A connection that has answered its nonce, with hmac-md5.
    pub(crate) fn enter(&self) -> TcpStream {
        let mut stream = self.connect();
        answer(&mut stream, Scheme::HmacMd5, SECRET.as_bytes());
        stream
    }

    /// Ends it with SIGTERM, which has to end it with 0.
    pub(crate) fn stop(self) -> Finished {
        self.program.signal(Signal::TERM);
        self.program.finish().expect(0)
    }
}
