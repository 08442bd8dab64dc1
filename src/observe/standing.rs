//! How things stand: where the server listens, and which connections are open. Who comes later is told
//! this first, as if it had been there.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::{Event, Record};
use crate::session::{State, Time, Timer};

/// What is kept of the events, for as long as it holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    /// When it last changed.
    time: Time,
    listening: Vec<Record>,
    open: BTreeMap<u64, Open>,
    /// How many of these are owed something.
    owing: usize,
}

/// A connection that is open.
#[derive(Clone, Copy, Debug)]
struct Open {
    peer: SocketAddr,
    state: State,
    whose: Whose,
    let_in: bool,
    /// Bytes that wait for the kernel.
    owed: usize,
    deadline: Option<(Timer, Time)>,
}

impl Open {
    fn new(peer: SocketAddr, state: State, whose: Whose) -> Open {
        Open { peer, state, whose, let_in: false, owed: 0, deadline: None }
    }
}

/// Whose it is said to be.
#[derive(Clone, Copy, Debug)]
enum Whose {
    /// Of whoever came, through a proxy perhaps.
    Peers(Option<SocketAddr>),
    /// A proxy has not said yet.
    Unknown,
    /// The proxy's own.
    Proxys,
}

impl Standing {
    /// Takes note of what `record` changes.
    pub(super) fn note(&mut self, record: &Record) {
        let number = record.connection.unwrap_or_default();
        match record.event {
            Event::Listening { .. } => self.listening.push(record.clone()),
            Event::Accepted { peer, state } => {
                self.open.insert(number, Open::new(peer, state, Whose::Unknown));
            }
            // Behind a proxy it was accepted before.
            Event::Opened { peer, state, via } if self.open.contains_key(&number) => self
                .change(number, |open| {
                    (open.peer, open.state, open.whose) = (peer, state, Whose::Peers(via))
                }),
            Event::Opened { peer, state, via } => {
                self.open.insert(number, Open::new(peer, state, Whose::Peers(via)));
            }
            Event::Local { .. } => self.change(number, |open| open.whose = Whose::Proxys),
            Event::LetIn { .. } => self.change(number, |open| open.let_in = true),
            Event::State { to, .. } => self.change(number, |open| open.state = to),
            Event::Timer { kind, until } => {
                self.change(number, |open| open.deadline = kind.zip(until))
            }
            Event::Sent { offered, result } if self.owing > 0 || result != Ok(offered) => {
                self.owe(number, offered - result.unwrap_or(0));
            }
            Event::Closed { .. } => {
                self.owe(number, 0);
                self.open.remove(&number);
            }
            _ => return,
        }
        self.time = record.time;
    }

    /// Whether [`note`](Standing::note) makes any difference.
    #[cfg(feature = "admin")]
    #[inline]
    pub(super) fn is_changed_by(event: &Event, is_anyone_owed: bool) -> bool {
        use Event::{Accepted, Closed, LetIn, Listening, Local, Opened, Sent, State, Timer};
        match event {
            Sent { offered, result } => is_anyone_owed || *result != Ok(*offered),
            Listening { .. } | Accepted { .. } | Opened { .. } | Local { .. } => true,
            LetIn { .. } | State { .. } | Timer { .. } | Closed { .. } => true,
            _ => false,
        }
    }

    /// Whether any connection is owed something.
    #[cfg(feature = "admin")]
    pub(super) fn is_anyone_owed(&self) -> bool {
        self.owing > 0
    }

    fn owe(&mut self, number: u64, owed: usize) {
        let Some(open) = self.open.get_mut(&number) else { return };
        let before = std::mem::replace(&mut open.owed, owed);
        self.owing = self.owing + usize::from(owed > 0) - usize::from(before > 0);
    }

    fn change(&mut self, number: u64, change: impl FnOnce(&mut Open)) {
        if let Some(open) = self.open.get_mut(&number) {
            change(open);
        }
    }

