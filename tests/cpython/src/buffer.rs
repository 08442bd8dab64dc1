//! Python's buffers as slices, for as long as a call takes.

use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::{PyBufferError, PyTypeError};
use pyo3::prelude::*;

/// Something bytes-like, held so that it can't move.
pub(crate) struct Bytes(PyUntypedBuffer);

impl Bytes {
    pub(crate) fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let name = || object.get_type().name().map_or("?".into(), |name| name.to_string());
        let buffer = PyUntypedBuffer::get(object).map_err(|_| {
            PyTypeError::new_err(format!("a bytes-like object is required, not '{}'", name()))
        })?;
        if !buffer.is_c_contiguous() {
            return Err(PyBufferError::new_err("the buffer is not contiguous"));
        }
        Ok(Bytes(buffer))
    }

    pub(crate) fn writable(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let bytes = Self::of(object)?;
        if bytes.0.readonly() {
            return Err(PyTypeError::new_err("a read-write bytes-like object is required"));
        }
        Ok(bytes)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len_bytes()
    }

    pub(crate) fn get(&self) -> &[u8] {
        match self.len() {
            0 => &[],
            // The buffer is held, and CPython hands out the same memory while the lock is released.
            len => unsafe { std::slice::from_raw_parts(self.0.buf_ptr().cast(), len) },
        }
    }

    pub(crate) fn get_mut(&mut self) -> &mut [u8] {
        match self.len() {
            0 => &mut [],
            // As above, and it is not read-only.
            len => unsafe { std::slice::from_raw_parts_mut(self.0.buf_ptr().cast(), len) },
        }
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for Bytes {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        Self::of(&object)
    }
}
