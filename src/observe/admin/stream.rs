//! The events as server-sent events, a JSON object each, for as long as somebody listens.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};

use crate::observe::Live;
use crate::observe::live::{Spectator, Told};

/// While nothing happens, a comment this often tells the listener that somebody is there, and finds
/// out whether the listener still is.
const BEAT: Duration = Duration::from_secs(15);
/// What happens in this time after something was told is told together, so that a flood of events is no
/// flood of wakeups and small writes.
const GATHER: Duration = Duration::from_millis(10);

/// Passes the events on, for as long as it is polled.
pub(super) async fn pass_on(live: Live) {
    loop {
        live.news().await;
        live.pass_on();
        sleep(GATHER).await;
    }
}

/// The endless answer.
pub(super) struct EventStream {
    spectator: Spectator,
    beat: Interval,
}

impl EventStream {
    pub(super) fn new(spectator: Spectator) -> EventStream {
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        EventStream { spectator, beat }
    }
}

/// With how many events were lost, where they are missing.
fn frame(Told { lost, text, .. }: Told) -> Bytes {
    if lost == 0 {
        return text;
    }
    let mark = format!("event: lost\ndata: {{\"lost\":{lost}}}\n\n");
    [mark.as_bytes(), &text].concat().into()
}

impl Body for EventStream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        let text = match this.spectator.poll_next(context) {
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Ready(Some(told)) => frame(told),
            Poll::Pending => {
                ready!(this.beat.poll_tick(context));
                Bytes::from_static(b": \n\n")
            }
        };
        Poll::Ready(Some(Ok(Frame::data(text))))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::time::{Instant, timeout};

    use super::*;

    /// nginx gives up on an answer of which nothing has come for a minute, and it is not the most impatient.
    #[tokio::test(start_paused = true)]
    async fn while_nothing_happens_a_comment_comes_now_and_then() {
        let live = Live::default();
        let mut stream = EventStream::new(live.watch(1).unwrap());
        let start = Instant::now();
        for beats in 0..5 {
            let next = poll_fn(|context| Pin::new(&mut stream).poll_frame(context));
            let frame = timeout(2 * BEAT, next).await.expect("it is silent for ever");
            assert_eq!(frame.unwrap().unwrap().into_data().unwrap(), &b": \n\n"[..]);
            // The clock is a virtual one, and counts in milliseconds.
            assert_eq!(start.elapsed().as_secs(), beats * 15);
        }
    }
}
