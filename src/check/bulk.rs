//! Much at once: a client that says and hears at the same time, one that hears in sips, one that never hears.
//!
//! Read `slow.rs` and `stuck.rs` for what is tried with it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::peer::{Came, Peer, Went};
use super::service::Question;
use super::story::{Told, Trouble, bytes, doubtful, ended};
use super::trial::compare_at;
use crate::socket::{Deadline, Ready, RecvBuffer};

/// The most bytes that are said or heard at once.
const PIECE: usize = 64 * 1024;

/// The longest that nothing has to go before it is asked whether the server rests, where the kernel tells: however busy the
/// machine. After twice this the client's kernel has asked once more for a window that was shut (RFC 9293, 3.8.6.1; Linux
/// asks after 200 ms).
const STILL: Duration = Duration::from_millis(240);

/// How often it is tried whether a server that takes no more takes more all the same.
const STANDSTILLS: usize = 24;

/// How a client goes about it.
#[derive(Clone, Copy, Default)]
pub(super) struct Manner {
    /// So many times it reads only a sip, and then pauses; after that it reads as fast as it can.
    pub(super) sips: usize,
    /// It ends its sending side when it has said all.
    pub(super) ends: bool,
}

/// What a slow reader reads at once, and its pause.
const SIP: usize = 32 * 1024;
const PAUSE: Duration = Duration::from_millis(15);

impl Peer {
    /// Gives itself room, where it had little: what is small now only takes longer.
    pub(super) fn make_room(&self) {
        // Where the kernel gives no more, it has to do with less.
        let _ = self.socket.set_option(RecvBuffer, 1 << 20);
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
                    return Err(ended("a server that bears with a client that reads late", came));
                }
            }
        }
        self.note(&format!("sends {} and reads nothing", bytes(said)));
        Ok(said)
    }

    /// The same, until the server is stuck: until it has come to rest, and nothing goes all the same. On a busy machine it
    /// may have stood still for another reason, and then more goes later.
    pub(super) fn fill_up(&mut self, request: &[u8], still: Duration) -> Told<usize> {
        let (mut said, mut rested) = (0, false);
        let still = if self.watch.tells() { STILL.min(still * 2) } else { still * 2 };
        for _ in 0..STANDSTILLS {
            let more = self.fill(&request[said..], still)?;
            said += more;
            let all = said == request.len();
            if rested && (all || more == 0) {
                return Ok(said);
            }
            rested = self.is_waited_for()?;
        }
        Err(Trouble::Late(format!("the server never stood still, {} later", bytes(said))))
    }

    /// The rest of a request of which `said` bytes have gone, and meanwhile its whole answer, compared as it comes.
    pub(super) fn exchange(
        &mut self,
        question: &Question,
        mut said: usize,
        manner: Manner,
    ) -> Told {
        let Question { request, answer } = question;
        let (mut heard, mut sips, mut ends) = (0, manner.sips, manner.ends);
        let mut buffer = vec![0; PIECE];
        while heard < answer.len() {
            if said < request.len() {
                said += self.say_what_goes(&request[said..])?;
            }
            if said == request.len() && std::mem::take(&mut ends) {
                self.half_close()?;
            }
            let wait = if said < request.len() { Duration::ZERO } else { self.limits.patience };
            let room = if sips > 0 { SIP } else { PIECE }.min(answer.len() - heard);
            match self.hear_some(&mut buffer[..room], wait)? {
                Came::Bytes(count) => {
                    compare_at(&buffer[..count], answer, heard)?;
                    heard += count;
                }
                Came::Nothing if said < request.len() => continue,
                other => return Err(self.missing(answer.len(), heard, "the answer", other)),
            }
            if sips > 0 {
                sips -= 1;
                thread::sleep(self.limits.left(PAUSE));
                if sips == 0 {
                    self.make_room();
                }
            }
        }
        self.note(&format!("hears all {} of the answer", bytes(heard)));
        Ok(())
    }

    /// Says what there is room for, once something can be said or heard; how much that was. If the connection is gone it
    /// counts as all: what the server said before is still to be heard.
    fn say_what_goes(&mut self, rest: &[u8]) -> Told<usize> {
        self.wait_for_either()?;
        Ok(match self.say_some(rest, Duration::ZERO)? {
            Went::Bytes(count) => count,
            Went::Nothing => 0,
            Went::Gone => rest.len(),
        })
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
