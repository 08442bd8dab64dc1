//! How a scenario is written, word by word, and what is said of one that is not.
//!
//! Never here: what the words mean (see `scenario.rs`), beyond the bounds that a run needs.

use std::str::{FromStr, SplitWhitespace};
use std::time::Duration;

use thiserror::Error;

use super::manner::Manner;
use super::rule::Rule;
use super::scenario::{Group, Scenario};
use crate::auth::Scheme;
use crate::observe::shown;
use crate::session::Service;

/// Bounds: no text makes a run that hangs or fills the memory.
const MOST_TEXT: usize = 8 * 1024;
const MOST_CLIENTS: usize = 300;
/// Of one client, and of all of them together.
const MOST_BYTES: usize = 256 * 1024;
const MOST_BYTES_IN_ALL: usize = 1024 * 1024;
/// A buffer takes at least a few bytes, and no more than there is to be sent.
const LEAST_BUFFER: usize = 16;
const MOST_BUFFER: usize = 1024 * 1024;
const LONGEST: Duration = Duration::from_secs(60 * 60);
/// Of a hundred calls, few enough that one gets through in the end.
const MOST_INTERRUPTED: usize = 90;

/// Why a text is no scenario.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("line {line}, '{word}': {why}")]
#[non_exhaustive]
pub struct ScenarioError {
    /// The line, counted from 1.
    pub line: usize,
    /// The word that is wrong, or the last one where one is missing; as [`shown`] shows it.
    pub word: String,
    /// What is wrong with it.
    pub why: String,
}

/// What is wrong with the word that was taken last.
type Read<T> = Result<T, String>;

/// The words of one line.
struct Words<'t> {
    rest: SplitWhitespace<'t>,
    /// The one that was taken last.
    last: &'t str,
}

impl FromStr for Scenario {
    type Err = ScenarioError;

    fn from_str(text: &str) -> Result<Scenario, ScenarioError> {
        let mut scenario = Scenario::default();
        let mut read = 0;
        for (line, number) in text.lines().zip(1..) {
            read += line.len() + 1;
            let line = line.split('#').next().unwrap_or_default();
            let mut words = Words { rest: line.split_whitespace(), last: "" };
            let done = match read > MOST_TEXT {
                true => words.too_long(),
                false => scenario.read_line(&mut words),
            };
            let word = words.last;
            done.map_err(|why| ScenarioError { line: number, word: shown(word), why })?;
        }
        Ok(scenario)
    }
}

impl Scenario {
    fn read_line(&mut self, words: &mut Words<'_>) -> Read<()> {
        let Some(first) = words.next() else { return Ok(()) };
        if let Ok(count) = whole(first) {
            let manner = words.needed("what kind of clients come is missing")?;
            let manner =
                manner_of(manner).ok_or_else(|| format!("this is no client: {}", manners()))?;
            self.read_group(manner, count, words)?;
        } else if let Some(manner) = manner_of(first) {
            self.read_group(manner, manner.usual_count(), words)?;
        } else {
            self.read_setting(first, words)?;
        }
        match words.next() {
            None => Ok(()),
            Some(_) => Err("there is one client, setting or rule on a line".into()),
        }
    }

    fn read_group(&mut self, manner: Manner, count: usize, words: &mut Words<'_>) -> Read<()> {
        if !(1..=MOST_CLIENTS - self.clients()).contains(&count) {
            return Err(format!("from 1 to {MOST_CLIENTS} clients come in all"));
        }
        let mut group = Group { manner, count, at: Duration::ZERO, size: manner.usual_size() };
        while let Some(word) = words.next() {
            match word {
                "at" => group.at = words.time()?,
                "size" => group.size = words.size(0, MOST_BYTES)?,
                _ => return Err("a client has a time ('at 2s') and a size ('size 4KiB')".into()),
            }
        }
        let bytes = |group: &Group| group.count * group.size;
        if self.groups.iter().map(bytes).sum::<usize>() + bytes(&group) > MOST_BYTES_IN_ALL {
            return Err(format!("all clients together send at most {MOST_BYTES_IN_ALL} bytes"));
        }
        self.groups.push(group);
        Ok(())
    }

