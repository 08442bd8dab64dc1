//! What became of the clients, held against what the servers wrote down.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Instant;

use regex::Regex;
use serde_json::Value;

use super::crowd::Life;

const DIGEST_LEN: u64 = 16;

/// What is left of a server that has ended.
pub(super) struct Ended {
    /// When it was killed, if it was; else it was drained.
    killed: Option<RangeInclusive<Instant>>,
    /// The clients in its log, in their order. What it had not yet written when it was killed is not there.
    clients: Vec<SocketAddr>,
    /// The bytes that it read of each before it ended the conversation, from its trace. What comes later is
    /// thrown away.
    read: HashMap<SocketAddr, u64>,
}

impl Ended {
    pub(super) fn killed(at: RangeInclusive<Instant>, log: &str) -> Ended {
        Ended { killed: Some(at), clients: clients(log), read: HashMap::new() }
    }

    pub(super) fn drained(log: &str, trace: &str) -> Ended {
        Ended { killed: None, clients: clients(log), read: read(trace) }
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
        // It was owed the answer to all that the server has read, and has heard that.
        let owed = self.read.get(&life.peer).and_then(|read| read.checked_sub(DIGEST_LEN));
        life.served.is_some() && (life.whole || owed == Some(life.heard as u64))
    }
}

fn clients(log: &str) -> Vec<SocketAddr> {
    let opened = Regex::new(r"opened conn=\d+ peer=(\S+)").unwrap();
    opened.captures_iter(log).map(|line| line[1].parse().unwrap()).collect()
}

fn read(trace: &str) -> HashMap<SocketAddr, u64> {
    let (mut peers, mut read) = (HashMap::new(), HashMap::new());
    for line in trace.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let connection = line["connection"].as_u64();
        match line["event"].as_str().unwrap() {
            "opened" => {
                let peer: SocketAddr = line["peer"].as_str().unwrap().parse().unwrap();
                peers.insert(connection, peer);
                read.insert(peer, 0);
            }
            "received" => {
                let bytes = line["bytes"].as_u64().unwrap_or(0);
                if let Some(peer) = peers.get(&connection) {
                    *read.get_mut(peer).unwrap() += bytes;
                }
            }
            "state" if line["to"] == "ending" => {
                peers.remove(&connection);
            }
            "lost" => panic!("{line}"),
            _ => {}
        }
    }
    read
}

pub(super) fn judge(lives: &[Life], ended: &[Ended]) {
    let by_peer: HashMap<_, _> = lives.iter().map(|life| (life.peer, life)).collect();
    assert_eq!(by_peer.len(), lives.len(), "each has an address of its own");
    let mut server_of = HashMap::new();
    for (server, ended) in ended.iter().enumerate() {
        for peer in &ended.clients {
            assert!(by_peer.contains_key(peer), "{peer} in a log is no client");
            assert_eq!(server_of.insert(*peer, server), None, "{peer} was at two servers");
        }
    }
    let (mut killed, mut drained, mut unseen) = (0, 0, 0);
    for life in lives {
        let server = server_of.get(&life.peer).map(|server| &ended[*server]);
        let good = match server {
            Some(server) => {
                let cut = if server.killed.is_some() { &mut killed } else { &mut drained };
                *cut += usize::from(!life.whole);
                server.was_good_to(life)
            }
            None => {
                unseen += 1;
                killed += usize::from(!life.whole);
                ended.iter().any(|server| server.may_have_lost(life, &by_peer))
            }
        };
        let wrote = server.map(|server| (&server.killed, server.read.get(&life.peer)));
        assert!(good, "{life:?}, of whom a server wrote down {wrote:?}");
    }
    let unanswered = lives.iter().filter(|life| life.served.is_none()).count();
    let longest = lives.iter().filter_map(|life| life.served).max();
    println!(
        "{} connections, of which {killed} ended with a server that was killed, \
         {unanswered} before an answer, {drained} with one that was drained; \
         {unseen} are in no log; the longest way to a first answer took {longest:?}",
        lives.len(),
    );
    assert!(killed > 0 && drained > 0, "nobody was there when servers ended");
}
