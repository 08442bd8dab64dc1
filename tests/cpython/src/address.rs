//! Addresses: Python's tuples, texts and bytes, and ours.

use std::ffi::OsString;
use std::net::{SocketAddr, SocketAddrV6};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use pyo3::exceptions::{PyOSError, PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyString, PyTuple};
use sockmodes::socket::{Address, Domain, ToAddress, UnixAddress};

use crate::buffer::Bytes;
use crate::error::raised;

/// `getsockaddrarg` of Modules/socketmodule.c.
pub(crate) fn from_python(
    object: &Bound<'_, PyAny>,
    domain: Domain,
    method: &str,
) -> PyResult<Address> {
    match domain {
        Domain::UNIX => unix(object),
        Domain::IPV4 => {
            let tuple = tuple(object, "AF_INET", method)?;
            let (host, port): (Bound<'_, PyAny>, Bound<'_, PyAny>) = match tuple.len() {
                2 => (tuple.get_item(0)?, tuple.get_item(1)?),
                _ => return Err(PyTypeError::new_err(format!("{method}(): a pair is wanted"))),
            };
            at_port(lookup(&host, domain)?, &port, method)
        }
        Domain::IPV6 => v6(object, method),
        _ => Err(PyOSError::new_err(format!("{method}(): bad family"))),
    }
}

fn v6(object: &Bound<'_, PyAny>, method: &str) -> PyResult<Address> {
    let tuple = tuple(object, "AF_INET6", method)?;
    if !(2..=4).contains(&tuple.len()) {
        return Err(PyTypeError::new_err(format!("{method}(): two to four items are wanted")));
    }
    let number = |at| match tuple.get_item(at) {
        Ok(item) => item.extract::<u32>(),
        Err(_) => Ok(0),
    };
    let (flow, scope) = (number(2)?, number(3)?);
    if flow > 0xf_ffff {
        return Err(PyOverflowError::new_err(format!("{method}(): flowinfo must be 0-1048575.")));
    }
    match at_port(lookup(&tuple.get_item(0)?, Domain::IPV6)?, &tuple.get_item(1)?, method)? {
        Address::Ip(SocketAddr::V6(v6)) => {
            Ok(SocketAddr::from(SocketAddrV6::new(*v6.ip(), v6.port(), flow, scope)).into())
        }
        other => Ok(other),
    }
}

fn tuple<'a, 'py>(
    object: &'a Bound<'py, PyAny>,
    family: &str,
    method: &str,
) -> PyResult<&'a Bound<'py, PyTuple>> {
    object.cast::<PyTuple>().map_err(|_| {
        let name = object.get_type().name().map_or("?".into(), |name| name.to_string());
        PyTypeError::new_err(format!("{method}(): {family} address must be tuple, not {name}"))
    })
}

/// CPython looks at the host first.
fn at_port(address: Address, port: &Bound<'_, PyAny>, method: &str) -> PyResult<Address> {
    let number: i64 = port.extract()?;
    let port = u16::try_from(number)
        .map_err(|_| PyOverflowError::new_err(format!("{method}(): port must be 0-65535.")))?;
    Ok(match address {
        Address::Ip(mut ip) => {
            ip.set_port(port);
            ip.into()
        }
        unix => unix,
    })
}

/// `idna_converter` and `setipaddr`: text that is not ASCII goes through IDNA.
fn lookup(host: &Bound<'_, PyAny>, domain: Domain) -> PyResult<Address> {
    let host = host_name(host)?;
    let found = (host.as_str(), 0).to_addresses(domain).map_err(raised)?;
    found.into_iter().next().ok_or_else(|| PyOSError::new_err("the name has no address"))
}

fn host_name(host: &Bound<'_, PyAny>) -> PyResult<String> {
    let bytes = if let Ok(text) = host.cast::<PyString>() {
        match text.to_str() {
            Ok(text) if text.is_ascii() => text.as_bytes().to_vec(),
            _ => host.call_method1("encode", ("idna",))?.extract()?,
        }
    } else if host.is_instance_of::<PyBytes>() || host.is_instance_of::<PyByteArray>() {
        Bytes::of(host)?.get().to_vec()
    } else {
        let name = host.get_type().name()?.to_string();
        let text = format!("str, bytes or bytearray expected, not {name}");
        return Err(PyTypeError::new_err(text));
    };
    if bytes.contains(&0) {
        return Err(PyTypeError::new_err("host name must not contain null character"));
    }
    String::from_utf8(bytes).map_err(|_| PyOSError::new_err("a host name is text"))
}

fn unix(object: &Bound<'_, PyAny>) -> PyResult<Address> {
    let bytes = match object.cast::<PyString>() {
        Ok(_) => object.py().import("os")?.getattr("fsencode")?.call1((object,))?.extract()?,
        Err(_) => Bytes::of(object)?.get().to_vec(),
    };
    Ok(Address::Unix(match bytes.as_slice() {
        [] => UnixAddress::Unnamed,
        [0, name @ ..] => UnixAddress::Abstract(name.to_vec()),
        path => UnixAddress::Path(PathBuf::from(OsString::from_vec(path.to_vec()))),
    }))
}

/// `makesockaddr` of Modules/socketmodule.c.
pub(crate) fn to_python(py: Python<'_>, address: Option<Address>) -> PyResult<Py<PyAny>> {
    let Some(address) = address else { return Ok(py.None()) };
    Ok(match address {
        Address::Ip(SocketAddr::V4(v4)) => {
            (v4.ip().to_string(), v4.port()).into_pyobject(py)?.into_any().unbind()
        }
        Address::Ip(SocketAddr::V6(v6)) => {
            let host = v6.ip().to_string();
            let tuple = (host, v6.port(), v6.flowinfo(), v6.scope_id());
            tuple.into_pyobject(py)?.into_any().unbind()
        }
        Address::Unix(UnixAddress::Unnamed) => "".into_pyobject(py)?.into_any().unbind(),
        Address::Unix(UnixAddress::Abstract(name)) => {
            PyBytes::new(py, &[b"\0", name.as_slice()].concat()).into_any().unbind()
        }
        Address::Unix(UnixAddress::Path(path)) => {
            let bytes = PyBytes::new(py, path.as_os_str().as_bytes());
            py.import("os")?.getattr("fsdecode")?.call1((bytes,))?.unbind()
        }
    })
}
