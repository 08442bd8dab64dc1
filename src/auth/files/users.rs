//! Who the users are: the table of those in a user file.
//!
//! One user a line, `name | hash`, as in the source document. Never here: when the file is read (see
//! `user_file.rs`) and how it is changed (`user_edit.rs`).

use std::collections::HashMap;
use std::fmt;

use thiserror::Error;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use super::password::{Cost, Hash, Kind, NoHash, md5_matches};
use crate::auth::Credentials;

/// A line that does not belong in a user file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BadLine {
    /// Counted from 1.
    pub(super) number: usize,
    pub(super) why: String,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.number, self.why)
    }
}

/// The users of one version of a file.
pub(super) struct Users {
    hashes: HashMap<Box<str>, Hash>,
    /// The highest cost of any line: what each failed try costs too.
    dearest: Option<Cost>,
}

impl Users {
    /// Reads all lines.
    pub(super) fn parse(text: &[u8]) -> Result<Users, BadLine> {
        let mut hashes = HashMap::new();
        let mut numbers = HashMap::new();
        let mut dearest: Option<Cost> = None;
        for (number, line) in (1..).zip(lines(text)) {
            let bad = |why: String| BadLine { number, why };
            let (name, hash) = match Line::parse(line).map_err(|why| bad(why.into()))? {
                Line::Skipped => continue,
                Line::User { name, hash } => (name, hash),
            };
            let hash = Hash::parse(hash).map_err(|why| bad(format!("the hash is wrong: {why}")))?;
            if let Some(first) = numbers.insert(name, number) {
                return Err(bad(format!("this user is on line {first} already")));
            }
            if let Kind::Argon2id(hash) = &hash.0
                && dearest.as_ref().is_none_or(|dearest| hash.cost().exceeds(dearest))
            {
                dearest = Some(hash.cost().clone());
            }
            hashes.insert(name.into(), hash);
        }
        Ok(Users { hashes, dearest })
    }

    pub(super) fn len(&self) -> usize {
        self.hashes.len()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.hashes.contains_key(name)
    }

    /// Whether the password is right. Every way to fail does the same work: an MD5 hash and the
    /// file's dearest, and so does success with an MD5 hash. Only a line with another cost than
    /// that adds its own. And where there is no memory for that work, none of them can be told.
    pub(super) fn verify(&self, credentials: &Credentials) -> Result<bool, NoHash> {
        let name = credentials.name();
        // Something to hash, so that a login without a password takes as long.
        let password = credentials.password().unwrap_or_default();
        let hash = self.hashes.get(name).map(|hash| &hash.0);
        let digest = match hash {
            Some(Kind::Md5(digest)) => Some(digest),
            _ => None,
        };
        let mut right = md5_matches(digest, name, password);
        let mut owed = self.dearest.as_ref();
        if let Some(Kind::Argon2id(hash)) = hash {
            right |= hash.matches(password)?;
            owed = owed.filter(|dearest| !right && *dearest != hash.cost());
        }
        if let Some(cost) = owed {
            cost.spend(password)?;
        }
        Ok(right & credentials.password().is_some())
    }
}

/// The byte order mark that some editors put in front of a file; it is no part of its first line.
pub(super) const MARK: &[u8] = "\u{feff}".as_bytes();

/// The lines of a user file.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.strip_prefix(MARK).unwrap_or(text).split(|byte| *byte == b'\n')
}

/// The names in a text that is right, in its order.
pub(super) fn names(text: &[u8]) -> impl Iterator<Item = &str> {
    lines(text).filter_map(|line| match Line::parse(line) {
        Ok(Line::User { name, .. }) => Some(name),
        _ => None,
    })
}

/// What a line of a user file is.
pub(super) enum Line<'l> {
    /// Empty, or a comment.
    Skipped,
    /// A user; the hash has not been looked at.
    User {
        /// Their name, which has been checked.
        name: &'l str,
        /// What should be a hash.
        hash: &'l str,
    },
}

impl Line<'_> {
    pub(super) fn parse(line: &[u8]) -> Result<Line<'_>, &'static str> {
        let line = std::str::from_utf8(line).map_err(|_| "not UTF-8")?.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(Line::Skipped);
        }
        let (name, hash) = line.split_once('|').ok_or("no '|' between a name and a hash")?;
        let name = name.trim();
        check(name)?;
        Ok(Line::User { name, hash: hash.trim() })
    }
}

/// Why a user can't have a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct NameError(&'static str);

/// Whether a user can have this name.
pub fn check_name(name: &str) -> Result<(), NameError> {
    check(name).map_err(NameError)
}

