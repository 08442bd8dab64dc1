//! The admin address behind nginx with its defaults, as somebody has it who wants a name and a certificate in front.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::common::admin;
use crate::common::client::{eventually, exchange};
use crate::common::harness::{Need, Test, missing_program};
use crate::common::process::{PATIENCE, Program};
use crate::common::program::Server;

pub(crate) const TESTS: &[Test] = &[
    ("events_come_as_they_happen", &[NGINX], events_come_as_they_happen),
    ("every_answer_keeps_what_it_forbids", &[NGINX], every_answer_keeps_what_it_forbids),
];

const NGINX: Need = Need::Peer(|| missing_program("nginx"));

/// An nginx of the test's own, before the admin address of a server.
struct Proxy {
    _nginx: Program,
    folder: TempDir,
}

impl Proxy {
    fn before(admin: SocketAddr) -> Proxy {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        // What it needs in order to run here, as one process, which ends with the test; of what it does with an
        // answer, nothing is set.
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {path}/{kind}; "))
            .concat();
        let config = format!(
            "daemon off; master_process off; pid {path}/pid; error_log stderr; events {{ }}
             http {{ access_log off; {temporary}
             server {{ listen unix:{path}/socket; location / {{ proxy_pass http://{admin}; }} }} }}"
        );
        fs::write(folder.path().join("config"), config).unwrap();
        let mut command = Command::new("nginx");
        command.args(["-p", path, "-e", "stderr", "-c", "config"]);
        let proxy = Proxy { _nginx: Program::start(&mut command), folder };
        eventually("nginx to listen", || UnixStream::connect(proxy.socket()).is_ok());
        proxy
    }

    fn socket(&self) -> impl AsRef<Path> {
        self.folder.path().join("socket")
    }

    fn ask(&self, path: &str) -> UnixStream {
        let mut stream = UnixStream::connect(self.socket()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: sockmodes.example\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        stream
    }
}

/// Each is read before the next thing is done, so none may wait for more.
fn events_come_as_they_happen() {
    let server = Server::start(&["--admin", "127.0.0.1:0"]);
    let proxy = Proxy::before(admin::address(&server.program));
    let mut lines = BufReader::new(proxy.ask("/events")).lines().map(Result::unwrap);
    let mut hear =
        |what: &str| assert!(lines.any(|line| line.contains(what)), "the end came before {what}");
    hear("\"event\":\"listening\"");
    let mut client = server.enter();
    hear("\"event\":\"let_in\"");
    for said in ["one", "three", "eleven"] {
        exchange(&mut client, said.as_bytes(), said.to_uppercase().as_bytes());
        hear(&format!("\"offered\":{0},\"bytes\":{0}", said.len()));
    }
    drop(client);
    hear("\"event\":\"closed\"");
    server.stop();
    hear("\"event\":\"stopped\"");
}

fn every_answer_keeps_what_it_forbids() {
    let server = Server::start(&["--admin", "127.0.0.1:0"]);
    let proxy = Proxy::before(admin::address(&server.program));
    for (path, status) in [("/", 200), ("/metrics", 200), ("/healthz", 200), ("/nothing", 404)] {
        let mut answer = String::new();
        proxy.ask(path).read_to_string(&mut answer).unwrap();
        let headers = answer.split("\r\n\r\n").next().unwrap().to_lowercase();
        assert!(headers.starts_with(&format!("http/1.1 {status} ")), "{headers}");
        for header in [
            "frame-ancestors 'none'",
            "\r\nx-frame-options: deny",
            "\r\nx-content-type-options: nosniff",
            "\r\ncross-origin-resource-policy: same-origin",
            "\r\ncross-origin-opener-policy: same-origin",
            "\r\nreferrer-policy: no-referrer",
            "\r\ncache-control: no-store",
        ] {
            assert!(headers.contains(header), "{path} has no {header}:\n{headers}");
        }
        assert!(!headers.contains("access-control-allow"), "{path}:\n{headers}");
    }
    server.stop();
}
