//! The table as a page of the book, `docs/src/matrix_table.md`: a table of Markdown for each operation, a row for each
//! condition, a column for each mode. `docs/theme/matrix.js` filters what is made here, by the words in its cells.
//!
//! `SOCKMODES_BLESS=1` writes it anew. `docs/src/matrix.md`, which includes it, says how it is to be read.

use std::fmt::Write;
use std::{env, fs};

use crate::cell::{self, Cell};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/src/matrix_table.md");
const MODES: [&str; 3] = ["blocking", "nonblocking", "timeout"];

#[test]
fn the_book_has_the_whole_table() {
    let made = page(&cell::table());
    if env::var_os("SOCKMODES_BLESS").is_some() {
        fs::write(PAGE, &made).unwrap();
    }
    assert!(made == fs::read_to_string(PAGE).unwrap(), "SOCKMODES_BLESS=1 writes {PAGE} anew");
}

fn page(table: &[Cell]) -> String {
    let mut page = String::from(
        "<!-- Made by tests/oracle/page.rs from tests/oracle/cpython-3.11.json: don't change it here. -->\n",
    );
    for operation in in_order(table.iter().map(|cell| &cell.op)) {
        let of_it: Vec<_> = table.iter().filter(|cell| cell.op == *operation).collect();
        let _ = write!(
            page,
            "\n## {operation}\n\n| condition | blocking | non-blocking | timeout |\n| --- | --- | --- | --- |\n"
        );
        for condition in in_order(of_it.iter().map(|cell| &cell.condition)) {
            let cells = MODES.map(|mode| {
                let cell = of_it.iter().find(|it| it.condition == *condition && it.mode == mode);
                cell.map_or("–".to_owned(), |cell| told(cell))
            });
            let _ = writeln!(page, "| `{condition}` | {} |", cells.join(" | "));
        }
    }
    page
}

/// Each once, where it came first.
fn in_order<'a>(all: impl Iterator<Item = &'a String>) -> Vec<&'a String> {
    let mut once = Vec::new();
    for one in all {
        if !once.contains(&one) {
            once.push(one);
        }
    }
    once
}

/// What came of it, in the words of the book, and behind a dot what it waited for.
fn told(cell: &Cell) -> String {
    let outcome = match cell.outcome.as_str() {
        "would-block" => "EAGAIN",
        "in-progress" => "EINPROGRESS",
        other => other.strip_prefix("errno:").unwrap_or(other),
    };
    let waited = match cell.elapsed.as_str() {
        "immediate" => "",
        "waits-for-peer" => " · peer",
        "waits-timeout" => " · limit",
        "forever" => " · ever",
        other => panic!("a kind of waiting that the page has no word for: {other}"),
    };
    format!("{outcome}{waited}")
}
