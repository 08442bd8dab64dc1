//! Puts into a folder what a browser loads: the page, and the simulation's module with its script.
//!
//! The last is what wasm-bindgen's own program makes, here in the version that the lock file names, with nothing to
//! be installed. Read `../build` first.
#![forbid(unsafe_code)]

use std::env::args_os;
use std::error::Error;
use std::fs;
use std::path::PathBuf;

use sockmodes::observe::page::FILES;
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<(), Box<dyn Error>> {
    let paths: Vec<PathBuf> = args_os().skip(1).map(PathBuf::from).collect();
    let [module, folder] = &paths[..] else { return Err("usage: glue MODULE FOLDER".into()) };
    Bindgen::new()
        .input_path(module)
        .web(true)?
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(folder)?;
    for file in FILES.iter() {
        let name = if file.path == "/" { "/index.html" } else { file.path };
        // The one who asks the simulation is in the same browser.
        let text = file.for_source("play").replacen("<html ", "<html data-play=\"wasm\" ", 1);
        fs::write(folder.join(&name[1..]), text)?;
    }
    Ok(())
}
