//! A server in a process of its own, so that its CPU time and its memory are its own as well.
//!
//! The lesson starts itself again with a hidden argument. The child serves on one thread; on its main
//! thread it answers the examiner's questions, through its standard input and output:
//!
//! ```text
//! child:   127.0.0.1:40123        the server listens
//! child:   ready                  it has accepted as many clients as it was told to expect
//! parent:  (a line feed)          how much have you used?
//! child:   1234567 4096           1.234567 ms of CPU time so far, 4096 KiB of memory now
//! parent:  (end of input)         that's all; the child exits
//! ```
//!
//! The end of input also comes if the lesson crashes: no server is ever left behind.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Lines, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use std::{env, process, thread};

use crate::common::{complain, say};
use crate::servers::Design;

/// The hidden argument.
pub(crate) const SERVE: &str = "--serve";

/// What a server has used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// By all of its threads, in user code and in the kernel on its behalf.
    pub(crate) cpu: Duration,
    /// Resident: what really lies in RAM. (Asked for and never touched costs nothing.)
    pub(crate) memory_kib: u64,
}

// --- the child's side -----------------------------------------------------------------------------

/// Where a server says that it listens and that its clients have come.
#[derive(Clone)]
pub(crate) struct Arrivals {
    expected: usize,
    count: Arc<AtomicUsize>,
}

impl Arrivals {
    pub(crate) fn listening(&self, address: SocketAddr) {
        say(address);
    }

    pub(crate) fn count(&self) {
        if self.count.fetch_add(1, Ordering::Relaxed) + 1 == self.expected {
            say("ready");
        }
    }
}

/// The child: serves on a second thread, answers questions on this one.
pub(crate) fn serve(design: Design, expected: usize) -> io::Result<()> {
    let arrivals = Arrivals { expected, count: Arc::default() };
    thread::spawn(move || {
        let ended = design.run(arrivals);
        // A server here never ends by itself. If one does, the lesson has to hear of it.
        complain(format_args!("the server {} ended: {ended:?}", design.name()));
        process::exit(1);
    });
    for question in io::stdin().lock().lines() {
        question?;
        let usage = usage()?;
        say(format_args!("{} {}", usage.cpu.as_nanos(), usage.memory_kib));
    }
    Ok(())
}

fn usage() -> io::Result<Usage> {
    // The clock that runs only while this process does: to the nanosecond, where the numbers in
    // /proc/self/stat come in ticks of 10 ms.
    let cpu = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let cpu = Duration::new(cpu.tv_sec as u64, cpu.tv_nsec as u32);
    Ok(Usage { cpu, memory_kib: resident_kib()? })
}

#[cfg(target_os = "linux")]
fn resident_kib() -> io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.ok_or_else(|| io::Error::other("no VmRSS in /proc/self/status"))
}

/// Elsewhere there is no /proc to read it from, and 0 says so.
#[cfg(not(target_os = "linux"))]
fn resident_kib() -> io::Result<u64> {
    Ok(0)
}

// --- the lesson's side ----------------------------------------------------------------------------

/// A running child. Dropping it ends the server.
pub(crate) struct Running {
    child: Child,
    questions: Option<ChildStdin>,
    answers: Lines<BufReader<ChildStdout>>,
    pub(crate) address: SocketAddr,
}

impl Running {
    pub(crate) fn start(design: Design, expected: usize) -> Result<Running, Box<dyn Error>> {
        let mut child = Command::new(env::current_exe()?)
            .args([SERVE, design.name(), &expected.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let questions = child.stdin.take();
        let output = child.stdout.take().ok_or("the child has no standard output")?;
        let mut answers = BufReader::new(output).lines();
        let address = answers.next().ok_or("the child said nothing")??.parse()?;
        Ok(Running { child, questions, answers, address })
    }

    /// Waits until the server has accepted as many clients as it was told to expect.
    pub(crate) fn wait_until_ready(&mut self) -> Result<(), Box<dyn Error>> {
        match self.answers.next().ok_or("the child is gone")??.as_str() {
            "ready" => Ok(()),
            other => Err(format!("the child said {other:?}").into()),
        }
    }

    pub(crate) fn usage(&mut self) -> Result<Usage, Box<dyn Error>> {
        self.questions.as_mut().ok_or("the child hears nothing")?.write_all(b"\n")?;
        let answer = self.answers.next().ok_or("the child is gone")??;
        let (cpu, memory) = answer.split_once(' ').ok_or("not a report")?;
        Ok(Usage { cpu: Duration::from_nanos(cpu.parse()?), memory_kib: memory.parse()? })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // End of input is the child's sign to go; then `wait`, or it stays behind as a zombie.
        drop(self.questions.take());
        let _ = self.child.wait();
    }
}
