//! What comes from a client, and the end of it.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::tcp::ReadHalf;

/// The input of a connection, whose end is not told while an answer is `owed`.
///
/// hyper goes on looking for the end when a request has come, and drops the answer if it finds it.
/// But who has asked for everything may say so (`nc -N`), and is still there to read the answer
/// ([RFC 9112, 9.6](https://www.rfc-editor.org/rfc/rfc9112#section-9.6)). Told never to look for it
/// (its `half_close`), hyper would keep the place of whoever watched the events and has left, until a
/// write fails.
pub(super) struct Input<'a> {
    pub(super) stream: ReadHalf<'a>,
    pub(super) owed: &'a AtomicBool,
}

impl AsyncRead for Input<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let is_end = buffer.filled().len() == before;
        if is_end && self.owed.load(Ordering::Relaxed) {
            Poll::Pending
        } else {
            Poll::Ready(Ok(()))
        }
    }
}
