//! Any bytes in any cut where a proxy's header is awaited: whom it names, who is let in behind it, what the service
//! hears, and that no byte moves the deadline.
//!
//! The first two bytes say, besides the cut, which good header is put in front of the rest, if any, and whether the
//! right digest follows it.

use std::time::Duration;

use sockmodes::auth::Scheme;
use sockmodes::session::{Origin, Protocol, Reason, Service, Session, Step, Time, Timer};

use super::entry;
use super::header::{Header, header};
use super::model::{Entry, digest, verdict};

const SERVICES: [Service; 4] =
    [Service::Upper, Service::Echo, Service::UpperOnce, Service::UpperOnce];
const NONCE: &[u8] = b"the nonce of a fuzzer";
const HEADERS: [&[u8]; 4] = [
    b"",
    b"PROXY TCP6 ::ffff:192.0.2.7 2001:db8::9 4660 443\r\n",
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x10\xc0\x00\x02\x07\xc6\x33\x64\x01\x12\x34\x01\xbb\x04\x00\x01\x00",
    b"\r\n\r\n\0\r\nQUIT\n\x20\x11\x00\x0c\0\0\0\0\0\0\0\0\0\0\0\0",
];

pub(crate) fn check(data: &[u8]) {
    let [how, cut, rest @ ..] = data else { return };
    let bits = |from: u32| usize::from(how >> from & 3);
    let scheme = super::SCHEMES[bits(0)];
    let service = SERVICES[bits(2)];
    let answer = if cut & 1 == 0 { Vec::new() } else { digest(scheme, NONCE) };
    let stream = [HEADERS[bits(4)], &answer, rest].concat();
    let nonce_len = if scheme.is_none() { 0 } else { NONCE.len() };
    let played = Played::new(Protocol::new(entry(scheme, NONCE.len()), service), how & 0x80 != 0);
    played.check(
        &stream,
        usize::from(cut >> 1).max(1),
        how & 0x40 != 0,
        (scheme, &NONCE[..nonce_len]),
    );
}

/// A session in front of which there is a proxy, driven the way the loop drives it.
struct Played {
    protocol: Protocol,
    session: Session,
    now: Time,
    origin: Option<Origin>,
    said: Vec<u8>,
    /// The kernel takes the nonce only after the last piece has come.
    nonce_is_late: bool,
}

impl Played {
    fn new(protocol: Protocol, nonce_is_late: bool) -> Played {
        let session = Session::behind_proxy(&protocol, Time::START);
        Played {
            protocol,
            session,
            now: Time::START,
            origin: None,
            said: Vec::new(),
            nonce_is_late,
        }
    }

    /// Brings `stream` to it, and compares.
    fn check(
        mut self,
        stream: &[u8],
        cut: usize,
        ended: bool,
        (scheme, nonce): (Option<Scheme>, &[u8]),
    ) {
        for piece in stream.chunks(cut) {
            self.now = self.now + Duration::from_millis(1);
            self.hear(piece.to_vec());
            self.step();
        }
        self.flushed();
        self.step();
        if ended {
            self.session.handle_end_of_input();
            self.step();
        }
        self.session.handle_delivered(self.now);
        let (len, named) = match header(stream) {
            Header::Whole(len, named) => (len, named),
            nothing => return self.check_no_header(nothing, stream.is_empty(), ended),
        };
        assert_eq!(self.origin, Some(named.map_or(Origin::Local, Origin::Client)));
        let service = self.protocol.service;
        let expected = verdict(scheme, service, nonce, &stream[len..], ended);
        assert_eq!(self.said, [nonce, &expected.answer].concat());
        assert_eq!(self.session.is_admitted(), expected.entry == Entry::Right);
        if expected.entry == Entry::Undecided && !ended {
            self.check_deadline();
        }
    }

    fn hear(&mut self, mut bytes: Vec<u8>) {
        let answer = self.session.handle_bytes(&self.protocol, self.now, &mut bytes);
        self.said.extend_from_slice(answer);
        self.said.extend(self.session.poll_answer());
        if !self.nonce_is_late {
            self.flushed();
        }
    }

    /// What can be done without more bytes.
    fn step(&mut self) {
        loop {
            match self.session.poll_step() {
                Step::Admit => {
                    self.origin = self.session.origin();
                    let random = |bytes: &mut [u8]| bytes.copy_from_slice(NONCE);
                    let nonce = self.session.handle_admitted(&self.protocol, self.now, random);
                    self.said.extend_from_slice(&nonce);
                    if !self.nonce_is_late || nonce.is_empty() {
                        self.flushed();
                    }
                }
                Step::Hear => {
                    let behind = self.session.poll_behind();
                    assert!(!behind.is_empty());
                    self.hear(behind);
                }
                Step::Answer => {
                    self.said.extend(self.session.poll_answer());
                    self.flushed();
                }
                _ => return,
            }
        }
    }

    fn flushed(&mut self) {
        self.session.handle_flushed(&self.protocol, self.now);
    }

    fn check_no_header(&mut self, header: Header, is_silent: bool, ended: bool) {
        assert!(self.said.is_empty() && self.origin.is_none());
        let step = match (header, ended) {
            (Header::Part, false) => Step::Read,
            (Header::Part, true) if is_silent => Step::Close(Reason::Done),
            (_, true) => Step::Close(Reason::BadProxyHeader),
            (_, false) => Step::Linger,
        };
        assert_eq!(self.session.poll_step(), step);
        if step == Step::Read {
            self.check_deadline();
        }
    }

    fn check_deadline(&mut self) {
        let deadline = Time::START + self.protocol.handshake_timeout;
        assert_eq!(self.session.poll_deadline(), Some((Timer::Handshake, deadline)));
    }
}
