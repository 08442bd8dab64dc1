//! The lessons under `examples/`: each runs, each has a Python twin that prints the same lines, and what the book shows of
//! it is what it prints.
//!
//! Lines are compared with the numbers masked that differ from run to run; `examples/common/mod.rs` says which
//! those are. `SOCKMODES_BLESS=1` writes the pages in `docs/src/output/` anew where they differ. Without a `python3` the
//! twins are skipped, which is said and counted; with `SOCKMODES_REQUIRE_PEERS=1` that is a failure.
//!
//! Read `asking.rs` next, the lessons on a terminal, `output.rs`, where they can't say all, and `pages.rs`, the pages of
//! the book.

#[cfg(feature = "cli")]
mod asking;
#[path = "../common/mod.rs"]
mod common;
mod output;
mod pages;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex, PoisonError, RwLock};
use std::{env, fs, io, thread};

use regex_lite::Regex;

use common::harness;
use common::process::run;

/// This one measures speed, and is not to be disturbed: it runs alone.
const ALONE: &str = "server_designs";
/// Written while it runs, for another thirty programs beside it would be measured, too; read by those that run all lessons
/// and don't look.
static QUIET: RwLock<()> = RwLock::new(());
/// How many others run at a time. They mostly wait.
const AT_A_TIME: usize = 8;

#[test]
fn lessons_twins_and_pages_agree() {
    build();
    let python = python_is_there();
    let failed = Mutex::new(Vec::new());
    let lines = Mutex::new(0);
    let run = |name: &str| match check(name, python) {
        Ok(count) => *lines.lock().unwrap() += count,
        Err(why) => failed.lock().unwrap().push(format!("{name}: {why}")),
    };
    let lessons = lessons();
    let (alone, together): (Vec<_>, Vec<_>) = lessons.iter().partition(|name| *name == ALONE);
    at_a_time(&together, |name| run(name));
    let _quiet = QUIET.write().unwrap_or_else(PoisonError::into_inner);
    alone.into_iter().for_each(|name| run(name));
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} lessons failed:\n\n{}", failed.len(), failed.join("\n\n"));
    let twins = if python { lessons.len() } else { 0 };
    // Not println!, which the harness keeps to itself when a test passes: a skip has to be seen.
    let _ = writeln!(
        io::stderr(),
        "{} lessons ran, {twins} twins ran, {} skipped for want of python3; {} lines agree",
        lessons.len(),
        lessons.len() - twins,
        lines.into_inner().unwrap()
    );
}

/// Does it with each of them, [`AT_A_TIME`].
fn at_a_time<T: Sync>(these: &[T], run: impl Fn(&T) + Sync) {
    let queue = Mutex::new(these.iter());
    let next = || queue.lock().unwrap().next();
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let Some(one) = next() {
                    run(one)
                }
            });
        }
    });
}

