//! Programs that a test starts: watched, ended; only ever those that were started here.
//!
//! Everything waits for an event, and for none longer than [`PATIENCE`]: that is there for a test that
//! would else hang, not to measure anything.
#![allow(dead_code)]

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::channel;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use super::usage::cpu_time;

/// The longest that anything is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

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

    /// The first line of its output, as soon as it is there; less if it ends before.
    pub(crate) fn wait_for_line(&self) -> String {
        let output = self.stdout.wait("a line", |bytes| bytes.contains(&b'\n'));
        String::from_utf8(output).unwrap().lines().next().unwrap_or_default().to_owned()
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

pub(crate) fn find(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
