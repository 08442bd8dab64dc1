//! The six servers of `examples/build_the_loop/`, in both languages, graded by `sockmodes check`: each is at its level, and
//! fails at the next for just the reason that the next step mends.
//!
//! And what the book shows of each, its difference to the one before, is made here from the files. The servers of others
//! beside them are in `others.rs`.

mod others;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::{env, fs, thread};

use serde_json::Value;
use similar::TextDiff;

use crate::common::harness::{self, LONG, Need, Test, missing_program};
use crate::common::program::sockmodes;

/// Those that grade servers, and mostly wait.
pub(crate) const GRADED: &[Test] = &[
    ("rust_steps_reach_their_levels", &[LONG], || reach_their_levels(rust)),
    ("python_steps_reach_their_levels", &[PYTHON, LONG], || reach_their_levels(python)),
    ("others_are_as_the_table_says", &[PYTHON, LONG], others::are_as_the_table_says),
];

pub(crate) const TESTS: &[Test] = &[
    ("rust_steps_say_what_they_lack", &[], || say_what_they_lack(rust)),
    ("python_steps_say_what_they_lack", &[PYTHON], || say_what_they_lack(python)),
    ("edges_take_fewer_calls", &[PYTHON, STRACE], edges_take_fewer_calls),
    ("no_file_is_longer_than_200_lines", &[], no_file_is_longer_than_200_lines),
    ("the_book_shows_the_differences", &[], the_book_shows_the_differences),
];

const PYTHON: Need = Need::Peer(|| missing_program("python3"));
const STRACE: Need = Need::Peer(|| missing_program("strace"));

const FOLDER: &str = "examples/build_the_loop";

struct Step {
    name: &'static str,
    level: u64,
    /// The checks of the next level that it fails.
    fails: &'static [&'static str],
}

const UNLIMITED: &[&str] =
    &["deadline-silent", "deadline-half", "deadline-trickle", "descriptors-out"];

#[rustfmt::skip]
const STEPS: [Step; 6] = [
    Step {
        name: "1_blocking", level: 1,
        fails: &["beside-silent", "beside-half-digest", "beside-idle", "fifty", "ninety-silent", "own-answers",
            "own-nonce", "some-leave"],
    },
    Step { name: "2_poll", level: 2, fails: &["ten-mebibytes"] },
    Step { name: "3_buffers", level: 4, fails: UNLIMITED },
    Step { name: "4_edges", level: 4, fails: UNLIMITED },
    Step { name: "5_deadlines", level: 5, fails: &["term-exit", "int-exit", "term-idle", "term-owed"] },
    Step { name: "6_leaving", level: 6, fails: &[] },
];

/// All at once: nearly all of what they do is waiting.
fn reach_their_levels(server: fn(&str) -> Vec<String>) {
    thread::scope(|scope| {
        for step in &STEPS {
            scope.spawn(|| {
                let next = (step.level + 1).min(6).to_string();
                let Report { level, failed, why } = graded(&server(step.name), &["--level", &next]);
                assert_eq!(level, step.level, "{}: {why}", step.name);
                assert_eq!(failed, step.fails, "{}: {why}", step.name);
                assert!(failed.iter().all(|name| is_mended(name, step)), "{failed:?}");
            });
        }
    });
}

/// Whether the story of this check sends its reader to the step that raises this one's level.
fn is_mended(check: &str, step: &Step) -> bool {
    let next = STEPS.iter().find(|next| next.level > step.level).unwrap();
    let check = sockmodes::check::checks().find(|known| known.name == check).unwrap();
    check.chapter() == Some(&format!("build/{}.md", next.name))
}

/// What `check` says of a server: its level, the checks that it fails, and their stories.
struct Report {
    level: u64,
    failed: Vec<String>,
    why: String,
}

/// The same of one that promises a second.
fn graded(server: &[String], which: &[&str]) -> Report {
    let mut check = sockmodes(["check", "--format", "json", "--handshake-timeout", "1s"]);
    check.args(which).arg("--").args(server);
    report_of(check)
}

/// Whoever starts a step by hand and forgets something is told in a sentence.
fn say_what_they_lack(server: fn(&str) -> Vec<String>) {
    for step in &STEPS {
        let words = server(step.name);
        let told = |args: &[String], secret: Option<&str>| {
            let mut command = Command::new(&args[0]);
            command.args(&args[1..]).env_remove("PORT").env_remove("SOCKMODES_SECRET");
            secret.map(|secret| command.env("SOCKMODES_SECRET", secret));
            let done = command.stdin(Stdio::null()).output().unwrap();
            assert_eq!(done.status.code(), Some(1), "{command:?}");
            String::from_utf8(done.stderr).unwrap()
        };
        let before_port = words.iter().position(|word| word == "{port}").unwrap();
        for (said, lacks) in [
            (told(&words[..before_port], Some("open sesame")), "no port is given"),
            // A number that is no port: nothing would listen, whatever is checked first.
            (
                told(&[&words[..before_port], &["65536".into()]].concat(), None),
                "SOCKMODES_SECRET is not set",
            ),
        ] {
            assert_eq!(said.lines().count(), 1, "{}: {said}", step.name);
            assert!(said.contains(lacks), "{}: {said}", step.name);
        }
    }
}

