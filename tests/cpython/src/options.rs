//! Options by number, as Python has them. Ours have a type each, and no safe crate takes just any number.

use std::ffi::{c_int, c_void};
use std::os::fd::{AsRawFd, RawFd};

use pyo3::exceptions::{PyOSError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt};
use sockmodes::socket::{Descriptor, Socket};

use crate::buffer::Bytes;
use crate::error::{from_errno, raised};

pub(crate) fn get(
    py: Python<'_>,
    socket: &Socket,
    level: c_int,
    option: c_int,
    length: usize,
) -> PyResult<Py<PyAny>> {
    let descriptor = socket.descriptor().map_err(raised)?;
    let mut bytes = vec![0_u8; if length == 0 { size_of::<c_int>() } else { length }];
    if bytes.len() > 1024 {
        return Err(PyOSError::new_err("getsockopt buflen out of range"));
    }
    let mut len = bytes.len() as libc::socklen_t;
    // The descriptor is open, and the buffer as long as is said.
    let result = unsafe {
        libc::getsockopt(descriptor.as_raw_fd(), level, option, bytes.as_mut_ptr().cast(), &mut len)
    };
    last_error(result)?;
    if length == 0 {
        let number = c_int::from_ne_bytes(bytes.try_into().expect("the length of an int"));
        return Ok(number.into_pyobject(py)?.into_any().unbind());
    }
    Ok(PyBytes::new(py, &bytes[..len as usize]).into_any().unbind())
}

pub(crate) fn set(
    socket: &Socket,
    level: c_int,
    option: c_int,
    value: &Bound<'_, PyAny>,
    length: Option<u32>,
) -> PyResult<()> {
    let descriptor = socket.descriptor().map_err(raised)?;
    match length {
        Some(length) if value.is_none() => put(&descriptor, level, option, None, length),
        Some(_) => Err(PyTypeError::new_err("with a length the value is None")),
        None if value.is_none() => Err(PyTypeError::new_err("a value is an int or bytes")),
        None if value.is_instance_of::<PyInt>() => {
            let number: c_int = value.extract()?;
            put(&descriptor, level, option, Some(&number.to_ne_bytes()), 4)
        }
        None => {
            let bytes = Bytes::of(value)?;
            put(&descriptor, level, option, Some(bytes.get()), bytes.len() as u32)
        }
    }
}

fn put(
    descriptor: &Descriptor,
    level: c_int,
    option: c_int,
    value: Option<&[u8]>,
    length: u32,
) -> PyResult<()> {
    let fd: RawFd = descriptor.as_raw_fd();
    let pointer = value.map_or(std::ptr::null(), |value| value.as_ptr().cast::<c_void>());
    // The descriptor is open; a null pointer is what AF_ALG wants.
    last_error(unsafe { libc::setsockopt(fd, level, option, pointer, length) })
}

fn last_error(result: c_int) -> PyResult<()> {
    match result {
        0 => Ok(()),
        _ => Err(from_errno(std::io::Error::last_os_error().raw_os_error().unwrap_or(0))),
    }
}
