//! The corpus that fuzzing the service `login` has left, replayed: see `fuzz/fuzz_targets/login.rs`.

#[path = "login/model.rs"]
mod model;

use std::fs;
use std::path::Path;

#[test]
fn the_corpus_of_the_fuzzer_is_replayed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/login");
    let mut replayed = 0;
    for entry in fs::read_dir(folder).expect("the corpus is in the repository") {
        let path = entry.expect("the folder can be read").path();
        model::check(&fs::read(path).expect("it can be read"));
        replayed += 1;
    }
    assert!(replayed > 20, "only {replayed} files in the corpus");
}
