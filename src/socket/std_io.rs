//! `std::io`'s traits, so that sockets and files go wherever a reader or a writer is wanted.
//!
//! They decide nothing: each calls the method that does the same here. What these return as "would block" is std's
//! error of that kind, a timeout is `TimedOut`. Where a method has the name of a trait's (`File::read`), a dot calls
//! the method; `Read::read(&mut file, buffer)` and every function that takes a `Read` get the trait's.

use std::io::{self, BufRead, ErrorKind, Read, Write};

use super::error::{Error, Result};
use super::{File, RawFile, Socket};

impl Read for &Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(self.recv_into(buffer)?)
    }
}

impl Write for &Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(self.send(bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(self.recv_into(buffer)?)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(self.send(bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for RawFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_into(buffer)?.ok_or_else(would_block)
    }
}

impl Write for RawFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        RawFile::write(self, bytes)?.ok_or_else(would_block)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(RawFile::flush(self)?)
    }
}

impl Read for File {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_into_once(buffer)?.ok_or_else(would_block)
    }
}

impl BufRead for File {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.fill_or_none()?.ok_or_else(would_block)
    }

    fn consume(&mut self, count: usize) {
        self.consume_ahead(count);
    }
}

impl Write for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match File::write(self, bytes) {
            // The trait has no error that tells a part.
            Err(Error::WriteWouldBlock { written }) if written > 0 => Ok(written),
            written => Ok(written?),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(File::flush(self)?)
    }
}

fn would_block() -> io::Error {
    ErrorKind::WouldBlock.into()
}

/// The lines of a file, each with its line feed, to the end of input: Python's `for line in file`.
///
/// In non-blocking mode they end where it would block, too, as Python's do.
#[derive(Debug)]
pub struct Lines<'a, F>(&'a mut F);

impl Iterator for Lines<'_, File> {
    type Item = Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.read_line().map(|line| (!line.is_empty()).then_some(line)).transpose()
    }
}

impl Iterator for Lines<'_, RawFile> {
    type Item = Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.read_line().map(|line| (!line.is_empty()).then_some(line)).transpose()
    }
}

impl<'a> IntoIterator for &'a mut File {
    type Item = Result<Vec<u8>>;
    type IntoIter = Lines<'a, File>;

    fn into_iter(self) -> Self::IntoIter {
        Lines(self)
    }
}

impl<'a> IntoIterator for &'a mut RawFile {
    type Item = Result<Vec<u8>>;
    type IntoIter = Lines<'a, RawFile>;

    fn into_iter(self) -> Self::IntoIter {
        Lines(self)
    }
}
