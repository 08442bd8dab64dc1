//! The stream of events: what the loop tells about itself, and who reads it.
//!
//! The loop calls [`Events::tell`]; the [log], the [trace](Trace), the [metrics](Metrics) and
//! [whoever watches](Live) are readers of the one stream. Only the [admin address](Admin) touches a
//! socket, and no event holds a secret, a password, a digest or a byte of payload: there is no
//! field that could.

mod admin;
mod event;
mod live;
pub mod log;
mod metrics;
mod shown;
mod trace;
mod writer;

pub use admin::{Admin, Seen};
pub use event::{CallResult, Detail, Event, Record};
pub use live::Live;
pub use metrics::Metrics;
pub use shown::{MAX_SHOWN, shown};
pub use trace::{Trace, TraceError};
pub use writer::Lines;

use std::time::Instant;

/// Something that reads the stream of events. It is called on the loop's thread, so it has to be
/// quick and must not wait.
pub trait Reader: Send {
    /// How closely it looks; it gets all less detailed events too.
    fn detail(&self) -> Detail;
    /// Reads one event.
    fn read(&mut self, record: &Record);
}

/// The stream, as the loop sees it: where events go in.
pub struct Events {
    start: Instant,
    detail: Option<Detail>,
    readers: Vec<Box<dyn Reader>>,
}

impl Default for Events {
    fn default() -> Events {
        Events { start: Instant::now(), detail: None, readers: Vec::new() }
    }
}

impl Events {
    /// Adds a reader.
    pub fn add(&mut self, reader: Box<dyn Reader>) {
        self.detail = self.detail.max(Some(reader.detail()));
        self.readers.push(reader);
    }

    /// Tells what `event` makes, if anybody looks that closely; if not, this costs a comparison.
    #[inline]
    pub fn tell(&mut self, detail: Detail, connection: Option<u64>, event: impl FnOnce() -> Event) {
        if self.detail >= Some(detail) {
            self.pass_on(detail, connection, event());
        }
    }

    #[cold]
    fn pass_on(&mut self, detail: Detail, connection: Option<u64>, event: Event) {
        let record = Record { time: self.start.elapsed(), connection, event };
        for reader in &mut self.readers {
            if reader.detail() >= detail {
                reader.read(&record);
            }
        }
    }
}
