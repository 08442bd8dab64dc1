//! The service `upper-once` under any bytes in any cut: one request, one answer, the end.
//!
//! The first two bytes say how the rest is cut, how often it is sent, and whether the client ends its
//! sending side.

use sockmodes::session::Service;

use super::pieces::Pieces;

pub(crate) fn check(data: &[u8]) {
    let [cut, how, stream @ ..] = data else { return };
    let pieces = Pieces {
        scheme: None,
        service: Service::UpperOnce,
        nonce: Vec::new(),
        cut: usize::from(*cut) + 256 * usize::from(how >> 6),
        ended: how & 1 == 1,
        nonce_is_late: false,
    };
    // Requests are longer than what a fuzzer likes to write.
    pieces.check(&stream.repeat(1 + usize::from(how >> 1 & 7)));
}
