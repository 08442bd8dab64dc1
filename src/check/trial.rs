//! One attempt at one check: clients that connect, are let in, ask and leave.
//!
//! It says what a right client does; what is tried with it is in the files of the levels, `talks.rs` first.

use std::thread;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;

use super::Config;
use super::connect::Connected;
use super::deadlines::Memory;
use super::pace::{Limits, Pace};
use super::peer::{Came, Ending, Peer};
use super::server::Server;
use super::service::{Question, difference};
use super::story::{Diary, Told, Trouble, bytes, doubtful, seconds, wrong};
use super::usage::{self, Usage};

/// Between a refusal and the next try: nobody tells when there is room.
const AFTER_REFUSAL: Duration = Duration::from_millis(20);

/// What a check has at hand.
pub(super) struct Trial<'a> {
    pub(super) config: &'a Config,
    pub(super) server: &'a mut Server,
    pub(super) pace: &'a mut Pace,
    /// Gives the same for the same seed and check.
    pub(super) rng: StdRng,
    pub(super) diary: Diary,
    pub(super) limits: Limits,
    /// 0, and 1 when a doubtful verdict is tried again.
    pub(super) attempt: u32,
    pub(super) clients: usize,
    /// What the checks of deadlines have found out together.
    pub(super) memory: &'a mut Memory,
}

/// Someone who was refused, or let in.
pub(super) enum Entered {
    In(Peer),
    Refused,
}

