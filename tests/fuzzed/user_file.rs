//! A user file of any bytes: it is read or refused as its lines say, the line that is named is the first that is
//! wrong, and `user list` knows the same users.

use std::collections::HashSet;
use std::fs;

use sockmodes::auth::{Credentials, UserFile, UserStore, UsersError, list_users};
use tempfile::TempDir;

thread_local! {
    static FOLDER: TempDir = tempfile::tempdir().expect("there is room for a folder");
}

pub(crate) fn check(data: &[u8]) {
    FOLDER.with(|folder| {
        let path = folder.path().join("users");
        fs::write(&path, data).expect("there is room for a file");
        let file = UserFile::open(&path);
        let names = list_users(&path).map_err(line);
        match (&file, &names) {
            (Ok(file), Ok(names)) => assert_eq!(file.users(), names.len()),
            (Err(error), Err(listed)) => assert_eq!(error_line(error), *listed),
            _ => panic!("one reads what the other refuses"),
        }
        if let Some(expected) = model(data) {
            assert_eq!(names, expected);
        }
        // Hashes that cost seconds are allowed, and not tried here.
        if let Ok(file) = &file
            && !data.contains(&b'$')
        {
            for name in names.expect("as above") {
                assert_eq!(file.verify(&Credentials::incomplete(&name)), Ok(false));
            }
        }
    });
}

fn line(error: UsersError) -> usize {
    error_line(&error)
}

fn error_line(error: &UsersError) -> usize {
    match error {
        UsersError::Line { line, .. } => *line,
        other => panic!("{other}"),
    }
}

/// The names, or the number of the first line that is wrong; `None` where a hash is one of those that begin with `$`,
/// about which only the crate that checks them knows all.
fn model(data: &[u8]) -> Option<Result<Vec<String>, usize>> {
    let data = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data);
    let (mut names, mut seen) = (Vec::new(), HashSet::new());
    for (number, line) in data.split(|byte| *byte == b'\n').enumerate() {
        let Ok(line) = std::str::from_utf8(line) else { return Some(Err(number + 1)) };
        let line = line.trim_matches(char::is_whitespace);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut halves = line.splitn(2, '|').map(|half| half.trim_matches(char::is_whitespace));
        let (name, hash) = (halves.next()?, halves.next().unwrap_or_default());
        if hash.starts_with('$') {
            return None;
        }
        let is_hash =
            hash == "!" || hash.len() == 32 && hash.chars().all(|digit| digit.is_ascii_hexdigit());
        let is_unseen = |character: char| character.is_control() || is_format(character);
        let is_name = !name.is_empty() && !name.chars().any(is_unseen);
        if !is_hash || !is_name || !seen.insert(name.to_owned()) {
            return Some(Err(number + 1));
        }
        names.push(name.to_owned());
    }
    Some(Ok(names))
}

/// General category Cf of Unicode 16, copied from its tables: characters that are not seen.
fn is_format(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{600}'..='\u{605}'
            | '\u{61c}'
            | '\u{6dd}'
            | '\u{70f}'
            | '\u{890}'..='\u{891}'
            | '\u{8e2}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2064}'
            | '\u{2066}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{110bd}'
            | '\u{110cd}'
            | '\u{13430}'..='\u{1343f}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0001}'
            | '\u{e0020}'..='\u{e007f}'
    )
}
