//! Programs under test: started, watched, ended; only ever those that were started here.
//!
//! Everything waits for an event, and for none longer than [`PATIENCE`]: that is there for a test that
//! would else hang, not to measure anything.
#![allow(dead_code)]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::channel;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use sockmodes::auth::Scheme;

use super::client::{answer, connect, connect_from, find};
use super::usage::cpu_time;

/// The longest that anything is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
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

/// What a program writes to one of its outputs, read as it comes.
#[derive(Clone)]
struct Collected(Arc<(Mutex<Written>, Condvar)>);

#[derive(Default)]
struct Written {
    bytes: Vec<u8>,
    ended: bool,
}

impl Collected {
    fn from(source: Option<impl Read + Send + 'static>) -> Collected {
        let collected = Collected(Arc::default());
        let Some(mut source) = source else {
            collected.0.0.lock().unwrap().ended = true;
            return collected;
        };
        let writer = collected.clone();
        thread::spawn(move || {
            let mut buffer = vec![0; 64 * 1024];
            loop {
                let read = source.read(&mut buffer).unwrap_or(0);
                let mut written = writer.0.0.lock().unwrap();
                written.bytes.extend_from_slice(&buffer[..read]);
                written.ended = read == 0;
                writer.0.1.notify_all();
                if read == 0 {
                    return;
                }
            }
        });
        collected
    }

    /// Waits until what was written fulfils `enough`, or nothing more will come; what there is.
    fn wait(&self, what: &str, enough: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        let (lock, changed) = &*self.0;
        let (written, late) = changed
            .wait_timeout_while(lock.lock().unwrap(), PATIENCE, |written| {
                !written.ended && !enough(&written.bytes)
            })
            .unwrap();
        let bytes = written.bytes.clone();
        drop(written);
        let shown = || String::from_utf8_lossy(&bytes).into_owned();
        assert!(!late.timed_out(), "waited in vain for {what}; so far:\n{}", shown());
        bytes
    }
}

/// What a program left behind.
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    /// Processor time that it took.
    pub(crate) cpu: Duration,
}

impl Finished {
    pub(crate) fn out(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }

    pub(crate) fn err(&self) -> &str {
        std::str::from_utf8(&self.stderr).unwrap()
    }

    /// Fails the test, with what the program wrote, unless it ended with `code`.
    pub(crate) fn expect(self, code: i32) -> Finished {
        let (out, err) =
            (String::from_utf8_lossy(&self.stdout), String::from_utf8_lossy(&self.stderr));
        assert_eq!(self.status.code(), Some(code), "stdout:\n{out}\nstderr:\n{err}");
        self
    }
}

/// A program that runs. Dropped, it is killed.
pub(crate) struct Program {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Collected,
    stderr: Collected,
}

impl Program {
    /// Starts it with its input open, and collects what it writes. Where the command sends standard
    /// error elsewhere, there is none to collect.
    pub(crate) fn start(command: &mut Command) -> Program {
        Program::start_with(command, Stdio::piped())
    }

    /// The same with a standard error that the test keeps, or keeps nobody from reading.
    pub(crate) fn start_with(command: &mut Command, stderr: Stdio) -> Program {
        Program::start_on(command, Stdio::piped(), Stdio::piped(), stderr)
    }

    /// The same with an input and an output of the test's choice; those that it keeps are not collected.
    pub(crate) fn start_on(
        command: &mut Command,
        stdin: Stdio,
        stdout: Stdio,
        stderr: Stdio,
    ) -> Program {
        command.stdin(stdin).stdout(stdout).stderr(stderr);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Program {
            stdin: child.stdin.take(),
            stdout: Collected::from(child.stdout.take()),
            stderr: Collected::from(child.stderr.take()),
            child,
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Writes to its standard input.
    pub(crate) fn input(&mut self, bytes: &[u8]) {
        self.stdin.as_mut().unwrap().write_all(bytes).unwrap();
    }

    pub(crate) fn wait_for_output(&self, text: &str) -> String {
        let found = |bytes: &[u8]| find(bytes, text.as_bytes());
        String::from_utf8_lossy(&self.stdout.wait(text, found)).into_owned()
    }

    /// What it has written to standard error until now.
    pub(crate) fn log_so_far(&self) -> String {
        String::from_utf8_lossy(&self.stderr.0.0.lock().unwrap().bytes).into_owned()
    }

    pub(crate) fn wait_for_log(&self, text: &str) -> String {
        let found = |bytes: &[u8]| find(bytes, text.as_bytes());
        let log = self.stderr.wait(text, found);
        assert!(found(&log), "it ended without {text:?}:\n{}", String::from_utf8_lossy(&log));
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Waits until its outputs have ended, and then for its end.
    pub(crate) fn finish(mut self) -> Finished {
        self.stdin = None;
        let stdout = self.stdout.wait("the end", |_| false);
        let stderr = self.stderr.wait("the end", |_| false);
        self.wait_for_end();
        let cpu = cpu_time(self.pid());
        Finished { status: self.child.wait().unwrap(), stdout, stderr, cpu }
    }

    /// Where the test keeps its outputs, they tell nothing of its end. It is left for `wait` to find.
    fn wait_for_end(&self) {
        let (ended, told) = channel();
        let child = WaitId::Pid(Pid::from_child(&self.child));
        thread::spawn(move || {
            let _ = waitid(child, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
            let _ = ended.send(());
        });
        told.recv_timeout(PATIENCE).expect("it goes on for ever");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Harmless if it has ended: until it is waited for, its number is not given to another.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program with `input` to its end.
pub(crate) fn run(command: &mut Command, input: &[u8]) -> Finished {
    let mut program = Program::start(command);
    let (mut stdin, input) = (program.stdin.take().unwrap(), input.to_vec());
    // A program may end without having read it all.
    thread::spawn(move || stdin.write_all(&input));
    program.finish()
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
        let output = program.stdout.wait("an address", |bytes| bytes.contains(&b'\n'));
        let output = String::from_utf8(output).unwrap();
        let line = output.lines().next().unwrap_or_default();
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
