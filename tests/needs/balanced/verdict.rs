//! What became of the clients, held against what the servers wrote down.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Instant;

use regex_lite::{Captures, Regex};

use super::crowd::Life;
use crate::common::client::NONCE_LEN;

/// What is left of a server that has ended.
pub(super) struct Ended {
    /// When it was killed, if it was; else it was drained.
    killed: Option<RangeInclusive<Instant>>,
    /// The clients in its log, in their order. What it had not yet written when it was killed is not there.
    clients: Vec<SocketAddr>,
    /// The bytes that it owed to each, but for the nonce.
    owed: HashMap<SocketAddr, usize>,
}

impl Ended {
    pub(super) fn killed(at: RangeInclusive<Instant>, log: &str) -> Ended {
        Ended { killed: Some(at), clients: clients(log), owed: HashMap::new() }
    }

    pub(super) fn drained(log: &str) -> Ended {
        Ended { killed: None, clients: clients(log), owed: owed(log) }
    }

    /// Whether it was killed during this life, if one that it may not have come to write down.
    fn may_have_lost(&self, life: &Life, lives: &HashMap<SocketAddr, &Life>) -> bool {
        let Some(killed) = &self.killed else { return false };
        // Whoever's connection was cut was there when it was killed. Whoever left before is missing in the log only
        // if it came after the last who is in it.
        let since = match self.clients.last() {
            Some(last) if life.whole => lives[last].begun,
            _ => *killed.start(),
        };
        life.begun <= *killed.end() && life.ended >= since
    }

    /// Whether this client of its own had what it may expect.
    fn was_good_to(&self, life: &Life) -> bool {
        if let Some(killed) = &self.killed {
            return life.whole || life.ended >= *killed.start();
        }
        life.served.is_some() && self.owed.get(&life.peer) == Some(&life.heard)
    }
}

fn clients(log: &str) -> Vec<SocketAddr> {
    let opened = Regex::new(r"opened conn=\d+ peer=(\S+)").unwrap();
    opened.captures_iter(log).map(|line| line[1].parse().unwrap()).collect()
}

/// How many bytes each was owed, and was sent, whose connection was closed and not cut off.
fn owed(log: &str) -> HashMap<SocketAddr, usize> {
    assert!(!log.contains("were lost"), "the log is not whole");
    let closed = r" closed conn=\d+ peer=(\S+) reason=\S+ received=\d+ sent=(\d+)";
    let closed = Regex::new(closed).unwrap();
    let of = |line: Captures| {
        let sent: usize = line[2].parse().unwrap();
        (line[1].parse().unwrap(), sent.saturating_sub(NONCE_LEN))
    };
    closed.captures_iter(log).map(of).collect()
}

/// At which server each client was whom a log names.
fn servers(by_peer: &HashMap<SocketAddr, &Life>, ended: &[Ended]) -> HashMap<SocketAddr, usize> {
    let mut server_of = HashMap::new();
    for (server, ended) in ended.iter().enumerate() {
        for peer in &ended.clients {
            assert!(by_peer.contains_key(peer), "{peer} in a log is no client");
            assert_eq!(server_of.insert(*peer, server), None, "{peer} was at two servers");
        }
    }
    server_of
}

pub(super) fn judge(lives: &[Life], ended: &[Ended]) {
    let by_peer: HashMap<_, _> = lives.iter().map(|life| (life.peer, life)).collect();
    assert_eq!(by_peer.len(), lives.len(), "each has an address of its own");
    let server_of = servers(&by_peer, ended);
    let (mut killed, mut drained, mut unseen, mut most) = (0, 0, 0, 0);
    for life in lives {
        let server = server_of.get(&life.peer).map(|server| &ended[*server]);
        let good = match server {
            Some(server) => {
                let cut = if server.killed.is_some() { &mut killed } else { &mut drained };
                *cut += usize::from(!life.whole);
                if server.killed.is_none() && !life.whole {
                    most = life.heard.max(most);
                }
                server.was_good_to(life)
            }
            None => {
                unseen += 1;
                killed += usize::from(!life.whole);
                ended.iter().any(|server| server.may_have_lost(life, &by_peer))
            }
        };
        let wrote = server.map(|server| (&server.killed, server.owed.get(&life.peer)));
        assert!(good, "{life:?}, of whom a server wrote down {wrote:?}");
    }
    let unanswered = lives.iter().filter(|life| life.served.is_none()).count();
    let longest = lives.iter().filter_map(|life| life.served).max();
    println!(
        "{} connections, of which {killed} ended with a server that was killed, \
         {unanswered} before an answer, {drained} with one that was drained, after up to {most} bytes; \
         {unseen} are in no log; the longest way to a first answer took {longest:?}",
        lives.len(),
    );
    assert!(killed > 0 && drained > 0, "nobody was there when servers ended");
    assert!(most > 1 << 20, "nobody was owed much when a server drained");
}
