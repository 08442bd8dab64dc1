//! The two ends of a connection: what comes from a client and stops coming, and what it takes, or doesn't.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::tcp::ReadHalf;
use tokio::time::{Sleep, sleep};

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

/// The output of a connection, which fails once an answer that is `owed` was not taken for so long.
pub(super) struct Output<'a, W> {
    stream: W,
    owed: &'a AtomicBool,
    patience: Duration,
    /// While nothing is taken: until when.
    stuck: Option<Pin<Box<Sleep>>>,
}

impl<W: AsyncWrite + Unpin> Output<'_, W> {
    pub(super) fn new(stream: W, owed: &AtomicBool, patience: Duration) -> Output<'_, W> {
        Output { stream, owed, patience, stuck: None }
    }

    fn poll<T>(
        &mut self,
        context: &mut Context<'_>,
        poll: impl FnOnce(Pin<&mut W>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let outcome = poll(Pin::new(&mut self.stream), context);
        if outcome.is_ready() {
            self.stuck = None;
        } else if self.owed.load(Ordering::Relaxed) {
            let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(self.patience)));
            ready!(stuck.as_mut().poll(context));
            return Poll::Ready(Err(ErrorKind::TimedOut.into()));
        }
        outcome
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Output<'_, W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll(context, |stream, context| stream.poll_write(context, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll(context, |stream, context| stream.poll_write_vectored(context, pieces))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(context, AsyncWrite::poll_flush)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(context, AsyncWrite::poll_shutdown)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const QUICK: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn an_answer_that_nobody_takes_ends() {
        let (near, _far) = duplex(16);
        let owed = AtomicBool::new(true);
        let mut output = Output::new(near, &owed, QUICK);
        let error = output.write_all(&[0; 100]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_taken_bit_by_bit_does_not_however_long_it_takes() {
        let (near, mut far) = duplex(1);
        let owed = AtomicBool::new(true);
        let mut output = Output::new(near, &owed, QUICK);
        let write = async { output.write_all(&[7; 9]).await };
        let read = async {
            for _ in 0..9 {
                sleep(QUICK * 3 / 4).await;
                far.read_exact(&mut [0]).await?;
            }
            Ok(())
        };
        tokio::try_join!(write, read).unwrap();
    }

    #[tokio::test]
    async fn one_that_is_taken_slowly_or_has_no_end_does_not() {
        let (near, mut far) = duplex(1);
        let owed = AtomicBool::new(false);
        let mut output = Output::new(near, &owed, QUICK);
        let write = async { output.write_all(&[7; 3]).await };
        let read = async {
            // Longer than there is patience for.
            sleep(3 * QUICK).await;
            let mut all = [0; 3];
            far.read_exact(&mut all).await.map(|_| all)
        };
        let (written, read) = tokio::join!(write, read);
        assert_eq!((written.unwrap(), read.unwrap()), ((), [7; 3]));
    }
}
