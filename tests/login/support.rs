//! A `sockmodes serve --service login` to talk to, and what its users are.

// Each test is a crate of its own and uses a part of this.
#![allow(dead_code)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tempfile::TempDir;

/// Longer than anything here takes on a busy machine: only a test that fails waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// The secret of servers that have one.
pub(crate) const SECRET: &str = "linhaifeng bang bang bang";
/// MD5 of `旭哥` and a password that nobody knows any more, from the source document.
pub(crate) const SOURCE_LINE: &str = "旭哥 | 7d79a61dd0bd94a3df2f765ac12fe492\n";

/// A line of the user file as the source document has them: MD5(name ‖ password).
pub(crate) fn md5_line(name: &str, password: &str) -> String {
    format!("{name} | {}\n", sockmodes::auth::Hash::md5(name, password))
}

/// An argon2id line as `sockmodes user add` makes them.
pub(crate) fn argon2id_line(name: &str, password: &str) -> String {
    format!("{name} | {}\n", sockmodes::auth::Hash::argon2id(password))
}

pub(crate) fn login(name: &str, password: &str) -> String {
    serde_json::json!({ "username": name, "passwd": password }).to_string()
}

/// A running server, killed when dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) users: PathBuf,
    child: Child,
    log: Arc<Log>,
    reader: Option<JoinHandle<()>>,
    _stdout: BufReader<ChildStdout>,
    folder: TempDir,
}

/// Its standard error so far.
#[derive(Default)]
struct Log {
    text: Mutex<String>,
    grown: Condvar,
}

impl Log {
    fn read(&self, stderr: ChildStderr) {
        let mut stderr = BufReader::new(stderr);
        loop {
            let mut line = Vec::new();
            let length = stderr.read_until(b'\n', &mut line).unwrap();
            if length == 0 {
                return;
            }
            self.text.lock().unwrap().push_str(std::str::from_utf8(&line).unwrap());
            self.grown.notify_all();
        }
    }
}

impl Server {
    /// Serves `login` with `--auth none` to the users in the file with this `text`.
    pub(crate) fn start(text: &str, options: &[&str]) -> Server {
        let folder = tempfile::tempdir().unwrap();
        let users = folder.path().join("info");
        fs::write(&users, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_sockmodes"));
        command.args(["serve", "--auth", "none", "--service", "login", "--users"]).arg(&users);
        command.args(options);
        Server::spawn(command, users, folder)
    }

    /// The same with hmac-md5 and [`SECRET`].
    pub(crate) fn start_with_secret(text: &str) -> Server {
        let folder = tempfile::tempdir().unwrap();
        let users = folder.path().join("info");
        fs::write(&users, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_sockmodes"));
        command.env("SOCKMODES_SECRET", SECRET);
        command.args(["serve", "--service", "login", "-q", "--users"]).arg(&users);
        Server::spawn(command, users, folder)
    }

    /// Serves `service` with hmac-md5 and [`SECRET`].
    pub(crate) fn start_other(service: &str) -> Server {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_sockmodes"));
        command.args(["serve", "--service", service]).env("SOCKMODES_SECRET", SECRET);
        Server::spawn(command, PathBuf::new(), folder)
    }

    fn spawn(mut command: Command, users: PathBuf, folder: TempDir) -> Server {
        let mut child = command
            .args(["--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").expect("it listens").parse();
        let address = address.expect("it listens at an address");
        let log = Arc::new(Log::default());
        let (stderr, theirs) = (child.stderr.take().unwrap(), log.clone());
        let reader = Some(thread::spawn(move || theirs.read(stderr)));
        Server { address, users, child, log, reader, _stdout: stdout, folder }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
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

    /// What the log says so far; all of it, once the server has ended.
    pub(crate) fn log(&self) -> String {
        self.log.text.lock().unwrap().clone()
    }

    /// Waits until the log has a line with `text`, which it returns.
    pub(crate) fn wait_for_log(&self, text: &str) -> String {
        let found = |log: &String| log.lines().find(|l| l.contains(text)).map(str::to_owned);
        let log = self.log.text.lock().unwrap();
        let (log, _) =
            self.log.grown.wait_timeout_while(log, PATIENCE, |log| found(log).is_none()).unwrap();
        found(&log).unwrap_or_else(|| panic!("no {text:?} in the log:\n{log}"))
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Waits for the end; the exit status.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        let status = self.child.wait().unwrap();
        self.reader.take().expect("it ends once").join().unwrap();
        status.code()
    }

    /// A line of `/proc/…/status`, in KiB.
    pub(crate) fn memory(&self, key: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with(key)).expect("Linux has it");
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
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
