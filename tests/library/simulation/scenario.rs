//! Scenarios drawn from a seed: a config, faults, and clients with all kinds of manners.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sockmodes::auth::Scheme;
use sockmodes::server::{Config, MaxPending, Penalties};
use sockmodes::session::{Service, Timeout};
use sockmodes::sim::{Answer, Faults, Finale, Pieces, Rest, Script};

use super::{proxies, standstills};
use crate::common::SCHEMES;
use crate::common::drive::{buffer, config};
use crate::common::model::{NAME, PASSWORD, verdict};

/// One schedule, ready to be played.
pub(crate) struct Scenario {
    pub(crate) config: Config,
    pub(crate) faults: Faults,
    /// Clients, each with when it connects.
    pub(crate) clients: Vec<(Script, Duration)>,
    /// When the server is stopped, and whether by a signal.
    pub(crate) stops: Vec<(Duration, bool)>,
    /// When the process stands still.
    pub(crate) standstills: Vec<Stop>,
    /// When descriptors become free, if there are few.
    pub(crate) descriptors_free: Duration,
    /// Logins that are checked at once, and for how long at most.
    pub(crate) checks: (usize, Duration),
}

/// The process stands still: `when` or so many of its calls later, and how long.
pub(crate) struct Stop {
    pub(crate) when: Duration,
    pub(crate) calls: u32,
    pub(crate) lasts: Duration,
}

/// The scenario of `seed` with about `clients` clients.
pub(crate) fn scenario(seed: u64, clients: usize) -> Scenario {
    let rng = &mut StdRng::seed_from_u64(seed ^ 0x5eed);
    let scheme = SCHEMES[rng.random_range(0..4)];
    let service = one_of(rng, &[Service::Upper, Service::Echo, Service::UpperOnce, Service::Login]);
    let crowd = clients > 10;
    let mut scenario = Scenario {
        config: draw_config(rng, scheme, service, crowd),
        faults: draw_faults(rng, clients),
        clients: Vec::new(),
        stops: Vec::new(),
        standstills: Vec::new(),
        descriptors_free: milliseconds(rng, 30_000),
        checks: (
            one_of(rng, &[1, 2, 4]),
            Duration::from_millis(one_of(rng, if crowd { &[0, 3] } else { &[0, 5, 400] })),
        ),
    };
    let spread = match crowd {
        true => one_of(rng, &[0, 1000, 20_000]),
        false => one_of(rng, &[0, 0, 3, 5, 500]),
    };
    let never = scenario.config.protocol.idle_timeout == Timeout::NEVER;
    for _ in 0..clients {
        let mut script = draw_script(rng, scheme, service, crowd);
        // Nothing would ever end these.
        if never && matches!(script.finale, Finale::Wait | Finale::Vanish) {
            script.finale = Finale::HalfClose;
        }
        scenario.clients.push((script, milliseconds(rng, spread)));
    }
    scenario.faults.unable = one_of(rng, &[0, 0, 0, 30]);
    draw_stops(rng, &mut scenario);
    // Each with numbers of its own, so that the rest of a schedule is what it was.
    draw_large(seed, scheme, service, &mut scenario);
    draw_listeners(seed, &mut scenario);
    standstills::draw(seed, &mut scenario);
    proxies::draw(seed, &mut scenario);
    draw_grace(seed, &mut scenario);
    scenario
}

fn draw_large(seed: u64, scheme: Option<Scheme>, service: Service, scenario: &mut Scenario) {
    let rng = &mut StdRng::seed_from_u64(seed ^ 0xb16);
    let crowd = scenario.clients.len() > 10;
    if !crowd && rng.random_ratio(1, 50) {
        // As much as that, a byte at a time, would take longer than all else.
        scenario.config.max_buffer = buffer(4096);
        for (script, _) in &mut scenario.clients {
            enlarge(rng, service, script);
            wait_for_answers(scheme, service, script);
        }
    }
}

fn draw_stops(rng: &mut StdRng, scenario: &mut Scenario) {
    if rng.random_ratio(1, 5) {
        let when = one_of(rng, &[3, 500, 10_000, 40_000]);
        for _ in 0..one_of(rng, &[1, 1, 1, 2]) {
            scenario.stops.push((milliseconds(rng, when), rng.random()));
        }
    }
}

