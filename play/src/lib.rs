//! `sockmodes::play` for a browser: one class with one method, text in, text out.
//!
//! All that it does is in the library. `build` makes of it what the book needs.
use wasm_bindgen::prelude::wasm_bindgen;

/// A play, as the page's script has it.
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct Play(sockmodes::play::Play);

#[wasm_bindgen]
impl Play {
    /// One that nobody has asked anything.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new() -> Play {
        Play::default()
    }

    /// The answer to a request; both are JSON.
    pub fn ask(&mut self, request: &str) -> String {
        self.0.ask(request)
    }
}
