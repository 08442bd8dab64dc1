//! One client of the server that is tried: it says and hears bytes, waits for each with a bound, and notes what it
//! does.
//!
//! The socket is non-blocking, and the waiting is done here, so that a client can hear while it says. Never here: what
//! an answer should be; see `service.rs`. Read `talk.rs` next.

use std::time::{Duration, Instant};

use rustix::net::{RecvFlags, recv};

use super::pace::Limits;
use super::rest::Watch;
use super::story::{Diary, Told, Trouble, bytes, doubtful, ended, seconds, wrong};
use crate::socket::{Deadline, Linger, Ready, Shutdown, Socket};

/// The most bytes that are heard at once.
const ROOM: usize = 64 * 1024;

/// A client.
pub(super) struct Peer {
    pub(super) socket: Socket,
    number: usize,
    diary: Diary,
    pub(super) limits: Limits,
    /// Over the server.
    pub(super) watch: Watch,
    /// When it was connected.
    pub(super) since: Instant,
    /// The server has ended the connection.
    ended: bool,
}

/// What came of waiting to hear something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Came {
    Bytes(usize),
    End,
    Reset,
    Nothing,
}

/// What came of waiting to say something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Went {
    Bytes(usize),
    /// The connection is gone.
    Gone,
    Nothing,
}

/// How the server ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    End,
    Reset,
}

impl Peer {
    /// Takes a connected socket.
    pub(super) fn new(
        socket: Socket,
        number: usize,
        diary: Diary,
        limits: Limits,
        since: Instant,
        watch: Watch,
    ) -> Told<Peer> {
        let peer = Peer { socket, number, diary, limits, watch, since, ended: false };
        peer.socket.set_blocking(false).map_err(|error| peer.broken(&error))?;
        peer.note("connects");
        Ok(peer)
    }

    pub(super) fn note(&self, what: &str) {
        self.diary.note(format!("client {}: {what}", self.number));
    }

    fn broken(&self, error: &crate::socket::Error) -> Trouble {
        doubtful("a connection that works", format!("client {}: {error}", self.number))
    }

