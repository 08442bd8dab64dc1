//! The admin address as a browser or a scraper meets it.
#![allow(dead_code)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::client::connect;
use super::process::Program;

/// Where the program says that it is.
pub(crate) fn address(program: &Program) -> SocketAddr {
    let output = program.wait_for_output("/\n");
    let line = output.lines().find_map(|line| line.strip_prefix("admin on http://"));
    line.and_then(|line| line.strip_suffix('/')).unwrap().parse().unwrap()
}

/// An answer: its status, its headers, its body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: String,
}

pub(crate) fn get(address: SocketAddr, path: &str) -> Answer {
    let mut text = String::new();
    ask(address, path).read_to_string(&mut text).unwrap();
    let (headers, body) = text.split_once("\r\n\r\n").unwrap();
    let status = headers.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, headers: headers.to_lowercase(), body: body.into() }
}

/// The value of a metric, its labels as Prometheus writes them.
pub(crate) fn metric(address: SocketAddr, name: &str) -> f64 {
    let answer = get(address, "/metrics");
    let line = answer.body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in:\n{}", answer.body)).parse().unwrap()
}

fn ask(address: SocketAddr, path: &str) -> TcpStream {
    let mut stream = connect(address);
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
    stream
}

/// Somebody who listens to the events.
pub(crate) struct Listener(BufReader<TcpStream>);

impl Listener {
    /// Listens from now on: what happens after the call is heard.
    pub(crate) fn new(address: SocketAddr) -> Listener {
        let mut listener = Listener(BufReader::new(ask(address, "/events")));
        // The first thing that is said, at once, is a comment.
        let mut line = String::new();
        while !line.starts_with(':') {
            line = listener.line();
            assert!(!line.is_empty(), "the end came first");
        }
        listener
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line
    }

    /// The next event; none is the end.
    pub(crate) fn next(&mut self) -> Option<String> {
        loop {
            let line = self.line();
            if line.is_empty() {
                return None;
            }
            if let Some(event) = line.strip_prefix("data: ") {
                return Some(event.trim_end().into());
            }
        }
    }

    /// Everything that is still told.
    pub(crate) fn rest(mut self) -> Vec<String> {
        std::iter::from_fn(|| self.next()).collect()
    }
}
