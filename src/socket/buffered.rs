//! The buffered file that `makefile` gives: `BufferedReader`, `BufferedWriter` and `BufferedRWPair` in one.
//!
//! It never calls the kernel: `file.rs` does. Read `reader.rs` and `writer.rs` next for the two buffers.

use std::os::fd::RawFd;

use super::error::{Error, Result};
use super::file::{Access, RawFile};
use super::reader::ReadBuffer;
use super::writer::WriteBuffer;

/// A buffered file on a socket: Python's `makefile("rb")`, `makefile("wb")` or `makefile("rwb")`.
///
/// It shares the socket's mode and keeps the descriptor open, even when the socket is closed or dropped.
///
/// Bytes that it has read ahead are no longer the socket's: `recv` does not see them. Dropping it flushes, as in
/// Python, and swallows the error: call [`close`](File::close) to see it.
#[derive(Debug)]
#[doc(alias = "BufferedReader")]
#[doc(alias = "BufferedWriter")]
#[doc(alias = "BufferedRWPair")]
pub struct File {
    raw: RawFile,
    reader: Option<ReadBuffer>,
    writer: Option<WriteBuffer>,
}

impl File {
    pub(super) fn new(raw: RawFile, access: Access, capacity: usize) -> Self {
        File {
            raw,
            reader: access.reads().then(|| ReadBuffer::new(capacity)),
            writer: access.writes().then(|| WriteBuffer::new(capacity)),
        }
    }

    /// Reads `count` bytes, in as many calls as it needs; fewer at end of input or where it would block.
    ///
    /// `None` if it would block with nothing read. A timeout loses what this call had read.
    pub fn read(&mut self, count: usize) -> Result<Option<Vec<u8>>> {
        let (raw, reader) = self.open_reader()?;
        reader.read(raw, count)
    }

    /// Reads to the end of input, or to where it would block: `None` if that is at once.
    ///
    /// A timeout loses what this call had read.
    #[doc(alias = "readall")]
    pub fn read_to_end(&mut self) -> Result<Option<Vec<u8>>> {
        let (raw, reader) = self.open_reader()?;
        reader.read_to_end(raw)
    }

    /// Reads one line with its line feed; without one at end of input, or where it would block.
    ///
    /// So an empty line is end of input or, in non-blocking mode, nothing there yet: they can't be told
    /// apart, in Python neither. A timeout loses what this call had read.
    ///
    /// # Errors
    ///
    /// [`Error::LineWouldBlock`] if it would block in a file that was opened for both directions.
    #[doc(alias = "readline")]
    pub fn read_line(&mut self) -> Result<Vec<u8>> {
        self.read_line_up_to(usize::MAX)
    }

    /// [`read_line`](File::read_line), but no more than `limit` bytes: Python's `readline(limit)`.
    ///
    /// In a file that was opened for both directions a line may come out longer than that, as in Python.
    #[doc(alias = "readline")]
    pub fn read_line_up_to(&mut self, limit: usize) -> Result<Vec<u8>> {
        let is_pair = self.writer.is_some();
        if is_pair && limit == 0 {
            // Before anything is looked at, in CPython too, whose loop for this ends before it begins.
            return Ok(Vec::new());
        }
        let (raw, reader) = self.open_reader()?;
        if is_pair { reader.read_line_of_pair(raw, limit) } else { reader.read_line(raw, limit) }
    }

    /// What has been read ahead, without taking it; after one read if that is nothing. So nothing at all is end of
    /// input, or where it would block.
    pub fn peek(&mut self) -> Result<&[u8]> {
        let (raw, reader) = self.open_reader()?;
        reader.peek(raw)
    }

    /// [`peek`](File::peek), but `None` where it would block.
    pub(super) fn fill_or_none(&mut self) -> Result<Option<&[u8]>> {
        let (raw, reader) = self.open_reader()?;
        reader.fill_or_none(raw)
    }

    /// Takes of what is ahead.
    pub(super) fn consume_ahead(&mut self, count: usize) {
        if let Some(reader) = &mut self.reader {
            reader.consume(count);
        }
    }