fn check(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        Err("the name is empty")
    } else if name.trim() != name {
        Err("the name has white space at its ends")
    } else if name.starts_with('#') {
        Err("the name begins with '#', as a comment does")
    } else if name.contains('|') {
        Err("the name has a '|' in it")
    } else if name.contains(char::is_control) {
        Err("the name has a control character in it")
    } else if name.contains(is_format) {
        Err("the name has a format character in it, which is not seen")
    } else {
        Ok(())
    }
}

/// Of general category Cf: none of ASCII is, which most names are made of.
fn is_format(character: char) -> bool {
    !character.is_ascii() && character.general_category() == GeneralCategory::Format
}

#[cfg(test)]
mod tests {
    use super::*;
    use zeroize::Zeroizing;

    const CHEAP: &str =
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

    fn users(text: &str) -> Users {
        Users::parse(text.as_bytes()).map_err(|bad| bad.to_string()).unwrap()
    }

    fn verify(users: &Users, name: &str, password: &str) -> bool {
        users.verify(&Credentials::new(name, Zeroizing::new(password.into()))).unwrap()
    }

    #[test]
    fn each_kind_of_line_lets_in_its_user_and_nobody_else() {
        let users = users(&format!(
            "\u{feff}# the users\n\n  message |f96b697d7cb7938d525a2f31aaf161d0\r\n\
             旭哥 | {CHEAP}\n\tbob|!\t\n#x | y\nmd5 | 00000000000000000000000000000000"
        ));
        assert_eq!(users.len(), 4);
        assert!(verify(&users, "message", " digest"));
        assert!(verify(&users, "旭哥", "password"));
        for (name, password) in [
            ("message", "digest"),
            ("message ", "digest"),
            ("旭哥", "passwore"),
            ("旭", "password"),
            ("bob", ""),
            ("bob", "!"),
            ("", ""),
            ("# the users", ""),
            ("md5", ""),
        ] {
            assert!(!verify(&users, name, password), "{name} {password}");
        }
        assert_eq!(users.verify(&Credentials::incomplete("旭哥")), Ok(false));
        assert!(!verify(&users, "旭哥", &"x".repeat(100_000)));
    }

    #[test]
    fn what_is_missing_is_not_an_empty_password() {
        let users =
            users(&format!("a | {}\nb | {}\n", Hash::md5("a", ""), Hash::argon2id("").unwrap()));
        for name in ["a", "b"] {
            assert!(verify(&users, name, ""));
            assert_eq!(users.verify(&Credentials::incomplete(name)), Ok(false));
        }
    }

    #[test]
    fn a_bad_line_is_named() {
        for (text, expected) in [
            ("a | !\nb", "line 2: no '|'"),
            ("a | !\n\n#\n | !", "line 4: the name is empty"),
            ("a\x01b | !", "line 1: the name has a control"),
            ("a\rb | !", "line 1: the name has a control"),
            ("a | b | !", "line 1: the hash is wrong: neither"),
            ("a | !\nb | !\na | !", "line 3: this user is on line 1 already"),
            ("a |", "line 1: the hash is wrong: neither"),
        ] {
            let Err(bad) = Users::parse(text.as_bytes()) else { panic!("{text:?} is read") };
            assert!(bad.to_string().starts_with(expected), "{text:?}: {bad}");
        }
        let Err(bad) = Users::parse(b"a | !\n\xff | !\n") else { panic!("it is not UTF-8") };
        assert_eq!(bad.to_string(), "line 2: not UTF-8");
    }

    #[test]
    fn the_dearest_line_sets_the_cost_of_a_failure() {
        assert!(users("a | !\nb | 00000000000000000000000000000000").dearest.is_none());
        let mixed = users(&format!(
            "a | {CHEAP}\nb | {}\nc | {CHEAP}\n",
            CHEAP.replace("m=256,t=2", "m=512,t=2")
        ));
        let Some(Hash(Kind::Argon2id(dear))) = mixed.hashes.get("b") else {
            panic!("b is argon2id")
        };
        assert!(mixed.dearest.as_ref() == Some(dear.cost()));
    }

    #[test]
    fn names() {
        for good in ["a", "旭哥", "a b", "a#", "e\u{301}", "ไทย", "👩", "!", "a:b"] {
            assert_eq!(check_name(good), Ok(()), "{good:?}");
        }
        for bad in ["", " a", "a\u{3000}", "#a", "a|b", "a\nb", "\u{7f}", "a\u{85}b"] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
        for unseen in ["\u{feff}root", "root\u{200b}", "ro\u{ad}ot", "\u{202e}toor", "a\u{e0041}"] {
            assert!(check_name(unseen).unwrap_err().to_string().contains("format"), "{unseen:?}");
        }
    }
}
