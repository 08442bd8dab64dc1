//! The methods of `socket` for whole messages, with what travels beside the bytes.

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{BorrowedFd, IntoRawFd, RawFd};

use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use sockmodes::socket::{Ancillary, MessageInto, Outgoing};

use crate::address;
use crate::buffer::Bytes;
use crate::socket::PySocket;
use crate::transfer::not_negative;

/// Bytes or their number, ancillary data, flags, and whom it is from.
type Told<'py, T> = (T, Bound<'py, PyList>, i32, Py<PyAny>);

#[pymethods]
impl PySocket {
    #[pyo3(signature = (bufsize, ancbufsize = 0, flags = 0, /))]
    fn recvmsg<'py>(
        &self,
        py: Python<'py>,
        bufsize: isize,
        ancbufsize: isize,
        flags: i32,
    ) -> PyResult<Told<'py, Bound<'py, PyBytes>>> {
        let max = not_negative(bufsize, "buffer size in recvmsg()")?;
        let room = room(ancbufsize)?;
        let message = self.call(py, |socket| socket.recv_msg(max, room, flags.into()))?;
        let bytes = PyBytes::new(py, &message.bytes);
        let ancillary = ancillary(py, message.ancillary)?;
        Ok((bytes, ancillary, message.flags.into(), address::to_python(py, message.from)?))
    }

    #[pyo3(signature = (buffers, ancbufsize = 0, flags = 0, /))]
    fn recvmsg_into<'py>(
        &self,
        py: Python<'py>,
        buffers: &Bound<'py, PyAny>,
        ancbufsize: isize,
        flags: i32,
    ) -> PyResult<Told<'py, usize>> {
        let buffers = buffers
            .try_iter()
            .map_err(|_| PyTypeError::new_err("recvmsg_into() argument 1 must be an iterable"))?;
        let mut held = buffers.map(|item| Bytes::writable(&item?)).collect::<PyResult<Vec<_>>>()?;
        let mut parts: Vec<_> =
            held.iter_mut().map(|bytes| IoSliceMut::new(bytes.get_mut())).collect();
        let room = room(ancbufsize)?;
        let message =
            self.call(py, |socket| socket.recv_msg_into(&mut parts, room, flags.into()))?;
        let MessageInto { count, ancillary: pieces, flags, from, .. } = message;
        Ok((count, ancillary(py, pieces)?, flags.into(), address::to_python(py, from)?))
    }

    #[pyo3(signature = (buffers, ancdata = None, flags = 0, address = None, /))]
    fn sendmsg(
        &self,
        py: Python<'_>,
        buffers: &Bound<'_, PyAny>,
        ancdata: Option<&Bound<'_, PyAny>>,
        flags: i32,
        address: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<usize> {
        let buffers = buffers
            .try_iter()
            .map_err(|_| PyTypeError::new_err("sendmsg() argument 1 must be an iterable"))?;
        let held = buffers.map(|item| Bytes::of(&item?)).collect::<PyResult<Vec<_>>>()?;
        let parts: Vec<_> = held.iter().map(|bytes| IoSlice::new(bytes.get())).collect();
        let pieces = match ancdata {
            Some(pieces) => outgoing(pieces)?,
            None => Vec::new(),
        };
        let pieces: Vec<_> = pieces.iter().map(Piece::borrowed).collect();
        let to = address
            .filter(|address| !address.is_none())
            .map(|address| self.address(address, "sendmsg"))
            .transpose()?;
        self.call(py, |socket| socket.send_msg(&parts, &pieces, flags.into(), to.as_ref()))
    }
}

fn room(size: isize) -> PyResult<usize> {
    let limit = i32::MAX as isize;
    if (0..=limit).contains(&size) {
        return Ok(size as usize);
    }
    Err(PyValueError::new_err("invalid ancillary data buffer length"))
}

fn ancillary<'py>(py: Python<'py>, pieces: Vec<Ancillary>) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for piece in pieces {
        let (level, kind, data) = match piece {
            Ancillary::Rights(fds) => {
                let numbers = fds.into_iter().flat_map(|fd| fd.into_raw_fd().to_ne_bytes());
                (libc::SOL_SOCKET, libc::SCM_RIGHTS, numbers.collect::<Vec<_>>())
            }
            Ancillary::Credentials(who) => {
                let data = [who.pid.to_ne_bytes(), who.uid.to_ne_bytes(), who.gid.to_ne_bytes()];
                (libc::SOL_SOCKET, libc::SCM_CREDENTIALS, data.concat())
            }
            Ancillary::Other { level, kind, data } => (level, kind, data),
            other => return Err(PyValueError::new_err(format!("no such kind: {other:?}"))),
        };
        list.append((level, kind, PyBytes::new(py, &data)))?;
    }
    Ok(list)
}

/// A piece to send, with what it borrows.
enum Piece {
    Rights(Vec<BorrowedFd<'static>>),
    Other(i32, i32, Bytes),
}

impl Piece {
    fn borrowed(&self) -> Outgoing<'_> {
        match self {
            Piece::Rights(fds) => Outgoing::Rights(fds),
            Piece::Other(level, kind, data) => {
                Outgoing::Other { level: *level, kind: *kind, data: data.get() }
            }
        }
    }
}

fn outgoing(pieces: &Bound<'_, PyAny>) -> PyResult<Vec<Piece>> {
    let pieces = pieces
        .try_iter()
        .map_err(|_| PyTypeError::new_err("sendmsg() argument 2 must be an iterable"))?;
    let mut all = Vec::new();
    for piece in pieces {
        let piece = piece?;
        let items: Vec<Bound<'_, PyAny>> = piece
            .try_iter()
            .map_err(|_| PyTypeError::new_err("[sendmsg() ancillary data items] are triples"))?
            .collect::<PyResult<_>>()?;
        let [level, kind, data] = items.as_slice() else {
            return Err(PyTypeError::new_err("[sendmsg() ancillary data items] are triples"));
        };
        let (level, kind, data) = (level.extract()?, kind.extract()?, Bytes::of(data)?);
        if i32::try_from(data.len()).is_err() {
            return Err(PyOverflowError::new_err("ancillary data item too large"));
        }
        all.push(rights(level, kind, &data).map_or(Piece::Other(level, kind, data), Piece::Rights));
    }
    Ok(all)
}

/// Descriptors, if they are whole ones; what is none is for the kernel to refuse.
fn rights(level: i32, kind: i32, data: &Bytes) -> Option<Vec<BorrowedFd<'static>>> {
    let (numbers, rest) = data.get().as_chunks::<4>();
    if (level, kind) != (libc::SOL_SOCKET, libc::SCM_RIGHTS) || !rest.is_empty() {
        return None;
    }
    let numbers = numbers.iter().map(|number| RawFd::from_ne_bytes(*number));
    // Open for as long as Python's caller keeps them so; the kernel looks whether they are.
    numbers.map(|fd| (fd >= 0).then(|| unsafe { BorrowedFd::borrow_raw(fd) })).collect()
}
