//! A user file that is changed: what stays, and what is refused.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use super::*;

const HASH: &str = "00000000000000000000000000000000";

fn add(path: &Path, name: &str) -> Result<bool, UsersError> {
    UserEditor::open(path)?.add(name, &Hash::parse(HASH).unwrap())
}

fn remove(path: &Path, name: &str) -> Result<bool, UsersError> {
    UserEditor::open(path)?.remove(name)
}

#[test]
fn a_broken_file_is_left_as_it_is_unless_the_change_repairs_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("info");
    let old = "a | !\nb | broken\nc | !\n";
    fs::write(&path, old).unwrap();
    let tried = UserEditor::open(&path).unwrap().try_add("d").map(|()| false);
    for error in [add(&path, "d"), remove(&path, "a"), tried] {
        let error = error.unwrap_err().to_string();
        assert!(error.contains("info, line 2: the hash is wrong"), "{error}");
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), old);
    assert!(add(&path, "b").unwrap());
    assert_eq!(list_users(&path).unwrap(), ["a", "b", "c"]);
}

#[test]
fn what_would_be_read_back_as_something_else_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("info");
    fs::write(&path, "root | !\n").unwrap();
    for name in ["", " root", "#root", "root|", "\u{feff}root", "a\nb"] {
        let error = add(&path, name).unwrap_err();
        assert!(matches!(error, UsersError::Name { .. }), "{name:?}: {error}");
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "root | !\n");
    // One byte more than a server reads.
    let comment = "#".repeat(MAX_LEN as usize - "\na | !".len());
    fs::write(&path, format!("{comment}\na | !")).unwrap();
    let error = add(&path, "b").unwrap_err();
    assert!(matches!(error, UsersError::TooLong(_)), "{error}");
    assert_eq!(fs::metadata(&path).unwrap().len(), MAX_LEN);
}

#[test]
fn a_link_stays_and_what_it_points_to_changes() {
    let folder = tempfile::tempdir().unwrap();
    let (real, link) = (folder.path().join("real"), folder.path().join("link"));
    symlink("real", &link).unwrap();
    // Even before there is a file.
    assert!(!add(&link, "a").unwrap());
    assert!(!add(&link, "b").unwrap());
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::metadata(&real).unwrap().mode() & 0o7777, 0o600);
    assert_eq!(list_users(&real).unwrap(), ["a", "b"]);
    assert!(folder.path().join(".real.lock").exists());
    assert!(!folder.path().join(".link.lock").exists());

    let round = folder.path().join("round");
    symlink("round", &round).unwrap();
    assert!(add(&round, "a").is_err());
}

#[test]
fn the_mode_is_kept_and_the_lock_has_what_of_it_it_needs() {
    let folder = tempfile::tempdir().unwrap();
    let (path, lock) = (folder.path().join("info"), folder.path().join(".info.lock"));
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
    for (file_mode, lock_mode) in [
        (0o644, 0o644),
        (0o640, 0o640),
        (0o600, 0o600),
        (0o604, 0o604),
        (0o660, 0o660),
        (0o400, 0o600),
    ] {
        fs::write(&path, "a | !\n").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(file_mode)).unwrap();
        add(&path, "b").unwrap();
        assert_eq!((mode(&path), mode(&lock)), (file_mode, lock_mode));
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_try_leaves_everything_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("info");
    UserEditor::open(&path).unwrap().try_add("a").unwrap();
    assert!(!path.exists() && !folder.path().join(".info.new").exists());
    fs::write(&path, "a | !\n").unwrap();
    UserEditor::open(&path).unwrap().try_add("b").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "a | !\n");
    assert!(!folder.path().join(".info.new").exists());
}
