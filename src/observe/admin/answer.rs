//! Requests and answers. Everything can be read here, and nothing changed.

use std::net::IpAddr;
use std::str::FromStr;

use http_body_util::{Either, Full};
use hyper::body::{Body, Bytes};
use hyper::header::{self, HeaderValue};
use hyper::http::uri::Authority;
use hyper::{Method, Request, Response, StatusCode};

use super::Seen;
use super::stream::EventStream;
use crate::observe::live::Spectator;
use crate::observe::page;

/// What is sent back: whole, or as it happens.
pub(super) type Answer = Response<Either<Full<Bytes>, EventStream>>;

const HEALTH: &str = "/healthz";

const TEXT: &str = "text/plain; charset=utf-8";
/// Prometheus' text format.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
/// The page's own files and nothing else, and nobody may put it into a frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Every answer has these: it is shown in no frame, taken for nothing else, and read by no page from elsewhere.
const HEADERS: [(&str, &str); 6] = [
    ("content-security-policy", POLICY),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
];

/// The answer to `request`, which is meant for us if it names loopback or an address of `ours`. At most
/// `watchers` are told the events.
pub(super) fn answer<B: Body>(
    request: &Request<B>,
    ours: [IpAddr; 2],
    seen: &Seen,
    watchers: usize,
) -> Answer {
    let mut answer = if !is_meant_for(request, ours) {
        whole(StatusCode::MISDIRECTED_REQUEST, TEXT, "this is not the host that you asked for")
    } else if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut answer = whole(StatusCode::METHOD_NOT_ALLOWED, TEXT, "there is only GET and HEAD");
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        answer
    } else {
        resource(request.uri().path(), seen, watchers)
    };
    let headers = answer.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// Whether `answer` is all said some day, even if nobody leaves: all but the stream of events.
pub(super) fn has_an_end<B>(request: &Request<B>, answer: &Answer) -> bool {
    request.method() == Method::HEAD || matches!(answer.body(), Either::Left(_))
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

fn whole(status: StatusCode, kind: &'static str, content: impl Into<Bytes>) -> Answer {
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, kind)
        .body(Either::Left(Full::new(content.into())))
        .expect("its one header is fixed")
}

/// Whether there is exactly one Host header and it names loopback or an address of `ours`, and so
/// does the request's target, if it has a host (RFC 9112, 3.2.2). A page from elsewhere whose name
/// was made to point here (DNS rebinding) sends its own name, and learns nothing. A balancer that
/// asks for the health may send none.
fn is_meant_for<B>(request: &Request<B>, ours: [IpAddr; 2]) -> bool {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host,
        (None, _) => return request.uri().authority().is_none() && request.uri().path() == HEALTH,
        _ => return false,
    };
    let Ok(Ok(authority)) = host.to_str().map(Authority::from_str) else { return false };
    names_us(&authority, ours) && request.uri().authority().is_none_or(|it| names_us(it, ours))
}

fn names_us(authority: &Authority, ours: [IpAddr; 2]) -> bool {
    if authority.as_str().contains('@') {
        return false;
    }
    let name = authority.host();
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    match bare.parse::<IpAddr>() {
        Ok(address) => address.is_loopback() || ours.contains(&address),
        Err(_) => name.eq_ignore_ascii_case("localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(host: Option<&str>, method: Method, path: &str) -> StatusCode {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(host) = host {
            request = request.header(header::HOST, host);
        }
        let ours = [[192, 0, 2, 1].into(), [0, 0, 0, 0].into()];
        // The stream of events needs a runtime's clock.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let _entered = runtime.enter();
        answer(&request.body(String::new()).unwrap(), ours, &Seen::default(), 1).status()
    }

    #[test]
    fn only_who_names_loopback_or_the_bound_address_is_answered() {
        let good = [
            "localhost",
            "LocalHost:80",
            "127.0.0.1",
            "127.1.2.3:9",
            "[::1]",
            "[::1]:9100",
            "192.0.2.1:1",
            "0.0.0.0:1",
        ];
        for host in good {
            assert_eq!(status(Some(host), Method::GET, "/healthz"), StatusCode::OK, "{host}");
        }
        let bad = [
            "example.org",
            "192.0.2.2",
            "localhost.example.org",
            "127.0.0.1.example.org",
            "::1",
            "",
            "[::2]",
            "localhost:80:80",
            "user@localhost",
        ];
        for host in bad {
            let status = status(Some(host), Method::GET, "/healthz");
            assert_eq!(status, StatusCode::MISDIRECTED_REQUEST, "{host}");
        }
        // Without one there is the health, and nothing else.
        assert_eq!(status(None, Method::GET, "/healthz"), StatusCode::OK);
        for path in ["/", "/events", "/metrics", "http://localhost/healthz"] {
            let status = status(None, Method::GET, path);
            assert_eq!(status, StatusCode::MISDIRECTED_REQUEST, "{path}");
        }
        let elsewhere = status(Some("localhost"), Method::GET, "http://example.org/healthz");
        assert_eq!(elsewhere, StatusCode::MISDIRECTED_REQUEST);
        let here = status(Some("localhost"), Method::GET, "http://localhost/healthz");
        assert_eq!(here, StatusCode::OK);
    }

    #[test]
    fn there_is_what_there_is_and_it_can_only_be_read() {
        let host = Some("localhost");
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
            assert_eq!(status(host, Method::GET, path), StatusCode::OK, "{path}");
            assert_eq!(status(host, Method::HEAD, path), StatusCode::OK, "{path}");
            assert_eq!(status(host, Method::POST, path), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        }
        for path in ["/index.html", "/metrics/", "//", "/../healthz"] {
            assert_eq!(status(host, Method::GET, path), StatusCode::NOT_FOUND, "{path}");
        }
    }
}
