//! The connections of a trace: how many came, in which states they were and for how long, and how they ended.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use sockmodes::observe::shown;
use sockmodes::session::State;

use super::record::Record;
use super::tally::{Place, Tally};

/// So many are listed.
const LISTED: usize = 20;
/// So many that are open at the same time are followed one by one; a server that has more is a rare one.
const FOLLOWED: usize = 100_000;
/// So many states of one connection are told apart; there are fewer.
const STATES: usize = 12;

/// What is known of the connections so far.
#[derive(Debug, Default)]
pub(super) struct Connections {
    pub(super) opened: u64,
    /// Those that were open when the trace began.
    pub(super) open_before: u64,
    /// Those that are not followed, since too many are.
    pub(super) unfollowed: u64,
    /// Those that were turned away at once, by reason.
    pub(super) refused: Tally,
    /// Those that ended, by reason.
    pub(super) ended: Tally,
    open: HashMap<u64, Life>,
    /// Of those that ended, the first to be listed, in that order.
    over: Vec<Life>,
}

/// One connection.
#[derive(Clone, Debug)]
pub(super) struct Life {
    pub(super) number: u64,
    pub(super) peer: String,
    pub(super) since: Duration,
    /// It was open when the trace began, and its beginning is not known.
    pub(super) from_before: bool,
    pub(super) until: Duration,
    /// How long it was in each of its states, in the order in which it came to them.
    pub(super) states: Vec<(Cow<'static, str>, Duration)>,
    state: usize,
    entered: Duration,
    pub(super) received: u64,
    pub(super) sent: u64,
    /// Events that are worth a look.
    pub(super) worth: u64,
    pub(super) reason: Option<String>,
}

impl Connections {
    /// Takes in an event. `is_in_turn`: it happens in a turn of the loop; otherwise it is how things stand.
    pub(super) fn tell(&mut self, record: &Record, place: Place, is_in_turn: bool) {
        let Some(number) = record.connection else { return };
        match &*record.event {
            "refused" => self.refused.add(reason(record), place),
            "closed" => self.closes(number, record, place),
            // It is told of those that are gone, too.
            "penalty" => {}
            event => {
                let is_new = is_in_turn && ["accepted", "opened"].contains(&event);
                if let Some(life) = self.find(number, place.time, is_new) {
                    life.tell(record, place.time);
                }
            }
        }
    }

    /// The connection of this number, if it can be followed.
    fn find(&mut self, number: u64, now: Duration, is_new: bool) -> Option<&mut Life> {
        if !self.open.contains_key(&number) {
            if self.open.len() == FOLLOWED {
                self.unfollowed += u64::from(is_new);
                return None;
            }
            let count = if is_new { &mut self.opened } else { &mut self.open_before };
            *count += 1;
            self.open.insert(number, Life::new(number, now, !is_new));
        }
        self.open.get_mut(&number)
    }

    fn closes(&mut self, number: u64, record: &Record, place: Place) {
        self.ended.add(reason(record), place);
        let Some(mut life) = self.open.remove(&number) else { return };
        life.tell(record, place.time);
        life.ends(place.time);
        life.received = record.received.unwrap_or(life.received);
        life.sent = record.sent.unwrap_or(life.sent);
        life.reason = record.reason.as_deref().map(shown);
        list(&mut self.over, life);
    }

    /// How many are open at the end.
    pub(super) fn open(&self) -> u64 {
        self.open.len() as u64
    }

    /// Those that are open at the end, by state.
    pub(super) fn states(&self) -> Tally {
        let mut states = Tally::default();
        for life in self.open.values() {
            let state = life.states.get(life.state).map_or("of unknown state", |(state, _)| state);
            let place = Place { event: 0, time: life.since, connection: Some(life.number) };
            states.add(state.to_owned(), place);
        }
        // In the order of a life; who is in none that this version has comes first.
        let order = |state: &str| State::ALL.iter().position(|known| known.name() == state);
        states.counts.sort_by(|a, b| (order(&a.what), &a.what).cmp(&(order(&b.what), &b.what)));
        states
    }