fn draw_grace(seed: u64, scenario: &mut Scenario) {
    let rng = &mut StdRng::seed_from_u64(seed ^ 0x6ace);
    scenario.config.grace = rng.random_ratio(1, 2).then(|| milliseconds(rng, 10_000));
}

/// Several listeners, and one of them with many more clients than the others.
fn draw_listeners(seed: u64, scenario: &mut Scenario) {
    let rng = &mut StdRng::seed_from_u64(seed ^ 0x115);
    let crowd = scenario.clients.len() > 10;
    let listeners = one_of(rng, if crowd { &[1, 2, 5, 16] } else { &[1, 1, 2, 3] });
    scenario.config.listen = vec![scenario.config.listen[0]; listeners];
    let usual = rng.random_range(0..listeners);
    for (script, _) in &mut scenario.clients {
        let other = rng.random_ratio(1, 2);
        script.listener = if other { rng.random_range(0..listeners) } else { usual };
    }
}

fn draw_config(rng: &mut StdRng, scheme: Option<Scheme>, service: Service, crowd: bool) -> Config {
    let mut config = config(scheme, service);
    // Far below the least that the command line takes: every read then fills the buffer.
    let most = one_of(rng, &[1, 2, 7, 16, 64, 300, 4096]);
    config.max_buffer = buffer(most);
    config.protocol.handshake_timeout = seconds(one_of(rng, &[1, 10])).into();
    config.protocol.idle_timeout = one_of(rng, &[Some(2), Some(60), Some(60), None])
        .map_or(Timeout::NEVER, |s| seconds(s).into());
    config.write_timeout = seconds(one_of(rng, &[3, 30])).into();
    config.drain_timeout = seconds(one_of(rng, &[1, 5, 60])).into();
    config.limits.pending = None;
    config.limits.pending_per_source = None;
    let most = if crowd { 200 } else { 1 };
    match rng.random_range(0..24) {
        0 => config.limits.connections = Some(most),
        1 => config.limits.pending = MaxPending::new(most / 3, 30, most).ok(),
        2 => config.limits.pending_per_source = Some(most / 5 + 1),
        3..7 => {
            let mut penalties = Penalties::default();
            penalties.min = Duration::ZERO;
            config.penalties = Some(penalties);
        }
        _ => {}
    }
    config
}

fn draw_faults(rng: &mut StdRng, clients: usize) -> Faults {
    let calm = rng.random_ratio(1, 4);
    let mut often = |choices: &[u32]| if calm { 0 } else { one_of(rng, choices) };
    let mut faults = Faults::default();
    faults.interrupted = often(&[0, 20, 200]);
    faults.pressure = often(&[0, 50, 300]);
    faults.hurry = often(&[0, 100, 300]);
    faults.spurious = often(&[0, 20, 100]);
    faults.stale = often(&[0, 20, 100]);
    faults.urgent = often(&[0, 0, 100]);
    faults.aborted = often(&[0, 0, 20]);
    faults.few_events = often(&[0, 500]);
    faults.descriptors = rng.random_ratio(1, 10).then(|| rng.random_range(0..=clients / 2));
    faults.sparing = rng.random();
    faults
}

fn draw_script(rng: &mut StdRng, scheme: Option<Scheme>, service: Service, crowd: bool) -> Script {
    let len = match rng.random_range(0..40) {
        0 if !crowd => 3000,
        1..5 => 400,
        5..8 => 0,
        _ => 60,
    };
    let len = rng.random_range(0..=len);
    let mut script = Script::new(&draw_payload(rng, service, len));
    script.answer = match rng.random_range(0..12) {
        0 => Answer::Wrong(rng.random_range(0..32)),
        1 => Answer::Short(rng.random_range(0..32)),
        _ => Answer::Right,
    };
    script.finale = match rng.random_range(0..24) {
        0..10 => Finale::HalfClose,
        10..17 => Finale::HalfCloseAfter(0),
        17..19 => Finale::Close,
        19..21 => Finale::Reset,
        21..23 => Finale::Wait,
        _ => Finale::Vanish,
    };
    if rng.random_ratio(1, 10) {
        script.stops_after = rng.random_range(0..100);
    }
    wait_for_answers(scheme, service, &mut script);
    script.sending = draw_pieces(rng);
    script.receiving = draw_pieces(rng);
    if rng.random_ratio(1, 8) {
        let after = rng.random_range(1..100);
        let most = one_of(rng, &[100, 5000, 100_000]);
        script.rest = Some(Rest { after, lasts: milliseconds(rng, most) });
    }
    script.stubborn = rng.random_ratio(1, 4);
    script.window = one_of(rng, &[1, 10, 100, 1 << 16]);
    script.receive_buffer = one_of(rng, &[1, 5, 64, 1 << 16]);
    script.send_buffer = one_of(rng, &[3, 10, 64, 1 << 16]);
    script
}

