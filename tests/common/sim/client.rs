//! The other end: a script, and what came of it.

use std::collections::VecDeque;
use std::time::Duration;

use rand::RngExt;
use sockmodes::server::network::Errno;
use sockmodes::session::Time;

use super::{Act, World};
use crate::common::model;

/// What a client answers to the nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Right,
    /// Wrong in this byte.
    Wrong(usize),
    /// Only so many bytes of it.
    Short(usize),
}

/// What a client does when it has sent everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finale {
    /// It shuts down its sending side and reads on.
    HalfClose,
    /// It waits until it has every answer, then shuts down its sending side.
    HalfCloseWhenAnswered,
    /// It closes, whatever may still come.
    Close,
    /// It resets the connection.
    Reset,
    /// It says nothing more and reads on.
    Wait,
    /// It is gone without a word, as when a cable is pulled.
    Vanish,
}

/// How the client saw the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The end of the stream, after everything.
    Eof,
    /// A reset, its own or the server's.
    Reset,
    /// The server's kernel gave it up.
    TimedOut,
    /// Nobody listened.
    Refused,
}

#[derive(Debug)]
pub(crate) struct Client {
    // The script.
    pub(crate) answer: Answer,
    pub(crate) payload: Vec<u8>,
    pub(crate) finale: Finale,
    /// After so many bytes it goes straight to the finale.
    pub(crate) stops_after: usize,
    /// The longest segment.
    pub(crate) segment: usize,
    /// The longest pause between two, in milliseconds.
    pub(crate) pace: u64,
    /// The same of what the network takes to it.
    pub(crate) delivery: (usize, u64),
    /// After so many bytes received it stops reading, for so long.
    pub(crate) rest: Option<(usize, Duration)>,
    /// It goes on sending after the server has ended its side.
    pub(crate) stubborn: bool,
    /// Bytes that its kernel keeps for it.
    pub(crate) window: usize,
    /// The server's buffers for this connection, to receive and to send.
    pub(crate) server_buffers: (usize, usize),

    // What came of it.
    /// Digest and payload, once the nonce is here.
    pub(crate) outgoing: Vec<u8>,
    pub(crate) sent: usize,
    pub(crate) got: Vec<u8>,
    pub(crate) end: Option<End>,
    /// It did all that it wanted to, the end of its sending side included.
    pub(crate) finished: bool,
    /// It broke the connection itself.
    pub(crate) broke_it: bool,
    pub(crate) started: bool,
    pub(crate) unread: VecDeque<u8>,
    pub(crate) end_arrived: bool,
    /// It wants to send and the server's buffer is full.
    pub(crate) blocked: bool,
    pub(crate) closed: bool,
    pub(crate) vanished: bool,
    pub(crate) rests_until: Option<Time>,
}

impl Client {
    /// Answers rightly, sends `payload` in one piece, half-closes, reads everything.
    pub(crate) fn new(payload: &[u8]) -> Client {
        Client {
            answer: Answer::Right,
            payload: payload.to_vec(),
            finale: Finale::HalfClose,
            stops_after: usize::MAX,
            segment: usize::MAX,
            pace: 0,
            delivery: (usize::MAX, 0),
            rest: None,
            stubborn: false,
            window: 1 << 16,
            server_buffers: (1 << 16, 1 << 16),
            outgoing: Vec::new(),
            sent: 0,
            got: Vec::new(),
            end: None,
            finished: false,
            broke_it: false,
            started: false,
            unread: VecDeque::new(),
            end_arrived: false,
            blocked: false,
            closed: false,
            vanished: false,
            rests_until: None,
        }
    }

    /// It reads without a rest and never breaks the connection.
    pub(crate) fn is_patient(&self) -> bool {
        self.rest.is_none() && !self.broke_it
    }
}

/// What clients do.
impl World {
    /// A pause of at most `longest` milliseconds.
    pub(super) fn pause(&mut self, longest: u64) -> Duration {
        match longest {
            0 => Duration::ZERO,
            _ => Duration::from_millis(self.rng.random_range(0..=longest)),
        }
    }

    /// How long the next segment is at most.
    pub(super) fn cut(&mut self, longest: usize) -> usize {
        if longest == usize::MAX { longest } else { self.rng.random_range(1..=longest) }
    }

