//! A network that is only simulated, to try a loop in: TCP with small buffers, edges as epoll reports
//! them, everything that can go wrong, and a clock that nobody waits for, all of it drawn from a seed.
//!
//! A [`World`] takes the place of the operating system under an
//! [`EventLoop`](crate::server::EventLoop). In it are clients, each with a [`Script`], and whoever checks
//! logins. What goes wrong, [`Faults`] say. The clock moves when the loop waits, to the next thing that
//! is scheduled or to the loop's own deadline, and otherwise only where the server's process is made to
//! [stand still](World::stand_still_after): an hour of silence takes no time.
//! Afterwards there is a [`Client`] for what each client saw, a [`Transcript`] for what the server's
//! kernel saw, and the [events](crate::observe::Event) that the loop told. The same seed, the same
//! calls and the same version of this crate give the same of all three, on every machine.
//!
//! ```
//! use std::time::Duration;
//!
//! use sockmodes::auth::{Challenge, Entry, Key, NonceLen, Scheme, Secret};
//! use sockmodes::server::Config;
//! use sockmodes::session::{Protocol, Service};
//! use sockmodes::sim::{End, Faults, Pieces, Script, Simulation};
//!
//! fn play(seed: u64) -> Result<String, Box<dyn std::error::Error>> {
//!     let key = Key::new(Scheme::HmacSha256, &Secret::new(b"known to both".to_vec())?);
//!     let entry = Entry::Challenge(Challenge::new(key, NonceLen::default()));
//!     let protocol = Protocol::new(entry, Service::Upper);
//!     let mut simulation = Simulation::new(seed, Config::new(vec!["[::1]:0".parse()?], protocol));
//!
//!     // Every second call is interrupted, and whatever the client sends comes a few bytes at a time.
//!     let mut faults = Faults::default();
//!     faults.interrupted = 500;
//!     simulation.world().set_faults(faults);
//!     let mut script = Script::new(b"hello");
//!     script.sending = Pieces { most: 4, pause: Duration::from_secs(1) };
//!
//!     let client = simulation.connect(script);
//!     simulation.run(1000);
//!     let client = simulation.world().client(client);
//!     assert_eq!((client.answers(), client.end), (&b"HELLO"[..], Some(End::Eof)));
//!     Ok(format!("{:#?}", simulation.events()))
//! }
//!
//! let events = play(7)?;
//! assert!(events.contains("Received") && events.contains("EINTR"));
//! assert_eq!(play(7)?, events); // the same at each play
//! assert_ne!(play(8)?, events);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What panics
//!
//! The simulated kernel knows what a loop must never do, and panics when one does:
//!
//! - it goes to sleep while somebody waits for `accept`, while there is something to read that it
//!   has been told of and nothing is owed before it, while it owes something and could send it, or
//!   with an error that it has not seen: no edge would ever tell it again, so it has forgotten
//!   somebody;
//! - after a turn, it does not agree with itself
//!   ([`assert_consistent`](crate::server::EventLoop::assert_consistent));
//! - it waits for ever and nothing will happen any more, but somebody is still connected;
//! - it accepts from one listener twice while it knows that somebody waits at another, which has had no
//!   turn in between;
//! - it registers a connection twice, shuts down a sending side twice, accepts after it has closed
//!   its listeners, or submits a login where there is no room, or a second one of a connection.
//!
//! What it should have *said* is for the test to know. Whoever wants to see what comes of it has the world
//! [put up with it](World::put_up_with_wrongs), as far as a world can.

mod buffers;
mod calls;
mod client;
mod faults;
mod listener;
mod network;
mod owed;
mod script;
mod simulation;
mod socket;
mod standstill;
mod state;
mod transcript;
mod verifier;
mod wire;
mod world;
mod wrong;

pub use buffers::Buffers;
pub use client::{Client, End};
pub use faults::Faults;
pub use network::{SimFound, SimNetwork, SimStream};
pub use script::{Answer, Finale, Pieces, Rest, Script};
pub use simulation::Simulation;
pub use transcript::{Arrival, Moved, Transcript};
pub use verifier::SimVerifier;
pub use world::{Calls, ClientId, World};
pub use wrong::Wrong;
