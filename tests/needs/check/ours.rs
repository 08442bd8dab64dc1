//! Our own server is at the highest level, with every scheme and every service; with all pairs of them, where there is
//! time.

use libtest_mimic::Trial;

use super::checked::check;
use crate::common::harness::{LONG, Need, trial};

const SERVICES: [&str; 3] = ["upper", "echo", "upper-once"];
const SCHEMES: [&str; 4] = ["hmac-md5", "hmac-sha256", "md5", "none"];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for (nth, auth) in SCHEMES.into_iter().enumerate() {
        for (of, service) in SERVICES.into_iter().enumerate() {
            let needs: &[Need] = if nth % SERVICES.len() == of { &[] } else { &[LONG] };
            let name = format!("check::ours::is_at_level_6_with_{auth}_and_{service}");
            trials.push(trial(name, needs, move || is_at_level_6(auth, service)));
        }
    }
    trials
}

fn is_at_level_6(auth: &str, service: &str) {
    let agreed = ["--auth", auth, "--service", service, "--handshake-timeout", "1s"];
    let ours = [env!("CARGO_BIN_EXE_sockmodes"), "serve", "--listen", "127.0.0.1:{port}"];
    // One that never reads holds up its end for so long.
    let drain = ["--drain-timeout", "3s"];
    let done = check(&[&agreed[..], &["--"], &ours, &agreed, &drain].concat()).expect(0);
    assert!(done.out().contains("\nlevel 6 of 6\n"), "{}", done.out());
}