    /// The nonce is here: now the client knows what to send.
    pub(super) fn start(&mut self, id: usize) {
        let terms = self.terms;
        let client = &mut self.sockets[id].client;
        client.started = true;
        let nonce = &client.got[..terms.nonce_len];
        let mut outgoing = model::digest(terms.scheme, nonce);
        let digest = outgoing.len();
        match client.answer {
            Answer::Right => {}
            Answer::Wrong(at) if digest > 0 => outgoing[at % digest] ^= 1,
            Answer::Short(len) if digest > 0 => outgoing.truncate(len % digest),
            Answer::Wrong(_) | Answer::Short(_) => {}
        }
        if outgoing.len() == digest {
            outgoing.extend_from_slice(&client.payload);
        }
        outgoing.truncate(client.stops_after);
        client.outgoing = outgoing;
        self.go_soon(id);
    }

    fn go_soon(&mut self, id: usize) {
        let pace = self.sockets[id].client.pace;
        let delay = self.pause(pace);
        self.after(delay, Act::Go(id));
    }

    /// The next step of the script: a segment, or the finale.
    pub(super) fn go(&mut self, id: usize) {
        let socket = &self.sockets[id];
        let client = &socket.client;
        let over = client.vanished || client.closed || socket.is_broken();
        if over || !client.started || client.finished {
            return;
        }
        if client.sent == client.outgoing.len() || client.end.is_some() && !client.stubborn {
            self.finish(id);
            return;
        }
        if socket.gone {
            // Nobody takes it: the server's kernel answers with a reset.
            self.reset_client(id);
            return;
        }
        let cut = self.cut(self.sockets[id].client.segment);
        if self.arrive(id, cut) == 0 {
            self.sockets[id].client.blocked = true;
        } else {
            self.go_soon(id);
        }
    }

    fn finish(&mut self, id: usize) {
        let waits = self.waits_for_answers(id);
        let client = &mut self.sockets[id].client;
        // Whatever it had in mind, after the end of the stream it just closes.
        let finale = if client.end.is_some() { Finale::HalfClose } else { client.finale };
        client.finished = !waits;
        match finale {
            Finale::HalfClose => self.end_input(id),
            Finale::HalfCloseWhenAnswered if !waits => self.end_input(id),
            Finale::HalfCloseWhenAnswered | Finale::Wait => {}
            Finale::Close => {
                client.closed = true;
                client.broke_it = true;
                if client.unread.is_empty() {
                    self.end_input(id);
                } else {
                    self.break_off(id, Errno::CONNRESET);
                }
            }
            Finale::Reset => {
                client.broke_it = true;
                self.break_off(id, Errno::CONNRESET);
            }
            Finale::Vanish => {
                client.broke_it = true;
                client.vanished = true;
            }
        }
    }

    /// Whether answers are still to come for what was sent, the end of input aside.
    fn waits_for_answers(&self, id: usize) -> bool {
        let (client, terms) = (&self.sockets[id].client, &self.terms);
        if client.finale != Finale::HalfCloseWhenAnswered || client.end.is_some() {
            return false;
        }
        let nonce = &client.got[..terms.nonce_len];
        let verdict = model::verdict(terms.scheme, terms.service, nonce, &client.outgoing, false);
        client.got.len() < terms.nonce_len + verdict.answer.len()
    }

    /// The client reads what its kernel has for it, unless it rests.
    pub(super) fn read_as_client(&mut self, id: usize) {
        let now = self.now;
        let nonce_len = self.terms.nonce_len;
        let client = &mut self.sockets[id].client;
        if client.vanished || client.closed || client.rests_until.is_some_and(|until| now < until) {
            return;
        }
        let before = client.got.len();
        let until = client.rest.filter(|(at, _)| before < *at).map_or(usize::MAX, |(at, _)| at);
        let reading = client.unread.len().min(until - before);
        client.got.extend(client.unread.drain(..reading));
        let rest = client.rest.filter(|(at, _)| before < *at && client.got.len() == *at);
        if let Some((_, how_long)) = rest {
            client.rests_until = Some(now + how_long);
            self.after(how_long, Act::Resume(id));
        }
        let client = &mut self.sockets[id].client;
        if client.end_arrived && client.unread.is_empty() && rest.is_none() && client.end.is_none()
        {
            client.end = Some(End::Eof);
            // It closes in its turn, some of them late.
            client.finished = client.finished && client.finale != Finale::Wait;
            client.started = true;
            self.go_soon(id);
        } else if !client.started && client.got.len() >= nonce_len {
            self.start(id);
        } else if client.sent == client.outgoing.len() && client.got.len() > before {
            self.go_soon(id);
        }
    }

    pub(super) fn resume(&mut self, id: usize) {
        self.read_as_client(id);
        self.deliver_soon(id);
    }
}
