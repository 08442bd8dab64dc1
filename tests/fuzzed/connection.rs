//! The whole event loop in a network that does whatever the bytes say (`script.rs`): it never panics or spins, keeps no
//! more for a peer than it may, says only what the model says, and has nothing left in the end.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use sockmodes::auth::Scheme;
use sockmodes::observe::Events;
use sockmodes::server::{Config, EventLoop, Limits, MaxPending};
use sockmodes::session::{Protocol, Service};

use super::model::verdict;
use super::script::{NONCE_LEN, Record, network};
use super::{SCHEMES, entry};

const SERVICES: [Service; 4] = [Service::Upper, Service::Echo, Service::UpperOnce, Service::Login];
const MAX_BUFFER: usize = 4 * 1024;
/// Turns that are more than any script needs once it is over: the longest deadline is five minutes.
const MOST_TURNS: usize = 1000;

pub(crate) fn check(data: &[u8]) {
    let Some((how, script)) = data.split_first() else { return };
    let (scheme, service) = (SCHEMES[usize::from(how & 3)], SERVICES[usize::from(how >> 2 & 3)]);
    let config = config(scheme, service, how & 0x10 != 0);
    let (world, network) = network(script, scheme);
    let stop = Arc::new(AtomicBool::new(false));
    let mut event_loop = EventLoop::new(network, config, Events::default(), stop);
    let mut found = Vec::new();
    let over = (0..data.len() + MOST_TURNS).any(|_| {
        let outcome = event_loop.turn(&mut found).expect("waiting never fails here");
        assert!(event_loop.owed() <= event_loop.connections() * MAX_BUFFER, "it owes too much");
        outcome.is_some()
    });
    assert!(over, "it does not stop");
    assert!(event_loop.is_idle(), "something is left");
    for record in &world.borrow().records {
        check_record(record, scheme, service);
    }
}

fn config(scheme: Option<Scheme>, service: Service, limited: bool) -> Config {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut config = Config::new(vec![address], Protocol::new(entry(scheme, NONCE_LEN), service));
    config.max_buffer = NonZeroUsize::new(MAX_BUFFER).expect("it is not zero");
    if limited {
        config.limits = Limits::NONE;
        config.limits.connections = Some(4);
        config.limits.pending = Some(MaxPending::new(1, 30, 3).expect("in order"));
        config.limits.pending_per_source = Some(2);
    }
    config
}

/// What a connection was sent is a beginning of what it is owed for what was heard from it.
fn check_record(record: &Record, scheme: Option<Scheme>, service: Service) {
    let nonce_len = if scheme.is_none() { 0 } else { NONCE_LEN };
    let Some((nonce, answer)) = record.sent.split_at_checked(nonce_len) else { return };
    if service == Service::Login {
        // Nobody can log in here.
        assert!(answer.chunks(7).all(|one| b"failed!".starts_with(one)));
        return;
    }
    let expected = verdict(scheme, service, nonce, &record.heard, record.end_heard).answer;
    assert!(expected.starts_with(answer), "it says what nobody is owed");
}
