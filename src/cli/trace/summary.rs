//! What a trace tells as a whole, in memory that does not grow with it.

use std::io::{self, Write};
use std::time::Duration;

use sockmodes::observe::shown;

use super::connections::{Connections, Life};
use super::record::Record;
use super::tally::{Count, Place, Tally};
use super::turns::Turns;
use super::units::{duration, many, number, percent};
use super::words::{are_known, words};

/// So many addresses are named; a server has no more.
const ADDRESSES: usize = 126;

/// What is said of lines that are none of a trace.
pub(super) const SKIPPED: &str = "skipped: no event, or only a part of one";

/// What is known so far.
#[derive(Debug, Default)]
pub(super) struct Summary {
    events: u64,
    /// Lines that the server could not write.
    lost: u64,
    unknown: Tally,
    listening: Vec<String>,
    stopped: Option<(Duration, u64)>,
    first: Option<Duration>,
    now: Duration,
    turns: Turns,
    connections: Connections,
    worth: Tally,
}

impl Summary {
    /// Takes in an event.
    pub(super) fn tell(&mut self, record: &Record) {
        self.events += 1;
        let time = record.time.unwrap_or(self.now);
        self.first = self.first.or(record.time);
        // How things stand is told with a time that has passed.
        self.now = self.now.max(time);
        let place = Place { event: self.events, time, connection: record.connection };
        if record.is_worth_a_look() {
            self.worth.add(kind(record), place);
        }
        self.connections.tell(record, place, self.turns.are_in_one());
        self.turns.tell(record, time);
        match &*record.event {
            "listening" => self.listens(record),
            "lost" => self.lost = self.lost.saturating_add(record.lines.unwrap_or_default()),
            "stopped" => self.stopped = Some((time, record.connections.unwrap_or_default())),
            // Most of them, and known.
            "ready" | "received" | "sent" | "waiting" | "turn" | "turn_end" | "state" | "timer" => {
            }
            _ if !are_known(record) => self.unknown.add(shown(&record.event), place),
            _ => {}
        }
    }

    fn listens(&mut self, record: &Record) {
        let address = record.address.as_deref().map(shown).unwrap_or_default();
        if self.listening.len() < ADDRESSES && !self.listening.contains(&address) {
            self.listening.push(address);
        }
    }

    /// All of it, of a trace that is called `name` and in which so many lines are `broken`.
    pub(super) fn write(&self, name: &str, broken: u64, out: &mut dyn Write) -> io::Result<()> {
        let span = self.now.saturating_sub(self.first.unwrap_or_default());
        writeln!(out, "{name}: {} in {}", many(self.events, "event"), duration(span))?;
        for (count, what) in
            [(broken, SKIPPED), (self.lost, "missing: the server could not write them")]
        {
            if count > 0 {
                writeln!(out, "{} {what}", many(count, "line"))?;
            }
        }
        if self.unknown.total() > 0 {
            let unknown = counts(&self.unknown);
            writeln!(out, "events that this version does not know: {unknown}")?;
        }
        if !self.listening.is_empty() {
            writeln!(out, "listening on {}", self.listening.join(", "))?;
        }
        if let Some((time, cut_off)) = self.stopped {
            writeln!(out, "stopped at {}, {} cut off", at(time), many(cut_off, "connection"))?;
        }
        self.write_loop(span, out)?;
        self.write_connections(out)?;
        self.write_worth(out)
    }

    fn write_loop(&self, span: Duration, out: &mut dyn Write) -> io::Result<()> {
        let Turns { count, worked, longest, .. } = &self.turns;
        writeln!(out, "\nThe loop")?;
        let (worked, share) = (duration(*worked), percent(*worked, span));
        writeln!(out, "  {}, at work for {worked}: {share} of the time", many(*count, "turn"))?;
        if longest.is_empty() {
            return Ok(());
        }
        writeln!(out, "  the longest turns:")?;
        writeln!(out, "  {:>9}  {:>14}  what it did", "took", "at")?;
        for turn in longest {
            writeln!(out, "  {:>9}  {:>14}  {}", duration(turn.took), at(turn.time), turn.did())?;
        }
        Ok(())
    }

