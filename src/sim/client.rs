//! The other end: what came of a client's script, and how it is played.

use std::collections::VecDeque;
use std::io::Read;
use std::time::Duration;

use rand::RngExt;

use super::script::{Answer, Finale, Pieces, Rest, Script};
use super::state::{Act, State};
use crate::server::network::Errno;
use crate::session::Time;

/// A client as it stands: its script, and what came of it so far.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Client {
    /// What it does.
    pub script: Script,
    /// Header, digest and payload, as the script wants them; nothing but the header until the whole
    /// nonce has come.
    pub outgoing: Vec<u8>,
    /// How many bytes of them have reached the server's kernel.
    pub sent: usize,
    /// All that it has read, the nonce included.
    pub got: Vec<u8>,
    /// How it saw the end, if it did.
    pub end: Option<End>,
    /// It broke the connection itself.
    pub broke_it: bool,
    /// It comes through a proxy: from one of [`Config::proxies`](crate::server::Config::proxies).
    pub proxied: bool,
    nonce_len: usize,
    /// It did all that it wanted to, the end of its sending side included.
    finished: bool,
    /// It knows all that it will ever send.
    pub(super) started: bool,
    pub(super) unread: VecDeque<u8>,
    pub(super) end_arrived: bool,
    /// It wants to send and the server's buffer is full.
    pub(super) blocked: bool,
    pub(super) closed: bool,
    pub(super) vanished: bool,
    rests_until: Option<Time>,
}

/// How a client saw the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// The end of the stream, after everything.
    Eof,
    /// A reset, its own or the server's.
    Reset,
    /// The server's kernel gave it up.
    TimedOut,
    /// Nobody listened.
    Refused,
}

impl Client {
    pub(super) fn new(script: Script, nonce_len: usize, proxied: bool) -> Client {
        Client {
            script,
            outgoing: Vec::new(),
            sent: 0,
            got: Vec::new(),
            end: None,
            broke_it: false,
            nonce_len,
            proxied,
            finished: false,
            started: false,
            unread: VecDeque::new(),
            end_arrived: false,
            blocked: false,
            closed: false,
            vanished: false,
            rests_until: None,
        }
    }

    /// What it has read of the nonce.
    pub fn nonce(&self) -> &[u8] {
        &self.got[..self.nonce_len.min(self.got.len())]
    }

    /// What it has read behind the nonce.
    pub fn answers(&self) -> &[u8] {
        &self.got[self.nonce_len.min(self.got.len())..]
    }

    /// Whether it has something to wait for before it ends its sending side.
    fn waits_for_answers(&self) -> bool {
        match self.script.finale {
            Finale::HalfCloseAfter(answers) if self.end.is_none() => self.answers().len() < answers,
            _ => false,
        }
    }
}

/// What clients do.
impl State {
    /// A pause of at most `longest`, in whole milliseconds.
    pub(super) fn pause(&mut self, longest: Duration) -> Duration {
        match longest.as_millis() as u64 {
            0 => Duration::ZERO,
            longest => Duration::from_millis(self.rng.random_range(0..=longest)),
        }
    }

    /// How long the next piece is at most.
    pub(super) fn cut(&mut self, pieces: Pieces) -> usize {
        match pieces.most {
            usize::MAX => usize::MAX,
            most => self.rng.random_range(1..=most.max(1)),
        }
    }

    /// The server has the connection: a proxy sends its header, whatever comes back.
    pub(super) fn introduce(&mut self, id: usize) {
        let client = &mut self.sockets[id].client;
        if client.proxied {
            client.outgoing = client.script.header.clone();
            client.outgoing.truncate(client.script.stops_after);
            // It may stop there.
            client.started = client.script.stops_after <= client.outgoing.len();
            self.go_soon(id);
        }
    }

    /// The nonce is here: now the client knows what to send.
    pub(super) fn start(&mut self, id: usize) {
        let client = &mut self.sockets[id].client;
        client.started = true;
        let mut answer = match &self.key {
            Some(key) => key.digest(client.nonce()).as_bytes().to_vec(),
            None => Vec::new(),
        };
        let digest = answer.len();
        match client.script.answer {
            Answer::Right => {}
            Answer::Wrong(at) if digest > 0 => answer[at % digest] ^= 1,
            Answer::Short(len) if digest > 0 => answer.truncate(len % digest),
            Answer::Wrong(_) | Answer::Short(_) => {}
        }
        if answer.len() == digest {
            answer.extend_from_slice(&client.script.payload);
        }
        client.outgoing.extend(answer);
        client.outgoing.truncate(client.script.stops_after);
        self.go_soon(id);
    }

    fn go_soon(&mut self, id: usize) {
        let pause = self.sockets[id].client.script.sending.pause;
        let delay = self.pause(pause);
        self.after(delay, Act::Go(id));
    }

    /// The next step of the script: a piece, or the finale.
    pub(super) fn go(&mut self, id: usize) {
        let socket = &self.sockets[id];
        let client = &socket.client;
        let over = client.vanished || client.closed || socket.broken;
        let waits = !client.started && client.sent == client.outgoing.len();
        if over || waits || client.finished {
            return;
        }
        if client.sent == client.outgoing.len() || client.end.is_some() && !client.script.stubborn {
            self.finish(id);
            return;
        }
        if socket.gone {
            // Nobody takes it: the server's kernel answers with a reset.
            self.reset_client(id);
            return;
        }
        let cut = self.cut(self.sockets[id].client.script.sending);
        if self.arrive(id, cut) == 0 {
            self.sockets[id].client.blocked = true;
        } else {
            self.go_soon(id);
        }
    }

    fn finish(&mut self, id: usize) {
        let client = &mut self.sockets[id].client;
        let waits = client.waits_for_answers();
        // Whatever it had in mind, after the end of the stream it just closes.
        let finale = if client.end.is_some() { Finale::HalfClose } else { client.script.finale };
        client.finished = !waits;
        match finale {
            Finale::HalfClose => self.end_input(id),
            Finale::HalfCloseAfter(_) if !waits => self.end_input(id),
            Finale::HalfCloseAfter(_) | Finale::Wait => {}
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

    /// The client reads what its kernel has for it, unless it rests.
    pub(super) fn read_as_client(&mut self, id: usize) {
        let now = self.now;
        let client = &mut self.sockets[id].client;
        if client.vanished || client.closed || client.rests_until.is_some_and(|until| now < until) {
            return;
        }
        let before = client.got.len();
        let rest = client.script.rest.filter(|rest| before < rest.after);
        let until = rest.map_or(usize::MAX, |rest| rest.after);
        let reading = client.unread.len().min(until - before);
        client.got.resize(before + reading, 0);
        client.unread.read_exact(&mut client.got[before..]).expect("it has as many");
        let rest = rest.filter(|rest| client.got.len() == rest.after);
        if let Some(Rest { lasts, .. }) = rest {
            client.rests_until = Some(now + lasts);
            self.after(lasts, Act::Resume(id));
        }
        let client = &mut self.sockets[id].client;
        if client.end_arrived && client.unread.is_empty() && rest.is_none() && client.end.is_none()
        {
            client.end = Some(End::Eof);
            // It closes in its turn, some of them late.
            client.finished = client.finished && client.script.finale != Finale::Wait;
            client.started = true;
            self.go_soon(id);
        } else if !client.started && client.got.len() >= client.nonce_len {
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
