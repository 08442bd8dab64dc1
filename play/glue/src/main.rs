//! Makes of the module that cargo has built the one that a browser loads, with its script: what
//! wasm-bindgen's own program does, in the version that the lock file names, and nothing to be installed.
#![forbid(unsafe_code)]

use std::env::args_os;
use std::error::Error;
use std::path::PathBuf;

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
    Ok(())
}