/// If the client waits for answers, it waits for all that it gets before it ends its sending side.
fn wait_for_answers(scheme: Option<Scheme>, service: Service, script: &mut Script) {
    if !matches!(script.finale, Finale::HalfCloseAfter(_)) {
        return;
    }
    let most = match scheme {
        Some(_) if script.answer != Answer::Right => 0,
        Some(scheme) => script.stops_after.saturating_sub(scheme.digest_len()),
        None => script.stops_after,
    };
    let payload = &script.payload[..script.payload.len().min(most)];
    let answers = verdict(None, service, &[], payload, false).answer.len();
    script.finale = Finale::HalfCloseAfter(answers);
}

/// More than one turn is for, and all of it there at once: who is not let in yet may read 4 KiB in a
/// turn, the others 256 KiB.
fn enlarge(rng: &mut StdRng, service: Service, script: &mut Script) {
    let more = one_of(rng, &[10_000, 20_000, 400_000]);
    let filling = if service == Service::Login { b' ' } else { b'x' };
    let behind = std::mem::take(&mut script.payload);
    script.payload = vec![filling; more];
    script.payload.extend(behind);
    (script.sending, script.receiving) = (Pieces::WHOLE, Pieces::WHOLE);
    (script.receive_buffer, script.send_buffer, script.window) = (1 << 19, 1 << 19, 1 << 19);
}

fn draw_pieces(rng: &mut StdRng) -> Pieces {
    let pause = match rng.random_range(0..10) {
        0..4 => 0,
        4..8 => 3,
        8 => 200,
        _ => one_of(rng, &[700, 1500]),
    };
    let most = one_of(rng, &[1, 3, 20, 500, usize::MAX]);
    Pieces { most, pause: Duration::from_millis(pause) }
}

fn draw_payload(rng: &mut StdRng, service: Service, len: usize) -> Vec<u8> {
    if service == Service::Login {
        return draw_logins(rng, len / 15);
    }
    let mut payload: Vec<u8> = (0..len).map(|_| rng.random()).collect();
    if service == Service::UpperOnce {
        // Line feeds are rare among random bytes, and white space at the ends is what is stripped.
        for at in [0, len / 2, len.saturating_sub(1)] {
            if let Some(byte) = payload.get_mut(at) {
                *byte = one_of(rng, b" \t\x0b\n\n\na");
            }
        }
    }
    payload
}

/// Some objects after another; rarely one that is none.
fn draw_logins(rng: &mut StdRng, most: usize) -> Vec<u8> {
    let right = format!("{{\"username\":\"{NAME}\",\"passwd\":\"{PASSWORD}\"}}");
    let wrong = right.replace(PASSWORD, "wrong");
    let choices = [&right, &right, &wrong, "{}", "{\"username\": 7}", " \r\n", "]", "x"];
    let mut logins = String::new();
    for _ in 0..rng.random_range(0..=most) {
        let which = if rng.random_ratio(1, 15) { choices.len() } else { 6 };
        logins.push_str(choices[rng.random_range(0..which)]);
    }
    logins.into_bytes()
}

pub(super) fn one_of<T: Copy>(rng: &mut StdRng, choices: &[T]) -> T {
    choices[rng.random_range(0..choices.len())]
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn milliseconds(rng: &mut StdRng, most: u64) -> Duration {
    Duration::from_millis(rng.random_range(0..=most))
}
