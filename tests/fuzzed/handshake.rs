//! Every scheme under any bytes in any cut: who is let in, what the service hears, and that no byte moves the
//! deadline.
//!
//! No fuzzer guesses a digest: the first two bytes say, besides the cut, whether the right one is put in front of the
//! rest, or the right one with a bit changed.

use sockmodes::session::Service;

use super::model::digest;
use super::pieces::Pieces;

const SERVICES: [Service; 4] =
    [Service::Upper, Service::Echo, Service::UpperOnce, Service::UpperOnce];

pub(crate) fn check(data: &[u8]) {
    let [how, cut, rest @ ..] = data else { return };
    let bits = |from: u32| usize::from(how >> from & 3);
    let scheme = super::SCHEMES[bits(0)];
    let nonce_len = if scheme.is_none() { 0 } else { 8 + usize::from(cut >> 2) % 57 };
    let nonce: Vec<u8> = (0..nonce_len).map(|n| n as u8 ^ cut).collect();
    let mut stream = if bits(4) == 0 { Vec::new() } else { digest(scheme, &nonce) };
    if bits(4) == 1 && !stream.is_empty() {
        let bit = usize::from(*cut) % (8 * stream.len());
        stream[bit / 8] ^= 1 << (bit % 8);
    }
    stream.extend_from_slice(rest);
    let pieces = Pieces {
        scheme,
        service: SERVICES[bits(2)],
        nonce,
        cut: usize::from(*cut),
        ended: how & 0x40 != 0,
        nonce_is_late: how & 0x80 != 0,
    };
    pieces.check(&stream);
}
