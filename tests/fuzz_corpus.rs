//! The corpora that fuzzing has left, replayed: see `fuzz/fuzz_targets/` and `tests/fuzzed/`.

#[path = "fuzzed/mod.rs"]
mod fuzzed;

use std::fs;
use std::path::Path;

/// Plays every file of a target's corpus, which has at least so many.
fn replay(target: &str, check: fn(&[u8]), at_least: usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut replayed = 0;
    for entry in fs::read_dir(folder).expect("the corpus is in the repository") {
        let path = entry.expect("the folder can be read").path();
        // Printed if it fails.
        println!("{}", path.display());
        check(&fs::read(path).expect("it can be read"));
        replayed += 1;
    }
    assert!(replayed >= at_least, "only {replayed} files in the corpus");
}

#[test]
fn the_corpus_of_handshake() {
    replay("handshake", fuzzed::handshake::check, 10);
}

#[test]
fn the_corpus_of_proxied() {
    replay("proxied", fuzzed::proxied::check, 10);
}

#[test]
fn the_corpus_of_upper_once() {
    replay("upper_once", fuzzed::upper_once::check, 10);
}

#[test]
fn the_corpus_of_login() {
    replay("login", fuzzed::login::check, 20);
}

#[test]
fn the_corpus_of_user_file() {
    replay("user_file", fuzzed::user_file::check, 10);
}

#[test]
fn the_corpus_of_connection() {
    replay("connection", fuzzed::connection::check, 10);
}