    fn read_setting(&mut self, name: &str, words: &mut Words<'_>) -> Read<()> {
        match name {
            "service" => self.service = words.one_of(&Service::ALL, Service::name)?,
            "auth" => self.scheme = words.scheme()?,
            "receive-buffer" => self.receive_buffer = words.size(LEAST_BUFFER, MOST_BUFFER)?,
            "send-buffer" => self.send_buffer = words.size(LEAST_BUFFER, MOST_BUFFER)?,
            "window" => self.window = words.size(LEAST_BUFFER, MOST_BUFFER)?,
            "max-buffer" => self.max_buffer = words.size(LEAST_BUFFER, MOST_BUFFER)?,
            "handshake-timeout" => self.handshake_timeout = words.time()?,
            "idle-timeout" => self.idle_timeout = words.time()?,
            "write-timeout" => self.write_timeout = words.time()?,
            "max-connections" => self.max_connections = Some(words.number(MOST_CLIENTS)?),
            "check-time" => self.check_time = words.time()?,
            "interrupted" => self.interrupted = words.number(MOST_INTERRUPTED)? as u32 * 10,
            "few-events" => self.few_events = true,
            "descriptors" => self.descriptors = Some(words.descriptors()?),
            "hangup" => self.hangup = Some(words.at()?),
            "stop" => self.stop = Some(words.at()?),
            "break" => {
                let rule = words.one_of(&Rule::ALL, Rule::name)?;
                self.broken.push(rule);
            }
            _ => return Err(format!("this is no client, setting or rule: {}", manners())),
        }
        Ok(())
    }
}

impl<'t> Words<'t> {
    fn next(&mut self) -> Option<&'t str> {
        let word = self.rest.next()?;
        self.last = word;
        Some(word)
    }

    fn too_long(&mut self) -> Read<()> {
        self.next();
        Err(format!("a scenario has at most {MOST_TEXT} bytes"))
    }

    fn needed(&mut self, what: &str) -> Read<&'t str> {
        self.next().ok_or_else(|| format!("behind it, {what}"))
    }

    fn time(&mut self) -> Read<Duration> {
        let word = self.needed("a time is missing, such as 500ms or 2s")?;
        let longest = LONGEST.as_secs();
        time(word)
            .filter(|time| *time <= LONGEST)
            .ok_or_else(|| format!("expected a time such as 500ms, 2s or 1m, up to {longest}s"))
    }

    fn at(&mut self) -> Read<Duration> {
        match self.needed("the time is missing: 'at 2s'")? {
            "at" => self.time(),
            _ => Err("expected 'at' and a time".into()),
        }
    }

    fn size(&mut self, least: usize, most: usize) -> Read<usize> {
        let word = self.needed("a size is missing, such as 300 or 4KiB")?;
        size(word)
            .filter(|size| (least..=most).contains(size))
            .ok_or_else(|| format!("expected a size such as 300 or 4KiB, from {least} to {most}"))
    }

    fn number(&mut self, most: usize) -> Read<usize> {
        let word = self.needed("a number is missing")?;
        let number = whole(word).ok().filter(|number| *number <= most);
        number.ok_or_else(|| format!("expected a whole number up to {most}"))
    }

    fn descriptors(&mut self) -> Read<(usize, Option<Duration>)> {
        let most = self.number(MOST_CLIENTS)?;
        match self.next() {
            None => Ok((most, None)),
            Some("until") => Ok((most, Some(self.time()?))),
            Some(_) => Err("expected 'until' and a time, or nothing".into()),
        }
    }

    fn scheme(&mut self) -> Read<Option<Scheme>> {
        let all: Vec<_> = Scheme::ALL.into_iter().map(Some).chain([None]).collect();
        self.one_of(&all, |scheme| scheme.map_or("none", Scheme::name))
    }

    /// One of `all`, by its name.
    fn one_of<T: Copy>(&mut self, all: &[T], name: impl Fn(T) -> &'static str) -> Read<T> {
        let names = || all.iter().map(|one| name(*one)).collect::<Vec<_>>().join(", ");
        let word =
            self.next().ok_or_else(|| format!("behind it, one of {} is missing", names()))?;
        let found = all.iter().copied().find(|one| name(*one) == word);
        found.ok_or_else(|| format!("expected one of {}", names()))
    }
}

fn manner_of(word: &str) -> Option<Manner> {
    Manner::ALL.into_iter().find(|manner| manner.name() == word)
}

fn manners() -> String {
    format!("clients are {}", Manner::ALL.map(Manner::name).join(", "))
}

/// Digits and nothing else: what reads numbers takes a plus sign in front, too.
fn whole(word: &str) -> Result<usize, ()> {
    let are_digits = word.bytes().all(|byte| byte.is_ascii_digit());
    word.parse().ok().filter(|_| are_digits).ok_or(())
}

fn time(word: &str) -> Option<Duration> {
    let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number = whole(digits).ok()? as u64;
    match &word[digits.len()..] {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        _ => None,
    }
}

fn size(word: &str) -> Option<usize> {
    match word.strip_suffix("KiB") {
        Some(digits) => whole(digits).ok()?.checked_mul(1024),
        None => whole(word).ok(),
    }
}

#[cfg(test)]
mod tests;
