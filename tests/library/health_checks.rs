//! Proxies and monitors that look whether anybody is there, in a simulated network: ten minutes of it.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sockmodes::auth::Scheme;
use sockmodes::observe::log::{Log, Verbosity};
use sockmodes::observe::{Detail, Event, Events, Observer, Record};
use sockmodes::server::{Config, EventLoop, Penalties};
use sockmodes::session::{Reason, Service};
use sockmodes::sim::{Finale, Script, Simulation, World};
use tracing::subscriber::with_default;

use crate::common::drive::{config, script};

/// Two of each of the five sources that there are, every tenth of a second: twice as often as HAProxy looks.
const AT_ONCE: u32 = 10;
const EVERY: Duration = Duration::from_millis(100);
const LASTS: Duration = Duration::from_secs(600);
const MOST_TURNS: usize = 1_000_000;

const CHECKS: u32 = AT_ONCE * (LASTS.as_millis() / EVERY.as_millis()) as u32;

/// What was told, as lines of the log and as events.
#[derive(Clone, Default)]
struct Told {
    log: Arc<Mutex<Vec<u8>>>,
    endings: Arc<Mutex<Vec<Reason>>>,
    penalties: Arc<Mutex<usize>>,
}

impl io::Write for Told {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.log.lock().unwrap().write(line)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Observer for Told {
    fn detail(&self) -> Detail {
        Detail::Life
    }

    fn observe(&mut self, record: &Record) {
        match record.event {
            Event::Refused { reason, .. } | Event::Closed { reason, .. } => {
                self.endings.lock().unwrap().push(reason);
            }
            Event::Penalty { .. } => *self.penalties.lock().unwrap() += 1,
            _ => {}
        }
    }
}

impl Told {
    /// How many lines are about a connection, or count some.
    fn lines(&self) -> usize {
        let log = self.log.lock().unwrap();
        String::from_utf8_lossy(&log).lines().filter(|line| line.contains("conn")).count()
    }
}

/// The usual server, which penalizes, and whom ten minutes of such clients come to.
fn play(scheme: Option<Scheme>, service: Service, looks: &Script) -> Told {
    let mut config = config(scheme, service);
    config.penalties = Some(Penalties::default());
    config.proxies = proxies(looks);
    let told = Told::default();
    let log = told.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || log.clone());
    with_default(subscriber.finish(), || run(config, looks, &told));
    // Of some, accept said only that they are gone already.
    assert!(told.endings.lock().unwrap().len() > CHECKS as usize / 3);
    told
}

fn proxies(looks: &Script) -> Vec<sockmodes::server::Subnet> {
    let everywhere = "192.0.2.0/24".parse().unwrap();
    if looks.header.is_empty() { Vec::new() } else { vec![everywhere] }
}

fn run(config: Config, looks: &Script, told: &Told) {
    let world = World::new(1, &config);
    let mut events = Events::default();
    events.add(Box::new(Log::new(Verbosity::Normal)));
    events.add(Box::new(told.clone()));
    let event_loop = EventLoop::new(world.network(), config, events, world.stop_flag())
        .with_verifier(Box::new(world.verifier()));
    world.look_every(1000);
    for number in 0..CHECKS {
        world.connect(looks.clone(), EVERY * (number / AT_ONCE));
    }
    Simulation::of(world, event_loop).run(MOST_TURNS);
}

/// The ways in which somebody leaves who only looks. HAProxy resets.
fn ways() -> [Script; 3] {
    [Finale::Reset, Finale::Close, Finale::HalfClose]
        .map(|finale| script(b"", |script| (script.stops_after, script.finale) = (0, finale)))
}

#[test]
fn who_only_looks_is_never_refused_and_does_not_fill_the_log() {
    for scheme in [Some(Scheme::HmacMd5), None] {
        for (service, looks) in
            [Service::Upper, Service::Login, Service::UpperOnce].into_iter().zip(ways())
        {
            let told = play(scheme, service, &looks);
            let endings = told.endings.lock().unwrap();
            let left = [Reason::Reset, Reason::Done, Reason::ShortDigest];
            let others: Vec<_> = endings.iter().filter(|reason| !left.contains(reason)).collect();
            assert!(others.is_empty(), "{others:?}");
            assert_eq!(*told.penalties.lock().unwrap(), 0);
            // None, unless the machine stood still for a second while somebody was there.
            assert!(told.lines() < 100, "{} lines", told.lines());
        }
    }
}

#[test]
fn a_proxy_s_own_are_served_all_the_time_and_are_not_in_the_log() {
    let local = b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00";
    for header in [&local[..], b"PROXY UNKNOWN\r\n", b"PROXY TCP4 198.51.100.7 192.0.2.1 1 2\r\n"] {
        let is_own = !header.ends_with(b"1 2\r\n");
        // The proxy's own may say what they like; whom somebody else has asked to look, nothing.
        let looks = script(b"", |script| {
            script.header = header.to_vec();
            script.stops_after = header.len() + if is_own { 3 } else { 0 };
            script.finale = Finale::Reset;
        });
        let told = play(Some(Scheme::HmacMd5), Service::Upper, &looks);
        let mut endings = told.endings.lock().unwrap().clone();
        endings.retain(|reason| *reason != Reason::Reset);
        // The one client looks a hundred times a second: half of that is too often.
        assert_eq!(endings.is_empty(), is_own, "{:?}", endings.first());
        assert_eq!(*told.penalties.lock().unwrap() == 0, is_own);
        assert!(!is_own || told.lines() < 100, "{} lines", told.lines());
    }
}

#[test]
fn who_looks_too_often_is_refused_and_who_says_a_word_is_told() {
    // Twenty a second of each source, and a byte.
    let speaks = script(b"", |script| (script.stops_after, script.finale) = (1, Finale::HalfClose));
    let told = play(Some(Scheme::HmacMd5), Service::Upper, &speaks);
    assert!(told.endings.lock().unwrap().contains(&Reason::Penalized));
    assert!(told.lines() > 1000, "{} lines", told.lines());
}
