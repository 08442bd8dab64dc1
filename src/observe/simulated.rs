//! The page with a source that is asked: a simulation, which answers over HTTP what the page's script asks it.
//!
//! How it is served is in `http/`. Never here: a simulation; whoever starts this brings one.

use std::io;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderMap};
use hyper::{Method, Request, StatusCode};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::http::{self, Http, QUOTA, Site, TEXT, no_such_method, whole};
use super::page;

type Answer = http::Answer<Empty<Bytes>>;

const JSON: &str = "application/json";
/// Where the page's script asks.
const ASK: &str = "/ask";
/// The most bytes of a request's body, and how long it may take to come.
const MOST: usize = 64 * 1024;
const PATIENCE: Duration = Duration::from_secs(10);
/// So many questions may wait for the one that is being answered: as many as can be connected.
const WAITING: usize = QUOTA.connections;

/// The page at an address, with a simulation as its source; dropping this ends it.
///
/// ```
/// use sockmodes::observe::Simulated;
/// use sockmodes::play::Play;
///
/// let simulated = Simulated::start("127.0.0.1:0".parse()?, || {
///     let mut play = Play::default();
///     move |request: &str| play.ask(request)
/// })?;
/// println!("http://{}/ shows a loop that can be stopped, and turned back", simulated.address());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "when it is dropped, nothing is served any more"]
pub struct Simulated(Http);

impl Simulated {
    /// Serves the page at `address`, and answers what its script asks by what `begin` makes. That is called on a
    /// thread of its own, and stays there: it may take its time.
    ///
    /// # Errors
    ///
    /// If the operating system refuses a listener there, or a thread.
    pub fn start<A>(
        address: SocketAddr,
        begin: impl FnOnce() -> A + Send + 'static,
    ) -> io::Result<Simulated>
    where
        A: FnMut(&str) -> String,
    {
        let (asked, mut questions) = mpsc::channel::<Question>(WAITING);
        thread::Builder::new().name("simulation".into()).spawn(move || {
            let mut answer = begin();
            // Until nobody is left who could ask.
            while let Some(question) = questions.blocking_recv() {
                // Whoever has left meanwhile needs no answer.
                let _ = question.reply.send(answer(&question.text));
            }
        })?;
        Http::start("play", address, QUOTA, Desk { asked }).map(Simulated)
    }

    /// Where it is served, with the port that the kernel gave it.
    pub fn address(&self) -> SocketAddr {
        self.0.address()
    }
}

/// What somebody asks, and where the answer is waited for.
struct Question {
    text: String,
    reply: oneshot::Sender<String>,
}

/// Where questions are taken.
#[derive(Clone)]
struct Desk {
    asked: mpsc::Sender<Question>,
}

impl Site for Desk {
    type Endless = Empty<Bytes>;

    const FOR_ALL: Option<&'static str> = None;

    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let (head, body) = request.into_parts();
        match (head.uri.path(), head.method) {
            (ASK, Method::POST) if !is_json(&head.headers) => {
                whole(StatusCode::UNSUPPORTED_MEDIA_TYPE, TEXT, "a question is JSON, and says so")
            }
            (ASK, Method::POST) => self.ask(body).await,
            (ASK, _) => no_such_method("POST", "what is asked here is in a POST"),
            (path, Method::GET | Method::HEAD) => file(path),
            _ => no_such_method("GET, HEAD", "there is only GET and HEAD"),
        }
    }

    fn beside(&self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }
}

impl Desk {
    async fn ask(&self, body: Incoming) -> Answer {
        let body = match timeout(PATIENCE, Limited::new(body, MOST).collect()).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(_)) => {
                return whole(StatusCode::PAYLOAD_TOO_LARGE, TEXT, "that is too much to ask");
            }
            Err(_) => return whole(StatusCode::REQUEST_TIMEOUT, TEXT, "the question did not come"),
        };
        let Ok(text) = String::from_utf8(body.into()) else {
            return whole(StatusCode::BAD_REQUEST, TEXT, "a question is UTF-8");
        };
        let (reply, answer) = oneshot::channel();
        let lost = "whoever answers is not there any more";
        if self.asked.send(Question { text, reply }).await.is_err() {
            return whole(StatusCode::INTERNAL_SERVER_ERROR, TEXT, lost);
        }
        match answer.await {
            Ok(answer) => whole(StatusCode::OK, JSON, answer),
            Err(_) => whole(StatusCode::INTERNAL_SERVER_ERROR, TEXT, lost),
        }
    }
}

/// A page from elsewhere can send anything here but this, without being asked for leave first, which nobody gives.
fn is_json(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == JSON)
}

fn file(path: &str) -> Answer {
    match page::FILES.iter().find(|file| file.path == path) {
        Some(file) => whole(StatusCode::OK, file.kind, file.for_source("play")),
        None => whole(StatusCode::NOT_FOUND, TEXT, "there is only /, and /ask for its script"),
    }
}
