//! README and the book's first chapter, followed to the letter: every block that is for a shell or for Python is
//! pasted as it stands, in the order in which they stand, in an empty home, into one of two terminals.
//!
//! What they write of `cargo` is done by a stand-in, since everything is built. The usual port is free, because the
//! terminals are in a network of their own.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::vec::IntoIter;

use tempfile::TempDir;

use crate::common::harness::{Need, Test, missing_program};
use crate::common::network::{NEEDS, alone};
use crate::common::process::Program;
use crate::common::terminal::Terminal;

pub(crate) const TESTS: &[Test] = &[
    ("both_readmes_have_the_same", &[], both_readmes_have_the_same),
    ("readme_can_be_pasted", &[NEEDS[0], NEEDS[1], PYTHON, BASH], readme_can_be_pasted),
    (
        "the_first_chapter_can_be_pasted",
        &[NEEDS[0], NEEDS[1], PYTHON, BASH, NETCAT, OPENSSL, JQ],
        the_first_chapter_can_be_pasted,
    ),
];

const PYTHON: Need = Need::Peer(|| missing_program("python3"));
const BASH: Need = Need::Peer(|| missing_program("bash"));
const NETCAT: Need = Need::Peer(|| missing_program("nc"));
const OPENSSL: Need = Need::Peer(|| missing_program("openssl"));
const JQ: Need = Need::Peer(|| missing_program("jq"));

/// What bash says when it waits for a command.
const PROMPT: &str = "next, please: ";

/// `run -- ARGS` and `run --example NAME`, `install` and `test`: all that the pages ask of it. A lesson has a test of
/// its own.
const CARGO: &str = r#"#!/bin/sh
case "$1 $2" in
    'run --release') shift 3 && exec PROGRAM "$@" ;;
    'run --example') test -e "examples/$3.rs" || test -e "examples/$3/main.rs" ;;
    'install --locked') test "$3" = --path && test -d "$4" ;;
    'test ') ;;
    *) echo "cargo: what is $*?"; exit 1 ;;
esac
"#;

/// A fresh clone, all built; an empty home; and the page that is followed.
struct Desk {
    folder: TempDir,
    blocks: IntoIter<String>,
}

impl Desk {
    fn with(page: &str) -> Desk {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["home", "bin", "clone", "clone/target"] {
            fs::create_dir(path(name)).unwrap();
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        symlink(root.join("examples"), path("clone/examples")).unwrap();
        fs::write(path("bin/cargo"), CARGO.replace("PROGRAM", env!("CARGO_BIN_EXE_sockmodes")))
            .unwrap();
        fs::set_permissions(path("bin/cargo"), PermissionsExt::from_mode(0o755)).unwrap();
        let blocks = blocks(&fs::read_to_string(root.join(page)).unwrap());
        Desk { folder, blocks: blocks.into_iter() }
    }

    /// A terminal with a shell, in the clone.
    fn open(&self) -> Shell {
        let path = |name: &str| self.folder.path().join(name).into_os_string();
        let mut terminal = Terminal::open().unwrap();
        // What is pasted is not to be taken for an answer; what goes to standard error is to be seen here, too.
        fs::write(path("bashrc"), format!("PS1='{PROMPT}'; PS2=; stty -echo")).unwrap();
        let mut command = Command::new("setsid");
        command.args(["--ctty", "sh", "-c", "exec bash --rcfile ../bashrc --noediting -i 2>&1"]);
        let old = std::env::var("PATH").unwrap();
        command.env("PATH", format!("{}:{old}", path("bin").into_string().unwrap()));
        command.env("HOME", path("home")).current_dir(path("clone"));
        for name in ["SOCKMODES_SECRET", "XDG_CONFIG_HOME", "PROMPT_COMMAND"] {
            command.env_remove(name);
        }
        let bash = terminal.start(command);
        terminal.wait_for(PROMPT);
        Shell { terminal, _bash: bash }
    }

    fn next(&mut self) -> String {
        self.blocks.next().expect("the page has fewer blocks than this test knows")
    }

    fn done(mut self) {
        let more = self.blocks.next();
        assert!(more.is_none(), "the page has a block that this test doesn't know: {more:?}");
    }
}

/// The blocks of a page in which somebody could paste something. In those of other kinds nobody is asked to.
fn blocks(page: &str) -> Vec<String> {
    let (mut blocks, mut rest) = (Vec::new(), page);
    while let Some((_, after)) = rest.split_once("\n```") {
        let (kind, after) = after.split_once('\n').unwrap();
        let (block, after) = after.split_once("\n```\n").unwrap();
        match kind {
            "sh" => blocks.push(block.to_owned()),
            // As into Python itself, but from a file.
            "python" => blocks.push(format!("python3 <<'THE END'\n{block}\nTHE END")),
            "text" => {
                assert!(!block.starts_with("$ "), "who pastes this, pastes a dollar: {block}")
            }
            _ => panic!("what is a block of the kind {kind:?} for?"),
        }
        rest = after;
    }
    blocks
}

struct Shell {
    terminal: Terminal,
    _bash: Program,
}

impl Shell {
    /// Pastes a block, and waits until it shows `text`.
    fn paste(&mut self, block: &str, text: &str) {
        self.terminal.type_in(format!("{block}\n"));
        self.terminal.wait_for(text);
    }

    /// The same of a block that ends by itself, with status 0.
    fn run(&mut self, block: &str, text: &str) {
        self.paste(&format!("{block}\necho \" status $?\""), text);
        self.terminal.wait_for("status 0");
        self.terminal.wait_for(PROMPT);
    }

