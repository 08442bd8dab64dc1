//! What every address of ours has that is asked over HTTP: bounds on time, size and places, and a look at whom a
//! request is meant for.
//!
//! It runs on a thread of its own with a runtime of its own, so that nobody who looks at the loop can hold it up.
//! Who has a place is in `places.rs`, the ends of a connection in `ends.rs`, whom a request is meant for and what
//! stands above every answer in `guard.rs`. Never here: what is answered (see `admin/` and `simulated.rs`).

mod ends;
mod guard;
mod places;

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use http_body_util::{Either, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time;

use self::ends::{Input, Output};
use self::places::Places;

/// How much a client may take.
#[derive(Clone, Copy)]
pub(super) struct Quota {
    /// Connections at once; for one more, one that has not asked yet is disconnected.
    pub(super) connections: usize,
    /// Time for a request's line and headers.
    pub(super) header_time: Duration,
    /// Bytes of the same.
    pub(super) header_size: usize,
    /// Time in which some of an answer has to be taken.
    pub(super) answer_time: Duration,
}

/// As many headers as there is room for in their size.
const MAX_HEADERS: usize = QUOTA.header_size / "a:\r\n".len();

pub(super) const QUOTA: Quota = Quota {
    connections: 64,
    header_time: Duration::from_secs(10),
    header_size: 16 * 1024,
    answer_time: Duration::from_secs(10),
};
/// How many connections the kernel may keep until they are accepted.
const BACKLOG: i32 = 128;
/// The pause after an `accept` that failed, most likely because no descriptor was free.
const RETRY_AFTER: Duration = Duration::from_millis(200);
/// How long those who are being answered have to take the rest when it ends. Only who does not read makes it wait
/// so long.
const FAREWELL: Duration = Duration::from_secs(1);

pub(super) const TEXT: &str = "text/plain; charset=utf-8";

/// What is sent back: whole, or as it happens.
pub(super) type Answer<E> = Response<Either<Full<Bytes>, E>>;

/// What is answered at an address.
pub(super) trait Site: Clone + Send + Sync + 'static {
    /// An answer that has no end.
    type Endless: Body<Data = Bytes, Error = Infallible> + Send + 'static;

    /// What is answered also to whoever does not say which host they ask.
    const FOR_ALL: Option<&'static str>;

    /// The answer to `request`, which is meant for us.
    fn answer(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Answer<Self::Endless>> + Send;

    /// What goes on beside the answers, for as long as they are given.
    fn beside(&self) -> impl Future<Output = ()> + Send;
}

/// A site, being served; dropping this ends it.
#[derive(Debug)]
pub(super) struct Http {
    address: SocketAddr,
    stop: Option<watch::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Http {
    /// Serves `site` at `address`, on a thread of that `name`.
    pub(super) fn start(
        name: &str,
        address: SocketAddr,
        quota: Quota,
        site: impl Site,
    ) -> io::Result<Http> {
        let listener = listen(address)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = watch::channel(());
        let thread = thread::Builder::new()
            .name(name.into())
            .spawn(move || runtime.block_on(serve(listener, address.ip(), site, quota, stopped)))?;
        Ok(Http { address, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it is served, with the port that the kernel gave it.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic over there must not become one here.
            let _ = thread.join();
        }
    }
}

/// Listens as the server's own listeners do: at an IPv6 address, for IPv6 only.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
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
    site: impl Site,
    quota: Quota,
    mut stopped: watch::Receiver<()>,
) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "the address can't be served"),
    };
    let mut places = Places::new(quota.connections);
    let beside = {
        let site = site.clone();
        tokio::spawn(async move { site.beside().await })
    };
    loop {
        tokio::select! {
            // The `Http` was dropped.
            _ = stopped.changed() => break,
            // Those that are over are forgotten as they end.
            () = places.one_leaves() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => if places.make_room().await {
                    let asked = Arc::<AtomicBool>::default();
                    let visitor = Visitor { stream, asked: asked.clone(), site: site.clone() };
                    places.take(asked, converse(visitor, bound, quota, stopped.clone()));
                },
                Err(_) => time::sleep(RETRY_AFTER).await,
            },
        }
    }
    drop(listener);
    beside.abort();
    let _ = time::timeout(FAREWELL, places.all_leave()).await;
}

/// Somebody who has connected.
pub(super) struct Visitor<S> {
    pub(super) stream: TcpStream,
    /// Whether there was a whole request.
    pub(super) asked: Arc<AtomicBool>,
    pub(super) site: S,
}

/// One request and its answer.
pub(super) async fn converse<S: Site>(
    visitor: Visitor<S>,
    bound: IpAddr,
    quota: Quota,
    mut stopped: watch::Receiver<()>,
) {
    let Visitor { mut stream, asked, site } = visitor;
    let Ok(here) = stream.local_addr() else { return };
    let (asked, site, ours, owed) = (&asked, &site, [bound, here.ip()], &AtomicBool::new(false));
    let service = service_fn(move |request| {
        // At once: before it asks for the answer, hyper looks whether whoever wants it is still there.
        owed.store(true, Ordering::Relaxed);
        async move {
            let is_head = request.method() == Method::HEAD;
            let answer = answer(site, request, ours).await;
            asked.store(true, Ordering::Relaxed);
            // All but what has no end is all said some day, even if nobody leaves.
            owed.store(is_head || matches!(answer.body(), Either::Left(_)), Ordering::Relaxed);
            Ok::<_, Infallible>(answer)
        }
    });
    let (input, output) = stream.split();
    let output = Output::new(output, owed, quota.answer_time);
    let stream = tokio::io::join(Input { stream: input, owed }, output);
    let conversation = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(quota.header_time)
        .max_buf_size(quota.header_size)
        .max_headers(MAX_HEADERS)
        // A connection that is kept open takes a place that somebody else may need.
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        served = conversation => if let Err(error) = served {
            tracing::debug!(%error, "a connection ended early");
        },
        () = stopped_unasked(&mut stopped, asked) => {}
    }
}

/// Waits until this ends, if nothing `asked` for is to be answered first; else for ever.
async fn stopped_unasked(stopped: &mut watch::Receiver<()>, asked: &AtomicBool) {
    // It fails, since nothing is ever sent: the `Http` was dropped.
    let _ = stopped.changed().await;
    if asked.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
}

/// The answer to `request`, which is meant for us if it names loopback or an address of `ours`.
async fn answer<S: Site>(
    site: &S,
    request: Request<Incoming>,
    ours: [IpAddr; 2],
) -> Answer<S::Endless> {
    let mut answer = if guard::is_meant_for(&request, ours, S::FOR_ALL) {
        site.answer(request).await
    } else {
        whole(StatusCode::MISDIRECTED_REQUEST, TEXT, "this is not the host that you asked for")
    };
    guard::head(answer.headers_mut());
    answer
}

/// An answer that is all there.
pub(super) fn whole<E>(
    status: StatusCode,
    kind: &'static str,
    content: impl Into<Bytes>,
) -> Answer<E> {
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, kind)
        .body(Either::Left(Full::new(content.into())))
        .expect("its one header is fixed")
}

/// The answer to a request with another method than those that there are, which `words` name.
pub(super) fn no_such_method<E>(allowed: &'static str, words: &'static str) -> Answer<E> {
    let mut answer = whole(StatusCode::METHOD_NOT_ALLOWED, TEXT, words);
    answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    answer
}
