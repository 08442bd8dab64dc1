//! The files of a socket against CPython's: the same random programs run here and there, step by step.
//!
//! `twin.py` is the other half.
//!
//! A program of its own, in which one test follows the other: what is closed here has to be closed at once. Where
//! another thread starts a program, that has a copy of every descriptor for a moment.

mod descriptors;
#[path = "../common/harness.rs"]
mod harness;
mod told;

use std::io::Write;
use std::os::fd::AsRawFd;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use rustix::io::Errno;
use serde::Serialize;
use sockmodes::socket::{Access, Error, File, RawFile, Result, SendBuffer, Shutdown, Socket};

use harness::{Need, Test, missing_program};
use told::{bytes_or_none, into, number_or_none, told};

fn main() -> ExitCode {
    let tests = [("files", TESTS), ("descriptors", descriptors::TESTS)];
    harness::run_in_turn(harness::trials(&tests)).exit_code()
}

const TESTS: &[Test] = &[
    ("files_do_what_cpythons_files_do", &[PYTHON], files_do_what_cpythons_files_do),
    (
        "files_keep_the_descriptor_of_a_closed_socket",
        &[],
        files_keep_the_descriptor_of_a_closed_socket,
    ),
    (
        "files_keep_the_descriptor_of_a_dropped_socket",
        &[],
        files_keep_the_descriptor_of_a_dropped_socket,
    ),
    (
        "a_descriptor_that_is_held_is_nobodys_to_close",
        &[],
        a_descriptor_that_is_held_is_nobodys_to_close,
    ),
    ("a_detached_descriptor_is_nobody_elses", &[], a_detached_descriptor_is_nobody_elses),
];

const PYTHON: Need = Need::Peer(missing_python);

/// One of the versions whose files agree.
fn missing_python() -> Option<String> {
    missing_program("python3").or_else(|| {
        let agrees = "import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))";
        let status = Command::new("python3").args(["-c", agrees]).status();
        (!status.is_ok_and(|status| status.success()))
            .then(|| "this python3 is none from 3.10 to 3.13".into())
    })
}

const PROGRAMS: usize = 600;

/// A file, and what is done with it and around it.
#[derive(Debug, Clone, Serialize)]
struct Program {
    access: &'static str,
    buffering: usize,
    /// A step's name, its text and its number, of which each step uses what it needs.
    steps: Vec<(&'static str, String, usize)>,
}

fn program() -> impl Strategy<Value = Program> {
    let access = prop_oneof![Just("rb"), Just("wb"), Just("rwb")];
    let buffering = prop_oneof![Just(0), 1..20usize, Just(8192)];
    let number = prop_oneof![4 => 0..12usize, 1 => 0..100usize, 1 => 0..60_000usize];
    let name = prop_oneof![
        4 => Just("read"), 4 => Just("line"), 4 => Just("write"), 5 => Just("send"),
        2 => Just("flush"), 2 => Just("drain"), 1 => Just("all"), 2 => Just("part-of-line"),
        2 => Just("into"), 2 => Just("peek"), 2 => Just("once"), 1 => Just("into-once"), 1 => Just("fileno"),
    ];
    let step = prop_oneof![
        30 => (name, "[a-c\n]{0,9}", number),
        1 => (Just("end"), Just(String::new()), Just(0)),
        1 => (Just("close"), Just(String::new()), Just(0)),
        1 => (Just("close-socket"), Just(String::new()), Just(0)),
        1 => (Just("timeout"), Just(String::new()), prop_oneof![Just(0), Just(5usize)]),
    ];
    (access, buffering, prop::collection::vec(step, 1..24))
        .prop_map(|(access, buffering, steps)| Program { access, buffering, steps })
}

enum Either {
    Raw(RawFile),
    Buffered(File),
}

impl Either {
    fn of(program: &Program, socket: &Socket) -> Self {
        let access = match program.access {
            "rb" => Access::Read,
            "wb" => Access::Write,
            _ => Access::ReadWrite,
        };
        match program.buffering {
            0 => Either::Raw(socket.makefile_raw(access)),
            size => Either::Buffered(socket.makefile_with_capacity(access, size).unwrap()),
        }
    }

