//! Who checks logins, and without generations tells the verdict to whoever has the place by now.

use super::Lies;
use crate::server::{Report, Room, Verifier};
use crate::sim::SimVerifier;

/// A verifier that lies about another's reports.
pub(in crate::play) struct LyingVerifier {
    verifier: SimVerifier,
    lies: Lies,
}

impl LyingVerifier {
    pub(in crate::play) fn new(verifier: SimVerifier, lies: Lies) -> LyingVerifier {
        LyingVerifier { verifier, lies }
    }
}

impl Verifier for LyingVerifier {
    fn room(&mut self) -> Option<Room<'_>> {
        self.verifier.room()
    }

    fn has_report(&self) -> bool {
        self.verifier.has_report()
    }

    fn poll_report(&mut self) -> Option<Report> {
        let mut report = self.verifier.poll_report()?;
        if let Report::Verdict { token, .. } | Report::Unable { token, .. } = &mut report {
            let mut known = self.lies.known();
            *token = known.whoever_has_the_place_of(*token, "a verdict on a login");
        }
        Some(report)
    }

    fn reload(&mut self) {
        self.verifier.reload();
    }
}