    fn write_connections(&self, out: &mut dyn Write) -> io::Result<()> {
        let known = &self.connections;
        writeln!(out, "\nConnections")?;
        writeln!(out, "  {} opened", number(known.opened))?;
        if known.open_before > 0 {
            writeln!(out, "  {} open before that", number(known.open_before))?;
        }
        for (what, tally) in [
            ("refused at once", &known.refused),
            ("ended", &known.ended),
            ("open at the end", &known.states()),
        ] {
            if tally.total() > 0 {
                writeln!(out, "  {} {what}: {}", number(tally.total()), counts(tally))?;
            }
        }
        if known.unfollowed > 0 {
            writeln!(
                out,
                "  {} not followed: too many at the same time",
                number(known.unfollowed)
            )?;
        }
        let listed = known.listed(self.now);
        if listed.is_empty() {
            return Ok(());
        }
        let all = known.ended.total() + known.open();
        if all > listed.len() as u64 {
            let listed = number(listed.len() as u64);
            writeln!(
                out,
                "  {listed} of {}: those with most that is worth a look, then the longest:",
                number(all)
            )?;
        }
        write_table(&listed, out)
    }

    fn write_worth(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.worth.total() == 0 {
            return writeln!(out, "\nWorth a look: nothing");
        }
        writeln!(out, "\nWorth a look: {}", many(self.worth.total(), "event"))?;
        let width = self
            .worth
            .counts
            .iter()
            .map(|count| count.what.chars().count())
            .max()
            .unwrap_or_default();
        writeln!(out, "  {:>9}  {:width$}  the first", "times", "what")?;
        for Count { what, count, first } in &self.worth.counts {
            let of = first
                .connection
                .map(|connection| format!(", connection {connection}"))
                .unwrap_or_default();
            let (event, time) = (number(first.event), at(first.time));
            writeln!(out, "  {:>9}  {what:width$}  event {event}, at {time}{of}", number(*count))?;
        }
        Ok(())
    }
}

fn write_table(listed: &[Life], out: &mut dyn Write) -> io::Result<()> {
    let width =
        listed.iter().map(|life| life.peer.chars().count()).max().unwrap_or_default().max(4);
    writeln!(
        out,
        "  {:>9}  {:width$}  {:>14}  {:>10}  {:>11}  {:>11}  states, and the end",
        "number", "peer", "opened", "lasted", "bytes in", "bytes out"
    )?;
    for life in listed {
        let opened = if life.from_before { "before".to_owned() } else { at(life.since) };
        let lasted = duration(life.until.saturating_sub(life.since));
        let (received, sent) = (number(life.received), number(life.sent));
        writeln!(
            out,
            "  {:>9}  {:width$}  {opened:>14}  {lasted:>10}  {received:>11}  {sent:>11}  {}",
            life.number,
            life.peer,
            states(life)
        )?;
    }
    Ok(())
}

/// In which states it was, for how long, and how it ended.
fn states(life: &Life) -> String {
    let states = life.states.iter().map(|(state, time)| format!("{state} {}", duration(*time)));
    let end = life.reason.clone().unwrap_or_else(|| "still open".to_owned());
    states.chain([end]).collect::<Vec<_>>().join(", ")
}

fn counts(tally: &Tally) -> String {
    let one = |count: &Count| format!("{} {}", number(count.count), count.what);
    tally.counts.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// A time of the trace, as `--connection` has it.
fn at(time: Duration) -> String {
    format!("{:.6} s", time.as_secs_f64())
}

/// What an event that is worth a look is counted as.
fn kind(record: &Record) -> String {
    let of = |what: &str, why: &Option<String>| match why {
        Some(why) => format!("{what}: {}", shown(why)),
        None => what.to_owned(),
    };
    let call = |call: &str| match &record.error {
        Some(error) => format!("{call} = {}", shown(error)),
        None => format!("short {call}"),
    };
    match &*record.event {
        "refused" => of("refused at once", &record.reason),
        "penalty" => of("penalized", &record.reason),
        "closed" => of("closed", &record.reason),
        "accept_paused" => of("accepting pauses", &record.errno),
        "sent" => call("send"),
        "received" => call("recv"),
        "shut_down" => call("shutdown(SHUT_WR)"),
        "lost" => "lines are missing".to_owned(),
        _ => words(record, ""),
    }
}
