//! Slow is not dead: who reads a little is served for as long as it takes, who reads nothing is cut.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

use crate::common::client::{exchange, pattern, read_some, stuff, stuff_with};
use crate::common::harness::{Need, Test};
use crate::common::program::Server;

/// 400 kB a second, in sips.
const SIP: usize = 20_000;
const PAUSE: Duration = Duration::from_millis(50);
/// Read at that pace by the least: it takes five seconds, twice as long as nothing may move.
const SLOWLY: usize = 2_000_000;

pub(crate) const TESTS: &[Test] = &[(
    "who_reads_400_kilobytes_a_second_stays_and_who_reads_none_is_cut",
    &[Need::Machine(user_timeout)],
    slow_and_dead,
)];

fn user_timeout() -> Option<String> {
    let linux = cfg!(target_os = "linux");
    (!linux).then(|| "the write timeout is the kernel's, and only Linux has it".into())
}

fn slow_and_dead() {
    let server = Server::start(&["--service", "echo", "--write-timeout", "2s"]);
    let mut dead = server.enter();
    let mut slow = server.enter();
    stuff(&mut dead);
    let gone = format!("peer={} reason=write_timeout", dead.local_addr().unwrap());
    let (sent, received) = thread::scope(|scope| {
        let mut sender = slow.try_clone().unwrap();
        let sending = scope.spawn(move || {
            let sent = stuff_with(&mut sender, pattern);
            let rest: Vec<u8> = (sent..sent + SLOWLY).map(pattern).collect();
            sender.write_all(&rest).unwrap();
            sender.shutdown(Shutdown::Write).unwrap();
            sent + rest.len()
        });
        let reading = read_slowly(&mut slow, || server.program.log_so_far().contains(&gone));
        (sending.join().unwrap(), reading)
    });
    assert_eq!(received, sent);
    exchange(&mut server.enter(), b"hello", b"hello");
    let done = server.stop();
    assert_eq!(done.err().matches("reason=write_timeout").count(), 1, "{}", done.err());
    assert!(done.err().contains("INFO cut off conn=1 "), "{}", done.err());
}

/// Reads at the pace until `enough` and [`SLOWLY`] bytes are there, then the rest; how many bytes those were.
fn read_slowly(stream: &mut TcpStream, enough: impl Fn() -> bool) -> usize {
    let (mut buffer, mut received, mut hurry) = (vec![0; SIP], 0, false);
    loop {
        let read = read_some(stream, &mut buffer).unwrap();
        let right = buffer[..read].iter().zip(received..).all(|(got, at)| *got == pattern(at));
        assert!(right, "another byte than was sent, after {received}");
        received += read;
        if read == 0 {
            assert!(enough(), "who reads nothing was not cut");
            return received;
        }
        hurry = hurry || received >= SLOWLY && enough();
        if !hurry {
            // This is no waiting for something: it is what makes this peer slow.
            thread::sleep(PAUSE);
        }
    }
}
