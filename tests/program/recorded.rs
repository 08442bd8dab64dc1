//! `sockmodes trace`: what a real server has recorded, told in the words of its log, and added up; and what is done
//! with a file that is no trace.

use std::fs;
use std::net::Shutdown;
use std::process::Stdio;

use regex_lite::Regex;
use sockmodes::auth::Scheme;
use tempfile::TempDir;

use crate::common::client::{answer, exchange, read_rest};
use crate::common::process::{Program, run};
use crate::common::program::{Server, sockmodes, sockmodes_in_shell};

/// A folder, and in it the trace of a server to which came somebody who knew the secret, somebody who didn't, and
/// somebody who stayed until the end; and what it logged.
fn recorded() -> (TempDir, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace").to_str().unwrap().to_owned();
    let server = Server::start(&["-vv", "--trace", &path]);
    let mut right = server.enter();
    exchange(&mut right, b"hello", b"HELLO");
    let mut wrong = server.connect();
    answer(&mut wrong, Scheme::HmacMd5, b"no secret of ours");
    read_rest(&mut wrong);
    drop(wrong);
    server.program.wait_for_log("refused conn=2");
    right.shutdown(Shutdown::Write).unwrap();
    read_rest(&mut right);
    let stays = server.enter();
    server.program.wait_for_log("let in conn=3");
    let log = server.stop().err().to_owned();
    drop(stays);
    (folder, path, log)
}

fn trace(args: &[&str]) -> String {
    let done = run(&mut sockmodes([&["trace"], args].concat()), b"").expect(0);
    assert_eq!(done.err(), "");
    done.out().to_owned()
}

/// What stands in front of what is told.
fn is_time(c: char) -> bool {
    c.is_ascii_digit() || [' ', '.', '⋮'].contains(&c)
}

/// The lines of the log about one connection, without time, level and number.
fn lines_about(log: &str, connection: u64) -> Vec<String> {
    let number = Regex::new(&format!(r" conn={connection}\b")).unwrap();
    let about = log.lines().filter(|line| number.is_match(line));
    about.map(|line| number.replace(&line[34..], "").into_owned()).collect()
}

#[test]
fn a_connection_is_told_line_by_line_in_the_words_of_the_log() {
    let (_folder, path, log) = recorded();
    let of_the_loop = Regex::new("^(epoll_wait|turn |accept = |stopping|turns? without)").unwrap();
    for connection in 1..=3 {
        let story = trace(&["--connection", &connection.to_string(), &path]);
        let lines: Vec<_> = story.lines().map(|line| line.trim_start_matches(is_time)).collect();
        let its_own: Vec<_> = lines.iter().filter(|line| !of_the_loop.is_match(line)).collect();
        let logged = lines_about(&log, connection);
        assert!(logged.len() > 8, "{log}");
        assert_eq!(its_own, logged.iter().collect::<Vec<_>>(), "{story}");
        // What frames it is in the log, too.
        for line in
            lines.iter().filter(|line| of_the_loop.is_match(line) && !line.contains("without"))
        {
            let line = line.split(", with ").next().unwrap();
            assert!(log.contains(&format!(" {line}\n")), "{line}");
        }
    }
}

