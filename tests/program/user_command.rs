//! `sockmodes user …`: what it prints, what it exits with, and what it leaves in the file, whoever
//! else is at it and whenever it is killed.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Instant;

use sockmodes::auth::{Credentials, UserFile, UserStore, list_users};
use tempfile::TempDir;
use zeroize::Zeroizing;

struct Folder(TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("info")
    }

    fn with(text: &str) -> Folder {
        let folder = Folder::new();
        fs::write(folder.file(), text).unwrap();
        folder
    }

    fn text(&self) -> String {
        fs::read_to_string(self.file()).unwrap()
    }

    /// Starts `sockmodes user …` with this on its standard input.
    fn start(&self, arguments: &[&str], input: &str) -> Child {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sockmodes"))
            .arg("user")
            .args(arguments)
            .arg("--users")
            .arg(self.file())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that does not ask for it may be gone already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child
    }

    fn run(&self, arguments: &[&str], input: &str) -> (Option<i32>, String, String) {
        let Output { status, stdout, stderr } =
            self.start(arguments, input).wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.code(), text(stdout), text(stderr))
    }

    fn status(&self, arguments: &[&str], input: &str) -> Option<i32> {
        self.run(arguments, input).0
    }
}

fn lets_in(path: &Path, name: &str, password: &str) -> bool {
    let file = UserFile::open(path).unwrap();
    file.verify(&Credentials::new(name, Zeroizing::new(password.into()))).unwrap()
}

#[test]
fn a_user_is_added_checked_changed_listed_and_removed() {
    let folder = Folder::new();
    assert_eq!(folder.run(&["add", "旭哥"], "老司机\n"), (Some(0), String::new(), String::new()));
    assert!(folder.text().starts_with("旭哥 | $argon2id$v=19$m=19456,t=2,p=1$"));
    assert_eq!(fs::metadata(folder.file()).unwrap().mode() & 0o7777, 0o600);
    assert_eq!(folder.status(&["add", "a b", "--hash", "md5"], "x\n"), Some(0));
    assert_eq!(folder.run(&["list"], ""), (Some(0), "旭哥\na b\n".into(), String::new()));

    assert_eq!(folder.status(&["check", "旭哥"], "老司机\n"), Some(0));
    assert_eq!(folder.status(&["check", "旭哥"], "老司机"), Some(0));
    assert_eq!(folder.status(&["check", "旭哥"], "老司机\r\n"), Some(0));
    // The line is the password, white space and all.
    for wrong in ["老司机 \n", "\n", "老司\n", "老司机\r", "老司机\r\r\n"] {
        assert_eq!(folder.status(&["check", "旭哥"], wrong), Some(1), "{wrong:?}");
    }
    let (status, _, unknown) = folder.run(&["check", "nobody"], "x\n");
    let (_, _, wrong) = folder.run(&["check", "旭哥"], "x\n");
    assert_eq!(status, Some(1));
    assert_eq!(unknown.replace("nobody", "旭哥"), wrong);

    assert_eq!(folder.status(&["add", "旭哥"], "天王盖地虎\n"), Some(0));
    assert!(lets_in(&folder.file(), "旭哥", "天王盖地虎"));
    assert_eq!(folder.run(&["list"], "").1, "旭哥\na b\n");

    assert_eq!(folder.status(&["remove", "旭哥"], ""), Some(0));
    assert_eq!(folder.run(&["list"], "").1, "a b\n");
    let (status, _, error) = folder.run(&["remove", "旭哥"], "");
    assert_eq!(status, Some(1));
    assert!(error.contains("there is no user"), "{error}");
}

