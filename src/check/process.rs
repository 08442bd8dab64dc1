//! The server as a process of ours: started in a process group of its own, ended with all of it, and its last words.
//!
//! Never here: what it is asked; see `server.rs`, which starts it.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::port::Port;
use crate::auth::Secret;

/// How long it has to end after SIGTERM, once nothing is tried any more, before SIGKILL ends it.
const GRACE: Duration = Duration::from_secs(2);
/// What is kept of its output, from the end.
const LAST_WORDS: usize = 2048;
/// For what it wrote just before it ended to be read here.
const LAST_SENTENCE: Duration = Duration::from_millis(300);
/// Where the port goes in the command.
const PORT: &[u8] = b"{port}";

/// How the server is started, every time in the same way.
#[derive(Debug)]
pub(super) struct Launch {
    pub(super) command: Vec<OsString>,
    pub(super) port: Port,
    pub(super) secret: Secret,
}

impl Launch {
    /// The command with its port.
    fn command(&self, limit: Option<u64>) -> Command {
        let port = self.port.number.to_string();
        let mut words: Vec<OsString> =
            self.command.iter().map(|word| with_port(word, port.as_bytes())).collect();
        if let Some(files) = limit {
            // There is no other way to lower a limit for another program without `unsafe`.
            let script = format!(r#"ulimit -n {files}; exec "$@""#);
            words.splice(0..0, ["sh".into(), "-c".into(), script.into(), "sh".into()]);
        }
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).env("PORT", port);
        command.env("SOCKMODES_SECRET", OsStr::from_bytes(self.secret.as_bytes()));
        command.process_group(0);
        command
    }
}

fn with_port(word: &OsStr, port: &[u8]) -> OsString {
    let (mut rest, mut done) = (word.as_bytes(), Vec::new());
    while let Some(at) = rest.windows(PORT.len()).position(|window| window == PORT) {
        done.extend_from_slice(&rest[..at]);
        done.extend_from_slice(port);
        rest = &rest[at + PORT.len()..];
    }
    done.extend_from_slice(rest);
    OsString::from_vec(done)
}

/// Whether something has come to its end, and whom that wakes.
#[derive(Debug, Default)]
struct End(Mutex<bool>, Condvar);

impl End {
    fn came(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.1.notify_all();
    }

    fn within(&self, wait: Duration) -> bool {
        let ended = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.1.wait_timeout_while(ended, wait, |ended| !*ended);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// The server, running or ended. Dropped, it is ended.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    group: Pid,
    end: Arc<End>,
    /// Once it has been waited for; from then on its number may be another's.
    status: Option<ExitStatus>,
    said: Arc<Mutex<Vec<u8>>>,
    /// That all it said was heard.
    heard: Arc<End>,
    leash: Leash,
}

impl Process {
    /// Starts it; `files` is the limit of its open files, if it is to have one of its own.
    pub(super) fn start(launch: &Launch, files: Option<u64>, leash: &Leash) -> io::Result<Process> {
        let (output, input) = io::pipe()?;
        let mut command = launch.command(files);
        command.stdin(Stdio::null()).stdout(input.try_clone()?).stderr(input);
        let mut held = leash.0.lock().unwrap_or_else(PoisonError::into_inner);
        let child = command.spawn()?;
        // The command holds the writing end, and would keep the output from ending.
        drop(command);
        let group = Pid::from_child(&child);
        let (end, said) = (Arc::<End>::default(), Arc::<Mutex<Vec<u8>>>::default());
        *held = Some(Held { group, end: Arc::clone(&end) });
        drop(held);
        watch(group, Arc::clone(&end));
        let (last_words, heard) = (Arc::clone(&said), Arc::<End>::default());
        let all_heard = Arc::clone(&heard);
        thread::spawn(move || {
            listen(output, &last_words);
            all_heard.came();
        });
        Ok(Process { child, group, end, status: None, said, heard, leash: leash.clone() })
    }

    /// The group that it and its children are in.
    pub(super) fn group(&self) -> Pid {
        self.group
    }

    /// Waits until it has ended, for so long at most; whether it has.
    pub(super) fn ends_within(&self, wait: Duration) -> bool {
        self.end.within(wait)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ends_within(Duration::ZERO)
    }

