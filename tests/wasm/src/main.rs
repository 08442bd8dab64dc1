//! Plays some simulations and gives the events of all of them: here or in WebAssembly the same.
//!
//! Read `play.rs` first; `play.mjs` is the other half for WebAssembly, and `.ci/run` compares the two.
#![forbid(unsafe_code)]

mod play;

use std::process::ExitCode;

/// Outside of WebAssembly there is a standard output.
#[cfg(not(target_family = "wasm"))]
fn main() -> ExitCode {
    use std::io::Write;

    match std::io::stdout().write_all(play::all().as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// In WebAssembly without a system nothing is printed anywhere, and to export more than `main` would
/// take unsafe code. So what is there has to do: `main` can be called again and again, and each time
/// its exit status is the next byte; 0, which is in no text, is the end.
#[cfg(target_family = "wasm")]
fn main() -> ExitCode {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicUsize, Ordering};

    static TEXT: OnceLock<String> = OnceLock::new();
    static AT: AtomicUsize = AtomicUsize::new(0);

    let text = TEXT.get_or_init(play::all).as_bytes();
    text.get(AT.fetch_add(1, Ordering::Relaxed)).copied().map_or(ExitCode::SUCCESS, ExitCode::from)
}