#[test]
fn what_is_not_theirs_stays_as_it_is() {
    let text = "# the users of 2026\r\n\n旭哥 | 7d79a61dd0bd94a3df2f765ac12fe492\n  a|!  \n# end";
    let folder = Folder::with(text);
    fs::set_permissions(folder.file(), Permissions::from_mode(0o640)).unwrap();
    assert_eq!(folder.status(&["add", "b", "--hash", "md5"], "x\n"), Some(0));
    let line = format!("b | {}", sockmodes::auth::Hash::md5("b", "x"));
    assert_eq!(folder.text(), format!("{text}\n{line}\n"));
    assert_eq!(folder.status(&["remove", "b"], ""), Some(0));
    assert_eq!(folder.text(), format!("{text}\n"));
    assert_eq!(folder.status(&["remove", "a"], ""), Some(0));
    assert_eq!(folder.text(), format!("{}\n", text.replace("  a|!  \n", "")));
    assert_eq!(fs::metadata(folder.file()).unwrap().mode() & 0o7777, 0o640);
}

#[test]
fn bad_names_passwords_and_files_are_refused_in_one_line() {
    let folder = Folder::with("a | !\n");
    for name in ["", " a", "#a", "a|b", "a\nb", "a\u{7f}", "\u{feff}a", "a\u{200b}", "\u{202e}a"] {
        let (status, _, error) = folder.run(&["add", name], "x\n");
        assert_eq!((status, error.lines().count()), (Some(2), 1), "{name:?}: {error}");
    }
    let unseen = ["\u{feff}x\n", "a\tb\n", "a\x1b[D\n", "a\u{85}b\n", "\0\n"];
    for password in [&["", "\n", &"x".repeat(1025)][..], &unseen].concat() {
        let (status, _, error) = folder.run(&["add", "b"], password);
        assert_eq!((status, error.lines().count()), (Some(1), 1), "{error}");
    }
    assert_eq!(folder.text(), "a | !\n");
    assert_eq!(folder.status(&["add", "b", "--hash", "md5"], &"x".repeat(1024)), Some(0));

    let broken = Folder::with("a | !\nwhat is this\n");
    for arguments in [&["add", "b"][..], &["remove", "a"], &["check", "a"], &["list"]] {
        let (status, _, error) = broken.run(arguments, "x\n");
        assert_eq!(status, Some(1));
        assert!(error.contains("info, line 2: no '|'"), "{error}");
    }
    assert_eq!(broken.text(), "a | !\nwhat is this\n");
    let missing = Folder::new();
    for arguments in [&["remove", "a"][..], &["check", "a"], &["list"]] {
        let (status, _, error) = missing.run(arguments, "x\n");
        assert_eq!(status, Some(1));
        assert!(error.contains("info: No such file"), "{error}");
    }
}

