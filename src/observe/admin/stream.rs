//! The events as server-sent events, a JSON object each, for as long as somebody listens.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame};
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::observe::live::{Spectator, Told};

/// The most events that go into one piece of the answer.
const BATCH: usize = 256;
/// While nothing happens, a comment this often tells the listener that somebody is there, and finds
/// out whether the listener still is.
const BEAT: Duration = Duration::from_secs(15);

/// The endless answer.
pub(super) struct EventStream {
    spectator: Spectator,
    batch: Vec<Told>,
    beat: Interval,
}

impl EventStream {
    pub(super) fn new(spectator: Spectator) -> EventStream {
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        EventStream { spectator, batch: Vec::new(), beat }
    }

    /// The batch as text, with how many events were lost where they are missing.
    fn text(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        for Told { lost, record } in self.batch.drain(..) {
            if lost > 0 {
                let mark = format!("event: lost\ndata: {{\"lost\":{lost}}}\n\n");
                text.extend_from_slice(mark.as_bytes());
            }
            let Some(record) = record else { continue };
            text.extend_from_slice(b"data: ");
            serde_json::to_writer(&mut text, &*record).expect("an event has only strings for keys");
            text.extend_from_slice(b"\n\n");
        }
        text
    }
}

impl Body for EventStream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        let text = match this.spectator.poll_next(context, &mut this.batch, BATCH) {
            Poll::Ready(0) => return Poll::Ready(None),
            Poll::Ready(_) => this.text(),
            Poll::Pending => {
                ready!(this.beat.poll_tick(context));
                b": \n\n".to_vec()
            }
        };
        Poll::Ready(Some(Ok(Frame::data(text.into()))))
    }
}