    /// Reads at most `max` bytes, with at most one call to the kernel; nothing is end of input, or where it would
    /// block.
    #[doc(alias = "read1")]
    pub fn read_once(&mut self, max: usize) -> Result<Vec<u8>> {
        let (raw, reader) = self.open_reader()?;
        reader.read_once(raw, max)
    }

    /// [`read`](File::read) into a buffer: how many bytes came, fewer than it holds only at end of input or where it
    /// would block; `None` if it would block with nothing read.
    #[doc(alias = "readinto")]
    pub fn read_into(&mut self, buffer: &mut [u8]) -> Result<Option<usize>> {
        let (raw, reader) = self.open_reader()?;
        reader.read_into(raw, buffer, false)
    }

    /// [`read_into`](File::read_into) with at most one call to the kernel.
    #[doc(alias = "readinto1")]
    pub fn read_into_once(&mut self, buffer: &mut [u8]) -> Result<Option<usize>> {
        let (raw, reader) = self.open_reader()?;
        reader.read_into(raw, buffer, true)
    }

    /// Takes all of `bytes`; what fits stays in the buffer, the rest goes to the kernel.
    ///
    /// # Errors
    ///
    /// [`Error::WriteWouldBlock`] tells how much was taken.
    pub fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        let writer = self.writer.as_mut().ok_or(Error::Unsupported("write"))?;
        self.raw.flush()?;
        writer.write(&mut self.raw, bytes)
    }

    /// Hands what the buffer holds to the kernel.
    ///
    /// # Errors
    ///
    /// [`Error::WriteWouldBlock`] in non-blocking mode; what could not be sent stays, for the next flush.
    pub fn flush(&mut self) -> Result<()> {
        self.raw.flush()?;
        match &mut self.writer {
            Some(writer) => writer.flush(&mut self.raw),
            None => Ok(()),
        }
    }

    /// Flushes and closes, even if the flush fails. Closing a closed file does nothing.
    ///
    /// The socket closes with it only if it was closed before, and this is its last file.
    pub fn close(&mut self) -> Result<()> {
        if self.is_closed() {
            return Ok(());
        }
        let flushed = self.flush();
        let closed = self.raw.close();
        flushed.and(closed)
    }

    /// Whether the file is closed.
    pub fn is_closed(&self) -> bool {
        self.raw.is_closed()
    }

    /// The socket's descriptor; nothing if the socket has none any more.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] in a file that was opened for both directions: Python's are two files there, in one.
    pub fn fileno(&self) -> Result<Option<RawFd>> {
        if self.reader.is_some() && self.writer.is_some() {
            return Err(Error::Unsupported("fileno"));
        }
        self.raw.fileno()
    }

    fn open_reader(&mut self) -> Result<(&mut RawFile, &mut ReadBuffer)> {
        // The direction first, then whether it is closed: CPython's order.
        let reader = self.reader.as_mut().ok_or(Error::Unsupported("read"))?;
        // Closing a pair leaves it what it had read ahead: an accident of CPython, but a visible one.
        let still_has_bytes = self.writer.is_some() && reader.has_bytes();
        if self.raw.is_closed() && !still_has_bytes {
            return Err(Error::FileClosed);
        }
        Ok((&mut self.raw, reader))
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = self.close();
    }
}

#[cfg(test)]
mod tests {
    use super::super::Socket;
    use super::*;

    #[test]
    fn debug_shows_how_much_there_is_and_not_what() {
        let (socket, peer) = Socket::pair().unwrap();
        let mut file = socket.makefile_with_capacity(Access::ReadWrite, 32).unwrap();
        peer.send_all(b"read\nahead").unwrap();
        file.read_line().unwrap();
        file.write(b"unsent").unwrap();
        let shown = format!("{file:?}");
        assert!(shown.contains("ReadBuffer(5 of 32 bytes)"), "{shown}");
        assert!(shown.contains("WriteBuffer(6 of 32 bytes)"), "{shown}");
        // Derived, it would list the bytes.
        assert!(!shown.contains('['), "{shown}");
    }
}
