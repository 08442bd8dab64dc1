//! The buffer of a file that writes: the `_bufferedwriter_*` functions of Modules/_io/bufferedio.c.
//!
//! It never drops what it took: what can't be sent now stays for the next flush. Read `mod.rs` next.

use std::fmt;

use super::error::{Error, Result};
use super::file::RawFile;

/// Bytes that were written and not yet sent.
pub(super) struct WriteBuffer {
    bytes: Box<[u8]>,
    /// The next byte to send.
    start: usize,
    /// One past the last byte that was written.
    end: usize,
}

impl WriteBuffer {
    pub(super) fn new(capacity: usize) -> Self {
        WriteBuffer { bytes: vec![0; capacity].into(), start: 0, end: 0 }
    }

    pub(super) fn write(&mut self, raw: &mut RawFile, bytes: &[u8]) -> Result<usize> {
        let capacity = self.bytes.len();
        // Exactly full goes out as well, unless it gets full bit by bit: CPython's two conditions.
        if bytes.len() <= capacity - self.end && bytes.len() < capacity {
            self.push(bytes);
            return Ok(bytes.len());
        }
        match self.flush(raw) {
            Err(Error::WriteWouldBlock { .. }) => self.take_what_fits(bytes),
            Err(error) => Err(error),
            Ok(()) => self.write_through(raw, bytes),
        }
    }

    pub(super) fn flush(&mut self, raw: &mut RawFile) -> Result<()> {
        while self.start < self.end {
            match raw.write(&self.bytes[self.start..self.end])? {
                Some(count) => self.start += count,
                None => return Err(Error::WriteWouldBlock { written: 0 }),
            }
        }
        (self.start, self.end) = (0, 0);
        Ok(())
    }

    /// With the buffer empty: sends until the rest fits into it.
    fn write_through(&mut self, raw: &mut RawFile, bytes: &[u8]) -> Result<usize> {
        let mut written = 0;
        while bytes.len() - written > self.bytes.len() {
            match raw.write(&bytes[written..])? {
                Some(count) => written += count,
                None => {
                    let kept = self.bytes.len();
                    self.push(&bytes[written..written + kept]);
                    return Err(Error::WriteWouldBlock { written: written + kept });
                }
            }
        }
        self.push(&bytes[written..]);
        Ok(bytes.len())
    }

    /// With the kernel full: keeps what there is room for.
    fn take_what_fits(&mut self, bytes: &[u8]) -> Result<usize> {
        self.bytes.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        let kept = bytes.len().min(self.bytes.len() - self.end);
        self.push(&bytes[..kept]);
        if kept == bytes.len() { Ok(kept) } else { Err(Error::WriteWouldBlock { written: kept }) }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.end..self.end + bytes.len()].copy_from_slice(bytes);
        self.end += bytes.len();
    }
}

impl fmt::Debug for WriteBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WriteBuffer({} of {} bytes)", self.end - self.start, self.bytes.len())
    }
}
