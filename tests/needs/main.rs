//! The program `sockmodes` and its library at work, where a test may need what not every machine has: other programs, a
//! terminal, a network of its own. Each says what it needs, and is reported as ignored without it; files
//! whose other tests need nothing are here as a whole. See `tests/common/harness.rs`.

#[path = "../common/mod.rs"]
mod common;

mod admin;
mod build_the_loop;
mod churn;
mod command_line;
mod connect;
mod descriptors;
mod login_python;
mod many;
mod page;
mod peers;
mod real_network;
mod secret_files;
mod slow_readers;
mod tools;

use std::process::ExitCode;

use common::harness;

fn main() -> ExitCode {
    harness::run(&[
        // Those that take longest begin first.
        ("real_network", real_network::TESTS),
        ("build_the_loop", build_the_loop::TESTS),
        ("admin", admin::TESTS),
        ("churn", churn::TESTS),
        ("command_line", command_line::TESTS),
        ("connect", connect::TESTS),
        ("descriptors", descriptors::TESTS),
        ("login_python", login_python::TESTS),
        ("many", many::TESTS),
        ("page", page::TESTS),
        ("peers", peers::TESTS),
        ("secret_files", secret_files::TESTS),
        ("slow_readers", slow_readers::TESTS),
        ("tools", tools::TESTS),
    ])
}