    /// Waits for something to hear, for so long at most.
    pub(super) fn hear_some(&mut self, buffer: &mut [u8], wait: Duration) -> Told<Came> {
        let deadline = Instant::now() + self.limits.left(wait);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.socket.wait(Ready::Reading, Deadline::after(left)) {
                Ok(true) => {}
                Ok(false) if self.limits.are_over() => return Err(Trouble::OutOfTime),
                Ok(false) => return Ok(Came::Nothing),
                Err(error) => return Err(self.broken(&error)),
            }
            match self.socket.recv_into(buffer) {
                Ok(0) => {
                    self.ended = true;
                    return Ok(Came::End);
                }
                Ok(count) => return Ok(Came::Bytes(count)),
                // Readiness is a hint.
                Err(error) if error.is_would_block() => {}
                Err(error) if error.is_peer_gone() => {
                    self.ended = true;
                    return Ok(Came::Reset);
                }
                Err(error) => return Err(self.broken(&error)),
            }
        }
    }

    /// Waits for room, for so long at most, and says what there is room for.
    pub(super) fn say_some(&mut self, text: &[u8], wait: Duration) -> Told<Went> {
        let deadline = Instant::now() + self.limits.left(wait);
        loop {
            match self.socket.send(text) {
                Ok(count) => return Ok(Went::Bytes(count)),
                Err(error) if error.is_peer_gone() => return Ok(Went::Gone),
                Err(error) if !error.is_would_block() => return Err(self.broken(&error)),
                Err(_) => {}
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.socket.wait(Ready::Writing, Deadline::after(left)) {
                Ok(true) => {}
                Ok(false) if self.limits.are_over() => return Err(Trouble::OutOfTime),
                Ok(false) => return Ok(Went::Nothing),
                Err(error) => return Err(self.broken(&error)),
            }
        }
    }

    /// Says all of it; a connection that is gone, or a server that takes nothing, is trouble.
    pub(super) fn say(&mut self, text: &[u8], what: &str) -> Told {
        self.note(&format!("sends {what}, {}", bytes(text.len())));
        let mut said = 0;
        while said < text.len() {
            match self.say_some(&text[said..], self.limits.patience)? {
                Went::Bytes(count) => said += count,
                Went::Gone => {
                    let came = format!("after {} the server had ended the connection", bytes(said));
                    return Err(ended(format!("the server takes {what}"), came));
                }
                Went::Nothing => {
                    let patience = seconds(self.limits.patience);
                    let came = format!("it took {}, and then none for {patience}", bytes(said));
                    return Err(doubtful(format!("the server takes {what}"), came));
                }
            }
        }
        Ok(())
    }

    /// Says what the server may end the connection over.
    pub(super) fn say_if_heard(&mut self, text: &[u8], what: &str) -> Told {
        self.note(&format!("sends {what}, {}", bytes(text.len())));
        let mut said = 0;
        while said < text.len() {
            match self.say_some(&text[said..], self.limits.patience)? {
                Went::Bytes(count) => said += count,
                Went::Gone | Went::Nothing => break,
            }
        }
        Ok(())
    }

    /// Hears exactly so many bytes.
    pub(super) fn hear(&mut self, count: usize, what: &str) -> Told<Vec<u8>> {
        let mut heard = vec![0; count];
        let mut have = 0;
        while have < count {
            have += match self.hear_some(&mut heard[have..], self.limits.patience)? {
                Came::Bytes(more) => more,
                other => return Err(self.missing(count, have, what, other)),
            };
        }
        self.note(&format!("hears {what}, {}", bytes(count)));
        Ok(heard)
    }

    /// That the bytes of `what` stopped before all were there.
    pub(super) fn missing(&self, count: usize, have: usize, what: &str, came: Came) -> Trouble {
        let expected = format!("client {} hears {what}, {}", self.number, bytes(count));
        let end = match came {
            Came::End => "the end of the connection".into(),
            Came::Reset => "a reset of the connection".into(),
            _ => format!("nothing for {}", seconds(self.limits.patience)),
        };
        let told = if have == 0 { end } else { format!("{}, then {end}", bytes(have)) };
        match came {
            Came::End | Came::Reset => ended(expected, told),
            Came::Bytes(_) | Came::Nothing => doubtful(expected, told),
        }
    }

    /// Hears everything up to the end, which has to come.
    pub(super) fn hear_to_end(&mut self, what: &str) -> Told<(Vec<u8>, Ending)> {
        let (mut heard, mut buffer) = (Vec::new(), vec![0; ROOM]);
        let ending = loop {
            match self.hear_some(&mut buffer, self.limits.patience)? {
                Came::Bytes(count) => heard.extend_from_slice(&buffer[..count]),
                Came::End => break Ending::End,
                Came::Reset => break Ending::Reset,
                Came::Nothing => {
                    let patience = seconds(self.limits.patience);
                    let expected =
                        format!("client {} hears the end of the connection: {what}", self.number);
                    let came = format!("{}, then nothing for {patience}", bytes(heard.len()));
                    return Err(doubtful(expected, came));
                }
            }
        };
        let word = if ending == Ending::End { "the end" } else { "a reset" };
        self.note(&format!("hears {}, then {word}", bytes(heard.len())));
        Ok((heard, ending))
    }

    /// Whether something to hear comes so soon.
    pub(super) fn wait_for_words(&self, wait: Duration) -> Told<bool> {
        let deadline = Deadline::after(self.limits.left(wait));
        self.socket.wait(Ready::Reading, deadline).map_err(|error| self.broken(&error))
    }

    /// Hears the end, and not one byte before it: a refusal.
    pub(super) fn hear_refusal(&mut self, of: &str) -> Told {
        let (heard, _) = self.hear_to_end(&format!("{of} is refused"))?;
        if heard.is_empty() {
            return Ok(());
        }
        let expected = format!("{of}: the server closes and says nothing");
        Err(wrong(expected, format!("it said {}", bytes(heard.len()))))
    }

    /// Nothing may come for a while, and not before the server rests.
    pub(super) fn hear_nothing(&mut self, wait: Duration, when: &str) -> Told {
        let expected = format!("silence {when}");
        if !self.wait_for_words(wait)? {
            self.watch.rests(Duration::ZERO, self.limits.left(self.limits.patience));
        }
        match self.hear_some(&mut [0; 1024], Duration::ZERO)? {
            Came::Nothing => {
                self.note(&format!("hears nothing for {}", seconds(wait)));
                Ok(())
            }
            Came::Bytes(count) => Err(wrong(expected, format!("{} more", bytes(count)))),
            Came::End => Err(ended(expected, "the end of the connection")),
            Came::Reset => Err(ended(expected, "a reset of the connection")),
        }
    }

    /// Ends its sending side; unless the server has ended the connection, which then is over.
    ///
    /// Where the server's end came first, an end from here would leave it in TIME_WAIT there: see `drop`.
    pub(super) fn half_close(&mut self) -> Told {
        self.note("ends its sending side");
        if self.has_heard_the_end() {
            return Ok(());
        }
        match self.socket.shutdown(Shutdown::Write) {
            // A connection that is gone needs no end.
            Err(error) if error.raw_os_error().is_none() => Err(self.broken(&error)),
            _ => Ok(()),
        }
    }

    /// Whether the server's end has come, and nothing before it that was not heard yet.
    fn has_heard_the_end(&self) -> bool {
        let Ok(descriptor) = self.socket.descriptor() else { return true };
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        self.ended || recv(descriptor, &mut [0; 1], flags).is_ok_and(|(count, _)| count == 0)
    }

    /// Leaves as a program should: its own end first, then the server's, if that comes soon. That it comes is asked in
    /// `farewell` alone.
    pub(super) fn leave(mut self, soon: Duration) -> Told {
        self.half_close()?;
        while let Came::Bytes(_) = self.hear_some(&mut [0; 1024], soon)? {}
        Ok(())
    }

    /// Leaves with a reset, as a program that crashes does.
    pub(super) fn reset(self) {
        self.note("is gone, with a reset");
        // Where it fails the connection is gone already.
        let _ = self.socket.set_option(Linger, Some(Duration::ZERO));
    }

    /// Leaves so that the server's end, if it came first, stays in TIME_WAIT there, as it does after any client.
    pub(super) fn leave_as_any(self) {
        // What a close fails with does not keep it open.
        let _ = self.socket.close();
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if self.has_heard_the_end() {
            // The server has ended first, and would keep its port in TIME_WAIT for a minute; a server that does not
            // set SO_REUSEADDR could not be started anew. A reset ends that, and the server never hears of it.
            let _ = self.socket.set_option(Linger, Some(Duration::ZERO));
        }
    }
}
