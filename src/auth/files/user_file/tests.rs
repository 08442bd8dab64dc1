//! A user file that is changed while it is in use, as editors, programs and accidents change files.

use std::fs;
use std::os::unix::fs::symlink;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;
use zeroize::Zeroizing;

use super::super::password::Hash;
use super::*;

fn lets_in(file: &UserFile, name: &str) -> bool {
    file.verify(&Credentials::new(name, Zeroizing::new("x".into()))).unwrap()
}

fn line(name: &str) -> String {
    format!("{name} | {}\n", Hash::md5(name, "x"))
}

/// A file with these users that has been looked at, and its path.
fn settled(names: &[&str]) -> (UserFile, PathBuf, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("info");
    let text: String = names.iter().map(|name| line(name)).collect();
    fs::write(&path, text).unwrap();
    let file = UserFile::open(&path).unwrap();
    assert_eq!(file.refresh(false), Refresh::Unchanged);
    assert!(file.seen.lock().unwrap().settled);
    (file, path, folder)
}

/// What comes of two looks; the first, at something new, must not tell anything.
fn two_looks(file: &UserFile) -> Refresh {
    assert_eq!(file.refresh(false), Refresh::Unchanged);
    file.refresh(false)
}

#[test]
fn a_change_is_taken_and_a_broken_one_reported_once() {
    let (file, path, _folder) = settled(&["a"]);
    // No name and no hash.
    assert_eq!(format!("{file:?}"), format!("UserFile({path:?}, 1 users)"));

    fs::write(&path, line("a") + &line("b")).unwrap();
    assert_eq!(two_looks(&file), Refresh::Changed(2));
    assert_eq!(file.refresh(false), Refresh::Unchanged);
    assert!(lets_in(&file, "b"));

    fs::write(&path, line("c") + "d | e\n").unwrap();
    let Refresh::Broken(why) = two_looks(&file) else { panic!("line 2 is broken") };
    assert!(why.contains("info, line 2: "), "{why}");
    assert_eq!(file.refresh(false), Refresh::Unchanged);
    assert_eq!(file.refresh(true), Refresh::Unchanged);
    assert!(lets_in(&file, "b") && !lets_in(&file, "c"));

    fs::remove_file(&path).unwrap();
    assert!(matches!(two_looks(&file), Refresh::Broken(_)));
    assert_eq!(file.refresh(false), Refresh::Unchanged);
    assert!(lets_in(&file, "a"));

    fs::write(&path, line("c")).unwrap();
    assert_eq!(two_looks(&file), Refresh::Changed(1));
    assert!(lets_in(&file, "c") && !lets_in(&file, "a"));
}

#[test]
fn what_an_editor_writes_in_place_counts_when_it_is_whole() {
    let (file, path, _folder) = settled(&["a", "b", "c", "d"]);
    // Truncated, and then written line by line, each of which could be the last.
    fs::write(&path, "").unwrap();
    let mut text = String::new();
    for name in ["a", "b", "c", "e"] {
        assert_eq!(file.refresh(false), Refresh::Unchanged);
        assert!(["a", "b", "c", "d"].iter().all(|name| lets_in(&file, name)), "at {name}");
        text += &line(name);
        // A line and a half: that is no reason to tell anything either.
        fs::write(&path, text.clone() + "half | ").unwrap();
        assert_eq!(file.refresh(false), Refresh::Unchanged);
        fs::write(&path, &text).unwrap();
    }
    assert_eq!(two_looks(&file), Refresh::Changed(4));
    assert!(lets_in(&file, "e") && !lets_in(&file, "d"));
}

#[test]
fn an_empty_file_counts_when_it_has_stayed_so_even_if_it_must_be_read() {
    for nobody in ["", "# nobody for now\n"] {
        let (file, path, _folder) = settled(&["a"]);
        fs::write(&path, nobody).unwrap();
        assert_eq!(file.refresh(true), Refresh::Unchanged);
        assert!(lets_in(&file, "a"), "it may be one that is being written");
        assert_eq!(file.refresh(false), Refresh::Changed(0));
        assert!(!lets_in(&file, "a"));
    }
}

#[test]
fn what_must_be_read_is_read_at_once_and_once_more_later() {
    let (file, path, _folder) = settled(&["a"]);
    fs::write(&path, line("b")).unwrap();
    assert_eq!(file.refresh(true), Refresh::Changed(1));
    // A version that the stamp does not tell apart is found all the same: by the look after it.
    let stamp = Stamp::of(&fs::metadata(&path).unwrap());
    let written_on = Seen { look: Some(Look::Version(stamp)), settled: false, content: None };
    *file.seen.lock().unwrap() = written_on;
    assert_eq!(file.refresh(false), Refresh::Changed(1));
    assert_eq!(file.refresh(false), Refresh::Unchanged);
    // And on demand.
    file.seen.lock().unwrap().content = None;
    assert_eq!(file.refresh(false), Refresh::Unchanged);
    assert_eq!(file.refresh(true), Refresh::Changed(1));
}

/// What is told of it, and how it comes about.
type Accident = (&'static str, fn(&Path));

#[test]
fn what_is_no_regular_file_or_can_t_be_read_is_told_once_and_changes_nothing() {
    let make: [Accident; 3] = [
        ("no regular file", |path| fs::create_dir(path).unwrap()),
        ("no regular file", |path| {
            // Opened, it would wait for somebody to write.
            mknodat(CWD, path, FileType::Fifo, Mode::RUSR, 0).unwrap();
        }),
        ("symbolic links", |path| symlink(path, path).unwrap()),
    ];
    for (why, make) in make {
        let (file, path, _folder) = settled(&["a"]);
        fs::remove_file(&path).unwrap();
        make(&path);
        let Refresh::Broken(told) = two_looks(&file) else { panic!("{why}: it is told") };
        assert!(told.contains("info: ") && told.contains(why), "{told}");
        for must_read in [false, true, false] {
            assert_eq!(file.refresh(must_read), Refresh::Unchanged);
        }
        assert!(lets_in(&file, "a"));
    }
}

#[test]
fn a_file_that_changes_while_it_is_read_is_read_later() {
    let (file, path, _folder) = settled(&["a"]);
    let stamp = file.look().unwrap();
    fs::write(&path, line("b") + &line("c")).unwrap();
    assert!(file.read(stamp).unwrap().is_none());
    assert!(file.read(file.look().unwrap()).unwrap().is_some());
}

#[test]
fn a_file_that_cannot_be_used_says_which_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("info");
    let Err(error) = UserFile::open(&path) else { panic!("there is no file") };
    assert!(error.to_string().contains("info: No such file"), "{error}");
    let Err(error) = UserFile::open(folder.path()) else { panic!("it is a folder") };
    assert!(error.to_string().contains("Is a directory"), "{error}");
    let Err(error) = UserFile::open(Path::new("/dev/zero")) else { panic!("it never ends") };
    assert!(error.to_string().contains("longer than"), "{error}");
}