    /// Those that are listed, by number: those with the most that is worth a look, and then those that
    /// lasted longest. `end`: when the trace ends.
    pub(super) fn listed(&self, end: Duration) -> Vec<Life> {
        let mut listed = self.over.clone();
        for life in self.open.values() {
            let mut life = life.clone();
            life.ends(end);
            list(&mut listed, life);
        }
        listed.sort_by_key(|life| life.number);
        listed
    }
}

/// Puts one among those that are listed, if it belongs there.
fn list(listed: &mut Vec<Life>, life: Life) {
    let place = listed.partition_point(|other| other.rank() >= life.rank());
    if place < LISTED {
        listed.insert(place, life);
        listed.truncate(LISTED);
    }
}

fn reason(record: &Record) -> String {
    record.reason.as_deref().map_or_else(|| "for no reason".to_owned(), shown)
}

impl Life {
    fn new(number: u64, now: Duration, from_before: bool) -> Life {
        Life {
            number,
            peer: String::new(),
            since: now,
            from_before,
            until: now,
            states: Vec::new(),
            state: 0,
            entered: now,
            received: 0,
            sent: 0,
            worth: 0,
            reason: None,
        }
    }

    fn tell(&mut self, record: &Record, now: Duration) {
        self.worth += u64::from(record.is_worth_a_look());
        if let Some(peer) = &record.peer {
            self.peer = shown(peer);
        }
        let bytes = record.bytes.unwrap_or_default();
        match &*record.event {
            "received" => self.received = self.received.saturating_add(bytes),
            "sent" => self.sent = self.sent.saturating_add(bytes),
            "accepted" | "opened" => record.state.iter().for_each(|state| self.enters(state, now)),
            "state" => {
                if self.states.is_empty() {
                    record.from.iter().for_each(|from| self.enters(from, self.since));
                }
                record.to.iter().for_each(|to| self.enters(to, now));
            }
            _ => {}
        }
    }

    fn enters(&mut self, state: &str, now: Duration) {
        self.ends(now);
        self.entered = now;
        if state == State::Closed.name() {
            return;
        }
        let known = self.states.iter().position(|(name, _)| name == state);
        self.state = known.unwrap_or_else(|| {
            if self.states.len() < STATES {
                self.states.push((name(state), Duration::ZERO));
            }
            self.states.len() - 1
        });
    }

    /// Adds up to now how long it is in its state.
    fn ends(&mut self, now: Duration) {
        self.until = self.until.max(now);
        if let Some((_, time)) = self.states.get_mut(self.state) {
            *time = time.saturating_add(now.saturating_sub(self.entered));
        }
    }

    fn rank(&self) -> (u64, Duration) {
        (self.worth, self.until.saturating_sub(self.since))
    }
}

/// A state's name, without memory of its own if this version has it.
fn name(state: &str) -> Cow<'static, str> {
    let known = State::ALL.map(State::name).into_iter().find(|name| *name == state);
    known.map_or_else(|| shown(state).into(), Cow::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_states_a_file_has_few_are_told_apart() {
        let line = r#"{"time":1,"connection":1,"event":"state","from":"x","to":"y"}"#;
        let mut record = Record::parse(line).unwrap();
        let mut life = Life::new(1, Duration::ZERO, false);
        for number in 0..100 {
            record.to = Some(format!("state {number}"));
            life.tell(&record, Duration::from_secs(number));
        }
        assert_eq!(life.states.len(), STATES);
    }

    #[test]
    fn no_more_connections_are_followed_than_there_is_memory_for() {
        let line = r#"{"time":1,"connection":1,"event":"opened","peer":"p","state":"serving"}"#;
        let mut record = Record::parse(line).unwrap();
        let mut connections = Connections::default();
        let most = FOLLOWED as u64;
        for number in 0..=most {
            record.connection = Some(number);
            let place = Place { event: 1, time: Duration::ZERO, connection: record.connection };
            connections.tell(&record, place, true);
        }
        assert_eq!((connections.open(), connections.unfollowed), (most, 1));
    }
}
