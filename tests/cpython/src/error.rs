//! `sockmodes::socket::Error` as the exception that CPython raises.

use std::io;

use pyo3::exceptions::{PyBlockingIOError, PyOSError, PyTimeoutError, PyValueError};
use pyo3::prelude::*;
use sockmodes::socket::Error;

pub(crate) fn raised(error: Error) -> PyErr {
    match error {
        Error::TimedOut => PyTimeoutError::new_err("timed out"),
        // The exception of the signal handler itself.
        Error::Interrupted(reason) => match reason.downcast::<PyErr>() {
            Ok(exception) => *exception,
            Err(reason) => PyOSError::new_err(reason.to_string()),
        },
        Error::WriteWouldBlock { written } => {
            let errno = libc::EAGAIN;
            PyBlockingIOError::new_err((errno, error.to_string(), written))
        }
        Error::InvalidValue(_) | Error::FileClosed => PyValueError::new_err(error.to_string()),
        Error::Unsupported(what) => of_module("io", "UnsupportedOperation", (what.to_string(),)),
        Error::Resolve(why) => of_module("_socket", "gaierror", (why.code(), why.to_string())),
        Error::FileTimedOut | Error::LineWouldBlock => PyOSError::new_err(error.to_string()),
        other => of_errno(other),
    }
}

fn of_errno(error: Error) -> PyErr {
    match error.raw_os_error() {
        Some(errno) => from_errno(errno),
        None => PyOSError::new_err(error.to_string()),
    }
}

/// OSError of an errno, with the text of the system alone, as os.strerror has it.
pub(crate) fn from_errno(errno: i32) -> PyErr {
    let text = io::Error::from_raw_os_error(errno).to_string();
    let text = text.split(" (os error").next().unwrap_or_default().to_owned();
    PyOSError::new_err((errno, text))
}

fn of_module(
    module: &'static str,
    name: &'static str,
    arguments: impl for<'py> IntoPyObject<'py>
    + for<'py> pyo3::call::PyCallArgs<'py>
    + Send
    + Sync
    + 'static,
) -> PyErr {
    Python::attach(|py| {
        let exception = py.import(module).and_then(|module| module.getattr(name)?.call1(arguments));
        exception.map_or_else(|error| error, PyErr::from_value)
    })
}
