//! The load: clients that let themselves be let in, send lower case, and check that every byte comes
//! back in upper case. One thread, on loopback, for a bounded time or number.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};
use socket2::SockRef;
use sockmodes::auth::{Key, Scheme, Secret};

/// The secret of every server here.
pub(crate) const SECRET: &[u8] = b"the secret of the benchmark";
/// The length of a nonce.
pub(crate) const NONCE: usize = 32;
/// The length of a message.
pub(crate) const MESSAGE: usize = 64;

/// When nothing comes for this long, it is time to look at the clock.
const PATIENCE: Duration = Duration::from_millis(100);

/// What was done: messages, connections or MiB, and how long it took.
#[derive(Clone, Copy)]
pub(crate) struct Done {
    pub(crate) count: f64,
    pub(crate) took: Duration,
}

/// When to stop.
#[derive(Clone, Copy)]
pub(crate) enum Until {
    Time(Duration),
    Count(usize),
}

impl Until {
    fn is_over(self, began: Instant, count: usize) -> bool {
        match self {
            Until::Time(time) => began.elapsed() >= time,
            Until::Count(most) => count >= most,
        }
    }
}

/// The key that both sides hold.
pub(crate) fn key() -> Key {
    Key::new(Scheme::HmacMd5, &Secret::new(SECRET.to_vec()).expect("it is not empty"))
}

/// Connections that are let in: the digest is on its way, and one message has come back.
pub(crate) fn connect(server: SocketAddr, connections: usize) -> io::Result<Vec<TcpStream>> {
    let key = key();
    (0..connections).map(|_| log_in(server, &key)).collect()
}

fn log_in(server: SocketAddr, key: &Key) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(server)?;
    // Closed with a reset: tens of thousands in TIME_WAIT would make each further connect search for a port.
    SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
    stream.set_nodelay(true)?;
    greet(&mut stream, key)?;
    hear(&mut stream)?;
    Ok(stream)
}

/// Answers the nonce, the first message in the same segment.
fn greet(stream: &mut TcpStream, key: &Key) -> io::Result<()> {
    let mut nonce = [0; NONCE];
    stream.read_exact(&mut nonce)?;
    let digest = key.digest(&nonce);
    stream.write_all(&[digest.as_bytes(), &[b'a'; MESSAGE]].concat())
}

fn hear(stream: &mut TcpStream) -> io::Result<()> {
    let mut reply = [0; MESSAGE];
    stream.read_exact(&mut reply)?;
    check(&reply)
}

fn check(reply: &[u8]) -> io::Result<()> {
    if reply.iter().all(|byte| *byte == b'A') {
        Ok(())
    } else {
        Err(io::Error::other("a byte came back wrong"))
    }
}

/// Every client sends `depth` messages, waits until all are back, and sends the next.
pub(crate) fn talk(streams: Vec<TcpStream>, depth: usize, until: Until) -> io::Result<Done> {
    let request = vec![b'a'; depth * MESSAGE];
    let mut clients = Clients::new(streams, Interest::READABLE)?;
    for (stream, _) in &mut clients.streams {
        stream.write_all(&request)?;
    }
    let (began, mut count) = (Instant::now(), 0);
    let mut buffer = vec![0; request.len()];
    while !until.is_over(began, count) {
        for at in clients.ready(PATIENCE)? {
            let (stream, missing) = &mut clients.streams[at];
            *missing += if *missing == 0 { request.len() } else { 0 };
            while let Some(bytes) = would_block(stream.read(&mut buffer))? {
                check(&buffer[..bytes])?;
                *missing -= bytes;
                if *missing == 0 {
                    count += depth;
                    stream.write_all(&request)?;
                    break;
                }
            }
        }
    }
    Ok(Done { count: count as f64, took: began.elapsed() })
}

/// All clients send one message, all wait for its echo, then there is a pause: `times` times.
pub(crate) fn in_step(
    mut streams: Vec<TcpStream>,
    times: usize,
    pause: Duration,
) -> io::Result<()> {
    for _ in 0..times {
        streams.iter_mut().try_for_each(|stream| stream.write_all(&[b'a'; MESSAGE]))?;
        streams.iter_mut().try_for_each(hear)?;
        thread::sleep(pause);
    }
    Ok(())
}

/// Every client sends as fast as it can and reads what comes back.
pub(crate) fn flood(streams: Vec<TcpStream>, until: Until) -> io::Result<Done> {
    let mut buffer = vec![0; 512 * 1024];
    let request = vec![b'a'; 512 * 1024];
    let mut clients = Clients::new(streams, Interest::READABLE | Interest::WRITABLE)?;
    let (began, mut count) = (Instant::now(), 0);
    let mut ready: Vec<usize> = (0..clients.streams.len()).collect();
    while !until.is_over(began, count) {
        let mut again = Vec::new();
        for at in ready {
            let (stream, _) = &mut clients.streams[at];
            let sent = would_block(stream.write(&request))?;
            let read = would_block(stream.read(&mut buffer))?;
            check(&buffer[..read.unwrap_or(0)])?;
            count += read.unwrap_or(0);
            if sent.is_some() || read.is_some() {
                again.push(at);
            }
        }
        ready = clients.ready(if again.is_empty() { PATIENCE } else { Duration::ZERO })?;
        ready.append(&mut again);
        ready.sort_unstable();
        ready.dedup();
    }
    Ok(Done { count: count as f64 / 1024. / 1024., took: began.elapsed() })
}

/// Connects, is let in, has one message echoed and closes, `at_once` at a time.
pub(crate) fn come_and_go(server: SocketAddr, at_once: usize, until: Until) -> io::Result<Done> {
    let key = key();
    let (began, mut count) = (Instant::now(), 0);
    while !until.is_over(began, count) {
        let mut streams = (0..at_once)
            .map(|_| TcpStream::connect(server))
            .collect::<io::Result<Vec<TcpStream>>>()?;
        streams.iter_mut().try_for_each(|stream| greet(stream, &key))?;
        streams.iter_mut().try_for_each(hear)?;
        count += at_once;
    }
    Ok(Done { count: count as f64, took: began.elapsed() })
}

/// Streams with a poll, and how much each still waits for.
struct Clients {
    poll: Poll,
    events: Events,
    streams: Vec<(mio::net::TcpStream, usize)>,
}

impl Clients {
    fn new(streams: Vec<TcpStream>, interest: Interest) -> io::Result<Clients> {
        let poll = Poll::new()?;
        let mut all = Vec::new();
        for (at, stream) in streams.into_iter().enumerate() {
            stream.set_nonblocking(true)?;
            let mut stream = mio::net::TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(at), interest)?;
            all.push((stream, 0));
        }
        Ok(Clients { poll, events: Events::with_capacity(1024), streams: all })
    }

    /// Waits; returns which of them are ready.
    fn ready(&mut self, patience: Duration) -> io::Result<Vec<usize>> {
        self.poll.poll(&mut self.events, Some(patience))?;
        Ok(self.events.iter().map(|event| event.token().0).collect())
    }
}

/// `None`: not now. The end of input is an error here.
fn would_block(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}
