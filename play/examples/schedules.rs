//! A thousand seeds, with a few clients of every kind at each of sixteen servers in turn, and everything that can go
//! wrong: proxies, standstills, several listeners and penalties, which no scenario has. Their events have to be the same
//! here and in WebAssembly.
//!
//! `schedules.mjs` is the other half for WebAssembly, and `.ci/run` compares the two.
#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::time::Duration;

use sha2::{Digest, Sha256};
use sockmodes::auth::{Challenge, Entry, Key, NonceLen, Scheme, Secret};
use sockmodes::server::{Config, Penalties};
use sockmodes::session::{Protocol, Service};
use sockmodes::sim::{Answer, Faults, Finale, Pieces, Rest, Script, Simulation};

/// What is drawn from.
const SEEDS: usize = 1000;
/// Clients of each server.
const CLIENTS: u64 = 24;
/// Where they connect, one after the other.
const LISTENERS: usize = 3;
/// What proxies send: for a client, in either version, and for themselves.
const HEADERS: [&[u8]; 3] = [
    b"PROXY TCP6 ::ffff:198.51.100.7 2001:db8::9 4660 9999\r\n",
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc6\x33\x64\x07\xc0\x00\x02\x01\x12\x34\x27\x0f",
    b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00",
];
/// Turns that no run needs.
const MOST_TURNS: usize = 100_000;

/// Outside of WebAssembly there is a standard output.
#[cfg(not(target_family = "wasm"))]
fn main() -> ExitCode {
    use std::io::Write;

    match std::io::stdout().write_all(all().as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// In WebAssembly without a system nothing is printed anywhere, and to export more than `main` would
/// take unsafe code. So what is there has to do: `main` can be called again and again, and each time
/// its exit status is the next byte; 0, which is in no text, is the end.
#[cfg(target_family = "wasm")]
fn main() -> ExitCode {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicUsize, Ordering};

    static TEXT: OnceLock<String> = OnceLock::new();
    static AT: AtomicUsize = AtomicUsize::new(0);

    let text = TEXT.get_or_init(all).as_bytes();
    text.get(AT.fetch_add(1, Ordering::Relaxed)).copied().map_or(ExitCode::SUCCESS, ExitCode::from)
}

/// Of all runs the events, a line for each run: how many there are, and a digest of all that the trace says of them.
fn all() -> String {
    let schemes = Scheme::ALL.into_iter().map(Some).chain([None]);
    let servers = schemes.flat_map(|scheme| Service::ALL.map(|service| (scheme, service)));
    let servers: Vec<_> = servers.collect();
    let mut text = String::new();
    for (seed, (scheme, service)) in (1..).zip(servers.into_iter().cycle().take(SEEDS)) {
        let (events, digest) = play(seed, scheme, service);
        text.push_str(&format!("seed {seed}: {scheme:?}, {service:?}, {events} events {digest}\n"));
    }
    text
}

fn play(seed: u64, scheme: Option<Scheme>, service: Service) -> (usize, String) {
    let mut simulation = Simulation::new(seed, config(scheme, service));
    let world = simulation.world();
    world.set_faults(faults());
    world.add_user("ann", "right");
    world.set_checks(2, Duration::from_millis(200));
    for number in 0..CLIENTS {
        world.connect(script(number, service), Duration::from_millis(number * 700));
    }
    world.stand_still_after(Duration::from_secs(5), 0, Duration::from_secs(3));
    world.stand_still_after(Duration::from_secs(11), 4, Duration::from_secs(12));
    world.stop_after(Duration::from_secs(40));
    simulation.run(MOST_TURNS);
    let events = simulation.events();
    let lines = events.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>();
    let lines = lines.expect("an event has only strings for keys").join("\n");
    let digest = Sha256::digest(lines.as_bytes());
    (events.len(), digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn config(scheme: Option<Scheme>, service: Service) -> Config {
    let entry = scheme.map_or(Entry::Open, |scheme| {
        let secret = Secret::new(b"known to both".to_vec()).expect("it is not empty");
        Entry::Challenge(Challenge::new(Key::new(scheme, &secret), NonceLen::default()))
    });
    let address = std::net::SocketAddr::from(([192, 0, 2, 1], 0));
    let mut config = Config::new(vec![address; LISTENERS], Protocol::new(entry, service));
    config.max_buffer = std::num::NonZeroUsize::new(16).expect("it is not zero");
    config.limits.pending_per_source = Some(3);
    let mut penalties = Penalties::default();
    penalties.min = Duration::from_secs(5);
    config.penalties = Some(penalties);
    // Some of the sources that there are.
    config.proxies = vec!["192.0.2.3".parse().expect("it is an address")];
    config
}

fn faults() -> Faults {
    let mut faults = Faults::default();
    (faults.interrupted, faults.pressure, faults.hurry) = (100, 100, 100);
    (faults.spurious, faults.stale, faults.urgent) = (50, 50, 50);
    (faults.aborted, faults.few_events) = (20, 200);
    faults
}

/// One manner after the other.
fn script(number: u64, service: Service) -> Script {
    let mut script = Script::new(match service {
        Service::Login => {
            br#"{"username":"ann","passwd":"wrong"}{"username":"ann","passwd":"right"}"#
        }
        _ => b"a line that is longer than every buffer on its way\nand another",
    });
    script.listener = number as usize;
    script.header = HEADERS[number as usize % HEADERS.len()].to_vec();
    script.answer =
        [Answer::Right, Answer::Right, Answer::Wrong(3), Answer::Short(9)][number as usize / 2 % 4];
    script.finale = [
        Finale::HalfClose,
        Finale::HalfCloseAfter(1),
        Finale::Close,
        Finale::Reset,
        Finale::Wait,
        Finale::Vanish,
    ][number as usize % 6];
    let pieces = |most| Pieces { most, pause: Duration::from_millis(300) };
    script.sending = [Pieces::WHOLE, pieces(7), pieces(1)][number as usize % 3];
    script.receiving = [pieces(5), Pieces::WHOLE][number as usize % 2];
    script.rest =
        number.is_multiple_of(5).then_some(Rest { after: 4, lasts: Duration::from_secs(3) });
    script.stubborn = number.is_multiple_of(7);
    (script.window, script.receive_buffer, script.send_buffer) = (10, 20, 20);
    script
}
