//! A socket of a descriptor that is there already: `socket(fileno=...)`.

use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyInt;
use sockmodes::socket::Socket;

use crate::error::{from_errno, raised};
use crate::socket::{PySocket, Said};

impl PySocket {
    pub(crate) fn adopt(&self, fileno: &Bound<'_, PyAny>, wanted: [i32; 3]) -> PyResult<()> {
        if !fileno.is_instance_of::<PyInt>() {
            let index = fileno.call_method0("__index__");
            index.map_err(|_| PyTypeError::new_err("a descriptor is an integer"))?;
        }
        let fd: RawFd = fileno.extract()?;
        if fd < 0 {
            return Err(PyValueError::new_err("negative file descriptor"));
        }
        // One that is not open, or no socket, stays its owner's, and `from_fd` would close it.
        let mut number = 0_i32;
        let mut length = size_of::<i32>() as libc::socklen_t;
        let (level, option) = (libc::SOL_SOCKET, libc::SO_TYPE);
        let pointer = (&raw mut number).cast();
        // The buffer is as long as is said.
        if unsafe { libc::getsockopt(fd, level, option, pointer, &mut length) } != 0 {
            return Err(from_errno(std::io::Error::last_os_error().raw_os_error().unwrap_or(0)));
        }
        // It is open, and Python's caller has given it away.
        let socket = Socket::from_fd(unsafe { OwnedFd::from_raw_fd(fd) }).map_err(raised)?;
        let or = |wanted: i32, known: i32| if wanted == -1 { known } else { wanted };
        let said = Said {
            family: or(wanted[0], socket.family().into()),
            r#type: or(wanted[1], socket.kind().into()),
            proto: or(wanted[2], socket.protocol().into()),
        };
        self.put(socket, said);
        Ok(())
    }
}
