//! `sockmodes::socket` as a Python module in the place of CPython's `_socket`, for CPython's own tests.
//!
//! It translates types and errors and knows nothing of sockets: what the tests judge is `Socket`. Options by number
//! are here, which no safe crate offers. `run.py` runs it; read `socket.rs` next.

mod address;
mod adopt;
mod buffer;
mod error;
mod files;
mod message;
mod options;
mod socket;
mod time;
mod transfer;

use pyo3::prelude::*;
use sockmodes::socket as sockets;

#[pymodule]
mod _sockmodes {
    use super::*;

    #[pymodule_export]
    use super::files::{BufferedFile, RawFile};
    #[pymodule_export]
    use super::socket::{PySocket, made};

    #[pyfunction]
    #[pyo3(signature = (timeout, /))]
    fn setdefaulttimeout(timeout: &Bound<'_, PyAny>) -> PyResult<()> {
        sockets::set_default_mode(time::mode(timeout)?);
        Ok(())
    }

    #[pyfunction]
    fn getdefaulttimeout() -> Option<f64> {
        time::seconds(sockets::default_mode())
    }

    #[pyfunction]
    #[pyo3(signature = (family = None, r#type = None, proto = 0, /))]
    fn socketpair(
        family: Option<i32>,
        r#type: Option<i32>,
        proto: i32,
    ) -> PyResult<(PySocket, PySocket)> {
        let domain = family.map_or(sockets::Domain::UNIX, Into::into);
        let kind = r#type.map_or(sockets::Type::STREAM, Into::into);
        let protocol = Some(proto.into());
        let pair = sockets::Socket::pair_of(domain, kind, protocol).map_err(error::raised)?;
        Ok((PySocket::from(pair.0), PySocket::from(pair.1)))
    }
}
