//! The program `sockmodes` and its library at work, where a test may need what not every machine has: other programs, a
//! terminal, a network of its own. Each says what it needs, and is reported as ignored without it; files
//! whose other tests need nothing are here as a whole. See `tests/common/harness.rs`.

#[path = "../common/mod.rs"]
mod common;

mod admin;
mod balanced;
mod book;
mod build_the_loop;
mod check;
mod churn;
mod command_line;
mod connect;
mod deploy;
mod descriptors;
mod first_steps;
mod login_python;
mod many;
mod open_secrets;
mod own_peer;
mod page;
mod peers;
mod prompts;
mod proxy;
mod real_network;
mod reuse_port;
mod secret_files;
mod slow_readers;
mod systemd;
mod tools;
mod user_files;

use std::env;
use std::process::ExitCode;

use common::harness;
use libtest_mimic::Conclusion;

/// Those that take long mostly wait, so it has little to do with the number of cores.
const AT_A_TIME: usize = 6;
/// Nearly all of what they do is waiting.
const CHECKS_AT_A_TIME: usize = 18;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let Some((first, rest)) = arguments.split_first()
        && first == check::faulty::ARGUMENT
    {
        return check::faulty::serve(rest);
    }
    let alone = harness::run_in_turn(harness::trials(&[("balanced", balanced::ALONE)]));
    // Those that take longest begin first.
    let trials = harness::trials(&[
        ("real_network", real_network::TESTS),
        ("slow_readers", slow_readers::TESTS),
        ("reuse_port", reuse_port::TESTS),
        ("user_files", user_files::TESTS),
        ("build_the_loop", build_the_loop::TESTS),
        ("page", page::TESTS),
        ("book", book::TESTS),
        ("admin", admin::TESTS),
        ("balanced", balanced::TESTS),
        ("churn", churn::TESTS),
        ("command_line", command_line::TESTS),
        ("connect", connect::TESTS),
        ("deploy", deploy::TESTS),
        ("descriptors", descriptors::TESTS),
        ("first_steps", first_steps::TESTS),
        ("login_python", login_python::TESTS),
        ("many", many::TESTS),
        ("open_secrets", open_secrets::TESTS),
        ("own_peer", own_peer::TESTS),
        ("peers", peers::TESTS),
        ("prompts", prompts::TESTS),
        ("proxy", proxy::TESTS),
        ("secret_files", secret_files::TESTS),
        ("systemd", systemd::TESTS),
        ("tools", tools::TESTS),
    ]);
    let together = harness::run(trials, AT_A_TIME);
    // Beside those, a server with a fault would be so slow that some faults don't show.
    let mut checks = harness::trials(&[("build_the_loop", build_the_loop::GRADED)]);
    checks.extend(check::trials());
    let checks = harness::run(checks, CHECKS_AT_A_TIME);
    let mut each = [alone, together, checks].into_iter();
    each.find(Conclusion::has_failed).map_or(ExitCode::SUCCESS, |failed| failed.exit_code())
}