    /// Types `keys`, and waits for `text`.
    fn types(&mut self, keys: &str, text: &str) {
        self.terminal.type_in(keys);
        self.terminal.wait_for(text);
    }

    /// Control-C, until the shell waits for the next command.
    fn stop(&mut self) {
        self.types("\x03", PROMPT);
    }
}

fn readme_can_be_pasted() {
    alone(|| {
        let mut desk = Desk::with("README.md");
        let (mut one, mut other) = (desk.open(), desk.open());
        one.paste(&desk.next(), "listening on 127.0.0.1:9999");
        other.paste(&desk.next(), ">>: ");
        other.types("hello\r", "HELLO");
        other.types("straße\r", "STRAßE");
        other.types("quit\r", PROMPT);
        one.terminal.wait_for("reason=done received=28 sent=44");
        one.stop();
        one.paste(&desk.next(), "assword");
        one.types("secret words\n", "again");
        one.types("secret words\n", PROMPT);
        one.paste(&desk.next(), "listening on 127.0.0.1:9999");
        other.paste(&desk.next(), "name: ");
        other.types("eva\n", "password: ");
        other.types("secret words\n", "success!");
        other.types("\x04", PROMPT);
        one.stop();
        other.run(&desk.next(), "level 1 of 6");
        other.run(&desk.next(), "");
        // A lesson asks first.
        other.paste(&desk.next(), "Enter shows what happens. ");
        other.types("\n", "Claims that hold: 8 of 8");
        other.terminal.wait_for(PROMPT);
        other.run(&desk.next(), "");
        desk.done();
    });
}

fn the_first_chapter_can_be_pasted() {
    alone(|| {
        let mut desk = Desk::with("docs/src/start.md");
        let (mut one, mut other) = (desk.open(), desk.open());
        let serve = desk.next();
        one.paste(&serve, LISTENING);
        let connect = desk.next();
        converse(&connect, &mut other);
        one.terminal.wait_for("reason=done received=33 sent=49");
        other.run(&desk.next(), "");
        other.run(&desk.next(), "HELLO, SERVER");
        one.stop();
        one.paste(&serve, LISTENING);
        other.run(&desk.next(), "0000032");
        one.terminal.wait_for("refused conn=1");
        one.terminal.wait_for("reason=wrong_digest received=22 sent=32");
        other.run(&desk.next(), "HELLO");
        other.run(&desk.next(), "b'HELLO'");
        one.stop();
        and_look_inside(&mut desk, &connect, &mut one, &mut other);
        one.paste(&desk.next(), LISTENING);
        other.paste(&desk.next(), ">>: ");
        other.types("hello\r", "hello");
        other.types("quit\r", PROMPT);
        one.stop();
        one.paste(&desk.next(), LISTENING);
        other.run(&desk.next(), "HELLO");
        one.stop();
        desk.done();
    });
}

const LISTENING: &str = "listening on 127.0.0.1:9999";

fn converse(connect: &str, shell: &mut Shell) {
    shell.paste(connect, ">>: ");
    shell.types("hello\r", "HELLO");
    shell.types("how are you?\r", "HOW ARE YOU?");
    shell.types("quit\r", PROMPT);
}

/// The part of the chapter about system calls and the trace.
fn and_look_inside(desk: &mut Desk, connect: &str, one: &mut Shell, other: &mut Shell) {
    one.paste(&desk.next(), "epoll_wait");
    one.stop();
    one.paste(&desk.next(), LISTENING);
    other.paste(&desk.next(), "");
    converse(connect, &mut desk.open());
    // There may be colours in between.
    other.terminal.wait_for("\"done\"");
    other.terminal.wait_for("33");
    other.stop();
    one.stop();
}

/// In whatever language: the levels of their headings, their blocks to the letter, and where their links lead.
fn both_readmes_have_the_same() {
    let read = |name| {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        let page = fs::read_to_string(page).unwrap();
        let link = regex_lite::Regex::new(r"\]\(([^)]+)\)|`([^`\n]+)`|<(http[^>]+)>").unwrap();
        let prose: String = page.split("\n```").step_by(2).collect();
        let mut said: Vec<_> = link.captures_iter(&prose).map(|it| it[0].to_owned()).collect();
        said.sort();
        said.dedup();
        (headings(&page), fenced(&page), said)
    };
    let (headings, blocks, said) = read("README.md");
    let (others, other_blocks, other_said) = read("README.zh-CN.md");
    assert_eq!(headings, others, "headings");
    assert_eq!(blocks, other_blocks, "blocks");
    let only = |these: &[String], those: &[String]| {
        let left: Vec<_> = these.iter().filter(|it| !those.contains(it)).cloned().collect();
        left
    };
    // The Chinese one is called by the English one, and the other way round; and it has words for Chinese readers.
    assert_eq!(only(&said, &other_said), ["](README.zh-CN.md)"], "in README.md alone");
    assert_eq!(
        only(&other_said, &said),
        ["](README.md)", "`recv`", "`send`"],
        "in README.zh-CN.md alone"
    );
}

fn headings(page: &str) -> Vec<usize> {
    let lines = page.split("\n```").step_by(2).flat_map(str::lines);
    lines.filter(|line| line.starts_with('#')).map(|line| line.find(' ').unwrap()).collect()
}

fn fenced(page: &str) -> Vec<String> {
    page.split("\n```").skip(1).step_by(2).map(str::to_owned).collect()
}