#[test]
fn a_trace_is_added_up() {
    let (_folder, path, log) = recorded();
    let text = fs::read_to_string(&path).unwrap();
    let summary = trace(&[&path]);
    let says =
        |what: &str| assert!(Regex::new(what).unwrap().is_match(&summary), "{what}: {summary}");
    says(&format!("^{path}: {} events in ", text.lines().count()));
    says(r"\nlistening on 127.0.0.1:\d+\n");
    says(r"\nstopped at \d.*, 0 connections cut off\n");
    says(&format!(
        r"\n  {} turns, at work for .*: .* % of the time\n",
        log.matches("turn took").count()
    ));
    says(r"\n +\d+.* .?s +\d+\.\d{6} s  1 ready, .*1x send of 32 bytes");
    says(r"\n  3 opened\n  3 ended: 1 wrong_digest, 1 done, 1 stopped\n +number ");
    says(
        r"\n +1  127.0.0.1:\d+ .* 21 +37  send_nonce .*, await_digest .*, serving .*, draining .*, done\n",
    );
    says(
        r"\n +2  127.0.0.1:\d+ .* 16 +32  send_nonce .*, await_digest .*, lingering .*, wrong_digest\n",
    );
    says(r"\n +3  127.0.0.1:\d+ .* 16 +32  .*serving .*, stopped\n");
    says(r"\n +1  closed: wrong_digest +event \d+, at .* s, connection 2\n");

    // The events are counted as the page counts them: this one is the end of the second connection.
    let event = Regex::new(r"closed: wrong_digest +event (\d+)").unwrap();
    let event: usize = event.captures(&summary).unwrap()[1].parse().unwrap();
    let line = text.lines().nth(event - 1).unwrap();
    assert!(line.contains(r#""connection":2,"event":"closed""#), "{line}");
}

#[test]
fn what_is_broken_is_skipped_and_counted_and_what_is_missing_is_said() {
    let trace = concat!(
        "{\"time\":1,\"event\":\"turn\",\"ready\":1}\n",
        "half a li\n",
        "{\"time\":1,\"connection\":1,\"event\":\"opened\",\"peer\":\"a\\u001b[2Jb\",\"state\":\"dozing\"}\n",
        "\0\u{7f}\n",
        "{\"time\":1,\"connection\":1,\"event\":\"dreamt\",\"of\":\"\\u202esheep\"}\n",
        "{\"event\":\"lost\",\"lines\":249}\n",
        "{\"time\":3,\"event\":\"turn_end\",\"to",
    );
    let done = run(&mut sockmodes(["trace", "-"]), trace.as_bytes()).expect(0);
    for line in [
        "standard input: 4 events in 0 s",
        "3 lines skipped: no event, or only a part of one",
        "249 lines missing: the server could not write them",
        "events that this version does not know: 1 dreamt",
        "  1 open at the end: 1 dozing",
        "          1  lines are missing  event 4, at 1.000000 s",
    ] {
        assert!(done.out().contains(&format!("{line}\n")), "{line:?}: {}", done.out());
    }
    let is_raw = |c: char| c == '\x1b' || c == '\u{202e}';
    assert!(done.out().contains(r"a\u{1b}[2Jb") && !done.out().contains(is_raw), "{}", done.out());

    let done = run(&mut sockmodes(["trace", "-", "--connection", "1"]), trace.as_bytes()).expect(0);
    assert_eq!(
        done.out(),
        concat!(
            "    1.000000  turn begins ready=1\n",
            "              opened peer=a\\u{1b}[2Jb\n",
            "              dreamt of=\"\\u{202e}sheep\"\n",
            "              249 lines are missing here\n",
            "              the trace ends here, and the connection is open\n",
        )
    );
    let said = "sockmodes: standard input: 3 lines skipped: no event, or only a part of one\n";
    assert_eq!(done.err(), said);
}

#[test]
fn what_is_no_trace_is_said_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("empty"), "").unwrap();
    fs::write(path("garbage"), [0, 159, 146, 150].repeat(100_000)).unwrap();
    fs::write(path("other"), "{\"level\":\"INFO\"}\n".repeat(3)).unwrap();
    fs::write(path("trace"), "{\"time\":1,\"event\":\"alive\"}\n").unwrap();
    let cases = [
        (vec![path("empty")], "is no trace: it is empty"),
        (vec![path("garbage")], "is no trace: 1 line and no event"),
        (vec![path("other")], "is no trace: 3 lines and no event"),
        (vec![path("missing")], "cannot read the trace "),
        (vec![path("")], "Is a directory"),
        (vec!["/dev/null".to_owned()], "it is empty"),
        // They never end.
        (vec!["/dev/zero".to_owned()], "64 MiB and no event in them"),
        (vec!["/dev/urandom".to_owned()], "64 MiB and no event in them"),
        (vec![path("trace"), "--connection=7".to_owned()], "tells nothing of connection 7"),
    ];
    for (args, what) in cases {
        let done = run(&mut sockmodes([&["trace".to_owned()], &args[..]].concat()), b"").expect(1);
        assert!(done.err().contains(what) && done.err().lines().count() == 1, "{}", done.err());
        assert_eq!(done.out(), "", "{args:?}");
    }
}

/// A connection after the other: what is kept is no more than what is open.
#[test]
#[cfg(target_os = "linux")]
fn a_long_trace_takes_no_more_memory_than_a_short_one() {
    let lines = |number: u32| {
        let of = |event: &str| {
            format!(
                "{{\"time\":{number},\"connection\":{number},\"event\":\"{event}\",\"peer\":\"peer {number}\""
            )
        };
        let turn = format!("{{\"time\":{number},\"event\":\"turn\",\"ready\":1}}\n");
        format!(
            "{turn}{},\"state\":\"serving\"}}\n{},\"reason\":\"for the {number}th time\"}}\n",
            of("opened"),
            of("closed")
        )
    };
    let trace: String = (1..=100_000).map(lines).collect();
    let script = r#"ulimit -v 60000; exec "$@""#;
    for args in [vec!["trace", "-"], vec!["trace", "-", "--connection", "100000"]] {
        let done = run(&mut sockmodes_in_shell(script, &args), trace.as_bytes()).expect(0);
        assert!(
            done.out().contains("peer 100000") || done.out().contains("100,000 opened"),
            "{}",
            done.out()
        );
    }
}

/// What is told is there as soon as it has happened, as with `tail -f trace | sockmodes trace - --connection 1`.
#[test]
fn a_trace_that_is_still_written_is_told_as_it_comes() {
    let mut command = sockmodes(["trace", "-", "--connection", "1"]);
    let mut program =
        Program::start_on(&mut command, Stdio::piped(), Stdio::piped(), Stdio::piped());
    program.input(b"{\"time\":1,\"connection\":1,\"event\":\"received\",\"bytes\":5}\n");
    program.wait_for_output("recv = 5");
    program.input(b"{\"time\":1,\"connection\":1,\"event\":\"received\",\"bytes\":0}\n");
    program.wait_for_output("recv = 0");
    program.finish().expect(0);
}
