use std::env;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::LocalModes;

use super::*;

const READY: &str = "it waits for a key";
const LAST_WORDS: &str = "what nobody has thought of";

/// Both ends of a terminal.
fn terminal() -> (File, OwnedFd) {
    let near = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&near).unwrap();
    unlockpt(&near).unwrap();
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let far = open(ptsname(&near, Vec::new()).unwrap(), flags, Mode::empty()).unwrap();
    (near.into(), far)
}

fn mode(far: &OwnedFd) -> String {
    format!("{:?}", tcgetattr(far).unwrap())
}

/// Every prompt is like this one: nothing but its [`Terminal`] puts the mode back.
#[test]
#[ignore = "it is the process that the test below starts"]
fn a_prompt_at_which_the_program_panics() {
    let mut terminal = Terminal::enter(|mode| {
        mode.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON);
    })
    .unwrap();
    println!("{READY}");
    let key = terminal.next().unwrap();
    panic!("{LAST_WORDS}: {key:?}");
}

#[test]
fn a_panic_leaves_the_terminal_as_it_was() {
    let (mut near, far) = terminal();
    let before = mode(&far);
    let prompt = "cli::terminal::tests::a_prompt_at_which_the_program_panics";
    let mut child = Command::new(env::current_exe().unwrap())
        .args([prompt, "--exact", "--ignored", "--nocapture"])
        .stdin(far.try_clone().unwrap())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.ends_with(READY)), "it never came to its prompt");
    assert_ne!(mode(&far), before, "at its prompt");
    near.write_all(b"x").unwrap();
    assert!(lines.any(|line| line.contains("FAILED")), "it did not panic");
    let ended = child.wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&ended.stderr).contains(LAST_WORDS), "{ended:?}");
    assert_eq!(mode(&far), before);
}
