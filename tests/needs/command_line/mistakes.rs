//! A mistake on the command line takes one line on standard error, and the status that says whose it is:
//! 2 for the words, 1 for what they name.

use std::ffi::OsStr;
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;

use sockmodes::socket::Socket;

use crate::common::process::run;
use crate::common::program::sockmodes;

/// Runs it to its end; exactly one line on standard error that says `what`, and nothing on the other.
fn fails<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>, status: i32, what: &str) {
    let mut command = sockmodes(args);
    let done = run(command.env("SOCKMODES_SECRET", "secret"), b"").expect(status);
    let line = done.err();
    let shape = line.starts_with("sockmodes: ") && line.find('\n') == Some(line.len() - 1);
    assert!(shape && line.contains(what) && done.out().is_empty(), "{command:?}:\n{line}");
}

/// The words of a command, and what is said of them.
const BAD_WORDS: &str = "
    | a command is missing
    frobnicate | 'frobnicate'
    --frobnicate | '--frobnicate'
    serve --frobnicate | '--frobnicate'
    serve extra | 'extra'
    serve -x | '-x'
    serve --listen | --listen
    serve --listen= | --listen
    serve --listen 9999 | expected HOST:PORT
    serve --listen localhost | expected HOST:PORT
    serve --listen :9999 | expected HOST:PORT
    serve --listen ::1:9999 | in brackets
    serve --listen 127.0.0.1:65536 | the port must be 0 to 65535
    serve --listen 127.0.0.1:0 --listen 127.0.0.1:x | the port must be
    serve --listen 127.0.0.1:+9999 | the port must be 0 to 65535
    serve --listen [127.0.0.1]:9999 | expected HOST:PORT
    serve --admin +9998 | or a port
    serve --auth plain | [possible values: hmac-md5, hmac-sha256, md5, none]
    serve --auth HMAC-MD5 | 'HMAC-MD5'
    serve --service lower | 'lower'
    serve --nonce-len 7 | a nonce of 7 bytes: it must have 8 to 64
    serve --nonce-len 65 | a nonce of 65 bytes: it must have 8 to 64
    serve --nonce-len many | --nonce-len
    serve --nonce-len +32 | expected a whole number
    serve --nonce-len -1 | '-1'
    serve --fixed-nonce abc | --auth md5 only
    serve --fixed-nonce abc --auth hmac-sha256 | --auth md5 only
    serve --fixed-nonce abc --auth none | --auth md5 only
    serve --fixed-nonce= --auth md5 | a fixed nonce of 0 bytes
    serve --fixed-nonce abc --nonce-len 8 --auth md5 | cannot be used with
    serve --handshake-timeout soon | expected a time such as 10s or 5m, or none
    serve --handshake-timeout 0s | to turn it off, say none
    serve --idle-timeout 5M | M is a month, and m a minute
    serve --idle-timeout 5m5m | each unit once
    serve --idle-timeout +10 | expected a time
    serve --idle-timeout -1s | '-1'
    serve --write-timeout 1000years | more than 100 years
    serve --write-timeout 999us | less than a millisecond
    serve --drain-timeout= | --drain-timeout
    serve --max-connections 0 | expected a whole number from 1, or none
    serve --max-connections +5 | expected a whole number from 1, or none
    serve --max-connections lots | expected a whole number from 1, or none
    serve --max-pending 10 | expected START:RATE:FULL
    serve --max-pending 10:+30:20 | expected START:RATE:FULL
    serve --max-pending 10:30:9 | START must not be above FULL
    serve --max-pending 10:101:20 | RATE is a percentage
    serve --max-pending-per-source 0 | expected a whole number from 1, or none
    serve --proxy-protocol= | --proxy-protocol
    serve --proxy-protocol localhost | expected an IP address, or ADDRESS/BITS
    serve --proxy-protocol 10.0.0.1:9999 | expected an IP address, or ADDRESS/BITS
    serve --proxy-protocol 10.0.0.0/33 | an IPv4 address has 32 bits
    serve --penalty= | --penalty
    serve --penalty authfail | expected a list such as authfail:5s,noauth:1s, or none
    serve --penalty crash:90s | expected authfail, noauth, timeout, min, max or max-sources
    serve --penalty authfail:soon | authfail: expected a time such as 10s or 5m, or none
    serve --penalty min:11m | min (11m) must not be above max (10m)
    serve --penalty authfail:5M | authfail: M is a month, and m a minute
    serve --penalty max-sources:+9 | max-sources: expected a whole number from 1
    serve --penalty max-sources:0 | max-sources: expected a whole number from 1
    serve --max-buffer none | expected a size such as 256KiB
    serve --max-buffer +64KiB | expected a size such as 256KiB
    serve --max-buffer 65536.5 | expected a size such as 256KiB
    serve --max-buffer 17EiB | it must be at most 1.0 GiB
    serve --max-buffer 4095 | it must be at least
    serve --log-format xml | 'xml'
    serve -q -v | cannot be used with
    serve --auth md5 --auth md5 | multiple times
    connect --nonce-len 0 | --nonce-len 0: it must be 1 to 64
    connect --nonce-len 65 | --nonce-len 65: it must be 1 to 64
    connect --auth plain | 'plain'
    connect --nonce-len +32 | expected a whole number
    connect --timeout 5M | M is a month, and m a minute
    connect 127.0.0.1:+9999 | the port must be 0 to 65535
    connect --timeout 0 | to turn it off, say none
    connect 127.0.0.1 | expected HOST:PORT
    connect 127.0.0.1:1 127.0.0.1:2 | '127.0.0.1:2'
    connect --service echo | '--service'
    demo extra | 'extra'
    trace file --connection +1 | expected a whole number
    trace file --connection first | expected a whole number
    completions | <SHELL>
    completions tcsh | 'tcsh'
    man extra | 'extra'";

