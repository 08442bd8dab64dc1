//! The servers of others that the book grades beside the six steps: its table says what `sockmodes check` says.
//!
//! A row promises a level, the check that fails first, and what else fails: every check whose name stands in it. What is
//! below the first failure has to pass. Nothing of a server is known here but how it is started.

use std::any::Any;
use std::collections::HashSet;
use std::process::Command;
use std::sync::Mutex;
use std::{fs, thread};

use super::{FOLDER, Report, built, report_of, root};
use crate::common::harness::python;
use crate::common::process::Program;
use crate::common::program::{SECRET, sockmodes};
use crate::peers::{SECRET_9090, of_source};

/// How a server is started, and what `check` is told of it.
struct Other {
    /// Stands in the first cell of its row, and of no other.
    name: &'static str,
    start: Start,
    args: &'static [&'static str],
    secret: &'static str,
}

#[derive(Clone, Copy)]
enum Start {
    /// A program of the source document.
    Source(&'static str),
    /// One of the five designs, which have no end of their own: `check` does not start it.
    Design(&'static str),
    /// A file below `examples/build_the_loop/`.
    Python(&'static str),
    /// An example in Rust.
    Rust(&'static str),
}

use Start::{Design, Python, Rust, Source};

const OPEN: &[&str] = &["--auth", "none"];
const MD5_OF_TEXT: &[&str] = &["--auth", "md5", "--nonce-len", "27"];
const MD5: &[&str] = &["--auth", "md5", "--nonce-len", "10"];
const HMAC: &[&str] = &["--nonce-len", "10"];
const ONCE: &[&str] = &["--auth", "none", "--service", "upper-once"];
const ECHO: &[&str] = &["--auth", "none", "--service", "echo"];

#[rustfmt::skip]
const OTHERS: &[Other] = &[
    of("`9090_server_fixed`", Source("9090_server_fixed"), MD5_OF_TEXT, SECRET_9090),
    of("`_md5`", Source("9090_server_md5"), MD5, SECRET_9090),
    of("`_hmac`", Source("9090_server_hmac"), HMAC, SECRET_9090),
    of("`echo_server`", Source("echo_server"), &[], SECRET),
    of("`socketserver_server`", Source("socketserver_server"), ONCE, SECRET),
    of("`blocking`", Design("blocking"), OPEN, SECRET),
    of("`timeouts`", Design("timeouts"), OPEN, SECRET),
    of("`spinning`", Design("spinning"), OPEN, SECRET),
    of("`threads`", Design("threads"), OPEN, SECRET),
    of("`loop`", Design("loop"), OPEN, SECRET),
    of("`others/threading_tcp.py`", Python("others/threading_tcp.py"), OPEN, SECRET),
    of("`others/asyncio_streams.py`", Python("others/asyncio_streams.py"), OPEN, SECRET),
    of("`others/asyncio_leaving.py`", Python("others/asyncio_leaving.py"), OPEN, SECRET),
    of("`others/tokio_echo.rs`", Rust("build_other_tokio"), ECHO, SECRET),
];

const fn of(
    name: &'static str,
    start: Start,
    args: &'static [&'static str],
    secret: &'static str,
) -> Other {
    Other { name, start, args, secret }
}

/// So many at a time: nearly all of what a check does is waiting.
const AT_A_TIME: usize = 6;

pub(super) fn are_as_the_table_says() {
    let text = fs::read_to_string(root("docs/src/build/7_reading.md")).unwrap();
    let rows: Vec<Row> = text.lines().filter_map(Row::read).collect();
    // From the end: the higher its level, the longer it takes.
    let left = Mutex::new(OTHERS.iter().rev());
    let next = || left.lock().unwrap().next();
    let found = Mutex::new(HashSet::new());
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let Some(other) = next() {
                    let mut known = rows.iter().filter(|row| row.server.contains(other.name));
                    let (Some(row), None) = (known.next(), known.next()) else {
                        panic!("{} has not one row", other.name)
                    };
                    found.lock().unwrap().insert(row.server);
                    row.holds_for(other);
                }
            });
        }
    });
    let unknown: Vec<_> =
        rows.iter().filter(|row| !found.lock().unwrap().contains(row.server)).collect();
    assert!(!rows.is_empty() && unknown.is_empty(), "nobody has started {unknown:?}");
}

#[derive(Debug)]
struct Row<'t> {
    server: &'t str,
    level: u64,
    first: Option<&'t str>,
    /// Whatever is named in the row, the first one as well.
    fails: Vec<&'static str>,
}

impl Row<'_> {
    /// A line of a table whose second cell is a level.
    fn read(line: &str) -> Option<Row<'_>> {
        let cells: Vec<_> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" |").collect();
        let [server, level, first, learnt] = cells[..] else { return None };
        let named = [first, learnt].concat();
        let fails = sockmodes::check::checks().map(|check| check.name);
        let fails = fails.filter(|name| named.contains(&format!("`{name}`"))).collect();
        let first = first.trim().strip_prefix('`').and_then(|name| name.strip_suffix('`'));
        Some(Row { server, level: level.trim().parse().ok()?, first, fails })
    }

    /// Up to the first failure, and what else is to fail.
    fn tried(&self) -> Vec<&'static str> {
        let all = || sockmodes::check::checks();
        let first = match self.first {
            Some(first) => all().position(|check| check.name == first).unwrap(),
            None => all().count(),
        };
        let of = |(at, check): (usize, &'static sockmodes::check::Check)| {
            (at <= first || self.fails.contains(&check.name)).then_some(check.name)
        };
        all().enumerate().filter_map(of).collect()
    }

    fn holds_for(&self, other: &Other) {
        let mut check = sockmodes(["check", "--format", "json", "--handshake-timeout", "1s"]);
        check.args(["--seed", "1"]).args(other.args).env("SOCKMODES_SECRET", other.secret);
        check.args(self.tried().iter().flat_map(|name| ["--only", name]));
        // Whatever it needs is there as long as it is checked.
        let _server = other.start.name(&mut check);
        let Report { level, failed, why } = report_of(check);
        assert_eq!(level, self.level, "{}: {why}", other.name);
        assert_eq!(failed, self.fails, "{}: {why}", other.name);
    }
}

impl Start {
    /// Says in the command line of `check` which server it is. What comes back ends the server, or takes its file away,
    /// when it is dropped.
    fn name(self, check: &mut Command) -> Box<dyn Any> {
        match self {
            Source(name) => {
                let file = of_source(name, "int(__import__('sys').argv[1])");
                check.arg("--").arg(python()).arg(file.path()).arg("{port}");
                check.env("PYTHONUTF8", "1");
                Box::new(file)
            }
            Python(name) => {
                check.arg("--").arg(python()).arg(root(FOLDER).join(name)).arg("{port}");
                Box::new(())
            }
            Rust(name) => {
                check.arg("--").arg(built(name)).arg("{port}");
                Box::new(())
            }
            Design(name) => {
                let mut design = Command::new(built("server_designs"));
                let program = Program::start(design.args(["--serve", name, "0"]));
                check.arg(program.wait_for_output("\n").trim());
                Box::new(program)
            }
        }
    }
}
