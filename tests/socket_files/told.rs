//! What came of a step, in the words that the twin uses as well.

use std::os::fd::RawFd;

use sockmodes::socket::{Error, Result};

pub(crate) fn into(
    size: usize,
    read: impl FnOnce(&mut [u8]) -> Result<Option<usize>>,
) -> Result<String> {
    let mut buffer = vec![0; size];
    let count = read(&mut buffer)?;
    Ok(bytes_or_none(count.map(|count| buffer[..count].to_vec())))
}

/// Whether there is a descriptor; its number is chance.
pub(crate) fn number_or_none(number: Option<RawFd>) -> String {
    if number.is_some() { "has a number" } else { "has none" }.into()
}

pub(crate) fn bytes_or_none(bytes: Option<Vec<u8>>) -> String {
    bytes.map_or("none".into(), |bytes| format!("bytes:{}", String::from_utf8(bytes).unwrap()))
}

pub(crate) fn told(result: Result<String>) -> String {
    result.unwrap_or_else(|error| match error {
        Error::TimedOut => "timed-out".into(),
        Error::Unsupported(_) => "unsupported".into(),
        Error::WriteWouldBlock { written } => format!("would-block:{written}"),
        Error::FileClosed => "file-closed".into(),
        Error::FileTimedOut => "file-timed-out".into(),
        Error::LineWouldBlock => "line-would-block".into(),
        Error::Os(error) => format!("errno:{}", error.raw_os_error().unwrap()),
        other => format!("unforeseen: {other}"),
    })
}
