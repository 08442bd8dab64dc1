//! What the book has of the lessons: each has its twin, its row and its output, and a page shows whole parts of that.

use std::fs;

use regex_lite::Regex;

use super::{lessons, root};

#[test]
fn every_lesson_is_complete() {
    let index = fs::read_to_string(root("examples/README.md")).unwrap();
    for name in lessons() {
        assert!(root(&format!("examples/python/{name}.py")).exists(), "{name} has no twin");
        assert!(index.contains(&format!("`{name}`")), "{name} is not in examples/README.md");
    }
    for page in fs::read_dir(root("docs/src/output")).unwrap() {
        let name = page.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(lessons().contains(&name), "docs/src/output/{name}.txt shows no lesson");
        let shown = format!("output/{name}.txt");
        assert!(book().any(|page| page.contains(&shown)), "no page of the book has {shown}");
    }
}

#[test]
fn a_page_shows_whole_parts_of_an_output() {
    let range = Regex::new(r"output/(\w+)\.txt:(\d+):(\d+)\}").unwrap();
    let pages: Vec<_> = book().collect();
    let shown = pages.iter().flat_map(|page| range.captures_iter(page));
    let mut count = 0;
    for part in shown {
        let output =
            fs::read_to_string(root(&format!("docs/src/output/{}.txt", &part[1]))).unwrap();
        let lines: Vec<_> = output.lines().collect();
        let (first, last): (usize, usize) = (part[2].parse().unwrap(), part[3].parse().unwrap());
        let line = |number: usize| lines.get(number - 1).copied().unwrap_or_default();
        // From a heading, or from what is below "Predict:", to the end of a part.
        assert!(line(first - 1).is_empty() || line(first - 1) == "Predict:", "{}", &part[0]);
        assert!(!line(first).is_empty() && !line(last).is_empty(), "{}", &part[0]);
        assert!(line(last + 1).is_empty(), "{}", &part[0]);
        count += 1;
    }
    assert!(count > 0, "no page shows a part");
}

/// The chapters of the book, which include or name what the lessons print.
fn book() -> impl Iterator<Item = String> {
    let folders = ["docs/src", "docs/src/zero", "docs/src/lessons"].into_iter();
    let pages = folders.flat_map(|folder| fs::read_dir(root(folder)).unwrap());
    pages
        .map(|entry| entry.unwrap().path())
        .filter(|page| page.extension().is_some_and(|it| it == "md"))
        .map(|page| fs::read_to_string(page).unwrap())
}
