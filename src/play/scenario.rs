//! What is played: a server with its settings, the clients that come, what goes wrong, and which rules the
//! loop does without.
//!
//! Never here: how it is written (see `words.rs`), and what comes of it (`run.rs`).

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::time::Duration;

use super::manner::{Manner, USER};
use super::rule::Rule;
use crate::auth::{Challenge, Entry, Key, NonceLen, Scheme, Secret};
use crate::server::Config;
use crate::server::network::Signal;
use crate::session::{Protocol, Service};
use crate::sim::{Faults, World};

/// A scenario. It is written as a line for each client, setting, fault or rule to break:
///
/// ```
/// use sockmodes::play::Scenario;
///
/// let scenario: Scenario = "
///     service echo
///     send-buffer 512
///     3 legal
///     never-reads at 2s size 4KiB   # from here on it is a comment
///     break short-write
/// "
/// .parse()?;
/// assert_eq!(scenario.clients(), 4);
///
/// let error = "legal\nlagel".parse::<Scenario>().unwrap_err();
/// assert!(error.to_string().starts_with("line 2, 'lagel': "));
/// # Ok::<(), sockmodes::play::ScenarioError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    pub(super) service: Service,
    pub(super) scheme: Option<Scheme>,
    /// The server's two buffers in its kernel, and the client's.
    pub(super) receive_buffer: usize,
    pub(super) send_buffer: usize,
    pub(super) window: usize,
    pub(super) max_buffer: usize,
    pub(super) handshake_timeout: Duration,
    pub(super) idle_timeout: Duration,
    pub(super) write_timeout: Duration,
    pub(super) max_connections: Option<usize>,
    /// So many in a thousand calls.
    pub(super) interrupted: u32,
    pub(super) few_events: bool,
    /// How many there are for connections, and until when there are not more.
    pub(super) descriptors: Option<(usize, Option<Duration>)>,
    pub(super) hangup: Option<Duration>,
    pub(super) stop: Option<Duration>,
    /// How long a login is checked at most.
    pub(super) check_time: Duration,
    pub(super) broken: Vec<Rule>,
    pub(super) groups: Vec<Group>,
}

/// Clients of one manner that come together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) manner: Manner,
    pub(super) count: usize,
    pub(super) at: Duration,
    pub(super) size: usize,
}

/// How many logins are checked at once.
const CHECKS: usize = 4;

impl Default for Scenario {
    /// A server with small buffers, and nobody who comes.
    fn default() -> Scenario {
        Scenario {
            service: Service::Upper,
            scheme: Some(Scheme::HmacMd5),
            receive_buffer: 4096,
            send_buffer: 4096,
            window: 4096,
            max_buffer: 4096,
            handshake_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(30),
            max_connections: None,
            interrupted: 0,
            few_events: false,
            descriptors: None,
            hangup: None,
            stop: None,
            check_time: Duration::from_secs(1),
            broken: Vec::new(),
            groups: Vec::new(),
        }
    }
}

impl Scenario {
    /// How many clients come.
    pub fn clients(&self) -> usize {
        self.groups.iter().map(|group| group.count).sum()
    }

    /// Which rules the loop does without.
    pub fn broken(&self) -> &[Rule] {
        &self.broken
    }

    /// What the server is told at its start.
    pub(super) fn config(&self) -> Config {
        let entry = self.scheme.map_or(Entry::Open, |scheme| {
            let secret = Secret::new(b"known to both".to_vec()).expect("it is not empty");
            Entry::Challenge(Challenge::new(Key::new(scheme, &secret), NonceLen::default()))
        });
        let mut protocol = Protocol::new(entry, self.service);
        protocol.handshake_timeout = self.handshake_timeout.into();
        protocol.idle_timeout = self.idle_timeout.into();
        let address = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 9999));
        let mut config = Config::new(vec![address], protocol);
        config.max_buffer = NonZeroUsize::new(self.max_buffer).expect("it is at least some bytes");
        config.write_timeout = self.write_timeout.into();
        config.limits.connections = self.max_connections;
        // Clients come from few addresses, and one must not pay for another unless that is asked for.
        config.penalties = None;
        config
    }

    /// Has `world` do what the scenario says.
    pub(super) fn begin(&self, world: &World) {
        world.set_faults(Faults {
            interrupted: self.interrupted,
            few_events: if self.few_events { 1000 } else { 0 },
            descriptors: self.descriptors.map(|(most, _)| most),
            ..Faults::default()
        });
        world.add_user(USER.0, USER.1);
        world.set_checks(CHECKS, self.check_time);
        if let Some((_, Some(until))) = self.descriptors {
            world.free_descriptors_after(until);
        }
        for (when, signal) in [(self.hangup, Signal::Hangup), (self.stop, Signal::Stop)] {
            when.into_iter().for_each(|when| world.signal_after(when, signal));
        }
        let nonce_len = match &self.config().protocol.entry {
            Entry::Open => 0,
            Entry::Challenge(challenge) => challenge.nonce_len(),
        };
        for Group { manner, count, at, size } in &self.groups {
            for _ in 0..*count {
                let mut script = manner.script(self.service, *size, nonce_len);
                script.receive_buffer = self.receive_buffer;
                script.send_buffer = self.send_buffer;
                script.window = self.window;
                world.connect(script, *at);
            }
        }
    }
}
