//! Values that the kernel would hold as something else are refused here, before it sees them.
//!
//! Read `mod.rs` for the options that they are of.

use std::io;
use std::time::Duration;

use crate::socket::error::{Error, Result};

/// What setting came to, whether the kernel was asked or not.
pub(super) fn told(set: std::result::Result<(), impl Into<Error>>) -> Result<()> {
    set.map_err(Into::into)
}

/// The kernel's numbers are an `int`.
fn int(number: impl TryInto<i32>, refused: &'static str) -> Result<i32> {
    number.try_into().map_err(|_| Error::InvalidValue(refused))
}

pub(super) fn set_send_buffer(socket: &socket2::Socket, size: usize) -> Result<()> {
    int(size, "a buffer is smaller than 2 GiB")?;
    Ok(socket.set_send_buffer_size(size)?)
}

pub(super) fn set_recv_buffer(socket: &socket2::Socket, size: usize) -> Result<()> {
    int(size, "a buffer is smaller than 2 GiB")?;
    Ok(socket.set_recv_buffer_size(size)?)
}

pub(super) fn set_linger(socket: &socket2::Socket, linger: Option<Duration>) -> Result<()> {
    whole_seconds(linger.unwrap_or_default())?;
    Ok(socket.set_linger(linger)?)
}

/// What the kernel counts in seconds: a fraction would be cut off, and half a second be zero.
pub(super) fn whole_seconds(time: Duration) -> Result<()> {
    if time.subsec_nanos() != 0 {
        return Err(Error::InvalidValue("the kernel counts whole seconds here"));
    }
    int(time.as_secs(), "the kernel counts no more than 2147483647 seconds here").map(drop)
}

pub(super) fn set_recv_timeout(socket: &socket2::Socket, timeout: Option<Duration>) -> Result<()> {
    whole_units(timeout, Duration::from_micros(1), "the kernel counts whole microseconds here")?;
    Ok(socket.set_read_timeout(timeout)?)
}

pub(super) fn set_send_timeout(socket: &socket2::Socket, timeout: Option<Duration>) -> Result<()> {
    whole_units(timeout, Duration::from_micros(1), "the kernel counts whole microseconds here")?;
    Ok(socket.set_write_timeout(timeout)?)
}

/// What the kernel counts in small units, zero being "for ever", which is `None`.
pub(super) fn whole_units(
    time: Option<Duration>,
    unit: Duration,
    refused: &'static str,
) -> Result<()> {
    match time {
        None => Ok(()),
        Some(Duration::ZERO) => Err(Error::InvalidValue("zero is for ever here, which is None")),
        Some(time) if time.as_nanos() % unit.as_nanos() != 0 => Err(Error::InvalidValue(refused)),
        Some(_) => Ok(()),
    }
}

/// For options whose type reaches further than the kernel's.
pub(super) fn checked(number: u32, set: impl FnOnce(u32) -> io::Result<()>) -> Result<()> {
    int(number, "the kernel counts no further than 2147483647 here")?;
    Ok(set(number)?)
}
