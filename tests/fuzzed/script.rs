//! A network that does what a script of bytes says: every readiness, every result of every call, the clock. When the
//! script is over it behaves, and SIGTERM comes.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sockmodes::auth::Scheme;
use sockmodes::server::network::{Errno, Network, Readiness, Signal, Stream, Token, Wakeup};
use sockmodes::session::Time;

use super::model;

pub(super) const NONCE_LEN: usize = 8;
/// What a call may fail with; the last stands for all that nobody has thought of.
const ERRORS: [Errno; 8] = [
    Errno::AGAIN,
    Errno::INTR,
    Errno::CONNRESET,
    Errno::PIPE,
    Errno::TIMEDOUT,
    Errno::CONNABORTED,
    Errno::MFILE,
    Errno::IO,
];

const READINESS: [Readiness; 5] = [
    Readiness::READABLE,
    Readiness::WRITABLE,
    Readiness::READ_CLOSED,
    Readiness::URGENT,
    Readiness::FAILED,
];

/// What went over one connection.
#[derive(Default)]
pub(super) struct Record {
    token: Option<Token>,
    pub(super) sent: Vec<u8>,
    /// What was read before the sending side was shut down, and whether the end was.
    pub(super) heard: Vec<u8>,
    pub(super) end_heard: bool,
    shut: bool,
}

pub(super) struct World {
    script: std::vec::IntoIter<u8>,
    signals: VecDeque<Signal>,
    scheme: Option<Scheme>,
    pub(super) records: Vec<Record>,
}

pub(super) struct ScriptedNetwork {
    world: Rc<RefCell<World>>,
    now: Time,
    stopping: bool,
    rng: StdRng,
}

pub(super) struct ScriptedStream {
    world: Rc<RefCell<World>>,
    id: usize,
}

pub(super) fn network(
    script: &[u8],
    scheme: Option<Scheme>,
) -> (Rc<RefCell<World>>, ScriptedNetwork) {
    let script = Vec::from(script).into_iter();
    // A fixed seed, so that a script can be played again.
    let rng = StdRng::seed_from_u64(1);
    let world = Rc::new(RefCell::new(World {
        script,
        signals: VecDeque::new(),
        scheme,
        records: Vec::new(),
    }));
    (world.clone(), ScriptedNetwork { world, now: Time::START, stopping: false, rng })
}

impl World {
    fn next(&mut self) -> Option<u8> {
        self.script.next()
    }

    fn next_or_0(&mut self) -> u8 {
        self.next().unwrap_or(0)
    }

    /// An error for a call that is not to succeed: the first eight values of a byte.
    fn fails(&self, how: u8) -> Result<(), Errno> {
        ERRORS.get(usize::from(how)).map_or(Ok(()), |errno| Err(*errno))
    }

    fn signal(&mut self, signal: Signal) -> Wakeup {
        self.signals.push_back(signal);
        Wakeup::Signalled
    }

    fn wakeup(&mut self) -> Wakeup {
        let (kind, which) = (self.next_or_0(), self.next_or_0());
        let mut readiness = Readiness::empty();
        for (bit, one) in READINESS.into_iter().enumerate() {
            readiness.set(one, kind >> (3 + bit) & 1 == 1);
        }
        let ready = |token| Wakeup::Ready { token, readiness };
        match kind & 7 {
            0 => Wakeup::Acceptable(usize::from(which & 1)),
            1 => Wakeup::Woken,
            2 => self.signal(Signal::Hangup),
            3 if which == 0xff => self.signal(Signal::Stop),
            4 => ready(Token(usize::from(which))),
            // Of a connection that may be closed by now.
            _ => match self.records.get(usize::from(which)).and_then(|record| record.token) {
                Some(token) => ready(token),
                None => Wakeup::Acceptable(0),
            },
        }
    }
}

impl Network for ScriptedNetwork {
    type Stream = ScriptedStream;
    type Found = Vec<Wakeup>;

    fn now(&self) -> Time {
        self.now
    }

