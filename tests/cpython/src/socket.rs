//! The class `socket`: each method a call of `Socket`, without Python's lock while it may wait.
//!
//! `transfer.rs` and `message.rs`, to read next, have what sends and receives.

use std::net::Shutdown;
use std::os::fd::{IntoRawFd, RawFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use pyo3::prelude::*;
use pyo3::types::PyTuple;
use sockmodes::socket::{Domain, Error, Interruption, Socket, Type};

use crate::error::{from_errno, raised};
use crate::{address, options, time};

/// How many sockets there have been: a test that makes none proves nothing.
static MADE: AtomicUsize = AtomicUsize::new(0);

#[pyfunction]
pub(crate) fn made() -> usize {
    MADE.load(Ordering::SeqCst)
}

/// What a socket is made with, which Python may say otherwise than the kernel.
#[derive(Clone, Copy)]
pub(crate) struct Said {
    pub(crate) family: i32,
    pub(crate) r#type: i32,
    pub(crate) proto: i32,
}

#[pyclass(name = "socket", module = "_socket", subclass, frozen, dict)]
pub(crate) struct PySocket {
    socket: Mutex<Option<(Arc<Socket>, Said)>>,
    /// What the handler of a signal has raised last, for `connect_ex`, whose errno can't hold it.
    raised: Arc<Mutex<Option<PyErr>>>,
}

impl From<Socket> for PySocket {
    fn from(socket: Socket) -> Self {
        let said = Said {
            family: socket.family().into(),
            r#type: socket.kind().into(),
            proto: socket.protocol().into(),
        };
        let new = PySocket::empty();
        new.put(socket, said);
        new
    }
}

impl PySocket {
    fn empty() -> Self {
        PySocket { socket: Mutex::new(None), raised: Arc::default() }
    }

    pub(crate) fn put(&self, socket: Socket, said: Said) {
        MADE.fetch_add(1, Ordering::SeqCst);
        let last = Arc::clone(&self.raised);
        socket.on_interrupt(move || {
            Python::attach(|py| {
                py.check_signals().map_err(|raised| {
                    *last.lock().expect("nothing panics with it") = Some(raised.clone_ref(py));
                    Interruption::from(raised)
                })
            })
        });
        *self.socket.lock().expect("nothing panics with it") = Some((Arc::new(socket), said));
    }

    fn both(&self) -> PyResult<(Arc<Socket>, Said)> {
        let socket = self.socket.lock().expect("nothing panics with it").clone();
        socket.ok_or_else(|| from_errno(libc::EBADF))
    }

    pub(crate) fn get(&self) -> PyResult<Arc<Socket>> {
        Ok(self.both()?.0)
    }

    /// Runs a call without Python's lock.
    pub(crate) fn call<T: Send>(
        &self,
        py: Python<'_>,
        call: impl FnOnce(&Socket) -> Result<T, Error> + Send,
    ) -> PyResult<T> {
        let socket = self.get()?;
        py.detach(|| call(&socket)).map_err(raised)
    }

    pub(crate) fn address(
        &self,
        object: &Bound<'_, PyAny>,
        method: &str,
    ) -> PyResult<sockmodes::socket::Address> {
        address::from_python(object, self.get()?.family(), method)
    }
}

#[pymethods]
impl PySocket {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyAny>>) -> Self {
        PySocket::empty()
    }

    #[pyo3(signature = (family = -1, r#type = -1, proto = -1, fileno = None))]
    fn __init__(
        &self,
        family: i32,
        r#type: i32,
        proto: i32,
        fileno: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        match fileno.filter(|fileno| !fileno.is_none()) {
            None => {
                let or = |number: i32, default: i32| if number == -1 { default } else { number };
                let family = or(family, Domain::IPV4.into());
                let kind = or(r#type, Type::STREAM.into());
                let proto = or(proto, 0);
                let protocol = Some(proto.into());
                let made = Socket::new(family.into(), kind.into(), protocol).map_err(raised)?;
                let said = Said { family, r#type: made.kind().into(), proto };
                self.put(made, said);
            }
            Some(fileno) => self.adopt(fileno, [family, r#type, proto])?,
        }
        Ok(())
    }

    fn __repr__(&self) -> PyResult<String> {
        let Said { family, r#type, proto } = self.both()?.1;
        let fd = self.fileno();
        Ok(format!("<socket object, fd={fd}, family={family}, type={}, proto={proto}>", r#type))
    }

    #[getter]
    fn family(&self) -> PyResult<i32> {
        Ok(self.both()?.1.family)
    }

    #[getter(r#type)]
    fn kind(&self) -> PyResult<i32> {
        Ok(self.both()?.1.r#type)
    }

    #[getter]
    fn proto(&self) -> PyResult<i32> {
        Ok(self.both()?.1.proto)
    }

    #[getter]
    fn timeout(&self) -> PyResult<Option<f64>> {
        self.gettimeout()
    }

    fn _accept(&self, py: Python<'_>) -> PyResult<(RawFd, Py<PyAny>)> {
        let (socket, from) = self.call(py, Socket::accept_any)?;
        let fd = socket.detach().map_err(raised)?.map_or(-1, IntoRawFd::into_raw_fd);
        Ok((fd, address::to_python(py, Some(from))?))
    }

    #[pyo3(signature = (address, /))]
    fn bind(&self, py: Python<'_>, address: &Bound<'_, PyAny>) -> PyResult<()> {
        let address = self.address(address, "bind")?;
        self.call(py, |socket| socket.bind(&address))
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        match self.get() {
            Ok(_) => self.call(py, Socket::close),
            Err(_) => Ok(()),
        }
    }

    #[pyo3(signature = (address, /))]
    fn connect(&self, py: Python<'_>, address: &Bound<'_, PyAny>) -> PyResult<()> {
        let address = self.address(address, "connect")?;
        self.call(py, |socket| socket.connect(&address))
    }

    #[pyo3(signature = (address, /))]
    fn connect_ex(&self, py: Python<'_>, address: &Bound<'_, PyAny>) -> PyResult<i32> {
        let address = self.address(address, "connect_ex")?;
        let errno = self.call(py, |socket| Ok(socket.connect_ex(address)))?;
        match self.raised.lock().expect("nothing panics with it").take() {
            Some(raised) if errno == libc::EINTR => Err(raised),
            _ => Ok(errno),
        }
    }

    fn detach(&self) -> PyResult<RawFd> {
        let fd = self.get()?.detach().map_err(raised)?;
        Ok(fd.map_or(-1, IntoRawFd::into_raw_fd))
    }

    fn fileno(&self) -> RawFd {
        self.get().ok().and_then(|socket| socket.fileno()).unwrap_or(-1)
    }

    fn getpeername(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        address::to_python(py, Some(self.call(py, Socket::peer_any)?))
    }

    fn getsockname(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        address::to_python(py, Some(self.call(py, Socket::local_any)?))
    }

    fn getblocking(&self) -> PyResult<bool> {
        Ok(self.get()?.is_blocking())
    }

    fn gettimeout(&self) -> PyResult<Option<f64>> {
        Ok(time::seconds(self.get()?.mode()))
    }

    #[pyo3(signature = (flag, /))]
    fn setblocking(&self, flag: &Bound<'_, PyAny>) -> PyResult<()> {
        self.get()?.set_blocking(flag.is_truthy()?).map_err(raised)
    }

    #[pyo3(signature = (timeout, /))]
    fn settimeout(&self, timeout: &Bound<'_, PyAny>) -> PyResult<()> {
        self.get()?.set_mode(time::mode(timeout)?).map_err(raised)
    }

    #[pyo3(signature = (level, option, buflen = 0, /))]
    fn getsockopt(
        &self,
        py: Python<'_>,
        level: i32,
        option: i32,
        buflen: isize,
    ) -> PyResult<Py<PyAny>> {
        let buflen = usize::try_from(buflen)
            .map_err(|_| pyo3::exceptions::PyOSError::new_err("getsockopt buflen out of range"))?;
        options::get(py, &*self.get()?, level, option, buflen)
    }

    #[pyo3(signature = (level, option, value, optlen = None, /))]
    fn setsockopt(
        &self,
        level: i32,
        option: i32,
        value: &Bound<'_, PyAny>,
        optlen: Option<u32>,
    ) -> PyResult<()> {
        options::set(&*self.get()?, level, option, value, optlen)
    }

    #[pyo3(signature = (backlog = 128, /))]
    fn listen(&self, py: Python<'_>, backlog: i32) -> PyResult<()> {
        self.call(py, |socket| socket.listen(backlog))
    }

    #[pyo3(signature = (how, /))]
    fn shutdown(&self, py: Python<'_>, how: i32) -> PyResult<()> {
        let how = match how {
            libc::SHUT_RD => Shutdown::Read,
            libc::SHUT_WR => Shutdown::Write,
            libc::SHUT_RDWR => Shutdown::Both,
            // CPython leaves it to the kernel, which looks at the descriptor first.
            _ => {
                return Err(self
                    .get()?
                    .descriptor()
                    .err()
                    .map_or(from_errno(libc::EINVAL), raised));
            }
        };
        self.call(py, |socket| socket.shutdown(how))
    }
}
