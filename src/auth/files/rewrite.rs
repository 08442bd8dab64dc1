//! The text of a user file with one user's line replaced, taken out or added.
//!
//! A byte order mark in front stays in front, and whatever else is not about this user stays as it is. Never
//! here: whether the old text was right, or the new one is.

use super::users::{Line, MARK};

/// A text with one user's line replaced, taken out or added.
pub(super) struct Rewritten {
    pub(super) text: Vec<u8>,
    /// The same, with an empty line for each that was taken out: its lines have their old numbers.
    pub(super) numbered: Vec<u8>,
    pub(super) found: bool,
}

/// `old` with `hash` as that of `name`, or, if there is none, without that user.
pub(super) fn rewrite(old: &[u8], name: &str, hash: Option<&str>) -> Rewritten {
    let replacement = hash.map(|hash| format!("{name} | {hash}"));
    let (mark, body) = old.split_at(if old.starts_with(MARK) { MARK.len() } else { 0 });
    let mut new = Rewritten { text: mark.into(), numbered: mark.into(), found: false };
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let theirs =
            matches!(Line::parse(line), Ok(Line::User { name: other, .. }) if other == name);
        if !theirs {
            new.text.extend_from_slice(line);
            new.numbered.extend_from_slice(line);
            continue;
        }
        let ending =
            line.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |at| at + 1);
        if let Some(replacement) = replacement.as_ref().filter(|_| !new.found) {
            new.text.extend_from_slice(replacement.as_bytes());
            new.text.extend_from_slice(&line[ending..]);
            new.numbered.extend_from_slice(replacement.as_bytes());
        }
        new.numbered.extend_from_slice(&line[ending..]);
        new.found = true;
    }
    if let Some(replacement) = replacement.filter(|_| !new.found) {
        for text in [&mut new.text, &mut new.numbered] {
            if text.len() > mark.len() && !text.ends_with(b"\n") {
                text.push(b'\n');
            }
            text.extend_from_slice(replacement.as_bytes());
            text.push(b'\n');
        }
    }
    new
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::users::{Users, check_name, names};
    use super::*;

    fn rewritten(old: &str, hash: Option<&str>) -> (String, bool) {
        let new = rewrite(old.as_bytes(), "b", hash);
        (String::from_utf8(new.text).unwrap(), new.found)
    }

    #[test]
    fn only_the_users_own_line_changes() {
        let old = "# b | !\na | !\r\n  b|!\r\n\n bb | !\nc";
        assert_eq!(
            rewritten(old, Some("x")),
            ("# b | !\na | !\r\nb | x\r\n\n bb | !\nc".into(), true)
        );
        assert_eq!(rewritten(old, None), ("# b | !\na | !\r\n\n bb | !\nc".into(), true));
        assert_eq!(rewritten("a | !", Some("x")), ("a | !\nb | x\n".into(), false));
        assert_eq!(rewritten("", Some("x")), ("b | x\n".into(), false));
        assert_eq!(rewritten("b | !", Some("x")), ("b | x".into(), true));
        assert_eq!(rewritten("b | !\na | !\nb | !", Some("x")), ("b | x\na | !\n".into(), true));
        assert_eq!(rewritten("\u{feff}b | !\n", Some("x")), ("\u{feff}b | x\n".into(), true));
        assert_eq!(rewritten("\u{feff}", Some("x")), ("\u{feff}b | x\n".into(), false));
        assert_eq!(rewritten("a | !\n", None), ("a | !\n".into(), false));
    }

    #[test]
    fn a_line_without_an_end_behind_a_byte_order_mark_gets_one() {
        let new = rewrite("\u{feff}a|!".as_bytes(), "b", Some("!"));
        assert_eq!(new.text, "\u{feff}a|!\nb | !\n".as_bytes());
        assert_eq!(new.numbered, new.text);
    }

    /// Characters of which something could come: those that end lines and words, that are not seen, that mean
    /// something here; and any other.
    fn character() -> impl Strategy<Value = char> {
        let special = " \t\r\n|#!$ab\u{b}\u{c}\u{1c}\u{85}\u{a0}\u{ad}\u{200b}\u{200d}\u{2028}\u{3000}\u{feff}";
        let special = special.chars().collect::<Vec<_>>();
        prop_oneof![prop::sample::select(special), any::<char>()]
    }

    fn text(most: usize) -> impl Strategy<Value = String> {
        prop::collection::vec(character(), 0..most).prop_map(String::from_iter)
    }

    /// One that is accepted, few of them, so that the same comes again.
    fn name() -> impl Strategy<Value = String> {
        let accepted = |name: &String| check_name(name).is_ok();
        prop_oneof!["[a-c]", text(4).prop_filter("a name", accepted)]
    }

    fn white() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec!["", " ", "\t", "\u{3000}", "\r"])
    }

    /// A line that belongs in a user file, but for its end.
    fn line() -> impl Strategy<Value = String> {
        let user = (white(), name(), white(), white(), white()).prop_map(
            |(front, name, before, behind, end)| format!("{front}{name}{before}|{behind}!{end}"),
        );
        let one_line = |text: &String| !text.contains('\n');
        let comment = text(6).prop_filter("a line", one_line).prop_map(|text| format!("#{text}"));
        prop_oneof![4 => user, 1 => comment, 1 => white().prop_map(str::to_owned)]
    }

    /// A file that a server takes.
    fn file() -> impl Strategy<Value = String> {
        let mark = prop::sample::select(vec!["", "\u{feff}"]);
        let lines = prop::collection::vec((line(), prop::sample::select(vec!["\n", "\r\n"])), 0..6);
        let file = (mark, lines, any::<bool>()).prop_map(|(mark, lines, ends)| {
            let body: String = lines.iter().flat_map(|(line, end)| [line.as_str(), end]).collect();
            let body = if ends { body.as_str() } else { body.strip_suffix('\n').unwrap_or(&body) };
            format!("{mark}{body}")
        });
        file.prop_filter("a user twice", |text| Users::parse(text.as_bytes()).is_ok())
    }

    fn names_in(text: &[u8]) -> Vec<String> {
        assert!(Users::parse(text).is_ok(), "a server refuses {:?}", String::from_utf8_lossy(text));
        names(text).map(str::to_owned).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_name_that_is_accepted_is_read_back_as_the_same(name in name(), file in file()) {
            for old in ["", "\u{feff}", &file] {
                let new = rewrite(old.as_bytes(), &name, Some("!")).text;
                prop_assert!(names_in(&new).contains(&name), "{:?}", String::from_utf8_lossy(&new));
            }
        }

        #[test]
        fn any_edit_of_any_file_gives_one_that_says_what_was_asked_for(file in file(), name in name()) {
            let (old, mark) = (names_in(file.as_bytes()), file.starts_with('\u{feff}'));
            let added = rewrite(file.as_bytes(), &name, Some("!"));
            let removed = rewrite(file.as_bytes(), &name, None);
            prop_assert_eq!(added.found, old.contains(&name));
            prop_assert_eq!(removed.found, old.contains(&name));
            let new = old.iter().chain((!added.found).then_some(&name));
            prop_assert_eq!(names_in(&added.text), new.cloned().collect::<Vec<_>>());
            let left = old.iter().filter(|other| **other != name);
            prop_assert_eq!(names_in(&removed.text), left.cloned().collect::<Vec<_>>());
            for new in [added, removed] {
                prop_assert_eq!(new.text.starts_with(MARK), mark);
                prop_assert!(Users::parse(&new.numbered).is_ok());
            }
        }
    }
}
