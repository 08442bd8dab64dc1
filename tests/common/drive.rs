//! An event loop in a simulated network, as the tests set it up, and what they ask of it afterwards.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;

use sockmodes::auth::Scheme;
use sockmodes::observe::{Detail, Event, Record};
use sockmodes::server::Config;
use sockmodes::session::{Protocol, Reason, Service};
use sockmodes::sim::{ClientId, Faults, Script, Simulation};

use super::entry;
use super::model::{NAME, PASSWORD};

/// What the loop told of the end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    pub(crate) number: u64,
    pub(crate) reason: Reason,
    pub(crate) let_in: bool,
    pub(crate) received: u64,
    pub(crate) sent: u64,
}

/// A size for [`Config::max_buffer`].
pub(crate) fn buffer(bytes: usize) -> NonZeroUsize {
    NonZeroUsize::new(bytes).expect("a test has some")
}

/// The usual config for `scheme` and `service`, with nonces of 16 bytes.
pub(crate) fn config(scheme: Option<Scheme>, service: Service) -> Config {
    let protocol = Protocol::new(entry(scheme, 16), service);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut config = Config::new(vec![address], protocol);
    // The clients share a few addresses, and one does not pay for another unless that is the subject.
    config.penalties = None;
    config
}

/// A loop that serves as `config` says, in a world of `seed` and `faults`.
pub(crate) fn simulate(seed: u64, config: Config, faults: Faults, detail: Detail) -> Simulation {
    let simulation = Simulation::telling(seed, config, detail);
    simulation.world().set_faults(faults);
    simulation.world().add_user(NAME, PASSWORD);
    simulation
}

/// A client that sends `payload`, and what `change` makes of it.
pub(crate) fn script(payload: &[u8], change: impl FnOnce(&mut Script)) -> Script {
    let mut script = Script::new(payload);
    change(&mut script);
    script
}

/// What was told of connections that ended, in that order.
pub(crate) fn endings(simulation: &Simulation) -> Vec<Told> {
    let ending = |record: &Record| {
        let number = record.connection?;
        match record.event {
            Event::Closed { reason, let_in, received, sent, .. } => {
                Some(Told { number, reason, let_in, received, sent })
            }
            Event::Refused { reason, .. } => {
                Some(Told { number, reason, let_in: false, received: 0, sent: 0 })
            }
            _ => None,
        }
    };
    simulation.events().iter().filter_map(ending).collect()
}

/// The reason with which the connection of `client` ended.
pub(crate) fn reason(simulation: &Simulation, client: ClientId) -> Reason {
    let number = simulation.world().transcript(client).number;
    let ending = endings(simulation).into_iter().find(|told| told.number == number);
    ending.unwrap_or_else(|| panic!("connection {number} has not ended")).reason
}

/// What `client` got after the nonce.
pub(crate) fn got(simulation: &Simulation, client: ClientId) -> Vec<u8> {
    simulation.world().client(client).answers().to_vec()
}