    fn random(&mut self, bytes: &mut [u8]) {
        self.rng.fill_bytes(bytes);
    }

    fn wait(&mut self, until: Time, found: &mut Vec<Wakeup>) -> Result<Time, Errno> {
        found.clear();
        let mut world = self.world.borrow_mut();
        let most = until.since(self.now).min(Duration::from_secs(3600));
        let Some(how) = world.next() else {
            self.now = self.now + most.min(Duration::from_secs(1));
            if !std::mem::replace(&mut self.stopping, true) {
                found.push(world.signal(Signal::Stop));
            }
            return Ok(self.now);
        };
        self.now = self.now + most.min(Duration::from_millis(100 * u64::from(how >> 2)));
        found.extend((0..how & 3).map(|_| world.wakeup()));
        Ok(self.now)
    }

    fn wakeups(found: &Vec<Wakeup>) -> impl Iterator<Item = Wakeup> {
        found.iter().copied()
    }

    fn is_whole(_: &Vec<Wakeup>) -> bool {
        true
    }

    fn take_signal(&mut self) -> Option<Signal> {
        self.world.borrow_mut().signals.pop_front()
    }

    fn accept(&mut self, _listener: usize) -> Result<(ScriptedStream, SocketAddr), Errno> {
        let mut world = self.world.borrow_mut();
        let how = world.next_or_0();
        world.fails(how)?;
        world.records.push(Record::default());
        let id = world.records.len() - 1;
        let peer = SocketAddr::from((Ipv4Addr::new(127, 0, 0, how & 1), 1));
        Ok((ScriptedStream { world: self.world.clone(), id }, peer))
    }

    fn register(&mut self, stream: &mut ScriptedStream, token: Token) -> Result<(), Errno> {
        let mut world = self.world.borrow_mut();
        world.records[stream.id].token = Some(token);
        let how = world.next().unwrap_or(u8::MAX);
        world.fails(how)
    }

    fn close_listeners(&mut self) {}
}

impl Stream for ScriptedStream {
    fn recv(&mut self, buffer: &mut [u8]) -> Result<usize, Errno> {
        let mut world = self.world.borrow_mut();
        let world = &mut *world;
        let how = world.next().unwrap_or(8);
        world.fails(how)?;
        let record = &mut world.records[self.id];
        let nonce = &record.sent[..NONCE_LEN.min(record.sent.len())];
        let bytes = match how {
            8 => Vec::new(),
            9 => model::digest(world.scheme, nonce),
            u8::MAX => vec![world.script.next().unwrap_or(b'x'); buffer.len()],
            _ => world.script.by_ref().take(usize::from(how - 9)).collect(),
        };
        buffer[..bytes.len()].copy_from_slice(&bytes);
        if !record.shut {
            record.heard.extend_from_slice(&bytes);
            record.end_heard |= bytes.is_empty();
        }
        Ok(bytes.len())
    }

    fn send(&mut self, bytes: &[u8]) -> Result<usize, Errno> {
        let mut world = self.world.borrow_mut();
        let how = world.next().unwrap_or(u8::MAX);
        world.fails(how)?;
        let most = if how < 128 { usize::from(how - 7) } else { usize::MAX };
        let record = &mut world.records[self.id];
        assert!(!record.shut, "nothing is sent after the end");
        assert!(!bytes.is_empty(), "a send of nothing");
        let taken = bytes.len().min(most);
        record.sent.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn shut_down_sending(&mut self) -> Result<(), Errno> {
        let mut world = self.world.borrow_mut();
        let record = &mut world.records[self.id];
        assert!(!std::mem::replace(&mut record.shut, true), "the end is said once");
        let how = world.next().unwrap_or(u8::MAX);
        world.fails(how)
    }

    fn has_sent_all(&mut self) -> bool {
        self.world.borrow_mut().next_or_0() & 1 == 1
    }

    fn has_unread(&mut self) -> bool {
        self.world.borrow_mut().next_or_0() & 1 == 1
    }
}
