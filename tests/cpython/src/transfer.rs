//! The methods of `socket` that send and receive bytes.
//!
//! `message.rs`, to read next, has whole messages.

use std::io::IoSliceMut;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};
use sockmodes::socket::{Domain, Flags};

use crate::address;
use crate::buffer::Bytes;
use crate::error::raised;
use crate::socket::PySocket;

#[pymethods]
impl PySocket {
    #[pyo3(signature = (bufsize, flags = 0, /))]
    fn recv<'py>(
        &self,
        py: Python<'py>,
        bufsize: isize,
        flags: i32,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let max = not_negative(bufsize, "buffersize in recv")?;
        let bytes = self.call(py, |socket| socket.recv_with(max, flags.into()))?;
        Ok(PyBytes::new(py, &bytes))
    }

    #[pyo3(signature = (buffer, nbytes = 0, flags = 0))]
    fn recv_into(
        &self,
        py: Python<'_>,
        buffer: &Bound<'_, PyAny>,
        nbytes: isize,
        flags: i32,
    ) -> PyResult<usize> {
        let (mut buffer, count) = into(buffer, nbytes, "recv_into")?;
        let part = &mut buffer.get_mut()[..count];
        self.call(py, |socket| socket.recv_into_with(part, flags.into()))
    }

    #[pyo3(signature = (bufsize, flags = 0, /))]
    fn recvfrom<'py>(
        &self,
        py: Python<'py>,
        bufsize: isize,
        flags: i32,
    ) -> PyResult<(Bound<'py, PyBytes>, Py<PyAny>)> {
        let max = not_negative(bufsize, "buffersize in recvfrom")?;
        let socket = self.get()?;
        // Only a whole message has the address of a Unix socket.
        let message = py.detach(|| match socket.family() {
            Domain::UNIX => {
                socket.recv_msg(max, 0, flags.into()).map(|message| (message.bytes, message.from))
            }
            _ => socket
                .recv_from_with(max, flags.into())
                .map(|(bytes, from)| (bytes, from.map(Into::into))),
        });
        let (bytes, from) = message.map_err(raised)?;
        Ok((PyBytes::new(py, &bytes), address::to_python(py, from)?))
    }

    #[pyo3(signature = (buffer, nbytes = 0, flags = 0))]
    fn recvfrom_into(
        &self,
        py: Python<'_>,
        buffer: &Bound<'_, PyAny>,
        nbytes: isize,
        flags: i32,
    ) -> PyResult<(usize, Py<PyAny>)> {
        let (mut buffer, count) = into(buffer, nbytes, "recvfrom_into")?;
        let part = &mut buffer.get_mut()[..count];
        let socket = self.get()?;
        let message = py.detach(|| match socket.family() {
            Domain::UNIX => socket
                .recv_msg_into(&mut [IoSliceMut::new(part)], 0, flags.into())
                .map(|message| (message.count, message.from)),
            _ => socket
                .recv_from_into_with(part, flags.into())
                .map(|(count, from)| (count, from.map(Into::into))),
        });
        let (count, from) = message.map_err(raised)?;
        Ok((count, address::to_python(py, from)?))
    }

    #[pyo3(signature = (data, flags = 0, /))]
    fn send(&self, py: Python<'_>, data: Bytes, flags: i32) -> PyResult<usize> {
        let data = data.get();
        self.call(py, |socket| socket.send_with(data, flags.into()))
    }

    #[pyo3(signature = (data, flags = 0, /))]
    fn sendall(&self, py: Python<'_>, data: Bytes, flags: i32) -> PyResult<()> {
        let data = data.get();
        self.call(py, |socket| Ok(socket.send_all_with(data, flags.into())?))
    }

    #[pyo3(signature = (*args))]
    fn sendto(&self, py: Python<'_>, args: &Bound<'_, PyTuple>) -> PyResult<usize> {
        let (data, flags, to) = match args.len() {
            2 => (args.get_item(0)?, Flags::empty(), args.get_item(1)?),
            3 => {
                // CPython looks at the data first.
                Bytes::of(&args.get_item(0)?)?;
                let flags = args.get_item(1)?.extract::<i32>()?.into();
                (args.get_item(0)?, flags, args.get_item(2)?)
            }
            other => {
                let text = format!("sendto() takes 2 or 3 arguments ({other} given)");
                return Err(PyTypeError::new_err(text));
            }
        };
        let data = Bytes::of(&data)?;
        let data = data.get();
        let to = self.address(&to, "sendto")?;
        self.call(py, |socket| socket.send_to_with(data, flags, &to))
    }
}

pub(crate) fn not_negative(number: isize, what: &str) -> PyResult<usize> {
    usize::try_from(number).map_err(|_| PyValueError::new_err(format!("negative {what}")))
}

fn into(buffer: &Bound<'_, PyAny>, nbytes: isize, method: &str) -> PyResult<(Bytes, usize)> {
    let buffer = Bytes::writable(buffer)?;
    let count = not_negative(nbytes, &format!("buffersize in {method}"))?;
    if count > buffer.len() {
        return Err(PyValueError::new_err("buffer too small for requested bytes"));
    }
    let count = if count == 0 { buffer.len() } else { count };
    Ok((buffer, count))
}