    fn call(&mut self, step: &str, number: usize, at: usize) -> Result<String> {
        let payload = vec![b'a' + (at % 26) as u8; number];
        Ok(match (self, step) {
            (Either::Raw(file), "read") => bytes_or_none(file.read(number)?),
            (Either::Raw(file), "all") => bytes_or_none(file.read_to_end()?),
            (Either::Raw(file), "line") => bytes_or_none(Some(file.read_line()?)),
            (Either::Raw(file), "part-of-line") => {
                bytes_or_none(Some(file.read_line_up_to(number)?))
            }
            (Either::Raw(file), "into") => into(number, |buffer| file.read_into(buffer))?,
            (Either::Raw(_), "peek" | "once" | "into-once") => "unsupported".into(),
            (Either::Raw(file), "fileno") => number_or_none(file.fileno()?),
            (Either::Raw(file), "write") => {
                file.write(&payload)?.map_or("none".into(), |count| format!("count:{count}"))
            }
            (Either::Raw(file), "flush") => file.flush().map(|()| "ok".into())?,
            (Either::Raw(file), "close") => {
                file.close().unwrap();
                "ok".into()
            }
            (Either::Buffered(file), "read") => bytes_or_none(file.read(number)?),
            (Either::Buffered(file), "all") => bytes_or_none(file.read_to_end()?),
            (Either::Buffered(file), "line") => bytes_or_none(Some(file.read_line()?)),
            (Either::Buffered(file), "part-of-line") => {
                bytes_or_none(Some(file.read_line_up_to(number)?))
            }
            (Either::Buffered(file), "into") => into(number, |buffer| file.read_into(buffer))?,
            (Either::Buffered(file), "into-once") => {
                into(number, |buffer| file.read_into_once(buffer))?
            }
            (Either::Buffered(file), "peek") => bytes_or_none(Some(file.peek()?.to_vec())),
            (Either::Buffered(file), "once") => bytes_or_none(Some(file.read_once(number)?)),
            (Either::Buffered(file), "fileno") => number_or_none(file.fileno()?),
            (Either::Buffered(file), "write") => format!("count:{}", file.write(&payload)?),
            (Either::Buffered(file), "flush") => file.flush().map(|()| "ok".into())?,
            (Either::Buffered(file), "close") => file.close().map(|()| "ok".into())?,
            (_, other) => panic!("no such step: {other}"),
        })
    }
}

fn drain(peer: &Socket) -> String {
    peer.set_blocking(false).unwrap();
    let (mut total, mut hashed) = (0, 0_u32);
    while let Ok(piece) = peer.recv(65536)
        && !piece.is_empty()
    {
        total += piece.len();
        hashed = piece.iter().fold(hashed, |h, &b| h.wrapping_mul(31).wrapping_add(b.into()));
    }
    format!("drained:{total}:{hashed}")
}

fn run(program: &Program) -> Vec<String> {
    let (socket, peer) = Socket::pair().unwrap();
    socket.set_option(SendBuffer, 8192).unwrap();
    socket.set_blocking(false).unwrap();
    let mut file = Either::of(program, &socket);
    let mut answers = Vec::new();
    for (at, (step, text, number)) in program.steps.iter().enumerate() {
        let ok = |result: Result<()>| told(result.map(|()| "ok".into()));
        answers.push(match *step {
            "drain" => drain(&peer),
            "send" => ok(peer.send_all(text.as_bytes()).map_err(Error::from)),
            "end" => ok(peer.shutdown(Shutdown::Write)),
            "timeout" => ok(socket.set_timeout(Some(Duration::from_millis(*number as u64)))),
            "close-socket" => {
                socket.close().unwrap();
                "ok".into()
            }
            of_file => told(file.call(of_file, *number, at)),
        });
    }
    answers
}

/// What CPython makes of the programs.
fn on_cpython(programs: &[Program]) -> Vec<Vec<String>> {
    let mut python = Command::new("python3")
        .args(["-c", include_str!("twin.py")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // The twin reads everything before it writes anything.
    python.stdin.take().unwrap().write_all(&serde_json::to_vec(programs).unwrap()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

fn files_do_what_cpythons_files_do() {
    let mut runner = TestRunner::deterministic();
    let programs: Vec<_> =
        (0..PROGRAMS).map(|_| program().new_tree(&mut runner).unwrap().current()).collect();
    let expected = on_cpython(&programs);
    assert_eq!(expected.len(), PROGRAMS);
    for (program, expected) in programs.iter().zip(expected) {
        let answers = run(program);
        for ((step, answer), python) in program.steps.iter().zip(&answers).zip(&expected) {
            assert_eq!(
                answer, python,
                "{step:?} of {program:?}\nhere {answers:?}\nPython {expected:?}"
            );
        }
    }
}

fn files_keep_the_descriptor_of_a_closed_socket() {
    let (a, b) = Socket::pair().unwrap();
    let mut writer = a.makefile(Access::Write);
    let mut reader = a.makefile_raw(Access::Read);
    a.close().unwrap();
    a.send_all(b"1").unwrap();
    a.set_blocking(false).unwrap();
    writer.write(b"2").unwrap();
    writer.close().unwrap();
    assert_eq!(b.recv(16).unwrap(), b"12");
    assert!(reader.read(1).unwrap().is_none(), "the files follow the socket's mode");
    assert!(a.fileno().is_some());
    assert_eq!(a.descriptor().unwrap().as_raw_fd(), a.fileno().unwrap());
    reader.close().unwrap();
    assert!(a.fileno().is_none());
    assert_eq!(a.descriptor().unwrap_err().raw_os_error(), Some(Errno::BADF.raw_os_error()));
    assert_eq!(a.send(b"3").unwrap_err().raw_os_error(), Some(Errno::BADF.raw_os_error()));
    assert_eq!(b.recv(16).unwrap(), b"", "the last file closed the connection");
}

fn files_keep_the_descriptor_of_a_dropped_socket() {
    let (a, b) = Socket::pair().unwrap();
    let mut file = a.makefile(Access::ReadWrite);
    drop(a);
    file.write(b"question").unwrap();
    file.flush().unwrap();
    assert_eq!(b.recv(16).unwrap(), b"question");
    b.send_all(b"answer\n").unwrap();
    assert_eq!(file.read_line().unwrap(), b"answer\n");
    file.write(b"flushed by drop").unwrap();
    drop(file);
    assert_eq!(b.recv(16).unwrap(), b"flushed by drop");
    assert_eq!(b.recv(16).unwrap(), b"");
}

fn a_descriptor_that_is_held_is_nobodys_to_close() {
    let (a, b) = Socket::pair().unwrap();
    let mut file = a.makefile_raw(Access::Read);
    a.close().unwrap();
    let held = a.descriptor().unwrap();
    file.close().unwrap();
    assert!(a.fileno().is_none());
    assert_eq!(rustix::io::write(&held, b"still open").unwrap(), 10);
    drop(held);
    assert_eq!(b.recv(16).unwrap(), b"still open");
    assert_eq!(b.recv(16).unwrap(), b"", "with it the connection is closed");
}

fn a_detached_descriptor_is_nobody_elses() {
    let (a, b) = Socket::pair().unwrap();
    let number = a.fileno();
    let fd = a.detach().unwrap().unwrap();
    assert_eq!(number, Some(fd.as_raw_fd()));
    let a = Socket::from_fd(fd).unwrap();
    let mut file = a.makefile(Access::Read);
    let fd = a.detach().unwrap().unwrap();
    assert_eq!(file.read(1).unwrap_err().raw_os_error(), Some(Errno::BADF.raw_os_error()));
    drop((a, file));
    b.send_all(b"still open").unwrap();
    assert_eq!(Socket::from_fd(fd).unwrap().recv(16).unwrap(), b"still open");
}
