//! `sockmodes serve`: options in, a running server out. What it has to know of files is in `files.rs`, of
//! whoever has started it in `supervisor.rs`, of who watches it in `watch.rs`.

mod files;
mod supervisor;
mod watch;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::ArgAction;
use nix::sys::signal::{SigSet, Signal};
use signal_hook::consts::{SIGHUP, SIGXFSZ};
use sockmodes::auth::{Challenge, Entry, FixedNonce, IfMissing, Key, NonceError, NonceLen};
use sockmodes::auth::{Secret, UserFile};
use sockmodes::observe::Admin;
use sockmodes::observe::log::{self, Format, Verbosity};
use sockmodes::server::{Config, Limits, Outcome, Penalties, Server, Subnet};
use sockmodes::session::{Protocol, Timeout};

use super::files::{Open, input, output};
use super::values::{Address, Auth, BufferSize, Limit, Offer, Penalty, Pending};
use super::values::{number, say_back, timeout};
use super::{Done, Failure};
use files::{connections_for, raise_open_files};
use supervisor::Supervisor;
use watch::announce;

/// Where it listens if it is told nothing of that.
const DEFAULT: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 9999);
/// The usual time to be let in.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// The time to be let in where that takes a login.
const LOGIN: Duration = Duration::from_secs(2 * 60);

#[derive(clap::Args)]
pub(super) struct Args {
    /// Where to listen; may be repeated; port 0 lets the kernel pick one [default: 127.0.0.1:9999, if
    /// no supervisor has passed a socket]
    #[arg(long, value_name = "ADDR")]
    listen: Vec<Address>,
    /// Let other processes, started with this option, too, listen at the same addresses
    #[arg(long)]
    reuse_port: bool,
    /// How a client proves that it holds the secret
    #[arg(long, value_enum, default_value = "hmac-md5")]
    auth: Auth,
    /// Random bytes of a nonce, 8 to 64
    #[arg(long, value_name = "BYTES", value_parser = number::<usize>, default_value = "32")]
    nonce_len: usize,
    /// Send this text in place of a random nonce, to show a replay (with --auth md5 only)
    #[arg(long, value_name = "TEXT", conflicts_with = "nonce_len")]
    fixed_nonce: Option<String>,
    /// What a client gets once it is let in
    #[arg(long, value_enum, default_value = "upper")]
    service: Offer,
    /// The file of users who can log in, with --service login: on each line a name, a '|' and a
    /// hash
    #[arg(long, value_name = "FILE", value_parser = input())]
    users: Option<PathBuf>,
    /// How many logins may fail on one connection
    #[arg(long, value_name = "N", default_value = "6")]
    max_tries: Limit,
    /// The file with the secret [default: $SOCKMODES_SECRET, else sockmodes/secret in the
    /// configuration directory, made on first use]
    #[arg(long, value_name = "FILE", value_parser = input())]
    secret_file: Option<PathBuf>,
    /// How long a client may take to be let in, from accept [default: 10s; 2m for --service login
    /// with --auth none, where a person types]
    #[arg(long, value_name = "TIME", value_parser = timeout)]
    handshake_timeout: Option<Timeout>,
    /// How long a client that is owed nothing may stay silent
    #[arg(long, value_name = "TIME", value_parser = timeout, default_value = "5m")]
    idle_timeout: Timeout,
    /// How long a client's kernel may acknowledge nothing of what it is sent
    #[arg(long, value_name = "TIME", value_parser = timeout, default_value = "30s")]
    write_timeout: Timeout,
    /// How long, told to stop, the server still takes and serves new connections while /healthz says 503
    #[arg(long, value_name = "TIME", value_parser = timeout, default_value = "none")]
    grace: Timeout,
    /// How long everybody has to take what they are owed when the server stops
    #[arg(long, value_name = "TIME", value_parser = timeout, default_value = "5s")]
    drain_timeout: Timeout,
    /// The most connections in all [default: what the limit of open files allows]
    #[arg(long, value_name = "N")]
    max_connections: Option<Limit>,
    /// Connections that are not let in yet: from START on some are refused, RATE percent and rising,
    /// from FULL on all
    #[arg(long, value_name = "START:RATE:FULL", default_value = "100:30:1000")]
    max_pending: Pending,
    /// The same for one source, an IPv4 address or an IPv6 /64 [default: 64, loopback exempt]
    #[arg(long, value_name = "N")]
    max_pending_per_source: Option<Limit>,
    /// How long a source is refused after a failed try, an end without one, a timeout; from what
    /// sum on, and up to what; for how many sources; or none [default:
    /// authfail:5s,noauth:1s,timeout:10s,min:15s,max:10m,max-sources:65536, and not for loopback]
    #[arg(long, value_name = "LIST")]
    penalty: Option<Penalty>,
    /// Connections from there begin with a PROXY protocol header, version 1 or 2, that says whose they
    /// are; an address or ADDRESS/BITS; may be repeated
    #[arg(long, value_name = "SOURCES")]
    proxy_protocol: Vec<Subnet>,
    /// The most bytes kept for a client that does not take its answers
    #[arg(long, value_name = "SIZE", default_value = "256KiB")]
    max_buffer: BufferSize,
    /// Show the loop at work, its metrics and its health over HTTP; a bare port is at 127.0.0.1
    #[arg(long, value_name = "ADDR", value_parser = Address::on_loopback)]
    admin: Option<Address>,
    /// Write every event of the loop to this file, one JSON object a line; SIGHUP opens it anew
    #[arg(long, value_name = "FILE", value_parser = output())]
    trace: Option<PathBuf>,
    /// Log every change of state; twice: every readiness and system call
    #[arg(short, action = ArgAction::Count)]
    verbose: u8,
    /// Log warnings and errors only
    #[arg(short, conflicts_with = "verbose")]
    quiet: bool,
    /// How the log looks
    #[arg(long, value_name = "FORMAT", value_parser = ["text", "json"], default_value = "text")]
    log_format: String,
}

