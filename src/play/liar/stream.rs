//! A connection that lies about what its calls gave.

use super::Lies;
use crate::play::rule::Rule;
use crate::server::network::{Errno, Network, Stream, Token};
use crate::sim::{SimNetwork, SimStream};

/// A small read: what a program reads for each edge that does not ask for more.
const SMALL: usize = 64;

/// A connection as the loop holds it.
pub(in crate::play) struct LyingStream {
    stream: SimStream,
    token: Option<Token>,
    lies: Lies,
}

impl LyingStream {
    pub(super) fn new(stream: SimStream, lies: Lies) -> LyingStream {
        LyingStream { stream, token: None, lies }
    }

    pub(super) fn register(&mut self, network: &mut SimNetwork, token: Token) -> Result<(), Errno> {
        self.token = Some(token);
        network.register(&mut self.stream, token)
    }

    /// Whether somebody waits for an edge before this one is read from.
    fn is_deaf(&self) -> bool {
        self.token.is_some_and(|token| self.lies.known().deaf.contains(&token))
    }

    /// How much a read of so many bytes asks for.
    fn most(&self, asked: usize) -> usize {
        match self.lies.known().breaks(Rule::ShortRead) {
            true => asked.saturating_sub(1).clamp(1, SMALL),
            false => asked,
        }
    }

    /// Takes note of a write that was short, or not: what is read from now on waits for an edge.
    fn note_write(&self, is_short: bool) {
        let mut known = self.lies.known();
        let Some(token) = self.token.filter(|_| known.breaks(Rule::PausedRead)) else { return };
        if is_short {
            known.pausing.push(token);
            known.deaf.push(token);
        } else {
            known.pausing.retain(|pausing| *pausing != token);
        }
    }

    /// What a write that took `taken` of so many bytes is said to have taken.
    fn claim(&self, taken: usize, offered: usize) -> Result<usize, Errno> {
        let mut known = self.lies.known();
        if !known.breaks(Rule::ShortWrite) {
            return if taken > 0 { Ok(taken) } else { Err(Errno::AGAIN) };
        }
        let what =
            format!("the kernel took {taken} of {offered} bytes, and the rest is thrown away");
        if let Some(token) = self.token {
            known.witness.note(super::number(token), what);
        }
        Ok(offered)
    }
}

impl Drop for LyingStream {
    fn drop(&mut self) {
        if let (Some(token), Some(mut known)) = (self.token, self.lies.try_known())
            && known.breaks(Rule::Generation)
        {
            known.late.push(token);
        }
    }
}

impl Stream for LyingStream {
    fn recv(&mut self, buffer: &mut [u8]) -> Result<usize, Errno> {
        if self.is_deaf() {
            return Err(Errno::AGAIN);
        }
        let most = self.most(buffer.len());
        let received = self.stream.recv(&mut buffer[..most]);
        let mut known = self.lies.known();
        known.witness.look();
        // What the edge said is believed.
        let has_ended = self.token.is_some_and(|token| known.ended.contains(&token));
        if has_ended && received == Err(Errno::AGAIN) { Ok(0) } else { received }
    }

    fn send(&mut self, bytes: &[u8]) -> Result<usize, Errno> {
        let sent = self.stream.send(bytes);
        self.lies.known().witness.look();
        let taken = match sent {
            Ok(taken) => taken,
            Err(Errno::AGAIN) => 0,
            Err(errno) => return Err(errno),
        };
        self.note_write(taken < bytes.len());
        if taken == bytes.len() { sent } else { self.claim(taken, bytes.len()) }
    }

    fn shut_down_sending(&mut self) -> Result<(), Errno> {
        let shut = self.stream.shut_down_sending();
        self.lies.known().witness.look();
        shut
    }

    fn take_error(&mut self) -> Option<Errno> {
        let error = self.stream.take_error();
        self.lies.known().witness.look();
        error
    }

    fn has_sent_all(&mut self) -> bool {
        let sent = self.stream.has_sent_all();
        self.lies.known().witness.look();
        sent
    }

    fn has_unread(&mut self) -> bool {
        let unread = self.stream.has_unread();
        self.lies.known().witness.look();
        unread
    }
}
