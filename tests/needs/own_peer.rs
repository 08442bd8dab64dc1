//! Where nobody listens, TCP can connect a socket to itself: if the kernel gives it the very port that it is to
//! reach. Once in thousands, where ports are many; here there is one.

use std::fs;

use crate::common::harness::Test;
use crate::common::network::{NEEDS, alone};
use crate::common::process::run;
use crate::common::program::sockmodes;

pub(crate) const TESTS: &[Test] =
    &[("nobody_talks_to_themselves", &NEEDS, nobody_talks_to_themselves)];

fn nobody_talks_to_themselves() {
    alone(|| {
        // A port each: a connection that is over keeps its own for a minute (TIME_WAIT).
        for (command, port) in [("connect", 40_000), ("login", 40_001)] {
            let range = "/proc/sys/net/ipv4/ip_local_port_range";
            fs::write(range, format!("{port} {port}")).unwrap();
            let address = format!("127.0.0.1:{port}");
            let args = [command, "--auth", "none", "--timeout", "5s", &address];
            let done = run(&mut sockmodes(args), b"hello\nagain\n").expect(1);
            let said = format!(
                "sockmodes: cannot connect to {address}: nobody listens there, and TCP connected to itself\n"
            );
            assert_eq!((done.out(), done.err()), ("", &*said));
        }
    });
}
