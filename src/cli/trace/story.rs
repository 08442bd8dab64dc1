//! `--connection N`: what happened to one connection, line by line, and in which turns of the loop.

use std::io::{self, Write};
use std::time::Duration;

use super::record::Record;
use super::words::words;

/// Of what the loop did in a turn before the connection had its own, no more is kept than so many lines.
const BEFORE: usize = 8;
/// How wide the time is, with microseconds and ten thousand seconds.
const WIDTH: usize = 12;

/// What is told of one connection, as its events come.
pub(super) struct Story<W> {
    out: W,
    connection: u64,
    life: Life,
    /// The loop's last sleep and the turn that followed, and what it did in that, not printed yet.
    pending: Vec<(Option<Duration>, String)>,
    turn: Turn,
    /// Turns that were left out since the last that was not.
    left_out: u64,
    printed: Option<Duration>,
}

/// How far the connection is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    /// Nothing has been told of it.
    None,
    /// It may go on.
    Open,
    /// It was closed, or turned away.
    Over,
}

/// What the loop is at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// It sleeps, or it is not known.
    None,
    /// In a turn that is none of the connection's, so far.
    Others,
    /// In one in which something has happened to it; and so many things to others.
    Its(u64),
}

impl<W: Write> Story<W> {
    pub(super) fn new(out: W, connection: u64) -> Story<W> {
        Story {
            out,
            connection,
            life: Life::None,
            pending: Vec::new(),
            turn: Turn::None,
            left_out: 0,
            printed: None,
        }
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// The trace is over; whether it had anything to tell.
    pub(super) fn end(&mut self) -> io::Result<bool> {
        if self.life == Life::Open {
            self.tell_left_out()?;
            writeln!(self.out, "{:WIDTH$}  the trace ends here, and the connection is open", "")?;
        }
        self.out.flush()?;
        Ok(self.life != Life::None)
    }

    /// Takes in an event, and the line that it was read from.
    pub(super) fn tell(&mut self, record: &Record, line: &str) -> io::Result<()> {
        match (&*record.event, record.connection) {
            (_, Some(connection)) if connection == self.connection => self.its_own(record, line),
            (_, Some(_)) => {
                if let Turn::Its(others) = &mut self.turn {
                    *others += 1;
                }
                Ok(())
            }
            ("waiting", _) => {
                self.end_turn();
                self.pending = vec![(record.time, words(record, line))];
                Ok(())
            }
            ("turn", _) => {
                if self.turn != Turn::None {
                    self.end_turn();
                }
                self.pending.push((record.time, words(record, line)));
                self.turn = Turn::Others;
                Ok(())
            }
            ("turn_end", _) => self.turn_ends(record, line),
            ("lost", _) => self.lost(record, line),
            // What the loop did besides: to accept, to hear of a signal.
            _ => self.the_loops(record, line),
        }
    }

    fn its_own(&mut self, record: &Record, line: &str) -> io::Result<()> {
        if self.life != Life::None {
            self.tell_left_out()?;
        }
        for (time, line) in std::mem::take(&mut self.pending) {
            // A turn may begin as soon as the last is over: it is told when, all the same.
            self.printed = None;
            self.print(time, &line)?;
        }
        if self.turn == Turn::Others {
            self.turn = Turn::Its(0);
        }
        let is_over = self.life == Life::Over || ["closed", "refused"].contains(&&*record.event);
        self.life = if is_over { Life::Over } else { Life::Open };
        self.left_out = 0;
        self.print(record.time, &words(record, line))
    }

    fn tell_left_out(&mut self) -> io::Result<()> {
        match self.left_out {
            0 => Ok(()),
            1 => writeln!(self.out, "{:>WIDTH$}  1 turn without it", "⋮"),
            turns => writeln!(self.out, "{:>WIDTH$}  {turns} turns without it", "⋮"),
        }
    }

    fn the_loops(&mut self, record: &Record, line: &str) -> io::Result<()> {
        match self.turn {
            Turn::Its(_) => self.print(record.time, &words(record, line)),
            Turn::Others if self.pending.len() < BEFORE => {
                self.pending.push((record.time, words(record, line)));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn turn_ends(&mut self, record: &Record, line: &str) -> io::Result<()> {
        if let Turn::Its(others) = self.turn {
            let words = words(record, line);
            let others = match others {
                0 => String::new(),
                1 => ", with 1 event of others".to_owned(),
                _ => format!(", with {others} events of others"),
            };
            // When it was over, `took` says.
            self.print(self.printed, &format!("{words}{others}"))?;
            self.turn = Turn::None;
        }
        self.end_turn();
        Ok(())
    }

    /// What is missing may have been its own.
    fn lost(&mut self, record: &Record, line: &str) -> io::Result<()> {
        self.pending.clear();
        self.turn = Turn::None;
        if self.life == Life::Open { self.print(None, &words(record, line)) } else { Ok(()) }
    }

    fn end_turn(&mut self) {
        self.left_out += u64::from(self.turn == Turn::Others);
        self.turn = Turn::None;
        self.pending.clear();
    }

    /// A line, and the time in front of it, if it is another than before.
    fn print(&mut self, time: Option<Duration>, line: &str) -> io::Result<()> {
        match time {
            Some(now) if time != self.printed => {
                self.printed = time;
                writeln!(self.out, "{:>WIDTH$.6}  {line}", now.as_secs_f64())
            }
            _ => writeln!(self.out, "{:WIDTH$}  {line}", ""),
        }
    }
}
