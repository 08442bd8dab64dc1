//! What a simulated client does: it answers the nonce, sends, reads, and ends, in its own manner.
//!
//! Never here: how it is done, and what comes of it (see `client.rs`).

use std::time::Duration;

/// What a client does. As [`Script::new`] makes it, it is a good one; each field makes it worse.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Script {
    /// At which listener it connects, counted modulo their number.
    pub listener: usize,
    /// What the proxy that it comes through sends first, from the sources of
    /// [`Config::proxies`](crate::server::Config::proxies); from elsewhere, nothing.
    pub header: Vec<u8>,
    /// What it answers to the nonce, if the server sends one.
    pub answer: Answer,
    /// What it sends behind a whole answer.
    pub payload: Vec<u8>,
    /// What it does when it has sent everything.
    pub finale: Finale,
    /// After so many bytes, those of header and digest included, it goes straight to the finale.
    pub stops_after: usize,
    /// In what pieces its bytes reach the server.
    pub sending: Pieces,
    /// In what pieces the server's bytes reach it.
    pub receiving: Pieces,
    /// Once it stops reading, for a while.
    pub rest: Option<Rest>,
    /// It goes on sending after the server has ended its side.
    pub stubborn: bool,
    /// How many bytes its kernel keeps for it; at least 1.
    pub window: usize,
    /// The server's buffer for what comes from it, in bytes; at least 1.
    pub receive_buffer: usize,
    /// The server's buffer for what goes to it, in bytes; at least 1.
    pub send_buffer: usize,
}

/// What a client answers to the nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// The right digest.
    Right,
    /// One that is wrong in this byte, counted modulo its length.
    Wrong(usize),
    /// Only so many bytes of the right one, modulo its length, and then the finale.
    Short(usize),
}

/// What a client does when it has sent everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finale {
    /// It shuts down its sending side and reads on.
    HalfClose,
    /// It waits until it has so many bytes of answers, then shuts down its sending side.
    HalfCloseAfter(usize),
    /// It closes, whatever may still come.
    Close,
    /// It resets the connection.
    Reset,
    /// It says nothing more and reads on.
    Wait,
    /// It is gone without a word, as when a cable is pulled.
    Vanish,
}

/// How a stream is cut, and what lies between the pieces: both are drawn anew for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pieces {
    /// How many bytes one has at most; at least 1.
    pub most: usize,
    /// The longest pause between two; it is drawn in whole milliseconds.
    pub pause: Duration,
}

/// A pause in a client's reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rest {
    /// It begins when so many bytes were read, those of the nonce included; at least 1.
    pub after: usize,
    /// How long it lasts.
    pub lasts: Duration,
}

impl Script {
    /// Answers rightly, sends `payload` in one piece, shuts down its sending side, reads everything.
    #[must_use]
    pub fn new(payload: &[u8]) -> Script {
        Script {
            listener: 0,
            header: Vec::new(),
            answer: Answer::Right,
            payload: payload.to_vec(),
            finale: Finale::HalfClose,
            stops_after: usize::MAX,
            sending: Pieces::WHOLE,
            receiving: Pieces::WHOLE,
            rest: None,
            stubborn: false,
            window: 1 << 16,
            receive_buffer: 1 << 16,
            send_buffer: 1 << 16,
        }
    }
}

impl Pieces {
    /// All that there is at once, and no pause.
    pub const WHOLE: Pieces = Pieces { most: usize::MAX, pause: Duration::ZERO };
}
