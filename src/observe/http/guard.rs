//! Whom a request is meant for, and what stands above every answer: so that no page from elsewhere learns or does
//! anything here.

use std::net::IpAddr;
use std::str::FromStr;

use hyper::Request;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::http::uri::Authority;

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

/// Puts above an answer what stands above every one.
pub(super) fn head(headers: &mut HeaderMap) {
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// Whether there is exactly one Host header and it names loopback or an address of `ours`, and so
/// does the request's target, if it has a host (RFC 9112, 3.2.2). A page from elsewhere whose name
/// was made to point here (DNS rebinding) sends its own name, and learns nothing. Who asks what is `for_all`
/// may send none.
pub(super) fn is_meant_for<B>(
    request: &Request<B>,
    ours: [IpAddr; 2],
    for_all: Option<&str>,
) -> bool {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host,
        (None, _) => {
            return request.uri().authority().is_none() && Some(request.uri().path()) == for_all;
        }
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

    fn is_answered(host: Option<&str>, path: &str) -> bool {
        let mut request = Request::builder().uri(path);
        if let Some(host) = host {
            request = request.header(header::HOST, host);
        }
        let ours = [[192, 0, 2, 1].into(), [0, 0, 0, 0].into()];
        is_meant_for(&request.body(()).unwrap(), ours, Some("/healthz"))
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
            assert!(is_answered(Some(host), "/"), "{host}");
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
            assert!(!is_answered(Some(host), "/healthz"), "{host}");
        }
        // Without one there is the health, and nothing else.
        assert!(is_answered(None, "/healthz"));
        for path in ["/", "/events", "/metrics", "http://localhost/healthz"] {
            assert!(!is_answered(None, path), "{path}");
        }
        assert!(!is_answered(Some("localhost"), "http://example.org/healthz"));
        assert!(is_answered(Some("localhost"), "http://localhost/healthz"));
    }
}