#[test]
fn the_matrix_speaks_the_tables_json() {
    build();
    let printed =
        stdout(Command::new(example("mode_matrix")).args(["--json", "--op", "accept"])).unwrap();
    let table = fs::read_to_string(root("tests/oracle/cpython-3.11.json")).unwrap();
    let of_accept = |text: &str| text.lines().filter(|it| it.contains(r#""op": "accept""#)).count();
    assert_eq!(of_accept(&printed), of_accept(&table));
    let known: BTreeSet<_> = table.lines().map(|line| line.trim_end_matches(',')).collect();
    for line in printed.lines() {
        assert!(known.contains(line.trim_end_matches(',')), "not in the table: {line}");
    }
}

/// What the lessons in Rust say there, `.ci/run` only compiles.
#[test]
fn a_twin_that_needs_linux_says_so_elsewhere() {
    if !python_is_there() {
        return;
    }
    let elsewhere = "import runpy, sys; sys.platform = 'darwin'; sys.path.insert(0, sys.argv[1]); \
                     runpy.run_path(f'{sys.argv[1]}/{sys.argv[2]}.py', run_name='__main__')";
    for name in ["dead_peer", "levels_and_edges", "edge_trap"] {
        let mut python = Command::new(harness::python());
        python.args(["-c", elsewhere]).arg(root("examples/python")).arg(name);
        let ended = run(python.env("PYTHONDONTWRITEBYTECODE", "1"), b"").expect(1);
        let said = ended.err();
        assert!(ended.out().is_empty(), "{}", ended.out());
        let sentence = format!("{name} uses what Linux alone has, and can't run here; ");
        assert!(said.starts_with(&sentence) && said.lines().count() == 1, "{said}");
        // The same words as in Rust, and a file that is there.
        let common = fs::read_to_string(root("examples/common/mod.rs")).unwrap();
        assert!(common.contains("{name} uses what Linux alone has, and can't run here; "));
        assert!(root(&format!("docs/src/output/{name}.txt")).exists());
    }
}

/// Runs a lesson and its twin, and compares them with each other and with the page in the book.
/// Returns how many lines agree.
fn check(name: &str, python: bool) -> Result<usize, String> {
    let lesson = || stdout(&mut Command::new(example(name)));
    let twin = || {
        let twin = root(&format!("examples/python/{name}.py"));
        stdout(Command::new(harness::python()).arg(twin)).map_err(|why| format!("its twin: {why}"))
    };
    let (printed, twin) = match python {
        false => (lesson(), None),
        // Neither is to be measured beside the other.
        true if name == ALONE => (lesson(), Some(twin())),
        true => thread::scope(|scope| {
            let twin = scope.spawn(twin);
            (lesson(), Some(twin.join().unwrap()))
        }),
    };
    let printed = printed?;
    let mut lines = printed.lines().count();
    if let Some(twin) = twin {
        compare(&printed, &twin?).map_err(|why| format!("its twin prints otherwise: {why}"))?;
        lines *= 2;
    }
    let page = root(&format!("docs/src/output/{name}.txt"));
    let shown = fs::read_to_string(&page).unwrap_or_default();
    match compare(&printed, &shown) {
        Err(_) if env::var_os("SOCKMODES_BLESS").is_some() => {
            fs::write(&page, printed).map_err(|error| format!("{}: {error}", page.display()))?;
        }
        Err(why) => {
            return Err(format!("{}: {why}\nSOCKMODES_BLESS=1 rewrites it", page.display()));
        }
        Ok(()) => {}
    }
    Ok(lines)
}

fn stdout(command: &mut Command) -> Result<String, String> {
    // Python would leave its byte code in the tree.
    let done = run(command.env("PYTHONDONTWRITEBYTECODE", "1"), b"");
    match done.status.success() {
        true => Ok(done.out().to_owned()),
        false => Err(format!("{}\n{}{}", done.status, done.out(), done.err())),
    }
}

/// The first line in which two outputs differ, masked.
fn compare(one: &str, other: &str) -> Result<(), String> {
    let (mut ones, mut others) = (one.lines(), other.lines());
    for number in 1.. {
        match (ones.next().map(mask), others.next().map(mask)) {
            (None, None) => break,
            (one, other) if one == other => {}
            (one, other) => {
                let show = |line: Option<String>| line.unwrap_or("(no such line)".into());
                return Err(format!("line {number}\n  {}\n  {}", show(one), show(other)));
            }
        }
    }
    Ok(())
}

/// The line without what differs from run to run: `examples/common/mod.rs` has the list of the forms.
fn mask(line: &str) -> String {
    static VARYING: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r" *~\d[\d.,]*\d?| *\b\d[\d.,]* (?:(?:s|ms|µs|ns)\b|%)").unwrap()
    });
    static PORT: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(\d+\.\d+\.\d+\.\d+|\[[0-9a-f:]+\]):\d+").unwrap());
    let line = VARYING.replace_all(line, " #");
    PORT.replace_all(&line, "$1:#").into_owned()
}

#[test]
fn only_what_varies_is_masked() {
    assert_eq!(mask("  3. [   0.102 s] recv(5) -> \"hello\""), "  3. [ #] recv(5) -> \"hello\"");
    assert_eq!(mask("spin    ~48210   98 %"), "spin # #");
    assert_eq!(mask("from 127.0.0.1:40312, [::1]:9"), "from 127.0.0.1:#, [::1]:#");
    assert_eq!(mask("65536 bytes in 2 sends, 20 steps"), "65536 bytes in 2 sends, 20 steps");
}

/// Every lesson: `examples/NAME.rs` or `examples/NAME/main.rs`.
fn lessons() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(root("examples"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension().is_some_and(|it| it == "rs") || path.join("main.rs").exists()
        })
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

/// Builds the lessons, once, in the profile of this test.
fn build() {
    static BUILT: LazyLock<()> = LazyLock::new(|| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--examples"]).current_dir(root("."));
        if profile_folder().ends_with("release") {
            cargo.arg("--release");
        }
        assert!(cargo.status().unwrap().success(), "the examples do not build");
    });
    LazyLock::force(&BUILT);
}

fn example(name: &str) -> PathBuf {
    profile_folder().join("examples").join(name)
}

/// `target/debug` or `target/release`: this test is in its `deps`.
fn profile_folder() -> PathBuf {
    let own = env::current_exe().unwrap();
    own.ancestors().nth(2).unwrap().to_owned()
}

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn python_is_there() -> bool {
    let there = Command::new("python3")
        .args(["-c", "import sys; sys.exit(sys.version_info < (3, 10))"])
        .status()
        .is_ok_and(|status| status.success());
    let required = env::var_os("SOCKMODES_REQUIRE_PEERS").is_some_and(|it| it == "1");
    assert!(
        there || !required,
        "SOCKMODES_REQUIRE_PEERS is set, and there is no python3 from 3.10 on"
    );
    there
}