pub(super) fn run(args: Args) -> Done {
    let passed = supervisor::passed();
    take_signals()?;
    let files = raise_open_files();
    let nonces = args.nonces()?;
    let users = args.users()?;
    let entry = args.entry(nonces)?;
    args.check_outputs()?;
    let lines = log::try_init(args.verbosity(), args.format())?;
    let passed = passed?;
    let mut config = args.config(args.addresses(&passed)?, entry);
    let supervisor = Supervisor::find();
    config.heartbeat = supervisor.as_ref().map_or(Timeout::NEVER, |_| Supervisor::heartbeat());
    let mut server = Server::bind_beside(passed, config)?;
    if let Some(users) = users {
        server.set_users(Arc::new(users));
    }
    let (admin, trace_lines) = args.observe(&mut server, &lines)?;
    if args.max_connections.is_none() {
        let listeners = server.local_addrs().len();
        server.limit_connections(connections_for(files, listeners, admin.as_ref()));
    }
    args.warn();
    announce(server.local_addrs(), admin.as_ref().map(Admin::address))
        .map_err(cannot("start a thread"))?;
    if let Some(mut supervisor) = supervisor {
        supervisor.ready().map_err(cannot("tell the supervisor"))?;
        server.add_observer(Box::new(supervisor));
    }
    let outcome = server.run().map_err(cannot("serve"))?;
    warn_of_lost(lines.dropped() + trace_lines.as_ref().map_or(0, |lines| lines.dropped()));
    // What is queued is written before the exit.
    drop((admin, trace_lines, lines));
    match outcome {
        Outcome::Drained => Ok(ExitCode::SUCCESS),
        Outcome::Forced => Ok(ExitCode::FAILURE),
    }
}

/// Has signals come, and none of them end the server that should not.
fn take_signals() -> Result<(), Failure> {
    // Whoever started it may have blocked them, and a mask is inherited: by every thread, too.
    SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP])
        .thread_unblock()
        .map_err(|errno| cannot("unblock signals")(errno.into()))?;
    // It never ends the server, so it doesn't end one that is still starting either.
    signal_hook::flag::register(SIGHUP, Arc::default()).map_err(cannot("catch signals"))?;
    // A trace or a log that has reached a limit of size costs lines, as on a full disk.
    signal_hook::flag::register(SIGXFSZ, Arc::default()).map_err(cannot("catch signals"))?;
    Ok(())
}

fn cannot(what: &str) -> impl FnOnce(io::Error) -> Failure {
    move |error| Failure::Failed(format!("cannot {what}: {error}"))
}

fn warn_of_lost(dropped: u64) {
    if dropped > 0 {
        tracing::warn!(dropped, "lines of the log or the trace were lost");
    }
}

