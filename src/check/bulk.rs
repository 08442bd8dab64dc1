//! Much at once: a client that says and hears at the same time, one that hears in sips, one that never hears.
//!
//! Read `slow.rs` and `stuck.rs` for what is tried with it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::pace::Limits;
use super::peer::{Came, Peer, Went};
use super::service::Question;
use super::story::{Told, bytes, doubtful};
use super::trial::compare_at;
use crate::socket::{Deadline, Ready, RecvBuffer};

/// The most bytes that are said or heard at once.
const PIECE: usize = 64 * 1024;

/// How a slow reader reads, to begin with.
#[derive(Clone, Copy)]
pub(super) struct Sips {
    pub(super) size: usize,
    pub(super) pause: Duration,
    /// After so many it reads as fast as it can.
    pub(super) count: usize,
}

impl Sips {
    /// After one of them: the pause, and those that are left.
    fn taken(self, limits: Limits) -> Option<Sips> {
        thread::sleep(limits.left(self.pause));
        (self.count > 1).then_some(Sips { count: self.count - 1, ..self })
    }
}

impl Peer {
    /// Gives itself room, where it had little: what is small now only takes longer.
    pub(super) fn make_room(&self) {
        // Where the kernel gives no more, it has to do with less.
        let _ = self.socket.set_option(RecvBuffer, 1 << 20);
    }

    /// Says all of a request and hears its answer meanwhile, compared as it comes.
    pub(super) fn exchange(&mut self, question: &Question, sips: Option<Sips>) -> Told {
        self.note(&format!("sends {} and reads meanwhile", bytes(question.request.len())));
        self.both_ways(question, 0, sips)?;
        self.note(&format!("hears all {} of the answer", bytes(question.answer.len())));
        Ok(())
    }

    /// The same, ending its sending side behind the request. It reads nothing until the request is said, or nothing more
    /// of it goes for `still`.
    pub(super) fn exchange_to_end(&mut self, question: &Question, still: Duration) -> Told {
        let said = self.fill(&question.request, still)?;
        if said == question.request.len() {
            self.half_close()?;
        }
        self.both_ways(question, said, None)?;
        self.note(&format!("hears all {} of the answer", bytes(question.answer.len())));
        Ok(())
    }

    /// Says `request` without reading until nothing more goes for `still`; how many bytes went.
    pub(super) fn fill(&mut self, request: &[u8], still: Duration) -> Told<usize> {
        let mut said = 0;
        while said < request.len() {
            match self.say_some(&request[said..], still)? {
                Went::Bytes(count) => said += count,
                Went::Nothing => break,
                Went::Gone => {
                    let came = format!("after {} the server had ended the connection", bytes(said));
                    return Err(doubtful(
                        "a server that bears with a client that reads late",
                        came,
                    ));
                }
            }
        }
        self.note(&format!("sends {} and reads nothing", bytes(said)));
        Ok(said)
    }

    /// The rest of a request of which `said` bytes have gone, and its whole answer.
    pub(super) fn both_ways(
        &mut self,
        question: &Question,
        mut said: usize,
        sips: Option<Sips>,
    ) -> Told {
        let Question { request, answer } = question;
        let mut buffer = vec![0; PIECE];
        let (mut heard, mut sips) = (0, sips.filter(|sips| sips.count > 0));
        while heard < answer.len() {
            if said < request.len() {
                self.wait_for_either()?;
                said = match self.say_some(&request[said..], Duration::ZERO)? {
                    Went::Bytes(count) => said + count,
                    Went::Nothing => said,
                    // What the server said before it went is still to be heard.
                    Went::Gone => request.len(),
                };
            }
            let wait = if said < request.len() { Duration::ZERO } else { self.limits.patience };
            let room = sips.map_or(PIECE, |sips| sips.size).min(answer.len() - heard);
            match self.hear_some(&mut buffer[..room], wait)? {
                Came::Bytes(count) => {
                    compare_at(&buffer[..count], answer, heard)?;
                    heard += count;
                    if let Some(sip) = sips {
                        sips = sip.taken(self.limits);
                        sips.is_none().then(|| self.make_room());
                    }
                }
                Came::Nothing if said < request.len() => {}
                other => return Err(self.missing(answer.len(), heard, "the answer", other)),
            }
        }
        Ok(())
    }

    /// Waits until something can be said or heard.
    fn wait_for_either(&mut self) -> Told {
        let wait = self.limits.left(self.limits.patience);
        match self.socket.wait(Ready::Either, Deadline::after(wait)) {
            Ok(true) => Ok(()),
            Ok(false) => Err(doubtful(
                "a server that takes or gives something",
                format!("neither for {:.2} s: both sides wait for each other", wait.as_secs_f64()),
            )),
            Err(error) => Err(doubtful("a connection that works", error.to_string())),
        }
    }

    /// Sends without a pause, and reads as it comes, until `stop`; all of it has to come back.
    pub(super) fn pour(&mut self, piece: &Question, stop: &AtomicBool) -> Told {
        let len = piece.request.len();
        let (mut said, mut heard) = (0, 0);
        let mut buffer = vec![0; PIECE];
        let mut moved = Instant::now();
        while !stop.load(Ordering::Relaxed) || heard < said {
            // To the end of a piece, so that what is owed is known.
            let stopped = stop.load(Ordering::Relaxed) && said % len == 0;
            let mut progress = 0;
            if !stopped
                && let Went::Bytes(count) =
                    self.say_some(&piece.request[said % len..], Duration::ZERO)?
            {
                said += count;
                progress += count;
            }
            let room = buffer.len().min(len - heard % len);
            let wait = if stopped { self.limits.patience } else { Duration::ZERO };
            if let Came::Bytes(count) = self.hear_some(&mut buffer[..room], wait)? {
                compare_at(&buffer[..count], &piece.answer, heard % len)?;
                heard += count;
                progress += count;
            }
            if progress > 0 {
                moved = Instant::now();
            } else if moved.elapsed() > self.limits.patience {
                let came = format!("{} of {} came back", heard, bytes(said));
                return Err(doubtful("a greedy client is answered, too", came));
            } else {
                self.wait_for_either()?;
            }
        }
        self.note(&format!("has sent {} without a pause, and heard as many", bytes(said)));
        Ok(())
    }

    /// That everything that was said is answered once it is asked for: the first `said` bytes of `question`.
    pub(super) fn hear_rest(&mut self, question: &Question, said: usize) -> Told {
        self.half_close()?;
        let answer = &question.answer[..said];
        let (mut heard, mut buffer) = (0, vec![0; PIECE]);
        while heard < said {
            let room = PIECE.min(said - heard);
            match self.hear_some(&mut buffer[..room], self.limits.patience)? {
                Came::Bytes(count) => {
                    compare_at(&buffer[..count], answer, heard)?;
                    heard += count;
                }
                other => return Err(self.missing(said, heard, "all that it is owed", other)),
            }
        }
        self.note(&format!("hears all {} that it is owed", bytes(said)));
        Ok(())
    }
}
