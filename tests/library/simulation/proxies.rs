//! Proxies in front of a scenario's clients, and the headers that they send: good ones of every kind, and
//! what is none.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sockmodes::sim::Finale;

use super::scenario::{Scenario, one_of};

const SIGNATURE: &[u8] = b"\r\n\r\n\x00\r\nQUIT\n";

/// Puts proxies in front of some scenarios.
pub(crate) fn draw(seed: u64, scenario: &mut Scenario) {
    let rng = &mut StdRng::seed_from_u64(seed ^ 0x9905);
    if rng.random_ratio(1, 6) {
        put_in_front(rng, scenario);
    }
}

/// Has all clients of `scenario`, or two sources of the five that there are, come through a proxy.
fn put_in_front(rng: &mut StdRng, scenario: &mut Scenario) {
    let sources = one_of(rng, &["192.0.2.0/24", "192.0.2.0/31"]);
    scenario.config.proxies = vec![sources.parse().expect("it is one")];
    for (script, _) in &mut scenario.clients {
        script.header = draw_header(rng);
        let waits = matches!(script.finale, Finale::HalfCloseAfter(_));
        // Answers to less than it would have sent without a header are none that one can wait for.
        if waits && script.stops_after < usize::MAX {
            script.finale = Finale::HalfClose;
        }
    }
}

fn draw_header(rng: &mut StdRng) -> Vec<u8> {
    let mut header = match rng.random_range(0..12) {
        0..4 => draw_line(rng),
        4..9 => draw_block(rng),
        9 => b"PROXY UNKNOWN\r\n".to_vec(),
        10 => vec![one_of(rng, b"P\r"); rng.random_range(0..3)],
        _ => [b"PROXY UNKNOWN ".as_slice(), &[b'x'; 200]].concat(),
    };
    if rng.random_ratio(1, 10)
        && let Some(last) = header.len().checked_sub(1)
    {
        header[rng.random_range(0..=last)] ^= 1 << rng.random_range(0..8);
    }
    if rng.random_ratio(1, 20) {
        header.truncate(rng.random_range(0..=header.len()));
    }
    header
}

/// Of version 1, for one of a few clients.
fn draw_line(rng: &mut StdRng) -> Vec<u8> {
    let (host, port) = (rng.random_range(0..4), rng.random_range(1..50_000));
    let line = match rng.random_range(0..3) {
        0 => format!("PROXY TCP6 2001:db8:{host}::1 2001:db8::9 {port} 9999\r\n"),
        1 => format!("PROXY TCP6 ::ffff:198.51.100.{host} ::ffff:192.0.2.9 {port} 9999\r\n"),
        _ => format!("PROXY TCP4 198.51.100.{host} 192.0.2.9 {port} 9999\r\n"),
    };
    line.into_bytes()
}

/// Of version 2, likewise, with something behind the addresses or not.
fn draw_block(rng: &mut StdRng) -> Vec<u8> {
    let host = rng.random_range(0..4);
    let command = if rng.random_ratio(1, 4) { 0x20 } else { 0x21 };
    let (family, mut block) = match rng.random_range(0..5) {
        0 => (0x21, [&[0x20, 1, 0xd, 0xb8, 0, host][..], &[0; 26], &[4, 1, 39, 15]].concat()),
        1 => (one_of(rng, &[0x00, 0x12, 0x31]), vec![host; 40]),
        _ => (0x11, vec![198, 51, 100, host, 192, 0, 2, 9, 4, 1, 39, 15]),
    };
    block.resize(block.len() + one_of(rng, &[0, 0, 0, 30, 400]), 0);
    let len = (block.len() as u16).to_be_bytes();
    [SIGNATURE, &[command, family], &len, &block].concat()
}