fn report_of(mut check: Command) -> Report {
    let output = check.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
    let failed = report["checks"].as_array().unwrap().iter();
    let failed = failed.filter(|check| check["verdict"] == "FAILED");
    let of_each = |key| failed.clone().map(move |check| check[key].as_str().unwrap().to_owned());
    let level = report["level"].as_u64().unwrap();
    Report { level, failed: of_each("name").collect(), why: of_each("why").collect() }
}

fn rust(step: &str) -> Vec<String> {
    let program = built(&format!("build_{step}"));
    [program.to_str().unwrap(), "{port}", "1"].map(String::from).into()
}

fn python(step: &str) -> Vec<String> {
    let program = root(FOLDER).join(format!("{step}.py"));
    [harness::python().to_str().unwrap(), program.to_str().unwrap(), "{port}", "1"]
        .map(String::from)
        .into()
}

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Where an example is.
fn built(name: &str) -> PathBuf {
    static BUILT: LazyLock<PathBuf> = LazyLock::new(build);
    BUILT.join(name)
}

/// Builds them in the profile of this test; where they are.
fn build() -> PathBuf {
    let own = env::current_exe().unwrap();
    let folder = own.ancestors().nth(2).unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.args(["--example", "build_other_tokio", "--example", "server_designs"]);
    for step in &STEPS {
        cargo.args(["--example", &format!("build_{}", step.name)]);
    }
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    assert!(cargo.status().unwrap().success(), "the steps do not build");
    folder.join("examples")
}

/// What 4_edges is for: the same ten mebibytes, in fewer system calls; and there are several pieces to a wait, and not one.
fn edges_take_fewer_calls() {
    thread::scope(|scope| {
        for server in [rust, python] {
            scope.spawn(move || {
                let [levels, edges] = ["3_buffers", "4_edges"].map(|step| calls(&server(step)));
                assert!(edges.all < levels.all, "edges: {edges:?}, levels: {levels:?}");
                assert!(edges.waits < levels.waits / 2, "edges: {edges:?}, levels: {levels:?}");
            });
        }
    });
}

#[derive(Debug, Default)]
struct Calls {
    waits: u64,
    all: u64,
}

const WAITS: &str = "poll,ppoll,epoll_wait,epoll_pwait";

fn calls(server: &[String]) -> Calls {
    let folder = tempfile::tempdir().unwrap();
    let counted = folder.path().join("calls");
    let traced = format!("trace={WAITS},epoll_ctl,recvfrom,sendto");
    let counted_at = counted.to_str().unwrap();
    let strace = ["strace", "-f", "--seccomp-bpf", "-c", "-e", &traced, "-o", counted_at];
    // Ended with SIGTERM, both of them, and strace writes what it has counted.
    let traced: Vec<_> =
        strace.into_iter().map(String::from).chain(server.iter().cloned()).collect();
    let passes = || graded(&traced, &["--only", "ten-mebibytes", "--seed", "1"]).failed.is_empty();
    // Traced, on a busy machine, it may stand still for longer than `check` puts up with.
    assert!((0..5).any(|_| passes()), "{traced:?} does not get ten mebibytes through");
    let table = fs::read_to_string(&counted).unwrap();
    let mut calls = Calls::default();
    for line in table.lines() {
        // Share, seconds, each, calls, perhaps errors, name.
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, _, _, count, .., name] = words[..] else { continue };
        match count.parse::<u64>() {
            Ok(count) if name == "total" => calls.all = count,
            Ok(count) if WAITS.split(',').any(|wait| wait == name) => calls.waits += count,
            _ => {}
        }
    }
    assert!(calls.waits > 0 && calls.all > calls.waits, "{table}");
    calls
}

fn no_file_is_longer_than_200_lines() {
    for entry in fs::read_dir(root(FOLDER)).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let lines = fs::read_to_string(&path).unwrap().lines().count();
            assert!(lines <= 200, "{}: {lines} lines", path.display());
        }
    }
}

/// `docs/src/build/STEP.py.diff` and `.rs.diff`, from a step to the next.
fn the_book_shows_the_differences() {
    let bless = env::var_os("SOCKMODES_BLESS").is_some();
    for (before, after) in STEPS.iter().zip(&STEPS[1..]) {
        for language in ["py", "rs"] {
            let [old, new] = [before, after].map(|step| source(step.name, language));
            let [from, to] = [before, after].map(|step| format!("{}.{language}", step.name));
            let diff = TextDiff::from_lines(&old, &new);
            let diff = diff.unified_diff().context_radius(2).header(&from, &to).to_string();
            let page = root("docs/src/build").join(format!("{to}.diff"));
            if bless {
                fs::write(&page, &diff).unwrap();
            }
            let shown = fs::read_to_string(&page).unwrap_or_default();
            assert!(shown == diff, "{}: SOCKMODES_BLESS=1 rewrites it", page.display());
        }
    }
}

/// All of a step: from 4_edges on, its client is in a file of its own in Rust.
fn source(step: &str, language: &str) -> String {
    let read = |name: &str| fs::read_to_string(root(FOLDER).join(name)).unwrap();
    let own = read(&format!("{step}.{language}"));
    if own.contains("\nmod client;\n") { own + "\n" + &read("client.rs") } else { own }
}
