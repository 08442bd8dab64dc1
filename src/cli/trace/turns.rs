//! The turns of the loop: how many, how long they took, and what the longest of them did.

use std::time::Duration;

use super::record::Record;
use super::units::{many, number};

/// So many of the longest are kept.
const LONGEST: usize = 5;

/// What is known of the turns so far.
#[derive(Debug, Default)]
pub(super) struct Turns {
    pub(super) count: u64,
    /// How long all of them took together.
    pub(super) worked: Duration,
    /// The longest, the longest first.
    pub(super) longest: Vec<Turn>,
    now: Option<Turn>,
}

/// One turn, and what happened in it.
#[derive(Debug, Default)]
pub(super) struct Turn {
    pub(super) time: Duration,
    pub(super) took: Duration,
    ready: u64,
    accepted: u64,
    recv: Calls,
    send: Calls,
    logins: u64,
    deadlines: u64,
    requeued: u64,
    closed: u64,
    /// Whose turn it is now, and how many bytes went to and fro in it; and that of whom it was the most.
    current: Moved,
    most: Moved,
}

/// Calls of one kind.
#[derive(Debug, Default)]
struct Calls {
    calls: u64,
    bytes: u64,
}

/// Bytes of a connection.
#[derive(Clone, Copy, Debug, Default)]
struct Moved {
    connection: u64,
    bytes: u64,
}

impl Turns {
    /// Whether a turn has begun and is not over.
    pub(super) fn are_in_one(&self) -> bool {
        self.now.is_some()
    }

    /// Takes in an event.
    pub(super) fn tell(&mut self, record: &Record, time: Duration) {
        match &*record.event {
            "turn" => {
                self.count += 1;
                let ready = record.ready.unwrap_or_default();
                self.now = Some(Turn { time, ready, ..Turn::default() });
            }
            "turn_end" => {
                let took = record.took.unwrap_or_default();
                self.worked = self.worked.saturating_add(took);
                if let Some(turn) = self.now.take() {
                    self.end(Turn { took, ..turn });
                }
            }
            // What is missing may have been its end.
            "lost" | "waiting" => self.now = None,
            _ => {
                if let Some(turn) = &mut self.now {
                    turn.tell(record);
                }
            }
        }
    }

    fn end(&mut self, turn: Turn) {
        let place = self.longest.partition_point(|longer| longer.took >= turn.took);
        if place < LONGEST {
            self.longest.insert(place, turn);
            self.longest.truncate(LONGEST);
        }
    }
}

impl Turn {
    fn tell(&mut self, record: &Record) {
        let bytes = record.bytes.unwrap_or_default();
        let count = match &*record.event {
            "received" => return self.moves(record, |turn| &mut turn.recv, bytes),
            "sent" => return self.moves(record, |turn| &mut turn.send, bytes),
            // Behind a proxy it was accepted before.
            "opened" if record.via.is_some() => return,
            "opened" | "accepted" | "refused" => &mut self.accepted,
            "login" => &mut self.logins,
            "deadline" => &mut self.deadlines,
            "requeued" => &mut self.requeued,
            "closed" => &mut self.closed,
            _ => return,
        };
        *count += 1;
    }

    fn moves(&mut self, record: &Record, calls: impl Fn(&mut Turn) -> &mut Calls, bytes: u64) {
        let calls = calls(self);
        calls.calls += 1;
        calls.bytes = calls.bytes.saturating_add(bytes);
        let connection = record.connection.unwrap_or_default();
        if self.current.connection != connection {
            self.current = Moved { connection, bytes: 0 };
        }
        self.current.bytes = self.current.bytes.saturating_add(bytes);
        if self.current.bytes > self.most.bytes {
            self.most = self.current;
        }
    }

    /// In words.
    pub(super) fn did(&self) -> String {
        let moved = |what: &str, calls: &Calls| {
            let Calls { calls, bytes } = calls;
            (*calls > 0).then(|| format!("{}x {what} of {}", number(*calls), many(*bytes, "byte")))
        };
        let counted =
            |count: u64, what: &str| (count > 0).then(|| format!("{} {what}", number(count)));
        let parts = [
            Some(format!("{} ready", number(self.ready))),
            counted(self.accepted, "accepted"),
            moved("recv", &self.recv),
            moved("send", &self.send),
            counted(self.logins, "checked"),
            counted(self.requeued, "queued again"),
            counted(self.deadlines, "too late"),
            counted(self.closed, "closed"),
            self.most_of_it(),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// For whom, if it was mostly for one.
    fn most_of_it(&self) -> Option<String> {
        let Moved { connection, bytes } = self.most;
        let all = self.recv.bytes.saturating_add(self.send.bytes);
        (bytes > all / 2).then(|| format!("most for connection {connection}"))
    }
}
