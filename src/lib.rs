//! A non-blocking challenge-response server on one loop, and Python's three socket modes, to run, to
//! read and to learn from.
//!
//! Whoever connects is sent fresh random bytes, the *nonce*, and has to answer with a *digest* that
//! only a holder of the secret can compute from it. Then a small service begins. That much is ten
//! lines in any language; here it is done for thousands of connections at once, on one thread, with
//! clients that are slow, silent, rude or gone.
//!
//! # Four ideas
//!
//! 1. **A conversation is a value.** A [`Session`](session::Session) is given bytes and the time,
//!    and gives back bytes and a deadline. It has no socket, no clock and no random numbers, so a
//!    test can put it through any network and any hour.
//! 2. **The loop knows nothing.** The [`EventLoop`](server::EventLoop) moves bytes between sockets
//!    and sessions and watches their deadlines: one thread, one `mio::Poll`, one slab. It could not
//!    say what a nonce is.
//! 3. **A socket has a mode**, one of three: it waits, it never waits, or it waits up to a limit.
//!    [`socket`] does with each what CPython does, and is [compared with CPython][as-python] case by case.
//! 4. **Nothing is secret** but the secret. The loop tells what it does as one stream of
//!    [events](observe::Event), and the log, the trace, the metrics and the live page all read that
//!    stream.
//!
//! [as-python]: https://github.com/sockmodes/sockmodes/blob/HEAD/docs/src/as_python.md
//!
//! # The loop
//!
//! ```text
//!            ┌──────────────────────── a turn ────────────────────────┐
//!            │                                                        │
//!   wait ──▶ serve those ready, then those left over ────▶ accept ──▶ meet deadlines ──▶ wait …
//!                      │                                     │              │
//!                      ▼                                     ▼              ▼
//!                              Session: bytes and a time in,
//!                                       bytes and a deadline out
//! ```
//!
//! Readiness is edge-triggered: the kernel says once that a socket *has become* ready. A connection
//! remembers it until a call shows the contrary, and every way out of its turn names what will
//! bring it back. Logins are checked by other threads: once a turn has served the connections, it
//! takes the verdicts that have come, and at its end it hands over new logins. The book (`docs/`)
//! goes through it rule by rule.
//!
//! # The map
//!
//! | module | what it is | never in it |
//! | --- | --- | --- |
//! | [`auth`] | who may come in: schemes, secrets, nonces, digests | sockets, clocks |
//! | [`session`] | what one connection says and hears, and the [table](session::TRANSITIONS) of its states | sockets, clocks |
//! | [`server`] | the loop, and what it needs from an [operating system](server::network) | nonces, services |
//! | [`observe`] | the stream of events, the [log](observe::log), the [trace](observe::Trace), the [metrics](observe::Metrics), the [live page](observe::Admin) | secrets, payload |
//! | [`socket`] | Python's three modes on a real socket | loops |
//! | [`client`] | the blocking client, built on [`socket`] | terminals |
//! | [`check`] | any server of this protocol, tried from outside | [`server`] |
//! | [`sim`] | a network that is only simulated, to try the loop in | sockets, clocks, what the right answers are |
//! | [`play`] | scenarios for the page: a simulated loop, asked in JSON, with rules to break | sockets, clocks |
//!
//! Imports run one way: `play` knows `sim` and all that `sim` knows; `sim` knows `server` and all that `server` knows; `server` knows `session`,
//! `observe` and what `auth` hands out, `session` knows `auth`, `client` knows `socket` and `auth`;
//! `check` knows `client`, `socket` and `auth`; `auth` and `socket` know none of the others.
//!
//! # Features
//!
//! | feature | what it adds |
//! | --- | --- |
//! | `log` | the [log](observe::log) |
//! | `metrics` | the [metrics](observe::Metrics) |
//! | `admin` | the [admin address](observe::Admin) with the live page, and `metrics` |
//! | `cli`, by default | the program, [`check`], and all of these |
//!
//! Without any of them (`default-features = false`) there is everything else, with half the crates.
//! What needs no operating system can also be built for `wasm32-unknown-unknown`: [`session`], the
//! [loop](server::EventLoop), [`sim`], [`play`], and [`auth`] and [`observe`] as far as they touch no file.
//!
//! Where something is as it is because it was so in *the source document*, that is a Chinese course on
//! Python's sockets, from which this grew; its programs still work (`tests/seed/`).
//!
//! # A server and its client
//!
//! ```
//! use std::time::Duration;
//!
//! use sockmodes::auth::{Challenge, Entry, Key, NonceLen, Scheme, Secret};
//! use sockmodes::client::{Client, ClientError};
//! use sockmodes::server::{Config, Outcome, Server};
//! use sockmodes::session::{Protocol, Service};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key = Key::new(Scheme::HmacSha256, &Secret::new(b"known to both".to_vec())?);
//! let challenge = Challenge::new(key.clone(), NonceLen::new(32)?);
//! let protocol = Protocol::new(Entry::Challenge(challenge), Service::Upper);
//!
//! let server = Server::bind(Config::new(vec!["127.0.0.1:0".parse()?], protocol))?;
//! let (address, handle) = (server.local_addr(), server.handle());
//! let running = std::thread::spawn(move || server.run());
//!
//! // A client that holds the secret gets an answer …
//! let patience = Some(Duration::from_secs(5));
//! let mut reply = Vec::new();
//! Client::connect(&[address], Some(&key), 32, patience)?.exchange(b"hello", |part| {
//!     reply.extend_from_slice(part);
//!     Ok(())
//! })?;
//! assert_eq!(reply, b"HELLO");
//!
//! // … and one that doesn't, doesn't.
//! let guess = Key::new(Scheme::HmacSha256, &Secret::new(b"a guess".to_vec())?);
//! let refused = Client::connect(&[address], Some(&guess), 32, patience)
//!     .and_then(|mut client| client.exchange(b"hello", |_| Ok(())));
//! assert!(matches!(refused, Err(ClientError::RefusedBeforeReply)));
//!
//! handle.stop();
//! assert_eq!(running.join().unwrap()?, Outcome::Drained);
//! # Ok(())
//! # }
//! ```
//!
//! # What it protects
//!
//! The client proves once, at the start of a connection, that it holds the secret. The server proves
//! nothing, nothing that follows is encrypted or protected from change, and a digest can be relayed
//! while it is fresh. For anything that matters, use TLS.
#![forbid(unsafe_code)]
// Where docs.rs builds the pages, each item says which feature it needs.
#![cfg_attr(docsrs, feature(doc_cfg), doc(auto_cfg(hide(unix, target_family = "wasm"))))]

#[cfg(not(any(unix, target_family = "wasm")))]
compile_error!("sockmodes needs a Unix: it is about the sockets of Unix and their modes");

// What needs an operating system, and is one by half.
#[cfg(all(unix, feature = "cli"))]
pub mod check;
#[cfg(unix)]
pub mod client;
#[cfg(unix)]
pub mod socket;

// What WebAssembly can do as well; in some of these, a part stands behind `cfg(unix)`.
#[cfg(any(unix, target_family = "wasm"))]
pub mod auth;
#[cfg(any(unix, target_family = "wasm"))]
pub mod observe;
#[cfg(any(unix, target_family = "wasm"))]
pub mod play;
#[cfg(any(unix, target_family = "wasm"))]
pub mod server;
#[cfg(any(unix, target_family = "wasm"))]
pub mod session;
#[cfg(any(unix, target_family = "wasm"))]
pub mod sim;
