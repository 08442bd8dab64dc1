//! How the fields of events are written in a trace: times as seconds, everything that has a name by its name.

use std::time::Duration;

use serde::Serializer;
use serde::ser::SerializeMap;

use super::CallResult;
use crate::observe::Errno;
use crate::session::{Reason, State, Time, Timer, Verdict};

pub(super) fn moment<S: Serializer>(time: &Time, serializer: S) -> Result<S::Ok, S::Error> {
    seconds(&time.since_start(), serializer)
}

pub(super) fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    // One division, so that nine decimals are printed, and not the rounding errors of a sum.
    serializer.serialize_f64(time.as_nanos() as f64 / 1e9)
}

pub(super) fn optional_moment<S: Serializer>(
    time: &Option<Time>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    optional_seconds(&time.map(Time::since_start), serializer)
}

pub(super) fn optional_seconds<S: Serializer>(
    time: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => seconds(time, serializer),
        None => serializer.serialize_none(),
    }
}

pub(super) fn name_of_reason<S: Serializer>(
    reason: &Reason,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(reason.name())
}

pub(super) fn name_of_state<S: Serializer>(
    state: &State,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(state.name())
}

pub(super) fn name_of_timer<S: Serializer>(
    timer: &Option<Timer>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match timer {
        Some(timer) => serializer.serialize_str(timer.name()),
        None => serializer.serialize_none(),
    }
}

pub(super) fn name_of_verdict<S: Serializer>(
    verdict: &Verdict,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(verdict.name())
}

pub(super) fn name_of_errno<S: Serializer>(
    errno: &Errno,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(errno)
}

pub(super) fn call_result<S: Serializer>(
    result: &CallResult,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    match result {
        Ok(bytes) => map.serialize_entry("bytes", bytes)?,
        Err(errno) => map.serialize_entry("error", &errno.to_string())?,
    }
    map.end()
}
