//! The unbuffered file that `makefile_raw` gives: `SocketIO` of Lib/socket.py. It keeps no bytes.
//!
//! Read `buffered.rs` next for the file with a buffer.

use std::os::fd::RawFd;

use super::Flags;
use super::error::{Error, Result};
use super::handle::Handle;
use super::transfer::room_for;

/// Which way the bytes of a file go: the `mode` of Python's `makefile`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// `"rb"`
    Read,
    /// `"wb"`
    Write,
    /// `"rwb"`
    ReadWrite,
}

impl Access {
    pub(super) fn reads(self) -> bool {
        self != Access::Write
    }

    pub(super) fn writes(self) -> bool {
        self != Access::Read
    }
}

/// A file on a socket without a buffer: Python's `makefile("rb", buffering=0)`.
///
/// Where an operation would have to wait in non-blocking mode it returns `None`, as Python does. After
/// one read has timed out, every later one fails with [`Error::FileTimedOut`].
#[derive(Debug)]
#[doc(alias = "SocketIO")]
pub struct RawFile {
    /// `None` once closed.
    handle: Option<Handle>,
    access: Access,
    timed_out: bool,
}

/// Python's `io.DEFAULT_BUFFER_SIZE`: the size of a file's buffers, and of a read without one.
pub(super) const DEFAULT_BUFFER_SIZE: usize = 8192;

impl RawFile {
    pub(super) fn new(handle: Handle, access: Access) -> Self {
        RawFile { handle: Some(handle), access, timed_out: false }
    }

    /// Reads into `buffer` once: `None` if it would block, 0 at end of input.
    #[doc(alias = "readinto")]
    pub fn read_into(&mut self, buffer: &mut [u8]) -> Result<Option<usize>> {
        let handle = self.reading()?;
        if buffer.is_empty() {
            return Ok(Some(0));
        }
        let result = handle.io().and_then(|io| io.recv_into(buffer, Flags::empty()));
        self.read_came_to(result)
    }

    /// Reads at most `max` bytes in one call: `None` if it would block, nothing at end of input.
    pub fn read(&mut self, max: usize) -> Result<Option<Vec<u8>>> {
        let mut bytes = room_for(max)?;
        Ok(self.read_more(&mut bytes)?.map(|_| {
            bytes.shrink_to_fit();
            bytes
        }))
    }

    /// Reads once into the room that is left in `bytes`, behind what is there.
    pub(super) fn read_more(&mut self, bytes: &mut Vec<u8>) -> Result<Option<usize>> {
        let handle = self.reading()?;
        if bytes.capacity() == bytes.len() {
            return Ok(Some(0));
        }
        let had = bytes.len();
        let result = handle.io().and_then(|io| io.recv_more(bytes, Flags::empty()));
        self.read_came_to(result.map(|()| bytes.len() - had))
    }

    /// The holder, if this file may read from it.
    fn reading(&self) -> Result<&Handle> {
        let handle = self.handle.as_ref().ok_or(Error::FileClosed)?;
        if !self.access.reads() {
            return Err(Error::Unsupported("read"));
        }
        if self.timed_out {
            return Err(Error::FileTimedOut);
        }
        Ok(handle)
    }

    fn read_came_to(&mut self, result: Result<usize>) -> Result<Option<usize>> {
        self.timed_out = matches!(result, Err(Error::TimedOut));
        none_if_would_block(result)
    }

    /// Reads to the end of input, or to where it would block: `None` if that is at once.
    ///
    /// A timeout loses what came before it.
    #[doc(alias = "readall")]
    pub fn read_to_end(&mut self) -> Result<Option<Vec<u8>>> {
        let mut all = Vec::new();
        loop {
            match self.read(DEFAULT_BUFFER_SIZE)? {
                None if all.is_empty() => return Ok(None),
                Some(bytes) if !bytes.is_empty() => all.extend(bytes),
                _ => return Ok(Some(all)),
            }
        }
    }

    /// Reads one line, byte by byte, so that nothing after it is taken; shorter at end of input.
    ///
    /// # Errors
    ///
    /// [`Error::LineWouldBlock`] in non-blocking mode, if the line is not all there.
    #[doc(alias = "readline")]
    pub fn read_line(&mut self) -> Result<Vec<u8>> {
        self.read_line_up_to(usize::MAX)
    }

    /// [`read_line`](RawFile::read_line), but no more than `limit` bytes: Python's `readline(limit)`.
    #[doc(alias = "readline")]
    pub fn read_line_up_to(&mut self, limit: usize) -> Result<Vec<u8>> {
        let mut line = Vec::new();
        while line.len() < limit && line.last() != Some(&b'\n') {
            let mut byte = [0];
            match self.read_into(&mut byte)? {
                None => return Err(Error::LineWouldBlock),
                Some(0) => break,
                Some(_) => line.extend(byte),
            }
        }
        Ok(line)
    }

    /// Writes once and returns how much the kernel took: `None` if it would block.
    pub fn write(&mut self, bytes: &[u8]) -> Result<Option<usize>> {
        let handle = self.handle.as_ref().ok_or(Error::FileClosed)?;
        if !self.access.writes() {
            return Err(Error::Unsupported("write"));
        }
        none_if_would_block(handle.io().and_then(|io| io.send(bytes, Flags::empty(), None)))
    }

    /// Does nothing, since nothing is kept; fails on a closed file.
    pub fn flush(&mut self) -> Result<()> {
        self.handle.as_ref().map(|_| ()).ok_or(Error::FileClosed)
    }

    /// Closes the file. The socket closes with it only if it was closed before, and this is its last file.
    ///
    /// # Errors
    ///
    /// Those of [`Socket::close`](super::Socket::close), if it closes.
    pub fn close(&mut self) -> Result<()> {
        self.handle.take().map_or(Ok(()), |handle| handle.close())
    }

    /// Whether the file is closed.
    pub fn is_closed(&self) -> bool {
        self.handle.is_none()
    }

    /// The socket's descriptor; nothing if the socket has none any more.
    pub fn fileno(&self) -> Result<Option<RawFd>> {
        Ok(self.handle.as_ref().ok_or(Error::FileClosed)?.fileno())
    }
}

fn none_if_would_block<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Err(error) if error.is_would_block() => Ok(None),
        other => other.map(Some),
    }
}