pub(crate) fn a_bad_flag_is_status_2_and_one_line() {
    for case in BAD_WORDS.lines().skip(1) {
        let (args, what) = case.split_once('|').unwrap();
        fails(args.split_whitespace(), 2, what.trim());
    }
    let not_text = OsStr::from_bytes(b"\xff");
    fails([OsStr::new("serve"), OsStr::new("--log-format"), not_text], 2, "UTF-8");
    fails(["serve", "--auth", "md5", "--fixed-nonce", &"x".repeat(65)], 2, "65 bytes");
}

pub(crate) fn a_bad_address_is_status_1_and_one_line() {
    let here = "127.0.0.1:0";
    // RFC 5737 and RFC 2606 keep these out of every network and every zone.
    fails(["serve", "--listen", "203.0.113.1:0"], 1, "cannot listen on 203.0.113.1:0: ");
    let nowhere = "nowhere.invalid:9999";
    fails(["serve", "--listen", nowhere], 1, &format!("cannot listen on {nowhere}: "));
    fails(["connect", nowhere], 1, &format!("cannot connect to {nowhere}: "));
    fails(["serve", "--listen", here, "--trace", "/"], 1, "cannot write the trace to /: ");
    let missing = "/nonexistent/trace";
    fails(["serve", "--listen", here, "--trace", missing], 1, missing);
}

pub(crate) fn a_busy_port_is_status_1_and_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    fails(["serve", "--listen", &address], 1, &format!("cannot listen on {address}: Address"));
    let args = ["serve", "--listen", "127.0.0.1:0", "--listen", &address];
    fails(args, 1, &format!("cannot listen on {address}: Address"));
    // Bound, so that no other test gets the port, but not listening.
    let deaf = Socket::tcp().unwrap();
    deaf.bind("127.0.0.1:0").unwrap();
    let address = deaf.local_addr().unwrap().to_string();
    fails(["connect", &address], 1, &format!("cannot connect to {address}: Connection refused"));
}

pub(crate) fn no_name_makes_two_lines_of_one() {
    fails(["serve", "--secret-file", "/nonexistent/two\nlines"], 1, "two\\nlines");
    // A port of its own, since somebody may be serving at the usual one.
    let trace = ["serve", "--listen", "127.0.0.1:0", "--trace", "/nonexistent/\x1b[2Jcleared"];
    fails(trace, 1, "\\u{1b}[2Jcleared");
    fails(["serve\n"], 2, "serve");
}
