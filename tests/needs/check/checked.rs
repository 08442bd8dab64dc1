//! `sockmodes check`, run to its end, which it comes to by itself.

use std::process::Command;
use std::time::Duration;

use super::faulty::ARGUMENT;
use crate::common::process::Finished;
use crate::common::program::sockmodes;

/// Runs it with these arguments.
pub(crate) fn check<S: AsRef<str>>(args: &[S]) -> Finished {
    let args = args.iter().map(AsRef::as_ref);
    finish(&mut sockmodes(["check"].into_iter().chain(args)))
}

/// Runs it to its end: it has its own bound, which is longer than a test's.
pub(crate) fn finish(command: &mut Command) -> Finished {
    let output = command.output().unwrap();
    let (status, stdout, stderr) = (output.status, output.stdout, output.stderr);
    Finished { status, stdout, stderr, cpu: Duration::ZERO }
}

/// The arguments that try the faulty server: hmac-md5, upper, a second.
pub(crate) fn faulty(fault: &str, args: &[&str]) -> Vec<String> {
    faulty_with(fault, ["hmac-md5", "upper", "1s"], args)
}

/// The same with another scheme, service and timeout.
pub(crate) fn faulty_with(fault: &str, terms: [&str; 3], args: &[&str]) -> Vec<String> {
    let us = std::env::current_exe().unwrap();
    let [auth, service, timeout] = terms;
    let agreed = ["--auth", auth, "--service", service, "--handshake-timeout", timeout];
    let server = ["--", us.to_str().unwrap(), ARGUMENT, "{port}", fault, auth, service, timeout];
    [args, &agreed, &server].concat().into_iter().map(String::from).collect()
}
