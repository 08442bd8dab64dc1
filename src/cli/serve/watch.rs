//! Who watches a server: the log, the admin address, the trace, and whoever reads its standard output.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::thread;

use sockmodes::observe::log::Log;
use sockmodes::observe::{Admin, Lines, Seen, Trace};
use sockmodes::server::Server;

use super::{Address, Args, Failure};

/// What has to stay while the server runs: the admin address, and the trace's lines.
type Watch = (Option<Admin>, Option<Lines>);

impl Args {
    /// Sets up who observes: the log, the admin address and the trace.
    pub(super) fn observe(&self, server: &mut Server, lines: &Lines) -> Result<Watch, Failure> {
        let seen = Seen::default();
        seen.metrics.count_lines(lines);
        let admin = self.admin.as_ref().map(|address| show(address, &seen, server)).transpose()?;
        // After all that can fail, because it empties the file; and before signals are caught, because
        // opening a pipe waits until somebody reads it, and a signal has to be able to end that wait.
        let trace = self.trace.as_deref();
        let trace = trace.map(|path| Trace::create(path, self.read_files())).transpose()?;
        server
            .catch_signals()
            .map_err(|error| Failure::Failed(format!("cannot catch signals: {error}")))?;
        let lines = trace.map(|(trace, lines)| {
            server.add_observer(Box::new(trace));
            seen.metrics.count_lines(&lines);
            lines
        });
        // The last: whoever has read a line of it, and asks for health or metrics then, is not told the contrary.
        server.add_observer(Box::new(Log::new(self.verbosity())));
        Ok((admin, lines))
    }
}

/// Shows what `server` does at the first address that `address` stands for.
fn show(address: &Address, seen: &Seen, server: &mut Server) -> Result<Admin, Failure> {
    let failed =
        |error| Failure::Failed(format!("cannot listen on {address} for --admin: {error}"));
    let found = address.resolve().map_err(failed)?[0];
    let admin = Admin::start(found, seen.clone()).map_err(failed)?;
    server.add_observer(Box::new(seen.metrics.clone()));
    server.add_observer(Box::new(seen.live.clone()));
    Ok(admin)
}

/// Says where it listens, on a thread of its own: a standard output that takes nothing, or that is full and
/// makes whoever writes wait, is no reason not to serve.
pub(super) fn announce(addresses: &[SocketAddr], admin: Option<SocketAddr>) -> io::Result<()> {
    let listening = addresses.iter().map(|address| format!("listening on {address}\n"));
    let admin = admin.map(|address| format!("admin on http://{address}/\n"));
    let lines: String = listening.chain(admin).collect();
    let tell = move || {
        let mut stdout = io::stdout().lock();
        if let Err(error) = stdout.write_all(lines.as_bytes()).and_then(|()| stdout.flush()) {
            tracing::warn!(%error, "cannot write to standard output");
        }
    };
    thread::Builder::new().name("announce".into()).spawn(tell).map(drop)
}