    /// What a late reader is told: the listeners, and each open connection with the state that it is in
    /// now, its deadline, and what it is owed, the oldest first. Those that are more than `most` are not among them; how many is told, too.
    pub(super) fn records(&self, most: usize) -> (usize, Vec<Record>) {
        let mut records = self.listening.clone();
        let untold = self.open.len().saturating_sub(most);
        for (&number, open) in self.open.iter().skip(untold) {
            let Open { peer, state, whose, let_in, owed, deadline } = *open;
            let record = |event| Record { time: self.time, connection: Some(number), event };
            match whose {
                Whose::Peers(via) => records.push(record(Event::Opened { peer, state, via })),
                Whose::Unknown => records.push(record(Event::Accepted { peer, state })),
                Whose::Proxys => records
                    .extend([Event::Accepted { peer, state }, Event::Local { peer }].map(record)),
            }
            records.extend(let_in.then(|| record(Event::LetIn { peer })));
            let (kind, until) = deadline.unzip();
            records.extend(deadline.map(|_| record(Event::Timer { kind, until })));
            records.extend((owed > 0).then(|| record(Event::Owed { bytes: owed })));
        }
        (untold, records)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::observe::Errno;
    use crate::session::Reason;

    /// Whom a record is about, and what it tells.
    fn brief(record: Record) -> (Option<u64>, &'static str) {
        match record.event {
            Event::Opened { state, .. } => (record.connection, state.name()),
            Event::LetIn { .. } => (record.connection, "let in"),
            Event::Timer { kind: Some(kind), .. } => (record.connection, kind.name()),
            Event::Owed { bytes: 9 } => (record.connection, "owed"),
            Event::Accepted { state: State::AwaitHeader, .. } => (record.connection, "waits"),
            Event::Accepted { .. } => (record.connection, "accepted"),
            Event::Local { .. } => (record.connection, "local"),
            _ => (record.connection, "listening"),
        }
    }

    #[test]
    fn what_is_open_is_told_as_it_is_now_and_what_is_closed_is_forgotten() {
        let peer: SocketAddr = ([127, 0, 0, 1], 50_000).into();
        let (reason, let_in) = (Reason::Done, true);
        let mut standing = Standing::default();
        let mut note = |connection, event| {
            standing.note(&Record { time: Time::START, connection, event });
        };
        note(None, Event::Listening { address: peer, max_buffer: 1 });
        for number in 1..=3 {
            note(Some(number), Event::Opened { peer, state: State::SendNonce, via: None });
        }
        note(Some(2), Event::LetIn { peer });
        note(Some(2), Event::State { from: State::AwaitDigest, to: State::Serving });
        note(Some(1), Event::Closed { peer, reason, let_in, received: 0, sent: 0, cut_off: false });
        note(Some(4), Event::Accepted { peer, state: State::AwaitHeader });
        note(Some(5), Event::Accepted { peer, state: State::AwaitHeader });
        note(Some(5), Event::State { from: State::AwaitHeader, to: State::SendNonce });
        note(Some(5), Event::Local { peer });
        let until = Some(Time::START + Duration::from_secs(9));
        note(Some(2), Event::Timer { kind: Some(Timer::Idle), until });
        note(Some(3), Event::Timer { kind: Some(Timer::Handshake), until });
        note(Some(3), Event::Timer { kind: None, until: None });
        for (number, taken) in [(2, Ok(3)), (3, Ok(4)), (2, Err(Errno::AGAIN)), (3, Ok(9))] {
            note(Some(number), Event::Sent { offered: 9, result: taken });
        }
        let told = |most| {
            let (untold, records) = standing.records(most);
            (untold, records.into_iter().map(brief).collect::<Vec<_>>())
        };
        let second = ["serving", "let in", "idle", "owed"].map(|told| (Some(2), told));
        let third = (Some(3), "send_nonce");
        let fourth = (Some(4), "waits");
        let fifth = [(Some(5), "accepted"), (Some(5), "local")];
        let all = [&[(None, "listening")][..], &second, &[third, fourth], &fifth].concat();
        assert_eq!(told(9), (0, all));
        assert_eq!(told(1), (3, vec![(None, "listening"), fifth[0], fifth[1]]));
    }
}
