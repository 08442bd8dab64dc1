//! `sockmodes play`: the page with a simulated loop, until a signal ends it.
//!
//! The simulation is in `src/play/`, how it is served in `src/observe/simulated.rs`.

use std::process::ExitCode;

use nix::sys::signal::{SigSet, Signal};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use sockmodes::observe::Simulated;
use sockmodes::play::Play;

use super::values::Address;
use super::{Done, Failure, print};

pub(super) const AFTER_HELP: &str = "\
The page plays scenarios: clients of many manners at a server with small buffers, with faults, and with rules of the \
loop to break. It runs the loop of 'sockmodes serve' in a simulated network; nothing is listened to but the page's own \
address. An address of the page holds the seed, the scenario and the position, and shows the same run to everybody.";

#[derive(clap::Args)]
pub(super) struct Args {
    /// Where to serve the page; port 0 lets the kernel pick one, a bare port is at 127.0.0.1
    #[arg(long, value_name = "ADDR", value_parser = Address::on_loopback, default_value = "127.0.0.1:9998")]
    listen: Address,
}

pub(super) fn run(args: &Args) -> Done {
    let failed = |what: String| move |error| Failure::Failed(format!("cannot {what}: {error}"));
    // Whoever started it may have blocked them.
    SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM])
        .thread_unblock()
        .map_err(|errno| failed("unblock signals".into())(errno.into()))?;
    let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(failed("catch signals".into()))?;
    let listen = || failed(format!("listen on {}", args.listen));
    let address = args.listen.resolve().map_err(listen())?[0];
    let simulated = Simulated::start(address, || {
        let mut play = Play::default();
        move |request: &str| play.ask(request)
    })
    .map_err(listen())?;
    print(format!("play on http://{}/\n", simulated.address()).as_bytes())?;
    signals.forever().next();
    Ok(ExitCode::SUCCESS)
}