    /// To the whole group.
    pub(super) fn signal(&self, signal: Signal) {
        if self.status.is_none() {
            // A group that is gone needs no signal.
            let _ = kill_process_group(self.group, signal);
        }
    }

    /// How it ended, once it has.
    pub(super) fn status(&mut self) -> Option<ExitStatus> {
        if self.status.is_some() || !self.has_ended() {
            return self.status;
        }
        // Whoever it has started, and has not ended, goes with it: while it is not waited for, nobody else has
        // its number.
        self.signal(Signal::KILL);
        self.leash.let_go();
        self.status = self.child.wait().ok();
        self.status
    }

    /// Ends it: politely, then not.
    pub(super) fn end(&mut self) {
        if !self.has_ended() {
            self.signal(Signal::TERM);
            // One that was stopped could not hear it.
            self.signal(Signal::CONT);
            if !self.ends_within(GRACE) {
                self.signal(Signal::KILL);
                self.ends_within(Duration::MAX);
            }
        }
        self.status();
    }

    /// The last lines that it wrote, without what must not be shown.
    pub(super) fn last_words(&self, secret: &Secret) -> Vec<String> {
        // Whoever has left its group could keep its output open.
        self.heard.within(LAST_SENTENCE);
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&said);
        let secret = String::from_utf8_lossy(secret.as_bytes());
        let text = text.replace(secret.as_ref(), "[the secret]");
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        // Of a line that is cut, half a secret could be shown.
        let whole = usize::from(said.len() == LAST_WORDS).min(lines.len());
        let from = lines.len().saturating_sub(6).max(whole);
        lines[from..].iter().map(|line| shown(line)).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// A line without what can't be seen, or turns the rest of it around, and not much longer than a screen is wide.
fn shown(line: &str) -> String {
    let escaped = |c: char| match c {
        '"' | '\'' | '\\' => c.to_string(),
        _ => c.escape_debug().to_string(),
    };
    line.chars().take(160).map(escaped).collect()
}

/// Waits for the end in a thread of its own, without taking the status: until somebody does, the number is not given
/// to another process.
fn watch(process: Pid, end: Arc<End>) {
    thread::spawn(move || {
        while let Err(rustix::io::Errno::INTR) =
            waitid(WaitId::Pid(process), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
        {}
        end.came();
    });
}

/// Reads all that it writes, so that it never waits for room, and keeps the end of it.
fn listen(mut output: io::PipeReader, said: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = output.read(&mut buffer) {
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.extend_from_slice(&buffer[..count]);
        let over = said.len().saturating_sub(LAST_WORDS);
        said.drain(..over);
    }
}

/// How a process ended, in words.
pub(super) fn told(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}

/// What ends the server that is running now, from another thread: for a program that is interrupted.
#[derive(Clone, Debug, Default)]
pub struct Leash(Arc<Mutex<Option<Held>>>);

#[derive(Debug)]
struct Held {
    group: Pid,
    end: Arc<End>,
}

impl Leash {
    /// Ends the server, if one is running: SIGTERM to its group, and SIGKILL if that has not ended it in time.
    /// None is started afterwards: this never lets go, and the program has to end.
    pub fn end(&self) {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Held { group, end }) = &*held {
            // A group that is gone needs no signal.
            let _ = kill_process_group(*group, Signal::TERM);
            end.within(GRACE);
            let _ = kill_process_group(*group, Signal::KILL);
        }
        std::mem::forget(held);
    }

    fn let_go(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_words_are_shown_without_what_cannot_be_seen() {
        assert_eq!(
            shown("File \"a.py\"\t\x1b[2J\u{202e}ß"),
            "File \"a.py\"\\t\\u{1b}[2J\\u{202e}ß"
        );
        assert_eq!(shown(&"x".repeat(1000)).len(), 160);
    }

    #[test]
    fn the_port_goes_wherever_it_is_named() {
        for (word, done) in [
            ("{port}", "7"),
            ("a{port}b{port}", "a7b7"),
            ("{por", "{por"),
            ("", ""),
            ("{{port}", "{7"),
        ] {
            assert_eq!(with_port(OsStr::new(word), b"7"), OsStr::new(done));
        }
    }
}
