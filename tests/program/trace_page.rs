//! `sockmodes trace --html`: one file with everything in it, written whole or not at all, and never over what is read.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::thread;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::common::process::{Finished, Program, run};
use crate::common::program::sockmodes;

/// What a file may hold that somebody has made up: an end of the element that it comes into, in a name and in a field of
/// another version; a line that is broken; and a space that would end a line.
const RECORDS: &str = concat!(
    "{\"time\":1,\"connection\":1,\"event\":\"login\",\"name\":\"</script><img src=x>\",\"result\":\"failure\"}\n",
    "{\"time\":1,\"event\":\"turn\n",
    "{\"time\":2,\r\"connection\":1,\"event\":\"deadline\",\"hint\":[\"<!--<script>\"]}\n",
    "{\"event\":\"lost\",\"lines\":3}",
);

struct Folder(TempDir);

impl Folder {
    fn new() -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        fs::write(folder.path("trace"), RECORDS).unwrap();
        folder
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn draw(&self, from: &str, to: &str) -> Finished {
        let args = ["trace", &self.path(from), "--html", &self.path(to)];
        run(&mut sockmodes(args), b"")
    }

    /// The names of all that is in it.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }
}

#[test]
fn the_page_has_every_event_in_it_and_nothing_of_them_is_markup() {
    let folder = Folder::new();
    let done = folder.draw("trace", "page.html").expect(0);
    assert!(
        done.err().ends_with(": 1 line skipped: no event, or only a part of one\n"),
        "{}",
        done.err()
    );
    assert_eq!(done.out(), "");
    assert_eq!(folder.names(), ["page.html", "trace"]);

    let page = fs::read_to_string(folder.path("page.html")).unwrap();
    let (before, trace) =
        page.split_once("<script type=\"application/x-ndjson\" id=\"trace\">\n").unwrap();
    let (trace, after) = trace.split_once("</script>").unwrap();
    assert!(!trace.contains('<') && !trace.contains('\r'), "{trace}");
    let parsed = |text: &str| -> Vec<Value> {
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    };
    let records = parsed(trace);
    assert_eq!((records.len(), trace.lines().count()), (3, 3));
    assert_eq!(records, parsed(RECORDS));

    assert!(
        before.contains("<html lang=\"en\" data-source=\"trace\">"),
        "the page reads another source"
    );
    assert!(before.starts_with("<!doctype html>") && after.trim_end().ends_with("</html>"));
    for asks in [" src=\"", "rel=\"stylesheet\"", "data-source=\"live\""] {
        assert!(!page.contains(asks), "{asks}");
    }
}

#[test]
fn the_page_is_never_written_over_the_trace() {
    let folder = Folder::new();
    symlink(folder.path("trace"), folder.path("link")).unwrap();
    fs::hard_link(folder.path("trace"), folder.path("other")).unwrap();
    for name in ["trace", "link", "other", "./trace"] {
        for from in ["trace", "other"] {
            let done = folder.draw(from, name).expect(2);
            let said = format!("--html {} would empty ", folder.path(name));
            assert!(
                done.err().contains(&said) && done.err().lines().count() == 1,
                "{}",
                done.err()
            );
        }
        let stdin = Stdio::from(File::open(folder.path("trace")).unwrap());
        let mut command = sockmodes(["trace", "-", "--html", &folder.path(name)]);
        let program = Program::start_on(&mut command, stdin, Stdio::piped(), Stdio::piped());
        let done = program.finish().expect(2);
        assert!(done.err().contains("would empty standard input"), "{}", done.err());
    }
    assert_eq!(fs::read_to_string(folder.path("trace")).unwrap(), RECORDS);
    assert_eq!(folder.names(), ["link", "other", "trace"]);
}

#[test]
fn the_page_is_written_whole_or_not_at_all() {
    let folder = Folder::new();
    fs::write(folder.path("garbage"), "no event\n").unwrap();
    fs::write(folder.path("page"), "an old one").unwrap();
    fs::set_permissions(folder.path("page"), PermissionsExt::from_mode(0o640)).unwrap();
    symlink("page", folder.path("link")).unwrap();
    let before = folder.names();
    for (from, to, why) in [
        ("garbage", "page", "is no trace: 1 line and no event"),
        ("missing", "page", "cannot read the trace "),
        ("trace", "no/page", "cannot write the page to "),
        ("trace", ".", "cannot write the page to "),
    ] {
        let done = folder.draw(from, to).expect(1);
        assert!(done.err().contains(why) && done.err().lines().count() == 1, "{}", done.err());
        assert_eq!(fs::read_to_string(folder.path("page")).unwrap(), "an old one");
        assert_eq!(folder.names(), before);
    }
    if fs::exists("/dev/full").unwrap() {
        let args = ["trace", &folder.path("trace"), "--html", "/dev/full"];
        let done = run(&mut sockmodes(args), b"").expect(1);
        assert!(done.err().contains("cannot write the page to /dev/full"), "{}", done.err());
    }
    // The link stays one, and the page as readable as it was.
    folder.draw("trace", "link").expect(0);
    assert_eq!(folder.names(), before);
    assert!(fs::symlink_metadata(folder.path("link")).unwrap().is_symlink());
    let page = fs::metadata(folder.path("page")).unwrap();
    assert!(page.len() > 1000 && page.permissions().mode() & 0o777 == 0o640);
}

#[test]
fn a_signal_leaves_what_was_there_and_nothing_beside_it() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let folder = Folder::new();
        fs::write(folder.path("page"), "an old one").unwrap();
        let before = folder.names();
        // More of the trace may come for as long as it can be written to.
        let (read, written) = io::pipe().unwrap();
        let mut command = sockmodes(["trace", "-", "--html", &folder.path("page")]);
        let program = Program::start_on(&mut command, read.into(), Stdio::piped(), Stdio::piped());
        while folder.names() == before {
            thread::yield_now();
        }
        program.signal(signal);
        assert_eq!(program.finish().status.signal(), Some(signal.as_raw()));
        drop(written);
        assert_eq!(folder.names(), before, "{signal:?}");
        assert_eq!(fs::read_to_string(folder.path("page")).unwrap(), "an old one");
    }
}

#[test]
fn a_page_is_of_the_whole_trace() {
    let done =
        run(&mut sockmodes(["trace", "x", "--html", "y", "--connection", "1"]), b"").expect(2);
    assert_eq!(done.err().lines().count(), 1, "{}", done.err());
}
