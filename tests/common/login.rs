//! A `sockmodes serve --service login` to talk to, and what its users are.
#![allow(dead_code)]

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::process::{PATIENCE, Program};
use super::program::{self, sockmodes_in_shell};

/// MD5 of `旭哥` and a password that nobody knows any more, from the source document.
pub(crate) const SOURCE_LINE: &str = "旭哥 | 7d79a61dd0bd94a3df2f765ac12fe492\n";

/// A line of the user file as the source document has them: MD5(name ‖ password).
pub(crate) fn md5_line(name: &str, password: &str) -> String {
    format!("{name} | {}\n", sockmodes::auth::Hash::md5(name, password))
}

/// An argon2id line as `sockmodes user add` makes them.
pub(crate) fn argon2id_line(name: &str, password: &str) -> String {
    format!("{name} | {}\n", sockmodes::auth::Hash::argon2id(password).unwrap())
}

pub(crate) fn login(name: &str, password: &str) -> String {
    serde_json::json!({ "username": name, "passwd": password }).to_string()
}

/// A running server of logins, and its file of users.
pub(crate) struct Server {
    pub(crate) program: Program,
    pub(crate) address: SocketAddr,
    pub(crate) users: PathBuf,
    folder: TempDir,
}

impl Server {
    /// Serves `login` with `--auth none` to the users in the file with this `text`.
    pub(crate) fn start(text: &str, options: &[&str]) -> Server {
        Server::start_in_shell("exec \"$@\"", text, options)
    }

    /// The same, started by a shell with this script, in which `"$@"` is the program.
    pub(crate) fn start_in_shell(script: &str, text: &str, options: &[&str]) -> Server {
        Server::serve(script, text, |command| {
            command.args(["--auth", "none"]).args(options);
            program::Server::listening(Program::start(command))
        })
    }

    /// The same with hmac-md5 and [`SECRET`](program::SECRET).
    pub(crate) fn start_with_secret(text: &str) -> Server {
        let exec = "exec \"$@\"";
        Server::serve(exec, text, |command| program::Server::of(command.arg("-q")))
    }

    fn serve(
        script: &str,
        text: &str,
        start: impl FnOnce(&mut Command) -> program::Server,
    ) -> Server {
        let folder = tempfile::tempdir().unwrap();
        let users = folder.path().join("info");
        fs::write(&users, text).unwrap();
        let arguments = program::Server::args(&["--service", "login", "--users"]);
        let mut command = sockmodes_in_shell(script, arguments);
        let program::Server { program, address } = start(command.arg(&users));
        Server { program, address, users, folder }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn connect(&self) -> Peer {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Peer(stream)
    }

    /// A line of `/proc/…/status`, in KiB.
    pub(crate) fn memory(&self, key: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.program.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with(key)).expect("Linux has it");
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

/// A raw client.
pub(crate) struct Peer(pub(crate) TcpStream);

impl Peer {
    /// Sends; a server that has closed already is no error.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Peer {
        let _ = self.0.write_all(bytes.as_ref());
        self
    }

    pub(crate) fn end(&mut self) -> &mut Peer {
        let _ = self.0.shutdown(Shutdown::Write);
        self
    }

    /// So many bytes, as text.
    pub(crate) fn hear(&mut self, len: usize) -> String {
        let mut bytes = vec![0; len];
        self.0.read_exact(&mut bytes).expect("the answer comes");
        String::from_utf8(bytes).unwrap()
    }

    /// Everything until the server ends it.
    pub(crate) fn hear_all(&mut self) -> String {
        let mut text = String::new();
        self.0.read_to_string(&mut text).expect("the server ends it");
        text
    }

    /// Logs in, or not.
    pub(crate) fn log_in(&mut self, name: &str, password: &str) -> bool {
        self.send(login(name, password));
        let first = self.hear(1);
        let rest = if first == "s" { "uccess!" } else { "ailed!" };
        assert_eq!(self.hear(rest.len()), rest);
        first == "s"
    }
}
