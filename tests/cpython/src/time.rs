//! Timeouts: Python's numbers of seconds, and ours.

use std::time::Duration;

use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt};
use sockmodes::socket::Mode;

pub(crate) fn mode(timeout: &Bound<'_, PyAny>) -> PyResult<Mode> {
    if timeout.is_none() {
        return Ok(Mode::Blocking);
    }
    if !timeout.is_instance_of::<PyFloat>() && !timeout.is_instance_of::<PyInt>() {
        let index = timeout.call_method0("__index__");
        index.map_err(|_| PyTypeError::new_err("a timeout is a number of seconds or None"))?;
    }
    let seconds: f64 = timeout.extract()?;
    if seconds < 0.0 {
        return Err(PyValueError::new_err("Timeout value out of range"));
    }
    if seconds.is_nan() {
        return Err(PyValueError::new_err("Invalid value NaN (not a number)"));
    }
    // Where CPython's own clock ends.
    if seconds * 1e9 >= i64::MAX as f64 {
        return Err(PyOverflowError::new_err("timeout doesn't fit into C timeval"));
    }
    // Up to the next nanosecond, so that what is not zero does not become it.
    Ok(Mode::from(Some(Duration::from_nanos((seconds * 1e9).ceil() as u64))))
}

pub(crate) fn seconds(mode: Mode) -> Option<f64> {
    mode.timeout().map(|timeout| timeout.as_nanos() as f64 / 1e9)
}
