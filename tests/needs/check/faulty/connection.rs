//! One connection of the faulty server: bytes in and out, and when its time is up.
//!
//! What it makes of the bytes is in `hearing.rs`.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};

use super::speech::{Service, Terms};

/// What is owed before reading stops, and what one read takes.
pub(super) const ROOM: usize = 64 * 1024;
/// Of which a kernel's buffers are multiples: over loopback, with segments as large as they are there, a send of so many
/// bytes is taken whole or not at all.
const PAGE: usize = 4096;
/// How long it is waited for the end of whoever was refused or has been answered.
const LINGER: Duration = Duration::from_secs(1);

/// In so long a client has said what it says in one breath.
const TOGETHER: Duration = Duration::from_millis(20);
/// Within so long a client's end is here that was on its way; it is waited for, and not slept through.
const SOON: Duration = Duration::from_millis(300);

/// The connection is over.
pub(super) struct Gone;

pub(super) struct Connection {
    pub(super) stream: TcpStream,
    since: Instant,
    pub(super) nonce: Vec<u8>,
    pub(super) stage: Stage,
    /// Of the digest, or of a request of `upper-once`.
    pub(super) heard: Vec<u8>,
    pub(super) owed: Vec<u8>,
    pub(super) input_ended: bool,
    moved: Instant,
    paused: bool,
    received: usize,
    pub(super) refused: bool,
    reset: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Pending,
    Serving,
    /// All has been said; what is owed goes out, then its own side ends.
    Closing,
    /// Its own side has ended; what comes is thrown away, until then.
    Lingering(Instant),
}

/// Whether it reads though it owes something.
fn reads_on(terms: &Terms) -> bool {
    terms.is("remembers-all") || terms.is("drops-when-full")
}

impl Connection {
    /// Sends the nonce.
    pub(super) fn new(stream: TcpStream, terms: &mut Terms) -> Result<Connection, Gone> {
        stream.set_nonblocking(true).map_err(|_| Gone)?;
        stream.set_nodelay(true).map_err(|_| Gone)?;
        let (nonce, said) = terms.nonce();
        // A peer that is gone already is told by a reset that comes before the nonce is sent.
        (&stream).write_all(&said).map_err(|_| Gone)?;
        if stream.take_error().is_ok_and(|error| error.is_some()) {
            return Err(Gone);
        }
        let now = Instant::now();
        let stage = if nonce.is_empty() { Stage::Serving } else { Stage::Pending };
        Ok(Connection {
            stream,
            since: now,
            nonce,
            stage,
            heard: Vec::new(),
            owed: Vec::new(),
            input_ended: false,
            moved: now,
            paused: false,
            received: 0,
            refused: false,
            reset: false,
        })
    }