impl Trial<'_> {
    pub(super) fn connect(&mut self) -> Told<Peer> {
        let connected = self.server.connect(self.limits)?;
        self.peer(connected)
    }

    fn peer(&mut self, (socket, since): Connected) -> Told<Peer> {
        self.clients += 1;
        let watch = self.server.watch();
        Peer::new(socket, self.clients, self.diary.clone(), self.limits, since, watch)
    }

    /// Connects and hears the nonce; empty where there is none.
    pub(super) fn greet(&mut self) -> Told<(Peer, Vec<u8>)> {
        let mut peer = self.connect()?;
        let nonce = self.hear_nonce(&mut peer)?;
        Ok((peer, nonce))
    }

    pub(super) fn hear_nonce(&mut self, peer: &mut Peer) -> Told<Vec<u8>> {
        if self.config.key.is_none() {
            return Ok(Vec::new());
        }
        let nonce = peer.hear(self.config.nonce_len, "the nonce")?;
        self.pace.note(peer.since.elapsed());
        Ok(nonce)
    }

    /// The right answer to a nonce; nothing where none is asked for.
    pub(super) fn digest(&self, nonce: &[u8]) -> Vec<u8> {
        let key = self.config.key.as_ref();
        key.map(|key| key.digest(nonce).as_bytes().to_vec()).unwrap_or_default()
    }

    /// Bytes of a digest; none where none is asked for.
    pub(super) fn digest_len(&self) -> usize {
        self.config.key.as_ref().map_or(0, |key| key.scheme().digest_len())
    }

    /// Connects and answers the nonce.
    pub(super) fn enter(&mut self) -> Told<Peer> {
        let (mut peer, nonce) = self.greet()?;
        self.prove(&mut peer, &nonce)?;
        Ok(peer)
    }

    /// The same with little room and small segments: see [`Room::Narrow`](super::connect::Room::Narrow).
    pub(super) fn enter_narrow(&mut self) -> Told<Peer> {
        // A connection that was made beforehand is not like that, and is used up first.
        self.is_served("before that")?;
        let connected = self.server.connect_narrow(self.limits)?;
        let mut peer = self.peer(connected)?;
        let nonce = self.hear_nonce(&mut peer)?;
        self.prove(&mut peer, &nonce)?;
        Ok(peer)
    }

    pub(super) fn prove(&mut self, peer: &mut Peer, nonce: &[u8]) -> Told {
        let digest = self.digest(nonce);
        if digest.is_empty() { Ok(()) } else { peer.say(&digest, "the digest") }
    }

    /// The same, where a connection that is closed before its nonce counts as a refusal, and is tried again.
    pub(super) fn enter_patiently(&mut self) -> Told<Peer> {
        let begin = Instant::now();
        loop {
            if let Entered::In(peer) = self.try_to_enter()? {
                return Ok(peer);
            }
            if begin.elapsed() > self.limits.patience {
                let expected = "a place for one more client";
                let came = format!("refusals for {}", seconds(begin.elapsed()));
                return Err(doubtful(expected, came));
            }
            thread::sleep(AFTER_REFUSAL);
        }
    }

    fn try_to_enter(&mut self) -> Told<Entered> {
        let mut peer = self.connect()?;
        let Some(nonce) = self.nonce_or_refusal(&mut peer)? else { return Ok(Entered::Refused) };
        self.prove(&mut peer, &nonce)?;
        Ok(Entered::In(peer))
    }

    /// The nonce, or nothing if the connection ends before its first byte.
    pub(super) fn nonce_or_refusal(&mut self, peer: &mut Peer) -> Told<Option<Vec<u8>>> {
        if self.config.key.is_none() {
            return Ok(Some(Vec::new()));
        }
        let mut nonce = vec![0; self.config.nonce_len];
        let mut have = 0;
        while have < nonce.len() {
            have += match peer.hear_some(&mut nonce[have..], self.limits.patience)? {
                Came::Bytes(count) => count,
                Came::End | Came::Reset if have == 0 => {
                    peer.note("is refused");
                    return Ok(None);
                }
                other => return Err(peer.missing(nonce.len(), have, "the nonce", other)),
            };
        }
        peer.note(&format!("hears the nonce, {}", bytes(have)));
        Ok(Some(nonce))
    }

    pub(super) fn question(&mut self, len: usize) -> Question {
        self.config.service.ask(&mut self.rng, len)
    }

    /// Asks something new and hears the answer. With `upper-once`, which then ends, hears the end as well.
    pub(super) fn ask(&mut self, peer: &mut Peer, len: usize) -> Told {
        let question = self.question(len);
        self.ask_this(peer, &question)
    }

    pub(super) fn ask_this(&mut self, peer: &mut Peer, question: &Question) -> Told {
        let begin = Instant::now();
        peer.say(&question.request, "a request")?;
        self.hear_answer(peer, &question.answer)?;
        self.pace.note(begin.elapsed());
        Ok(())
    }

    /// Hears `answer`, compares it as it comes, and for `upper-once` hears the end.
    pub(super) fn hear_answer(&mut self, peer: &mut Peer, answer: &[u8]) -> Told {
        if !self.config.service.is_stream() {
            let (heard, ending) = peer.hear_to_end("the answer was all")?;
            if heard.len() < answer.len() {
                let came = if ending == Ending::End { Came::End } else { Came::Reset };
                return Err(peer.missing(answer.len(), heard.len(), "the answer", came));
            }
            return compare(&heard, answer);
        }
        let mut buffer = vec![0; answer.len().min(64 * 1024)];
        let mut have = 0;
        while have < answer.len() {
            let room = buffer.len().min(answer.len() - have);
            match peer.hear_some(&mut buffer[..room], self.limits.patience)? {
                Came::Bytes(count) => {
                    compare_at(&buffer[..count], answer, have)?;
                    have += count;
                }
                other => return Err(peer.missing(answer.len(), have, "the answer", other)),
            }
        }
        peer.note(&format!("hears the answer, {}", bytes(have)));
        Ok(())
    }

    /// Hears `answer`, and then the end: for a client that has ended its own side.
    pub(super) fn hear_last_answer(&mut self, peer: &mut Peer, answer: &[u8]) -> Told {
        self.hear_answer(peer, answer)?;
        if self.config.service.is_stream() { hear_no_more(peer) } else { Ok(()) }
    }

    /// A new client is let in, asks, is answered and leaves; a refusal is tried again.
    pub(super) fn is_served(&mut self, when: &str) -> Told {
        self.diary.note(format!("one more client, {when}:"));
        let begin = Instant::now();
        loop {
            match self.is_served_now() {
                // Where there is no nonce, a refusal looks like an answer that does not come.
                Err(Trouble::Doubtful(_))
                    if self.config.key.is_none() && begin.elapsed() < self.limits.patience => {}
                other => return other,
            }
            thread::sleep(AFTER_REFUSAL);
        }
    }

    fn is_served_now(&mut self) -> Told {
        let mut peer = self.enter_patiently()?;
        self.ask(&mut peer, 24)?;
        self.leave(peer)
    }

    /// Leaves politely, if the service has not ended the connection already.
    pub(super) fn leave(&mut self, peer: Peer) -> Told {
        if self.config.service.is_stream() {
            return peer.leave(self.pace.quiet());
        }
        Ok(())
    }

    /// All leave, at once.
    pub(super) fn all_leave(&mut self, mut peers: Vec<Peer>) -> Told {
        peers.iter_mut().try_for_each(Peer::half_close)?;
        let begin = Instant::now();
        for peer in &mut peers {
            let left = self.pace.quiet().saturating_sub(begin.elapsed());
            while let Came::Bytes(_) = peer.hear_some(&mut [0; 1024], left)? {}
        }
        Ok(())
    }

    /// What the server uses now.
    pub(super) fn usage(&mut self) -> Told<Usage> {
        match self.server.process() {
            Some(process) => usage::of(process.group()),
            None => Ok(Usage::default()),
        }
    }

    /// That the process is still there.
    pub(super) fn still_runs(&mut self, after: &str) -> Told {
        match self.server.end_told() {
            None => Ok(()),
            Some(told) => Err(wrong(format!("a server that runs on after {after}"), told)),
        }
    }
}

/// The end, for a client that has ended its own side.
pub(super) fn hear_no_more(peer: &mut Peer) -> Told {
    let (heard, _) = peer.hear_to_end("it has ended its own side")?;
    compare(&heard, &[])
}

/// That `heard` is all of `answer`, and no more.
pub(super) fn compare(heard: &[u8], answer: &[u8]) -> Told {
    match difference(heard, answer) {
        None => Ok(()),
        Some(difference) => Err(wrong(format!("an answer of {}", bytes(answer.len())), difference)),
    }
}

/// That `heard` is what `answer` has from byte `at` on.
pub(super) fn compare_at(heard: &[u8], answer: &[u8], at: usize) -> Told {
    if answer[at..].starts_with(heard) {
        return Ok(());
    }
    let whole = [&answer[..at], heard].concat();
    compare(&whole, answer)
}
