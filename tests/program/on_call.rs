//! The book's page for whoever is on call has a row for all that may wake somebody: every line of the log, every
//! metric, every exit status, every alert; and no row for what there is not.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use regex_lite::Regex;

use crate::common::admin::{self, get};
use crate::common::program::Server;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// What the first cells of a chapter's table name.
fn rows(chapter: &str) -> BTreeSet<String> {
    let page = read("docs/src/oncall.md");
    let (_, chapter) = page.split_once(&format!("\n## {chapter}\n")).unwrap();
    let chapter = chapter.split("\n## ").next().unwrap();
    let cells = chapter.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let name = Regex::new("`([^`]+)`").unwrap();
    let names = cells.flat_map(|cell| name.captures_iter(cell).map(|name| name[1].to_owned()));
    names.collect()
}

/// What a pattern's first group finds in a text.
fn found(text: &str, pattern: &str) -> BTreeSet<String> {
    let pattern = Regex::new(pattern).unwrap();
    pattern.captures_iter(text).map(|found| found[1].to_owned()).collect()
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !path.ends_with("tests.rs")
        {
            files.push(path);
        }
    }
}

/// The messages of all lines at the levels that are logged by default, as they stand in the code.
fn messages() -> BTreeSet<String> {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    // What the macro is given, with parentheses in it two deep; of that, the last that is in quotes.
    let line = r#"\b(?:info|warn|error)!\(((?:[^()"]|"[^"]*"|\((?:[^()]|\([^()]*\))*\))*)\)"#;
    let quoted = Regex::new(r#""([^"]*)",?\s*$"#).unwrap();
    let mut messages = BTreeSet::new();
    for file in files {
        for line in found(&fs::read_to_string(&file).unwrap(), line) {
            let Some(message) = quoted.captures(&line) else {
                panic!("{}: no message in {line}", file.display());
            };
            messages.insert(message[1].replace("{what}", "…"));
        }
    }
    // One is a word that stands above it.
    assert!(messages.remove("…"));
    messages.extend(["cut off", "closed", "refused"].map(str::to_owned));
    messages
}

#[test]
fn every_line_of_the_log_has_its_row() {
    let messages = messages();
    assert!(messages.len() > 30, "{messages:?}");
    assert_eq!(rows("The log"), messages);
}

#[test]
fn every_metric_has_its_row() {
    let server = Server::start(&["--admin", "127.0.0.1:0"]);
    let metrics = get(admin::address(&server.program), "/metrics").body;
    let metrics = found(&metrics, r"(?m)^# TYPE (\w+)");
    assert_eq!(rows("Metrics"), metrics);
    assert_eq!(found(&read("docs/src/reference/admin.md"), r"(?m)^\| `(\w+_\w+)` \|"), metrics);
    server.stop();
}

#[test]
fn every_alert_has_its_row() {
    assert_eq!(rows("Alerts"), found(&read("examples/deploy/alerts.yml"), r"- alert: (\w+)"));
}

#[test]
fn every_exit_status_has_its_row() {
    let reference = read("docs/src/reference/commands.md");
    let (_, statuses) = reference.split_once("\n## Exit statuses\n").unwrap();
    let page = read("docs/src/oncall.md");
    for status in found(statuses, r"(?m)^\| (\d+) \|") {
        assert!(page.contains(&format!("\n| {status} | ")), "no row for {status}");
    }
}
