//! The stream of events: what the loop tells about itself, and who reads it.
//!
//! The loop calls [`Events::tell`]; the [log], the [trace](Trace), the [metrics](Metrics) and
//! [whoever watches](Live) are observers of the one stream. Only the [admin address](Admin) touches a
//! socket, and no event holds a secret, a password, a digest or a byte of payload: there is no
//! field that could.

#[cfg(all(unix, feature = "admin"))]
mod admin;
mod errno;
mod event;
#[cfg(all(unix, feature = "admin"))]
mod http;
#[cfg(all(unix, feature = "admin"))]
mod live;
#[cfg(all(unix, feature = "log"))]
pub mod log;
#[cfg(all(unix, feature = "metrics"))]
mod metrics;
#[cfg(unix)]
pub mod page;
mod shown;
#[cfg(all(unix, feature = "admin"))]
mod simulated;
#[cfg(unix)]
mod standing;
#[cfg(unix)]
mod trace;
#[cfg(unix)]
mod whole;
mod worth;
#[cfg(unix)]
mod writer;

#[cfg(all(unix, feature = "admin"))]
pub use admin::{Admin, Seen};
pub use errno::Errno;
pub use event::{CallResult, Detail, Event, Record};
#[cfg(all(unix, feature = "admin"))]
pub use live::Live;
#[cfg(all(unix, feature = "metrics"))]
pub use metrics::Metrics;
pub use shown::{MAX_SHOWN, shown};
#[cfg(all(unix, feature = "admin"))]
pub use simulated::Simulated;
#[cfg(unix)]
pub use trace::{Trace, TraceError};
pub use worth::is_worth_a_look;
#[cfg(unix)]
pub use writer::Lines;

use std::fmt;

use crate::session::Time;

/// Something that listens to the stream of events. It is called on the loop's thread, so it has to
/// be quick and must not wait.
pub trait Observer: Send {
    /// How closely it looks; it gets all less detailed events too.
    fn detail(&self) -> Detail;
    /// Takes note of one event.
    fn observe(&mut self, record: &Record);
}

/// The stream, as the loop sees it: where events go in. It has no clock: whoever tells an event says
/// when it happened.
#[derive(Default)]
pub struct Events {
    detail: Option<Detail>,
    observers: Vec<Box<dyn Observer>>,
}

impl Events {
    /// Adds an observer.
    pub fn add(&mut self, observer: Box<dyn Observer>) {
        self.detail = self.detail.max(Some(observer.detail()));
        self.observers.push(observer);
    }

    /// Whether anybody looks as closely as `detail`.
    #[inline]
    pub fn are_told(&self, detail: Detail) -> bool {
        self.detail >= Some(detail)
    }

    /// Tells what `event` makes, if anybody looks that closely; if not, this costs a comparison.
    #[inline]
    pub fn tell(
        &mut self,
        time: Time,
        detail: Detail,
        connection: Option<u64>,
        event: impl FnOnce() -> Event,
    ) {
        if self.are_told(detail) {
            self.pass_on(detail, Record { time, connection, event: event() });
        }
    }

    #[cold]
    fn pass_on(&mut self, detail: Detail, record: Record) {
        for observer in &mut self.observers {
            if observer.detail() >= detail {
                observer.observe(&record);
            }
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let observers = self.observers.len();
        f.debug_struct("Events").field("observers", &observers).finish_non_exhaustive()
    }
}