impl Args {
    fn warn(&self) {
        if let Some(nonce) = &self.fixed_nonce {
            let bytes = nonce.len();
            tracing::warn!(
                bytes,
                "the nonce is fixed: whoever overhears one digest can come in with it"
            );
        }
        if let Some(Open { path, mode, what }) = self.open_secret() {
            let file = path.display().to_string();
            tracing::warn!(file, mode, "others may {what} the secret file");
        }
        say_back("--handshake-timeout", self.handshake_timeout());
        say_back("--idle-timeout", self.idle_timeout);
        say_back("--write-timeout", self.write_timeout);
        say_back("--grace", self.grace);
        say_back("--drain-timeout", self.drain_timeout);
        if let Some(Penalty(Some(terms))) = self.penalty {
            say_back("--penalty", terms.max.into());
        }
    }

    /// What is asked of the nonces: looked at before the secret, which may have to be made.
    fn nonces(&self) -> Result<(NonceLen, Option<FixedNonce>), Failure> {
        let usage = |error: NonceError| Failure::Usage(error.to_string());
        let len = NonceLen::new(self.nonce_len).map_err(usage)?;
        let fixed = self.fixed_nonce.as_ref().map(|nonce| FixedNonce::new(nonce.as_bytes()));
        if fixed.is_some() && self.auth != Auth::Md5 {
            return Err(Failure::Usage("--fixed-nonce goes with --auth md5 only".into()));
        }
        Ok((len, fixed.transpose().map_err(usage)?))
    }

    fn entry(&self, (len, fixed): (NonceLen, Option<FixedNonce>)) -> Result<Entry, Failure> {
        let Some(scheme) = self.auth.scheme() else { return Ok(Entry::Open) };
        let secret = Secret::find(self.secret_file.as_deref(), IfMissing::Make)?;
        Ok(Entry::Challenge(match fixed {
            Some(nonce) => Challenge::fixed(&secret, nonce),
            None => Challenge::new(Key::new(scheme, &secret), len),
        }))
    }

    fn users(&self) -> Result<Option<UserFile>, Failure> {
        match (&self.users, self.service) {
            (Some(file), Offer::Login) => Ok(Some(UserFile::open(file)?)),
            (None, Offer::Login) => Err(Failure::Usage("--service login needs --users".into())),
            (Some(_), _) => Err(Failure::Usage("--users goes with --service login only".into())),
            (None, _) => Ok(None),
        }
    }

    fn handshake_timeout(&self) -> Timeout {
        let usual =
            if (self.auth, self.service) == (Auth::None, Offer::Login) { LOGIN } else { HANDSHAKE };
        self.handshake_timeout.unwrap_or(usual.into())
    }

    fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, 0) => Verbosity::Normal,
            (false, 1) => Verbosity::States,
            (false, 2..) => Verbosity::Calls,
        }
    }

    fn format(&self) -> Format {
        if self.log_format == "json" { Format::Json } else { Format::Text }
    }

    /// One address for each `--listen`, the first that its name stands for, as in Python's `bind`; the usual
    /// one if there is nothing to listen on.
    fn addresses(&self, passed: &[TcpListener]) -> Result<Vec<SocketAddr>, Failure> {
        if self.listen.is_empty() && passed.is_empty() {
            return Ok(vec![DEFAULT.into()]);
        }
        let resolve = |address: &Address| match address.resolve() {
            Ok(found) => Ok(found[0]),
            Err(error) => Err(Failure::Failed(format!("cannot listen on {address}: {error}"))),
        };
        self.listen.iter().map(resolve).collect()
    }

    fn config(&self, listen: Vec<SocketAddr>, entry: Entry) -> Config {
        let mut protocol = Protocol::new(entry, self.service.into());
        protocol.handshake_timeout = self.handshake_timeout();
        protocol.idle_timeout = self.idle_timeout;
        protocol.max_tries = self.max_tries.0;
        let mut limits = Limits::default();
        limits.connections = self.max_connections.and_then(|n| n.0);
        limits.pending = self.max_pending.0;
        if let Some(limit) = self.max_pending_per_source {
            // Whoever asks for it wants to see it, on this machine too.
            limits.pending_per_source = limit.0;
            limits.loopback = true;
        }
        let mut config = Config::new(listen, protocol);
        config.reuse_port = self.reuse_port;
        config.limits = limits;
        config.penalties = self.penalty.map_or(Some(Penalties::default()), |penalty| penalty.0);
        config.proxies = self.proxy_protocol.clone();
        config.max_buffer = self.max_buffer.0;
        config.write_timeout = self.write_timeout;
        config.grace = self.grace.duration();
        config.drain_timeout = self.drain_timeout;
        config
    }
}
