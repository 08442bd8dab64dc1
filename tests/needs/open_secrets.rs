//! A secret file that others may read or change: who is told of it, and who isn't. Where the secret is found is
//! in `secret_files.rs`.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::process::Command;

use tempfile::TempDir;

use crate::common::harness::{Need, Test, missing_program};
use crate::common::process::{Program, run};
use crate::common::program::{Server, sockmodes};

pub(crate) const TESTS: &[Test] = &[
    ("one_open_to_others_is_warned_about", &[], one_open_to_others_is_warned_about),
    ("what_a_group_reads_of_root_s_is_not", &[ROOT], what_a_group_reads_of_root_s_is_not),
    ("a_person_is_warned_by_a_client", &[SCRIPT], a_person_is_warned_by_a_client),
];

/// Somebody else.
const NOBODY: u32 = 65534;

const ROOT: Need = Need::Machine(|| {
    let is_root = rustix::process::getuid().is_root();
    (!is_root).then(|| "it takes root to have a file of root's".into())
});
const SCRIPT: Need = Need::Peer(|| missing_program("script"));

/// What the log of a server says of its secret file, which has this mode.
fn warning(mode: u32, owner: Option<u32>) -> Option<String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "secret").unwrap();
    fs::set_permissions(file.path(), PermissionsExt::from_mode(mode)).unwrap();
    chown(file.path(), owner, None).unwrap();
    let args = Server::args(&["-q", "--secret-file", file.path().to_str().unwrap()]);
    let log = Server::listening(Program::start(&mut sockmodes(args))).stop().err().to_owned();
    assert!(log.is_empty() || log.lines().count() == 1, "{log}");
    let named = format!("file=\"{}\" mode=\"{mode:04o}\"", file.path().display());
    assert!(log.is_empty() || log.contains(" WARN ") && log.contains(&named), "{log}");
    (!log.is_empty()).then_some(log)
}

fn one_open_to_others_is_warned_about() {
    for mode in [0o600, 0o400, 0o700] {
        assert_eq!(warning(mode, None), None, "{mode:o}");
    }
    for (mode, what) in [
        (0o644, "others may read the secret file"),
        (0o604, "others may read the secret file"),
        (0o620, "others may change the secret file"),
        (0o602, "others may change the secret file"),
        (0o666, "others may read and change the secret file"),
    ] {
        let said = warning(mode, None).unwrap_or_default();
        assert!(said.contains(what), "{mode:o}: {said}");
    }
}

fn what_a_group_reads_of_root_s_is_not() {
    assert_eq!(warning(0o640, Some(0)), None);
    assert!(warning(0o640, Some(NOBODY)).is_some());
    assert!(warning(0o644, Some(0)).is_some());
}

fn a_person_is_warned_by_a_client() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("secret");
    fs::write(&path, "secret").unwrap();
    for (mode, is_warned) in [(0o644, true), (0o600, false)] {
        fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        // Nobody listens there.
        let connect = sockmodes(["connect", "127.0.0.1:1", "--secret-file"]);
        let words = [connect.get_program()].into_iter().chain(connect.get_args());
        let mut words: Vec<_> = words.map(|word| word.to_str().unwrap()).collect();
        words.push(path.to_str().unwrap());
        let mut script = Command::new("script");
        script.args(["-qec", &words.join(" "), "/dev/null"]).env("HOME", "/nonexistent");
        let done = run(&mut script, b"").expect(1);
        let said = format!("sockmodes: others may read the secret file {}", path.display());
        assert_eq!(done.out().contains(&said), is_warned, "{}", done.out());
        // A program gets the one line that says what failed.
        let mut connect = sockmodes(&words[1..]);
        assert_eq!(run(&mut connect, b"").expect(1).err().lines().count(), 1);
    }
}
