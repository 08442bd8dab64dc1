//! The admin address: a page that shows the loop at work, its events, its metrics and its health, over HTTP.
//!
//! It runs on a thread of its own with a runtime of its own, so that nobody who looks at the loop
//! can hold it up. Who has a place is in `places.rs`, requests and answers are in `answer.rs`, the ends of a
//! connection in `ends.rs`, the endless answer in `stream.rs`; the page itself is in `page/`.

mod answer;
mod ends;
mod places;
mod stream;

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time;

use self::ends::{Input, Output};
use self::places::Places;
use super::{Live, Metrics};

/// How much a client of the admin address may take.
#[derive(Clone, Copy)]
struct Quota {
    /// Connections at once; for one more, one that has not asked yet is disconnected.
    connections: usize,
    /// Of these, how many may watch the events: fewer, so that others can be answered.
    watchers: usize,
    /// Time for a request's line and headers.
    header_time: Duration,
    /// Bytes of the same.
    header_size: usize,
    /// Time in which some of an answer has to be taken.
    answer_time: Duration,
}

/// As many headers as there is room for in their size.
const MAX_HEADERS: usize = QUOTA.header_size / "a:\r\n".len();

const QUOTA: Quota = Quota {
    connections: 64,
    watchers: 48,
    header_time: Duration::from_secs(10),
    header_size: 16 * 1024,
    answer_time: Duration::from_secs(10),
};
/// How many connections the kernel may keep until they are accepted.
const BACKLOG: i32 = 128;
/// The pause after an `accept` that failed, most likely because no descriptor was free.
const RETRY_AFTER: Duration = Duration::from_millis(200);
/// How long spectators have to be told the last events when the server has stopped. Only who does not
/// read makes it wait so long.
const FAREWELL: Duration = Duration::from_secs(1);

/// What can be seen at the admin address.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Seen {
    /// What the events add up to.
    pub metrics: Metrics,
    /// The events themselves.
    pub live: Live,
}

/// The admin address, being served; dropping this ends it.
///
/// ```
/// use sockmodes::auth::Entry;
/// use sockmodes::observe::{Admin, Seen};
/// use sockmodes::server::{Config, Server};
/// use sockmodes::session::{Protocol, Service};
///
/// let protocol = Protocol::new(Entry::Open, Service::Upper);
/// let mut server = Server::bind(Config::new(vec!["127.0.0.1:0".parse()?], protocol))?;
/// let seen = Seen::default();
/// let admin = Admin::start("127.0.0.1:0".parse()?, seen.clone())?;
/// server.add_observer(Box::new(seen.metrics));
/// server.add_observer(Box::new(seen.live));
/// println!("http://{}/ shows what the server does once it runs", admin.address());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "when it is dropped, nothing is served any more"]
pub struct Admin {
    address: SocketAddr,
    live: Live,
    stop: Option<watch::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Admin {
    /// The most connections that it has at once, each of which needs a descriptor.
    pub const MOST_CONNECTIONS: usize = QUOTA.connections;

    /// Serves what is `seen` at `address`. Both halves of `seen` have to be given to the server as readers.
    ///
    /// # Errors
    ///
    /// If the operating system refuses a listener there, or a thread.
    pub fn start(address: SocketAddr, seen: Seen) -> io::Result<Admin> {
        Admin::start_with(address, seen, QUOTA)
    }

    fn start_with(address: SocketAddr, seen: Seen, quota: Quota) -> io::Result<Admin> {
        let listener = listen(address)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let live = seen.live.clone();
        seen.metrics.count_lost("events", live.counts());
        let (stop, stopped) = watch::channel(());
        let thread = thread::Builder::new()
            .name("admin".into())
            .spawn(move || runtime.block_on(serve(listener, address.ip(), seen, quota, stopped)))?;
        Ok(Admin { address, live, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it is served, with the port that the kernel gave it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        self.live.end();
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic over there must not become one here.
            let _ = thread.join();
        }
    }
}

/// Listens as the server's own listeners do: at an IPv6 address, for IPv6 only.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

async fn serve(
    listener: TcpListener,
    bound: IpAddr,
    seen: Seen,
    quota: Quota,
    mut stopped: watch::Receiver<()>,
) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "the admin address can't be served"),
    };
    let mut places = Places::new(quota.connections);
    let passing_on = tokio::spawn(stream::pass_on(seen.live.clone()));
    loop {
        tokio::select! {
            // The `Admin` was dropped.
            _ = stopped.changed() => break,
            // Those that are over are forgotten as they end.
            () = places.one_leaves() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => if places.make_room().await {
                    let asked = Arc::<AtomicBool>::default();
                    let visitor = Visitor { stream, asked: asked.clone(), seen: seen.clone() };
                    places.take(asked, converse(visitor, bound, quota, stopped.clone()));
                },
                Err(_) => time::sleep(RETRY_AFTER).await,
            },
        }
    }
    drop(listener);
    passing_on.abort();
    let _ = time::timeout(FAREWELL, places.all_leave()).await;
}

/// Somebody who has connected.
struct Visitor {
    stream: TcpStream,
    /// Whether there was a whole request.
    asked: Arc<AtomicBool>,
    seen: Seen,
}

/// One request and its answer.
async fn converse(visitor: Visitor, bound: IpAddr, quota: Quota, mut stopped: watch::Receiver<()>) {
    let Visitor { mut stream, asked, seen } = visitor;
    let Ok(here) = stream.local_addr() else { return };
    let owed = AtomicBool::new(false);
    let service = service_fn(|request| {
        let answer = answer::answer(&request, [bound, here.ip()], &seen, quota.watchers);
        asked.store(true, Ordering::Relaxed);
        owed.store(answer::has_an_end(&request, &answer), Ordering::Relaxed);
        async move { Ok::<_, std::convert::Infallible>(answer) }
    });
    let (input, output) = stream.split();
    let output = Output::new(output, &owed, quota.answer_time);
    let stream = tokio::io::join(Input { stream: input, owed: &owed }, output);
    let conversation = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(quota.header_time)
        .max_buf_size(quota.header_size)
        .max_headers(MAX_HEADERS)
        // A connection that is kept open takes a place that somebody else may need.
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    let stopped_unasked = async {
        let _ = stopped.changed().await;
        if asked.load(Ordering::Relaxed) {
            // What was asked for is answered first.
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        served = conversation => if let Err(error) = served {
            tracing::debug!(%error, "an admin connection ended early");
        },
        () = stopped_unasked => {}
    }
}

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