#[test]
fn a_line_that_is_cut_off_within_a_character_is_too_long() {
    let folder = Folder::new();
    let password = "x".repeat(64 * 1024 - 1) + "\u{e9}";
    let (status, out, err) = folder.run(&["add", "a"], &password);
    let said = "sockmodes: a line of more than 65536 bytes\n";
    assert_eq!((status, &*out, &*err), (Some(1), "", said));
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_name_and_stays_where_it_is() {
    let folder = Folder::with("\u{feff}root | !");
    assert_eq!(folder.status(&["add", "eva", "--hash", "md5"], "x\n"), Some(0));
    assert!(folder.text().starts_with("\u{feff}root | !\neva | "));
    assert_eq!(folder.run(&["list"], "").1, "root\neva\n");
    assert_eq!(folder.status(&["remove", "root"], ""), Some(0));
    assert!(folder.text().starts_with("\u{feff}eva | "));
    assert_eq!(folder.status(&["check", "eva"], "x\n"), Some(0));
    // Behind the first line it is part of a name that nobody can have: no other than root.
    let folder = Folder::with("a | !\n\u{feff}root | !\n");
    for arguments in [&["remove", "a"][..], &["check", "root"], &["add", "root"]] {
        let (status, _, error) = folder.run(arguments, "x\n");
        assert_eq!(status, Some(1));
        assert!(error.contains("info, line 2: the name has a format character"), "{error}");
    }
    assert_eq!(folder.text(), "a | !\n\u{feff}root | !\n");
}

#[test]
fn what_failed_is_named() {
    let folder = Folder::with("a | !\n");
    for beside in [".info.lock", ".info.new"] {
        let beside = folder.0.path().join(beside);
        fs::create_dir(&beside).unwrap();
        for arguments in [&["add", "b"][..], &["remove", "a"]] {
            let (status, _, error) = folder.run(arguments, "x\n");
            assert_eq!((status, error.lines().count()), (Some(1), 1), "{error}");
            let said =
                format!("sockmodes: cannot change the user file {}: ", folder.file().display());
            assert!(error.starts_with(&said), "{error}");
            assert!(error.contains(&format!("{}: Is a directory", beside.display())), "{error}");
        }
        fs::remove_dir(&beside).unwrap();
    }
    assert_eq!(folder.text(), "a | !\n");
}

#[test]
fn many_adds_at_once_lose_nothing() {
    let folder = Folder::with("# the first line\n");
    let names: Vec<_> = (0..32).map(|number| format!("user{number}")).collect();
    let children: Vec<_> =
        names.iter().map(|name| folder.start(&["add", name, "--hash", "md5"], name)).collect();
    for child in children {
        assert!(child.wait_with_output().unwrap().status.success());
    }
    let mut found = list_users(&folder.file()).unwrap();
    found.sort();
    let mut expected = names.clone();
    expected.sort();
    assert_eq!(found, expected);
    assert!(folder.text().starts_with("# the first line\n"));
    for name in names {
        assert!(lets_in(&folder.file(), &name, &name));
    }
}

/// Kills `user add` as soon as something is in the draft. The file is large, so that it is being written, or
/// flushed to the disk, when the blow falls: between the first write and the rename.
#[test]
fn a_kill_before_the_rename_leaves_the_old_file_and_the_next_add_goes_on() {
    let comments = format!("# {}\n", "x".repeat(1000)).repeat(2 * 1024);
    let folder = Folder::with(&comments);
    let draft = folder.0.path().join(".info.new");
    let mut before_the_rename = 0;
    for turn in 0..100 {
        let name = format!("user{turn}");
        let mut child = folder.start(&["add", &name, "--hash", "md5"], "x");
        // An empty one is there for a moment before, to see whether there can be one.
        let is_begun = || fs::metadata(&draft).is_ok_and(|metadata| metadata.len() > 0);
        while !is_begun() && child.try_wait().unwrap().is_none() {
            thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        before_the_rename += usize::from(draft.exists());
        let names = list_users(&folder.file()).unwrap();
        assert!(folder.text().starts_with(&comments));
        assert!(names.iter().all(|name| lets_in(&folder.file(), name, "x")));
        if draft.exists() {
            assert!(!names.contains(&name), "it is in the file, and so is the draft in the folder");
            // The lock went with the process, and what it left does not stand in the way.
            assert_eq!(folder.status(&["add", &name, "--hash", "md5"], "x"), Some(0));
            assert!(!draft.exists());
            assert!(lets_in(&folder.file(), &name, "x"));
        }
        if before_the_rename == 3 {
            return;
        }
    }
    panic!("of 100 kills only {before_the_rename} came before the rename");
}

/// Kills them at any time: whatever was said to be done is done, and the rest is or is not.
#[test]
fn kills_at_any_time_lose_no_line_that_was_there() {
    let folder = Folder::new();
    let begin = Instant::now();
    assert_eq!(folder.status(&["add", "first", "--hash", "md5"], "x"), Some(0));
    let whole = begin.elapsed();
    let mut kept = vec!["first".to_owned()];
    for turn in 0..60 {
        let name = format!("user{turn}");
        let mut child = folder.start(&["add", &name, "--hash", "md5"], "x");
        // From before it has begun to after it is done: this is no waiting for something.
        thread::sleep(whole * turn / 40);
        child.kill().unwrap();
        let done = child.wait().unwrap().success();
        let names = list_users(&folder.file()).unwrap();
        assert!(names.starts_with(&kept), "{kept:?} was there, {names:?} is left");
        assert!(!done || names.contains(&name), "{name} was said to be in the file");
        assert!(names.len() <= kept.len() + 1);
        kept = names;
    }
}
