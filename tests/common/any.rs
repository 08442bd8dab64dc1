//! Any scheme with any service, for tests that draw their cases.

use proptest::prelude::*;
use sockmodes::auth::Scheme;
use sockmodes::session::Service;

use super::{SCHEMES, SERVICES};

/// Any pair of a scheme and a service.
pub(crate) fn pair() -> impl Strategy<Value = (Option<Scheme>, Service)> {
    (0..SCHEMES.len(), 0..SERVICES.len()).prop_map(|(a, b)| (SCHEMES[a], SERVICES[b]))
}

/// `nonce`, or none where the scheme asks for nothing.
pub(crate) fn nonce_for(scheme: Option<Scheme>, nonce: &[u8]) -> &[u8] {
    if scheme.is_none() { &[] } else { nonce }
}

/// So many cases. One that fails says how to play it again, so no file has to keep it.
pub(crate) fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}
