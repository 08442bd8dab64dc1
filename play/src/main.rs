//! The same without a browser: requests on standard input, a line each, and their answers on standard output.
//!
//! `.ci/run` compares what comes of the two.
#![forbid(unsafe_code)]

use std::io::{self, Write};

fn main() -> io::Result<()> {
    let (mut play, mut out) = (sockmodes::play::Play::default(), io::stdout().lock());
    for request in io::stdin().lines() {
        writeln!(out, "{}", play.ask(&request?))?;
    }
    Ok(())
}
