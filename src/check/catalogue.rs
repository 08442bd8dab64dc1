//! What a check is, the list of all of them, and what each needs.
//!
//! Never here: how something is tried; that is in a file a level.

use super::story::Told;
use super::trial::Trial;
use super::{
    Config, deadlines, descriptors, end, many, rude, slow, strangers, stream, stuck, talks, usage,
};

/// The highest level.
pub const LEVELS: u8 = 6;

/// What the levels are called.
pub const LEVEL_NAMES: [&str; LEVELS as usize] = [
    "it talks",
    "with many",
    "TCP is a stream",
    "the other side is slow",
    "the other side is silent or rude",
    "the end",
];

/// One question that a server is asked.
#[derive(Debug)]
pub struct Check {
    /// What it is called, in every output.
    pub name: &'static str,
    /// 1 to [`LEVELS`].
    pub level: u8,
    /// What holds if it passes.
    pub about: &'static str,
    /// What a user would notice if it did not.
    pub(super) matters: &'static str,
    /// The chapter of the book that explains it, below `docs/src/`.
    pub(super) page: &'static str,
    /// The lesson that shows it, if there is one.
    pub(super) lesson: Option<&'static str>,
    pub(super) needs: &'static [Need],
    pub(super) run: fn(&mut Trial<'_>) -> Told,
}

/// Where a check is mended in another chapter than those of its level: what it asks comes up there already, or only there.
const ELSEWHERE: &[(&str, &[&str])] = &[
    (
        FIRST,
        &[
            "one-segment",
            "farewell",
            "resets",
            "unread-answers",
            "half-open",
            "garbage",
            "refusals",
            "descriptors-left",
        ],
    ),
    (SECOND, &["cut-digest", "single-bytes", "flood-leave", "flood-reset"]),
    ("build/4_edges.md", &["half-close-at-once", "greedy"]),
];

const FIRST: &str = "build/1_blocking.md";
const SECOND: &str = "build/2_poll.md";

impl Check {
    /// The chapter of the book's part "Build it yourself" that mends it, below `docs/src/`. None where no step of that
    /// part comes by: without a scheme, and for `upper-once`.
    pub fn chapter(&self) -> Option<&'static str> {
        if self.needs.iter().any(|need| matches!(need, Need::Open | Need::Once)) {
            return None;
        }
        let elsewhere = ELSEWHERE.iter().find(|(_, checks)| checks.contains(&self.name));
        Some(match (elsewhere, self.level) {
            (Some((chapter, _)), _) => chapter,
            (None, 1) => FIRST,
            (None, 2) => SECOND,
            (None, 3 | 4) => "build/3_buffers.md",
            (None, 5) => "build/5_deadlines.md",
            (None, _) => "build/6_leaving.md",
        })
    }

    /// Why it can't be tried, if it can't.
    pub(super) fn skipped(&self, config: &Config, ours: bool) -> Option<String> {
        self.needs.iter().find_map(|need| need.missing(config, ours))
    }
}

/// What a check can't do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// A nonce and a digest.
    Scheme,
    /// None of both.
    Open,
    /// A service that goes on: `upper` or `echo`.
    Stream,
    /// `upper-once`.
    Once,
    /// A server that was started here.
    Process,
    /// The same, on a system that tells what a process uses.
    Usage,
    /// A promise of when a client that does not answer is disconnected, and something to answer.
    Deadline,
}

impl Need {
    /// Why it is not there.
    pub(super) fn missing(self, config: &Config, ours: bool) -> Option<String> {
        let once = !config.service.is_stream();
        match self {
            Need::Scheme if config.key.is_none() => {
                Some("without a scheme there is no nonce".into())
            }
            Need::Open if config.key.is_some() => Some("it is for servers without a scheme".into()),
            Need::Stream if once => Some("upper-once answers one line and closes".into()),
            Need::Once if !once => Some("it is for the service upper-once".into()),
            Need::Process | Need::Usage if !ours => {
                Some("it needs the process, and the server was not started here".into())
            }
            Need::Usage => usage::untold(),
            Need::Deadline if config.handshake.is_none() => {
                Some("no handshake timeout is promised".into())
            }
            Need::Deadline if config.key.is_none() && !once => {
                Some("without a scheme nothing has to be answered in time".into())
            }
            _ => None,
        }
    }
}

/// Every check, in the order in which they are made.
pub fn checks() -> impl Iterator<Item = &'static Check> {
    [
        talks::CHECKS,
        strangers::CHECKS,
        many::CHECKS,
        stream::CHECKS,
        slow::CHECKS,
        stuck::CHECKS,
        deadlines::CHECKS,
        rude::CHECKS,
        descriptors::CHECKS,
        end::CHECKS,
    ]
    .into_iter()
    .flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn names_are_unique_and_levels_in_order() {
        let names: HashSet<_> = checks().map(|check| check.name).collect();
        assert_eq!(names.len(), checks().count());
        let levels: Vec<_> = checks().map(|check| check.level).collect();
        assert!(levels.is_sorted() && levels.first() == Some(&1) && levels.last() == Some(&LEVELS));
    }

    #[test]
    fn the_page_in_the_book_lists_every_check() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src/reference/check.md");
        let page = fs::read_to_string(page).unwrap();
        let (_, list) = page.split_once("\n## The checks\n").unwrap();
        for Check { name, about, .. } in checks() {
            assert!(list.contains(&format!("\n| `{name}` | {about} |\n")), "{name}");
        }
        assert_eq!(list.matches("\n| `").count(), checks().count());
    }

    /// What a story sends its reader to is there.
    #[test]
    fn every_chapter_and_lesson_that_a_story_names_exists() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let lessons = fs::read_to_string(root.join("examples/README.md")).unwrap();
        for check in checks() {
            for page in [Some(check.page), check.chapter()].into_iter().flatten() {
                let (page, heading) = page.split_once('#').unwrap_or((page, ""));
                let text = fs::read_to_string(root.join("docs/src").join(page));
                let text = text.unwrap_or_else(|error| panic!("{}: {page}: {error}", check.name));
                let found = text.lines().filter(|line| line.starts_with('#')).any(|line| {
                    let words = line.trim_start_matches('#').trim().to_lowercase();
                    let words = words.replace(' ', "-");
                    let anchor: String = words
                        .chars()
                        .filter(|c| c.is_alphanumeric() || "-_".contains(*c))
                        .collect();
                    heading.is_empty() || anchor == heading
                });
                assert!(found, "{}: {page} has no heading {heading}", check.name);
            }
            let Some(lesson) = check.lesson else { continue };
            assert!(lessons.contains(&format!("| `{lesson}` |")), "{}: {lesson}", check.name);
        }
    }

    /// Whoever is sent to a chapter that is not its level's finds the check's name there.
    #[test]
    fn chapters_of_other_levels_name_what_they_mend() {
        let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src");
        for (chapter, names) in ELSEWHERE {
            let text = fs::read_to_string(pages.join(chapter)).unwrap();
            for name in *names {
                assert!(checks().any(|check| check.name == *name), "there is no check {name}");
                assert!(text.contains(&format!("`{name}`")), "{chapter} says nothing of {name}");
            }
        }
    }
}