    pub(super) fn polled(&self, terms: &Terms) -> PollFd<'_> {
        let mut flags = PollFlags::empty();
        let reads = match self.stage {
            Stage::Lingering(_) => true,
            Stage::Closing => false,
            _ => !self.input_ended && (self.owed.is_empty() || reads_on(terms)),
        };
        if reads && !self.paused || terms.is("asks-when-stuck") && !self.owed.is_empty() {
            flags |= PollFlags::IN;
        }
        if !self.owed.is_empty() {
            flags |= PollFlags::OUT;
        }
        PollFd::new(&self.stream, flags)
    }

    /// Does what can be done.
    pub(super) fn turn(&mut self, terms: &mut Terms) -> Result<(), Gone> {
        if let Stage::Lingering(_) = self.stage {
            return self.discard();
        }
        if terms.is("end-first") && self.is_end_in_sight(SOON) {
            return Err(Gone);
        }
        if terms.is("end-is-end") {
            return self.read_to_the_end(terms);
        }
        self.flush(terms)?;
        if !self.paused && (self.owed.is_empty() || reads_on(terms)) {
            self.read(terms)?;
            if !terms.is("answers-cross") {
                self.flush(terms)?;
            }
            self.paused |= terms.is("never-resumes") && self.owes();
        }
        if self.is_pending() && terms.is("end-ignored") {
            return Ok(());
        }
        if self.owed.is_empty() && (self.stage == Stage::Closing || self.input_ended) {
            if self.stage != Stage::Closing && terms.is("no-farewell") {
                return Ok(());
            }
            return self.close(terms);
        }
        Ok(())
    }

    /// Reads all there is before it answers, and forgets that over the end.
    fn read_to_the_end(&mut self, terms: &mut Terms) -> Result<(), Gone> {
        // Together with the end, if that is on its way.
        self.is_end_in_sight(SOON);
        loop {
            let before = self.received;
            self.read(terms)?;
            if self.input_ended {
                return Err(Gone);
            }
            if self.received == before {
                return self.flush(terms);
            }
        }
    }

    fn is_end_in_sight(&self, within: Duration) -> bool {
        let mut polled = [PollFd::new(&self.stream, PollFlags::RDHUP)];
        let within = within.try_into().unwrap();
        rustix::event::poll(&mut polled, Some(&within)).is_ok_and(|ready| ready > 0)
    }

    fn read(&mut self, terms: &mut Terms) -> Result<(), Gone> {
        if self.input_ended || self.stage == Stage::Closing {
            return Ok(());
        }
        if terms.is("parts-swapped") {
            thread::sleep(TOGETHER);
        }
        // As one that is told of a change once, and takes a short read for all there was.
        let told_of_end = terms.is("end-forgotten") && self.is_end_in_sight(Duration::ZERO);
        let mut buffer = vec![0; if terms.is("short-small-send") { PAGE } else { ROOM }];
        match self.stream.read(&mut buffer) {
            Ok(count @ 1..) if told_of_end => {
                self.paused = true;
                self.hear(&buffer[..count], terms)
            }
            Ok(0) => self.hear_end(terms),
            Ok(count) => {
                self.moved = Instant::now();
                self.received += count;
                if terms.is("mebibyte") && self.received > 1 << 20 {
                    return Err(Gone);
                }
                self.hear(&buffer[..count], terms)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) => self.lost(&error, terms),
        }
    }

    fn lost(&mut self, error: &std::io::Error, terms: &Terms) -> Result<(), Gone> {
        self.reset = true;
        let ends_it = terms.is("reset-ends-it") && error.kind() == ErrorKind::ConnectionReset
            || terms.is("unread-ends-it") && error.kind() == ErrorKind::BrokenPipe
            || terms.is("unread-ends-it") && !self.owed.is_empty();
        if ends_it {
            panic!("{error}");
        }
        Err(Gone)
    }

    fn flush(&mut self, terms: &Terms) -> Result<(), Gone> {
        let forgets_the_rest = terms.is("short-send") || terms.is("short-small-send");
        while !self.owed.is_empty() {
            match self.stream.write(&self.owed) {
                Ok(_) if forgets_the_rest => self.owed.clear(),
                Ok(count) => drop(self.owed.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return self.lost(&error, terms),
            }
        }
        Ok(())
    }

    /// Ends its own side, and waits for the other's.
    pub(super) fn close(&mut self, terms: &Terms) -> Result<(), Gone> {
        if self.input_ended || terms.is("once-reset") {
            return Err(Gone);
        }
        if terms.is("once-open") {
            self.stage = Stage::Lingering(Instant::now() + LINGER * 60);
            return Ok(());
        }
        self.stream.shutdown(Shutdown::Write).map_err(|_| Gone)?;
        self.stage = Stage::Lingering(Instant::now() + LINGER);
        Ok(())
    }

    fn discard(&mut self) -> Result<(), Gone> {
        let mut buffer = vec![0; ROOM];
        match self.stream.read(&mut buffer) {
            Ok(1..) => Ok(()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            _ => Err(Gone),
        }
    }

    /// When its time is up.
    pub(super) fn deadline(&self, terms: &Terms) -> Option<Instant> {
        match self.stage {
            Stage::Lingering(until) => Some(until),
            Stage::Pending if terms.is("no-deadline") => None,
            Stage::Pending if terms.is("half-is-enough") && !self.heard.is_empty() => None,
            Stage::Pending if terms.is("bytes-move-deadline") => Some(self.moved + terms.timeout),
            Stage::Pending if terms.is("impatient") => Some(self.since + terms.timeout / 4),
            Stage::Pending => Some(self.since + terms.timeout),
            _ if terms.is("deadline-for-all") => Some(self.since + terms.timeout),
            Stage::Serving if terms.service == Service::Once && self.nonce.is_empty() => {
                Some(self.since + terms.timeout)
            }
            _ => None,
        }
    }

    pub(super) fn is_pending(&self) -> bool {
        self.stage == Stage::Pending
    }

    pub(super) fn has_begun(&self) -> bool {
        !self.heard.is_empty()
    }

    pub(super) fn owes(&self) -> bool {
        !self.owed.is_empty()
    }

    pub(super) fn owe(&mut self, answers: Vec<u8>) {
        self.owed.extend(answers);
    }

    pub(super) fn take_owed(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.owed)
    }

    pub(super) fn was_refused(&self) -> bool {
        self.refused
    }

    pub(super) fn was_reset(&self) -> bool {
        self.reset
    }

    pub(super) fn was_served(&self) -> bool {
        !self.refused && !self.reset
    }

    /// The server ends: nothing more is heard, what is owed is sent, and then it is over.
    pub(super) fn drain(&mut self, terms: &Terms) -> Result<(), Gone> {
        if self.owed.is_empty() && !terms.is("waits-for-idle") {
            return Err(Gone);
        }
        self.stage = Stage::Closing;
        Ok(())
    }
}
