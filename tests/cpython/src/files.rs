//! Our files for `files.py`, which makes objects of Python's `io` of them.

use std::os::fd::RawFd;
use std::sync::Mutex;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use sockmodes::socket::{self, Access, Socket};

use crate::buffer::Bytes;
use crate::error::raised;
use crate::socket::PySocket;

fn access(text: &str) -> PyResult<Access> {
    match text {
        "r" => Ok(Access::Read),
        "w" => Ok(Access::Write),
        "rw" => Ok(Access::ReadWrite),
        _ => Err(PyValueError::new_err(format!("invalid mode: '{text}'"))),
    }
}

#[pymethods]
impl PySocket {
    fn _raw_file(&self, access: &str) -> PyResult<RawFile> {
        RawFile::new(&*self.get()?, access)
    }

    fn _buffered_file(&self, access: &str, capacity: usize) -> PyResult<BufferedFile> {
        BufferedFile::new(&*self.get()?, access, capacity)
    }
}

type Maybe<'py> = Option<Bound<'py, PyBytes>>;

macro_rules! locked {
    ($self:ident, $py:ident, $file:ident => $call:expr) => {
        $py.detach(|| {
            let mut $file = $self.0.lock().expect("nothing panics with it");
            $call
        })
        .map_err(raised)
    };
}

#[pyclass(frozen)]
pub(crate) struct RawFile(Mutex<socket::RawFile>);

impl RawFile {
    pub(crate) fn new(socket: &Socket, mode: &str) -> PyResult<Self> {
        Ok(RawFile(Mutex::new(socket.makefile_raw(access(mode)?))))
    }
}

#[pymethods]
impl RawFile {
    fn readinto(&self, py: Python<'_>, buffer: &Bound<'_, PyAny>) -> PyResult<Option<usize>> {
        let mut buffer = Bytes::writable(buffer)?;
        let part = buffer.get_mut();
        locked!(self, py, file => file.read_into(part))
    }

    fn read<'py>(&self, py: Python<'py>, max: Option<isize>) -> PyResult<Maybe<'py>> {
        let max = max.and_then(|max| usize::try_from(max).ok());
        let bytes = locked!(self, py, file => match max {
            Some(max) => file.read(max),
            None => file.read_to_end(),
        })?;
        Ok(bytes.map(|bytes| PyBytes::new(py, &bytes)))
    }

    fn readline<'py>(&self, py: Python<'py>, limit: isize) -> PyResult<Bound<'py, PyBytes>> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(PyBytes::new(py, &locked!(self, py, file => file.read_line_up_to(limit))?))
    }

    fn write(&self, py: Python<'_>, bytes: Bytes) -> PyResult<Option<usize>> {
        let bytes = bytes.get();
        locked!(self, py, file => file.write(bytes))
    }

    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        locked!(self, py, file => file.flush())
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        locked!(self, py, file => file.close())
    }

    fn fileno(&self) -> PyResult<RawFd> {
        let fd = self.0.lock().expect("nothing panics with it").fileno();
        Ok(fd.map_err(raised)?.unwrap_or(-1))
    }
}

#[pyclass(frozen)]
pub(crate) struct BufferedFile(Mutex<socket::File>);

impl BufferedFile {
    pub(crate) fn new(socket: &Socket, mode: &str, capacity: usize) -> PyResult<Self> {
        let file = socket.makefile_with_capacity(access(mode)?, capacity).map_err(raised)?;
        Ok(BufferedFile(Mutex::new(file)))
    }
}

#[pymethods]
impl BufferedFile {
    fn read<'py>(&self, py: Python<'py>, max: Option<isize>) -> PyResult<Maybe<'py>> {
        let max = max.and_then(|max| usize::try_from(max).ok());
        let bytes = locked!(self, py, file => match max {
            Some(max) => file.read(max),
            None => file.read_to_end(),
        })?;
        Ok(bytes.map(|bytes| PyBytes::new(py, &bytes)))
    }

    fn read1<'py>(&self, py: Python<'py>, max: isize) -> PyResult<Bound<'py, PyBytes>> {
        let max = usize::try_from(max).unwrap_or(8192);
        Ok(PyBytes::new(py, &locked!(self, py, file => file.read_once(max))?))
    }

    fn peek<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = locked!(self, py, file => file.peek().map(<[u8]>::to_vec))?;
        Ok(PyBytes::new(py, &bytes))
    }

    fn readinto(
        &self,
        py: Python<'_>,
        buffer: &Bound<'_, PyAny>,
        once: bool,
    ) -> PyResult<Option<usize>> {
        let mut buffer = Bytes::writable(buffer)?;
        let part = buffer.get_mut();
        locked!(self, py, file => if once { file.read_into_once(part) } else { file.read_into(part) })
    }

    fn readline<'py>(&self, py: Python<'py>, limit: isize) -> PyResult<Bound<'py, PyBytes>> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(PyBytes::new(py, &locked!(self, py, file => file.read_line_up_to(limit))?))
    }

    fn write(&self, py: Python<'_>, bytes: Bytes) -> PyResult<usize> {
        let bytes = bytes.get();
        locked!(self, py, file => file.write(bytes))
    }

    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        locked!(self, py, file => file.flush())
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        locked!(self, py, file => file.close())
    }

    fn fileno(&self) -> PyResult<RawFd> {
        let fd = self.0.lock().expect("nothing panics with it").fileno();
        Ok(fd.map_err(raised)?.unwrap_or(-1))
    }
}
