//! What is answered at the admin address. Everything can be read here, and nothing changed.

use std::future::ready;

use http_body_util::Either;
use hyper::body::Incoming;
use hyper::header;
use hyper::{Method, Request, Response, StatusCode};

use super::Seen;
use super::stream::{EventStream, pass_on};
use crate::observe::http::{self, Site, TEXT, whole};
use crate::observe::live::Spectator;
use crate::observe::page;

type Answer = http::Answer<EventStream>;

const HEALTH: &str = "/healthz";

/// Prometheus' text format.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What is shown: what was seen, and the events to at most so many.
#[derive(Clone)]
pub(super) struct Shown {
    pub(super) seen: Seen,
    pub(super) watchers: usize,
}

impl Site for Shown {
    type Endless = EventStream;

    /// A balancer that asks for the health may send no Host header.
    const FOR_ALL: Option<&'static str> = Some(HEALTH);

    fn answer(&self, request: Request<Incoming>) -> impl Future<Output = Answer> + Send {
        ready(answer(&request, self))
    }

    fn beside(&self) -> impl Future<Output = ()> + Send {
        pass_on(self.seen.live.clone())
    }
}

fn answer<B>(request: &Request<B>, shown: &Shown) -> Answer {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        resource(request.uri().path(), &shown.seen, shown.watchers)
    } else {
        http::no_such_method("GET, HEAD", "there is only GET and HEAD")
    }
}

fn resource(path: &str, seen: &Seen, watchers: usize) -> Answer {
    match path {
        "/events" => match seen.live.watch(watchers) {
            Some(spectator) => events(spectator),
            None => whole(
                StatusCode::SERVICE_UNAVAILABLE,
                TEXT,
                "as many watch the events as there are places for that",
            ),
        },
        "/metrics" => whole(StatusCode::OK, METRICS, seen.metrics.text()),
        HEALTH if seen.metrics.is_draining() => {
            whole(StatusCode::SERVICE_UNAVAILABLE, TEXT, "draining")
        }
        HEALTH => whole(StatusCode::OK, TEXT, "ok"),
        _ => match page::FILES.iter().find(|file| file.path == path) {
            Some(file) => whole(StatusCode::OK, file.kind, file.content),
            None => whole(
                StatusCode::NOT_FOUND,
                TEXT,
                "there is only /, /events, /metrics and /healthz",
            ),
        },
    }
}

/// A proxy on the way passes each on as it comes: it neither gathers nor compresses them.
fn events(spectator: Spectator) -> Answer {
    Response::builder()
        .header(header::CONTENT_TYPE, "text/event-stream")
        .header(header::CACHE_CONTROL, "no-store, no-transform")
        .header("x-accel-buffering", "no")
        .body(Either::Right(EventStream::new(spectator)))
        .expect("its headers are fixed")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(method: Method, path: &str) -> StatusCode {
        let request = Request::builder().method(method).uri(path).body(()).unwrap();
        // The stream of events needs a runtime's clock.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let _entered = runtime.enter();
        answer(&request, &Shown { seen: Seen::default(), watchers: 1 }).status()
    }

    #[test]
    fn there_is_what_there_is_and_it_can_only_be_read() {
        for path in [
            "/",
            "/page.css",
            "/page.js",
            "/code.js",
            "/events",
            "/metrics",
            "/healthz",
            "/metrics?a=b",
        ] {
            assert_eq!(status(Method::GET, path), StatusCode::OK, "{path}");
            assert_eq!(status(Method::HEAD, path), StatusCode::OK, "{path}");
            assert_eq!(status(Method::POST, path), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        }
        for path in ["/index.html", "/metrics/", "//", "/../healthz"] {
            assert_eq!(status(Method::GET, path), StatusCode::NOT_FOUND, "{path}");
        }
    }
}
